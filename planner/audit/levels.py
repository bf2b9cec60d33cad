"""Levels of efficiency and energy: what each place comes to in every year, against what it is held to and scored by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.view import View, once, total
from planner.case.columns import records
from planner.case.levels import GREEN, PUE, scored

COVERS = {
    "level_held": "level-held", "level_work": "level-kept", "level_gained": "level-kept", "level_needed": "level-needed",
}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("level-held", "level-needed")
"""Rules of the audit that speak of wholes, which screening takes parts of."""
MISSED = 1e-5
"""Share of a bound that may be missed and counts as kept."""


def check(view: View, found: Findings) -> None:
    """Levels promised and told are reached; work that is allowed at a level only stands at hosts that keep it."""
    if not len(view.case.levels):
        return
    table, years, kept = view.table("levels"), _years(view), kept_levels(view)
    keys = list(zip(table["h"], table["l"], strict=True))
    if sorted(keys) != sorted(view.case.levels.index):
        found.add("level-kept", "levels", len(keys), len(view.case.levels), "not the levels of the case")
        return
    for (h, value), held in zip(keys, table["promised"].astype(bool), strict=True):
        if held:
            year = years[h, value]
            over = pd.Series(
                (year["over"] - MISSED * year["asked"]).to_numpy(), [f"{h} {value} {y}" for y in year.index]
            )
            found.at_most("level-held", over, 0.0, "MWh of a year beyond what the host is held to", 100.0)
    right = pd.Series([key in kept for key in keys], dtype=bool)
    found.same(
        "level-kept", table[["h", "l"]], table["kept"].astype(bool), right, "whether the level is kept"
    )
    index = pd.MultiIndex.from_tuples(keys)
    measure = view.case.levels["measure"]
    worst = [years[k]["reached"].max() if measure[k] == PUE else years[k]["reached"].min() for k in keys]
    found.equal("level-kept", pd.Series(table["reached"].to_numpy(float), index), pd.Series(worst, index, dtype=float),
                "what a place comes to in its worst year")  # fmt: skip
    needs = view.case.level_needs.reset_index(drop=True)
    closed = pd.Series([key not in kept for key in zip(needs["h"], needs["l"], strict=True)], dtype=bool)
    work = view.table("serving").merge(needs[closed], on=["w", "h", "a", "k"])
    found.at_most("level-needed", total(work, ["w", "h", "l", "t"], work["accelerators"] + work["reserve"]), 0.0,
                  "work whose SEAL asks for a level that its host does not keep", 1000.0)  # fmt: skip


@once
def kept_levels(view: View) -> set[tuple[str, str]]:
    """(h, l) that a host comes to in every year in which it draws energy, from dispatch, generation and contracts."""
    return {
        key
        for key, year in _years(view).items()
        if len(year) and (year["over"] <= MISSED * year["asked"]).all()
    }


@once
def scores(view: View) -> pd.DataFrame:
    """(w, h, a, k) -> scores of offers at hosts that come to a level."""
    return scored(view.case, kept_levels(view))


@once
def _years(view: View) -> dict[tuple[str, str], pd.DataFrame]:
    """(h, l) -> by calendar year with energy: reached, asked MWh, and MWh ``over`` what the bound allows."""
    day, made, bought = (view.table(name) for name in ("dispatch", "generation", "matched"))
    years = {t: view.date(t).year for t in range(view.n)}
    found = {}
    for level in records(view.case.levels):
        own, plant, contracts = (
            x[x["h"] == level.h].assign(y=lambda d: d["t"].map(years)) for x in (day, made, bought)
        )
        drawn = total(own, ["y"], (own["import_mw"] + own["generation_mw"]) * own["hours"])
        if level.measure == PUE:
            stored = total(own, ["y"], (own["charge_mw"] - own["discharge_mw"]) * own["hours"])
            base, amount = total(own, ["y"], own["it_mw"] * own["hours"]), drawn - stored
        else:
            base, amount = drawn, drawn * 0.0
            for table, mw in ((plant, "generation_mw"), (contracts, "matched_mw")):
                keys = zip(table["h"], table["g"], strict=True)
                counts = [level.measure != GREEN or key in view.case.renewables.index for key in keys]
                part = table[np.array(counts, dtype=bool)]
                amount = amount.add(total(part, ["y"], part[mw] * part["hours"]), fill_value=0.0)
        year = pd.DataFrame({"base": base, "amount": amount})[lambda d: d["base"] > 0]
        sign, asked = (1.0 if level.measure == PUE else -1.0), level.bound * year["base"]
        found[str(level.h), str(level.l)] = pd.DataFrame({
            "reached": year["amount"] / year["base"], "asked": asked, "over": sign * (year["amount"] - asked),
        })  # fmt: skip
    return found
