"""What all steps of the pipeline share: the case, the live model, the time, the gap, the bounds, what is told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from planner.case.bounds import Bounds
from planner.case.case import Case
from planner.case.prechecks import Trouble
from planner.facts.errors import BadValue
from planner.planning.events import Event, OnEvent
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Enough
from planner.solver.branching import PseudoCosts
from planner.solver.engine import HALLS, PATTERN, UNITS, Engine
from planner.solver.members import Ints
from planner.solver.progress import DEFAULT_GAP, Progress, SolveOptions
from planner.solver.solution import Solution, Status

if TYPE_CHECKING:
    from planner.planning.large import Large
    from planner.solver.branch_and_bound import Search

GAPS = {"quick": 0.02, "plan": 0.01, "proof": 0.01}
DELAY_SLACK_MONTHS = 0.01
CONTROL_SLACK_POINTS = 0.01
"""What rounding to whole units may cost an objective that is held at its best."""
STOPPED_GAP, STOPPED_S = 0.2, 30.0
ABSOLUTE_GAP = 1e-6
"""In the unit of the objective: what is left open of a programme whose best value is about zero."""
PLACES = "places"
"""Status of a solve that was asked for hosts and stacks alone (``Effort``)."""
BELOW_ZERO = "the present value of cost is below 0"
"""Begins the note on a plan that receives more than it pays."""

PLACES_GAP = 0.02
"""Share of the gap left open by hosts and stacks. Their tree is small; what it leaves open, halls must earn."""
SPARE_GAP = 0.2
"""The same where a unit of plant may be lost: that it may is a tenth of the cost of plant, and the tree is large."""

PATIENT_PIVOTS, DOUBLES_PIVOTS = 30_000, 10_000
"""Pivots of a search, or of all, from which on it leaves more than it was asked, and those in which this doubles. Not
seconds: a busy machine gives the same plan.
"""
HARD_PIVOTS, LOOSER = 100_000, 2.0
"""Pivots of all searches after which a plan in hand is not bettered at quick quality, and how many times the gap a search
may leave.
"""
USUAL_NONZEROS = 50_000
"""Of a programme whose pivots count whole here; those of smaller ones take less time and count for less."""

T = TypeVar("T")


def more_with_pivots(gap: float, pivots: float) -> float:
    """A gap that doubles with every so many pivots, once patience has ended.

    >>> more_with_pivots(0.01, 20_000) < 0.01 == more_with_pivots(0.01, 30_000)
    True
    >>> more_with_pivots(0.01, 50_000)
    0.04
    """
    return gap * math.exp2(min((pivots - PATIENT_PIVOTS) / DOUBLES_PIVOTS, 30.0))


def counted_pivots(pivots: int, nonzeros: int) -> float:
    """Pivots by what they take: those of a small programme count for less.

    >>> counted_pivots(1000, 25_000), counted_pivots(1000, 100_000)
    (500.0, 1000.0)
    """
    return pivots * min(1.0, nonzeros / USUAL_NONZEROS)


@dataclass(frozen=True)
class Effort:
    """How far a solve goes.

    ``whole``: whether halls and servers are made whole; else the solve ends with hosts and stacks, ``Outcome.places`` and
    no plan, status ``places``. Large cases are planned whole all the same. ``enough``: how far above the bound hosts and
    stacks of some cost (MUSD) may be after so many pivots, where that is more than their share of the gap.
    """

    whole: bool = True
    enough: Enough | None = None


@dataclass(frozen=True)
class Places:
    """Least cost with hosts, stacks and signatures whole, halls and servers in parts: MUSD found, and its bound.

    ``values`` are those of all columns.
    """

    cost: float
    bound: float
    values: Floats = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What a solve has shown; ``plan`` is None unless ``status`` is ``optimal`` or ``feasible``.

    ``bound`` in MUSD and ``gap`` (share of the cost) hold for the cost objective under ``bounds``, the policy
    bounds in force: explicit ones and those frozen by the planner; they are of the plan's slices of the day,
    also where a proof has priced the plan on all hours (``regret`` says what the slices cost: see
    ``planner.planning.proof.Proof``). ``seconds`` is by stage. ``places`` is what the search for hosts and stacks has
    found, None where there was none (large cases, no whole numbers asked for).
    """

    status: str
    objective: str
    quality: str
    plan: Plan | None
    bound: float | None
    gap: float | None
    seconds: dict[str, float]
    bounds: Bounds
    resolved: Scenario
    troubles: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False
    regret: dict[str, float] = field(default_factory=dict)
    values: Floats | None = field(default=None, repr=False)
    """Values of all columns, for starting a neighbouring case."""
    places: Places | None = field(default=None, repr=False)
    control_bound: float | None = None
    """Points of control that no plan within the limits on delay and cost exceeds; of the objective ``control``."""
    relaxed_bound: float | None = None
    """MUSD that nothing within ``bounds`` costs less than, hosts, stacks, halls and servers in parts too; of large cases.
    ``bound`` holds of whole ones, and may be above what divisible ones cost.
    """
    delay_open_months: float = 0.0
    """Weighted months by which the least delay may be shorter than what was found, which this plan keeps to or waits from;
    0 where that is proven near enough. A plan with some is never ``optimal``."""

    @property
    def start_values(self) -> Floats | None:
        """Values from which a neighbouring case may start: of the hosts and stacks found, before halls, else of the plan."""
        return self.values if self.places is None else self.places.values

    def without_values(self) -> Outcome:
        """A copy that is small enough to send between processes."""
        return replace(self, values=None, places=None)


