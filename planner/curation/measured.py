"""Rules of ``planner catalog --check`` for what was measured: does a figure agree with all the others?

A serving rate is held against what the fit expects without its row, a training run against the arithmetic
it paid for, a chip against the formats and the control measure that follow from its peaks, a project against
what a megawatt costs and how many accelerators it feeds. Limits are wide: they find digits, not opinions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator

import numpy as np

from planner.case.serving_order import book
from planner.case.training_runs import WHOLE, published_runs
from planner.curation.plausibility import Accepted
from planner.facts.catalog import Catalog
from planner.facts.sheets import Sheet

MOST_RATE_FACTOR, MOST_RATE_SIGMAS = 3.0, 4.0
EFFICIENCY = {WHOLE: (0.1, 0.7), "benchmark": (0.15, 2.5), "fine-tuning": (0.1, 2.5)}
"""Share of the dense bf16 peak, by kind of run; published ones lie between 0.17 and 1.7."""
FORMAT_STEPS = (("fp8_dense_tflops", "bf16_dense_tflops", 4.2), ("fp4_dense_tflops", "fp8_dense_tflops", 4.2))
"""A narrower format is not slower, and at most about four times as fast."""
RATES = (
    "throughput", "serving_points", "serving_parameters", "serving_weights", "accelerators", "models", "systems",
    "aliases", "latency_classes",
)  # fmt: skip
"""Tables the fit of serving rates reads; a catalog of one's own may lack them."""
BITS = {"bf16_dense_tflops": 16, "fp8_dense_tflops": 8, "fp4_dense_tflops": 4}
NAMED_SIZE = re.compile(r"(?<![\w.])(\d+)b(?!\w)")
MUSD_PER_MW = (1.5, 130.0)
KW_PER_ACCELERATOR = (0.3, 12.0)


def measured_faults(catalog: Catalog, sheets: dict[str, Sheet], accepted: dict[str, Accepted]) -> list[str]:
    """Faults of the tables of measurements; only for a catalog without faults of form."""
    rules: dict[tuple[str, ...], Callable[[], Iterator[str]]] = {
        RATES: lambda: _rates(catalog, sheets["throughput"], accepted["throughput"]),
        ("training_runs", "accelerators", "parameters"): lambda: _runs(catalog, sheets["training_runs"]),
        ("accelerators",): lambda: _chips(sheets["accelerators"]),
        ("models", "model_classes", "layer_models"): lambda: _sizes(sheets),
        ("real_projects",): lambda: _projects(
            sheets["real_projects"],
            ("it_mw", "facility_mw", "planned_mw"),
            "n_accelerators",
            accepted["real_projects"],
        ),
        ("national_plans",): lambda: _projects(
            sheets["national_plans"],
            ("mw_phase1", "mw_total"),
            "accelerators_planned",
            accepted["national_plans"],
        ),
    }
    return [fault for tables, rule in rules.items() if set(tables) <= set(sheets) for fault in rule()]


def _rates(catalog: Catalog, sheet: Sheet, accepted: Accepted) -> Iterator[str]:
    error, sd = book(catalog).left_out_rows
    for row in range(len(sheet.lines)):
        limit = max(math.log(MOST_RATE_FACTOR), MOST_RATE_SIGMAS * float(sd[row]))
        name = "tokens_per_s_per_accelerator"
        if abs(error[row]) > limit and not accepted.has(row, name):
            yield sheet.at(row, name, f"{sheet.cells[name][row]} is {math.exp(error[row]):.2g} times what all "
                           "other measurements lead one to expect")  # fmt: skip


def _runs(catalog: Catalog, sheet: Sheet) -> Iterator[str]:
    """Efficiency from parameters, tokens, hours and peak; and hours against accelerators x days."""
    line = {key: row for row, key in enumerate(sheet.cells["run_id"])}
    for run in published_runs(catalog).itertuples():
        low, high = EFFICIENCY[run.kind]
        share = math.exp(run.log_efficiency)
        if not low <= share <= high:
            fault = f"{run.hours:g} hours for 6 x {run.params_active_b:g} x {run.tokens_b:g} is {share:.2g} of the peak"
            yield sheet.at(line[run.run_id], "accelerator_hours", f"{fault}: {low:g} to {high:g} is usual")
    for row in range(len(sheet.lines)):
        n, days, hours = (sheet.values[c][row] for c in ("n_accelerators", "days", "accelerator_hours"))
        if n and days and hours and not 0.5 <= n * days * 24.0 / hours <= 2.0:
            yield sheet.at(row, "days", f"{n:g} accelerators x {days:g} days is not {hours:g} hours")


def _chips(sheet: Sheet) -> Iterator[str]:
    for row in range(len(sheet.lines)):
        for fast, slow, most in FORMAT_STEPS:
            a, b = sheet.values[fast][row], sheet.values[slow][row]
            if a and b and not 0.99 <= a / b <= most:
                yield sheet.at(row, fast, f"{a:g} is {a / b:.2g} times {slow}: 1 to {most:g} is possible")
        best = max((sheet.values[c][row] or 0.0) * bits for c, bits in BITS.items())
        tpp = sheet.values["tpp"][row]
        if tpp and best and not np.isclose(tpp, best, rtol=0.01):
            yield sheet.at(row, "tpp", f"{tpp:g} is not the best peak x bits, {best:g}")


def _sizes(sheets: dict[str, Sheet]) -> Iterator[str]:
    """A model is as large as its name says, and as large in every table."""
    models = sheets["models"]
    size = dict(zip(models.cells["model_id"], models.values["params_total_b"], strict=True))
    for row, key in enumerate(models.cells["model_id"]):
        named = NAMED_SIZE.search(key)
        if named and not 0.8 <= size[key] / float(named[1]) <= 1.25:
            yield models.at(row, "params_total_b", f"{size[key]:g} billion, but its name says {named[1]}")
    for sheet in (sheets["model_classes"], sheets["layer_models"]):
        for row, key in enumerate(sheet.cells["model_id"]):
            own = sheet.values["params_total_b"][row]
            if not 0.5 <= own / size[key] <= 2.0:
                yield sheet.at(row, "params_total_b", f"{own:g} is not near the {size[key]:g} of {key}")


def _projects(sheet: Sheet, power: tuple[str, ...], count: str, accepted: Accepted) -> Iterator[str]:
    """What a row says of money, power and accelerators must fit together on one of its figures of power."""
    for row in range(len(sheet.lines)):
        mw = [v for c in power if (v := sheet.values[c][row])]
        musd, n = sheet.values["capex_musd"][row], sheet.values[count][row]
        for name, amount, (low, high) in (
            ("capex_musd", musd, MUSD_PER_MW),
            (count, n and n / 1000.0, tuple(1.0 / x for x in reversed(KW_PER_ACCELERATOR))),
        ):
            odd = mw and amount and not any(low <= amount / m <= high for m in mw)
            if odd and not accepted.has(row, name):
                unit = "MUSD per MW" if name == "capex_musd" else "thousand accelerators per MW"
                per = amount / mw[0]
                yield sheet.at(row, name, f"{per:.3g} {unit}: {low:.3g} to {high:.3g} has been seen")
