"""What a place needs to open, that is to serve its first workload: what follows what, when each is planned, with what slack.

    network = host_network(case, tables, "champion")
    network.early_ends()[SERVICE], network.floats(), network.path()

Lengths are steps, the shortest length of the plan's periods, and dates are steps from its start. An activity may begin once
its predecessors are done (an early start of some steps before that where it may run ahead of one) and not before its own
gate: the plan's start, a release, the filing of an application, of a permit the decision to open the place. What does not
wait for the permit may be ordered before the decision. Early dates come from a pass forwards, late ones from a pass
backwards from the early date of its opening; the difference is the total float, zero along the critical path. Where the
plan serves later than everything could be ready, the rest is a choice (demand, money, quotas), not the calendar's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from planner.case.case import Case
from planner.case.context import Context
from planner.case.permits import permit_from, permit_wait
from planner.case.power import FIRM
from planner.case.registry import PURCHASE
from planner.facts.numbers import number
from planner.plans.gates import steps_ahead
from planner.scenario.schema import Pace

SERVICE = "first service"
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Activity:
    """One step: its length, what it waits for and its planned dates, all in steps."""

    name: str
    kind: str
    item: str
    steps: int
    gate_t: int = 0
    """Earliest start whatever its predecessors."""
    after: tuple[tuple[str, int], ...] = ()
    """Names of predecessors, and how many steps before the end of each it may start."""
    start_t: int = 0
    end_t: int = 0
    range_of: tuple[str, str, str] | None = None
    """Table, key and column stem of the catalog with low, mid and high months of its length; None where it is a date."""
    pace: Pace = "usual"
    """Of its builder: which part of that range it is planned and drawn from."""
    serves_ahead: int = 0
    """Steps before its end from which the place may serve."""


@dataclass(frozen=True)
class Network:
    """Activities in an order in which each comes after what it waits for; the last is the opening, which waits for all."""

    host: str
    activities: tuple[Activity, ...]

    def early_ends(self, steps: Mapping[str, int] | None = None) -> dict[str, int]:
        """Earliest end of each activity; lengths of some may be given anew."""
        lengths, end = steps or {}, dict[str, int]()
        for a in self.activities:
            start = max([a.gate_t, *(end[name] - ahead for name, ahead in a.after)])
            end[a.name] = start + lengths.get(a.name, a.steps)
        return end

    def late_ends(self) -> dict[str, int]:
        """Latest end of each activity that leaves the early date of the opening as it is."""
        early = self.early_ends()
        late = {SERVICE: early[SERVICE]}
        for a in reversed(self.activities):
            for name, ahead in a.after:
                latest = late[a.name] - a.steps + ahead
                late[name] = min(late.get(name, latest), latest)
        return late

    def floats(self) -> dict[str, int]:
        """Total float of each activity."""
        early, late = self.early_ends(), self.late_ends()
        return {name: late[name] - early[name] for name in early}

    def path(self) -> list[Activity]:
        """One chain without float that ends in the opening, in order of time."""
        slack, early = self.floats(), self.early_ends()
        by = {a.name: a for a in self.activities}
        chain, at = list[Activity](), by[SERVICE]
        while True:
            chain.append(at)
            start = early[at.name] - at.steps
            before = [n for n, ahead in at.after if slack[n] == 0 and early[n] - ahead == start]
            if not before:
                return chain[-1:0:-1]
            at = max((by[n] for n in before), key=lambda a: a.steps)


def host_network(case: Case, tables: Tables, h: str) -> Network | None:
    """The network of one host; None where it serves nothing."""
    served = tables["serving"]
    served = served[(served["h"] == h) & (served["accelerators"] > 0)]
    if not len(served):
        return None
    begins = int(served["t"].min())
    stacks = sorted(set(served.loc[served["t"] == begins, "a"]))
    place = list(_place(case, tables, h, begins))
    permitted = any(a.kind == "permit" for a in place)
    steps = [*place, *_plant(case, tables, h, begins, permitted),
             *_capacity(case, tables, h, begins), *_adoption(case, stacks)]  # fmt: skip
    needs = tuple((a.name, a.serves_ahead) for a in steps)
    live = case.calendar.step_of(begins)
    return Network(h, (*steps, Activity(SERVICE, SERVICE, "first workload served", 0, 0, needs, live, live)))


def soonest_step(case: Case, network: Network) -> int:
    """Step with which the first period begins in which the place could serve: all is there by then."""
    return case.calendar.step_of(case.calendar.after(0, network.early_ends()[SERVICE]))


def decided_soonest(case: Case, network: Network) -> Network:
    """The network with its permit as early as it may be; who waits for a line puts the decision off until it needs one."""
    permit = next((a for a in network.activities if a.kind == "permit"), None)
    if permit is None:
        return network
    begins = min(permit.gate_t, _permit_soonest(case, network.host) - permit.steps)
    activities = (replace(a, gate_t=begins) if a.kind == "permit" else a for a in network.activities)
    return Network(network.host, tuple(activities))


def _permit_soonest(case: Case, h: str) -> int:
    """Step of the earliest permit of a host."""
    context = Context.of(case.scenario, case.catalog)
    return case.calendar.step_of(permit_from(context, context.host(h)))


def _first(table: pd.DataFrame, h: str, begins: int, by: str) -> Iterator[pd.Series]:
    """The first of each thing bought at a host, where it is live when service begins."""
    if not len(table):
        return
    own = table[(table["h"] == h) & (table["t"] <= begins)].sort_values("t")
    for _, row in (own.drop_duplicates(by) if by else own.head(1)).iterrows():
        yield row


def _place(case: Case, tables: Tables, h: str, begins: int) -> Iterator[Activity]:
    """Permit or contract, halls, lease, and the two parts of a grid connection."""
    permit: tuple[tuple[str, int], ...] = ()
    for row in _first(tables["opens"], h, begins, ""):
        facts = case.opens.loc[(h, int(row["t"]))]
        step_of = case.calendar.step_of
        decided, granted = step_of(int(row["t"])) - int(facts["lead"]), step_of(int(facts["permit_t"]))
        built = case.hosts.loc[h, "mode"] == "build"
        span = ("facility_costs", "dur-permits", "value") if built else None
        yield Activity(
            "permit", "permit", f"open {h}", granted - decided, decided, (), decided, granted, span
        )
        permit = (("permit", 0),)
    if case.hosts.loc[h, "exists"] and case.hosts.loc[h, "mode"] == "build":
        for step in _extension(case, tables, h, begins):
            yield step
            permit = (("permit", 0),)
    pace = next(x.building_pace for x in case.scenario.hosts if x.id == h)
    for row in _first(tables["halls"], h, begins, "b"):
        facts = case.halls.loc[(h, row["b"], int(row["t"]))]
        lead, t = int(facts["lead"]), case.calendar.step_of(int(row["t"]))
        ahead = tuple((name, lead - int(facts["works"])) for name, _ in permit)
        span = ("halls", str(row["b"]), "lead_months")
        yield Activity(f"hall {row['b']}", "hall", str(row["b"]), lead, 0, ahead, t - lead, t, span, pace)
    for row in _first(tables["leases"], h, begins, ""):
        t = case.calendar.step_of(int(row["t"]))
        yield Activity("lease", "lease", f"{number(row['it_mw'])} MW IT", 0, 0, permit, t, t)
    for row in _first(tables["connections"], h, begins, "n"):
        facts, n = case.connections.loc[(h, row["n"], int(row["t"]))], str(row["n"])
        t = case.calendar.step_of(int(row["t"]))
        works, lead = int(facts["works"]), int(facts["lead"])
        span, offer = ("connections", n, "lead_months"), f"grid application {n}"
        filed = _filed(case, h) if n == FIRM else None
        asked, gate = (t - lead, 0) if filed is None else (filed, filed)
        yield Activity(
            offer, "grid application", n, lead - works, gate, (), asked, asked + lead - works, span
        )
        yield Activity(f"grid {n}", "grid", n, works, 0, ((offer, 0), *permit), t - works, t, span)
        site = case.site_period[case.site_period["p"] == case.hosts.loc[h, "p"]]
        first = case.calendar.step_of(int(site.loc[site["grid_mw"] > 0, "t"].min()))
        if first > 0:
            yield Activity(
                "grid of the site", "site grid", str(case.hosts.loc[h, "p"]), first, 0, (), 0, first
            )


def _filed(case: Case, h: str) -> int | None:
    """Step from which the application for the line of a host runs, the plan's start at the earliest; None: not filed."""
    context = Context.of(case.scenario, case.catalog)
    site = context.site(str(case.hosts.loc[h, "p"]))
    if site.grid_applied is None:
        return None
    left, first = context.wait(context.grid_connect_months(site), site.grid_applied)
    return max(0, case.calendar.step_of(first) - left)


