"""One live HiGHS per model: pass the arrays once, change bounds, costs or coefficients, and solve again hot.

Values are handed out only after the status says that they can be trusted: an LP that did not converge has
none, a MIP that was stopped has its best solution and its bound. Threads are 1: two processes beat two
threads.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import highspy
import numpy as np
from highspy import HighsModelStatus as Model
from numpy.typing import ArrayLike, NDArray

from planner.facts.errors import InternalError
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.progress import DEFAULT_GAP, Progress, SolveOptions
from planner.solver.solution import Solution, Status, relative_gap
from planner.solver.watch import Watch

PERTURBATION = "dual_simplex_cost_perturbation_multiplier"
PRIMAL_PERTURBATION = "primal_simplex_bound_perturbation_multiplier"
SIMPLEX, DUAL, PRIMAL = "simplex_strategy", 1, 4
SMALLER_PROGRAMMES = tuple(f"mip_heuristic_run_{name}" for name in ("rins", "rens", "root_reduced_cost"))
PIVOTS, NODES, NO_LIMIT = "simplex_iteration_limit", "mip_max_nodes", 2**31 - 1
_FEASIBLE_POINT = 2  # HiGHS: kSolutionStatusFeasible
_ROW_WISE = 2
Where = Any
"""Rows or columns: a number, an array of numbers, a component's name, or (name, index)."""


class SolverError(InternalError):
    """HiGHS refused a call; the message names it."""


