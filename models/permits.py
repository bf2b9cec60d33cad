"""Permits: nothing is built at a place before its permit.

A host opens with the first hall it can have, so its permit stands the shortest works of its halls before (``space_max``).
What takes longer to build waits longer: halls by the steps of their lead that follow the permit, and grid connections
and plant of a site's own by those of their works. L is each such length, h a host that has to open.

    MW of halls alive with works of at least L  <= maximum of the host x permits granted by t - L   (h,L,t)  hall_permit
    MW of connections alive with works >= L     <= grid of the site    x permits granted by t - L   (h,L,t)  grid_permit
    MW of plant bought that stands, with works L <= most of use at h   x permits granted by t - L   (h,g,t)  plant_permit

The grid of the site is taken with its flexible connections, where it may have them.
There is no row for the shortest works of halls, which ``space_max`` covers.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.models.common import add_family, add_param, add_set, tuples
from planner.models.halls import built_mw
from planner.models.plant import add_standing, standing_mw
from planner.models.rules import Rule

Links = dict[tuple[str, int, int], list[tuple[Any, ...]]]


def declare(m: Any, case: Case) -> None:
    """Links of halls, grid connections and plant to the permit of their host."""
    _declare_halls(m, case)
    _declare_grid(m, case)
    _declare_plant(m, case)


def _declare_halls(m: Any, case: Case) -> None:
    halls = case.halls
    first = halls["h"].map(halls.groupby("h")["works"].min()) if len(halls) else pd.Series(dtype=int)
    slower = set(zip(halls["h"], halls["works"], strict=True)) - set(zip(halls["h"], first, strict=True))
    whole = halls["integer"].astype(bool)
    keys = _lengths(case, halls, slower)
    _set(m, case, "HALL_PERMIT", "hall_permits", {key: key[1] for key in keys})
    add_family(m, "hall_after", m.HALL_PERMIT, _alive(case, halls[whole], keys, ["b", "t"]), 2)
    add_family(m, "late_after", m.HALL_PERMIT, _alive(case, halls[~whole], keys, ["b", "t"]), 2)

    def rule(m: Any, h: Any, works: Any, t: Any) -> Any:
        built = built_mw(m, h, m.hall_after[h, works, t], m.late_after[h, works, t])
        return built <= m.max_mw[h, t] * sum(m.open[h, u] for u in m.hall_permits[h, works, t])

    m.hall_permit = Rule(m.HALL_PERMIT, rule=rule)


def _declare_grid(m: Any, case: Case) -> None:
    lines = case.connections
    keys = _lengths(case, lines, set(zip(lines["h"], lines["works"], strict=True)))
    _set(m, case, "GRID_PERMIT", "grid_permits", {key: key[1] for key in keys})
    add_family(m, "lines_after", m.GRID_PERMIT, _alive(case, lines, keys, ["n", "t"]), 2)
    grid, sites = case.site_period["grid_mw"], case.hosts["p"]
    loose = case.flexibles["max_mw"].to_dict()
    most = {(h, w, t): grid[sites[h], t] + loose.get(h, 0.0) for h, w, t in m.GRID_PERMIT}
    add_param(m, "grid_permit_mw", m.GRID_PERMIT, most)
    m.grid_permit = Rule(
        m.GRID_PERMIT,
        rule=lambda m, h, works, t: (
            sum(m.connect[h, n, u] for n, u in m.lines_after[h, works, t])
            <= m.grid_permit_mw[h, works, t] * sum(m.open[h, u] for u in m.grid_permits[h, works, t])
        ),
    )


def _declare_plant(m: Any, case: Case) -> None:
    """Plant bought, to stay or to be sold again; what is rented is set up, not built."""
    openable, kinds = set(case.opens["h"]), case.plants.groupby(["h", "g"])[["t", "works"]].min()
    works = {
        (h, g, t): int(length)
        for (h, g), first, length in zip(tuples(kinds), kinds["t"], kinds["works"], strict=True)
        if h in openable
        for t in range(int(first), case.calendar.n)
    }
    _set(m, case, "PLANT_PERMIT", "plant_permits", works)
    add_standing(m, case, "built", m.PLANT_PERMIT, ["h", "g"], tables=("plants", "bridges"))
    add_param(m, "useful_mw", m.SUPPLY, case.supplies["useful_mw"])
    m.plant_permit = Rule(
        m.PLANT_PERMIT,
        rule=lambda m, h, g, t: (
            standing_mw(m, h, g, m.built_plants[h, g, t], m.built_bridges[h, g, t], ())
            <= m.useful_mw[h, g] * sum(m.open[h, u] for u in m.plant_permits[h, g, t])
        ),
    )


def _lengths(case: Case, table: pd.DataFrame, lengths: set[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """(h, works, t) of hosts that have to open, from the first period in which such a thing may be live."""
    openable = set(case.opens["h"])
    if not len(table):
        return []
    first = table.groupby(["h", "works"])["t"].min().to_dict()
    return [
        (str(h), int(works), t)
        for h, works in sorted(lengths)
        if h in openable
        for t in range(int(first[h, works]), case.calendar.n)
    ]


def _set(m: Any, case: Case, name: str, family: str, works: dict[tuple[str, Any, int], int]) -> None:
    """The index set (h, ..., t) of things with so many steps of works, and the openings whose permit is there in time."""
    add_set(m, name, works, 3)
    granted: dict[str, list[tuple[int, int]]] = {}
    for (h, t), permit in zip(tuples(case.opens), case.opens["permit_t"], strict=True):
        granted.setdefault(h, []).append((t, int(permit)))
    in_time = {
        key: [u for u, permit in granted[key[0]] if case.calendar.after(permit, steps) <= key[-1]]
        for key, steps in works.items()
    }
    add_family(m, family, getattr(m, name), in_time, 1)


def _alive(case: Case, table: pd.DataFrame, keys: list[tuple[str, int, int]], take: list[str]) -> Links:
    """What is alive in t of works at least as long."""
    rows: dict[str, list[tuple[tuple[Any, ...], int, int, int]]] = {}
    parts = zip(table["h"], zip(*(table[c] for c in take), strict=True), table["works"], table["t"], table["life"],
                strict=True)  # fmt: skip
    for h, item, works, t, life in parts:
        plain = tuple(int(x) if name == "t" else x for name, x in zip(take, item, strict=True))
        rows.setdefault(str(h), []).append((plain, int(works), int(t), case.calendar.ends(int(t), int(life))))
    return {
        (h, w, t): [item for item, works, start, end in rows.get(h, []) if works >= w and start <= t < end]
        for h, w, t in keys
    }
