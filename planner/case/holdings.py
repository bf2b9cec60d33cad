"""What stands already needs a roof and power: where its host has too little, a part of it may stand in store.

A fleet that is on draws its nameplate power whether it works or not. Fleets that exist, or are on their way (a ``since``
ahead of the start), may wait in store where the halls that exist at their host have less space, cooling, grid or backup
than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from planner.case.case import DESIGN, MEDIA, Case
from planner.case.columns import joined, records
from planner.case.context import keyed
from planner.case.periods import day_after
from planner.case.readiness import EXISTING, host_first
from planner.case.table import Table

TABLES = {
    "stored": Table(("h", "a", "k", "t"), {
        "most_k": "thousands of accelerators that exist, the most there may be in store",
        "arrives_k": "thousands of them that were not there before",
        "kept_on": "whether what was on in the period before stays on",
    }),
}  # fmt: skip
TOLERANCE_MW = 1e-9
HT = ["h", "t"]


def with_stored(case: Case) -> Case:
    """The case with its table ``stored``: existing fleets of hosts that may be too small for them at some time."""
    table = TABLES["stored"]
    if not _stands(case):
        return replace(case, stored=table.frame([]))
    tight = set(_shortages(case)["h"])
    held = case.fleet[(case.fleet["existing_k"] > 0) & case.fleet["h"].isin(tight)].reset_index(drop=True)
    before = held[["h", "a", "k", "t", "existing_k"]].assign(t=held["t"] + 1)
    rows = held.merge(before, on=["h", "a", "k", "t"], how="left", suffixes=("", "_before"))
    there = rows["existing_k_before"].fillna(0.0)
    falls = _falls(case)
    kept = [(h, t) not in falls and old > 0 for h, t, old in zip(rows["h"], rows["t"], there, strict=True)]
    rows = rows.assign(most_k=rows["existing_k"], arrives_k=(rows["existing_k"] - there).clip(lower=0.0),
                       kept_on=np.array(kept, dtype=bool))  # fmt: skip
    return replace(case, stored=keyed(rows[list(table.names)], list(table.keys), list(table.columns)))


def _stands(case: Case) -> bool:
    """Whether any fleet exists."""
    return bool((case.fleet["existing_k"] > 0).any())


def _falls(case: Case) -> set[tuple[str, int]]:
    """(h, t) in which a host has less space, grid or backup of its own, or its site less grid, than just before."""
    host = case.host_period.reset_index(drop=True)
    site = case.site_period.reset_index(drop=True)[["p", "t", "grid_mw"]]
    rows = joined(host, site, ["p", "t"]).sort_values(HT).reset_index(drop=True)
    change = rows.groupby("h")[[*EXISTING.values(), "grid_mw"]].diff()
    less = rows[(change < -TOLERANCE_MW).any(axis=1)]
    return set(zip(less["h"], less["t"].astype(int), strict=True))


def _shortages(case: Case) -> pd.DataFrame:
    """h, t, mw (nameplate of existing fleets), what, field of an existing hall, least, there: what is too small."""
    held = case.fleet[(case.fleet["existing_k"] > 0)].reset_index(drop=True)
    held = held[held["h"].map(case.hosts["mode"]) != "cloud"]
    mw = (held["existing_k"] * held["k"].map(case.systems["peak_mw_per_k"])).astype(float)
    held = held.assign(mw=mw, **{x: mw * held["k"].map(case.systems[x]).astype(float) for x in MEDIA})
    each = held.groupby(HT, as_index=False)[["mw", *MEDIA]].sum()
    each = joined(each, case.host_period, HT)
    parts = [_part(each, "space", "it_mw", each["mw"])]
    each = each[each["h"].map(case.hosts["mode"]) == "build"]  # a leased hall brings its own
    best = case.pue[case.pue["s"] == DESIGN].reset_index(drop=True).groupby(HT, as_index=False)["pue"].min()
    each = joined(each, best, HT)
    meter = each["mw"] * each["pue"]
    parts += [_part(each, "grid", "grid_mw", meter),
              _part(each, "backup", "backup_mw", meter * case.physics["backup_critical_share"])]  # fmt: skip
    parts += [_uncooled(case, each, medium) for medium in MEDIA]
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["there"] + TOLERANCE_MW < rows["least"]].sort_values(["t", "h"], kind="stable")


def _part(each: pd.DataFrame, what: str, field: str, least: pd.Series) -> pd.DataFrame:
    return each[[*HT, "mw"]].assign(
        what=what, field=field, least=least, there=each[EXISTING[what]].astype(float)
    )


def _uncooled(case: Case, each: pd.DataFrame, medium: str) -> pd.DataFrame:
    """Heat of a medium against all that carries it at the host: of the hall's price, and bought before."""
    carriers = case.heat[case.heat["m"] == medium].reset_index(drop=True)[["h", "c", "included"]]
    bought = case.existing_cooling.reset_index(drop=True)[["h", "c", "t", "mw"]]
    bought = joined(bought, carriers, ["h", "c"]).groupby(HT, as_index=False)["mw"].sum()
    included = carriers.groupby("h", as_index=False)["included"].sum()
    rows = joined(each[each[medium] > 0], included, ["h"])
    rows = rows.merge(bought.rename(columns={"mw": "bought"}), on=HT, how="left").fillna({"bought": 0.0})
    there = rows["included"] * rows["existing_mw"] + rows["bought"] / (1.0 + case.physics["cooling_margin"])
    return rows[[*HT, "mw"]].assign(
        what=f"{medium} cooling", field="cooling", least=rows[medium], there=there
    )


def unhoused(case: Case) -> Iterator[str]:
    """Words for each host whose existing fleets have too little before anything new can be live; its first period."""
    if not _stands(case):
        return
    rows = _shortages(case)
    first = {(h, what): t for h in set(rows["h"]) for what, t in host_first(case, str(h)).items()}
    early = [
        first.get((h, what), 0) > t for h, what, t in zip(rows["h"], rows["what"], rows["t"], strict=True)
    ]
    for h, part in rows[np.array(early, dtype=bool)].groupby("h", sort=False):
        yield _words(case, str(h), part[part["t"] == part["t"].min()])


def _words(case: Case, h: str, short: pd.DataFrame) -> str:
    t, fleet_mw = int(short["t"].iloc[0]), float(short["mw"].iloc[0])
    has = ", ".join(f"{r.there:.3g} MW of {r.what} where {r.least:.3g} are needed" for r in records(short))
    fields = ", ".join(f"{r.field} of at least {r.least:.3g}" for r in records(short))
    ended = [
        f"hall {x.id} ends on {x.until}"
        for x in case.scenario.existing.halls
        if x.host == h and x.until and case.calendar.containing(day_after(x.until)) <= t
    ]
    since = f"in {case.calendar.label(t)}" if t else "from the first period"
    why = f" ({', '.join(ended)})" if ended else ""
    return (
        f"existing fleets at {h} draw {fleet_mw:.3g} MW of IT {since}, but the host has {has} until something new is "
        f"live{why}: a part of them stands in store, without power or work, unless the "
        f"hall they stand in is described under existing.halls (host: {h}; {fields})"
    )
