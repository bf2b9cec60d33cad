"""Milestones: what must be decided, applied for and ordered when, what it waits for, and the slack it has.

What a host needs to open, that is to serve its first workload, forms a network (``planner.plans.network``): each step has
its total float, and is critical where it has none. What is bought later or beside it, the day on which plant is sold again,
and the months in which space is refitted follow to the end of the horizon, without a float.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import records
from planner.case.registry import PURCHASES, Purchase
from planner.facts.numbers import number
from planner.plans.network import PLANT, SERVICE, Network, soonest_step
from planner.plans.schema import SCHEMA

HELD, SOLD, OUTAGE = "held", "sold", "outage"
KINDS = (
    *(p.milestone for p in PURCHASES if p.milestone), "grid application", "site grid", "plant permit", "licence", "stack",
    HELD, SOLD, OUTAGE, SERVICE, "half served", "95 % served",
)  # fmt: skip
"""All kinds of milestones, in the order in which they are drawn."""
BESIDE = tuple(kind for kind, *_ in PLANT)
"""Kinds of which a host may have some when it opens that its first service does not wait for."""
Tables = Mapping[str, pd.DataFrame]


def milestone_table(case: Case, tables: Tables, networks: list[Network]) -> pd.DataFrame:
    """h, w, kind, item, start_date, end_date, critical, float_months, after; in order of hosts and dates."""
    rows: list[tuple[Any, ...]] = []
    for network in networks:
        rows += sorted(_steps(case, network), key=lambda row: (row[2] == SERVICE, row[4], row[5]))
        later = [
            *_later(case, tables, network),
            *_sold(tables, network.host),
            *_outages(tables, network.host),
        ]
        rows += sorted(later, key=lambda row: (row[4], row[5]))
    for row in records(tables["agreements"]):
        rows.append(("", "", "agreement", row.e, row.decide_date, row.live_date, False, None, ""))
    for row in records(tables["adoptions"]):
        rows.append(("", "", "adoption", row.a, row.decide_date, row.live_date, False, None, ""))
    for row in records(tables["exits"]):
        rows.append(("", "", "exit", row.a, row.decide_date, row.live_date, False, None, ""))
    for row in records(tables["service"]):
        for kind, date in (("half served", row.date_50), ("95 % served", row.date_95)):
            if not pd.isna(date):
                rows.append(("", row.w, kind, f"{row.w}: {kind}", date, date, False, None, ""))
    table = pd.DataFrame(rows, columns=list(SCHEMA["milestones"]))
    return table.astype({"float_months": float, "critical": bool})


def _steps(case: Case, network: Network) -> Iterator[tuple[Any, ...]]:
    """What a host needs to open, and the time it is held back once all could be there."""
    slack, early, step = network.floats(), soonest_step(case, network), case.calendar.step_months
    for a in network.activities:
        start, end = (pd.Timestamp(case.calendar.day_of(t)) for t in (a.start_t, a.end_t))
        waits = "" if a.name == SERVICE else ", ".join(name for name, _ in a.after)
        free = slack[a.name]
        yield network.host, "", a.kind, a.item, start, end, free == 0, float(free * step), waits
    begins = network.activities[-1].end_t
    if begins > early:
        dates = (pd.Timestamp(case.calendar.day_of(t)) for t in (early, begins))
        yield network.host, "", HELD, "later than it could be", *dates, False, None, ""


def _later(case: Case, tables: Tables, network: Network) -> Iterator[tuple[Any, ...]]:
    """What a host buys after it opened or does not need to open, from order to live date."""
    needed = {(a.kind, a.item) for a in network.activities}
    begins = case.calendar.period_of(network.activities[-1].end_t)
    permit = "permit" if any(a.name == "permit" for a in network.activities) else ""
    for p in PURCHASES:
        table = tables[p.name]
        if p.milestone and p.amount and len(table):
            own = table[(table["h"] == network.host) & table[p.live_date].notna()]
            beside = np.zeros(len(own), bool)
            if p.milestone in BESIDE:
                beside = np.array([(p.milestone, str(item)) not in needed for item in own[p.item]], bool)
            for row in own[(own["t"] > begins) | beside].to_dict("records"):
                waits = permit if p.milestone in ("hall", "grid", "lease") else ""
                item, begun = _item(p, row), row[p.decided_date]
                if p.milestone == "grid":
                    asked, begun = begun, _works_date(case, network.host, str(row["n"]), int(row["t"]))
                    yield network.host, "", "grid application", item, asked, begun, False, None, ""
                    waits = ", ".join(filter(None, (f"grid application {item}", permit)))
                yield network.host, "", p.milestone, item, begun, row[p.live_date], False, None, waits


def _works_date(case: Case, h: str, n: str, t: int) -> pd.Timestamp:
    """Day on which the works begin of a line that is live from a period on."""
    works = int(case.connections.loc[(h, n, t), "works"])
    return pd.Timestamp(case.calendar.day_of(case.calendar.step_of(t) - works))


def _sold(tables: Tables, host: str) -> Iterator[tuple[Any, ...]]:
    """Plant that a host sells again: how much of what, and when."""
    sales = tables["bridges"]
    if not len(sales):
        return
    sales = sales[sales["h"] == host].groupby(["g", "sale_date"], as_index=False)["added_mw"].sum()
    for row in records(sales):
        yield (
            host,
            "",
            SOLD,
            f"{number(row.added_mw)} MW {row.g}",
            row.sale_date,
            row.sale_date,
            False,
            None,
            "",
        )


def _outages(tables: Tables, host: str) -> Iterator[tuple[Any, ...]]:
    """Space of a host that is out of use while it is refitted: how much, and from when to when."""
    works = tables["refits"]
    if not len(works):
        return
    works = works[(works["h"] == host) & (works["outage_date"] < works["live_date"])]
    works = works.groupby(["c", "outage_date", "live_date"], as_index=False)["added_mw"].sum()
    for row in records(works):
        item = f"{number(row.added_mw)} MW {row.c}"
        yield host, "", OUTAGE, item, row.outage_date, row.live_date, False, None, ""


def _item(p: Purchase, row: dict[Any, Any]) -> str:
    return str(row[p.item]) if p.item else f"{number(row[p.amount])} {p.unit}"
