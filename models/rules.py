"""Constraints and objectives that are written once and, if wanted, never built index by index.

    m = new_model("plan")  # lazy: rules are recorded, `planner.solver.compile` expands them
    m.T = pe.Set(initialize=[1, 2, 3])
    m.x = pe.Var(m.T, bounds=(0, 5), dense=False)
    m.cap = Rule(m.T, rule=lambda m, t: m.x[t] <= 4)
    m.cost = Goal(rule=lambda m: sum(m.x[t] for t in m.T))

On a model made with `lazy=False` the same lines are ordinary Pyomo, for `SolverFactory` or inspection.

A rule is called once, with placeholders instead of index values. So in a rule: no Python `if` on an index
(branch by index set), no filter in a sum (sum over a Set that holds only what is wanted), `sum` over Pyomo
Sets only, and Sets declared with `dimen`. An index may be computed by a Param: `m.level[m.before[t]]`.
"""

from typing import Any

import pyomo.environ as pe
from pyomo.core.base.constraint import IndexedConstraint, ScalarConstraint
from pyomo.core.base.expression import IndexedExpression, ScalarExpression
from pyomo.core.base.objective import ScalarObjective

_LAZY = "records_rules_only"


def new_model(name: str, lazy: bool = True) -> pe.ConcreteModel:
    """An empty concrete model. With `lazy`, every `Rule`, `Formula` and `Goal` on it is only recorded."""
    model = pe.ConcreteModel(name=name)
    setattr(model, _LAZY, lazy)
    return model


def is_lazy(model: Any) -> bool:
    """Whether rules on this model are only recorded; an ordinary Pyomo model is not lazy."""
    return bool(getattr(model, _LAZY, False))


class _Recorded:
    """Skips the construction of a component's data when the model is lazy."""

    def construct(self, data: Any = None) -> None:
        if is_lazy(self.model()):  # type: ignore[attr-defined]
            for index_set in self._anonymous_sets or ():  # type: ignore[attr-defined]
                index_set.construct()
            self._constructed = True
        else:
            super().construct(data)  # type: ignore[misc]


class Rule(_Recorded, pe.Constraint):
    """A constraint over an index set, used exactly like `pe.Constraint`."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return object.__new__(_IndexedRule if args else _ScalarRule)

    def _setitem_when_not_present(self, index: Any, value: Any = None) -> Any:
        """Ordinary Pyomo refuses a row that holds no variable; one that holds is left out instead.

        Sums over empty sets make such rows: a quota in a period in which nothing can arrive yet.
        """
        if isinstance(value, bool):
            value = pe.Constraint.Feasible if value else pe.Constraint.Infeasible
        return super()._setitem_when_not_present(index, value)


class _IndexedRule(Rule, IndexedConstraint):
    pass


class _ScalarRule(Rule, ScalarConstraint):
    pass


class Goal(_Recorded, pe.Objective):
    """A scalar objective, used exactly like `pe.Objective(rule=..., sense=...)`."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if args:
            raise TypeError("a Goal has no index")
        return object.__new__(_ScalarGoal)


class _ScalarGoal(Goal, ScalarObjective):
    pass


class Formula(_Recorded, pe.Expression):
    """A named expression, used like `pe.Expression`: it adds no variable and no row, only a name."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return object.__new__(_IndexedFormula if args else _ScalarFormula)


class _IndexedFormula(Formula, IndexedExpression):
    pass


class _ScalarFormula(Formula, ScalarExpression):
    pass
