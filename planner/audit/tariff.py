"""The year's highest import, where a site's tariff charges for it; power books energy and what carries it."""

from __future__ import annotations

import pandas as pd

from planner.audit.book import Book
from planner.audit.findings import Findings
from planner.audit.firm import carried_mw, facility_peak, held_mw
from planner.audit.storage import recharge_short_mw
from planner.audit.view import View, over, total

HT = ["h", "t"]

COVERS = {"peak_by_slice": "billed-peak", "peak_at_design": "billed-peak", "peak_at_design_leased": "billed-peak",
          "peak_of_year": "billed-peak"}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """What is billed is no less than any import of the calendar year so far, the design hour and its day among them."""
    charges, power, dispatch = view.case.peak_charges, view.table("power"), view.table("dispatch")
    billed = total(power, HT, power["billed_peak_mw"])
    index = billed.index[billed.index.isin(charges.index)]
    found.equal("billed-peak", billed, over(billed.index, billed.reindex(index)), "peak that nobody bills")
    highest = dispatch.groupby(HT)["import_mw"].max()
    drawn = over(index, highest).clip(lower=over(index, facility_peak(view)) - over(index, carried_mw(view)))
    found.at_least("billed-peak", over(index, billed), drawn, "import above what is billed")
    found.at_most(
        "billed-peak",
        recharge_short_mw(view, over(index, billed), held_mw(view)),
        0.0,
        "import below the mean of the design day, which charges storage again",
    )
    before = pd.MultiIndex.from_tuples([(h, t - 1) for h, t in index]) if len(index) else index
    held = over(before, billed).set_axis(index).where(charges["same_year"].reindex(index), 0.0)
    found.at_least("billed-peak", over(index, billed), held, "a peak forgotten within its year")


def booked(book: Book) -> None:
    """The charge on the billed peak."""
    view = book.view
    power = view.table("power")[[*HT, "billed_peak_mw"]]
    rows = view.facts(power, view.case.peak_charges, HT, ["musd_per_mw_step"])
    charge = rows["billed_peak_mw"] * rows["case_musd_per_mw_step"] * view.steps(rows["t"])
    book.add(rows, charge, kind="energy", account="peak-charge", **book.local(rows["h"]))  # fmt: skip
