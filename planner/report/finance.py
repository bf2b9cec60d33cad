"""Views of a plan's finance tables: by quarter for a chart, by year for a page."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from planner.facts.numbers import MISSING, percent, quantity
from planner.finance.tables import CAUTIONS, FAULTS
from planner.finance.views import break_evens, downside_tables
from planner.report.strings import t
from planner.report.terms import statement_line, term
from planner.scenario.schema import Scenario

AMOUNT = {"nominal": "nominal_musd", "real": "real_musd", "shown": "shown_m"}
"""Ways to state money -> column of ``finance_statements``."""
STOCKS, CHECK = "balance_sheet", "check"
HELD = ("losses_carried", "cash_held")
"""Lines of other statements that are balances too."""
NOISE_M = 1e-6
Tables = Mapping[str, pd.DataFrame]


def _label(dates: pd.Series) -> pd.Series:
    return dates.dt.year.astype(str) + "-Q" + dates.dt.quarter.astype(str)


def funding(tables: Tables, money: str) -> pd.DataFrame:
    """statement, line, label, amount: sources and uses by quarter, as far as there are any."""
    rows = tables["finance_statements"] if "finance_statements" in tables else pd.DataFrame()
    if not len(rows):
        return pd.DataFrame(columns=["statement", "line", "label", "amount"])
    rows = rows[rows["statement"].isin(["sources", "uses"])]
    table = pd.DataFrame({"statement": rows["statement"], "line": rows["line"], "label": _label(rows["date"]),
                          "amount": rows[AMOUNT[money]]})  # fmt: skip
    paid = table.groupby("label")["amount"].transform(lambda part: part.abs().max()) > NOISE_M
    return table[paid].reset_index(drop=True)


def cover(tables: Tables) -> pd.DataFrame:
    """label, dscr, trailing_dscr, llcr, plcr, in_default, lock_up_dscr, default_dscr by quarter."""
    columns = [
        "dscr",
        "trailing_dscr",
        "llcr",
        "plcr",
        "locked",
        "in_default",
        "lock_up_dscr",
        "default_dscr",
    ]
    if "finance_cover" not in tables:
        return pd.DataFrame(columns=["label", *columns])
    table = tables["finance_cover"]
    return table.assign(label=_label(table["date"]))[["label", *columns]].reset_index(drop=True)


def by_year(statements: pd.DataFrame, money: str) -> pd.DataFrame:
    """(statement, line) by year: flows of the year, balances at its end; lines without money left out."""
    rows = statements[statements["line"] != CHECK]
    grouped = rows.groupby(["statement", "line", "year"], sort=False)[AMOUNT[money]]
    wide, last = grouped.sum().unstack("year"), grouped.last().unstack("year")
    held = (wide.index.get_level_values("statement") == STOCKS) | wide.index.get_level_values("line").isin(
        HELD
    )
    wide[held] = last[held]
    return wide[wide.abs().max(axis=1) > NOISE_M]


def yearly(tables: Tables, money: str) -> pd.DataFrame:
    """``by_year`` in words: statement, line, and a column a year."""
    if "finance_statements" not in tables:
        return pd.DataFrame()
    wide = by_year(tables["finance_statements"], money).reset_index()
    wide["statement"] = [term("finance_statement", name) for name in wide["statement"]]
    wide["line"] = [statement_line(name) for name in wide["line"]]
    wide.columns = [str(name) for name in wide.columns]
    return wide


def owners_by_year(tables: Tables) -> pd.DataFrame:
    """payer, year, paid_musd, received_musd, cumulative_musd at the year's end."""
    columns = ["payer", "year", "paid_musd", "received_musd", "cumulative_musd"]
    if "finance_owners" not in tables:
        return pd.DataFrame(columns=columns)
    of_year = tables["finance_owners"].groupby(["payer", "year"], sort=False)
    flows = of_year[["paid_musd", "received_musd"]].sum()
    return flows.assign(cumulative_musd=of_year["cumulative_musd"].last()).reset_index()[columns]


def both(by_flows: pd.DataFrame, replanned: pd.DataFrame) -> pd.DataFrame:
    """Downside cases by flows alone, each followed by the plan made again under it as far as that was done.

    ``replanned``: ``planner.studies.downsides.replanned`` of the same plan, or empty.
    """
    if not len(replanned):
        return by_flows
    pair = (by_flows, "flows"), (replanned, "replanned")
    rows = pd.concat([table.assign(how=term("how", name)) for table, name in pair], ignore_index=True)
    place = rows["case"].map({case: i for i, case in enumerate(by_flows["case"])})
    rows = rows.loc[place.sort_values(kind="stable").index]
    first = ["case", "how"]
    return rows[[*first, *rows.columns.drop(first)]].reset_index(drop=True)


def break_evens_shown(table: pd.DataFrame) -> pd.DataFrame:
    """what, may_be_lost, reason: the share of revenue that may be lost while something holds, as a reader writes it."""
    if table.empty:
        return pd.DataFrame(columns=["what", "may_be_lost", "reason"])
    lost = [MISSING if share != share else percent(share, 1) for share in table["share"]]
    return pd.DataFrame({"what": table["what"], "may_be_lost": lost, "reason": table["reason"]})


def irr_words(value: float | None) -> str:
    """A yearly return as a reader takes it: below 0 with what that means, a dash with why where there is none."""
    if value is None or value != value:
        return t("capital.irr-none")
    return percent(value, 1) + (t("capital.irr-loss") if value < 0 else "")


def figures(tables: Tables) -> pd.DataFrame:
    """Key figures in words: what, value with its unit, meaning; those that do not exist are left out."""
    rows = tables["finance_figures"].dropna(subset=["value"])
    pairs = zip(rows["value"], rows["unit"].astype(str), strict=True)
    return pd.DataFrame(
        {
            "figure": [term("finance_figure", name) for name in rows["figure"]],
            "value": [percent(v, 2) if u == "1/year" else quantity(v, u) for v, u in pairs],
            "meaning": [term("finance_meaning", name) for name in rows["figure"]],
        }
    )


def asked(scenario: Scenario) -> bool:
    """Whether a scenario says anything of sources or revenue: without, owners pay for all of it."""
    return bool(scenario.finance.sources or scenario.finance.revenue)


def sections(scenario: Scenario, tables: Tables) -> list[tuple[str, str, pd.DataFrame]]:
    """Heading, note and table of each part of a report on finance; why it cannot be financed, where that is so."""
    if len(tables.get(FAULTS, ())):
        return [
            (
                "This plan cannot be financed as asked",
                "Each fault at its place in the scenario.",
                tables[FAULTS],
            )
        ]
    if "finance_figures" not in tables or not asked(scenario):
        return []
    cases = downside_tables(scenario, tables)
    wary = tables.get(CAUTIONS, pd.DataFrame())
    heed = [("What lenders and givers would object to", "Each at its place in the scenario.", wary)]
    return [
        *(heed if len(wary) else []),
        ("Finance", "Nominal money; debt and equity as the scenario names them.", figures(tables)),
        ("Sources of capital", "What each commits and pays, at what rate, until when.", tables["finance_sources"]),
        ("Cash flow and statements by year", "Nominal MUSD; balances at the year's end.", yearly(tables, "nominal")),
        ("Downside cases", "Debt as signed, owners pay what is short; the plan itself stays.", cases["finance_downsides"]),
        ("What moves cover or return", "Each case beside its opposite.", cases["finance_tornado"]),
        ("Break-evens", "How far revenue may fall.", break_evens_shown(break_evens(scenario, tables))),
    ]  # fmt: skip
