"""The finance of a plan as tidy tables: what the run keeps, and command line, workbook and page show.

``SCHEMA`` holds their columns; words stand in ``planner.report.terms``. Money is MUSD, nominal where nothing else is said.
A plan that cannot be financed as asked has one table, ``finance_faults``, with the place of each fault.
``finance_cautions`` is empty as a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.loans import QUARTERS_PER_YEAR
from planner.case.periods import add_months
from planner.facts.errors import BadValue, PlannerError
from planner.finance.cautions import cautions
from planner.finance.faults import Fault, FinanceError
from planner.finance.from_plan import PlanFinance, finance_of
from planner.finance.kernel import Array
from planner.finance.sources import EQUITY, MONTHS_PER_QUARTER, Tranche, repayment_window, window
from planner.finance.statements import contingent_liabilities, key_figures
from planner.scenario.schema import Scenario

FAULTS, CAUTIONS = "finance_faults", "finance_cautions"
SCHEMA: dict[str, tuple[str, ...]] = {
    "finance_figures": ("figure", "value", "unit"),
    "finance_sources": (
        "source", "kind", "currency", "committed_m", "drawn_musd", "share_of_uses", "loan_to_cost", "cap", "rate_per_year",
        "first_repayment", "last_repayment", "peak_balance_musd", "guaranteed_share",
    ),
    "finance_statements": ("statement", "line", "date", "year", "nominal_musd", "real_musd", "shown_m"),
    "finance_cover": (
        "date", "year", "dscr", "trailing_dscr", "llcr", "plcr", "locked", "in_default", "lock_up_dscr", "default_dscr",
        "contingent_musd",
    ),
    "finance_tranches": ("source", "date", "year", "draw", "interest", "fees", "principal", "balance", "balance_musd"),
    "finance_owners": ("payer", "date", "year", "paid_musd", "received_musd", "cumulative_musd"),
    "finance_defaults": ("path", "value", "why", "source_url", "source_date", "assumed"),
    CAUTIONS: ("path", "message"),
    FAULTS: ("path", "message"),
}  # fmt: skip
UNITS = {"irr": "1/year", "musd": "MUSD", "years": "years", "quarters": "quarters"}
STATEMENTS = ("sources", "uses", "cash_flow", "income", "balance_sheet")


def finance_tables(scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Every table of a plan's finance, or ``finance_faults`` alone."""
    try:
        return tables_of(finance_of(scenario, tables), scenario)
    except (FinanceError, BadValue) as error:
        return fault_table(error)


def fault_table(error: PlannerError) -> dict[str, pd.DataFrame]:
    """``finance_faults`` of what went wrong: a row a fault, with its path in the scenario."""
    faults = error.faults if isinstance(error, FinanceError) else [Fault("finance", str(error))]
    return {FAULTS: _placed(FAULTS, faults)}


def _placed(name: str, faults: Iterable[Fault]) -> pd.DataFrame:
    return pd.DataFrame([(f.path, f.message) for f in faults], columns=list(SCHEMA[name]), dtype=str)


def tables_of(found: PlanFinance, scenario: Scenario) -> dict[str, pd.DataFrame]:
    made = {
        "finance_figures": _figures(found, scenario),
        "finance_sources": _sources(found),
        "finance_statements": _statements(found, scenario.finance.currency.shown),
        "finance_cover": _cover(found),
        "finance_tranches": _tranches(found),
        "finance_owners": owners(found),
        "finance_defaults": pd.DataFrame([asdict(d) for d in found.defaults]).astype({"value": str}),
        CAUTIONS: _placed(CAUTIONS, [*found.left_out, *cautions(found.project, found.statements)]),
    }
    return {name: table[list(SCHEMA[name])].reset_index(drop=True) for name, table in made.items()}


def _figures(found: PlanFinance, scenario: Scenario) -> pd.DataFrame:
    resource, financed = costs(found, scenario)
    figures: dict[str, float | None] = {
        **key_figures(found.statements), "price_factor": found.price_factor,
        "resource_cost_quarter_ends_musd": resource, "cost_after_finance_musd": financed,
    }  # fmt: skip
    rows = [(name, np.nan if value is None else value, _unit(name)) for name, value in figures.items()]
    return pd.DataFrame(rows, columns=list(SCHEMA["finance_figures"]))


def _unit(name: str) -> str:
    return next((unit for word, unit in UNITS.items() if word in name.split("_")), "x")


def costs(found: PlanFinance, scenario: Scenario) -> tuple[float, float]:
    """Present value at the scenario's rate, MUSD: what the plan uses up, and what owners and off-takers pay for it.

    The second is the first with interest, fees, tax and grants: owners' payments less what they receive, and revenue.
    """
    rate = Context.of(scenario, scenario.catalog).discount_rate_real
    quarters = np.arange(found.project.quarters) + 1.0
    factors = found.statements.price_level.to_numpy() * (1.0 + rate) ** (quarters / QUARTERS_PER_YEAR)
    made, flows = found.statements, found.statements.cash_flow
    used = made.uses["capex"] + flows["opex"] - flows["residual"]
    paid = flows["revenue"] - made.equity_flows
    return float((used / factors).sum()), float((paid / factors).sum())


