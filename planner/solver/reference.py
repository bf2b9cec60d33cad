"""The slow, independent way from a Pyomo model to the same arrays: Pyomo builds every row and its own code
reads it.

Used to check `compile_model`; it shares with it the dataclass and nothing of the reading of rules.
"""

from typing import Any

import numpy as np
import pyomo.environ as pe
from pyomo.repn import generate_standard_repn
from scipy.sparse import csr_array

from planner.solver.arrays import Arrays, Block


def reference_arrays(model: pe.ConcreteModel) -> Arrays:
    """Arrays of a model made with `lazy=False`, through Pyomo's standard representation of each row."""
    columns: dict[str, Block] = {}
    data: list[Any] = []
    for variable in model.component_objects(pe.Var):
        index = list(variable.index_set()) if variable.is_indexed() else [()]
        columns[variable.name] = Block.of(len(data), index)
        data += [variable[i] for i in index] if variable.is_indexed() else [variable]
    position = {id(d): i for i, d in enumerate(data)}
    fixed = [d for d in data if d.fixed]
    for d in fixed:
        d.unfix()  # a fixed variable keeps its column
    try:
        return _read(model, columns, data, position, {id(d) for d in fixed})
    finally:
        for d in fixed:
            d.fix()


def _read(
    model: pe.ConcreteModel,
    columns: dict[str, Block],
    data: list[Any],
    position: dict[int, int],
    fixed: set[int],
) -> Arrays:
    entries: list[tuple[int, int, float]] = []
    lower: list[float] = []
    upper: list[float] = []
    rows: dict[str, Block] = {}
    for constraint in model.component_objects(pe.Constraint, active=True):
        active = [(index, c) for index, c in constraint.items() if c.active]
        rows[constraint.name] = Block.of(len(lower), [() if index is None else index for index, _ in active])
        for _, c in active:
            low, body, high = c.to_bounded_expression(evaluate_bounds=True)
            repn = generate_standard_repn(body)
            assert repn.is_linear(), c.name
            entries += [
                (len(lower), position[id(v)], k)
                for v, k in zip(repn.linear_vars, repn.linear_coefs, strict=True)
            ]
            lower.append(-np.inf if low is None else low - repn.constant)
            upper.append(np.inf if high is None else high - repn.constant)
    cost, offset, maximize = np.zeros(len(data)), 0.0, False
    for objective in model.component_objects(pe.Objective, active=True):
        repn = generate_standard_repn(objective.expr)
        np.add.at(cost, [position[id(v)] for v in repn.linear_vars], np.array(repn.linear_coefs, float))
        offset, maximize = float(repn.constant), objective.sense == pe.maximize
    i, j, values = zip(*entries, strict=True) if entries else ((), (), ())
    matrix = csr_array(
        (np.array(values, float), (np.array(i, int), np.array(j, int))), shape=(len(lower), len(data))
    )
    matrix.eliminate_zeros()
    return Arrays(
        matrix=matrix,
        cost=cost,
        offset=offset,
        col_lower=np.array(
            [d.value if id(d) in fixed else -np.inf if d.lb is None else d.lb for d in data], float
        ),
        col_upper=np.array(
            [d.value if id(d) in fixed else np.inf if d.ub is None else d.ub for d in data], float
        ),
        integrality=np.array([not d.is_continuous() for d in data], np.int32),
        row_lower=np.array(lower),
        row_upper=np.array(upper),
        columns=columns,
        rows=rows,
        maximize=maximize,
    )
