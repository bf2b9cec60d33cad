"""Capacity by period: accelerators, power, and the hours that money buys."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.periods import HOURS_PER_YEAR
from planner.plans.unit_costs import MODES
from planner.report.workbook.book import Book, Row, Timeline
from planner.report.workbook.flows import Timing
from planner.report.workbook.inputs import SECONDS_PER_HOUR, Facts

CLOUD = "cloud"


def write_capacity(book: Book, facts: Facts, timing: Timing) -> dict[str, Row]:
    """Rows by name: accelerators, own, it_mw, it_mw_rented, facility_mw; discounted: hours and hours by mode, tokens
    (millions), and what serves, all of it and what serves tokens (thousand reference accelerators).
    """
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
        "own": of_fleet(
            "Accelerators, owned and leased", "accelerators", "accelerators", f'"<>{CLOUD}"', fleet[mine]
        ),
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
        * np.append(facts.context.calendar.years, 0.0)
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
            f"={held.here}*{timing.factor.here}*availability*step_hours*{timing.steps.here}/1000000",
            held.values * hours,
        )  # fmt: skip
    parts = [out[f"hours_{mode}"] for mode in MODES]
    out["hours"] = line.add(
        "Hours", "million", "=" + "+".join(r.here for r in parts), np.sum([r.values for r in parts], axis=0)
    )
    return out | _tokens(line, book, facts, timing)


def _tokens(line: Timeline, book: Book, facts: Facts, timing: Timing) -> dict[str, Row]:
    """Tokens served, and the part of what serves that serves tokens; discounted."""
    line.heading("Tokens served, discounted")
    need, at = facts.tables["demand"], book.spans["Demand"]
    served, spoken = need["served_kref"], need["tokens_per_s"].notna()
    tokens = (need["tokens_per_s"] * (1.0 - need["unserved_share"]) * need["mean_load"]).fillna(0.0)
    rows = need.assign(all=served, serving=served.where(spoken, 0.0), tokens=tokens)
    here = f"({at['t']}={timing.index.here})"
    hours = np.append(facts.context.calendar.years, 0.0) * HOURS_PER_YEAR
    lasts = np.append(facts.context.calendar.steps, 0)
    seconds = f"step_hours*{timing.steps.here}*hour_seconds/1000000"
    each = f"*{timing.steps.here}"
    parts = {
        "all": ("Served", "thousand reference accelerators", at["served_kref"], each, lasts),
        "serving": ("Served, in tokens", "thousand reference accelerators",
                    f"ISNUMBER({at['tokens_per_s']})*{at['served_kref']}", each, lasts),
        "tokens": ("Tokens served", "million",
                   f"{at['tokens_per_s']}*(1-{at['unserved_share']})*{at['mean_load']}", f"*{seconds}",
                   hours * SECONDS_PER_HOUR / 1e6),
    }  # fmt: skip
    return {
        f"served_{name}": line.add(
            words, unit, f"=SUMPRODUCT({here}*{what})*{timing.factor.here}{more}",
            facts.by_period(rows, name) * facts.factors * times,
        )
        for name, (words, unit, what, more, times) in parts.items()
    }  # fmt: skip
