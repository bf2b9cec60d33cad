"""Leaving stacks: each at most once, only what was adopted, no work under it from then on; and what it costs and saves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import dated, priced
from planner.audit.findings import Findings
from planner.audit.service import served_k
from planner.audit.view import View, lookup, total

COVERS = {"leave_once": "leave-once", "leave_used": "leave-used", "left_work": "left-work"}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Rules of leaving."""
    table, case = view.table("exits"), view.case
    if not len(table) and not len(case.exits):
        return
    found.known("leave-allowed", table[["a", "t"]], case.exits.index, "this stack cannot be left then")
    rows = view.facts(table, case.exits, ["a", "t"], ["musd"])
    dated(view, found, "leave-dates", rows, ["a", "t"], {"decide_date": rows["t"], "live_date": rows["t"]})
    priced(found, "leave-price", rows, ["a", "t"], rows["case_musd"])
    count = table.groupby("a")["t"].count().astype(float) if len(table) else pd.Series(dtype=float)
    found.at_most("leave-once", count, 1.0, "a stack is left once")
    adopted = view.table("stacks").set_index("a")["adopted"].astype(float)
    limit = pd.Series([float(adopted.get(a, 0.0)) for a in count.index], index=count.index, dtype=float)
    found.at_most("leave-used", count, limit, "a stack that is not adopted is left")
    gone = table.groupby("a")["t"].min() if len(table) else pd.Series(dtype=float)
    work = served_k(view)
    left = pd.Series(lookup(work["a"], gone), index=work.index, dtype=float)
    late = work[(work["t"] >= left).to_numpy(bool)]
    found.at_most("left-work", total(late, ["w", "a", "t"], late["served"] + late["held"]), 0.0,
                  "work under a stack that was left")  # fmt: skip


def booked(book: Book) -> None:
    """The cost of leaving; every layer's yearly cost no more from the end of the overlap on."""
    view, case = book.view, book.view.case
    rows = view.facts(view.table("exits"), case.exits, ["a", "t"], ["musd", "paid_t"])
    origin = lookup(rows["a"], case.stacks["origin_iso3"])
    book.add(rows, rows["case_musd"], kind="fee", account="stack-exit", a=rows["a"], origin_iso3=origin)
    for row in rows.itertuples():
        after = pd.DataFrame({"t": np.arange(int(row.case_paid_t), view.n)})
        for layer in case.layers[case.layers["a"] == row.a].itertuples():
            book.add(after, -float(layer.musd_per_period), kind="fee", account="platform", a=str(row.a),
                     origin_iso3=str(layer.origin_iso3))  # fmt: skip
