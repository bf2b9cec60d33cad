"""Capacity by period: accelerators, power, and the hours that money buys."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.periods import HOURS_PER_YEAR
from planner.plans.unit_costs import MODES
from planner.report.workbook.book import Book, Row, Timeline
from planner.report.workbook.flows import Timing
from planner.report.workbook.inputs import Facts

CLOUD = "cloud"


def write_capacity(book: Book, facts: Facts, timing: Timing) -> dict[str, Row]:
    """Rows by name: accelerators, it_mw, it_mw_rented, facility_mw; hours and hours by mode, discounted, millions."""
    line = Timeline(book, "Capacity", "Capacity by period", "What is live, and available hours", facts.labels)
    fleet, power = facts.tables["fleet"], facts.tables["power"]
    at, load = book.spans["Fleet"], book.spans["Power"]

    def of_fleet(words: str, unit: str, column: str, criterion: str, rows: pd.DataFrame) -> Row:
        more = f",{at['mode']},{criterion}" if criterion else ""
        formula = f"=SUMIFS({at[column]},{at['t']},{timing.index.here}{more})"
        return line.add(words, unit, formula, facts.by_period(rows, column), total=False)

    mine = fleet["mode"] != CLOUD
    out = {
        "accelerators": of_fleet("Accelerators", "accelerators", "accelerators", "", fleet),
        "it_mw": of_fleet("IT power, owned and leased", "MW", "it_mw", f'"<>{CLOUD}"', fleet[mine]),
        "it_mw_rented": of_fleet("IT power, rented", "MW", "it_mw", f'"{CLOUD}"', fleet[~mine]),
    }
    formula = f"=SUMIFS({load['facility_peak_mw']},{load['t']},{timing.index.here})"
    out["facility_mw"] = line.add(
        "Facility power", "MW", formula, facts.by_period(power, "facility_peak_mw"), total=False
    )
    line.heading("Available accelerator-hours, discounted")
    hours = (
        facts.factors
        * facts.context.param("availability")
        * facts.context.calendar.years
        * HOURS_PER_YEAR
        / 1e6
    )
    for mode, words in MODES.items():
        held = of_fleet(
            f"Accelerators, {words}",
            "accelerators",
            "accelerators",
            f'"{mode}"',
            fleet[fleet["mode"] == mode],
        )
        out[f"hours_{mode}"] = line.add(
            f"Hours, {words}", "million",
            f"={held.here}*{timing.factor.here}*availability*period_hours/1000000",
            held.values * hours,
        )  # fmt: skip
    parts = [out[f"hours_{mode}"] for mode in MODES]
    out["hours"] = line.add(
        "Hours", "million", "=" + "+".join(r.here for r in parts), np.sum([r.values for r in parts], axis=0)
    )
    return out
