"""What is left after the loss of a site, an operator, a vendor, a law: reserve, and what runs on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.service import WHAKT, served_k
from planner.audit.view import View, labelled, lookup, over, total

HAKT = ["h", "a", "k", "t"]
DUTY = ["i", "w", "f", "t"]
WORK = ["i", *WHAKT]

COVERS = {
    "reserve_sum": "survival",
    "survive": "survival",
    "outlast_work": "outlasting",
    "outlast_fleet": "outlasting",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """After the loss of any one member of a class, a share of what was served is still served or held elsewhere."""
    rows, case = served_k(view), view.case
    since = lookup(rows["w"], case.workloads["survive_t"]).astype(float)
    early = rows[(rows["held_k"] > 0) & (rows["t"] < since)]
    found.at_most("reserve-date", total(early, WHAKT, early["held_k"]), 0.0, "reserve before it is asked for")
    duties = case.survival.reset_index(drop=True)
    lost = duties.merge(case.survival_members.reset_index(drop=True), on=["i", "f"])
    late = lost[lost["supply"].astype(bool)]
    _outlasting(view, found, late)
    strength = rows.assign(strength=rows["served"] + rows["held"])[[*WHAKT, "strength"]]
    lost = lost.merge(strength, on=WHAKT)
    on = view.table("outlasting")
    on = late.merge(on[[*WORK, "accelerators"]], on=WORK)
    on = on.assign(strength=on["accelerators"] / 1000.0 * lookup(labelled(on, WHAKT), case.serve["rate"]))
    index, asked = labelled(duties, DUTY), labelled(duties, ["w", "t"])
    left = (
        over(asked, total(strength, ["w", "t"], strength["strength"])).to_numpy()
        - over(index, total(lost, DUTY, lost["strength"])).to_numpy()
        + over(index, total(on, DUTY, on["strength"])).to_numpy()
    )
    served = over(asked, total(rows, ["w", "t"], rows["served"])).to_numpy(float)
    need = pd.Series(duties["share"].to_numpy(float) * served, index=index)
    found.at_least("survival", pd.Series(left, index=index), need, "too little is left when this is lost")


def _outlasting(view: View, found: Findings, late: pd.DataFrame) -> None:
    """What runs on after a loss of supply works there, on systems and contracts from before the loss."""
    table, work = view.table("outlasting"), served_k(view)
    if not len(table):
        return
    rows = late.merge(view.case.serve[WHAKT].reset_index(drop=True), on=["w", "t", "h", "a", "k"])
    found.known("outlasting", table[WORK], labelled(rows, WORK), "no loss of supply is to be survived here")
    amount = pd.Series(table["accelerators"].to_numpy(float) / 1000.0, index=labelled(table, WORK))
    works = over(labelled(table, WHAKT), total(work, WHAKT, work["serve_k"] + work["held_k"]))
    there = pd.Series(works.to_numpy(float), index=amount.index)
    found.at_least("outlasting", amount, 0.0, "less than nothing runs on")
    found.at_most("outlasting", amount, there, "more runs on than works there")
    loss = rows.drop_duplicates(["i", *HAKT])
    stood = view.case.physics["availability"] * _before(view, loss)
    at = total(table, ["i", *HAKT], table["accelerators"] / 1000.0)
    found.at_most("outlasting", at, stood, "more runs on than stood before the loss")


def _before(view: View, loss: pd.DataFrame) -> pd.Series:
    """(i, h, a, k, t) -> thousands of accelerators alive in t that were ordered, or rented, before the loss."""
    case, index = view.case, labelled(loss, ["i", *HAKT])
    orders = view.facts(view.table("orders"), case.orders, HAKT, ["lead", "life"])
    rents = view.facts(view.table("rents"), case.rents, ["h", "a", "k", "r", "t"], ["periods"])
    stood = lookup(labelled(loss, HAKT), case.fleet["existing_k"]).astype(float)
    for bought, since, life in (
        (orders, view.begins(orders["t"]) - orders["case_lead"], "case_life"),
        (rents, view.begins(rents["t"]), "case_periods"),
    ):
        facts = bought.assign(live=bought["t"], since=since, life=bought[life])
        rows = loss.merge(facts[["h", "a", "k", "live", "since", "life", "accelerators"]], on=["h", "a", "k"])
        alive = (
            (rows["live"] <= rows["t"])
            & (view.begins(rows["t"] + 1) <= view.begins(rows["live"]) + rows["life"])
            & (rows["since"] < rows["lost_step"])
        )
        rows = rows[alive]
        stood = stood + over(index, total(rows, ["i", *HAKT], rows["accelerators"] / 1000.0)).to_numpy()
    return pd.Series(np.asarray(stood, dtype=float), index=index)
