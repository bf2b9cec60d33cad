"""Answers to questions to a plan as tables to be read: what a loss stops, what survives, each stack, rules of value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from planner.facts.numbers import fixed, number, percent, quantity, signed
from planner.report.built import NAMED, few
from planner.report.hub import coalition_rows, country_rows, hub_told
from planner.report.names import spoken, titles
from planner.report.strings import t
from planner.report.terms import kpi_label, term
from planner.runs.run import HUB, LOSS, NEGOTIATION, STACKS, SURVIVAL, VALUATIONS, Run
from planner.scenario.schema import Scenario
from planner.studies.concessions import AGREEMENT, OF_TERMS, TERMS
from planner.studies.supplier_loss_tables import COST, UNSERVED

Tables = Mapping[str, pd.DataFrame]


def shown(run: Run) -> dict[str, pd.DataFrame]:
    """Name -> table of text and figures, in reading order; empty for a run of another kind."""
    view = VIEWS.get(run.kind)
    if view is None:
        return {}
    found = view({name: run.table(name) for name in run.tables})
    return {name: _by_title(table, run.scenario) for name, table in found.items()}


def _by_title(table: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """The table with titles in place of the ids that have one, and stacks and systems by their names."""
    named = table.copy()
    for key in ("w", "h", "p"):
        if key in named:
            named[key] = [titles(scenario, key).get(str(id), id) for id in named[key]]
    for key, source in (("a", "stacks"), ("k", "systems")):
        if key in named:
            names = scenario.catalog.table(source)["name"]
            named[key] = [names.get(id, id) for id in named[key]]
    return named


def loss_told(run: Run) -> list[str]:
    """A loss in sentences: what stops, what never comes, who loses service, is it back, what the answer costs."""
    tables = {name: run.table(name) for name in run.tables}
    stops, service, summary = tables["stops"], tables["service"], tables["summary"]
    stop = run.manifest["options"]["cut"]["what"] == "service"
    day = run.manifest["options"]["cut"]["from"]
    now, later = (fixed(float(stops[name].sum())) for name in ("accelerators", "planned_later"))
    told = [t("whatif.told-stop" if stop else "whatif.told-supply", day=day, now=now, later=later)]
    if not len(service) or not len(summary):
        return told
    return [
        *told, *lost_told(service, spoken(run.scenario, "w")), _dearer(summary.set_index("kpi").loc[COST]),
        *buys_told(tables.get("buys")),
    ]  # fmt: skip


def lost_told(service: pd.DataFrame, name_of: Mapping[str, str]) -> list[str]:
    """Who loses most months of service, who is served as in the plan again and from when on, who is not and why."""
    fell = service[service["worst_share"] > UNSERVED]
    if not len(fell):
        return [t("whatif.told-kept")]
    fell = fell.assign(name=fell["w"].map(name_of).fillna(fell["w"]), months=fell["lost_months"].round(1))
    most = fell.sort_values(["months", "worst_share"], ascending=False, kind="stable")
    most = most[
        (most["months"] == most["months"].iloc[0])
        & (most["worst_share"].round(3) == round(most["worst_share"].iloc[0], 3))
    ]
    told = [
        t("whatif.told-most", names=few(most["name"]), months=number(most["months"].iloc[0]), of=len(fell),
          share=percent(most["worst_share"].iloc[0]))
    ]  # fmt: skip
    never = fell["back_date"].isna()
    if never.any():
        told.append(t("whatif.told-never", names=few(fell.loc[never, "name"])))
        why = fell.loc[never].groupby("why", sort=False)["name"].agg(few) if "why" in fell else {}
        told += [t("whatif.told-why", names=names, why=reason) for reason, names in why.items() if reason]
    if not never.all():
        back = fell[~never].groupby("back")["name"].agg(few)
        told.append(
            t(
                "whatif.told-back",
                names="; ".join(f"{names} {t('answer.from', date=day)}" for day, names in back.items()),
            )
        )
    return told


def buys_told(buys: pd.DataFrame | None) -> list[str]:
    """What the answer's added capital goes to; nothing where it adds none, or where a run does not say."""
    if buys is None or not (buys["musd"] > 0).any():
        return []
    more = buys[buys["musd"] > 0].head(NAMED)
    parts = [f"{term('account', r.account).lower()} {number(r.musd)}" for r in more.itertuples()]
    return [t("whatif.told-buys", musd=number(buys["musd"].sum()), parts=", ".join(parts))]


