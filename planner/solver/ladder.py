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

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from planner.case.case import Case
from planner.catalog import load_catalog
from planner.plan import Plan, plan_of
from planner.prechecks import Trouble, precheck
from planner.scenario import Scenario
from planner.solver.arrays import Floats
from planner.solver.engine import HALLS, PATTERN, UNITS, Engine
from planner.solver.highs import Progress
from planner.solver.proof import prove
from planner.solver.repair import whole_units
from planner.solver.solution import Solution, Status

GAPS = {"quick": 0.02, "plan": 0.01, "proof": 0.01}
DELAY_SLACK_MONTHS = 0.01
CONTROL_SLACK_POINTS = 0.01
"""What rounding to whole units may cost an objective that is held at its best."""
SOONEST_GAP_MONTHS = 0.02
"""Weighted months left open by the least-delay plan where it only says what waiting is measured from."""

REFINE_S = {"quick": 60.0, "plan": 60.0, "proof": 60.0}

PLACES_GAP = 0.1
"""Share of the gap left open by hosts and stacks. Their tree is small; what it leaves open, halls must earn."""
GOOD_HALLS = 0.75
"""Share of the gap that whole halls may use up; the rest is for ties and rounding."""
UNITS_S = 15.0
STOPPED_GAP, STOPPED_S = 0.2, 30.0

