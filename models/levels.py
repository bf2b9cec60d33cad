"""Levels of efficiency and energy: a place is held to one in every year, and only then does its work score it.

Variables: hold[h,l] binary: host h is held to level l. gained[i,h,l] what that adds to the weighted score of what is served,
i for all of it, and for each workload and calendar year with a floor of its own.

    sum of hours x (PUE - bound) x heat of a year <= most x (1 - hold)                       (h,l,year)  level_held
    bound x energy drawn - that of contracts used and own plant that count <= most x (1 - hold)          level_held
    gained <= sum of gain x weight x serve at the host                                       (i,h,l)     level_work
    gained <= most x hold                                                                    (i,h,l)     level_gained
    sum of rate x serve <= demand x hold, where the SEAL asks for the level                  (w,h,l,t)   level_needed

``most`` is what its left side can be: from the IT that the host can have, and the work that fits it. A level that is held is
held in every year in which energy is drawn, so neither a good year nor an average makes up for another; without work it adds
nothing. No level multiplies a variable. A place whose level is settled has none of these rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.case.columns import joined, records
from planner.case.levels import PUE, counted
from planner.case.measures import demand_weights, unit_weights
from planner.case.resilience import reserves
from planner.models.common import add_set, add_var, tuples
from planner.models.sums import bounded_sums, weights_of

ALL = "all"
"""The part of ``gained`` that control of everything served counts."""
HAK, WHAK = ["h", "a", "k"], ["w", "h", "a", "k"]
Weights = Iterator[pd.DataFrame]


def declare(m: Any, case: Case) -> None:
    """Variables of levels and their rows; none of either where no host has a choice."""
    m.hold = pe.Var(add_set(m, "HOLD", tuples(case.levels), 2), domain=pe.Binary, dense=False)
    groups = {} if not len(case.levels) else dict(_groups(case))
    keys = dict.fromkeys(
        (i, h, value) for i, rows in groups.items() for h, value in zip(rows["h"], rows["l"], strict=True)
    )
    add_set(m, "GAINED", keys, 3)
    add_set(m, "GAINED_ALL", [key for key in keys if key[0] == ALL], 3)
    add_var(m, "gained", m.GAINED)
    if not len(case.levels):
        return
    _add(m, "level_held", [*_efficiency(m, case), *_energy(m, case)])
    _add(m, "level_work", list(_work(groups)))
    _add(m, "level_gained", list(_gained(groups)))
    _add(m, "level_needed", list(_needed(case)))


ROWS = ("level_held", "level_work", "level_gained", "level_needed")


def year_name(w: str, year: str) -> str:
    """Part of ``gained`` that a workload's floor in a calendar year counts."""
    return f"{w} {year}"


def _add(m: Any, name: str, parts: list[pd.DataFrame]) -> None:
    kept = [part for part in parts if len(part)]
    if kept:
        weights = pd.concat(kept, ignore_index=True)
        bounded_sums(m, name, weights, weights.groupby("i", sort=False)["most"].max().to_dict())


# ---- what holds a place to a level


def it_limit(case: Case) -> pd.Series:
    """(h, t) -> most MW of IT that a host can have at work."""
    own = case.host_period
    land = (
        case.site_period["max_it_mw"].reindex(pd.MultiIndex.from_arrays([own["p"], own["t"]])).to_numpy(float)
    )
    land = np.where(own["mode"] == "build", land, np.inf)
    mw = np.maximum(np.minimum(own["max_mw"], land), own["existing_mw"])
    over = (
        (case.systems["working_mw_per_k"] / case.systems["peak_mw_per_k"]).max() if len(case.systems) else 1.0
    )
    return pd.Series(mw.to_numpy(float) * max(1.0, float(over)), index=own.index)


def _hours(case: Case) -> pd.DataFrame:
    slices = case.slices.reset_index(drop=True)
    slices = slices[slices["hours"] > 0][["t", "s", "hours"]]
    return slices.assign(year=slices["t"].map(case.periods["year"]))


def _named(h: pd.Series, value: pd.Series | str, year: pd.Series) -> list[str]:
    values = [value] * len(h) if isinstance(value, str) else list(value)
    return [f"{a} {b} {c}" for a, b, c in zip(h, values, year, strict=True)]


