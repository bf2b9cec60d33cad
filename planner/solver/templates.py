"""Pyomo rules as templates: one call of the rule, and the machinery that gives its placeholders their values.

`templatize` calls a rule with index placeholders and returns its expression tree. A `Frame` is the set of
index values for which such a tree is read: one element per row of the rule, and inside a sum one element
per term.
"""

import builtins
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyomo.common.errors import PyomoException
from pyomo.core.base.set import UnknownSetDimen, _FiniteSetMixin
from pyomo.core.expr.template_expr import (
    GetAttrExpression,
    GetItemExpression,
    IndexTemplate,
    _template_iter_context,
    _TemplateIterManager,
)

from planner.facts.errors import InternalError
from planner.solver.members import Ints, Members, Ref

Values = Any
"""A float, or an array with one entry per element of a frame."""


class CompileError(InternalError):
    """A model cannot be turned into a matrix; the message names the component and, where known, the index."""


_ids = itertools.count(1)
# While a rule is called, Pyomo replaces `builtins.sum` and the iteration of Sets in the whole process.
_one_rule_at_a_time = threading.Lock()
_ITERATED = (_FiniteSetMixin, GetItemExpression, GetAttrExpression)
_sum, _iterate_set = builtins.sum, _FiniteSetMixin.__iter__


