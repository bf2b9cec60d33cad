"""From when each offer can work at all: halls, cooling, grid and backup at its host, and the fleet itself.

Lower bounds from lead times alone, with no regard to money, size or quotas: a period that is not ready is
certainly impossible, one that is ready need not be possible.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from planner.case.case import MEDIA, Case
from planner.case.columns import keys_of, records
from planner.case.cooling import existing_cooling_mw
from planner.case.plant_offers import steady_supplies

NEVER = 10**6
EXISTING = {"space": "existing_mw", "grid": "existing_grid_mw", "backup": "existing_backup_mw"}
"""Columns of ``case.host_period`` with what exists when the horizon starts."""
NEEDS = tuple(EXISTING)
"""What a host that builds waits for."""


def servable(case: Case) -> pd.DataFrame:
    """Rows of ``case.serve`` (w, h, a, k, t, p, ...) whose host can be ready for the system in period t."""
    serve = case.serve.reset_index(drop=True)
    return serve[serve["t"] >= ready_from(case, serve)] if len(serve) else serve


def ready_from(case: Case, serve: pd.DataFrame, needs: Collection[str] = NEEDS) -> pd.Series:
    """First period in which the host of each row of ``serve`` (h, k) can be ready for its system; ``NEVER`` on: never.

    ``needs``: which of ``NEEDS`` hosts that build wait for.
    """
    places = host_ready(case, needs)
    cooled = cooling_ready(case)
    mode = serve["h"].map(case.hosts["mode"])
    heat = np.array([cooled.get(key, NEVER) for key in keys_of(serve, ["h", "k"])], dtype=float)
    first = serve["h"].map(places).fillna(0).where(mode != "cloud", 0)
    return first.where(mode != "build", np.maximum(first, heat))


def soonest_service(case: Case, host: str, needs: Collection[str] = NEEDS, w: str | None = None) -> int:
    """First period in which a host can serve a workload, or anything, by what is there soonest; ``NEVER`` on: never."""
    serve = case.serve.reset_index(drop=True)
    serve = serve[(serve["h"] == host) & (True if w is None else serve["w"] == w)]
    ready = np.maximum(serve["t"], ready_from(case, serve, needs))
    return int(ready.min()) if len(serve) else NEVER


def host_ready(case: Case, needs: Collection[str] = NEEDS) -> pd.Series:
    """h -> first period with space, and for hosts that build with grid and backup too; clouds are left out."""
    now = case.host_period[case.host_period["t"] == 0].set_index("h")
    out: dict[str, int] = {}
    for host in records(case.hosts[case.hosts["mode"] != "cloud"]):
        h = str(host.h)
        if h not in now.index:
            continue
        new, held = host_first(case, h), now.loc[h]
        own = needs if host.mode == "build" else ("space",)
        out[h] = max(0 if held[EXISTING[what]] > 0 else new[what] for what in own)
    return pd.Series(out, dtype=float)


def host_first(case: Case, host: str) -> dict[str, int]:
    """First period in which new space, firm power (a line or plant) and backup may be live at a host of its own or
    leased halls."""
    build = case.hosts.loc[host, "mode"] == "build"
    opened = 0 if bool(case.hosts.loc[host, "exists"]) else _first(case.opens, host)
    more = _first(case.halls if build else case.leases, host)
    firm = steady_supplies(case.supplies)
    grid = min(_first_grid(case, host), _first_plant(case, host, firm))
    backup = min(_first(case.backups, host), _first_plant(case, host, firm[firm["starts"]]))
    return {"space": max(opened, more), "grid": grid, "backup": backup}


def _first_plant(case: Case, host: str, kinds: pd.DataFrame) -> int:
    """First period in which plant of these kinds, bought or rented, may be live."""
    named = set(kinds.loc[kinds["h"] == host, "g"]) if len(kinds) else ()
    if not named:
        return NEVER
    return min(_first(table[table["g"].isin(named)], host) for table in (case.plants, case.hires))


def _first(table: pd.DataFrame, host: str) -> int:
    if not len(table):
        return NEVER
    rows = zip(table["h"].tolist(), table["t"].tolist(), strict=True)
    return min((int(t) for h, t in rows if h == host), default=NEVER)


def _first_grid(case: Case, host: str) -> int:
    """First period in which a line may be live and the site has any grid left for it; a flexible one needs none."""
    lines = case.connections
    first, loose = (_first(lines[lines["flexible"] == kind], host) for kind in (False, True))
    site = str(case.hosts.loc[host, "p"])
    limit = case.site_period[(case.site_period["p"] == site) & (case.site_period["grid_mw"] > 0)]["t"]
    later = [int(t) for t in limit if t >= first]
    return min([*later, loose])


def cooling_ready(case: Case) -> dict[tuple[str, str], int]:
    """(h, k) -> first period in which every kind of heat of the system can be carried at a host that builds."""
    offers = pd.concat(
        [table.reset_index(drop=True)[["h", "c", "t"]] for table in (case.cooling, case.refits)]
    )
    bought = offers.groupby(["h", "c"])["t"].min().to_dict() if len(offers) else {}
    held = {(h, c) for (h, c, t), mw in existing_cooling_mw(case).items() if t == 0 and mw > 0}
    carried: dict[tuple[str, str], int] = {}
    for row in records(case.heat):
        ready = 0 if row.included or (row.h, row.c) in held else bought.get((row.h, row.c), NEVER)
        medium = (str(row.h), str(row.m))
        carried[medium] = min(carried.get(medium, NEVER), int(ready))
    hosts = list(dict.fromkeys(case.heat["h"])) if len(case.heat) else []
    return {
        (h, str(k)): max((carried.get((h, m), NEVER) for m in MEDIA if case.systems.loc[k, m] > 0), default=0)
        for h in hosts
        for k in case.systems.index
    }
