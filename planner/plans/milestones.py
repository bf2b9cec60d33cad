"""Milestones: what must be decided, applied for and ordered when, and which chain sets the first service.

A host's chain: opening (permits, site), grid application, halls, cooling, hardware (with its licence), the
adoption of its stack, and the first service that needs them all. Critical is what must begin first of all that
ends last: started a period later, it would move the first service.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import Case

COLUMNS = ["h", "w", "kind", "item", "start_date", "end_date", "critical"]
DAYS_PER_MONTH = 365.25 / 12

Tables = dict[str, pd.DataFrame]


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
    return pd.DataFrame(rows, columns=COLUMNS)


def _steps(case: Case, tables: Tables, h: str, begins: pd.Timestamp) -> list[tuple[str, str, Any, Any]]:
    """Steps of one host that its first service needs: those going live no later than it begins, first of each."""
    steps: list[tuple[str, str, Any, Any]] = []
    opens = tables["opens"]
    for row in opens[opens["h"] == h].itertuples():
        steps.append(("permit", f"open {h}", row.decide_date, row.live_date))
    for kind, name, key in (
        ("hall", "halls", "b"), ("grid", "connections", "n"), ("backup", "backups", "g"), ("hardware", "orders", "k"),
    ):  # fmt: skip
        table = tables[name]
        own = table[table["h"] == h].sort_values("live_date")
        for row in own.drop_duplicates(key).itertuples():
            steps.append((kind, str(getattr(row, key)), row.order_date, row.live_date))
            if kind == "hardware":
                steps += _licence(case, row)
    cooling = tables["cooling"]
    for row in cooling[(cooling["h"] == h) & (cooling["added_mw"] > 0)].drop_duplicates("c").itertuples():
        lead = int(case.cooling.loc[(h, row.c, row.t), "lead"])
        start, end = (pd.Timestamp(case.calendar.date_of(t)) for t in (row.t - lead, row.t))
        steps.append(("cooling", str(row.c), start, end))
    leases = tables["leases"]
    for row in leases[leases["h"] == h].sort_values("start_date").head(1).itertuples():
        steps.append(("lease", f"{row.it_mw:.1f} MW", row.start_date, row.start_date))
    rents = tables["rents"]
    lead = pd.DateOffset(months=0)
    for row in rents[rents["h"] == h].sort_values("start_date").drop_duplicates("k").itertuples():
        steps.append(("rent", str(row.k), row.start_date - lead, row.start_date))
    for a in sorted(set(tables["serving"].loc[tables["serving"]["h"] == h, "a"])):
        earliest = case.calendar.date_of(int(case.stacks.loc[a, "earliest_t"]))
        steps.append(("stack", str(a), pd.Timestamp(case.calendar.start), pd.Timestamp(earliest)))
    steps = [s for s in steps if s[3] <= begins] or steps
    return sorted(steps, key=lambda s: (s[2], s[3]))


def _licence(case: Case, order: Any) -> list[tuple[str, str, Any, Any]]:
    months = float(case.offers.loc[(order.h, order.a, order.k), "licence_months"])
    if months <= 0:
        return []
    granted = order.order_date + pd.Timedelta(days=months * DAYS_PER_MONTH)
    return [("licence", f"export licence for {order.k}", order.order_date, granted)]