def _dearer(cost: pd.Series) -> str:
    """What the answer costs beside the plan, and between what the least possible lies."""
    least, change = cost.get("change_at_least", float("nan")), cost["change"]
    between = "" if least != least else t("whatif.told-between", low=fixed(least, 1), high=fixed(change, 1))
    words = "whatif.told-dearer" if change >= 0 else "whatif.told-cheaper"
    return t(words, musd=fixed(abs(change), 1), between=between)


def _loss(tables: Tables) -> dict[str, pd.DataFrame]:
    summary = tables["summary"]
    units = [str(unit) for unit in summary["unit"]]
    beside = pd.DataFrame(
        {
            "words": [kpi_label(kpi) for kpi in summary["kpi"]],
            "plan": [quantity(v, u) for v, u in zip(summary["plan"], units, strict=True)],
            "after_loss": [quantity(v, u) for v, u in zip(summary["after_loss"], units, strict=True)],
            "change": [signed(v, u) for v, u in zip(summary["change"], units, strict=True)],
        }
    )
    return {
        "stops": tables["stops"],
        "summary": beside,
        "lost": tables["service"].drop(columns="back_date", errors="ignore"),
        **({"buys": tables["buys"]} if len(tables.get("buys", ())) else {}),
    }


def survival_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares of survival as a reader takes them; a plan that was not found has no figures."""
    more = [
        "" if low != low else f"{fixed(low)} to {fixed(high)}"
        for low, high in zip(rows["more_low_musd"], rows["more_high_musd"], strict=True)
    ]
    return pd.DataFrame({
        "share left": [percent(s) for s in rows["share"]], "status": rows["status"],
        "cost, MUSD": [fixed(c, 1) if c == c else "" for c in rows["cost_musd"]], "dearer by, MUSD": more,
        "control": [fixed(c, 1) if c == c else "" for c in rows["control"]],
    })  # fmt: skip


def _survival(tables: Tables) -> dict[str, pd.DataFrame]:
    rows = tables["survival"]
    told = survival_rows(rows)
    told.insert(0, "loss of one", [str(by).replace("-", " ") for by in rows["by"]])
    told.insert(1, "most that can be left", [percent(most) for most in rows["most"]])
    why = rows["why"].fillna("")
    return {"survival": told.assign(why=why) if why.any() else told}


def _money(value: float) -> str:
    return "" if value != value else fixed(value)


def _seals(row: pd.Series) -> str:
    upper = row["seal_2_share"] + row["seal_3_share"] + row["seal_4_share"]
    return " / ".join(percent(share) for share in (row["seal_0_share"], row["seal_1_share"], upper))


STACK_LINES: dict[str, Callable[[pd.Series], str]] = {
    "cost, MUSD": lambda r: _money(r["cost_npv_musd"]),
    "gap": lambda r: "" if r["gap"] != r["gap"] else percent(r["gap"], 1),
    "delay, months": lambda r: fixed(r["delay_months"], 1),
    "served": lambda r: percent(r["served_share"]),
    "cost, USD/h served": lambda r: fixed(r["usd_per_served_hour"], 2),
    "control": lambda r: fixed(r["control_score"], 1),
    "national control": lambda r: fixed(r["national_control"], 1),
    "SEAL 0 / 1 / 2 and up": _seals,
    "first service (5 %)": lambda r: str(r["first_service"]),
    "US content": lambda r: percent(r["us_content"]),
    "... of hardware": lambda r: percent(r["us_content_hardware"]),
    "US vendors": lambda r: percent(r["us_seat"]),
    "... of their hardware": lambda r: percent(r["us_seat_hardware"]),
    "home content": lambda r: percent(r["home_content"]),
    "capex of the country, MUSD": lambda r: _money(r["capex_partner_musd"]),
    "dearest year, MUSD": lambda r: _money(r["peak_year_outlay_musd"]),
    "accelerators": lambda r: _money(r["accelerators"]),
    "MUSD per point": lambda r: (
        ""
        if r["musd_per_control_point"] != r["musd_per_control_point"]
        else number(r["musd_per_control_point"])
    ),
    "... against": lambda r: str(r["compared_with"]),
}


def stack_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Stacks as columns: a ministry reads down one offer, and 20 figures fit a page. A dash where there is no plan."""
    rows = table.to_dict("records")
    columns: dict[str, list[str]] = {"measure": list(STACK_LINES)}
    for row in rows:
        there = row["cost_npv_musd"] == row["cost_npv_musd"]
        columns[str(row["stack"])] = [line(pd.Series(row)) if there else "–" for line in STACK_LINES.values()]
    return pd.DataFrame(columns)


