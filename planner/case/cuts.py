"""What is lost from a date on: a supplier, licence, law or site that a scenario's ``cuts`` take away.

A cut of ``supply`` forbids orders and rents that would be placed from its date on; what stands keeps running.
A cut of ``service`` also ends all work of the offers it names. Orders placed before the date still arrive.
"""

from __future__ import annotations

import pandas as pd

from planner.case.context import Context, selected
from planner.case.offers import WhyNot
from planner.scenario.schema import Cut

HAK = ["h", "a", "k"]


def offers_cut(systems: pd.DataFrame, cut: Cut) -> pd.DataFrame:
    """Rows of the offer table (h, a, k) a cut speaks of: all its fields must match."""
    found = selected(systems, cut)
    for column, wanted in (
        ("operator", cut.operators),
        ("p", cut.sites),
        ("country", cut.countries),
        ("chip_origin", cut.chip_origins),
        ("operator_parent", cut.parents),
    ):
        if wanted is not None:
            found = found[found[column].isin(wanted)]
    return found


def _drop(table: pd.DataFrame, lost: set[tuple[str, str, str]], column: str, first: int) -> pd.DataFrame:
    hit = pd.Series(list(zip(*(table[c] for c in HAK), strict=True)), index=table.index).isin(lost)
    return table[~(hit & (table[column] >= first))]


def after_cuts(
    context: Context, systems: pd.DataFrame, orders: pd.DataFrame, rents: pd.DataFrame, why: WhyNot
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders and rents that may still be placed."""
    for cut in context.scenario.cuts:
        first = max(0, context.calendar.containing(cut.from_))
        found = offers_cut(systems, cut)
        lost = set(found.index)
        if not lost:
            continue
        orders = _drop(orders, lost, "order_t", first)
        rents = _drop(rents, lost, "t", first)
        for h, a, k in sorted(lost):
            why.add("cut", f"{cut.id}: no more from {cut.from_}", h=h, a=a, k=k)
    return orders, rents


def service_after_cuts(context: Context, systems: pd.DataFrame, serve: pd.DataFrame) -> pd.DataFrame:
    """Serving tuples that remain: none of a lost offer from the date of a service cut on."""
    for cut in context.scenario.cuts:
        if cut.what == "service":
            lost = set(offers_cut(systems, cut).index)
            serve = _drop(serve, lost, "t", max(0, context.calendar.containing(cut.from_)))
    return serve
