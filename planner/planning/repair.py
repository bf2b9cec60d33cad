"""Whole servers and racks: the running total of each system's orders is rounded, never each small order.

Rounding up keeps every plan that a cap does not bind; where that is infeasible, units are rounded period by
period (``planner.planning.rolling``). Where that finds nothing either, an integer programme picks for every order
the whole number below or above, or one unit more; where whole units do not fit the halls that fractional ones
filled to the brim, the same programme may add halls.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.planning.rolling import in_turn
from planner.solver.arrays import Floats
from planner.solver.engine import HALLS, UNITS, Engine
from planner.solver.solution import Solution

NOISE_UNITS = 1e-4
"""Orders below this many units are noise of the linear programme."""


def rounded_up(units: pd.Series) -> Floats:
    """Whole units per period whose running total by (host, stack, system) is the ceiling of the fractional one.

    >>> index = pd.MultiIndex.from_tuples([("h", "a", "k", t) for t in range(4)])
    >>> rounded_up(pd.Series([0.4, 0.4, 0.4, 0.0], index=index)).tolist()
    [1.0, 0.0, 1.0, 0.0]
    """
    clean = units.where(units > NOISE_UNITS, 0.0)
    total = clean.groupby(level=[0, 1, 2], sort=False).cumsum()
    whole = np.ceil(total - NOISE_UNITS)
    before = whole.groupby(level=[0, 1, 2], sort=False).shift(fill_value=0.0)
    return np.asarray(whole - before, float)


def whole_units(
    engine: Engine, x: Floats, gap: float, time_limit_s: float, good_enough: float = -np.inf
) -> Solution:
    """Round the orders of ``x`` to whole units and solve again for all else; units are fixed afterwards.

    The objective and the policy bounds are the engine's own; hosts, stacks and halls are held by the caller. An integer
    programme ends at its ``gap``, or at an objective that is ``good_enough``.
    """
    units = engine.family(x, UNITS)
    solved = engine.live.basis()
    engine.fix(UNITS, rounded_up(units))
    found = engine.solve(time_limit_s=time_limit_s)
    if found.x is not None:
        return found
    if solved.valid:  # from where units that do not fit have left the simplex it may be a long way back
        engine.live.set_basis(solved)
    found = in_turn(engine, gap, time_limit_s, good_enough)
    if found.x is not None:
        return found
    values = np.maximum(units.to_numpy(float), 0.0)
    columns = engine.live.columns(UNITS)
    engine.live.set_col_bounds(columns, np.maximum(np.floor(values) - 1, 0), np.ceil(values) + 1)
    engine.live.set_integrality(columns, True)
    picked = engine.solve(gap=gap, time_limit_s=time_limit_s, good_enough=good_enough)
    if picked.x is None:
        picked = _with_more_halls(engine, x, gap, time_limit_s, good_enough)
    engine.live.set_integrality(columns, False)
    if picked.x is None:
        engine.fix(UNITS, None)
        return picked
    engine.fix(UNITS, engine.family(picked.x, UNITS).to_numpy(float))
    return engine.solve(time_limit_s=time_limit_s)


def _with_more_halls(
    engine: Engine, x: Floats, gap: float, time_limit_s: float, good_enough: float
) -> Solution:
    """The programme of whole units with whole halls on top of those of ``x``; the halls it picks are held."""
    for family in HALLS:
        columns = engine.live.columns(family)
        held = engine.family(x, family).round(6).to_numpy(float)
        engine.live.set_col_bounds(columns, held, engine.live.arrays.col_upper[columns])
        engine.live.set_integrality(columns, True)
    picked = engine.solve(gap=gap, time_limit_s=time_limit_s, good_enough=good_enough)
    for family in HALLS:
        engine.live.set_integrality(engine.live.columns(family), False)
        engine.fix(
            family, engine.family(x if picked.x is None else picked.x, family).round(6).to_numpy(float)
        )
    return picked
