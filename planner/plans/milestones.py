"""Milestones: what must be decided, applied for and ordered when, and which chain sets the first service.

A host's chain: opening (permits, site), grid application, halls, cooling, hardware (with its licence), the
adoption of its stack, and the first service that needs them all. Critical is what must begin first of all that
ends last: started a period later, it would move the first service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.registry import PURCHASES, Purchase
from planner.plans.schema import SCHEMA

KINDS = (*(p.milestone for p in PURCHASES), "licence", "stack", "first service", "half served", "95 % served")
"""All kinds of milestones, in the order in which they are drawn."""
DAYS_PER_MONTH = 365.25 / 12

Tables = dict[str, pd.DataFrame]
Step = tuple[str, str, Any, Any]
"""Kind, item, start and end date."""


def milestone_table(case: Case, tables: Tables) -> pd.DataFrame:
    """h, w, kind, item, start_date, end_date, critical; one row a step, in order of hosts and dates."""
    rows: list[tuple[Any, ...]] = []
    serving = tables["serving"]
    for h in case.hosts.index:
        served = serving[serving["h"] == h]
        if not len(served):
            continue
        begins = pd.Timestamp(case.calendar.date_of(int(served["t"].min())))
        steps = _steps(case, tables, str(h), begins)
        latest = max((end for *_, end in steps), default=None)
        first = min((start for *_, start, end in steps if end == latest), default=None)
        rows += [
            (h, "", kind, item, start, end, end == latest and start == first)
            for kind, item, start, end in steps
        ]
        rows.append((h, "", "first service", "first workload served", begins, begins, True))
    for row in tables["service"].itertuples():
        for kind, date in (("half served", row.date_50), ("95 % served", row.date_95)):
            if not pd.isna(date):
                rows.append(("", row.w, kind, f"{row.w}: {kind}", date, date, False))
    return pd.DataFrame(rows, columns=list(SCHEMA["milestones"]))


def _steps(case: Case, tables: Tables, h: str, begins: pd.Timestamp) -> list[Step]:
    """Steps of one host that its first service needs: those going live no later than it begins, first of each."""
    steps = [step for p in PURCHASES if p.milestone for step in _bought(case, p, tables[p.name], h)]
    for a in sorted(set(tables["serving"].loc[tables["serving"]["h"] == h, "a"])):
        earliest = case.calendar.date_of(int(case.stacks.loc[a, "earliest_t"]))
        steps.append(("stack", str(a), pd.Timestamp(case.calendar.start), pd.Timestamp(earliest)))
    steps = [s for s in steps if s[3] <= begins] or steps
    return sorted(steps, key=lambda s: (s[2], s[3]))


def _bought(case: Case, purchase: Purchase, table: pd.DataFrame, h: str) -> Iterator[Step]:
    """The first of each thing bought at a host, from its decision to its live date; and the licence it needs."""
    p = purchase
    own = table[(table["h"] == h) & table[p.live_date].notna()].sort_values(p.live_date)
    own = own.drop_duplicates(p.item) if p.item else own.head(1)
    for row in own.to_dict("records"):
        amount = f"{row[p.amount]:.1f} {p.unit}" if p.amount else f"open {h}"
        yield p.milestone, str(row[p.item]) if p.item else amount, row[p.decided_date], row[p.live_date]
        if p.name == "orders":
            yield from _licence(case, (h, row["a"], row["k"]), row[p.decided_date])


def _licence(case: Case, offer: tuple[str, str, str], ordered: pd.Timestamp) -> Iterator[Step]:
    months, free_until = case.offers.loc[offer, ["licence_months", "free_until"]]
    if months > 0 and not ordered <= free_until:  # a listed party orders without one until its exception ends
        granted = ordered + pd.Timedelta(days=float(months) * DAYS_PER_MONTH)
        yield "licence", f"export licence for {offer[2]}", ordered, granted
