"""A case as a live model: one HiGHS object whose objective and policy bounds are changed in place.

    engine = Engine(case)
    engine.policy(Bounds(max_delay_months_by_workload={"chat": 4.0}, min_control_points=60))
    engine.minimise("cost")
    solution = engine.live.solve(gap=0.01)

Cost, delay and control are variables of the model, so each objective is one number and each bound on an
objective is a bound of a column or one coefficient: nothing is rebuilt between two solves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from planner.case.bounds import UNBOUNDED, Bounds
from planner.case.case import Case
from planner.case.registry import ADOPTION, COUNTED, LEVEL, ONCE, families
from planner.models.build import build_model
from planner.solver.aggregate import Aggregation
from planner.solver.arrays import Arrays, Floats
from planner.solver.compile import compile_model
from planner.solver.floors import FLOOR, FLOORS, with_floors
from planner.solver.highs import LiveHighs
from planner.solver.lumps import with_lumps
from planner.solver.means import Means
from planner.solver.members import Ints
from planner.solver.progress import SolveOptions
from planner.solver.reduce import Reduction, reduce
from planner.solver.solution import Solution, Status
from planner.solver.totals import Ends, ends

GOALS = {
    "cost": {"cost": 1.0},
    "delay": {"delay": 1.0},
    "control": {"control": -1.0},
    "served": {"served": 1.0},
}
Goal = tuple[str, object]
"""Name of what is minimised, and what tells it from others of that name: the share of what is served that counts against
control; of a sum, which has no name, an object of its own.
"""
PATTERN = (*families("binary"), ADOPTION, LEVEL)
"""Binary families: which hosts open and agreements are signed when, which stacks are adopted, which levels are held."""
HALLS = (*families("integer"), *COUNTED)
"""Integer families at the places: halls, and units of plant."""
PLACED = "placed"
"""Of these, the places of training runs."""
YES_OR_NO = "several"
"""Of these, what is no amount: whether more than a unit of a kind of plant stands."""
UNITS = "units"
ANY_AMOUNT = families("continuous")
"""Families that are bought in any amount, by period."""
STALLS_AT_PIVOTS_BY_ROW = 0.3
"""Pivots a row after which a hot simplex is stalling (mostly: the point is infeasible); about half of a cold solve. Not
seconds: on a busy machine every point would seem to stall."""
LEAST_STALL_PIVOTS = 3000
SWEEP_STALLS_AT_PIVOTS_BY_ROW = 0.6
"""Of a sweep, whose points are near: with all options of power an interior point takes as long as one and a half a row."""
DEVEX = "simplex_dual_edge_weight_strategy", 1
"""HiGHS's option for prices that start from any basis at no cost, where exact steepest edge weights are lost with it."""
POLICIES = ("delay_w", "delay", "cost", "served", "control", "unfinished")
"""Columns whose bounds and costs say what is asked."""
POLICY_ROWS = (FLOOR,)
DEFINED = (
    ("whole_units", "units"), ("preemptible_mean", "serve"), ("energy_balance", "grid_import"),
    ("energy_colocation", "grid_import"), ("heat_balance", "heat"), ("heat_peak", "heat"),
    ("it_load_balance", "it_load"), ("it_peak_balance", "it_peak"), ("space_stock", "space_mw"),
)  # fmt: skip
"""Rows that define a column each. The stock of a fleet stays: put into every row, it fills the matrix."""
LARGE_NONZEROS = 250_000
"""Non-zeros of a model from which on what is searched is aggregated first: there a linear programme is what costs."""
MIDDLE_NONZEROS = 150_000
"""From here on preemptible work of clouds is counted by its mean in what is searched."""
REDUCTIONS_KEPT = 4
"""Of one case and its neighbours: hosts and stacks that were held last are mostly held again."""
WHOLE_MONTHS = 1e-6
"""Months by which a cap on delay may be exceeded."""
DINKELBACH_STEPS = 12
DINKELBACH_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Basis:
    """Where a linear programme ended: HiGHS's basis, and which of its rows for floors was asked for, if it has any; and
    what was minimised."""

    highs: highspy.HighsBasis
    floor: int | None
    goal: Goal


