"""What plant of a site's own stands for in a plan: what it gives in every slice, and how much of it is firm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.registry import PURCHASE
from planner.plans.reader import NOISE, Reader

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
    """(h, g, t, s): hours, MW taken and given, MWh that are left to give at the end of the slice."""
    keys = [*KEYS, "s"]
    families = {"charge": "charge_mw", "discharge": "discharge_mw", "level": "level_mwh"}
    parts = [reader.values(family, keys, column).set_index(keys) for family, column in families.items()]
    table = pd.concat(parts, axis=1).fillna(0.0).rename_axis(keys).reset_index()
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


def standing(reader: Reader) -> pd.DataFrame:
    """(h, t) with plant: plant_mw that stand, plant_rating_mw of them that are firm."""
    case = reader.case
    parts = []
    for name in ("plants", "bridges", "hires"):
        p = PURCHASE[name]
        rows = reader.values(p.families[0], list(p.index), "plant_mw")
        rows = reader.facts(rows, getattr(case, name), list(p.index), [p.life])
        rows = reader.facts(rows, case.supplies, ["h", "g"], ["firm_share"])
        ends = np.minimum(
            case.calendar.periods_of(case.calendar.steps_of(rows["t"]) + rows[p.life].to_numpy(int)),
            case.calendar.n,
        )
        alive = [range(int(a), int(b)) for a, b in zip(rows["t"], ends, strict=True)]
        parts.append(rows.assign(t=alive).explode("t"))
    table = pd.concat(parts, ignore_index=True)
    table["plant_rating_mw"] = table["plant_mw"].astype(float) * table["firm_share"].astype(float)
    return table.groupby(["h", "t"])[["plant_mw", "plant_rating_mw"]].sum()


def held_as_backup(power: pd.DataFrame, critical_share: float) -> np.ndarray:
    """MW of rating that backup plant leaves to plant of the site's own, where it stands."""
    left = critical_share * power["facility_peak_mw"] - power["backup_mw"]
    return np.where(power["plant_rating_mw"] > NOISE, left.clip(lower=0.0), 0.0)