class _Context(_template_iter_context):
    """Pyomo's bookkeeping of placeholders, numbered uniquely over all rules, for sets that may be empty.

    Other threads keep the ordinary `sum` and the ordinary iteration.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def next_id(self) -> int:
        return next(_ids)

    def sum_template(self, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != self._thread or len(args) != 1 or kwargs:
            return _sum(*args, **kwargs)
        try:
            return super().sum_template(args[0])
        except StopIteration:  # an empty Python generator
            return 0

    def get_iter(self, index_set: Any) -> Iterator[Any]:
        if threading.get_ident() != self._thread:
            members: Iterator[Any] = _iterate_set(index_set)
            return members
        return self._placeholders(index_set)

    def _placeholders(self, index_set: Any) -> Iterator[Any]:
        # A generator, since a sum counts the placeholders that appear from its first step on.
        group = self.next_group()
        dimen = set_dimen(index_set)
        indices = tuple(IndexTemplate(index_set, i, self.next_id(), group) for i in range(dimen))
        self.cache.append(indices)
        yield indices[0] if dimen == 1 else indices


def set_dimen(index_set: Any) -> int:
    """Number of values in a member of a Set, or of a set of an IndexedSet. CompileError if not known."""
    if isinstance(index_set, GetItemExpression):
        family = index_set.arg(0)
        candidates: Iterable[Any] = itertools.chain(
            (family._init_dimen.val,) if family._init_dimen.constant() else (),
            (member.dimen for member in family._data.values()),
        )
        name = family.name
    else:
        candidates, name = iter((index_set.dimen,)), index_set.name
    for dimen in candidates:
        if isinstance(dimen, int) and dimen > 0:
            return dimen
        if dimen is not UnknownSetDimen:
            break
    raise CompileError(f"Set {name}: declare it with dimen=..., an empty or mixed set does not tell it")


def templatize(
    name: str, block: Any, rule: Callable[..., Any], index_set: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Call `rule(block, index)` once with placeholders; returns what it returns, and the placeholders.

    `index_set` is None for a scalar component. CompileError if the rule does what a template cannot express.
    """
    context = _Context()
    indices: tuple[Any, ...] = ()
    try:
        with _one_rule_at_a_time, _TemplateIterManager.init(context, *_ITERATED):
            if index_set is not None:
                next(context.get_iter(index_set))
                indices = context.cache.pop()
            body = rule(block, indices if indices else None)
    except CompileError as error:
        raise CompileError(f"{name}: {error}") from error
    except (PyomoException, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CompileError(
            f"{name}: the rule fails when called with index placeholders ({reason}). "
            "A rule may not branch on an index, filter a sum, look up a dict or convert an index to a number."
        ) from error
    if context.cache:
        loop = context.cache[-1][0]._set
        raise CompileError(
            f"{name}: the rule loops over {loop}; only `sum(... for ... in Set)` can be expanded"
        )
    return body, indices


class Frame:
    """Elements at which an expression is read, in a chain from the rows of a rule to the innermost sum.

    `refs` holds the values of the placeholders this frame adds; those of its parent are repeated, `counts`
    times each (one number for all, or one per parent element).
    """

    def __init__(
        self, size: int, refs: dict[int, Ref], parent: "Frame | None" = None, counts: Any = 1
    ) -> None:
        self.size = size
        self.parent = parent
        self._refs = refs
        self._counts = counts
        self._lifted: dict[int, tuple[Ints, Ints]] = {}
        self.memo: dict[Any, Any] = {}

    def lift(self, values: Values) -> Values:
        """Values given per parent element, per element of this frame."""
        if np.ndim(values) == 0 or (isinstance(self._counts, int) and self._counts == 1):
            return values
        known = self._lifted.get(id(values))
        if known is None:
            # The source is kept too: its id must stay taken as long as it is a key.
            known = self._lifted[id(values)] = (values, np.repeat(values, self._counts))
        return known[1]

    def lift_from(self, home: "Frame", values: Values) -> Values:
        """Values given per element of `home`, this frame or one above it, per element of this frame."""
        if self is home:
            return values
        assert self.parent is not None
        return self.lift(self.parent.lift_from(home, values))

    def home(self, ids: frozenset[int]) -> "Frame":
        """The outermost frame in which all these placeholders have values: work is least there."""
        if self.parent is None or not ids.isdisjoint(self._refs):
            return self
        return self.parent.home(ids)

    def ref(self, placeholder: Any) -> Ref:
        """Values of a placeholder in this frame."""
        own = self._refs.get(placeholder._id)
        if own is not None:
            return own
        if self.parent is None:
            raise CompileError(
                f"an index over {placeholder._set} is used outside its sum (a sum over a Python list and "
                "a Set in one generator cannot be expanded: nest two sums)"
            )
        outer = self.parent.ref(placeholder)
        return Ref(outer.source, outer.dim, self.lift(outer.at))

    @property
    def top(self) -> "Frame":
        return self if self.parent is None else self.parent.top

    def rows(self) -> Ints:
        """For each element, the element of the top frame it belongs to: the row of the rule."""
        if "rows" not in self.memo:
            self.memo["rows"] = np.arange(self.size) if self.parent is None else self.lift(self.parent.rows())
        rows: Ints = self.memo["rows"]
        return rows

    def summed(self, values: Values) -> NDArray[np.float64]:
        """Sum of the values over the elements of each parent element."""
        assert self.parent is not None
        origin = np.repeat(np.arange(self.parent.size), self._counts)
        total = np.bincount(origin, np.broadcast_to(values, self.size), self.parent.size)
        return total.astype(np.float64, copy=False)


def product_frame(
    leaves: tuple[Members, ...], indices: tuple[Any, ...], parent: Frame | None = None
) -> Frame:
    """All combinations of the members of `leaves` (last fastest), once per parent element."""
    outer = 1 if parent is None else parent.size
    inner = int(np.prod([len(leaf) for leaf in leaves], dtype=np.int64))
    refs: dict[int, Ref] = {}
    placeholders = iter(indices)
    repeat, tile = inner, outer
    for leaf in leaves:
        repeat //= max(1, len(leaf))
        at = np.tile(np.repeat(np.arange(len(leaf)), repeat), tile)
        tile *= len(leaf)
        refs.update((next(placeholders)._id, Ref(leaf, dim, at)) for dim in range(leaf.dimen))
    return Frame(outer * inner, refs, parent, inner)


def ragged_frame(
    members: Members,
    starts: Ints,
    places: NDArray[np.int32],
    chosen: Ints,
    indices: tuple[Any, ...],
    parent: Frame,
) -> Frame:
    """For each parent element the members of one set of a family.

    Set number i holds `members` at `places[starts[i]:starts[i + 1]]`; `chosen` is the set number per parent
    element.
    """
    counts = starts[chosen + 1] - starts[chosen]
    ends = np.cumsum(counts)
    size = int(ends[-1]) if len(ends) else 0
    at = places[np.arange(size) + np.repeat(starts[chosen] - (ends - counts), counts)].astype(np.intp)
    refs = {placeholder._id: Ref(members, dim, at) for dim, placeholder in enumerate(indices)}
    return Frame(size, refs, parent, counts)