class Engine:
    """The compiled model of a case, its ledger entries and one live HiGHS."""

    def __init__(self, case: Case, log_file: Path | None = None) -> None:
        model, entries = build_model(case)
        self._adopt(case, entries, compile_model(model), log_file)

    def _adopt(
        self,
        case: Case,
        entries: pd.DataFrame,
        arrays: Arrays,
        log_file: Path | None,
        reduction: Reduction | None = None,
        reductions: dict[Any, Reduction] | None = None,
        smaller: Aggregation | Means | None = None,
        means: Means | None = None,
        lumped: Arrays | None = None,
    ) -> None:
        self.case, self.entries, self.arrays, self.reduction = case, entries, arrays, reduction
        self._smaller, self._means, self._lumped, self._as_is = smaller, means, lumped, False
        solved = arrays if reduction is None else reduction.arrays
        self.live = LiveHighs(solved, seed=case.scenario.solve.seed, log_file=log_file)
        self._goal: Goal = "", None
        self._best_for: Goal | None = None
        """The goal of the basis from which the next linear programme may go on; None without one."""
        self._floors = np.zeros(0)
        self._stalls_at(STALLS_AT_PIVOTS_BY_ROW)
        self._trees: dict[tuple[str, ...], Engine] = {}
        self._reductions = {} if reductions is None else reductions
        """Of these arrays, by all else that they depend on."""
        self.asked = UNBOUNDED
        """The policy bounds in force."""

    def _stalls_at(self, pivots_by_row: float) -> None:
        """Pivots after which a hot simplex is given up for an interior point."""
        self._stall_pivots = self.stall_pivots(pivots_by_row)

    def stall_pivots(self, by_row: float) -> int:
        """Pivots of a stall at so many a row; a small programme has some thousand in any case."""
        return max(LEAST_STALL_PIVOTS, int(by_row * self.live.arrays.shape[0]))

    def for_case(self, case: Case) -> Engine:
        """The same arrays for a case that differs in policy bounds only (limits on delay, control, cost)."""
        other = object.__new__(Engine)
        shared = self._reductions, self._smaller, self._means, self._lumped
        other._adopt(case, self.entries, self.arrays, None, None, *shared)
        return other

    @classmethod
    def of_arrays(cls, case: Case, arrays: Arrays) -> Engine:
        """Of given arrays with the columns of the case's model and perhaps more, which are searched as they are."""
        other = object.__new__(cls)
        other._adopt(case, pd.DataFrame(), arrays, None)
        other._as_is = True
        return other

    def within_bounds(self, case: Case, arrays: Arrays) -> Engine:
        """The same columns within other bounds and rows, those of ``arrays``, for a case that differs in what they say."""
        other = object.__new__(Engine)
        other._adopt(case, self.entries, arrays, None)
        return other

    @property
    def warm(self) -> bool:
        """Whether the next linear programme may go on from a basis."""
        return self._best_for is not None

    @property
    def large(self) -> bool:
        """Whether what is searched is aggregated first: a rule by measured size."""
        return int(self.arrays.matrix.nnz) >= LARGE_NONZEROS

    @property
    def middle(self) -> bool:
        """Whether every linear programme takes a few tenths of a second or more."""
        return int(self.arrays.matrix.nnz) >= MIDDLE_NONZEROS

    @property
    def spare(self) -> bool:
        """Whether a unit of plant may be lost somewhere."""
        return self.arrays.columns[YES_OR_NO].size > 0

    @property
    def smaller(self) -> Arrays:
        """The arrays that are searched: those of the model, made smaller where they are large."""
        if self._as_is or not (self.large or self.middle):
            return self.arrays
        if self._smaller is None:
            self._smaller = Aggregation(self.arrays) if self.large else self.means
        return self._smaller.arrays

    @property
    def lumped(self) -> Arrays:
        """The arrays in which plans of whole halls are searched: of a small case with the price of lumps."""
        return self.smaller if self._as_is or self.large or self.middle else self._of_lumps

    @property
    def _of_lumps(self) -> Arrays:
        """All columns with the price of lumps; made once."""
        if self._lumped is None:
            self._lumped = with_lumps(self.arrays)
        return self._lumped

    def of_lumps(self, *whole: str) -> Engine:
        """Least cost on all columns under the policy bounds in force, with these families whole and the price of lumps."""
        other = self.within_bounds(self.case, self._of_lumps)
        other.policy(self.asked)
        other.minimise("cost")
        other.integers(*whole)
        return other

    @property
    def means(self) -> Means:
        """The arrays with preemptible work of clouds by its mean; made once."""
        if self._means is None:
            self._means = Means(self.arrays)
        return self._means

    def held(self, pattern: Mapping[str, Sequence[float] | Floats]) -> Engine:
        """A linear programme for sweeps: families held at values, all they settle left out, all else continuous.

        It answers ``policy``, ``minimise``, ``minimise_sum`` (of all but work by slice) and ``lp``; solutions have values
        of all columns and no duals.
        """
        return self._reduced(self.means.arrays, pattern, POLICY_ROWS, (), smaller=self.means)

    def searchable(
        self,
        pattern: Mapping[str, Floats] | None = None,
        closed: Mapping[str, Ints] | None = None,
        spare: bool = False,
        whole: bool = True,
    ) -> Engine:
        """A linear programme for the search for places, or for whole halls where these are held.

        What is searched keeps its columns; all else is as in ``held``. ``closed``: members of families held at 0.
        Without either it is made once. Where halls and runs are to be ``whole`` in the end, parts of halls keep what whole
        ones do (``lumps``), and places of training runs are searched; with ``spare``, and where a unit of plant may be lost,
        whether more than one stands.
        """
        rows, arrays = self._kept_rows, self.lumped if whole else self.smaller
        if pattern is not None:
            return self._reduced(arrays, pattern, rows, (*PATTERN, *HALLS))
        if closed is not None:
            return self._reduced(arrays, {}, rows, (*PATTERN, PLACED), closed)
        own = (*PATTERN, *((PLACED,) if whole else ()), *((YES_OR_NO,) if spare and self.spare else ()))
        if own not in self._trees:
            self._trees[own] = self._reduced(arrays, {}, rows, own)
        return self._trees[own]

    @cached_property
    def ends(self) -> Ends:
        """When contracts on rented plant are over."""
        return ends(self.case)

    @property
    def whole_halls(self) -> tuple[str, ...]:
        """Of ``HALLS``, the families that come in whole numbers by nature; halls of the late years may come in parts."""
        whole = self.arrays.integrality.astype(bool)
        return tuple(family for family in HALLS if whole[self.arrays.columns[family].slice].any())

    @property
    def _kept_rows(self) -> tuple[str, ...]:
        """Rules whose rows stay in a programme for the search."""
        return (*POLICY_ROWS, *(rule for rule in ONCE.values() if rule in self.arrays.rows))

    def programme(self, goal: str) -> Arrays:
        """``smaller`` with a goal as its cost and the policy bounds in force as its own."""
        arrays = self.smaller
        cost, upper = np.zeros(arrays.shape[1]), arrays.col_upper.copy()
        for column, weight in GOALS[goal].items():
            cost[arrays.columns[column].slice] = weight
        for column, most in self._caps(self.asked).items():
            upper[arrays.columns[column].slice] = most
        floor, served = arrays.rows[FLOOR].start, arrays.columns["served"].start
        change = -self.asked.min_control_share - arrays.matrix[floor, served]
        matrix = csr_array(arrays.matrix + csr_array(([change], ([floor], [served])), shape=arrays.shape))
        return replace(arrays, matrix=matrix, cost=cost, col_upper=upper, offset=0.0)

    def widened(self, x: Floats) -> Floats:
        """Values of all columns of the model from those of ``smaller``."""
        return x if self._smaller is None else self._smaller.full(x)

    def within(self, lower: Floats, upper: Floats, tightened: Sequence[str] = ()) -> Engine:
        """A linear programme like ``searchable`` on the columns of ``smaller`` within these bounds."""
        defined = [pair for pair in DEFINED if pair[1] not in tightened]
        reduction = reduce(self.smaller, lower, upper, POLICIES, self._kept_rows, defined, tightened)
        return self._with(reduction.with_totals(tightened, self.ends), self._smaller)

    def _reduced(
        self,
        arrays: Arrays,
        pattern: Mapping[str, Sequence[float] | Floats],
        rows: Sequence[str],
        tightened: Sequence[str],
        closed: Mapping[str, Ints] | None = None,
        smaller: Aggregation | Means | None = None,
    ) -> Engine:
        """An engine on what is left with families held at values; see ``reduce`` for rows and columns."""
        held = {family: self._whole(family, np.asarray(values, float)) for family, values in pattern.items()}
        key = (
            tuple((family, values.tobytes()) for family, values in held.items()),
            tuple(rows),
            tuple(tightened),
            smaller is None,
            arrays is self.smaller,
            tuple((family, tuple(at.tolist())) for family, at in (closed or {}).items()),
        )
        if key not in self._reductions:
            lower, upper = arrays.col_lower.copy(), arrays.col_upper.copy()
            for family, values in held.items():
                at = arrays.columns[family].slice
                lower[at] = upper[at] = values
            for family, members in (closed or {}).items():
                own = arrays.columns[family].start + members
                lower[own] = upper[own] = 0.0
            if len(self._reductions) >= REDUCTIONS_KEPT:
                del self._reductions[next(iter(self._reductions))]
            reduction = reduce(arrays, lower, upper, POLICIES, rows, DEFINED, tightened)
            self._reductions[key] = reduction.with_totals(tightened, self.ends)
        return self._with(self._reductions[key], smaller or self._smaller)

    def _with(self, reduction: Reduction, smaller: Aggregation | Means | None) -> Engine:
        other = object.__new__(Engine)
        other._adopt(self.case, self.entries, self.arrays, None, reduction, None, smaller)
        return other

    def with_floors(self, shares: Sequence[float]) -> Engine:
        """A second live HiGHS on this programme, warm where this one is, in which a floor on control (share of what is
        served) is a change of bounds where it is one of ``shares``. Only of ``held`` and ``searchable``.
        """
        assert self.reduction is not None
        other = self._with(
            replace(self.reduction, arrays=with_floors(self.reduction.arrays, shares)), self._smaller
        )
        other._floors = np.array(shares, float)
        other._stalls_at(SWEEP_STALLS_AT_PIVOTS_BY_ROW)
        # the factors of a basis grown over hundreds of pivots cost more than new ones: a twentieth of a sweep
        other.live.set_option("no_unnecessary_rebuild_refactor", False)
        with self.live.lock:
            if self.warm:
                basis = self.live.basis()
                basis.row_status = [*basis.row_status, *[highspy.HighsBasisStatus.kBasic] * len(shares)]
                other.live.set_basis(basis)
                other._best_for = self._best_for
        return other

    def basis(self) -> Basis:
        """Of the last linear programme, for ``go_on_from``."""
        asked = np.flatnonzero(self._floors == self.asked.min_control_share)
        return Basis(self.live.basis(), int(asked[0]) if len(asked) else None, self._best_for or self._goal)

    def go_on_from(self, basis: Basis) -> bool:
        """Start the next linear programme from a basis of this one, or of this one ``with_floors``; whether it can.

        HiGHS then works out factors and edge weights anew, which costs as much as some hundred pivots.
        """
        known, height = basis.highs, self.live.arrays.shape[0]
        rows = known.row_status
        if len(rows) > height:
            own, columns = rows[:height], known.col_status
            if basis.floor is not None:
                own[self.live.rows(FLOOR)[0]] = rows[height + basis.floor]
            basic = highspy.HighsBasisStatus.kBasic
            if own.count(basic) + columns.count(basic) != height:
                return False
            known = highspy.HighsBasis()
            known.row_status, known.col_status, known.valid = own, columns, True
            known.alien = False  # HiGHS would work out factors to see that it is regular, and again to use it
        self.live.set_basis(known)
        self._best_for = basis.goal
        return True

    @contextmanager
    def aside(self) -> Iterator[None]:
        """For a while, something else is asked; policy bounds and the basis to go on from are then as they were."""
        asked, basis = self.asked, self.basis()
        try:
            yield
        finally:
            self.policy(asked)
            self.go_on_from(basis)

    # ---- what is asked

    def minimise(self, goal: str, control_share: float = 0.0) -> None:
        """Minimise ``cost`` (MUSD), ``delay`` (months) or what is ``served`` (weighted work), or maximise
        ``control - control_share x served``.
        """
        costs = dict(GOALS[goal])
        if goal == "control" and control_share:
            costs["served"] = control_share
        self._goal = goal, control_share
        self.live.set_objective(costs)

    @property
    def from_slacks(self) -> bool:
        """Whether a dual simplex without a basis is sooner at the end than an interior point.

        Months of delay are at least 0, so that slacks are dual feasible for their sum; under a cap on cost it is a long way.
        """
        return self._goal[0] == "delay" and self.asked.max_cost_musd is None

    def minimise_sum(self, weights: Floats) -> None:
        """Minimise a weighted sum of all columns."""
        self._goal = "", object()
        if self.reduction is None:
            self.live.set_objective(weights)
            return
        own = self._smaller.goal(weights) if isinstance(self._smaller, Means) else weights
        self.live.set_objective(*self.reduction.cost(own))

    def policy(self, bounds: Bounds = UNBOUNDED) -> None:
        """Set all policy bounds at once, in place of those before."""
        self.asked = bounds
        for column, most in self._caps(bounds).items():
            self.live.set_col_bounds(column, -np.inf if column == "cost" else 0.0, most)
        share = bounds.min_control_share
        asked = self._floors == share
        if len(asked):
            self.live.set_row_bounds(FLOORS, np.where(asked, 0.0, -np.inf), np.inf)
        self.live.change_coefficient(FLOOR, "served", 0.0 if asked.any() else -share)

    def _caps(self, bounds: Bounds) -> dict[str, Any]:
        """Most that each column of policy may be."""
        months, musd = bounds.max_delay_months, bounds.max_cost_musd
        by_workload = bounds.max_delay_months_by_workload
        return {
            "delay_w": [by_workload.get(w, np.inf) for w in self.delay_names],
            "delay": np.inf if months is None else months,
            "cost": np.inf if musd is None else musd,
            "unfinished": self.may_be_left(bounds),
        }

    def limits(self, bounds: Bounds) -> Floats:
        """All that policy bounds ask for, in one row: the most of each column of policy, then the share of control."""
        caps = [np.ravel(most) for most in self._caps(bounds).values()]
        return np.concatenate([*caps, [bounds.min_control_share]])

    def limit_prices(self) -> tuple[Floats, float]:
        """What the last linear programme's objective changes by for a unit more of each of the ``limits`` in force, and what
        it serves.

        A cap that does not bind is worth nothing: a column at its lower bound may cost more. A floor on control is a
        coefficient of what is served: its price is for each unit served.
        """
        found = self.live.highs.getSolution()
        capped = np.concatenate([self.live.columns(column) for column in self._caps(self.asked)])
        floors, duals = [FLOOR, FLOORS] if len(self._floors) else [FLOOR], np.array(found.row_dual)
        floor = sum(duals[self.live.rows(rows)].sum() for rows in floors)
        served = float(np.array(found.col_value)[self.live.columns("served")][0])
        return np.concatenate([np.minimum(np.array(found.col_dual)[capped], 0.0), [floor]]), served

    def may_be_left(self, bounds: Bounds) -> Floats:
        """1 for training runs that may be left undone under the caps on delay, 0 for those whose months alone exceed one.

        A run is done or not, which the linear programme does not know: without this it leaves a part of one.
        """
        names, months, weighted = self._runs
        own = np.array([bounds.max_delay_months_by_workload.get(w, np.inf) for w in names])
        cap = np.inf if bounds.max_delay_months is None else bounds.max_delay_months
        return np.where((months > own + WHOLE_MONTHS) | (weighted > cap + WHOLE_MONTHS), 0.0, 1.0)

    @cached_property
    def _runs(self) -> tuple[list[str], Floats, Floats]:
        """Workload of each training run, the months of delay if it is left undone, and these weighted."""
        runs = self.case.trainings
        months = runs["months"].to_numpy(float)
        return (
            runs["w"].to_list(),
            months,
            months * runs["w"].map(self.case.workloads["priority"]).to_numpy(float),
        )

    def integers(self, *families: str) -> None:
        """Make exactly these families integer; all others are continuous."""
        self.live.relax()
        for family in families:
            self.live.set_integrality(family, True)

    def fix(self, family: str, values: Floats | None) -> None:
        """Hold a family at given values (rounded where it is integer by nature), or free it again."""
        columns = self.live.columns(family)
        if values is None:
            lower, upper = self.live.arrays.col_lower[columns], self.live.arrays.col_upper[columns]
        else:
            lower = upper = self._whole(family, values)
        self.live.set_col_bounds(columns, lower, upper)

    def _whole(self, family: str, values: Floats) -> Floats:
        """Values of a family, rounded where it is integer by nature."""
        whole = self.arrays.integrality[self.arrays.columns[family].slice].astype(bool)
        return np.where(whole, np.round(values), values)

    def lp(
        self,
        time_limit_s: float | None = 120.0,
        cold: bool = False,
        should_stop: Callable[[], bool] | None = None,
    ) -> Solution:
        """Solve the linear programme as it stands: interior point when cold, simplex from the last basis, which is a primal
        one where the goal is another than it was: the last optimum mostly keeps its bounds.

        Proving a point infeasible can take the hot simplex minutes and the interior point a second, so a
        simplex that stalls is stopped and the interior point decides.
        """
        solve = partial(
            self.live.solve, time_limit_s=time_limit_s, should_stop=should_stop, duals=self.reduction is None
        )
        if self.warm and not cold:
            near = self.live.unperturbed() if self._goal == self._best_for else self.live.primal()
            with near, self.live.at_most(self._stall_pivots):
                found = solve()
            if found.status is not Status.NO_SOLUTION:
                self._best_for = self._goal
                return self.whole(found)
        self.live.clear()
        self.live.set_option("solver", "ipm")
        try:
            found = solve()
        finally:
            self.live.set_option("solver", "choose")
        self._best_for = None if found.x is None else self._goal
        return self.whole(found)

    def solve(self, **options: Any) -> Solution:
        """``live.solve``, with values of all columns of the model."""
        return self.whole(self.live.solve(**options))

    def whole(self, found: Solution) -> Solution:
        """The solution in all columns of the model."""
        if self.reduction is None or found.x is None:
            return found
        x = self.reduction.full(found.x)
        return replace(found, x=self.widened(x), row_dual=None, col_dual=None)

    # ---- what came out

    @property
    def delay_names(self) -> list[str]:
        """Workloads in the order of the columns ``delay_w``."""
        return [str(i[0]) for i in self.arrays.columns["delay_w"].index]

    def value(self, x: Floats, name: str) -> float:
        """Value of a scalar variable."""
        return float(x[self.arrays.columns[name].start])

    def family(self, x: Floats, name: str) -> pd.Series:
        """Values of an indexed variable, labelled by its index."""
        return self.arrays.series(name, x)

    def delays(self, x: Floats) -> dict[str, float]:
        """Months of delay by workload."""
        return dict(zip(self.delay_names, self.family(x, "delay_w").to_list(), strict=True))

    def control(self, x: Floats) -> float:
        """Control of what is served, 0-100; 0 where nothing is served."""
        served = self.value(x, "served")
        return 100.0 * self.value(x, "control") / served if served > 1e-9 else 0.0

    def most_control(self, options: SolveOptions | None = None, near: float = 0.0) -> Solution:
        """Maximise control of what is served, a ratio, by Dinkelbach's steps on the live model.

        ``options`` say how far an integer programme is solved, and how long any may take; a linear one is solved by ``lp``.
        ``near``: points (0-100) that the last call reached, if only limits have changed since: it then goes on from there.

        Each step maximises ``control - ratio x served``, at the ratio of the last; it ends when no better
        ratio exists, and is optimal only then. The solution's objective is that of the last step, not the ratio: ask
        ``control(x)``.
        """
        share = near / 100.0
        best: Solution | None = None
        reached = 0.0
        for _ in range(DINKELBACH_STEPS):
            self.minimise("control", share)
            if options is not None and self.live.has_integers:
                found = self.whole(self.live.solve_to(options))
            elif options is not None:
                found = self.lp(options.time_limit_s, should_stop=options.should_stop)
            else:
                found = self.lp(cold=best is None and not near)
            if found.x is None:
                if best is None:
                    return found
                break
            ratio = self.control(found.x) / 100.0
            from_above = best is None and ratio < share - DINKELBACH_TOLERANCE  # ``near`` is out of reach
            if best is None or ratio > reached:
                best, reached = found, ratio
            if ratio <= share + DINKELBACH_TOLERANCE and not from_above:
                return best
            share = ratio
        assert best is not None
        return replace(best, status=Status.FEASIBLE)
