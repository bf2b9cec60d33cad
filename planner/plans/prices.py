"""What binds, and what one unit more of it is worth: duals in words.

A dual is the change of the plan's cost in MUSD per unit of the limit; a negative one says that a looser limit
would make the plan cheaper. Hosts, stacks and halls are held, servers are divisible: with whole servers held
too, no quota and no crew would have a price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.solver.solution import Solution

if TYPE_CHECKING:
    from planner.solver.engine import Engine

# rule -> (unit of its limit, model units per unit shown, meaning; {0}, {1}, ... are parts of the index)
LIMITS: dict[str, tuple[str, float, str]] = {
    "quota_per_period": ("accelerators", 1000.0, "quota {0}"),
    "quota_cumulative": ("accelerators", 1000.0, "running quota {0}"),
    "quota_window": ("accelerators", 1000.0, "yearly quota {0}"),
    "quota_capacity": ("accelerators", 1000.0, "capacity cap {0}"),
    "under_quota": ("accelerators", 1000.0, "quota of agreement {0}"),
    "agreed_capacity": ("accelerators", 1000.0, "capacity held under {0}"),
    "crew": ("racks", 1000.0, "installation crew {0}"),
    "site_grid": ("MW", 1.0, "grid at {0}"),
    "site_land": ("MW IT", 1.0, "land at {0}"),
    "site_shell": ("MW IT", 1.0, "standing shells at {0}"),
    "site_water": ("m3", 1000.0, "water at {0}"),
    "space_max": ("MW IT", 1.0, "largest size of {0}"),
    "money_cap": ("MUSD", 1.0, "cap on {0}"),
    "carbon_cap": ("tCO2", 1000.0, "cap on {0}"),
    "renewable_floor": ("MWh", 1000.0, "renewable energy ({0})"),
    "draw_amount": ("m of its currency", 1.0, "amount of source {0}"),
    "share_cap": ("1000 reference accelerators", 1.0, "share cap {0}"),
    "survive": ("1000 reference accelerators", 1.0, "survival of {1} without {2} ({0})"),
    "service_kept": ("points of demand", 100.0, "keeping what {0} was served"),
    "control_floor": ("points of what is served", 100.0, "floor on control of what is served"),
    "class_floor": (
        "points x 1000 reference-accelerator months",
        100.0,
        "floor on control of {1} in {2} ({0})",
    ),
    "demand_balance": (
        "1000 reference accelerators",
        1.0,
        "one thousand reference-accelerator equivalents more of {0}",
    ),
}
COLUMNS = ["rule", "index", "t", "label", "dual", "unit", "meaning", "limit"]
NEGLIGIBLE_MUSD, NEGLIGIBLE_MW = 1e-7, 1e-6


def price_table(case: Case, engine: Engine, solution: Solution) -> pd.DataFrame:
    """rule, index, t, label, dual (MUSD per unit), unit, meaning, limit (how large it is, in that unit); empty without
    duals.
    """
    rows: list[tuple[str, str, int, str, float, str, str, float]] = []
    if solution.row_dual is None:
        return pd.DataFrame(rows, columns=COLUMNS)
    for rule, (unit, scale, meaning) in LIMITS.items():
        block = engine.arrays.rows.get(rule)
        if block is None or not block.size:
            continue
        duals = solution.row_dual[block.slice]
        if rule == "space_max" and solution.x is not None:  # of a place that is not open it is no limit
            space = engine.family(solution.x, "space_mw").reindex(block.labels)
            duals = np.where(space.to_numpy(float) > NEGLIGIBLE_MW, duals, 0.0)
        for i in (abs(duals) / scale > NEGLIGIBLE_MUSD).nonzero()[0]:
            index = block.tuple_at(int(i))
            t = next((int(x) for x in reversed(index) if isinstance(x, int)), -1)
            label = str(case.periods["label"].get(t, "")) if t >= 0 else ""
            text = meaning.format(*index) + (f" in {label}" if label else "")
            dual, limit = float(duals[i]) / scale, scale * _size(engine, solution, block.slice.start + int(i))
            rows.append((rule, ",".join(map(str, index)), t, label, dual, unit, text, limit))
    for name, column in (("max_delay_by_workload", "delay_w"), ("max_delay", "delay"), ("max_cost", "cost")):
        block = engine.arrays.columns[column]
        values = [] if solution.col_dual is None else solution.col_dual[block.slice].tolist()
        for column_at, dual in enumerate(values):
            if abs(dual) > NEGLIGIBLE_MUSD:
                index = block.tuple_at(column_at)
                text = (
                    f"waiting of {index[0]}"
                    if index
                    else {"delay": "weighted delay", "cost": "cap on cost"}[column]
                )
                limit = float("nan") if solution.x is None else float(solution.x[block.start + column_at])
                rows.append((name, ",".join(map(str, index)), -1, "", float(dual), "months", text, limit))
    return pd.DataFrame(rows, columns=COLUMNS)


def _size(engine: Engine, solution: Solution, row: int) -> float:
    """How large a limit is: its bound, or where the model has the limit itself on the left, the larger side of the row."""
    if solution.x is None:
        return float("nan")
    arrays = engine.arrays
    here = slice(*arrays.matrix.indptr[row : row + 2])
    terms = arrays.matrix.data[here] * solution.x[arrays.matrix.indices[here]]
    bounds = [abs(b) for b in (arrays.row_lower[row], arrays.row_upper[row]) if np.isfinite(b)]
    return float(max(terms[terms > 0].sum(), -terms[terms < 0].sum(), *bounds))
