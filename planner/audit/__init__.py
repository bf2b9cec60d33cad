"""Independent audit of a plan: recomputes every rule, every ledger line and every KPI from its tables.

    violations = audit(plan)    # rule, index, amount, limit, message; no rows = clean

Only the plan's tables and the case are read, with pandas and numpy: neither the model nor the solver takes
part. So a fault of the model, of the hand-over to the solver, of rounding or of the report shows here. The
arithmetic follows docs/model.md, not the model's code. Amounts are in model units (thousands of
accelerators, MW, MWh, MUSD, months); a limit may be missed by 1e-6 of itself, or of one unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from planner.audit import (
    agreements,
    carbon,
    commitments,
    continuity,
    cooling,
    draws,
    efficiency,
    exits,
    fading,
    firm,
    fleet,
    halls,
    heat_reuse,
    kpis,
    ledger,
    levels,
    permits,
    plant,
    policy,
    power,
    ppa,
    redundancy,
    refits,
    renewable,
    resilience,
    rows,
    service,
    sites,
    storage,
    supply,
    tariff,
    training,
)
from planner.audit.findings import TOLERANCE, Findings
from planner.audit.view import View

if TYPE_CHECKING:
    from planner.plans.plan import Plan

__all__ = ["COVERS", "TOLERANCE", "TOPICS", "audit"]

TOPICS = (
    rows,
    fleet,
    service,
    training,
    resilience,
    continuity,
    sites,
    permits,
    halls,
    heat_reuse,
    cooling,
    refits,
    plant,
    firm,
    power,
    storage,
    fading,
    redundancy,
    tariff,
    ppa,
    supply,
    agreements,
    exits,
    policy,
    carbon,
    renewable,
    efficiency,
    levels,
    commitments,
    draws,
    ledger,
    kpis,
)


COVERS: dict[str, str] = {
    rule: check for topic in TOPICS for rule, check in getattr(topic, "COVERS", {}).items()
}
"""Rules of the model -> the rule of the audit that recomputes each."""
WHOLE = frozenset(rule for topic in TOPICS for rule in getattr(topic, "WHOLE", ()))
"""Rules of the audit that only a plan keeps: screening (``solve.integers: none``) takes parts of what they speak of."""


def audit(plan: Plan, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """Violations of a plan: rule, index, amount, limit, message; an empty table is a clean plan."""
    view, found = View(plan), Findings(tolerance)
    for topic in TOPICS:
        topic.check(view, found)
    table = found.table()
    return table if view.whole else table[~table["rule"].isin(WHOLE)].reset_index(drop=True)
