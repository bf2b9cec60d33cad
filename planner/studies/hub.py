"""A hub of several countries: what each is served, scored and asked to pay, and what it gains over going alone.

    found = hub_study(scenario)
    found.countries, found.coalitions

A country is the home of a workload's data. Each first plans alone, with the scenario's tolerance of waits; the waits
that this plan was allowed are then kept by every coalition, so that costs compare. A country that has no plan alone is
allowed what the tolerance adds to the soonest that all together can serve it, the waits of the others kept. A coalition
may use the hosts in the countries of its members, those where no country of the hub lives, and clouds; of quotas it has
the part that its demand is of the demand of all countries of the scenario, named or not: what a country pays alone does
not depend on who else is named. Its least cost is known as an interval: no more than its plan costs, no less than the bound.

The cost of the plan of all is asked of the countries by what is held for each (accelerators at work and in reserve, over
time). Beside it stands the Shapley value: the mean of what a country adds, over every order in which all come together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.context import Context
from planner.case.demand import demand_table
from planner.case.limits import PARTNER
from planner.case.locality import home_of
from planner.case.measures import unit_weights
from planner.case.registry import ONCE
from planner.case.throughput import Throughput
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue
from planner.facts.rounding import rounded_up
from planner.planning.events import Event, OnEvent
from planner.planning.pipeline import solve
from planner.planning.solve_run import Effort, Outcome, no_plan
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario
from planner.solver.arrays import Arrays, Floats
from planner.solver.branching import PseudoCosts
from planner.solver.engine import PLACED, Engine

MOST = 5
"""Countries of a hub whose coalitions are all tried: 31 of them."""
COUNTRIES = [
    "country", "held_share", "served_share", "delay_months", "control_score", "asked_musd", "shapley_musd", "quota_share",
    "alone_musd", "alone_bound_musd", "gain_low_musd", "gain_high_musd", "pays_more",
]  # fmt: skip
COALITIONS = ["members", "status", "gap", "cost_musd", "bound_musd", "saves_low_musd", "saves_high_musd", "asked_musd",
              "better_apart"]  # fmt: skip
QUOTAS = ("quota_per_period", "quota_cumulative", "quota_window", "quota_capacity")
"""Rules whose rows are bounded by a quota's amount."""
Members = tuple[str, ...]


@dataclass(frozen=True)
class HubStudy:
    """``countries``: a row a country (``COUNTRIES``); ``coalitions``: a row a coalition (``COALITIONS``)."""

    countries: pd.DataFrame
    coalitions: pd.DataFrame


def homes(scenario: Scenario, catalog: Catalog) -> dict[str, str]:
    """Workload -> country whose data it handles."""
    context = Context.of(scenario, catalog)
    return {w.id: home_of(context, w) for w in scenario.demand}


def countries(scenario: Scenario, catalog: Catalog) -> list[str]:
    """Countries that a hub could serve: homes of the data of some workload."""
    return sorted(set(homes(scenario, catalog).values()))


def held_by_country(plan: Plan, home: dict[str, str], by: list[str]) -> pd.DataFrame:
    """Rows: values of the columns ``by``; columns: countries; shares of accelerators x time at work and in reserve."""
    rows = plan.tables["serving"]
    years = rows["t"].map(plan.case.periods["years"]).astype(float)
    held = rows.assign(country=rows["w"].map(home), held=(rows["accelerators"] + rows["reserve"]) * years)
    if not by:
        total = held.groupby("country")["held"].sum()
        return (total / max(float(total.sum()), 1e-9)).to_frame().T
    table = held.pivot_table(index=by, columns="country", values="held", aggfunc="sum", fill_value=0.0)
    return table[table.sum(axis=1) > 0].pipe(lambda t: t.div(t.sum(axis=1), axis=0))