class Stop(Exception):
    """No plan can be had: carries the status."""


class SolveRun:
    """One pass through the pipeline; ``planner.planning.pipeline`` has its steps."""

    engine: Engine

    def __init__(
        self,
        case: Case,
        quality: str,
        objective: str,
        on_event: OnEvent | None,
        should_stop: Callable[[], bool] | None,
        effort: Effort,
        learned: PseudoCosts | None = None,
    ) -> None:
        self.effort, self.learned = effort, learned
        if quality not in GAPS:
            raise BadValue(f"quality {quality!r} is not one of {', '.join(GAPS)}")
        self.case, self.quality, self.objective = case, quality, objective
        self.on_event, self.should_stop = on_event, should_stop
        self.target = case.scenario.solve.gap or GAPS[quality]
        self.pivots = 0.0
        """Of all searches so far, as far as they count (``counted``)."""
        self.began = time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.bounds = Bounds.of_limits(case.scenario.limits)
        """Policy bounds in force: those stated, and those frozen on the way."""
        self.notes: list[str] = []
        self.stopped = False
        self.divisible: Solution | None = None
        self.bound: float | None = None
        self.control_bound: float | None = None
        """Points of control that no plan within the bounds exceeds, where control was raised."""
        self.relaxed_bound: float | None = None
        """Value of the relaxation of a large case: ``bound``, before what whole numbers prove."""
        self.places: Places | None = None
        self.reference: Floats | None = None
        """A plan of whole halls that keeps all bounds: of least delay or most control, where one was sought."""
        self.whole: Floats | None = None
        """A plan of whole halls and units that is not bettered: of most control, where that takes long."""
        self.fleet: Floats | None = None
        """The plan of least delay in whole units, where one of them fills much of a limit: see ``coarse``."""
        self.scarce = False
        """Whether such a limit leaves so little room that whole units of least load were not found soon."""
        self.start: Floats | None = None
        """Values of all columns, whose hosts and stacks are tried first."""
        self.neighbour: Floats | None = None
        """Values of all columns that the caller gave: mostly of the plan of a neighbouring case."""
        self.together: Search | None = None
        """The search for hosts, stacks and halls together, where they did not do one after the other."""
        self.least_bound: float | None = None
        """Weighted months that no plan waits less than, as far as proven."""
        self.delay_open = 0.0
        """Weighted months by which the least delay may be shorter, where that is more than a plan may leave open."""
        self.large: Large | None = None
        """The programmes of a large case at the places that were found from its root."""

    @property
    def hard(self) -> bool:
        """Whether so much has gone by at quick quality that less is sought."""
        return self.quality == "quick" and self.pivots > HARD_PIVOTS

    @property
    def tight(self) -> bool:
        """Whether a hard case has whole units in hand that halls for parts of servers would leave no room for."""
        return self.hard and self.scarce and self.fleet is not None

    @property
    def impatient(self) -> bool:
        """Whether patience has ended at quick quality: what is good enough will do, however near a better plan may be."""
        return self.quality == "quick" and self.pivots > PATIENT_PIVOTS

    def patience(self, gap: float) -> Enough | None:
        """How far above its bound a search may leave a plan as its pivots go by; None where it is to go on to ``gap``."""
        if self.quality != "quick":
            return None
        most = LOOSER * self.target
        return lambda objective, pivots: (
            abs(objective) * min(more_with_pivots(gap, self.counted(pivots)), most)
        )

    def counted(self, pivots: int) -> float:
        """Pivots by what they take."""
        return counted_pivots(pivots, int(self.engine.arrays.matrix.nnz))

    def alike(self, one: Floats, other: Floats, *families: str) -> bool:
        """Whether two plans have the same whole numbers in some families."""
        family = self.engine.family
        return all((family(one, f).round() == family(other, f).round()).all() for f in families)

    def optional_signatures(self) -> Ints:
        """Members of ``sign`` that neither the scenario nor a decision asks for."""
        case = self.case
        asked = case.decisions[(case.decisions["what"] == "agreement") & (case.decisions["lower"] > 0)]
        rows = case.decision_members[case.decision_members["d"].isin(asked["d"])]
        bound = {i[0] for i in rows["index"]} | set(case.terms.loc[case.terms["signed"], "e"])
        index = self.engine.arrays.columns["sign"].index
        return np.array([i for i, (e, _) in enumerate(index) if e not in bound], dtype=np.int32)

    def kept(self, x: Floats) -> Bounds:
        """Policy bounds that keep the control and the delay of ``x``; those given where no ties were sought."""
        if self.quality == "quick":
            return self.bounds
        own, limit = self.bounds.min_control_points, self.bounds.max_delay_months
        reached = self.engine.control(x) - CONTROL_SLACK_POINTS
        months = self.engine.value(x, "delay") + DELAY_SLACK_MONTHS
        return replace(
            self.bounds,
            min_control_points=reached if own is None else max(own, reached),
            max_delay_months=months if limit is None else min(limit, months),
        )

    def hold(self, x: Floats, *families: str) -> None:
        for family in families:
            self.engine.fix(family, self.engine.family(x, family).round(6).to_numpy(float))

    def hold_places(self, x: Floats) -> None:
        """Hosts, stacks and halls of ``x`` are held, units are free."""
        self.hold(x, *PATTERN, *HALLS)
        self.engine.fix(UNITS, None)

    def free(self, *whole: str) -> None:
        """Nothing is held, and of all families these alone are whole."""
        for family in (*PATTERN, *HALLS, UNITS):
            self.engine.fix(family, None)
        self.engine.integers(*whole)

    def at_places(self, x: Floats, *held: str) -> Engine:
        """The tree of whole halls at the hosts and stacks of ``x``, and with what else is held of it."""
        return self.engine.searchable(
            {f: self.engine.family(x, f).round(6).to_numpy(float) for f in (*PATTERN, *held)}
        )

    def misses(self, cost: float | None, share: float = 0.9) -> bool:
        """Whether a cost is further from the bound than ``share`` of the gap allowed."""
        return cost is None or self.bound is None or self.gap(cost) > share * self.target

    def gap(self, cost: float) -> float:
        """Share of a cost by which it is above the bound; 0 where there is none."""
        return 0.0 if self.bound is None else (cost - self.bound) / max(abs(cost), 1e-9)

    def within_gap(self, share: float = 0.9) -> float:
        """The most that a plan may cost to be no further from the bound than ``share`` of the gap allowed."""
        if self.bound is None:
            return np.inf
        gap = share * self.target
        return self.bound / (1 - gap if self.bound >= 0 else 1 + gap)

    @property
    def good_enough(self) -> float:
        """Cost at which a plan is within the gap: none is, without a bound."""
        return -np.inf if self.bound is None else self.within_gap(1.0)

    def values(self, found: Solution) -> Floats:
        self.stopped |= found.stopped
        if found.x is None:
            raise Stop(status_of(found))
        return found.x

    @property
    def over(self) -> bool:
        """Whether the time limit is used up or a stop was asked for."""
        return self.stopped or time.perf_counter() - self.began >= self.case.scenario.solve.time_limit_s

    @property
    def done(self) -> bool:
        """Whether a plan in hand is not to be bettered: no time is left, or the case has proven hard."""
        return self.over or self.hard

    def left(self, stage: str) -> float:
        """Seconds left; every stage may have a little even when the limit is used up, to end with a plan."""
        spent = time.perf_counter() - self.began
        reserve = 1.0 if stage in ("hosts and stacks", "direct") else 20.0
        return max(self.case.scenario.solve.time_limit_s - spent, reserve)

    def options(
        self,
        stage: str,
        gap: float = DEFAULT_GAP,
        absolute_gap: float = ABSOLUTE_GAP,
        most_s: float = math.inf,
    ) -> SolveOptions:
        """How far a stage may solve, for ``most_s`` seconds at most; sets the absolute gap of the live model."""
        self.engine.live.set_option("mip_abs_gap", absolute_gap)
        left = min(self.left(stage), most_s)
        if self.stopped:  # the steps that are left end with about the first plan they find
            return SolveOptions(STOPPED_GAP, min(left, STOPPED_S))
        return SolveOptions(gap, left, lambda p: self.progress(stage, p), self.should_stop)

    def solve(
        self, stage: str, options: SolveOptions, start: Floats | None = None, good_enough: float = -np.inf
    ) -> Solution:
        """The live model as it stands, or any plan that is good enough; its seconds count for the stage."""
        return self.timed(stage, lambda: self.engine.live.solve_to(options, start, good_enough))

    def progress(self, stage: str, p: Progress) -> None:
        self.report(stage, p.objective, p.bound, p.gap)

    def report(self, stage: str, best: float | None, bound: float | None, gap: float | None) -> None:
        """The best value of a stage, its bound and gap, in the unit of what it minimises."""
        if self.on_event is not None:
            self.on_event(Event(stage, "", self.elapsed(), best, bound, gap))

    def say(self, stage: str, message: str) -> None:
        if self.on_event is not None:
            self.on_event(Event(stage, message, self.elapsed()))

    def elapsed(self) -> float:
        return round(time.perf_counter() - self.began, 2)

    def timed(self, stage: str, work: Callable[[], T]) -> T:
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
            bound=self.bound if plan is not None or status == PLACES else None,
            gap=gap,
            seconds={k: round(v, 3) for k, v in self.seconds.items()},
            bounds=self.bounds,
            resolved=self.frozen(),
            troubles=troubles or [],
            notes=self.notes,
            stopped=self.stopped,
            regret=regret or {},
            places=self.places,
            control_bound=self.control_bound,
            relaxed_bound=self.relaxed_bound,
            delay_open_months=self.delay_open,
        )

    def frozen(self) -> Scenario:
        """The scenario with the bounds that were in force written into its limits."""
        scenario = self.case.scenario
        return scenario.model_copy(update={"limits": self.bounds.in_limits(scenario.limits)})


def no_plan(whose: str, found: Outcome) -> str:
    """Why there is no plan to go on from, in a sentence: its troubles, else where to look for them or that time ran out."""
    why = "; ".join(f"{trouble.message}; {trouble.cure}" for trouble in found.troubles)
    if not why:
        infeasible = found.status == "infeasible"
        why = "planner explain says what would have to give" if infeasible else "none was found in time"
    return f"{whose} no plan ({found.status}): {why}"


def status_of(found: Solution) -> str:
    known = {Status.INFEASIBLE: "infeasible", Status.UNBOUNDED: "unbounded"}
    return known.get(found.status, "no-solution")
