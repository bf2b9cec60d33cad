"""What a plan builds and what it pays for it, in words: halls beside what they hold, the account that most is paid for,
dates that are more likely missed than kept, and among which plans it is the cheapest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pandas as pd

from planner.facts.numbers import megawatts, number, percent
from planner.report.capital import OUTLAY_KINDS, PARTNER, outlays
from planner.report.strings import t
from planner.report.terms import term

NAMED = 4
MOST_OF_IT = 1 / 3
"""Share of all that is paid from which on an account is named."""
EVEN = 0.5
"""Odds below which a planned date is more likely missed than kept."""
PART_USED = 0.8
"""Share of the halls in use below which it is told."""


def few(names: Iterable[object]) -> str:
    """Names in a row, the first four and how many more."""
    found = list(dict.fromkeys(str(name) for name in names))
    if len(found) > NAMED:
        return t("answer.more-places", places=", ".join(found[:NAMED]), more=len(found) - NAMED)
    return found[0] if len(found) == 1 else ", ".join(found[:-1]) + t("answer.and") + found[-1]


def month(day: date) -> str:
    return f"{t(f'answer.months.{day.month}')} {day.year}"


def _apart(first: date, then: date) -> tuple[str, str]:
    """Two dates by their months; by their days where these are of one month."""
    months = month(first), month(then)
    return (f"{first.day} {months[0]}", f"{then.day} {months[1]}") if months[0] == months[1] else months


def with_openings(held: pd.DataFrame, halls: pd.DataFrame, openings: pd.DataFrame) -> pd.DataFrame:
    """``held`` (a row a host, ``answer.places``) with hall_mw (MW of IT of the halls that are bought), service_date,
    p50_date and on_time_share (0 to 1; NaN of a host whose opening has no odds)."""
    bought = halls.groupby("h")["it_mw"].sum() if len(halls) else pd.Series(dtype=float)
    columns = ["service_date", "p50_date", "on_time_share"]
    odds = (
        openings.set_index("h").reindex(columns=columns) if len(openings) else pd.DataFrame(columns=columns)
    )
    return held.assign(hall_mw=held["h"].map(bought).astype(float).fillna(0.0)).join(odds, on="h")


def built(held: pd.DataFrame, fleet: pd.DataFrame) -> str:
    """What is built, leased and rented, and where; of halls that are bought, how much of them is used.

    Accelerators and megawatts are the most that ``fleet`` has at once: places that follow one another are not added up.
    """
    parts, amounts = [], ["accelerators", "it_mw"]
    by_mode = fleet.assign(mode=fleet["h"].map(held.set_index("h")["mode"]))
    most = by_mode.groupby(["mode", "t"])[amounts].sum().groupby("mode").max()
    for mode in ("build", "colocation", "cloud"):
        rows = held[held["mode"] == mode]
        if not len(rows):
            continue
        mw, hall = most.loc[mode, "it_mw"], rows["hall_mw"].sum()
        key, used = mode, percent(mw / hall, 1 if mw < 0.1 * hall else 0) if hall else ""
        if hall and mode == "build":
            key = "build-part" if mw < PART_USED * hall else "build-halls"
        chips = number(round(most.loc[mode, "accelerators"]))
        parts.append(
            t(f"answer.{key}", places=few(rows["place"]), mw=megawatts(mw), hall=megawatts(hall), used=used, chips=chips)
        )  # fmt: skip
    if not parts:
        return t("answer.nothing")
    text = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + t("answer.and") + parts[-1]
    return text[:1].upper() + text[1:] + "."


def doubtful_dates(held: pd.DataFrame) -> str:
    """Places whose planned opening is more likely missed than kept, with its odds; empty where there is none."""
    late = held[held["on_time_share"].astype(float) < EVEN]
    return " ".join(_odds(row) for row in late.head(NAMED).itertuples())


def _odds(row: Any) -> str:
    planned, even = _apart(row.service_date, row.p50_date)
    return t("answer.odds", place=row.place, date=planned, share=percent(row.on_time_share), even=even)


def paid(ledger: pd.DataFrame) -> str:
    """What the country pays within the horizon, how much of it is capital, for what most, and in which year most."""
    rows = outlays(ledger, OUTLAY_KINDS, PARTNER)
    if not len(rows):
        return ""
    by_year, gross = rows.groupby("year")["musd"].sum(), rows[rows["kind"] != "grant"]
    by_account, total = gross.groupby("account")["musd"].sum(), float(gross["musd"].sum())
    largest = str(by_account.idxmax())
    most = float(by_account.max())
    return t(
        "answer.paid", musd=number(rows["musd"].sum()),
        capital=number(rows.loc[rows["kind"] == "capex", "musd"].sum()),
        mostly=t("answer.mostly", share=percent(most / total), account=term("account", largest).lower(), musd=number(most))
        if total > 0 and most > MOST_OF_IT * total else "",
        year=int(by_year.idxmax()), most=number(by_year.max()),
    )  # fmt: skip


def dearer_than(outcome: Mapping[str, Any]) -> str:
    """By how much a plan of least cost may be dearer than the cheapest, and among which; empty of another objective."""
    gap = outcome.get("gap")
    if gap is None or outcome.get("objective", "cost") != "cost":
        return ""
    return t("answer.gap", gap=percent(gap, 1), among=among(outcome.get("bounds")))


def sooner_than(outcome: Mapping[str, Any]) -> str:
    """By how much the least delay may be shorter than the one that a plan waits from; empty where that is proven."""
    months = outcome.get("delay_open_months")
    return t("answer.sooner", months=number(months)) if months else ""


def not_proven(outcome: Mapping[str, Any]) -> list[str]:
    """What is not proven of a plan: how much dearer, and later, it may be than it need."""
    return list(filter(None, (dearer_than(outcome), sooner_than(outcome))))


def among(bounds: Mapping[str, Any] | None) -> str:
    """Among which plans a plan is the cheapest: those that wait no longer and keep the same limits. ``bounds``: of a
    run's outcome."""
    found = bounds or {}
    by_workload = sorted((found.get("max_delay_months_by_workload") or {}).values())
    if (most := found.get("max_delay_months")) is not None:
        waits = t("answer.waits-in-all", months=number(most))
    elif by_workload:
        low, high = number(by_workload[0]), number(by_workload[-1])
        waits = t("answer.waits-each", months=low if low == high else f"{low}–{high}")
    else:
        return t("answer.among-limits")
    return t("answer.among", waits=waits)
