"""Sites: when hosts open, and the team of every open host."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import dated, priced
from planner.audit.findings import Findings
from planner.audit.view import View, lookup

COVERS = {"open_once": "open-once"}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("open-price",)
"""Rules of the audit that speak of wholes, which screening takes parts of."""


def check(view: View, found: Findings) -> None:
    """Rules of opening."""
    table = view.table("opens")
    found.known("open-allowed", table[["h", "t"]], view.case.opens.index, "this host cannot open then")
    count = table.groupby("h")["t"].count().astype(float) if len(table) else pd.Series(dtype=float)
    found.at_most("open-once", count, 1.0, "a host opens once")
    rows = view.facts(table, view.case.opens, ["h", "t"], ["lead", "musd"])
    dated(
        view,
        found,
        "open-dates",
        rows,
        ["h", "t"],
        {"decide_date": view.begins(rows["t"]) - rows["case_lead"], "live_date": view.begins(rows["t"])},
    )
    priced(found, "open-price", rows, ["h", "t"], rows["case_musd"])


def booked(book: Book) -> None:
    """Opening costs and teams of hosts."""
    view, case = book.view, book.view.case
    opens = view.facts(view.table("opens"), case.opens, ["h", "t"], ["lead", "musd"])
    where = book.local(opens["h"])
    book.asset(opens.assign(case_life=1), opens["case_musd"], "site", account="site", **where)
    team = case.hosts["team_musd_per_step"].astype(float)
    book.every(opens, lookup(opens["h"], team), view.n_steps, kind="opex", account="team", **where)
    before = [h for h in view.own if bool(case.hosts.loc[h, "exists"])]
    old = pd.DataFrame({"t": np.zeros(len(before), dtype=int), "h": before})
    book.every(old, lookup(old["h"], team), view.n_steps, kind="opex", account="team", **book.local(old["h"]))
