"""From a Pyomo model to arrays, without building it row by row.

Each rule is called once with placeholders for its indices (`templates`), and its expression is read with
numpy for all indices at once (`evaluate`). The mathematics stays ordinary Pyomo; the hand-over costs about
what arrays cost.

A model may mix recorded rules (`planner.models.rules`) with ordinary constraints: the latter are read row
by row. A sum over an empty set leaves a row without entries; a fixed variable keeps its column, with equal
bounds. Where only the left side of a relation is such an empty sum, the row is the negative of the one
Pyomo would build (which takes that side for a constant): the same constraint.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyomo.environ as pe
from pyomo.core.expr.relational_expr import (
    EqualityExpression,
    InequalityExpression,
    RangedExpression,
    tuple_to_relational_expr,
)
from scipy.sparse import csr_array

from planner.facts.pause import without_collection
from planner.solver.arrays import Arrays, Block, Floats, Index, ParamUse, label
from planner.solver.evaluate import Evaluator, Terms, Uses, is_constant, mutable_params
from planner.solver.lookup import RowError
from planner.solver.reference import reference_arrays
from planner.solver.templates import CompileError, Frame, Values, product_frame, templatize

__all__ = ["Arrays", "Block", "CompileError", "compile_model", "reference_arrays"]

_NO_USES: Uses = frozenset()


@without_collection
def compile_model(model: pe.ConcreteModel) -> Arrays:
    """The active objective, variables and constraints of a model as arrays, in order of declaration.

    CompileError, with component and index, on: an index that does not exist, a Param without a value, a
    product of variables, a rule that branches on an index or is no relation, a coefficient that is not
    finite.
    """
    return _Compiler(model).arrays()


class _Compiler:
    def __init__(self, model: pe.ConcreteModel) -> None:
        self.model = model
        self.evaluator = Evaluator()
        self.rows: dict[str, Block] = {}
        self.data, self.indices, self.ends = np.zeros(0), np.zeros(0, np.int32), [np.zeros(1, np.int64)]
        self.row_bounds: list[tuple[Floats, Floats]] = []
        self.uses: dict[str, dict[str, list[Any]]] = {}

    def arrays(self) -> Arrays:
        columns = [self._variable(v) for v in self.model.component_objects(pe.Var)]
        for constraint in self.model.component_objects(pe.Constraint, active=True):
            self._constraint(constraint)
        width = sum(block.size for block in self.evaluator.columns.values())
        cost, offset, maximize = self._objective(width)
        ends = _joined(self.ends).astype(_index_type(max(width, len(self.data))))
        col_lower, col_upper, integrality = (_joined(part[i] for part in columns) for i in range(3))
        return Arrays(
            matrix=csr_array((self.data, self.indices, ends), shape=(len(ends) - 1, width)),
            cost=cost,
            offset=offset,
            col_lower=col_lower,
            col_upper=col_upper,
            integrality=integrality.astype(np.int32),
            row_lower=_joined(lower for lower, _ in self.row_bounds),
            row_upper=_joined(upper for _, upper in self.row_bounds),
            columns=self.evaluator.columns,
            rows=self.rows,
            maximize=maximize,
            params={name: _param_use(places) for name, places in sorted(self.uses.items())},
        )

    # ---- columns

    def _variable(self, variable: Any) -> tuple[Floats, Floats, Floats]:
        """Lower bounds, upper bounds and integrality of a variable, whose block it adds."""
        start = sum(block.size for block in self.evaluator.columns.values())
        block = Block(start, self.evaluator.leaves(variable.index_set()))
        self.evaluator.add_variable(variable, block)
        lower, upper = self._rule_bounds(variable, block)
        integer = np.zeros(block.size)
        if variable.is_indexed():
            self._apply_domain(variable, block, lower, upper, integer)
        # Data exists where somebody has touched the variable, and may have changed bounds, domain, value.
        for index, data in variable._data.items():
            i = block.position(index) - start if block.leaves else 0
            if data.fixed:
                lower[i] = upper[i] = data.value
            else:
                lower[i] = -np.inf if data.lb is None else data.lb
                upper[i] = np.inf if data.ub is None else data.ub
            integer[i] = _interval(data.domain, variable.name)[2]
        return lower, upper, integer

    def _apply_domain(
        self, variable: Any, block: Block, lower: Floats, upper: Floats, integer: Floats
    ) -> None:
        rule, parent = variable._rule_domain, variable.parent_block()
        index = [None] if rule.constant() else [_plain(i) for i in block.index]
        domains = [_interval(rule(parent, i, variable), variable.name) for i in index]
        low, high, whole = np.array(domains, float).reshape(-1, 3).T
        np.maximum(lower, low, out=lower)
        np.minimum(upper, high, out=upper)
        integer[:] = whole

    def _rule_bounds(self, variable: Any, block: Block) -> tuple[Floats, Floats]:
        bounds = np.full((2, block.size), [[-np.inf], [np.inf]])
        rule, parent = variable._rule_bounds, variable.parent_block()
        if rule is None or not block.size:
            return bounds[0], bounds[1]
        if rule.contains_indices():
            for i, index in enumerate(block.index):
                for side, bound in zip(bounds, rule(parent, _plain(index)), strict=True):
                    side[i] = side[i] if bound is None else pe.value(bound)
            return bounds[0], bounds[1]
        pair, frame = self._read(variable.name, variable, rule, block)
        with self._naming(variable.name, block):
            for side, bound in zip(bounds, pair, strict=True):
                if bound is not None:
                    side[:] = self.evaluator.value(bound, frame)
                    for name in mutable_params(bound):
                        self._places(name, "bounds").append(np.arange(block.start, block.stop))
        return bounds[0], bounds[1]

    # ---- rows

    def _constraint(self, constraint: Any) -> None:
        if len(constraint):
            return self._built_constraint(constraint)
        block = Block(self._height(), self.evaluator.leaves(constraint.index_set()))
        if constraint._rule is None or not block.size:
            self._add_rows(
                constraint.name, block, Terms(block.size), np.zeros(block.size), np.zeros(block.size)
            )
            return None
        relation, frame = self._read(constraint.name, constraint, constraint._rule, block)
        with self._naming(constraint.name, block):
            terms = Terms(block.size)
            lower, upper = self._relation(relation, frame, terms)
            self._add_rows(constraint.name, block, terms, lower, upper)
        return None

    def _built_constraint(self, constraint: Any) -> None:
        """An ordinary constraint, that Pyomo has built: row by row."""
        active = {index: data for index, data in constraint.items() if data.active}
        block = Block.of(self._height(), [() if index is None else index for index in active])
        terms = Terms(block.size)
        bounds = np.zeros((2, block.size))
        for row, data in enumerate(active.values()):
            with self._naming(constraint.name, block, row):
                own = Terms(1)
                sides = self._relation(data.expr, Frame(1, {}), own)
                bounds[:, row] = [side.item() for side in sides]
                terms.take_row(row, own)
        with self._naming(constraint.name, block):
            self._add_rows(constraint.name, block, terms, bounds[0], bounds[1])

    def _relation(self, relation: Any, frame: Frame, terms: Terms) -> tuple[Floats, Floats]:
        """Reads the body into the terms; returns lower and upper bounds per row, its constants moved over."""
        low, body, high = _sides(relation)
        for part, sign in body:
            self.evaluator.linear(part, frame, sign, _NO_USES, terms)
        sides = []
        for bound, none in ((low, -np.inf), (high, np.inf)):
            values = none if bound is None else self.evaluator.value(bound, frame) - terms.constant
            sides.append(np.array(np.broadcast_to(values, frame.size), float))
            if bound is not None:
                terms.constant_uses.append((mutable_params(bound), np.arange(frame.size)))
        return sides[0], sides[1]

    def _add_rows(self, name: str, block: Block, terms: Terms, lower: Floats, upper: Floats) -> None:
        rows, columns, values = terms.joined()
        broken = ~np.isfinite(values)
        if broken.any():
            at = int(np.argmax(broken))
            raise RowError(int(rows[at]), f"a coefficient is {values[at]}")
        broken = np.isnan(lower) | np.isnan(upper) | (lower == np.inf) | (upper == -np.inf)
        if broken.any():
            raise RowError(int(np.argmax(broken)), "its right-hand side is not a number or not finite")
        width = int(columns.max()) + 1 if len(columns) else 0
        size = _index_type(max(block.size, width, len(values)))
        places = (rows.astype(size, copy=False), columns.astype(size, copy=False))
        matrix = csr_array((values, places), shape=(block.size, width))
        matrix.eliminate_zeros()
        self.rows[name] = block
        self._append(matrix)
        self.row_bounds.append((lower, upper))
        for uses, at_rows, at_columns in terms.entry_uses:
            for param in uses:
                self._places(param, "entries").append(np.column_stack([block.start + at_rows, at_columns]))
        for uses, at_rows in terms.constant_uses:
            for param in uses:
                self._places(param, "rows").append(block.start + at_rows)

    def _append(self, matrix: csr_array) -> None:
        """More rows of the one matrix: its arrays grow where they stand, so that no row is held twice."""
        at, size = len(self.data), len(self.data) + matrix.nnz
        for whole, part in ((self.data, matrix.data), (self.indices, matrix.indices)):
            whole.resize(size, refcheck=False)
            whole[at:] = part
        self.ends.append(at + matrix.indptr[1:].astype(np.int64))

    # ---- objective

    def _objective(self, width: int) -> tuple[Floats, float, bool]:
        objectives = list(self.model.component_objects(pe.Objective, active=True))
        if len(objectives) > 1:
            raise CompileError(f"more than one active objective: {', '.join(o.name for o in objectives)}")
        if not objectives:
            return np.zeros(width), 0.0, False
        goal, block = objectives[0], Block(0, ())
        if goal.is_indexed():
            raise CompileError(f"{goal.name}: the objective may have no index")
        if len(goal):
            expr, sense = goal.expr, goal.sense
        else:
            expr, _ = self._read(goal.name, goal, goal._rule, block)
            sense = goal._init_sense(goal.parent_block(), None)
        terms = Terms(1)
        with self._naming(goal.name, block):
            self.evaluator.linear(expr, Frame(1, {}), 1.0, _NO_USES, terms)
        _, columns, values = terms.joined()
        if not (np.isfinite(values).all() and np.isfinite(terms.constant).all()):
            raise CompileError(f"{goal.name}: a cost is not finite")
        for uses, _, at_columns in terms.entry_uses:
            for param in uses:
                self._places(param, "costs").append(at_columns)
        for uses, _ in terms.constant_uses:
            for param in uses:
                self._places(param, "offset").append(np.zeros(1))
        cost: Floats = np.bincount(columns, values, width).astype(float)
        return cost, float(terms.constant[0]), sense == pe.maximize

    # ---- shared

    def _read(self, name: str, component: Any, rule: Callable[..., Any], block: Block) -> tuple[Any, Frame]:
        """What a component's rule returns for placeholders, and the frame of all its indices."""
        index_set = component.index_set() if component.is_indexed() else None
        body, indices = templatize(name, component.parent_block(), rule, index_set)
        return body, product_frame(block.leaves, indices)

    def _naming(self, name: str, block: Block, row: int | None = None) -> "_Naming":
        return _Naming(name, block, row)

    def _height(self) -> int:
        return sum(block.size for block in self.rows.values())

    def _places(self, param: str, kind: str) -> list[Any]:
        return self.uses.setdefault(param, {}).setdefault(kind, [])


