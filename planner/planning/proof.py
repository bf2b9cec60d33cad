"""All hours of the day: what a plan made on a few slices costs there, and the regret of what it bought.

The integers of the plan (hosts, stacks, halls, orders) are held on all 24 hours. Two linear programmes follow, under
the same bounds: all else free, and all else as it was bought with more to be added wherever the hours ask for it.
What was bought cannot be taken back. The difference of their costs is what deciding on slices has lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.case import Case
from planner.facts.numbers import fixed, number
from planner.plans.plan import Plan, plan_of
from planner.solver.arrays import Floats
from planner.solver.engine import ANY_AMOUNT, HALLS, PATTERN, UNITS, Engine
from planner.solver.solution import Solution


@dataclass(frozen=True)
class Proof:
    """The plan on all hours (None where the integers have none there) and its ``regret``:

    ``cost_musd``  with the best purchases for the integers held (that is the plan's cost)
    ``held_musd``  with at least what was bought on the slices, at every date
    ``more_musd``  discounted cost of what had to be bought on top of that; absent, with the next, where
    ``regret``     (``held_musd`` - ``cost_musd``) / ``cost_musd``: no addition fits the bounds (a budget, a quota)
    """

    plan: Plan | None
    regret: dict[str, float]
    notes: list[str]


def prove(
    case: Case,
    engine: Engine,
    x: Floats,
    policies: Sequence[Bounds],
    bounds: Bounds,
    seconds: Callable[[], float],
) -> Proof:
    """The plan ``x`` of ``engine`` on all hours, under the first of the ``policies`` that the integers can keep.

    ``bounds`` are those the plan is to name; ``seconds`` says how long a linear programme may take.
    """
    truth = Engine(build_case(case.scenario, case.catalog, truth=True))
    truth.minimise("cost")
    truth.integers()
    for family in (*PATTERN, *HALLS, UNITS):
        truth.fix(family, engine.family(x, family).to_numpy(float))
    free: Solution | None = None
    for policy in policies:
        truth.policy(policy)
        free = truth.live.solve(time_limit_s=seconds())
        if free.x is not None:
            break
    if free is None or free.x is None or free.objective is None:
        told = "nothing was tried" if free is None else free.status.value
        return Proof(None, {}, [f"proof: {told}; the numbers are those of the plan's slices"])
    plan = plan_of(truth.case, truth, free, bounds)
    bought = hold_purchases(truth, engine, x)
    held = truth.live.solve(time_limit_s=seconds())
    regret = {"cost_musd": free.objective}
    if held.x is None or held.objective is None:
        note = "proof: what was bought on the slices, and more where it is missing, does not fit the bounds on all hours"
        return Proof(plan, regret, [note])
    more = float(prices_of(truth) @ np.maximum(held.x - bought, 0.0))
    share = (held.objective - free.objective) / abs(free.objective)
    note = (
        f"proof: {fixed(free.objective, 1)} MUSD on all hours of the day; with all that was bought on "
        f"slices of the day ({case.scenario.solve.slices}), and {number(more)} MUSD bought on top, "
        f"{number(100 * share, 2)} % more"
    )
    return Proof(plan, {**regret, "held_musd": held.objective, "more_musd": more, "regret": share}, [note])


def hold_purchases(truth: Engine, engine: Engine, x: Floats) -> Floats:
    """Make what ``x`` buys the least that may be bought; returns it in the columns of ``truth``, else 0."""
    bought = np.zeros(truth.arrays.shape[1])
    for family in ANY_AMOUNT:
        columns = truth.live.columns(family)
        lower, upper = truth.arrays.col_lower[columns], truth.arrays.col_upper[columns]
        bought[columns] = np.clip(engine.family(x, family).to_numpy(float), lower, upper)
        truth.live.set_col_bounds(columns, bought[columns], upper)
    return bought


def prices_of(engine: Engine) -> Floats:
    """Discounted MUSD per unit of every purchase, residual value taken off; 0 for all other columns."""
    row = int(engine.live.rows("cost_sum")[0])
    weights = engine.arrays.matrix[[row], :].toarray().ravel()
    prices = np.zeros(len(weights))
    for family in ANY_AMOUNT:
        at = engine.arrays.columns[family].slice
        prices[at] = -weights[at] / weights[engine.arrays.columns["cost"].start]
    return prices