def _extension(case: Case, tables: Tables, h: str, begins: int) -> Iterator[Activity]:
    """The permit for what is added to halls that stand, where anything that it needs is before the opening."""
    added = [row for name in ("halls", "connections") for row in _first(tables[name], h, begins, "")]
    for kind, name, key, _ in PLANT:
        if kind in BUILT and name in tables:
            rows = _first(tables[name], h, begins, key)
            added += [row for row in rows if steps_ahead(case, tables, h, begins, name, row) is not None]
    context = Context.of(case.scenario, case.catalog)
    lead, first = permit_wait(context, context.host(h))
    first = case.calendar.step_of(first)
    if added and first > 0:
        span = ("facility_costs", "dur-permits", "value")
        yield Activity("permit", "permit", f"extend {h}", lead, first - lead, (), first - lead, first, span)


PLANT = (
    ("cooling", "cooling", "c", "cooling"), ("refit", "refits", "c", ""),
    ("backup", "backups", "g", "backup"), ("plant", "plants", "g", ""),
    ("bridge", "bridges", "g", ""), ("hire", "hires", "g", ""), ("ppa", "ppas", "g", ""),
)  # fmt: skip
"""Kind, table of plan and case, part of the index that names it, table of the catalog with the range of its lead."""
BUILT = ("plant", "bridge")
"""Kinds that are built on site after the permit of their place."""


