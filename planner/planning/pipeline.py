"""From a case to a plan: least delay, hosts and stacks, whole halls, control, whole units, prices.

    outcome = solve(build_case(scenario), quality="plan", on_event=print)

Steps of ``plan`` quality, each on the same live model:
 1. least delay, where the scenario sets no bound: it gives every workload its cap (own best + tolerance);
 2. for ``objective="delay"`` or ``"control"``, the best value of that objective, then held as a bound;
 3. least cost with whole hosts and stacks and divisible halls: its bound is the bound of the plan;
 4. whole halls with those hosts and stacks (and the direct programme from there if the gap is not met);
 5. ties: at a cost within the gap, the most control of what is served, then the least delay;
 6. whole servers and racks, then the linear programme that is left: values, prices, reported cost.
``quick`` stops at twice the gap and leaves step 5 out; ``proof`` adds the solve on all hours of the day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from planner.case.bounds import Bounds
from planner.case.case import Case
from planner.case.holdings import unhoused
from planner.case.prechecks import precheck
from planner.case.training_reach import undoable
from planner.facts.errors import BadValue, NoPlan
from planner.facts.rounding import rounded_up
from planner.planning.coarse import whole_units_of_least_load
from planner.planning.earning import earning
from planner.planning.events import OnEvent
from planner.planning.large import from_root, soonest, soonest_places
from planner.planning.most_control import OPEN_POINTS, most_control
from planner.planning.proof import prove
from planner.planning.solve_run import (
    ABSOLUTE_GAP,
    BELOW_ZERO,
    CONTROL_SLACK_POINTS,
    DELAY_SLACK_MONTHS,
    PLACES,
    PLACES_GAP,
    SPARE_GAP,
    Effort,
    Outcome,
    Places,
    SolveRun,
    Stop,
    more_with_pivots,
)
from planner.planning.ties import ties
from planner.planning.together import DIRECT_GAP, together
from planner.planning.units import round_units
from planner.plans.plan import Plan, plan_of
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Enough, Search
from planner.solver.branching import PseudoCosts
from planner.solver.engine import HALLS, PATTERN, PLACED, UNITS, YES_OR_NO, Engine
from planner.solver.inspection import coefficient_ranges
from planner.solver.rounding import PLANT_UNITS, rounded
from planner.solver.solution import Solution

THOROUGH = Effort()
SOONEST_GAP_MONTHS = 0.02
"""Weighted months left open by the least-delay plan where it only says what waiting is measured from."""
UNPROVEN_MONTHS = 0.25
"""Where more of it is not proven, the plan says so and is not called optimal."""
LATE_SHARE, LATE_GAP = 0.3, 0.5
"""Past this share of the time limit, hosts and stacks may leave this share of the gap open."""
HALLS_GAP = 0.1
"""Share of the gap at which the halls of some places are searched no further."""
STAGES = {"cost": "halls", "delay": "least delay"}
FAIR_HALLS = 0.5
"""Share of the gap left open by the halls of some places where none of them can be good enough."""
GOOD_HALLS = 0.75
"""Share of the gap that whole halls may use up; the rest is for ties and rounding."""
ROUNDED_HALLS = 0.8
"""The same where halls are rounded and a search would take long: what ties may use up in any case."""


def solve(
    case: Case,
    quality: str | None = None,
    objective: str = "cost",
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    engine: Engine | None = None,
    start: Floats | None = None,
    effort: Effort = THOROUGH,
    learned: PseudoCosts | None = None,
) -> Outcome:
    """Solve a case; see the module's page for the steps. Raises nothing for an infeasible case.

    ``start`` holds values of all columns, of a neighbouring case with the same rows and columns: the search
    for hosts and stacks begins there where it is feasible. ``effort`` says how far it goes. ``learned`` is what searches
    for hosts and stacks of such cases have learned; this one goes by it and adds to it.
    """
    if objective not in ("cost", "delay", "control"):
        raise BadValue(f"objective {objective!r} is not one of 'cost', 'delay', 'control'")
    run = _Pipeline(
        case, quality or case.scenario.solve.quality, objective, on_event, should_stop, effort, learned
    )
    troubles = precheck(case)
    if troubles:
        return run.outcome("infeasible", troubles=troubles)
    return run.run(engine, start)


def least_delays(case: Case, engine: Engine) -> dict[str, float]:
    """Months of delay by workload in the plan from which waiting is measured, whatever its control.

    A solve of a scenario that bounds neither delay nor control measures from the same. Raises NoPlan where none exists.
    """
    run = _Pipeline(case, "quick", "cost", None, None, THOROUGH)
    run.engine, run.bounds = engine, Bounds(max_cost_musd=case.scenario.limits.max_cost_musd)
    run.start = None
    try:
        return engine.delays(run.soonest())
    except Stop as stop:
        raise NoPlan("no plan exists at any delay: ask for the reasons with `planner explain`") from stop


def left_open(_: float, pivots: int) -> float:
    """Weighted months that the least-delay plan may be above its bound: what waiting is measured from is mostly found long
    before it is proven.
    """
    return more_with_pivots(SOONEST_GAP_MONTHS, pivots)


def left_open_after(before: int) -> Enough:
    """The same for the halls of places whose own search took so many pivots: the bound of the plan is that of the places, so
    that a search for halls is only to find a good one.
    """
    return lambda months, pivots: left_open(months, before + pivots)


class _Pipeline(SolveRun):
    """The steps, in their order."""

    def run(self, engine: Engine | None, start: Floats | None) -> Outcome:
        self.start = self.neighbour = start
        if engine is None:
            self.say("build", "writing the model")
        self.engine = engine or self.timed("build", lambda: Engine(self.case))
        if found := earning(self.case, self.engine.entries):
            return self.outcome("unbounded", troubles=found)
        rows, columns = self.engine.arrays.shape
        low, high = coefficient_ranges(self.engine.live)["matrix"]
        self.say("build", f"{rows} rows, {columns} columns, coefficients {low:.1e} to {high:.1e}")
        try:
            self.set_bounds()
            x = self.whole_places()
            x = ties(self, x) if self.quality != "quick" and not self.over else x
            final = round_units(self, x)
        except Stop as stop:
            without_floor = str(stop) == "unbounded"
            troubles = earning(self.case, self.engine.entries, limited=True) if without_floor else None
            return self.outcome(str(stop), troubles=troubles)
        self.say("plan", "reading the plan")
        plan = self.timed(
            "plan", lambda: plan_of(self.case, self.engine, final, self.bounds, self.divisible or final)
        )
        self.notes += [f"{run.message}; {run.cure}" for run in undoable(self.case)]
        if plan.tables["fleet"]["stored"].any():
            self.notes += unhoused(self.case)
        cost = plan.kpi("cost_npv_musd")
        if cost < 0:
            self.notes.append(
                f"{BELOW_ZERO} ({cost:.4g} MUSD): the plan receives more than it pays, as from grants above their uses"
            )
        gap = None if self.bound is None else max(0.0, (cost - self.bound) / max(abs(cost), 1e-9))
        self.report("plan", cost, self.bound, gap)
        regret: dict[str, float] = {}
        if self.quality == "proof" and not self.stopped:
            plan, regret = self.timed("proof", lambda: self.prove(final, plan))
        met = gap is not None and gap <= self.target + 1e-6 and not self.delay_open
        if self.objective == "control":
            most = self.control_bound
            met &= most is not None and most - plan.kpi("control_score") <= OPEN_POINTS
            if most is not None:
                self.notes.append(
                    f"no plan within these limits has more than {rounded_up(most, 2):g} points of control"
                )
        status = "optimal" if met and not self.stopped else "feasible"
        return replace(self.outcome(status, plan=plan, gap=gap, regret=regret), values=final.x)

    def set_bounds(self) -> None:
        """Explicit bounds, or caps per workload from the least-delay plan; then the goal other than cost."""
        limits = self.case.scenario.limits
        if limits.max_delay_months is None and self.objective != "delay":
            best = self.soonest_in_whole_units(self.soonest())
            tolerance = limits.delay_tolerance_months
            if tolerance is None:
                tolerance = self.case.catalog.param("delay_tolerance_months")
            slack = max(tolerance, DELAY_SLACK_MONTHS)
            caps = {w: rounded_up(months + slack, 4) for w, months in self.engine.delays(best).items()}
            self.bounds = replace(self.bounds, max_delay_months_by_workload=caps)
            least = self.engine.value(best, "delay")
            self.notes.append(
                f"no bound on delay given: every workload may wait {tolerance:g} months longer than in the "
                f"least-delay plan (weighted delay {least:.2f} months)"
            )
            self.tell_open_delay(least, UNPROVEN_MONTHS, "waiting is measured from what was found")
            if (
                not self.engine.large
            ):  # it keeps every bound: the search for hosts and stacks has a plan at once
                self.reference, self.start = best, best if self.start is None else self.start
        self.engine.policy(self.bounds)
        if self.objective == "delay":
            x = self.least_delay()
            least = self.engine.value(x, "delay")
            allowed = max(SOONEST_GAP_MONTHS, self.target * least)
            self.tell_open_delay(least, allowed, "the plan waits as long as what was found")
            held = least + DELAY_SLACK_MONTHS
            self.bounds = replace(self.bounds, max_delay_months=held)
            self.reference = self.start = x
        elif self.objective == "control":
            x = most_control(self)
            held = max(self.bounds.min_control_points or 0.0, self.engine.control(x) - CONTROL_SLACK_POINTS)
            self.bounds = replace(self.bounds, min_control_points=held)
            self.reference = self.start = x
        self.engine.policy(self.bounds)

    def least_delay(self) -> Floats:
        """Values of the plan of least weighted delay, whatever its cost (a cap on cost is kept)."""
        start = self.soonest()
        self.engine.integers(*PATTERN, *HALLS)
        options = self.options("least delay", gap=1e-3, absolute_gap=1e-3)
        found = self.solve("least delay", options, start)
        self.least_bound = found.bound  # that of the start signs no optional agreement
        return self.values(found)

    def soonest(self) -> Floats:
        """The same where it is a reference: hosts and stacks with divisible halls, then whole halls there.

        That takes seconds where all integers together take minutes (a budget that just suffices), and mostly
        ends at the same delay. Where no whole halls fit those hosts, all are searched together. No optional agreement
        is signed in it: else the tolerance would sign any that brings service forward, whatever it costs.
        """
        engine = self.engine
        self.say("least delay", "how soon demand can be served at all")
        engine.policy(replace(self.bounds, max_delay_months=None))
        engine.minimise("delay")
        if engine.large and (at_once := soonest(self)) is not None:
            return at_once
        gaps = 1e-3, SOONEST_GAP_MONTHS
        if engine.middle and (early := soonest_places(self)) is not None:
            tree = engine.searchable(early)
            known = self.search("least delay", tree, "delay", *gaps, rounding=True, enough=left_open)
            if known.x is not None:
                self.least_bound = known.bound
                return self.values(known)
        optional = self.optional_signatures()
        tree = engine.searchable(closed={"sign": optional} if len(optional) else None)
        places = self.search("least delay", tree, "delay", *gaps, enough=left_open)
        if places.x is None and len(optional):
            self.notes.append(
                "without optional agreements no plan keeps all duties: waiting is measured from the soonest with them"
            )
            optional = optional[:0]
            places = self.search("least delay", engine.searchable(), "delay", *gaps, enough=left_open)
        found = self.halls_at(self.values(places), "delay", *gaps, enough=left_open_after(places.iterations))
        if found.x is None:
            engine.integers(*PATTERN, *HALLS)
            with engine.live.closed(engine.arrays.columns["sign"].start + optional):
                found = self.solve("least delay", self.options("least delay", *gaps))
        self.least_bound = places.bound  # of divisible halls, which whole ones come near to mostly
        return self.values(found)

    def soonest_in_whole_units(self, x: Floats) -> Floats:
        """The same with whole units, where one of them fills much of a limit of supply; else ``x``.

        There servers in parts come much sooner than whole ones can, and caps from their delays leave no plan.
        """
        found = whole_units_of_least_load(self, x)
        if found is None or found.x is None:
            return x
        self.free()
        self.fleet = found.x
        return found.x

    def tell_open_delay(self, months: float, allowed: float, so: str) -> None:
        """A note where more than ``allowed`` of a least delay is not proven."""
        left = months - (months if self.least_bound is None else self.least_bound)
        if left > allowed:
            self.delay_open = rounded_up(left, 2)
            self.notes.append(
                f"the least delay may be up to {self.delay_open:g} weighted months shorter: {so}"
            )

    def search(
        self,
        stage: str,
        tree: Engine,
        goal: str,
        gap: float,
        absolute_gap: float = ABSOLUTE_GAP,
        start: Floats | None = None,
        good_enough: float = -np.inf,
        rounding: bool = False,
        enough: Enough | None = None,
        learned: PseudoCosts | None = None,
        hopeless: tuple[float, float] | None = None,
    ) -> Solution:
        """Branch and bound on a tree's programme, under the bounds in force."""
        tree.policy(self.engine.asked)
        tree.minimise(goal)
        late = LATE_SHARE * self.case.scenario.solve.time_limit_s, LATE_GAP * self.target
        options, enough = self.options(stage, gap), enough or (self.patience(gap) if goal == "cost" else None)
        search = Search(
            tree, options, absolute_gap, late, good_enough, start, rounding, enough, learned, hopeless
        )
        found = self.timed(stage, search.run)
        self.pivots += self.counted(found.iterations)
        return found

    def halls_at(
        self,
        x: Floats,
        goal: str,
        gap: float,
        absolute_gap: float = ABSOLUTE_GAP,
        good_enough: float = -np.inf,
        hopeless: tuple[float, float] | None = None,
        enough: Enough | None = None,
    ) -> Solution:
        """Whole halls at the hosts and stacks of ``x``: with its training runs where they are, else anywhere.

        At least cost more than one unit of plant stands where it does in ``x``, else anywhere too.
        """
        columns = self.engine.arrays.columns
        # a search for whole units of plant dives long before it has a plan, and a unit more is mostly within the gap
        units = self.engine.middle and any(columns[family].size for family in PLANT_UNITS)
        settled = tuple(f for f in (PLACED, YES_OR_NO) if columns[f].size and (f == PLACED or goal == "cost"))
        held: list[tuple[str, ...]] = [settled, ()] if settled else [()]
        start = None if units else self.plan_at(x)
        if units and goal == "cost":
            self.engine.integers()
            self.hold(x, *PATTERN, *held[0])
            found = self.rounded_halls(self.at_places(x, *held[0]))
            if not self.misses(found.objective, ROUNDED_HALLS):
                return found
            start = found.x
        for families in held:
            found = self.search(
                STAGES[goal],
                self.at_places(x, *families),
                goal,
                gap,
                absolute_gap,
                start,
                good_enough,
                units and start is None,
                enough,
                hopeless=hopeless,
            )
            if found.x is not None and (
                goal != "cost" or found.stopped or self.done or not self.misses(found.objective)
            ):
                break
            start = found.x
        return found

    def plan_at(self, x: Floats) -> Floats | None:
        """The plan of whole halls in hand, if it has the hosts and stacks of ``x``, as where a limit just suffices."""
        known = self.reference
        return known if known is not None and self.alike(known, x, *PATTERN) else None

    def rounded_halls(self, tree: Engine) -> Solution:
        """Whole halls at the places of a tree by rounding: few programmes, from a point inside of what is best.

        The vertices of a search buy many kinds of plant in small parts, and rounding costs more from there. They are solved
        on the whole model, from whose basis prices are a few pivots away.
        """
        tree.policy(self.engine.asked)
        tree.minimise("cost")
        enough = self.within_gap(ROUNDED_HALLS) if self.bound is not None else -np.inf
        return self.timed("halls", lambda: rounded(tree, self.options("halls"), enough, self.engine))

    def whole_places(self) -> Floats:
        """Least cost with whole hosts, stacks and halls; sets the bound of the plan."""
        engine, scenario = self.engine, self.case.scenario
        self.say("hosts and stacks", "least cost with whole hosts and stacks")
        engine.minimise("cost")
        if scenario.solve.integers == "none":
            engine.integers()
            found = self.solve("screening", self.options("screening"))
            self.bound = found.objective
            self.notes.append("integers are off: this is a screening answer, not a plan")
            return self.values(found)
        everything = scenario.solve.integers == "all"
        if everything:
            engine.integers(*PATTERN, *HALLS, UNITS)
            options = self.options("hosts and stacks", gap=1e-6)
            found = self.solve("hosts and stacks", options, self.start)
        else:
            if engine.large and (planned := from_root(self)) is not None:
                return planned
            tree, loose = engine.searchable(spare=True), self.effort.enough
            gap = (SPARE_GAP if engine.spare else PLACES_GAP) * self.target
            own = self.start is self.reference  # a plan of a neighbour is nearer than any rounding
            found = self.search(
                "hosts and stacks",
                tree,
                "cost",
                gap,
                start=self.start,
                rounding=own,
                enough=loose,
                learned=self.learned,
            )
        x = self.values(found)
        self.bound = found.bound
        if found.objective is not None and found.bound is not None:
            self.places = Places(found.objective, found.bound, x)
        if not self.effort.whole:
            raise Stop(PLACES)
        if everything:
            self.hold(x, *PATTERN, *HALLS, UNITS)
            engine.integers()
            return x
        whole = self.fleet if self.whole is None and self.tight else self.whole
        if whole is not None:
            self.hold(whole, *PATTERN, *HALLS)
            engine.integers()
            return whole
        self.say("halls", "whole halls at those hosts")
        self.hold(x, *PATTERN)
        # any halls this close to the bound of the places will do, however good others may be
        enough = -np.inf if self.bound is None else self.bound + abs(self.bound) * GOOD_HALLS * self.target
        # and where none of them can meet the gap, all places are searched, from fair halls at these
        hopeless = self.within_gap(), FAIR_HALLS * self.target
        found = self.halls_at(x, "cost", HALLS_GAP * self.target, good_enough=enough, hopeless=hopeless)
        self.stopped |= found.stopped
        missed = self.bound is not None and self.misses(found.objective)
        if found.x is None or (missed and not self.done and not found.stopped):
            whole = self.reference if found.x is None else found.x  # the reference has whole halls already
            found = self.direct(x if whole is None else whole)
        x = self.values(found)
        self.hold(x, *PATTERN, *HALLS)
        engine.integers()
        return x

    def direct(self, start: Floats) -> Solution:
        """Whole halls, hosts and stacks together, from the best plan so far: halls may ask for other hosts."""
        self.say("direct", "whole halls, hosts and stacks together")
        found = together(self, "direct", DIRECT_GAP * self.target, start)
        met = found.x is not None and (self.hard or not self.misses(found.objective))
        if met or found.stopped or self.over:
            return found
        self.say("direct", "the same in one integer programme")
        for family in PATTERN:
            self.engine.fix(family, None)
        self.engine.integers(*PATTERN, *HALLS)
        options = self.options("direct", gap=DIRECT_GAP * self.target)
        last = self.solve("direct", options, start if found.x is None else found.x)
        if last.bound is not None:  # a plan is made of whole halls: this bound holds for it
            self.bound = max(last.bound, self.bound or last.bound)
        return found if last.x is None and found.x is not None else last

    def prove(self, final: Solution, plan: Plan) -> tuple[Plan, dict[str, float]]:
        """The same integers on every hour of the day; regret of the slices the plan was made on."""
        assert final.x is not None
        self.say("proof", "all hours of the day, integers fixed")
        asked = [self.kept(final.x), self.bounds]
        proof = prove(self.case, self.engine, final.x, asked, self.bounds, lambda: self.left("proof"))
        self.notes += proof.notes
        if proof.plan is None:
            return plan, {}
        proof.plan.tables["prices"] = plan.tables["prices"]
        return proof.plan, proof.regret