def stack_notes(table: pd.DataFrame) -> list[str]:
    """What is to be said of rows without a plan, or beside their figures."""
    told = [f"{r.stack}: {r.status}" for r in table.itertuples() if r.status not in ("optimal", "feasible")]
    return told + [f"{r.stack}: {r.note}" for r in table.itertuples() if isinstance(r.note, str) and r.note]


def _stacks(tables: Tables) -> dict[str, pd.DataFrame]:
    accounts = tables["accounts"]
    return {
        "stacks": stack_columns(tables["stacks"]),
        "stack_accounts": accounts.assign(account=[term("account", a) for a in accounts["account"]]),
    }


def _valuations(tables: Tables) -> dict[str, pd.DataFrame]:
    rows = tables["valuations"]
    figures = {
        "cost_market": "at market, MUSD", "cost_straight-line": "straight line, MUSD", "cost_none": "nothing left, MUSD",
        "capex_partner_musd": "capex, MUSD", "accelerators_owned": "bought", "accelerators_rented": "rented",
    }  # fmt: skip
    told = {
        "made under": rows["made_under"],
        "status": rows["status"],
        **{words: [_money(v) for v in rows[name]] for name, words in figures.items()},
    }
    return {"valuations": pd.DataFrame(told)}


def negotiation_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """What concessions are worth, and what agreements cost beside it; nothing is said of what cannot be told apart."""
    worth = []
    for r in rows.itertuples():
        known, endless = r.worth_musd == r.worth_musd, r.worth_musd == float("inf")
        worth.append(
            r.status if not known else t("whatif.no-plan-without") if endless else number(r.worth_musd) if r.told_apart
            else t("whatif.not-told-apart")
        )  # fmt: skip
    told = pd.DataFrame({
        "concession": [t(f"whatif.concession.{what}") for what in rows["what"]], "of": rows["item"],
        "by the": rows["unit"].fillna(""), "worth, MUSD": worth,
        "lies in, MUSD": _intervals(rows, "low_musd", "high_musd"),
    })  # fmt: skip
    if rows["price_musd"].notna().any():
        told["price, MUSD"] = ["" if v != v else number(v) for v in rows["price_musd"]]
        told["must fall by, MUSD"] = _intervals(rows, "change_low_musd", "change_high_musd")
    if rows["plans_musd"].notna().any():
        told["in whole plans, MUSD"] = _intervals(rows, "plans_low_musd", "plans_high_musd")
    return told