def _plant(case: Case, tables: Tables, h: str, begins: int, permitted: bool) -> Iterator[Activity]:
    """Cooling, backup and plant of the site's own: ordered whenever one likes, plant after permits of its own.

    What is built on site is so after the permit of the place, where it has to have one. What the first service does not
    wait for is no step of it.
    """
    for kind, name, key, ranges in PLANT:
        table = tables.get(name)
        if table is None or not len(table):  # a run from before this kind could be bought, or none is
            continue
        for row in _first(table[table["added_mw"] > 0], h, begins, key):
            item, t = str(row[key]), case.calendar.step_of(int(row["t"]))
            ahead = steps_ahead(case, tables, h, begins, name, row)
            if ahead is None:
                continue
            facts = getattr(case, name).loc[tuple(row[list(PURCHASE[name].index)])]
            lead, permit = int(facts["lead"]), int(facts.get("permit_steps", 0))
            known = ranges and item in case.catalog.table(ranges).index
            span, order = (ranges, item, "lead_months") if known else None, t - lead
            after: tuple[tuple[str, int], ...] = ()
            if permit:
                name_of = f"plant permit {item}"
                yield Activity(
                    name_of, "plant permit", item, permit, 0, (), order - permit, order, serves_ahead=ahead
                )
                after = ((name_of, 0),)
            if kind in BUILT and permitted:
                after = (*after, ("permit", lead - int(facts["works"])))
            yield Activity(f"{kind} {item}", kind, item, lead, 0, after, order, t, span, serves_ahead=ahead)


def _capacity(case: Case, tables: Tables, h: str, begins: int) -> Iterator[Activity]:
    """Systems ordered, with their licences, and rented."""
    for row in _first(tables["orders"], h, begins, "k"):
        a, k, t = str(row["a"]), str(row["k"]), case.calendar.step_of(int(row["t"]))
        offered = case.orders[(case.orders["h"] == h) & (case.orders["a"] == a) & (case.orders["k"] == k)]
        lead, gate = int(offered["lead"].iloc[0]), case.calendar.step_of(int(offered["order_t"].min()))
        months, free = case.offers.loc[(h, a, k), ["licence_months", "free_until"]]
        licence = case.calendar.whole_steps(float(months))
        after: tuple[tuple[str, int], ...] = ()
        if licence > 0 and not pd.Timestamp(case.calendar.day_of(t - lead)) <= free:
            name = f"licence {k}"
            yield Activity(name, "licence", f"export licence for {k}", licence, 0, (), 0, licence)
            after = ((name, 0),)
        span = ("systems", k, "delivery_months")
        yield Activity(f"hardware {k}", "hardware", k, lead, gate, after, t - lead, t, span)
    for row in _first(tables["rents"], h, begins, "k"):
        a, k, t = str(row["a"]), str(row["k"]), case.calendar.step_of(int(row["t"]))
        offered = case.rents[(case.rents["h"] == h) & (case.rents["a"] == a) & (case.rents["k"] == k)]
        first = case.calendar.step_of(int(offered["t"].min()))
        months = Context.of(case.scenario, case.catalog).host(h).open_lead_months
        lead = case.calendar.whole_steps(months)
        yield Activity(f"rent {k}", "rent", k, lead, first - lead, (), t - lead, t)


def _adoption(case: Case, stacks: list[str]) -> Iterator[Activity]:
    for a in stacks:
        first = case.calendar.step_of(int(case.stacks.loc[a, "earliest_t"]))
        yield Activity(f"stack {a}", "stack", a, first, 0, (), 0, first)
