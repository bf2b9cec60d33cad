"""Seconds and memory from a model to a loaded HiGHS, by every way there is; no solve is timed.

    python benchmarks/handover.py --json [--sizes 160k 800k] [--repeat 3]

The frozen model of ``frozen_model.py`` at growing size. Each measurement is a process of its own (imports are not
timed, peak memory is that of the whole process); medians over the repeats. ``floor`` writes plain arrays by hand;
``ratio_to_floor`` compares with it at the same size. ``signature`` (rows, columns, non-zeros, sum |A|, sum |c|,
sum |rhs| of what HiGHS holds) must agree between methods, and so must the LP objective at the smallest size.
Slow methods are left out above the sizes in ``LARGEST``.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ORDER = ["15k", "160k", "800k", "2.5M"]
LARGEST = {"floor": "2.5M", "ours": "2.5M", "linopy": "2.5M", "standard-form": "800k", "appsi_highs": "800k"}
OBJECTIVE_SIZE = "15k"


def floor(size: str) -> Any:
    from frozen_model import data, plain_arrays

    matrix, cost, lower, upper, integer, row_low, row_high = plain_arrays(data(size))
    return _passed(matrix, cost, lower, upper, integer, row_low, row_high)


def ours(size: str) -> Any:
    from frozen_model import data, pyomo_model

    from planner.solver.compile import compile_model
    from planner.solver.highs import LiveHighs

    return LiveHighs(compile_model(pyomo_model(data(size), lazy=True))).highs


def appsi(size: str) -> Any:
    from frozen_model import data, pyomo_model
    from pyomo.contrib.appsi.solvers import Highs

    solver = Highs()
    solver.set_instance(pyomo_model(data(size), lazy=False))
    return solver._solver_model


def standard_form(size: str) -> Any:
    from frozen_model import data, pyomo_model
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    model = pyomo_model(data(size), lazy=False)
    form = LinearStandardFormCompiler().write(model, mixed_form=True, nonnegative_vars=False)
    columns = form.columns
    inf = np.inf
    lower = np.array([-inf if v.lb is None else v.lb for v in columns])
    upper = np.array([inf if v.ub is None else v.ub for v in columns])
    integer = np.array([not v.is_continuous() for v in columns], np.int32)
    bound = np.array([row.bound_type for row in form.rows])  # 1: <=, -1: >=, 0: ==
    rhs = np.asarray(form.rhs, float)
    row_low, row_high = np.where(bound <= 0, rhs, -inf), np.where(bound >= 0, rhs, inf)
    cost = np.asarray(form.c.todense()).ravel()
    return _passed(form.A.tocsr(), cost, lower, upper, integer, row_low, row_high)


def linopy(size: str) -> Any:
    from frozen_linopy import linopy_model
    from frozen_model import data
    from linopy.io import to_highspy

    return to_highspy(linopy_model(data(size)))


METHODS = {
    "floor": floor,
    "ours": ours,
    "linopy": linopy,
    "standard-form": standard_form,
    "appsi_highs": appsi,
}


def _passed(matrix: Any, cost: Any, lower: Any, upper: Any, integer: Any, row_low: Any, row_high: Any) -> Any:
    import highspy

    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    sizes = (len(cost), len(row_low), matrix.nnz, 2, 1, 0.0)
    index = (matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data)
    highs.passModel(*sizes, cost, lower, upper, row_low, row_high, *index, integer.astype(np.int32))
    return highs


def warm_up(method: str) -> None:
    """Import everything a method needs, so that only its work is timed."""
    import frozen_model  # noqa: F401
    import highspy  # noqa: F401

    if method in ("ours", "appsi_highs", "standard-form"):
        import planner.solver.highs  # noqa: F401
    if method == "linopy":
        import frozen_linopy  # noqa: F401
        import linopy.io  # noqa: F401


def measure(method: str, size: str) -> dict[str, Any]:
    """One measurement in this process."""
    warm_up(method)
    began = time.perf_counter()
    highs = METHODS[method](size)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    out = {"seconds": seconds, "peak_mb": peak, "signature": signature(highs), "objective": None}
    if size == OBJECTIVE_SIZE:
        out["objective"] = relaxed_objective(highs)
    return out


def signature(highs: Any) -> list[float]:
    """What the loaded model is, whatever the order of its rows and columns, and the sign of a row."""
    lp = highs.getLp()
    values = np.asarray(lp.a_matrix_.value_)
    bounds = np.concatenate([lp.row_lower_, lp.row_upper_])
    return [
        lp.num_row_,
        lp.num_col_,
        len(values),
        float(np.abs(values).sum()),
        float(np.abs(np.asarray(lp.col_cost_)).sum()),
        float(np.abs(bounds[np.isfinite(bounds)]).sum()),
    ]


def relaxed_objective(highs: Any) -> float:
    highs.setOptionValue("output_flag", False)
    n = highs.getNumCol()
    highs.changeColsIntegrality(n, np.arange(n, dtype=np.int32), np.zeros(n, np.uint8))
    highs.run()
    return float(highs.getInfo().objective_function_value)


def run(method: str, size: str) -> dict[str, Any] | None:
    """One measurement in a fresh process; None where the method is not installed."""
    command = [sys.executable, "-W", "ignore", __file__, "--one", method, size]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    if done.returncode:
        if "No module named 'linopy'" in done.stderr:
            return None
        raise RuntimeError(f"{method} at {size} failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def table(sizes: list[str], methods: list[str], repeat: int) -> list[dict[str, Any]]:
    rows = []
    for size in sizes:
        base: float | None = None
        for method in methods:
            if ORDER.index(size) > ORDER.index(LARGEST[method]):
                continue
            # The slow ones need no repeats to be told apart.
            runs = [run(method, size) for _ in range(repeat if method in ("floor", "ours", "linopy") else 1)]
            found = [r for r in runs if r is not None]
            if not found:
                continue
            seconds = statistics.median(r["seconds"] for r in found)
            base = seconds if method == "floor" else base
            rows.append(
                {
                    "method": method,
                    "size": size,
                    "nonzeros": int(found[0]["signature"][2]),
                    "seconds": round(seconds, 4),
                    "peak_mb": round(statistics.median(r["peak_mb"] for r in found), 1),
                    "ratio_to_floor": None if base is None else round(seconds / base, 2),
                    "signature": found[0]["signature"],
                    "objective": found[0]["objective"],
                    "repeats": len(found),
                }
            )
    return rows


def disagreements(rows: list[dict[str, Any]]) -> list[str]:
    """Methods whose model or objective is not that of the floor at the same size."""
    out = []
    for row in rows:
        base = next((r for r in rows if r["size"] == row["size"] and r["method"] == "floor"), row)
        if not np.allclose(row["signature"], base["signature"], rtol=1e-9):
            out.append(
                f"{row['method']} at {row['size']}: signature {row['signature']} is not {base['signature']}"
            )
        if row["objective"] is not None and not np.isclose(row["objective"], base["objective"], rtol=1e-7):
            out.append(
                f"{row['method']} at {row['size']}: objective {row['objective']} is not {base['objective']}"
            )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--sizes", nargs="*", choices=ORDER, default=ORDER[:3])
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "SIZE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(*args.one)))
        return
    rows = table(args.sizes, args.methods, args.repeat)
    wrong = disagreements(rows)
    if args.json:
        print(json.dumps({"benchmark": "handover", "results": rows, "disagreements": wrong}, indent=1))
    else:
        for r in rows:
            print(
                f"{r['size']:>5} {r['method']:<14} {r['seconds']:9.3f} s  x{r['ratio_to_floor']}  {r['peak_mb']:7.0f} MB"
            )
        print("\n".join(wrong) or "all methods agree")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
