"""What plant of a site's own stands for in a plan: what it gives in every slice, and how much of it is firm."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from planner.case.fading import holds, years_at_end
from planner.case.registry import PURCHASE, Purchase
from planner.plans.reader import NOISE, Reader, made_of

KEYS = ["h", "g", "t"]


def generation(reader: Reader) -> pd.DataFrame:
    """(h, g, t, s): hours, MW given, MWh, fuel burnt and direct emissions."""
    case = reader.case
    table = reader.values("gen", [*KEYS, "s"], "generation_mw")
    table = reader.facts(table, case.slices, ["t", "s"], ["hours"])
    table = reader.facts(table, case.supplies, ["h", "g"], ["mmbtu_per_mwh", "tco2_per_mwh"])
    mwh = table["generation_mw"].astype(float) * table["hours"].astype(float)
    return reader.site(reader.dated(table)).assign(
        generation_mwh=mwh,
        fuel_mmbtu=mwh * table["mmbtu_per_mwh"].astype(float),
        emissions_t=mwh * table["tco2_per_mwh"].astype(float),
    )


def storage(reader: Reader) -> pd.DataFrame:
    """(h, g, t, s): hours, MW taken and given, MWh left to give at the end of the slice, MWh it can hold at its age."""
    keys = [*KEYS, "s"]
    families = {"charge": "charge_mw", "discharge": "discharge_mw", "level": "level_mwh"}
    parts = [reader.values(family, keys, column).set_index(keys) for family, column in families.items()]
    table = pd.concat(parts, axis=1).fillna(0.0).rename_axis(keys).reset_index()
    stands = alive(reader)
    held = (stands["plant_mw"].astype(float) * stands["holds"]).groupby([stands[key] for key in KEYS]).sum()
    at = pd.MultiIndex.from_frame(table[KEYS])
    hours = reader.case.storages["hours"].reindex(at.droplevel("t")).to_numpy(float)
    table["holds_mwh"] = held.reindex(at).to_numpy(float) * hours
    return reader.site(reader.dated(reader.facts(table, reader.case.slices, ["t", "s"], ["hours"])))


def matched(reader: Reader) -> pd.DataFrame:
    """(h, g, t, s): hours, MW of an agreement that are used, and sold."""
    keys = [*KEYS, "s"]
    parts = [reader.values(family, keys, f"{family}_mw").set_index(keys) for family in ("matched", "surplus")]
    table = pd.concat(parts, axis=1).fillna(0.0).rename_axis(keys).reset_index()
    return reader.site(reader.dated(reader.facts(table, reader.case.slices, ["t", "s"], ["hours"])))


def reuse(reader: Reader) -> pd.DataFrame:
    """(h, t, s): hours, MW of heat given to a taker."""
    table = reader.values("reused", ["h", "t", "s"], "reused_mw")
    return reader.site(reader.dated(reader.facts(table, reader.case.slices, ["t", "s"], ["hours"])))


def alive(reader: Reader) -> pd.DataFrame:
    """A row a purchase or contract and period in which it stands: h, g, t, plant_mw, firm_share.

    ``holds``: share of its energy as new that storage bought still holds then; 1 of all else.
    """
    parts = []
    for name in ("plants", "bridges", "hires"):
        p = PURCHASE[name]
        rows = reader.values(p.families[0], list(p.index), "plant_mw")
        source = getattr(reader.case, name)
        parts.append(made_of(rows, source, f"alive {name}", partial(_alive, reader, p, rows, source)))
    return pd.concat(parts, ignore_index=True)


def _alive(reader: Reader, p: Purchase, rows: pd.DataFrame, source: pd.DataFrame) -> pd.DataFrame:
    case = reader.case
    fades = ["fade_per_year"] if "fade_per_year" in source else []
    rows = reader.facts(rows, source, list(p.index), [p.life, *fades])
    rows = reader.facts(rows, case.supplies, ["h", "g"], ["firm_share"])
    ends = np.minimum(
        case.calendar.periods_of(case.calendar.steps_of(rows["t"]) + rows[p.life].to_numpy(int)),
        case.calendar.n,
    )
    stands = [range(int(a), int(b)) for a, b in zip(rows["t"], ends, strict=True)]
    rows = rows.assign(live=rows["t"], t=stands).explode("t").dropna(subset=["t"])
    years = years_at_end(case.calendar, rows["live"], rows["t"])
    return rows.assign(holds=holds(rows["fade_per_year"], years) if fades else 1.0)


def standing(reader: Reader) -> pd.DataFrame:
    """(h, t) with plant: plant_mw that stand; of them plant_rating_mw that are firm, without storage, and
    storage_rating_mw, which last through an event.
    """
    table = alive(reader)
    kind = reader.case.storages.reindex(pd.MultiIndex.from_frame(table[["h", "g"]]))
    lasts = (kind["available"] * kind["hours"] / kind["event_hours"]).to_numpy(float) * table[
        "holds"
    ].to_numpy(float)
    firm = np.fmin(table["firm_share"].to_numpy(float), lasts)
    rating, stored = table["plant_mw"].astype(float) * firm, kind["hours"].notna().to_numpy()
    table = table.assign(
        plant_rating_mw=rating.where(~stored, 0.0), storage_rating_mw=rating.where(stored, 0.0)
    )
    return table.groupby(["h", "t"])[["plant_mw", "plant_rating_mw", "storage_rating_mw"]].sum()


def held_as_backup(power: pd.DataFrame, critical_share: float) -> np.ndarray:
    """MW of rating that backup plant leaves to plant of the site's own, where it stands."""
    left = critical_share * power["facility_peak_mw"] - power["backup_mw"]
    return np.where(power["plant_rating_mw"] > NOISE, left.clip(lower=0.0), 0.0)


def stored_in_design_hour(power: pd.DataFrame, billed: np.ndarray) -> np.ndarray:
    """MW that storage gives in the design hour: what other plant and lines leave, these drawn no further than the peak
    that is billed, where one is. What it gives is charged again that day; more of its rating need not be.
    """
    lines = power["grid_mw"] + power["flexible_mw"]
    drawn = lines.where(~billed, np.minimum(lines, power["billed_peak_mw"]))
    left = power["facility_peak_mw"] - drawn - power["plant_rating_mw"] + power["plant_standby_mw"]
    return np.asarray(np.minimum(left.clip(lower=0.0), power["storage_rating_mw"]))
