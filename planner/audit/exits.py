"""Stacks over time: adopted and left at most once, no work under them before and after; what that costs and saves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import dated, priced
from planner.audit.findings import Findings
from planner.audit.service import served_k
from planner.audit.view import View, lookup, over, total
from planner.case.columns import records

COVERS = {
    "adopt_once": "adopt-once", "adopt_used": "adopt-used", "leave_once": "leave-once", "leave_used": "leave-used",
    "leave_after": "leave-after", "moved_work": "moved-work",
}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("leave-price", "leave-after", "left-work")
"""Rules of the audit that speak of wholes, which screening takes parts of."""


def check(view: View, found: Findings) -> None:
    """Rules of later adoption and of leaving."""
    since, left = _adopted(view, found), _left(view, found)
    if len(view.case.moves):
        rows, ledger = _moved(view), view.table("ledger")
        paid = ledger[ledger["account"] == "moving"]
        found.equal("moved-work", total(paid, ["w", "a", "t"], paid["musd"]), total(rows, ["w", "a", "t"], rows["musd"]),
                    "MUSD for work that moves")  # fmt: skip
    if not len(since) and not len(left):
        return
    for a in left.index.intersection(since.index):
        if left[a] <= since[a]:
            found.add(
                "leave-after", a, float(left[a]), float(since[a]), "a stack is left before it was adopted"
            )
    work = served_k(view)
    begins, ends = (
        pd.Series(lookup(work["a"], dates), index=work.index, dtype=float) for dates in (since, left)
    )
    idle = work[((work["t"] < begins) | (work["t"] >= ends)).to_numpy(bool)]
    found.at_most("left-work", total(idle, ["w", "a", "t"], idle["served"] + idle["held"]), 0.0,
                  "work under a stack before it was adopted or after it was left")  # fmt: skip


def _adopted(view: View, found: Findings) -> pd.Series:
    """Stack -> the period in which it is in use, where its adoption was put off."""
    table, case = view.table("adoptions"), view.case
    if not len(table):
        return pd.Series(dtype=float)
    found.known("adopt-allowed", table[["a", "t"]], case.adoptions.index, "this stack cannot be adopted then")
    rows = view.facts(table, case.adoptions, ["a", "t"], ["lead"])
    dates = {"decide_date": view.begins(rows["t"]) - rows["case_lead"], "live_date": view.begins(rows["t"])}
    dated(view, found, "adopt-dates", rows, ["a", "t"], dates)
    _once(view, found, table, "adopt")
    return table.groupby("a")["t"].max()


def _left(view: View, found: Findings) -> pd.Series:
    """Stack -> the period from which no work runs under it."""
    table, case = view.table("exits"), view.case
    if not len(table):
        return pd.Series(dtype=float)
    found.known("leave-allowed", table[["a", "t"]], case.exits.index, "this stack cannot be left then")
    rows = view.facts(table, case.exits, ["a", "t"], ["musd"])
    dated(
        view,
        found,
        "leave-dates",
        rows,
        ["a", "t"],
        {"decide_date": view.begins(rows["t"]), "live_date": view.begins(rows["t"])},
    )
    priced(found, "leave-price", rows, ["a", "t"], rows["case_musd"])
    _once(view, found, table, "leave")
    return table.groupby("a")["t"].min()


def _once(view: View, found: Findings, table: pd.DataFrame, what: str) -> None:
    """Each stack at most one such date, and only a stack that is adopted."""
    count = table.groupby("a")["t"].count().astype(float)
    used = view.table("stacks").set_index("a")["adopted"].astype(float)
    limit = pd.Series([float(used.get(a, 0.0)) for a in count.index], index=count.index, dtype=float)
    if what == "adopt":
        found.at_most("adopt-once", count, 1.0, "a stack is adopted once")
        found.at_most("adopt-used", count, limit, "a stack that is not adopted has a date of adoption")
    else:
        found.at_most("leave-once", count, 1.0, "a stack is left once")
        found.at_most("leave-used", count, limit, "a stack that is not adopted is left")


def booked(book: Book) -> None:
    """The cost of leaving and moving; every layer's yearly cost no more from the end of the overlap on."""
    view, case = book.view, book.view.case
    rows = view.facts(view.table("exits"), case.exits, ["a", "t"], ["musd", "paid_t"])
    origin = lookup(rows["a"], case.stacks["origin_iso3"])
    book.add(rows, rows["case_musd"], kind="fee", account="stack-exit", a=rows["a"], origin_iso3=origin)
    for row in records(rows):
        after = pd.DataFrame({"t": np.arange(int(row.case_paid_t), view.n)})
        for layer in records(case.layers[case.layers["a"] == row.a]):
            saved = -float(layer.musd_per_step) * view.steps(after["t"])
            book.add(after, saved, kind="fee", account="platform", a=str(row.a),
                     origin_iso3=str(layer.origin_iso3))  # fmt: skip
    rows = _moved(view)
    book.add(rows, rows["musd"], kind="fee", account="moving", w=rows["w"], a=rows["a"],
             origin_iso3=lookup(rows["a"], case.stacks["origin_iso3"]))  # fmt: skip


def _moved(view: View) -> pd.DataFrame:
    """Rows of the case's ``moves`` with what work costs that a stack did in the period before and does no more."""
    rows, work = view.case.moves.reset_index(drop=True), served_k(view)
    done = total(work, ["w", "a", "t"], work["served"])
    now, before = (over(pd.MultiIndex.from_arrays([rows["w"], rows["a"], rows["t"] - late]), done).to_numpy(float)
                   for late in (0, 1))  # fmt: skip
    gone = np.maximum(0.0, rows["share"].to_numpy(float) * before - now)
    return rows.assign(musd=gone * rows["musd_per_kref"].to_numpy(float))
