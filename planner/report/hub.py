"""A hub of several countries as tables and sentences to be read."""

from __future__ import annotations

import math

import pandas as pd

from planner.facts.numbers import fixed, percent

NONE_ALONE, NONE_AT_WAITS = "no plan alone", "no plan at these waits"
"""A country alone is free in its waits; a coalition keeps to those of the plans alone, and may have plans at others."""


def _money(value: float, none: str = NONE_AT_WAITS) -> str:
    return fixed(value, 1) if math.isfinite(value) else none


def _together(members: object) -> bool:
    return " " in str(members)


def _between(low: float, high: float) -> str:
    return f"{fixed(low, 1)} to {fixed(high, 1)}" if math.isfinite(low) and math.isfinite(high) else ""


def country_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a country: what is held for it, its service and control, what it is asked, and what it would pay alone."""
    return pd.DataFrame({
        "country": rows["country"], "held": [percent(v) for v in rows["held_share"]],
        "served": [percent(v) for v in rows["served_share"]],
        "delay, months": [fixed(v, 1) for v in rows["delay_months"]],
        "control": ["" if v != v else fixed(v, 1) for v in rows["control_score"]],
        "asked, MUSD": [_money(v) for v in rows["asked_musd"]],
        "Shapley, MUSD": ["" if v != v else _money(v) for v in rows["shapley_musd"]],
        "alone, MUSD": [_money(v, NONE_ALONE) for v in rows["alone_musd"]],
        "gains, MUSD": [_between(a, b) for a, b in zip(rows["gain_low_musd"], rows["gain_high_musd"], strict=True)],
    })  # fmt: skip


def coalition_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a coalition: its cost, its gap, and what its members save together against going alone."""
    return pd.DataFrame({
        "countries": rows["members"], "status": rows["status"],
        "gap": ["" if v is None or v != v else percent(v, 1) for v in rows["gap"]],
        "cost, MUSD": [
            _money(v, NONE_AT_WAITS if _together(group) else NONE_ALONE)
            for group, v in zip(rows["members"], rows["cost_musd"], strict=True)
        ],
        "saves, MUSD": [
            _between(a, b) if _together(group) else ""
            for group, a, b in zip(rows["members"], rows["saves_low_musd"], rows["saves_high_musd"], strict=True)
        ],
        "asked in the hub, MUSD": [_money(v) for v in rows["asked_musd"]],
    })  # fmt: skip


def hub_told(countries: pd.DataFrame, coalitions: pd.DataFrame) -> list[str]:
    """Who pays more than alone and with what of quotas, who would be better apart, and who has no plan at the waits."""
    more = countries[countries["pays_more"]]
    told = [f"{r.country} is asked for more than it would pay alone, beyond both gaps: split the cost another way."
            for r in more.itertuples()]  # fmt: skip
    if not len(more):
        told.append("No country is asked for more than it would pay alone, beyond both gaps.")
    told += [
        f"{r.members} together would pay less apart from the others than they are asked for."
        for r in coalitions[coalitions["better_apart"]].itertuples()
        if _together(r.members)
    ]
    parts = ", ".join(f"{r.country} {percent(r.quota_share)}" for r in countries.itertuples())
    told.append(f"Alone: with its own part of every quota, that of its demand in the demand of all countries of the "
                f"scenario: {parts}.")  # fmt: skip
    none = [str(r.members) for r in coalitions.itertuples() if not math.isfinite(r.cost_musd)]
    for words, groups in ((NONE_ALONE, [g for g in none if not _together(g)]),
                          (NONE_AT_WAITS, [g for g in none if _together(g)])):  # fmt: skip
        if groups:
            told.append(f"{words.capitalize()}: {', '.join(groups)}; a Shapley value needs them all.")
    return told