class LiveHighs:
    """A HiGHS object that holds one model and is changed in place. Not for two threads at once: take `lock`.

    `options` are HiGHS options by name. `log_file` receives HiGHS's own log; nothing is printed.
    """

    def __init__(
        self,
        arrays: Arrays,
        *,
        seed: int = 0,
        options: Mapping[str, Any] | None = None,
        log_file: Path | None = None,
    ) -> None:
        self.arrays = arrays
        self.lock = threading.RLock()
        self.highs = highspy.Highs()
        settings: dict[str, Any] = {
            "output_flag": True,  # progress of a MIP is reported only while output is on
            "log_to_console": False,
            "threads": 1,
            "random_seed": seed,
        }
        if log_file is not None:
            settings["log_file"] = str(log_file)
        for name, value in {**settings, **(options or {})}.items():
            self.call("setOptionValue", name, value)
        self._cost = arrays.cost.copy()
        self._lower, self._upper = arrays.col_lower.copy(), arrays.col_upper.copy()
        self._integer = arrays.integrality.astype(bool)
        self._changed: dict[tuple[int, int], float] = {}
        self._basis_before_mip: highspy.HighsBasis | None = None
        self._cpu_end = np.inf
        self._pass_model()

    # ---- changes

    def set_objective(self, costs: ArrayLike | Mapping[Any, Any], offset: float = 0.0) -> None:
        """Replace the objective: by one cost per column, or by costs of named columns, all others 0."""
        if isinstance(costs, Mapping):
            vector = np.zeros(self.arrays.shape[1])
            for where, cost in costs.items():
                vector[self.columns(where)] = cost
        else:
            vector = np.array(costs, float)
        if not np.array_equal(vector, self._cost):  # a cost passed again is a cost changed, for a hot start
            self._pass_cost(vector)
        self._cost = vector
        self.call("changeObjectiveOffset", float(offset))

    def set_col_bounds(self, cols: Where, lower: ArrayLike, upper: ArrayLike) -> None:
        """Set both bounds of some columns. An absent bound is plus or minus infinity, never a large
        number.
        """
        numbers, low, high = _matched(self.columns(cols), lower, upper)
        self.call("changeColsBounds", len(numbers), numbers, low, high)
        self._lower[numbers], self._upper[numbers] = low, high

    def set_row_bounds(self, rows: Where, lower: ArrayLike, upper: ArrayLike) -> None:
        """Set both bounds of some rows. An absent bound is plus or minus infinity, never a large number."""
        numbers, low, high = _matched(self.rows(rows), lower, upper)
        self.call("changeRowsBounds", len(numbers), numbers, low, high)

    def change_coefficient(self, row: Where, col: Where, value: float) -> None:
        """Set one entry of the matrix.

        HiGHS then forgets the factors of the basis and its steepest edge weights, which cost as much as a
        hundred pivots: an entry that is as it was is not passed again.
        """
        (row_number,), (column_number,) = self.rows(row), self.columns(col)
        at, value = (int(row_number), int(column_number)), float(value)
        if self._changed.get(at) != value:
            self.call("changeCoeff", *at, value)
            self._changed[at] = value

    def set_integrality(self, cols: Where, integer: ArrayLike) -> None:
        """Make columns integer (true) or continuous (false)."""
        numbers = self.columns(cols)
        flags = np.broadcast_to(np.asarray(integer, bool), numbers.shape)
        self.call("changeColsIntegrality", len(numbers), numbers, flags.astype(np.uint8))
        self._integer[numbers] = flags

    def bounded(self) -> Arrays:
        """The arrays within the bounds of columns as they are."""
        return replace(self.arrays, col_lower=self._lower.copy(), col_upper=self._upper.copy())

    def relax(self) -> None:
        """Make every column continuous."""
        self.set_integrality(np.flatnonzero(self._integer), False)

    @property
    def has_integers(self) -> bool:
        """Whether any column is integer now."""
        return bool(self._integer.any())

    @contextmanager
    def unperturbed(self) -> Iterator[None]:
        """For a while, the dual simplex does not perturb costs: a tenth fewer pivots from a near basis."""
        with self._with_option(PERTURBATION, 0.0, 1.0):
            yield

    @contextmanager
    def primal(self) -> Iterator[None]:
        """For a while, simplexes are primal: the best of one goal is near that of another where its own plan is kept in
        bounds, while a dual simplex goes a long way, since no other goal's prices are its own.
        """
        with self._with_option(SIMPLEX, PRIMAL, DUAL), self._with_option(PRIMAL_PERTURBATION, 0.0, 1.0):
            yield

    @contextmanager
    def at_most(self, pivots: int) -> Iterator[None]:
        """For a while, a simplex ends after so many pivots; a solve that is cut short has no values."""
        with self._with_option(PIVOTS, pivots, NO_LIMIT):
            yield

    @contextmanager
    def at_most_nodes(self, nodes: int) -> Iterator[None]:
        """For a while, an integer programme ends after so many nodes, with the best it has found."""
        with self._with_option(NODES, nodes, NO_LIMIT):
            yield

    @contextmanager
    def by_tree(self) -> Iterator[None]:
        """For a while, integer programmes are solved without smaller ones of their own (RINS, RENS, reduced costs): where a
        limit just suffices these find nothing and take most of the time, while a tree of some hundred nodes has a plan.
        """
        with ExitStack() as stack:
            for name in SMALLER_PROGRAMMES:
                stack.enter_context(self._with_option(name, False, True))
            yield

    @contextmanager
    def at_most_cpu_s(self, seconds: float) -> Iterator[None]:
        """For a while, integer programmes end once all of them have taken so many processor seconds of this thread: other
        work on the machine does not change what they find.
        """
        before, self._cpu_end = self._cpu_end, min(self._cpu_end, time.thread_time() + seconds)
        try:
            yield
        finally:
            self._cpu_end = before

    @contextmanager
    def _with_option(self, name: str, value: float | bool, usual: float | bool) -> Iterator[None]:
        """An option of HiGHS for a while, and its usual value after it."""
        self.call("setOptionValue", name, value)
        try:
            yield
        finally:
            self.call("setOptionValue", name, usual)

    @contextmanager
    def closed(self, cols: Where) -> Iterator[None]:
        """For a while, some columns are held at 0."""
        numbers = self.columns(cols)
        lower, upper = self._lower[numbers].copy(), self._upper[numbers].copy()
        self.set_col_bounds(numbers, 0.0, 0.0)
        try:
            yield
        finally:
            self.set_col_bounds(numbers, lower, upper)

    # ---- solving

    def set_option(self, name: str, value: Any) -> None:
        """Set a HiGHS option by name; SolverError if HiGHS does not know it."""
        self.call("setOptionValue", name, value)

    def clear(self) -> None:
        """Forget basis and incumbent: the next solve starts cold."""
        self._basis_before_mip = None
        self.call("clearSolver")

    def basis(self) -> highspy.HighsBasis:
        """The basis of the last LP, for ``set_basis`` of any live HiGHS of the same shape."""
        return self.highs.getBasis()

    def set_basis(self, basis: highspy.HighsBasis) -> None:
        """Start the next LP from a basis."""
        self._basis_before_mip = None
        self.call("setBasis", basis)

    def solve(
        self,
        *,
        gap: float | None = None,
        time_limit_s: float | None = None,
        start: Floats | tuple[ArrayLike, ArrayLike] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        good_enough: float | None = None,
        duals: bool = True,
    ) -> Solution:
        """Solve the model as it stands; an LP goes on from the basis of the last LP.

        `gap` is the relative gap at which a MIP may end; it also ends at a solution whose objective is at most
        `good_enough` (when minimising). `start` is a value per column, or (columns,
        values) of the integer ones: HiGHS completes it by an LP and ignores it if that is infeasible (and
        always for an LP). `should_stop` is polled while HiGHS runs (in a MIP about twice a second, not
        during presolve); when it turns true the best solution is kept. An exception in either callback ends
        the solve and is raised here. Without `duals` the solution has none, which spares copies of them.
        """
        with self.lock:
            began = time.perf_counter()
            self.call("setOptionValue", "mip_rel_gap", DEFAULT_GAP if gap is None else gap)
            self.call("setOptionValue", "objective_target", -np.inf if good_enough is None else good_enough)
            mip = self.has_integers
            self._carry_basis(mip)
            if start is not None and mip:
                self._set_start(start)
            # HiGHS holds the limit of an LP itself; a poll at every pivot would keep other threads waiting
            watched_s = time_limit_s if mip else None
            watch = Watch(self.highs, on_progress, should_stop, watched_s, self._cpu_end if mip else np.inf)
            before = self.highs.getBasis()
            status = self._run(watch, time_limit_s, began)
            if status in (Model.kUnboundedOrInfeasible, Model.kUnbounded):
                why = self._why_no_optimum(status, watch, time_limit_s, began)
                found = self._without_values(why, watch, began)
            else:
                found = self._solution(status, watch, began, duals)
            if before.valid and not mip and not self.highs.getBasis().valid:
                # what could not be told from a basis was solved without one: the next LP is near that basis
                self.set_basis(before)
            return found

    def solve_to(
        self, options: SolveOptions, start: Floats | None = None, good_enough: float | None = None
    ) -> Solution:
        """``solve`` as far as the options say."""
        return self.solve(
            gap=options.gap,
            time_limit_s=options.time_limit_s,
            start=start,
            on_progress=options.on_progress,
            should_stop=options.should_stop,
            good_enough=good_enough,
        )

    def _run(self, watch: Watch, time_limit_s: float | None, began: float) -> Model:
        """One run of HiGHS, and a second from scratch if the first could not tell."""
        for attempt in range(2):
            # HiGHS counts the time of all runs of an object.
            left = np.inf if time_limit_s is None else max(0.0, began + time_limit_s - time.perf_counter())
            self.call("setOptionValue", "time_limit", self.highs.getRunTime() + left)
            with watch:
                self.highs.run()
            status = self.highs.getModelStatus()
            if status not in (Model.kUnknown, Model.kSolveError, Model.kPostsolveError) or attempt:
                break
            self.call("clearSolver")
        return status

    def _why_no_optimum(
        self, status: Model, watch: Watch, time_limit_s: float | None, began: float
    ) -> Status:
        """Infeasible or unbounded: a model that is feasible without its objective is unbounded."""
        if status == Model.kUnbounded and not self.has_integers:
            return Status.UNBOUNDED
        self._pass_cost(np.zeros_like(self._cost))
        try:
            verdict = self._run(watch, time_limit_s, began)
        finally:
            self._pass_cost(self._cost)
        if verdict in (Model.kOptimal, Model.kModelEmpty):
            return Status.UNBOUNDED
        return Status.INFEASIBLE if verdict == Model.kInfeasible else Status.NO_SOLUTION

    def _solution(self, status: Model, watch: Watch, began: float, duals: bool) -> Solution:
        info = self.highs.getInfo()
        mip = self.has_integers
        duals = duals and not mip
        if status == Model.kInfeasible:
            return self._without_values(Status.INFEASIBLE, watch, began)
        if status in _FAILED:
            return self._without_values(Status.ERROR, watch, began)
        solved = status in (Model.kOptimal, Model.kModelEmpty)
        if not solved and not (mip and info.primal_solution_status == _FEASIBLE_POINT):
            bound = _finite(info.mip_dual_bound) if mip else None
            return self._without_values(Status.NO_SOLUTION, watch, began, bound)
        values = self.highs.getSolution()
        objective = float(info.objective_function_value)
        bound = _finite(info.mip_dual_bound) if mip and status != Model.kModelEmpty else objective
        return Solution(
            status=Status.OPTIMAL if solved else Status.FEASIBLE,
            objective=objective,
            bound=bound,
            gap=relative_gap(objective, bound),
            x=np.array(values.col_value),
            row_dual=np.array(values.row_dual) if duals else None,
            col_dual=np.array(values.col_dual) if duals else None,
            seconds=time.perf_counter() - began,
            nodes=max(0, int(info.mip_node_count)),
            iterations=self._iterations(),
            stopped=watch.stopped,
        )

    def _without_values(
        self, status: Status, watch: Watch, began: float, bound: float | None = None
    ) -> Solution:
        nodes = max(0, int(self.highs.getInfo().mip_node_count))
        seconds = time.perf_counter() - began
        return Solution(
            status, None, bound, None, None, None, None, seconds, nodes, self._iterations(), watch.stopped
        )

    def _iterations(self) -> int:
        info = self.highs.getInfo()
        return max(0, int(info.simplex_iteration_count)) + max(0, int(info.ipm_iteration_count))

    def _carry_basis(self, mip: bool) -> None:
        """Over a MIP, which leaves no basis of use for the LP after it."""
        if mip:
            basis = self.highs.getBasis()
            self._basis_before_mip = basis if basis.valid else self._basis_before_mip
        elif self._basis_before_mip is not None:
            self.set_basis(self._basis_before_mip)

    def _set_start(self, start: Floats | tuple[ArrayLike, ArrayLike]) -> None:
        if isinstance(start, tuple):
            columns, values = np.asarray(start[0], np.int32), np.array(start[1], float)
            values = np.where(self._integer[columns], np.round(values), values)
            self.call("setSolution", len(columns), columns, values)
            return
        point = highspy.HighsSolution()
        point.col_value = np.where(self._integer, np.round(start), start).tolist()
        self.call("setSolution", point)

    # ---- names

    def columns(self, where: Where) -> NDArray[np.int32]:
        """Column numbers of a variable's name, a (name, index) pair, a number or an array of numbers."""
        return _numbers(where, self.arrays.columns)

    def rows(self, where: Where) -> NDArray[np.int32]:
        """Row numbers of a rule's name, a (name, index) pair, a number or an array of numbers."""
        return _numbers(where, self.arrays.rows)

    # ---- HiGHS

    def _pass_model(self) -> None:
        a = self.arrays
        height, width = a.shape
        sense = highspy.ObjSense.kMaximize if a.maximize else highspy.ObjSense.kMinimize
        vectors = (a.cost, a.col_lower, a.col_upper, a.row_lower, a.row_upper)
        ends, columns = (part.astype(np.int32, copy=False) for part in (a.matrix.indptr, a.matrix.indices))
        matrix = (ends, columns, a.matrix.data)
        sizes = (width, height, a.matrix.nnz, _ROW_WISE, int(sense), a.offset)
        self.call("passModel", *sizes, *vectors, *matrix, a.integrality)

    def _pass_cost(self, cost: Floats) -> None:
        self.call("changeColsCost", len(cost), np.arange(len(cost), dtype=np.int32), cost)

    def call(self, method: str, *args: Any) -> None:
        """One call of HiGHS by name; SolverError if it refuses."""
        if getattr(self.highs, method)(*args) == highspy.HighsStatus.kError:
            shown = args if method == "setOptionValue" else ""
            raise SolverError(f"HiGHS refused {method}{shown}")


_FAILED = (
    Model.kNotset,
    Model.kLoadError,
    Model.kModelError,
    Model.kPresolveError,
    Model.kSolveError,
    Model.kPostsolveError,
    Model.kUnknown,
)


def _numbers(where: Where, blocks: Mapping[str, Block]) -> NDArray[np.int32]:
    if isinstance(where, str):
        block = blocks[where]
        return np.arange(block.start, block.stop, dtype=np.int32)
    if isinstance(where, tuple) and len(where) == 2 and isinstance(where[0], str):
        return np.array([blocks[where[0]].position(where[1])], np.int32)
    return np.atleast_1d(np.asarray(where)).astype(np.int32)


def _matched(numbers: NDArray[np.int32], lower: ArrayLike, upper: ArrayLike) -> tuple[Any, Floats, Floats]:
    """Numbers and bounds of one length, in ascending order as HiGHS wants them."""
    order = np.argsort(numbers, kind="stable")
    sides = (np.broadcast_to(np.asarray(side, float), numbers.shape)[order] for side in (lower, upper))
    low, high = sides
    return numbers[order], low, high


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