Event = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a solve has shown; ``plan`` is None unless ``status`` is ``optimal`` or ``feasible``.

    ``bound`` in MUSD and ``gap`` (share of the cost) hold for the cost objective under ``bounds``, the policy
    bounds in force: explicit ones and those frozen by the planner; they are of the plan's slices of the day,
    also where a proof has priced the plan on all hours (``regret`` says what the slices cost: see
    ``planner.solver.proof.Proof``). ``seconds`` is by stage.
    """

    status: str
    objective: str
    quality: str
    plan: Plan | None
    bound: float | None
    gap: float | None
    seconds: dict[str, float]
    bounds: dict[str, Any]
    resolved: Scenario
    troubles: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False
    regret: dict[str, float] = field(default_factory=dict)
    values: Floats | None = field(default=None, repr=False)
    """Values of all columns, for starting a neighbouring case."""

    def without_values(self) -> Outcome:
        """A copy that is small enough to send between processes."""
        return replace(self, values=None)


def solve(
    case: Case,
    quality: str | None = None,
    objective: str = "cost",
    on_event: Callable[[Event], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    engine: Engine | None = None,
    start: Floats | None = None,
) -> Outcome:
    """Solve a case; see the module's page for the steps. Raises nothing for an infeasible case.

    ``start`` holds values of all columns, of a neighbouring case with the same rows and columns: the search
    for hosts and stacks begins there where it is feasible.
    """
    if objective not in ("cost", "delay", "control"):
        raise ValueError(f"objective {objective!r} is not one of 'cost', 'delay', 'control'")
    climb = _Climb(case, quality or case.scenario.solve.quality, objective, on_event, should_stop)
    troubles = precheck(case)
    if troubles:
        return climb.outcome("infeasible", troubles=troubles)
    return climb.run(engine, start)


class _Stop(Exception):
    """No plan can be had: carries the status."""


class _Climb:
    """One pass up the ladder; keeps what all stages share."""

    def __init__(
        self,
        case: Case,
        quality: str,
        objective: str,
        on_event: Callable[[Event], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        if quality not in GAPS:
            raise ValueError(f"quality {quality!r} is not one of {', '.join(GAPS)}")
        self.case, self.quality, self.objective = case, quality, objective
        self.on_event, self.should_stop = on_event, should_stop
        self.target = case.scenario.solve.gap or GAPS[quality]
        self.began = time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.bounds: dict[str, Any] = {}
        self.notes: list[str] = []
        self.stopped = False
        self.divisible: Solution | None = None
        self.bound: float | None = None
        self.incumbent: float | None = None

    # ---- the climb

    def run(self, engine: Engine | None, start: Floats | None) -> Outcome:
        self.start = start
        if engine is None:
            self.say("build", "writing the model")
        self.engine = engine or self.timed("build", lambda: Engine(self.case))
        rows, columns = self.engine.arrays.shape
        low, high = self.engine.live.coefficient_ranges()["matrix"]
        self.say("build", f"{rows} rows, {columns} columns, coefficients {low:.1e} to {high:.1e}")
        try:
            self.set_bounds()
            x = self.whole_places()
            x = self.ties(x) if self.quality != "quick" and not self.stopped else x
            final = self.round_units(x)
        except _Stop as stop:
            return self.outcome(str(stop))
        self.say("plan", "reading the plan")
        plan = self.timed(
            "plan", lambda: plan_of(self.case, self.engine, final, self.bounds, self.divisible or final)
        )
        cost = plan.kpi("cost_npv_musd")
        regret: dict[str, float] = {}
        if self.quality == "proof" and not self.stopped:
            plan, regret = self.timed("proof", lambda: self.prove(final, plan))
        gap = None if self.bound is None else max(0.0, (cost - self.bound) / max(abs(cost), 1e-9))
        met = gap is not None and gap <= self.target + 1e-6
        status = "optimal" if met and not self.stopped else "feasible"
        return replace(self.outcome(status, plan=plan, gap=gap, regret=regret), values=final.x)

    def set_bounds(self) -> None:
        """Explicit bounds, or caps per workload from the least-delay plan; then the goal other than cost."""
        limits = self.case.scenario.limits
        self.bounds = {
            "max_delay_by_workload": dict(limits.max_delay_months)
            if isinstance(limits.max_delay_months, dict)
            else None,
            "max_delay_months": limits.max_delay_months
            if isinstance(limits.max_delay_months, float | int)
            else None,
            "min_control": limits.min_control,
            "max_cost_musd": limits.max_cost_musd,
        }
        if limits.max_delay_months is None and self.objective != "delay":
            best = self.soonest()
            tolerance = limits.delay_tolerance_months
            if tolerance is None:
                tolerance = load_catalog().param("delay_tolerance_months", self.case.scenario.money.level)
            caps = {w: round(months + tolerance, 4) for w, months in self.engine.delays(best).items()}
            self.bounds["max_delay_by_workload"] = caps
            self.notes.append(
                f"no bound on delay given: every workload may wait {tolerance:g} months longer than in the "
                f"least-delay plan (weighted delay {self.engine.value(best, 'delay'):.2f} months)"
            )
            # it keeps every bound: the search for hosts and stacks has a plan at once
            self.start = best if self.start is None else self.start
        self.engine.policy(**self.bounds)
        if self.objective == "delay":
            x = self.least_delay()
            self.bounds["max_delay_months"] = self.engine.value(x, "delay") + DELAY_SLACK_MONTHS
            self.start = x
        elif self.objective == "control":
            self.say("control", "raising control of what is served")
            self.engine.integers(*PATTERN, *HALLS)
            options = self.options("control", gap=0.02, absolute=5e-4)
            found = self.timed("control", lambda: self.engine.most_control(**options))
            x = self.values(found)
            self.bounds["min_control"] = self.engine.control(x) - CONTROL_SLACK_POINTS
            self.start = x
        self.engine.policy(**self.bounds)

    def least_delay(self) -> Floats:
        """Values of the plan of least weighted delay, whatever its cost (a cap on cost is kept)."""
        start = self.soonest()
        self.engine.integers(*PATTERN, *HALLS)
        options = self.options("least delay", gap=1e-3, absolute=1e-3)
        return self.values(self.timed("least delay", lambda: self.engine.live.solve(start=start, **options)))

    def soonest(self) -> Floats:
        """The same where it is a reference: hosts and stacks with divisible halls, then whole halls there.

        That takes seconds where all integers together take minutes (a budget that just suffices), and mostly
        ends at the same delay. Where no whole halls fit those hosts, all are searched together.
        """
        engine = self.engine
        self.say("least delay", "how soon demand can be served at all")
        fixed = {k: v for k, v in self.bounds.items() if k in ("min_control", "max_cost_musd")}
        engine.policy(**fixed, max_delay_by_workload=self.bounds.get("max_delay_by_workload"))
        engine.minimise("delay")
        engine.integers(*PATTERN)
        options = self.options("least delay", gap=1e-3, absolute=SOONEST_GAP_MONTHS)
        with engine.live.without_sub_mips():
            places = self.timed("least delay", lambda: engine.live.solve(**options))
        self.hold(self.values(places), *PATTERN)
        engine.integers(*HALLS)
        found = self.timed("least delay", lambda: engine.live.solve(**options))
        for family in PATTERN:
            engine.fix(family, None)
        if found.x is None:
            engine.integers(*PATTERN, *HALLS)
            found = self.timed("least delay", lambda: engine.live.solve(**options))
        return self.values(found)

    def whole_places(self) -> Floats:
        """Least cost with whole hosts, stacks and halls; sets the bound of the plan."""
        engine, scenario = self.engine, self.case.scenario
        self.say("hosts and stacks", "least cost with whole hosts and stacks")
        engine.minimise("cost")
        if scenario.solve.integers == "none":
            engine.integers()
            found = self.timed("screening", lambda: engine.live.solve(**self.options("screening")))
            self.bound = found.objective
            self.notes.append("integers are off: this is a screening answer, not a plan")
            return self.values(found)
        everything = scenario.solve.integers == "all"
        engine.integers(*PATTERN, *(("halls", UNITS) if everything else ()))
        options = self.options("hosts and stacks", gap=1e-6 if everything else PLACES_GAP * self.target)
        with engine.live.without_sub_mips() if not everything else nullcontext():
            found = self.timed("hosts and stacks", lambda: engine.live.solve(start=self.start, **options))
        x = self.values(found)
        self.bound, self.incumbent = found.bound, found.objective
        if everything:
            self.hold(x, *PATTERN, *HALLS, UNITS)
            engine.integers()
            return x
        self.say("halls", "whole halls at those hosts")
        self.hold(x, *PATTERN)
        engine.integers(*HALLS)
        # what the places have left of six tenths of the gap; the rest is for ties and rounding
        options = self.options("halls", gap=max(0.3, 0.6 - (found.gap or 0.0) / self.target) * self.target)
        if self.bound is not None:  # any halls this close to the bound will do, however good others may be
            options["good_enough"] = self.bound * (1 + GOOD_HALLS * self.target)
        found = self.timed("halls", lambda: engine.live.solve(**options))
        missed = self.bound is not None and self.misses(found.objective)
        if found.x is None or (missed and not self.stopped and not found.stopped):
            found = self.direct(x if found.x is None else found.x)
        x = self.values(found)
        self.hold(x, *PATTERN, *HALLS)
        engine.integers()
        self.incumbent = found.objective
        return x

    def direct(self, start: Floats) -> Solution:
        """The undivided programme, from the best plan so far: halls may ask for other hosts."""
        self.say("direct", "whole halls, hosts and stacks together")
        for family in PATTERN:
            self.engine.fix(family, None)
        self.engine.integers(*PATTERN, *HALLS)
        options = self.options("direct", gap=0.8 * self.target)
        found = self.timed("direct", lambda: self.engine.live.solve(start=start, **options))
        if found.bound is not None:  # a plan is made of whole halls: this bound holds for it
            self.bound = max(found.bound, self.bound or found.bound)
        return found

    def ties(self, x: Floats) -> Floats:
        """Within the gap, the most control of what is served, then the least delay; places are held."""
        if self.case.scenario.solve.integers == "all" or self.bound is None:
            return x
        self.say("ties", "most control, then least delay, at a cost within the gap")
        engine = self.engine
        # a fifth of the gap is left for rounding to whole units
        budget = max(self.bound * (1 + 0.8 * self.target), engine.value(x, "cost") * (1 + 1e-7))
        limit = self.bounds["max_cost_musd"]
        budget = budget if limit is None else min(budget, limit)
        own = self.bounds["min_control"]

        def climb() -> Floats:
            engine.policy(**{**self.bounds, "max_cost_musd": budget})
            best = engine.most_control(**self.options("ties"))
            if best.x is None:
                return x
            reached = engine.control(best.x) - 1e-4
            kappa = reached if own is None else max(own, reached)
            engine.policy(**{**self.bounds, "max_cost_musd": budget, "min_control": kappa})
            engine.minimise("delay")
            soonest = engine.live.solve(**self.options("ties"))
            return best.x if soonest.x is None else soonest.x

        try:
            return self.timed("ties", climb)
        finally:
            engine.policy(**self.bounds)
            engine.minimise("cost")

    def round_units(self, x: Floats) -> Solution:
        """Whole units and the last linear programme; control and delay keep what ties have won."""
        engine = self.engine
        engine.minimise("cost")
        if self.case.scenario.solve.integers in ("none", "all"):  # nothing is left to round
            return self.timed("last LP", lambda: engine.live.solve(**self.options("last LP")))
        self.say("units", "whole servers and racks")
        asked = [self.kept(x, slack) for slack in (0.0, 1.0)]
        for policy in asked if asked[0] != asked[1] else asked[:1]:
            engine.policy(**policy)
            self.divisible = self.timed("prices", lambda: engine.live.solve(time_limit_s=self.left("units")))
            found = self.timed("units", lambda: whole_units(engine, x, 1e-3, self.left("units")))
            if found.x is not None:
                met = self.stopped or not self.misses(found.objective, 1.0)
                return found if met else self.refined(found)
        return self.refined(found)

    def units_at_places(self, rounded: Solution) -> Solution:
        """Whole units as an integer programme at the halls, hosts and stacks of ``rounded``: seconds, and
        better than rounding every running total up.
        """
        engine = self.engine
        engine.policy(**self.bounds)
        engine.fix(UNITS, None)
        engine.integers(UNITS)
        options = self.options("units", gap=0.15 * self.target)
        options["time_limit_s"] = min(UNITS_S, options["time_limit_s"])
        found = self.timed("units", lambda: engine.live.solve(start=rounded.x, **options))
        engine.integers()
        if found.x is None:
            return rounded
        engine.fix(UNITS, engine.family(found.x, UNITS).round().to_numpy(float))
        last = engine.live.solve(time_limit_s=self.left("units"))
        worse = rounded.objective is not None and (last.objective or 0.0) >= rounded.objective
        return rounded if last.x is None or worse else last

    def refined(self, rounded: Solution) -> Solution:
        """Where rounding fails or costs more than the gap (small cases): whole units chosen with the places.

        The bound of that programme is one of the plan, which is made of whole units too.
        """
        rounded = self.units_at_places(rounded)
        if not self.misses(rounded.objective, 1.0):
            return rounded
        engine = self.engine
        self.say("refine", "whole units, halls, hosts and stacks together")
        engine.policy(**self.bounds)
        for family in (*PATTERN, *HALLS, UNITS):
            engine.fix(family, None)
        engine.integers(*PATTERN, *HALLS, UNITS)
        options = self.options("refine", gap=0.9 * self.target)
        options["time_limit_s"] = min(REFINE_S[self.quality], options["time_limit_s"])
        found = self.timed("refine", lambda: engine.live.solve(start=rounded.x, **options))
        better = rounded.objective is None or (found.objective or 0.0) < rounded.objective
        best = self.values(found if found.x is not None and better else rounded)
        if found.bound is not None and self.bound is not None:
            self.bound = max(self.bound, found.bound)
        engine.integers()
        for family in (*PATTERN, *HALLS, UNITS):
            whole = engine.family(best, family).to_numpy(float).round()
            engine.live.set_col_bounds(family, whole, whole)
        last = engine.live.solve(time_limit_s=self.left("refine"))
        self.values(last if last.x is not None else rounded)
        return last if last.x is not None else rounded

    def kept(self, x: Floats, slack: float) -> dict[str, Any]:
        """Policy bounds that keep the control and the delay of ``x``; with slack, the bounds given only."""
        if slack or self.quality == "quick":
            return dict(self.bounds)
        own = self.bounds["min_control"]
        reached = self.engine.control(x) - CONTROL_SLACK_POINTS
        months = self.engine.value(x, "delay") + DELAY_SLACK_MONTHS
        limit = self.bounds["max_delay_months"]
        return {
            **self.bounds,
            "min_control": reached if own is None else max(own, reached),
            "max_delay_months": months if limit is None else min(limit, months),
        }

    def prove(self, final: Solution, plan: Plan) -> tuple[Plan, dict[str, float]]:
        """The same integers on every hour of the day; regret of the slices the plan was made on."""
        assert final.x is not None
        self.say("proof", "all hours of the day, integers fixed")
        asked = [self.kept(final.x, 0.0), self.bounds]
        proof = prove(self.case, self.engine, final.x, asked, self.bounds, lambda: self.left("proof"))
        self.notes += proof.notes
        if proof.plan is None:
            return plan, {}
        proof.plan.tables["prices"] = plan.tables["prices"]
        return proof.plan, proof.regret

    # ---- shared

    def hold(self, x: Floats, *families: str) -> None:
        for family in families:
            self.engine.fix(family, self.engine.family(x, family).round(6).to_numpy(float))

    def misses(self, cost: float | None, share: float = 0.9) -> bool:
        """Whether a cost is further from the bound than ``share`` of the gap allowed."""
        if cost is None or self.bound is None:
            return True
        return (cost - self.bound) / max(abs(cost), 1e-9) > share * self.target

    def values(self, found: Solution) -> Floats:
        self.stopped |= found.stopped
        if found.x is None:
            raise _Stop(_status(found))
        return found.x

    def left(self, stage: str) -> float:
        """Seconds left; every stage may have a little even when the limit is used up, to end with a plan."""
        spent = time.perf_counter() - self.began
        reserve = 1.0 if stage in ("hosts and stacks", "direct") else 20.0
        return max(self.case.scenario.solve.time_limit_s - spent, reserve)

    def options(self, stage: str, gap: float | None = None, absolute: float | None = None) -> dict[str, Any]:
        self.engine.live.set_option("mip_abs_gap", 1e-6 if absolute is None else absolute)
        if self.stopped:  # the steps that are left end with about the first plan they find
            return {"gap": STOPPED_GAP, "time_limit_s": min(self.left(stage), STOPPED_S)}
        return {
            "gap": gap,
            "time_limit_s": self.left(stage),
            "on_progress": lambda p: self.progress(stage, p),
            "should_stop": self.should_stop,
        }

    def progress(self, stage: str, p: Progress) -> None:
        self.say(stage, "", incumbent=p.objective, bound=p.bound, gap=p.gap)

    def say(
        self,
        stage: str,
        message: str,
        incumbent: float | None = None,
        bound: float | None = None,
        gap: float | None = None,
    ) -> None:
        if self.on_event is not None:
            seconds = round(time.perf_counter() - self.began, 2)
            event = {"stage": stage, "message": message, "seconds": seconds}
            self.on_event({**event, "incumbent": incumbent, "bound": bound, "gap": gap})

    def timed(self, stage: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - began

    def outcome(
        self,
        status: str,
        plan: Plan | None = None,
        gap: float | None = None,
        troubles: list[Trouble] | None = None,
        regret: dict[str, float] | None = None,
    ) -> Outcome:
        self.seconds["total"] = time.perf_counter() - self.began
        screening = self.case.scenario.solve.integers == "none"
        return Outcome(
            status=status,
            objective=self.objective,
            quality="screening" if screening else self.quality,
            plan=plan,
            bound=self.bound if plan is not None else None,
            gap=gap,
            seconds={k: round(v, 3) for k, v in self.seconds.items()},
            bounds=self.bounds,
            resolved=self.frozen(),
            troubles=troubles or [],
            notes=self.notes,
            stopped=self.stopped,
            regret=regret or {},
        )

    def frozen(self) -> Scenario:
        """The scenario with the bounds that were in force written into its limits."""
        if not self.bounds:
            return self.case.scenario
        months = self.bounds["max_delay_by_workload"] or self.bounds["max_delay_months"]
        limits = self.case.scenario.limits.model_copy(
            update={"max_delay_months": months, "min_control": self.bounds["min_control"]}
        )
        return self.case.scenario.model_copy(update={"limits": limits})


def _status(found: Solution) -> str:
    return "infeasible" if found.status is Status.INFEASIBLE else "no-solution"