def cost_by_country(plan: Plan, home: dict[str, str]) -> pd.Series:
    """Country -> discounted MUSD of the partner's cost; they add up to the cost of the plan.

    What is booked for a workload is its country's; what stands at a host, or belongs to a stack, is split by what is
    held there for each country; the rest by what is held in all.
    """
    ledger = plan.tables["ledger"]
    own = ledger[ledger["payer"] == PARTNER]
    of_all = held_by_country(plan, home, []).iloc[0]
    of_host, of_stack = (held_by_country(plan, home, [column]) for column in ("h", "a"))
    countries = sorted(set(home.values()))
    out = dict.fromkeys(countries, 0.0)
    lines = own.fillna({"w": "", "h": "", "a": ""}).groupby(["w", "h", "a"])["musd_discounted"].sum()
    for (w, h, a), musd in lines.items():
        if w in home:
            out[home[w]] += float(musd)
            continue
        shares = of_host.loc[h] if h in of_host.index else of_stack.loc[a] if a in of_stack.index else of_all
        for country, share in shares.items():
            out[str(country)] += float(share) * float(musd)
    return pd.Series(out)


def by_country(plan: Plan) -> pd.DataFrame:
    """country -> held_share, served_share, delay_months, control_score and cost_musd of a plan.

    Waits are weighted by priority among the country's own workloads, control by work, cost as ``cost_by_country``.
    """
    case = plan.case
    home = homes(case.scenario, case.catalog)
    held, cost = held_by_country(plan, home, []).iloc[0], cost_by_country(plan, home)
    demand, service = plan.tables["demand"], plan.tables["service"].set_index("w")
    serving = plan.tables["serving"]
    work = serving["served_kref"] * unit_weights(case, "work").reindex(
        pd.MultiIndex.from_frame(serving[["w", "t"]])
    ).to_numpy(float)
    rows = []
    for country in cost.index:
        own = [w for w, c in home.items() if c == country and w in service.index]
        priority = case.workloads.loc[own, "priority"].astype(float)
        asked = demand[demand["w"].isin(own)]
        weight = asked["w"].map(priority) * asked["months"]
        done = work[serving["w"].isin(own)]
        score = (
            float((done * serving.loc[done.index, "sigma"]).sum()) / float(done.sum())
            if done.sum() > 0
            else math.nan
        )
        rows.append({
            "country": country, "held_share": float(held.get(country, 0.0)),
            "served_share": float((weight * (1 - asked["unserved_share"])).sum() / max(weight.sum(), 1e-9)),
            "delay_months": float((service.loc[own, "delay_months"] * priority).sum() / max(priority.sum(), 1e-9)),
            "control_score": 100.0 * score, "cost_musd": float(cost[country]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def asked_over_time(scenario: Scenario, catalog: Catalog) -> pd.Series:
    """Workload -> thousands of reference accelerators x years."""
    context = Context.of(scenario, catalog)
    demand = demand_table(context, Throughput.of(scenario, context.catalog))
    years = demand["t"].map(context.calendar.table(context.discount_rate_real)["years"]).astype(float)
    total: pd.Series = (demand["demand_kref"] * years).groupby(demand["w"]).sum()
    return total


def quota_shares(scenario: Scenario, catalog: Catalog) -> pd.Series:
    """Country -> its part of the demand of all countries of the scenario: what it has of every quota when alone."""
    asked = asked_over_time(scenario, catalog)
    total: pd.Series = asked.groupby(asked.index.map(homes(scenario, catalog))).sum() / float(asked.sum())
    return total.reindex(countries(scenario, catalog), fill_value=0.0)


def with_part(case: Case, part: float) -> Case:
    """A case with this part of every quota of vendors, licences and the scenario."""
    return replace(case, quotas=case.quotas.assign(amount_k=case.quotas["amount_k"] * part))


class _Options(TypedDict):
    on_event: OnEvent | None
    should_stop: Callable[[], bool] | None


def hub_study(
    scenario: Scenario,
    of: list[str] | None = None,
    quality: str = "quick",
    catalog: Catalog | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> HubStudy:
    """The plan of all by country, and every coalition; ``of``: some countries of the scenario, the others left out.

    Raises ``BadValue`` for fewer than two countries or more than ``MOST``, or where all together have no plan.
    """
    facts = catalog or scenario.catalog
    there = countries(scenario, facts)
    members = tuple(sorted(set(of or there)))
    missing = sorted(set(members) - set(there))
    if missing or not 2 <= len(members) <= MOST:
        why = (
            f"no demand of {', '.join(missing)}"
            if missing
            else f"a hub needs 2 to {MOST} countries, not {len(members)}"
        )
        raise BadValue(f"{why}; countries of the scenario: {', '.join(there)}")
    options: _Options = {"on_event": on_event, "should_stop": should_stop}
    table = _Table(scenario, facts, members, quality, options)
    found: dict[Members, Outcome] = {(c,): table.solved((c,), {}) for c in members}
    home = homes(scenario, facts)
    waits: dict[str, float] = {
        w: months
        for (country,), alone in found.items()
        for w, months in alone.bounds.max_delay_months_by_workload.items()
        if home[w] == country
    }
    if any(alone.plan is None for alone in found.values()):
        waits |= table.soonest(waits)
    larger = [group for size in range(2, len(members) + 1) for group in combinations(members, size)]
    for group in sorted(larger, key=len, reverse=True):  # all first: the others begin at its places
        found[group] = table.solved(group, waits)
    found = {group: found[group] for group in [*((c,) for c in members), *larger]}
    everyone = found[members]
    if everyone.plan is None:
        raise BadValue(no_plan("all countries together have, at the waits that each has alone,", everyone))
    costs = {group: _interval(outcome) for group, outcome in found.items()}
    asked = by_country(everyone.plan).set_index("country")
    return HubStudy(
        _countries(asked, costs, members, table.parts), _coalitions(found, costs, asked["cost_musd"], members)
    )


def of_members(scenario: Scenario, catalog: Catalog, group: Members, members: Members) -> Scenario:
    """The scenario of a coalition: its own demand, and hosts that stand with it, with nobody of the hub, or are clouds."""
    context, home = Context.of(scenario, catalog), homes(scenario, catalog)
    others = set(home.values()) - set(group)
    hosts = [h for h in scenario.hosts if h.mode == "cloud" or context.host_country(h) not in others]
    kept, old = {h.id for h in hosts}, scenario.existing
    demand = [w for w in scenario.demand if home[w.id] in group]
    named = {w.id for w in demand}
    waits = scenario.limits.max_delay_months
    limits = scenario.limits.model_copy(update={
        "max_delay_months": {w: m for w, m in waits.items() if w in named} if isinstance(waits, dict) else waits,
        "control_floors": [f for f in scenario.limits.control_floors if f.workload is None or f.workload in named],
    })  # fmt: skip
    return scenario.model_copy(update={
        "hosts": hosts, "demand": demand, "limits": limits,
        "existing": old.model_copy(update={
            "fleets": [f for f in old.fleets if f.host in kept], "halls": [x for x in old.halls if x.host in kept],
            "contracts": [c for c in old.contracts if c.host in kept],
        }),
        "decisions": [d for d in scenario.decisions if d.hosts is None or set(d.hosts) <= kept],
    })  # fmt: skip


class _Table:
    """The programme of all countries, made once, and what is solved of it: a coalition's is that within other bounds.

    A workload of nobody in the coalition is wholly unserved and no run of it is done; hosts in the countries of others stay
    closed; quotas are the coalition's part. All searches ask the same questions: they share what they learn of them, and
    begin at the places of the plan of all. Where a scenario has more of a place than that (hosts that stand, decisions, one
    cap on the wait of all), a coalition has a programme of its own.
    """

    def __init__(
        self, scenario: Scenario, catalog: Catalog, members: Members, quality: str, options: _Options
    ) -> None:
        self.scenario, self.catalog, self.members, self.quality = scenario, catalog, members, quality
        self.options = options
        self.began, self.number = time.perf_counter(), 0
        self.whole = of_members(scenario, catalog, members, members)
        self.parts = quota_shares(scenario, catalog)
        """Country -> its part of every quota, of all countries of the scenario."""
        self.case = with_part(build_case(self.whole, catalog), self.part_of(members))
        self.learned = PseudoCosts()
        self.places: Floats | None = None
        """Values of all columns, of the plans found so far, with their hosts, stacks and places of runs."""

    def part_of(self, group: Members) -> float:
        return float(self.parts[list(group)].sum())

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.case)

    def solved(self, group: Members, waits: dict[str, float]) -> Outcome:
        """The plan of a coalition at these waits by workload; where there are none, at those the planner allows it."""
        self.number += 1
        if self.options["on_event"] is not None:
            at = f"{self.number} of {2 ** len(self.members) - 1}: {' '.join(group)}"
            self.options["on_event"](Event("hub", at, round(time.perf_counter() - self.began, 2)))
        own = of_members(self.scenario, self.catalog, group, self.members)
        if waits:
            months = {w.id: waits[w.id] for w in own.demand if w.id in waits}
            own = own.model_copy(
                update={"limits": own.limits.model_copy(update={"max_delay_months": months})}
            )
        part = self.part_of(group)
        if not self.shares_root(own):
            case = with_part(build_case(own, self.catalog), part)
            return solve(case, self.quality, **self.options)
        case = replace(self.case, scenario=self.whole.model_copy(update={"limits": own.limits}))
        engine = self.engine.within_bounds(case, self.arrays_of(own, part / self.part_of(self.members)))
        found = solve(
            case, self.quality, **self.options, engine=engine, start=self.places, learned=self.learned
        )
        self.keep(group, found)
        return found

    def soonest(self, waits: dict[str, float]) -> dict[str, float]:
        """Workload -> months that the planner allows those without waits beside the others: of the least delay of all, with
        the scenario's tolerance. Nothing where even that has no plan.
        """
        own = self.whole.model_copy(update={
            "limits": self.whole.limits.model_copy(update={"max_delay_months": waits or None}),
        })  # fmt: skip
        case = replace(self.case, scenario=own)
        engine, effort = self.engine.for_case(case), Effort(whole=False)
        found = solve(
            case, self.quality, "delay", **self.options, engine=engine, start=self.places, effort=effort
        )
        x = found.start_values
        if x is None:
            return {}
        tolerance = own.limits.delay_tolerance_months
        if tolerance is None:
            tolerance = self.catalog.param("delay_tolerance_months")
        return {w: rounded_up(m + tolerance, 4) for w, m in engine.delays(x).items() if w not in waits}

    def shares_root(self, own: Scenario) -> bool:
        """Whether a coalition differs from all in workloads, open hosts and waits by workload only."""
        waits = own.limits.max_delay_months
        return (
            own.existing == self.whole.existing
            and own.decisions == self.whole.decisions
            and (waits is None or isinstance(waits, dict))
        )

    def arrays_of(self, own: Scenario, part: float) -> Arrays:
        """The bounds of a coalition on the rows and columns of all; ``part``: of what all have of quotas."""
        arrays, trains = self.engine.arrays, set(self.case.trainings["w"])
        low, high, most = arrays.col_lower.copy(), arrays.col_upper.copy(), arrays.row_upper.copy()
        hosts, demand = {h.id for h in own.hosts}, {w.id for w in own.demand}

        def level(family: str, at: int) -> pd.Index:
            return arrays.columns[family].labels.get_level_values(at)

        def own_of(family: str, **kept: int) -> NDArray[np.bool_]:
            found, named = np.ones(arrays.columns[family].size, bool), {"w": demand, "h": hosts}
            for key, at in kept.items():
                found &= level(family, at).isin(named[key])
            return found

        for family, kept in (("open", {"h": 0}), ("serve", {"w": 0, "h": 1}), ("reserve", {"w": 0, "h": 1}),
                             (PLACED, {"w": 0})):  # fmt: skip
            block = arrays.columns[family]
            if block.size:
                high[block.slice] = np.where(own_of(family, **kept), high[block.slice], 0.0)
        for family in ("unserved", "unfinished"):
            block = arrays.columns[family]
            if block.size:
                others = ~own_of(family, w=0)
                runs = level(family, 0).isin(trains) & (
                    family == "unserved"
                )  # rows of runs say how much of it
                high[block.slice] = np.where(others, 1.0, high[block.slice])
                low[block.slice] = np.where(others & ~runs, 1.0, low[block.slice])
        for rule in QUOTAS:
            if rule in arrays.rows:
                most[arrays.rows[rule].slice] *= part
        return replace(arrays, col_lower=low, col_upper=high, row_upper=most)

    def keep(self, group: Members, found: Outcome) -> None:
        """Places of the plan of all, and until there is one those of the countries alone, each thing at its first date."""
        x = found.start_values
        if x is None or group == self.members:
            self.places = self.places if x is None else x
            return
        if len(group) > 1:
            return
        merged = x if self.places is None else np.maximum(self.places, x)
        for family in ONCE:
            block, had = self.engine.arrays.columns[family], set[Any]()
            for at, (thing, _) in sorted(enumerate(block.index), key=lambda item: int(item[1][1])):
                if merged[block.start + at] > 0.5 and thing in had:
                    merged[block.start + at] = 0.0
                elif merged[block.start + at] > 0.5:
                    had.add(thing)
        self.places = merged


def _interval(found: Outcome) -> tuple[float, float]:
    """Bound and cost in MUSD; infinite where there is no plan."""
    if found.plan is None or found.bound is None:
        return math.inf, math.inf
    return found.bound, found.plan.kpi("cost_npv_musd")


def shapley(costs: dict[Members, float], members: Members) -> dict[str, float]:
    """Country -> mean of what it adds to the cost, over all orders of joining; costs by sorted members."""
    n, out = len(members), {}
    for country in members:
        others = [m for m in members if m != country]
        out[country] = 0.0
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for group in combinations(others, size):
                joined = tuple(sorted((*group, country)))
                out[country] += weight * (costs[joined] - (costs[group] if group else 0.0))
    return out


def _countries(
    asked: pd.DataFrame,
    costs: dict[Members, tuple[float, float]],
    members: Members,
    parts: pd.Series,
) -> pd.DataFrame:
    whole_bound, whole = costs[members]
    known = all(math.isfinite(cost) for _, cost in costs.values())
    values = shapley({group: cost for group, (_, cost) in costs.items()}, members) if known else {}
    rows = []
    for country in members:
        bound, alone = costs[(country,)]
        pays = float(asked.at[country, "cost_musd"])
        high = alone - pays * whole_bound / whole
        rows.append({
            **asked.loc[country].drop("cost_musd"), "country": country, "asked_musd": pays,
            "shapley_musd": values.get(country, math.nan), "quota_share": float(parts[country]),
            "alone_musd": alone, "alone_bound_musd": bound,
            "gain_low_musd": bound - pays, "gain_high_musd": high, "pays_more": high < 0,
        })  # fmt: skip
    return pd.DataFrame(rows)[COUNTRIES]


def _coalitions(
    found: dict[Members, Outcome],
    costs: dict[Members, tuple[float, float]],
    asked: pd.Series,
    members: Members,
) -> pd.DataFrame:
    whole_bound, whole = costs[members]
    rows = []
    for group, outcome in found.items():
        bound, cost = costs[group]
        alone = [costs[(c,)] for c in group]
        pays = float(asked[list(group)].sum())
        rows.append({
            "members": " ".join(group), "status": str(outcome.status), "gap": outcome.gap, "cost_musd": cost,
            "bound_musd": bound, "saves_low_musd": sum(b for b, _ in alone) - cost,
            "saves_high_musd": sum(c for _, c in alone) - bound, "asked_musd": pays,
            "better_apart": group != members and pays * whole_bound / whole > cost,
        })  # fmt: skip
    return pd.DataFrame(rows)[COALITIONS]
