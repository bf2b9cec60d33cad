"""A live model as others may look at it: the sizes of its numbers, and a file for other solvers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from planner.solver.highs import LiveHighs


def coefficient_ranges(live: LiveHighs) -> dict[str, tuple[float, float]]:
    """Smallest and largest absolute value, zeros and infinities left out, of each part of the model."""
    lp = live.highs.getLp()
    parts = {
        "matrix": np.asarray(lp.a_matrix_.value_),
        "cost": np.asarray(lp.col_cost_),
        "column bounds": np.concatenate([lp.col_lower_, lp.col_upper_]),
        "row bounds": np.concatenate([lp.row_lower_, lp.row_upper_]),
    }
    sizes = {name: np.abs(v[np.isfinite(v) & (v != 0)]) for name, v in parts.items()}
    return {name: (float(v.min()), float(v.max())) for name, v in sizes.items() if len(v)}


def write_model(live: LiveHighs, path: Path) -> None:
    """Write the model as it stands, as .mps or .lp by the file's suffix, with readable names."""
    for blocks, pass_name in ((live.arrays.columns, "passColName"), (live.arrays.rows, "passRowName")):
        for name, block in blocks.items():
            for offset, index in enumerate(block.index):
                # HiGHS drops all names of an .lp file if one holds a square bracket or a hyphen.
                text = f"{name}({','.join(map(str, index))})" if index else name
                text = text.replace("-", "_") if path.suffix == ".lp" else text
                live.call(pass_name, block.start + offset, "_".join(text.split()))
    live.call("writeModel", str(path))