def _held(rows: pd.DataFrame, most: pd.Series) -> Weights:
    """Rows named by host, level and year, and the bound that holding the level takes away."""
    bounds = rows.drop_duplicates("i")[["i", "h", "l"]].assign(most=lambda d: d["i"].map(most).astype(float))
    needed = bounds[bounds["most"] > 0]
    yield rows.assign(most=0.0)[rows["i"].isin(needed["i"]) & (rows["weight"] != 0)][
        ["i", "family", "index", "weight", "most"]
    ]
    index = list(zip(needed["h"], needed["l"], strict=True))
    yield weights_of(needed["i"].to_numpy(), "hold", index, needed["most"].to_numpy()).assign(
        most=needed["most"].to_numpy()
    )


def _efficiency(m: Any, case: Case) -> Weights:
    """GWh that a year's heat takes beyond the bound times itself."""
    levels = case.levels[case.levels["measure"] == PUE].reset_index(drop=True)
    index = [i for i in m.HEAT if i[0] in set(levels["h"])]
    heat = pd.DataFrame(index, columns=["h", "c", "m", "t", "s"]).assign(index=pd.Series(index, dtype=object))
    rows = joined(joined(heat, _hours(case), ["t", "s"]), case.pue, ["h", "c", "t", "s"])
    rows = joined(rows, levels, ["h"])
    if not len(rows):
        return
    beyond = (rows["pue"] - rows["bound"]).round(12)  # a PUE at the bound is no coefficient
    weight = rows["hours"] * beyond / 1000.0
    rows = rows.assign(i=_named(rows["h"], rows["l"], rows["year"]), family="heat", weight=weight)
    worst = rows.groupby(["i", "h", "t", "s"])["weight"].max().clip(lower=0.0).reset_index()
    mw = it_limit(case).reindex(pd.MultiIndex.from_frame(worst[["h", "t"]])).to_numpy(float)
    yield from _held(rows, (worst["weight"] * mw).groupby(worst["i"]).sum())


def _energy(m: Any, case: Case) -> Weights:
    """GWh of a year that what counts falls short of the share asked of what is drawn."""
    for level in records(case.levels[case.levels["measure"] != PUE]):
        counts = {g for h, g in counted(case, str(level.measure)) if h == level.h}
        drawn = pd.DataFrame(
            [("grid_import", i, i[1], i[2], level.bound) for i in m.IMPORT if i[0] == level.h]
            + [("gen", i, i[2], i[3], level.bound - (i[1] in counts)) for i in m.OUTPUT if i[0] == level.h]
            + [("matched", i, i[2], i[3], -1.0) for i in m.DELIVERY if i[0] == level.h and i[1] in counts],
            columns=["family", "index", "t", "s", "share"],
        )
        rows = joined(drawn, _hours(case), ["t", "s"]).assign(h=level.h, l=level.l)
        if not len(rows):
            continue
        rows = rows.assign(
            i=_named(rows["h"], str(level.l), rows["year"]), weight=rows["share"] * rows["hours"] / 1000.0
        )
        yield from _held(rows, level.bound * _most_drawn(case, str(level.h), rows))


def _most_drawn(case: Case, h: str, rows: pd.DataFrame) -> pd.Series:
    """GWh that a host can draw in each year: its IT at its worst PUE, all of it through storage where there is some."""
    times = rows[["i", "t", "s", "hours"]].drop_duplicates()
    stores = case.storages[case.storages["h"] == h] if len(case.storages) else case.storages
    lost = 1.0 / float(stores["efficiency"].min()) if len(stores) else 1.0
    if case.hosts.at[h, "mode"] == "colocation":
        factor = np.full(len(times), case.physics["colocation_pue"])
    else:
        own = case.pue[case.pue["h"] == h].groupby(["t", "s"])["pue"].max()
        factor = own.reindex(pd.MultiIndex.from_frame(times[["t", "s"]])).to_numpy(float)
    mw = it_limit(case).reindex(pd.MultiIndex.from_arrays([[h] * len(times), times["t"]])).to_numpy(float)
    return (times["hours"] * factor * mw * lost / 1000.0).groupby(times["i"]).sum()


# ---- what a level adds


