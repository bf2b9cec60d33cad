"""Reads linear expressions, for all index values of a rule at once, into matrix entries and constants."""

from typing import Any

import numpy as np
import pyomo.environ as pe
from numpy.typing import NDArray
from pyomo.core.expr import numeric_expr as ne
from pyomo.core.expr.numvalue import native_types
from pyomo.core.expr.template_expr import GetItemExpression, IndexTemplate, TemplateSumExpression

from planner.solver.arrays import Block
from planner.solver.lookup import Reader
from planner.solver.members import Ints
from planner.solver.templates import CompileError, Frame, Values, templatize

Uses = frozenset[str]
"""Names of the mutable Params a number depends on."""
_NOTHING: Uses = frozenset()


class Terms:
    """What the walk of a linear expression collects: matrix entries and constants, with their mutable
    Params.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries: list[tuple[Ints, Ints, Values]] = []
        self.constant = np.zeros(size)
        self.entry_uses: list[tuple[Uses, Ints, Ints]] = []
        self.constant_uses: list[tuple[Uses, Ints]] = []

    def add_entries(self, rows: Ints, columns: Ints, factor: Values, uses: Uses) -> None:
        self.entries.append((rows, columns, factor))
        if uses:
            self.entry_uses.append((uses, rows, columns))

    def add_constant(self, frame: Frame, values: Values, uses: Uses) -> None:
        if uses:
            self.constant_uses.append((uses, np.unique(frame.rows())))
        if frame.parent is None:
            self.constant += values
        else:
            self.constant += np.bincount(frame.rows(), np.broadcast_to(values, frame.size), self.size)

    def take_row(self, row: int, other: "Terms") -> None:
        """Add what was collected for a single row as row number `row`."""
        self.constant[row] += other.constant[0]
        self.entries += [(rows + row, columns, factor) for rows, columns, factor in other.entries]
        self.entry_uses += [(uses, rows + row, columns) for uses, rows, columns in other.entry_uses]
        self.constant_uses += [(uses, rows + row) for uses, rows in other.constant_uses]

    def joined(self) -> tuple[Ints, Ints, NDArray[np.float64]]:
        """All entries as rows, columns and values; duplicates and zeros still there."""
        if not self.entries:
            return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
        rows, columns, factors = zip(*self.entries, strict=True)
        values = [np.broadcast_to(f, r.shape) for r, f in zip(rows, factors, strict=True)]
        return np.concatenate(rows), np.concatenate(columns), np.concatenate(values)


class Evaluator(Reader):
    """A reader that knows the columns of the variables too, and walks linear expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: dict[str, Block] = {}
        self._variables: dict[int, Block] = {}
        self._formulas: dict[int, tuple[Any, tuple[Any, tuple[Any, ...]]]] = {}

    def linear(self, expr: Any, frame: Frame, factor: Values, uses: Uses, terms: Terms) -> None:
        """Add `factor * expr` to the terms. CompileError if it is not linear in the variables."""
        if is_constant(expr):
            terms.add_constant(frame, factor * self.value(expr, frame), uses | mutable_params(expr))
        elif isinstance(expr, TemplateSumExpression):
            inner = self.opened(expr, frame)
            self.linear(expr._local_args_[0], inner, inner.lift_from(frame, factor), uses, terms)
        elif isinstance(expr, GetItemExpression):
            self._item(expr, frame, factor, uses, terms)
        elif isinstance(expr, ne.SumExpression):
            for arg in expr.args:
                self.linear(arg, frame, factor, uses, terms)
        elif isinstance(expr, ne.NegationExpression):
            self.linear(expr.arg(0), frame, -factor, uses, terms)
        elif isinstance(expr, ne.ProductExpression):
            constant, rest = expr.args if is_constant(expr.arg(0)) else reversed(expr.args)
            if not is_constant(constant):
                raise CompileError(f"not linear: {expr}")
            scaled = factor * self.value(constant, frame)
            self.linear(rest, frame, scaled, uses | mutable_params(constant), terms)
        elif isinstance(expr, ne.DivisionExpression) and is_constant(expr.arg(1)):
            with np.errstate(divide="ignore", invalid="ignore"):
                scaled = np.divide(factor, self.value(expr.arg(1), frame))
            self.linear(expr.arg(0), frame, scaled, uses | mutable_params(expr.arg(1)), terms)
        elif getattr(expr, "is_variable_type", lambda: False)():
            block = self._block(expr.parent_component())
            column = block.start if not block.leaves else block.position(expr.index())
            terms.add_entries(frame.rows(), np.full(frame.size, column), factor, uses)
        elif getattr(expr, "is_named_expression_type", lambda: False)():
            body = expr.expr
            if body is None:
                body, _ = self._formula(expr.parent_component())
            self.linear(body, frame, factor, uses, terms)
        else:
            raise CompileError(f"not linear: {expr}")

    def _item(self, expr: Any, frame: Frame, factor: Values, uses: Uses, terms: Terms) -> None:
        component, args = expr.arg(0), expr.args[1:]
        if component.ctype is pe.Var:
            at = self.positions(component, args, frame)
            terms.add_entries(frame.rows(), self._block(component).start + at, factor, uses)
        elif component.ctype is pe.Expression:
            self.positions(component, args, frame)  # raises if the formula is not defined there
            body, indices = self._formula(component)
            refs = {i._id: self.ref(arg, frame) for i, arg in zip(indices, args, strict=True)}
            self.linear(body, Frame(frame.size, refs, frame), factor, uses, terms)
        else:
            raise CompileError(f"{component.name} is neither a variable nor a formula nor a Param")

    def add_variable(self, variable: Any, block: Block) -> None:
        """Make the columns of a variable known."""
        self.columns[variable.name] = self._variables[id(variable)] = block

    def _block(self, variable: Any) -> Block:
        if id(variable) not in self._variables:
            raise CompileError(f"variable {variable.name} is not an active part of this model")
        return self._variables[id(variable)]

    def _formula(self, component: Any) -> tuple[Any, tuple[Any, ...]]:
        if id(component) not in self._formulas:
            if component._rule is None or component._rule.contains_indices():
                raise CompileError(f"Expression {component.name} needs a rule to be used with an index")
            index_set = component.index_set() if component.is_indexed() else None
            found = templatize(component.name, component.parent_block(), component._rule, index_set)
            self._formulas[id(component)] = (component, found)
        return self._formulas[id(component)][1]


def is_constant(expr: Any) -> bool:
    """Whether an expression holds no variable."""
    return expr.__class__ in native_types or not expr.is_potentially_variable()


def mutable_params(expr: Any) -> Uses:
    """Names of the mutable Params in an expression without variables."""
    if expr.__class__ in native_types or isinstance(expr, IndexTemplate):
        return _NOTHING
    if isinstance(expr, TemplateSumExpression):
        return mutable_params(expr._local_args_[0])
    if isinstance(expr, GetItemExpression):
        own = frozenset([expr.arg(0).name]) if getattr(expr.arg(0), "mutable", False) else _NOTHING
        return own.union(*map(mutable_params, expr.args[1:]))
    if expr.is_expression_type():
        return _NOTHING.union(*map(mutable_params, expr.args))
    return frozenset([expr.parent_component().name]) if expr.is_parameter_type() else _NOTHING