def _intervals(rows: pd.DataFrame, low: str, high: str) -> list[str]:
    """Both ends of an interval, one where they read alike; nothing where it is not known or has no end."""
    return [
        "" if not (abs(a) < float("inf") and abs(b) < float("inf")) else number(a) if number(a) == number(b)
        else f"{number(a)} to {number(b)}"
        for a, b in zip(rows[low].astype(float), rows[high].astype(float), strict=True)
    ]  # fmt: skip


def negotiation_told(rows: pd.DataFrame) -> list[str]:
    """Of each agreement whether it pays, what of its price must go, or with which other terms it is the choice; and how far
    whole plans may differ by chance; that there is nothing to ask for, where there are no rows.
    """
    if rows.empty:
        return [t("whatif.told-nothing")]
    told = [_agreement_told(r, rows) for r in rows[rows["what"] == AGREEMENT].itertuples()]
    rounding = rows["rounding_musd"].dropna()
    if len(rounding) and number(rounding.iloc[0]) != "0":
        told.append(t("whatif.told-rounding", musd=number(rounding.iloc[0])))
    return [line for line in told if line]


def _agreement_told(r: Any, rows: pd.DataFrame) -> str:
    """One agreement in a sentence or two."""
    if r.worth_musd != r.worth_musd:
        return t("whatif.told-none", name=r.item, status=r.status)
    if r.worth_musd == float("inf"):
        return t("whatif.told-needed", name=r.item)
    price, low, high = number(r.price_musd), number(r.low_musd), number(r.high_musd)
    if r.low_musd >= r.price_musd:
        return t("whatif.told-pays", name=r.item, price=price, low=low, high=high)
    if r.high_musd >= r.price_musd:
        return t("whatif.told-open", name=r.item, price=price, low=low, high=high)
    if r.high_musd <= 0:
        said = t("whatif.told-never-pays", name=r.item)
    elif r.low_musd <= 0:
        said = t("whatif.told-falls-more", name=r.item, price=price, fall=number(r.change_low_musd))
    else:
        fall = _intervals(pd.DataFrame([r._asdict()]), "change_low_musd", "change_high_musd")[0]
        said = t("whatif.told-must-fall", name=r.item, price=price, fall=fall)
    begins = f"{r.item}{OF_TERMS}"
    others = rows[(rows["what"] == TERMS) & rows["item"].str.startswith(begins)]
    enough = others[others["low_musd"] >= others["price_musd"]]["item"].str.removeprefix(begins)
    if len(enough):
        return f"{said} {t('whatif.told-with-terms', terms=t('whatif.or').join(enough))}"
    return f"{said} {t('whatif.told-no-terms')}" if len(others) else said


def _negotiation(tables: Tables) -> dict[str, pd.DataFrame]:
    return {"negotiation": negotiation_rows(tables["negotiation"])}


def _hub(tables: Tables) -> dict[str, pd.DataFrame]:
    return {
        "hub_countries": country_rows(tables["hub_countries"]),
        "hub_coalitions": coalition_rows(tables["hub_coalitions"]),
    }


VIEWS: dict[str, Callable[[Tables], dict[str, pd.DataFrame]]] = {
    LOSS: _loss,
    SURVIVAL: _survival,
    STACKS: _stacks,
    VALUATIONS: _valuations,
    NEGOTIATION: _negotiation,
    HUB: _hub,
}
TOLD: dict[str, Callable[[Run], list[str]]] = {
    LOSS: loss_told,
    NEGOTIATION: lambda run: negotiation_told(run.table("negotiation")),
    HUB: lambda run: hub_told(run.table("hub_countries"), run.table("hub_coalitions")),
}
"""Answers that are told in sentences above their tables."""


def told_of(run: Run) -> list[str]:
    """The answer in sentences; none where its tables say all."""
    return TOLD[run.kind](run) if run.kind in TOLD else []


def notes_of(run: Run) -> list[str]:
    """What is to be said beside the tables."""
    told = [str(note) for note in run.outcome.get("notes") or []]
    return [*told, *stack_notes(run.table("stacks"))] if run.kind == STACKS else told
