"""What a solve has shown, and the values that may be trusted."""

from dataclasses import dataclass
from enum import Enum

from planner.solver.arrays import Floats


class Status(Enum):
    """What a solve has shown."""

    OPTIMAL = "optimal"
    """Solved: a MIP to the gap asked for."""
    FEASIBLE = "feasible"
    """A MIP was stopped, by a limit or by the user, with a feasible solution."""
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    NO_SOLUTION = "no_solution"
    """Stopped before any feasible solution was known."""
    ERROR = "error"
    """HiGHS failed; its values are not to be trusted and not given."""


@dataclass(frozen=True)
class Solution:
    """The outcome of one solve. `x`, the objective and the duals are None where they cannot be trusted.

    A dual is the change of the objective per unit of the row's active bound (or of the column's, `col_dual`).
    Duals exist for LPs only. `gap` is |objective - bound| / |objective|.
    """

    status: Status
    objective: float | None
    bound: float | None
    gap: float | None
    x: Floats | None
    row_dual: Floats | None
    col_dual: Floats | None
    seconds: float
    nodes: int
    iterations: int
    stopped: bool
    """Whether the user's `should_stop` ended it."""

    @property
    def has_values(self) -> bool:
        return self.x is not None


def relative_gap(objective: float, bound: float | None) -> float | None:
    """|objective - bound| / |objective|; None without a bound."""
    if bound is None:
        return None
    return 0.0 if objective == bound else abs(objective - bound) / max(abs(objective), 1e-10)
