"""Whole units where one of them fills much of a limit of supply: a crew of six racks a quarter.

Servers in parts fill such a limit to the brim, and no rounding of them fits. Least cost or delay gives no hint of which
whole numbers do. The least load of the limits does: from a busiest quarter of 5.91 racks it is a short way to six whole
ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, hstack

from planner.planning.repair import whole_units
from planner.planning.solve_run import SolveRun
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.engine import HALLS, PATTERN, UNITS, Engine
from planner.solver.members import Ints
from planner.solver.solution import Solution

LIMITS = ("crew", "quota_per_period", "quota_window", "quota_cumulative")
"""Rules of the model that cap what is ordered."""
COARSE = 0.13
"""Share of a limit that one unit fills, from which on roundings of many orders may not fit it."""
BUSY = 0.9
"""Load of a limit below which they mostly do."""
ROOM_GAP = 0.01
ROOM_S = 5.0
"""Processor seconds of the programme of whole units: what its heuristics have not found by then, they mostly never find."""
SOON_S = 60.0
"""The same of what follows where it has found none."""
SOON_GAP = 0.02
"""Gap of the least delay of whole units."""


@dataclass(frozen=True)
class Coarse:
    """Rows of the limits in which one unit fills much.

    ``limit``: of each row, which of ``units`` it belongs to: how many of its largest units a limit allows in a period.
    """

    rows: Ints
    limit: Ints
    units: Floats

    @classmethod
    def of(cls, arrays: Arrays) -> Coarse | None:
        """Those of a model; None where it has none."""
        size = _units_of_orders(arrays)
        rows: list[int] = []
        numbers: dict[tuple[str, str], int] = {}
        limit: list[int] = []
        units: list[float] = []
        for rule in LIMITS:
            if rule not in arrays.rows:
                continue
            block = arrays.rows[rule]
            for i, index in enumerate(block.index):
                row = block.start + i
                at = slice(arrays.matrix.indptr[row], arrays.matrix.indptr[row + 1])
                most, cap = size[arrays.matrix.indices[at]] * arrays.matrix.data[at], arrays.row_upper[row]
                largest = most.max(initial=0.0)
                if not (0 < cap < np.inf and largest >= COARSE * cap):
                    continue
                number = numbers.setdefault((rule, str(index[0])), len(numbers))
                if number == len(units):
                    units.append(0.0)
                units[number] = max(units[number], cap / largest)
                rows.append(row)
                limit.append(number)
        return cls(np.array(rows, np.int32), np.array(limit, np.int32), np.array(units)) if rows else None


def _units_of_orders(arrays: Arrays) -> Floats:
    """Of each column that comes in whole units, how much one of them is; 0 of all others."""
    size, block = np.zeros(arrays.shape[1]), arrays.columns[UNITS]
    matrix = arrays.matrix[arrays.rows["whole_units"].slice].tocoo()
    counts = (matrix.col >= block.start) & (matrix.col < block.stop)
    by_row = np.zeros(matrix.shape[0])
    by_row[matrix.row[counts]] = -matrix.data[counts]
    size[matrix.col[~counts]] = by_row[matrix.row[~counts]] / matrix.data[~counts]
    return size


def whole_units_of_least_load(run: SolveRun, x: Floats) -> Solution | None:
    """The best of the objective in force with the hosts, stacks and halls of ``x`` and whole units that load the coarse
    limits little; all these are held. Where none are found, any whole units period by period. None, and nothing held,
    where no limit is coarse and busy, or no units are found.
    """
    engine = run.engine
    coarse = None if engine.middle or engine.large else Coarse.of(engine.arrays)
    if coarse is None:
        return None
    run.say("units", "whole servers and racks that load limits of supply the least")
    units, pivots = run.timed("units", lambda: least_load(engine, coarse, x, run.left("units")))
    run.pivots += run.counted(pivots)
    if units is None:
        return None
    engine.integers()
    if units.x is not None:
        run.hold(units.x, *PATTERN, *HALLS, UNITS)
        found = run.timed("units", lambda: engine.lp(run.left("units")))
    else:
        run.scarce = True
        run.hold_places(x)
        with engine.live.at_most_cpu_s(SOON_S):
            found = run.timed("units", lambda: whole_units(engine, x, SOON_GAP, run.left("units"), np.inf))
    if found.x is None:
        run.free()
        return None
    return found


def least_load(engine: Engine, coarse: Coarse, x: Floats, time_limit_s: float) -> tuple[Solution | None, int]:
    """Whole units at the hosts, stacks and halls of ``x`` that load the coarse limits little, under the policy bounds in
    force, and the pivots it took; without values where none were found, None where servers in parts leave room enough.
    """
    arrays = engine.arrays
    width = arrays.shape[1]
    loaded = engine.within_bounds(engine.case, _with_loads(arrays, coarse))
    loaded.policy(engine.asked)
    loaded.integers()
    for family in (*PATTERN, *HALLS):
        loaded.fix(family, engine.family(x, family).round(6).to_numpy(float))
    loaded.minimise_sum(np.concatenate([np.zeros(width), coarse.units]))
    parts = loaded.lp(time_limit_s)
    if parts.x is None:
        return parts, parts.iterations
    if parts.x[width:].max() < BUSY:
        return None, parts.iterations
    loaded.integers(UNITS)
    any_will_do = float(coarse.units.sum()) + 1.0
    with loaded.live.at_most_cpu_s(ROOM_S):
        found = loaded.solve(gap=ROOM_GAP, time_limit_s=time_limit_s, good_enough=any_will_do)
    pivots = parts.iterations + found.iterations
    return found if found.x is None else replace(found, x=found.x[:width]), pivots


def _with_loads(arrays: Arrays, coarse: Coarse) -> Arrays:
    """The model with a column for each coarse limit, its largest load in any period: at most 1."""
    caps, lower, upper = arrays.row_upper[coarse.rows], arrays.row_lower.copy(), arrays.row_upper.copy()
    number, width = len(coarse.units), arrays.shape[1]
    lower[coarse.rows], upper[coarse.rows] = -np.inf, 0.0
    loads = csr_array((-caps, (coarse.rows, coarse.limit)), shape=(arrays.shape[0], number))
    return replace(
        arrays,
        matrix=csr_array(hstack([arrays.matrix, loads], format="csr")),
        cost=np.concatenate([arrays.cost, np.zeros(number)]),
        col_lower=np.concatenate([arrays.col_lower, np.zeros(number)]),
        col_upper=np.concatenate([arrays.col_upper, np.ones(number)]),
        row_lower=lower,
        row_upper=upper,
        integrality=np.concatenate([arrays.integrality, np.zeros(number, np.int32)]).astype(np.int32),
        columns={**arrays.columns, "load": Block.of(width, range(number))},
    )
