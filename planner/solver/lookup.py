"""Looks up index tuples and evaluates constants, for all index values of a rule at once."""

import types
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyomo.environ as pe
from numpy.typing import NDArray
from pyomo.core.expr import numeric_expr as ne
from pyomo.core.expr.numvalue import native_numeric_types, native_types
from pyomo.core.expr.template_expr import GetItemExpression, IndexTemplate, TemplateSumExpression

from planner.solver.arrays import Block
from planner.solver.members import ABSENT, Coded, Ints, Locator, Members, Numbers, Ref
from planner.solver.templates import CompileError, Frame, Values, product_frame, ragged_frame, set_dimen

_FUNCTIONS = {
    f.__name__: f for f in (np.exp, np.log, np.log10, np.sqrt, np.sin, np.cos, np.tan, np.ceil, np.floor)
}
# Below this many cells per stored value a Param is looked up in a plain table.
_DENSE_CELLS_PER_VALUE = 4


Family = tuple[Members, Ints, NDArray[np.int32], NDArray[np.bool_]]
"""Sets of an indexed Set: all members, where each set starts, their members' places, which sets are absent."""


class RowError(Exception):
    """An error at one row of a rule; the compiler turns it into a CompileError that names rule and index."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


class ParamTable:
    """Values of a Param by position in its index set; `members` ends with the default if there is one."""

    def __init__(
        self, size: int, positions: Ints, values: list[Any] | NDArray[np.float64], default: Any
    ) -> None:
        has_default = default is not pe.Param.NoValue
        if isinstance(values, list):
            self.members = Members([*values, default] if has_default else values)
        else:
            self.members = Numbers(values)
        self._absent = len(values) if has_default else ABSENT
        self._table: Ints | None = None
        if size <= _DENSE_CELLS_PER_VALUE * len(values):
            self._table = np.full(size, self._absent, np.intp)
            self._table[positions] = np.arange(len(values))
        else:
            self._order = np.argsort(positions)
            self._known = positions[self._order]

    def slots(self, positions: Ints) -> Ints:
        """Where in `members` each position has its value; ABSENT without value and default."""
        if self._table is not None:
            return self._table[positions]
        if not len(self._known):
            return np.full(positions.shape, self._absent, np.intp)
        slot = np.minimum(np.searchsorted(self._known, positions), len(self._known) - 1)
        return np.where(self._known[slot] == positions, self._order[slot], self._absent)


class Reader:
    """The sets and Params of one model as arrays: positions of index tuples, values of constant
    expressions.
    """

    def __init__(self) -> None:
        self._locator = Locator()
        # Caches by component; the component is kept with the entry so that its id stays taken.
        self._leaves: dict[int, tuple[Any, tuple[Members, ...]]] = {}
        self._members: dict[int, tuple[Any, Members]] = {}
        self._params: dict[int, tuple[Any, ParamTable]] = {}
        self._families: dict[int, tuple[Any, Family]] = {}

    # ---- sets and positions

    def leaves(self, index_set: Any) -> tuple[Members, ...]:
        """The sets whose product is `index_set`; none for a scalar component's index."""
        if id(index_set) not in self._leaves:
            scalar = index_set.dimen == 0
            parts = [] if scalar else index_set.subsets(expand_all_set_operators=False)
            self._leaves[id(index_set)] = (index_set, tuple(self._leaf(part) for part in parts))
        return self._leaves[id(index_set)][1]

    def _leaf(self, index_set: Any) -> Members:
        if id(index_set) not in self._members:
            if not index_set.isfinite():
                raise CompileError(f"Set {index_set.name}: only finite sets can index a component")
            if (columns := getattr(getattr(index_set, "_values", None), "columns", None)) is not None:
                members: Members = Coded(columns)
            else:
                elements = list(index_set)
                dimen = set_dimen(index_set) if elements or isinstance(index_set.dimen, int) else 1
                members = Members(elements, dimen)
            self._members[id(index_set)] = (index_set, members)
        return self._members[id(index_set)][1]

    def positions(self, component: Any, args: Sequence[Any], frame: Frame) -> Ints:
        """Position of `component[args]` in its index set, per element of the frame. RowError if it has
        none.
        """
        leaves = self.leaves(component.index_set())
        home = frame.home(frozenset(_placeholders(args)))
        key = (leaves, tuple(_key(arg) for arg in args))
        if key not in home.memo:
            home.memo[key] = self._find(component, leaves, [self.ref(arg, home) for arg in args], home)
        found: Ints = frame.lift_from(home, home.memo[key])
        return found

    def _find(self, component: Any, leaves: tuple[Members, ...], refs: list[Ref], frame: Frame) -> Ints:
        if len(refs) != sum(leaf.dimen for leaf in leaves):
            raise CompileError(
                f"{component.name} takes {sum(leaf.dimen for leaf in leaves)} index values, not {len(refs)}"
            )
        found: Ints | None = None
        used = 0
        for leaf in leaves:
            at = self._locator.find(leaf, refs[used : used + leaf.dimen])
            used += leaf.dimen
            if (at < 0).any():
                self._fail(component, refs, frame, int(np.argmax(at < 0)), "has no index")
            found = at if found is None else found * len(leaf) + at
        assert found is not None
        return found

    def _fail(self, component: Any, refs: list[Ref], frame: Frame, element: int, problem: str) -> None:
        index = tuple(ref.value_at(element) for ref in refs)
        raise RowError(int(frame.rows()[element]), f"{component.name} {problem} {index}")

    def ref(self, arg: Any, frame: Frame) -> Ref:
        """The values of one index: a placeholder, a literal, a Param's value, or arithmetic on these."""
        if isinstance(arg, IndexTemplate):
            return frame.ref(arg)
        if arg.__class__ in native_types:
            return Ref(Members([arg]), 0, np.zeros(frame.size, np.intp))
        if isinstance(arg, GetItemExpression) and arg.arg(0).ctype is pe.Param:
            table, slots = self._param(arg, frame)
            return Ref(table.members, 0, slots)
        values, codes = np.unique(np.broadcast_to(self.value(arg, frame), frame.size), return_inverse=True)
        return Ref(Members([int(v) if v.is_integer() else v for v in values.tolist()]), 0, codes)

    # ---- sums

    def opened(self, total: Any, frame: Frame) -> Frame:
        """The frame inside a sum, with one element for each term of each element of `frame`."""
        for indices in total.template_iters():
            index_set = indices[0]._set
            if isinstance(index_set, GetItemExpression):
                family = index_set.arg(0)
                chosen = self.positions(family, index_set.args[1:], frame)
                members, starts, places, absent = self._family(family, len(indices))
                if absent[chosen].any():
                    refs = [self.ref(arg, frame) for arg in index_set.args[1:]]
                    self._fail(family, refs, frame, int(np.argmax(absent[chosen])), "has no set for")
                frame = ragged_frame(members, starts, places, chosen, indices, frame)
            else:
                frame = product_frame(self.leaves(index_set), indices, frame)
        return frame

    def _family(self, family: Any, dimen: int) -> Family:
        """An IndexedSet as one list of distinct members and, per key, the places of its own in that list."""
        if id(family) not in self._families:
            lists = getattr(family._data, "sets", None)  # in the order of its index set
            if lists is None:
                keys = [
                    parts[0] if len(parts) == 1 else parts
                    for parts in Block(0, self.leaves(family.index_set())).index
                ]
                lists = [family._data.get(key, ()) for key in keys]
                absent = np.fromiter((key not in family._data for key in keys), bool, len(keys))
            else:
                absent = np.zeros(len(lists), bool)
            place_of = {m: i for i, m in enumerate(dict.fromkeys(m for members in lists for m in members))}
            members = Members(list(place_of), dimen)
            places = np.fromiter((place_of[m] for own in lists for m in own), np.int32)
            starts = np.concatenate([[0], np.cumsum([len(own) for own in lists], dtype=np.intp)]).astype(
                np.intp
            )
            self._families[id(family)] = (family, (members, starts, places, absent))
        return self._families[id(family)][1]

    # ---- constants

    def _param(self, item: Any, frame: Frame) -> tuple[ParamTable, Ints]:
        """Table of a Param and, per element of the frame, the slot of the value asked for."""
        param = item.arg(0)
        table = self._param_table(param)
        slots = table.slots(self.positions(param, item.args[1:], frame))
        if (slots < 0).any():
            refs = [self.ref(arg, frame) for arg in item.args[1:]]
            self._fail(param, refs, frame, int(np.argmax(slots < 0)), "has no value at")
        return table, slots

    def _param_table(self, param: Any) -> ParamTable:
        if id(param) not in self._params:
            default = param._default_val
            leaves = self.leaves(param.index_set())
            if (
                numbers := getattr(param._data, "numbers", None)
            ) is not None:  # in the order of its index set
                table = ParamTable(len(numbers), np.arange(len(numbers)), numbers, pe.Param.NoValue)
                self._params[id(param)] = (param, table)
                return table
            if isinstance(default, types.FunctionType):
                data, default = {i: param[i] for i in param.index_set()}, pe.Param.NoValue
            else:
                data = dict(param._data)
            values = [pe.value(v) for v in data.values()] if param.mutable else list(data.values())
            if len(leaves) == 1 and list(data) == leaves[0].elements:
                positions = np.arange(len(data))
            else:
                keys = Members(list(data), sum(leaf.dimen for leaf in leaves))
                at = np.arange(len(keys))
                refs = [Ref(keys, dim, at) for dim in range(keys.dimen)]
                positions = self._find(param, leaves, refs, Frame(len(keys), {}))
            size = Block(0, leaves).size
            self._params[id(param)] = (param, ParamTable(size, positions, values, default))
        return self._params[id(param)][1]

    def value(self, expr: Any, frame: Frame) -> Values:
        """Value of an expression without variables, one number or one per element of the frame."""
        if expr.__class__ in native_numeric_types:
            return float(expr)
        if isinstance(expr, IndexTemplate):
            ref = frame.ref(expr)
            return _numbers(ref.source, ref.dim, str(expr._set))[ref.at]
        if isinstance(expr, GetItemExpression):
            if expr.arg(0).ctype is not pe.Param:
                raise CompileError(f"{expr.arg(0).name} stands where only a constant may stand")
            home = frame.home(frozenset(_placeholders(expr.args[1:])))
            table, slots = self._param(expr, home)
            return frame.lift_from(home, _numbers(table.members, 0, expr.arg(0).name)[slots])
        if isinstance(expr, TemplateSumExpression):
            inner = self.opened(expr, frame)
            values = self.value(expr._local_args_[0], inner)
            while inner is not frame:
                values = inner.summed(values)
                assert inner.parent is not None
                inner = inner.parent
            return values
        if isinstance(expr, ne.NumericExpression):
            return self._operation(expr, frame)
        if getattr(expr, "is_potentially_variable", lambda: True)():
            raise CompileError(f"{expr} stands where only a number may stand")
        return float(pe.value(expr))

    def _operation(self, expr: Any, frame: Frame) -> Values:
        args = [self.value(arg, frame) for arg in expr.args]
        if isinstance(expr, ne.SumExpression):
            return sum(args)
        if isinstance(expr, ne.ProductExpression):
            return args[0] * args[1]
        if isinstance(expr, ne.NegationExpression):
            return -args[0]
        with np.errstate(divide="ignore", invalid="ignore"):  # found and named when the row is finished
            if isinstance(expr, ne.DivisionExpression):
                return np.divide(args[0], args[1])
            if isinstance(expr, ne.PowExpression):
                return np.power(args[0], args[1])
            if isinstance(expr, ne.AbsExpression):
                return np.abs(args[0])
            if isinstance(expr, ne.UnaryFunctionExpression) and expr.getname() in _FUNCTIONS:
                return _FUNCTIONS[expr.getname()](args[0])
        raise CompileError(f"cannot evaluate {type(expr).__name__}: {expr}")


def _placeholders(args: Iterable[Any]) -> Iterable[int]:
    for arg in args:
        if isinstance(arg, IndexTemplate):
            yield arg._id
        elif isinstance(arg, TemplateSumExpression):
            yield from _placeholders(arg.template_args()[:1])
        elif arg.__class__ not in native_types and arg.is_expression_type():
            yield from _placeholders(a for a in arg.args if not hasattr(a, "index_set"))


def _key(arg: Any) -> Any:
    if isinstance(arg, IndexTemplate):
        return arg._id
    return ("literal", arg) if arg.__class__ in native_types else ("expression", id(arg))


def _numbers(members: Members, dim: int, name: str) -> Any:
    try:
        return members.numbers(dim)
    except ValueError as error:
        raise CompileError(
            f"{name}: its values are used as numbers but are not all numbers ({error})"
        ) from error