class _Naming:
    """Puts the component's name, and the index where it is known, before the message of an error."""

    def __init__(self, name: str, block: Block, row: int | None) -> None:
        self.name, self.block, self.row = name, block, row

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, RowError):
            row = error.row if self.row is None else self.row
            raise CompileError(f"{label(self.name, self.block.tuple_at(row))}: {error}") from error
        if isinstance(error, CompileError):
            where = self.name if self.row is None else label(self.name, self.block.tuple_at(self.row))
            raise CompileError(f"{where}: {error}") from error


def _index_type(most: int) -> type[np.signedinteger[Any]]:
    """Half as wide where it suffices: indices are a third of a matrix's memory otherwise."""
    return np.int32 if most <= np.iinfo(np.int32).max else np.int64


def _sides(relation: Any) -> tuple[Any, list[tuple[Any, float]], Any]:
    """Lower bound, body as signed parts, upper bound of a relation; bounds are constant expressions or None.

    Signs are Pyomo's: a constant side becomes the bound of the other, else the body is left minus right.
    """
    if isinstance(relation, tuple):
        relation = tuple_to_relational_expr(relation)
    if isinstance(relation, RangedExpression):
        low, body, high = relation.args
        if any(relation._strict) or not (is_constant(low) and is_constant(high)):
            raise CompileError(f"a range needs constant bounds and <=: {relation}")
        return low, [(body, 1.0)], high
    if not isinstance(relation, (EqualityExpression, InequalityExpression)):
        raise CompileError(f"the rule returns {relation}, not a relation (==, <=, >=) between expressions")
    if getattr(relation, "strict", False):
        raise CompileError(f"< and > are no constraints of a linear programme: {relation}")
    left, right = relation.args
    equal = isinstance(relation, EqualityExpression)
    if is_constant(right):
        return (right if equal else None), [(left, 1.0)], right
    if is_constant(left):
        return left, [(right, 1.0)], (left if equal else None)
    return (0.0 if equal else None), [(left, 1.0), (right, -1.0)], 0.0


def _interval(domain: Any, name: str) -> tuple[float, float, float]:
    """Lowest and highest value of a domain, and 1 if it is integer. CompileError if it is no interval."""
    low, high, step = domain.get_interval()
    if step not in (0, 1):
        raise CompileError(f"{name}: domain {domain} is neither an interval nor its integers")
    return -np.inf if low is None else low, np.inf if high is None else high, float(step)


def _plain(index: Index) -> Any:
    return index[0] if len(index) == 1 else index


def _joined(parts: Iterable[Values]) -> Any:
    arrays = list(parts)
    return np.concatenate(arrays) if arrays else np.zeros(0)


def _param_use(places: dict[str, list[Any]]) -> ParamUse:
    def unique(kind: str) -> Any:
        return np.unique(np.concatenate(places[kind])) if kind in places else np.zeros(0, np.int64)

    pairs = (
        np.unique(np.concatenate(places["entries"]), axis=0)
        if "entries" in places
        else np.zeros((0, 2), np.int64)
    )
    return ParamUse(pairs, unique("rows"), unique("bounds"), unique("costs"), "offset" in places)