def _groups(case: Case) -> Iterator[tuple[str, pd.DataFrame]]:
    """i -> rows (h, l, index, weight, most): what work adds at a level, and the most of each host and level."""
    work = case.serve.reset_index(drop=True)[[*WHAK, "t", "rate"]].assign(index=list(case.serve.index))
    own = case.level_gains.reset_index(drop=True)
    by, at = case.scenario.limits.min_control_by, pd.MultiIndex.from_frame(work[["w", "t"]])
    most = case.demand["most_kref"].reindex(at).to_numpy(float)
    each = unit_weights(case, by).reindex(at).to_numpy(float)
    rows = work.assign(weight=each * work["rate"], asked=each * most)
    yield (
        ALL,
        _valued(case, joined(rows, own, WHAK), demand_weights(case, by).groupby(case.demand["w"]).sum()),
    )
    if not len(case.floor_periods):
        return
    months = work["t"].map(case.periods["months"]).astype(float)
    rows = work.assign(weight=months * work["rate"], asked=months * most)
    periods = case.floor_periods.reset_index(drop=True)[["w", "y", "t"]].drop_duplicates()
    for (w, year), part in periods.groupby(["w", "y"], sort=False):
        counts = rows[(rows["w"] == w) & rows["t"].isin(part["t"])]
        yield year_name(str(w), str(year)), _valued(case, joined(counts, own, WHAK))


def _valued(case: Case, rows: pd.DataFrame, whole: pd.Series | None = None) -> pd.DataFrame:
    """Rows with what each thousand accelerators gain, and what the work asked for, or that fits a host, can gain at most.

    ``whole`` is the weight of all that a workload asks for: a run that may be done in several periods is done once.
    """
    rows = rows.assign(weight=rows["gain"] * rows["weight"], most=rows["gain"] * rows["asked"])
    by_work = (
        rows.groupby(["h", "l", "w", "t"], sort=False)["most"]
        .max()
        .groupby(level=["h", "l", "t"], sort=False)
        .sum()
    )
    mw = rows["k"].map(case.systems["peak_mw_per_k"]).astype(float)
    dense = (rows["weight"] / mw).groupby([rows["h"], rows["l"], rows["t"]], sort=False).max()
    space = it_limit(case).reindex(
        pd.MultiIndex.from_arrays([dense.index.get_level_values(x) for x in (0, 2)])
    )
    fits = dense * space.to_numpy(float) * case.physics["availability"]
    most = np.minimum(by_work, fits.reindex(by_work.index)).groupby(level=["h", "l"], sort=False).sum()
    if whole is not None:
        once = rows.groupby(["h", "l", "w"], sort=False)["gain"].max()
        once = (
            (once * once.index.get_level_values("w").map(whole)).groupby(level=["h", "l"], sort=False).sum()
        )
        most = np.minimum(most, once.reindex(most.index))
    return rows.assign(most=most.reindex(pd.MultiIndex.from_frame(rows[["h", "l"]])).to_numpy(float))


def _label(i: str, h: Any, value: Any) -> str:
    return f"{i} {h} {value}"


def _each(groups: dict[str, pd.DataFrame]) -> Iterator[tuple[str, tuple[Any, ...], pd.DataFrame]]:
    for i, rows in groups.items():
        for (h, value), part in rows.groupby(["h", "l"], sort=False):
            yield _label(i, h, value), (i, h, value), part


def _work(groups: dict[str, pd.DataFrame]) -> Weights:
    for name, key, part in _each(groups):
        yield weights_of(name, "gained", [key], 1.0)
        yield weights_of(name, "serve", part["index"], -part["weight"].to_numpy(float))


def _gained(groups: dict[str, pd.DataFrame]) -> Weights:
    for name, key, part in _each(groups):
        yield weights_of(name, "gained", [key], 1.0)
        yield weights_of(name, "hold", [key[1:]], -float(part["most"].iloc[0]))


def _needed(case: Case) -> Weights:
    """Work that the SEAL of an offer keeps out without the level; of reserve once for each host that may be lost."""
    needs, most = case.level_needs.reset_index(drop=True), case.demand["most_kref"]
    for family, table, times in (
        ("serve", case.serve, 1.0),
        ("reserve", reserves(case), float(len(case.hosts))),
    ):
        rows = joined(
            table.reset_index(drop=True)[[*WHAK, "t", "rate"]].assign(index=list(table.index)), needs, WHAK
        )
        for (w, h, value, t), part in rows.groupby(["w", "h", "l", "t"], sort=False):
            i = f"{family} {w} {h} {value} {t}"
            yield weights_of(i, family, part["index"], part["rate"].to_numpy(float))
            yield weights_of(i, "hold", [(h, value)], -times * float(most[w, t]))
