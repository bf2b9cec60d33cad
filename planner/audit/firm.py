"""Firm power: the design hour against grid, backup and plant; connections of a site against its grid."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.plant import ratings
from planner.audit.view import View, at_sites, each_period, lookup, once, over, site_limit, total
from planner.case.case import DESIGN, STRESS

HT = ["h", "t"]

COVERS = {"site_flexible": "site-flexible", "firm_power": "firm-power", "backup_power": "backup-power",
          "plant_rating": "plant-rating", "storage_rating": "plant-rating",
          "standby_rating": "backup-power", "stress_rating": "stress-rating",
          "site_grid": "site-grid"}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Grid and plant carry the design hour, backup the critical load; all connections of a site fit its grid.

    Critical load that backup sets leave is held by plant that starts in time; no megawatt carries load and is backup.
    """
    load, grid, sets = built_load(view), grid_mw(view), backup_mw(view)
    stands = ratings(view)
    critical = view.case.physics["backup_critical_share"] * load
    loose = flexible_mw(view)
    there, spare = over(load.index, grid) + over(load.index, loose), over(load.index, sets)
    short = (critical - spare).clip(lower=0.0)
    rating, starting = (over(load.index, stands[c]) for c in ("rating_mw", "starting_mw"))
    found.at_most("firm-power", load, there + rating, "design-hour load above grid connection and plant")
    found.at_most("backup-power", critical, spare + starting, "critical load above the backup")
    twice = (load - there).clip(lower=0.0) + short
    found.at_most("plant-rating", twice, rating, "plant that carries load and is backup at once")
    gen = stressed_mw(view)
    found.at_most(
        "stress-rating", gen + over(gen.index, short), over(gen.index, stands["steady_mw"]),
        "plant that gives power in stressed hours and is backup",
    )  # fmt: skip
    built = grid[grid.index.get_level_values(0).isin(view.built)]
    found.at_most(
        "site-grid", at_sites(view, built), site_limit(view, "grid_mw"), "connections above the site's grid"
    )
    most, sites = view.case.flexibles.groupby("p")["max_mw"].first(), at_sites(view, loose)
    limit = pd.Series([most.get(p, 0.0) for p, _ in sites.index], index=sites.index, dtype=float)
    found.at_most("site-flexible", sites, limit, "flexible connections above the most at the site")
    _table(view, found)


def _table(view: View, found: Findings) -> None:
    power, stands = view.table("power"), ratings(view)
    for name, want in (("grid_mw", grid_mw(view)), ("flexible_mw", flexible_mw(view)),
                       ("backup_mw", backup_mw(view)), ("plant_mw", stands["plant_mw"]),
                       ("plant_rating_mw", stands["steady_mw"]), ("plant_standby_mw", held_mw(view)),
                       ("storage_firm_mw", stored_mw(view))):  # fmt: skip
        got = total(power, HT, power[name])
        found.equal("firm-table", got, over(got.index, want), name)


@once
def held_mw(view: View) -> pd.Series:
    """(h, t) -> MW of rating held as backup, where plant stands."""
    stands = ratings(view)["steady_mw"]
    index = stands.index[stands > 0]
    left = view.case.physics["backup_critical_share"] * over(index, built_load(view)) - over(
        index, backup_mw(view)
    )
    return left.clip(lower=0.0)


@once
def carried_mw(view: View) -> pd.Series:
    """(h, t) -> most MW of the design load that plant may carry: its rating less what is held as backup."""
    stands = ratings(view)["rating_mw"]
    return stands - over(stands.index, held_mw(view))


@once
def stored_mw(view: View) -> pd.Series:
    """(h, t) -> MW that storage gives in the design hour: what import, no more than is billed where it is, and other plant
    leave of its load.
    """
    stands, power = ratings(view), view.table("power")
    index = stands.index
    drawn = over(index, grid_mw(view)) + over(index, flexible_mw(view))
    peak = over(index, total(power, HT, power["billed_peak_mw"]))
    drawn = drawn.mask(index.isin(view.case.peak_charges.index) & (peak < drawn), peak)
    other = drawn + stands["steady_mw"] - over(index, held_mw(view))
    short = (over(index, built_load(view)) - other).clip(lower=0.0)
    return short.clip(upper=stands["rating_mw"] - stands["steady_mw"])


@once
def stressed_mw(view: View) -> pd.Series:
    """(h, t) -> MW that plant which is firm gives in stressed hours."""
    rows = view.facts(view.table("generation"), view.case.supplies, ["h", "g"], ["firm_share"])
    rows = rows[(rows["s"] == STRESS) & (rows["case_firm_share"].astype(float) > 0)]
    return total(rows, HT, rows["generation_mw"])


@once
def built_load(view: View) -> pd.Series:
    """(h, t) -> facility MW of hosts that build in the design hour."""
    load = facility_peak(view)
    return load[load.index.get_level_values(0).isin(view.built)]


@once
def grid_mw(view: View) -> pd.Series:
    """(h, t) -> MW of firm grid connections alive, with what exists already."""
    return _with_existing(view, _lines(view, flexible=False), "existing_grid_mw")


@once
def flexible_mw(view: View) -> pd.Series:
    """(h, t) -> MW of flexible connections alive."""
    return _lines(view, flexible=True)


def _lines(view: View, flexible: bool) -> pd.Series:
    rows = view.facts(view.table("connections"), view.case.connections, ["h", "n", "t"], ["life", "flexible"])
    return _alive(view, rows[rows["case_flexible"].astype(bool) == flexible])


@once
def backup_mw(view: View) -> pd.Series:
    """(h, t) -> MW of backup sets alive, with what exists already."""
    rows = view.facts(view.table("backups"), view.case.backups, ["h", "g", "t"], ["life"])
    return _with_existing(view, _alive(view, rows), "existing_backup_mw")


@once
def facility_peak(view: View) -> pd.Series:
    """(h, t) -> facility MW in the design hour: heat by technology times its PUE, or the building's."""
    table = view.table("cooling")
    table = table[table["heat_peak_mw"] != 0]  # heat recovery carries none
    key = pd.MultiIndex.from_arrays([table["h"], table["c"], table["t"], [DESIGN] * len(table)])
    pue = lookup(key, view.case.pue["pue"]).astype(float) if len(table) else np.zeros(0)
    built = total(table, HT, table["heat_peak_mw"] * pue)
    leased = view.powered[view.powered["h"].isin([h for h in view.own if h not in view.built])]
    return built.add(
        total(leased, HT, leased["peak_mw"] * view.case.physics["colocation_pue"]), fill_value=0.0
    )


def _alive(view: View, rows: pd.DataFrame) -> pd.Series:
    """(h, t) -> MW of purchases within their life."""
    alive = each_period(rows, rows["t"], rows["case_life"], view)
    return total(alive, HT, alive["added_mw"])


def _with_existing(view: View, mw: pd.Series, column: str) -> pd.Series:
    """The same with what exists already."""
    held = view.case.host_period.reset_index(drop=True)
    return mw.add(total(held, HT, held[column]), fill_value=0.0)
