"""Expert detail: an irreducible set of rows that contradict one another, grouped by rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import highspy
import numpy as np

from planner.case.case import Case
from planner.explain.resource_limits import with_bound_rows
from planner.models.build import build_model
from planner.solver.arrays import Arrays
from planner.solver.compile import compile_model
from planner.solver.highs import LiveHighs

RELAXATION = 18  # from the LP relaxation, made irreducible


@dataclass(frozen=True)
class Conflict:
    """Rules with the number of their rows and the names of some; ``bounds``: the same for columns."""

    rows: dict[str, int]
    bounds: dict[str, int]
    examples: dict[str, list[str]]
    complete: bool

    def __str__(self) -> str:
        lines = [f"{n:5d} {rule}: {', '.join(self.examples[rule])}" for rule, n in self.rows.items()]
        lines += [f"{n:5d} bounds of {name}" for name, n in self.bounds.items()]
        head = "Rows that contradict one another (linear relaxation, none can be left out):"
        return "\n".join(
            [head if self.complete else "No irreducible set was found in the time given.", *lines]
        )


def iis(case: Case, arrays: Arrays | None = None, time_limit_s: float = 30.0) -> Conflict:
    """An irreducible infeasible set of the LP relaxation, by HiGHS; empty where the relaxation is feasible."""
    base = compile_model(build_model(case)[0]) if arrays is None else arrays
    full, _ = with_bound_rows(case, base)
    live = LiveHighs(full, options={"iis_strategy": RELAXATION, "iis_time_limit": time_limit_s})
    live.set_objective(np.zeros(full.shape[1]))
    live.relax()
    if live.solve(time_limit_s=time_limit_s).has_values:
        return Conflict({}, {}, {}, False)
    status, found = live.highs.getIis()
    complete = status == highspy.HighsStatus.kOk and len(found.row_index_) > 0
    names = [full.row_name(int(r)) for r in found.row_index_]
    columns = [full.column_name(int(c)) for c, b in zip(found.col_index_, found.col_bound_, strict=True) if b]
    families = Counter(name.split("[")[0] for name in names)
    examples = {rule: [n for n in names if n.split("[")[0] == rule][:3] for rule in families}
    return Conflict(
        dict(families.most_common()),
        dict(Counter(name.split("[")[0] for name in columns).most_common()),
        examples,
        complete,
    )