def _dated(table: pd.DataFrame) -> pd.DataFrame:
    """Index of quarters as columns ``date`` and ``year``."""
    out = table.rename_axis("date").reset_index()
    return out.assign(year=out["date"].dt.year)


def _statements(found: PlanFinance, shown: str) -> pd.DataFrame:
    """Lines of every statement in nominal and real money, and in millions of the currency a reader asked for."""
    made, parts = found.statements, []
    level, rate = made.price_level.to_numpy(float), found.project.rate_of_exchange(shown)
    for name in STATEMENTS:
        table = getattr(made, name)
        long = _dated(table).melt(["date", "year"], var_name="line", value_name="nominal_musd")
        lines, musd = len(table.columns), long["nominal_musd"]
        parts.append(
            long.assign(
                statement=name, real_musd=musd / np.tile(level, lines), shown_m=musd / np.tile(rate, lines)
            )
        )
    return pd.concat(parts, ignore_index=True)


def _cover(found: PlanFinance) -> pd.DataFrame:
    owed = contingent_liabilities(found.project, found.statements)
    terms = found.project.covenants
    ratios = found.statements.ratios.assign(
        lock_up_dscr=terms.lock_up_dscr, default_dscr=terms.default_dscr, contingent_musd=owed
    )
    return _dated(ratios.replace([np.inf], np.nan))


def _tranches(found: PlanFinance) -> pd.DataFrame:
    book = found.statements.by_source
    if not len(book):
        return pd.DataFrame(columns=list(SCHEMA["finance_tranches"]))
    out = book.rename_axis(["source", "date"]).reset_index()
    return out.assign(year=out["date"].dt.year)


def owners(found: PlanFinance) -> pd.DataFrame:
    """What each owner pays and receives by quarter, and the running total of the difference."""
    flows, parts = found.statements.cash_flow, []
    for tranche in found.project.sources:
        if tranche.kind == EQUITY:
            paid = found.statements.sources[f"{EQUITY}:{tranche.id}"] + tranche.share * flows["support"]
            received = tranche.share * flows["distributed"]
            table = pd.DataFrame(
                {"paid_musd": paid, "received_musd": received, "cumulative_musd": (paid - received).cumsum()}
            )
            parts.append(_dated(table).assign(payer=tranche.id))
    return pd.concat(parts, ignore_index=True)


def _sources(found: PlanFinance) -> pd.DataFrame:
    project, made = found.project, found.statements
    uses, rows = float(made.uses.sum().sum()), []
    for t in project.sources:
        drawn = float(made.sources[f"{t.kind}:{t.id}"].sum())
        committed = made.by_source.loc[t.id, "draw"].sum() if t.kind != EQUITY else drawn
        balance = made.by_source.loc[t.id, "balance_musd"].max() if t.is_debt else 0.0
        first, after = repayment_window(t, project.start, project.operation_from)
        cost = _cost(found, t) if t.kind != EQUITY else 0.0
        net = drawn * (1.0 - t.fees.premium)
        rows.append(
            (t.id, t.kind, t.currency, committed, drawn, drawn / uses if uses else 0.0,
             net / cost if cost else np.nan, made.caps.get(t.id, ""),
             t.base_rate + t.margin, _day(found, first) if t.is_debt else pd.NaT,
             _day(found, after - 1) if t.is_debt else pd.NaT, balance, t.guaranteed_share)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(SCHEMA["finance_sources"]))


def _cost(found: PlanFinance, tranche: Tranche) -> float:
    """Cost of what a source may finance while it may be drawn, with its part of the costs of finance, MUSD."""
    project, uses = found.project, found.statements.uses
    first, after = window(tranche, project.start, project.operation_from)
    allowed = [s.musd for s in project.spending if tranche.eligibility.allows(s)]
    own, built = _between(allowed, first, after), _between(allowed, first, min(after, project.operation_from))
    building = uses.iloc[: project.operation_from]
    extras = float(building[["finance_costs", "vat_paid", "reserve_funded"]].iloc[first:after].sum().sum())
    capex = float(building["capex"].sum())
    return own + (extras * built / capex if tranche.eligibility.costs_of_finance and capex else 0.0)


def _between(amounts: Iterable[Array], first: int, after: int) -> float:
    """All amounts between two quarters."""
    return float(sum(musd[first:after].sum() for musd in amounts))


def _day(found: PlanFinance, quarter: int) -> pd.Timestamp:
    return pd.Timestamp(add_months(found.project.start, MONTHS_PER_QUARTER * quarter))
