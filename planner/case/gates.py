"""Layers that hold work back: from when a stack carries work of a sector, a class of data or a language.

By the catalog's table ``layer_gates`` and only where the scenario says so (``control.layers_gate``). Applications are
made for a sector and a language, certificates for a class of data, models speak some languages and their licences
name uses. Each takes months after the lead of its layer; a blank is never. All layers are made ready side by side.
A stack in use at the start is ready for whatever it can carry. Training waits for certificates and data alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS
from planner.case.stacks import layers_of, stacks_in_use
from planner.case.table import Table
from planner.scenario.schema import Workload

TABLES = {
    "gates": Table(("w", "a"), {
        "ready_t": "first period in which all layers of the stack carry the work", "layer": "the last of them",
    }),
}  # fmt: skip
ANY = "*"
OF_TRAINING = "data_class"
"""The one property of training that a layer is made ready for."""


class Gate(NamedTuple):
    """The slowest layer for one workload under one stack: months after the layer's lead, or NaN for never."""

    layer: str
    by: str
    value: str
    months: float

    @property
    def words(self) -> str:
        return f"{self.layer} for {self.by.replace('_', ' ')} {self.value}"


def properties(workload: Workload) -> dict[str, str]:
    """Property of the work -> its value, for those a layer may have to be made ready for."""
    own = {"data_class": workload.data_class, "sector": workload.sector, "language": workload.language}
    training = workload.kind in TRAINING_KINDS
    return {by: str(value) for by, value in own.items() if value and (by == OF_TRAINING or not training)}


def gates_of(context: Context, workload: Workload, stack: str) -> list[Gate]:
    """Every layer of the stack that is not ready for the work at once; none where the scenario has no gates."""
    if not context.scenario.control.layers_gate:
        return []
    key = ("gates", workload.id, stack)
    if key not in context.memo:
        table = context.catalog.table("layer_gates").set_index(["layer_id", "by", "value"])
        months = table[context.column("layer_gates", "months")]
        started = stack in stacks_in_use(context)
        found = []
        for layer in layers_of(context, stack).index:
            for by, value in properties(workload).items():
                row = next((k for k in ((layer, by, value), (layer, by, ANY)) if k in months.index), None)
                if row is not None:
                    taken = float(months[row])
                    found.append(Gate(str(layer), by, value, 0.0 if started and taken > 0 else taken))
        context.memo[key] = found
    gates: list[Gate] = context.memo[key]
    return gates


def never_ready(context: Context, workload: Workload, stack: str) -> str:
    """Which layer of the stack never carries the work, in words; empty where all do."""
    closed = [gate.words for gate in gates_of(context, workload, stack) if pd.isna(gate.months)]
    return f"no {' and no '.join(closed)}" if closed else ""


def gate_table(context: Context, layers: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """(w, a) -> ready_t, layer: first period in which all layers of a stack carry the work, and the last of them."""
    work, leads = {w.id: w for w in context.scenario.demand}, layers["lead_months"]
    rows: list[tuple[Any, ...]] = []
    for w, a in dict.fromkeys(zip(pairs["w"], pairs["a"], strict=True)):
        gates = gates_of(context, work[w], a)
        if not gates:
            continue
        last = max(gates, key=lambda gate: float(leads[a, gate.layer]) + gate.months)
        months = float(leads[a, last.layer]) + last.months
        rows.append((w, a, context.calendar.after(0, context.calendar.whole_steps(months)), last.layer))
        if last.months > 0:
            context.assumed.append({"item": f"{w} under {a} waits for {last.words}", "value": months,
                                    "why": "months from the start, table layer_gates"})  # fmt: skip
    return TABLES["gates"].frame(rows)


def when_ready(serve: pd.DataFrame, gates: pd.DataFrame) -> pd.DataFrame:
    """Rows (w, h, a, k, t) from the period on in which the layers of their stack are ready."""
    if not len(gates):
        return serve
    first = gates["ready_t"].to_dict()
    ready = [first.get(pair, 0) for pair in zip(serve["w"], serve["a"], strict=True)]
    return serve[serve["t"] >= np.array(ready, dtype=int)]
