"""View tables of a plan: what a chart or a sheet shows, computed once, from the plan's own tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from planner.case.places import place_of
from planner.case.registry import PURCHASES, Purchase
from planner.facts.catalog import Catalog
from planner.facts.numbers import number
from planner.report.steps import chain
from planner.scenario.schema import Scenario

BOM_COLUMNS = [
    "item", "name", "h", "at_once", "in_all", "unit", "booked_musd", "first_order", "first_live", "last_live",
]  # fmt: skip


def demand_against_capacity(demand: pd.DataFrame, workload: str | None = None) -> pd.DataFrame:
    """w, t, label, demand_kref, served_kref, unserved_kref; one workload or all."""
    table = demand if workload is None else demand[demand["w"] == workload]
    table = table[["w", "t", "label", "demand_kref", "served_kref"]].copy()
    table["unserved_kref"] = (table["demand_kref"] - table["served_kref"]).clip(lower=0.0)
    return table.sort_values(["w", "t"]).reset_index(drop=True)


def power_by_site(power: pd.DataFrame) -> pd.DataFrame:
    """p, t, label, it_peak_mw, facility_peak_mw, grid_mw, design_hour_mw, backup_mw; hosts of a site added up, no clouds.

    ``design_hour_mw`` is what may carry the design hour: firm and flexible lines, firm plant of its own that is not held as
    backup, and of storage what it gives in that hour, which the day charges again.
    """
    own = power[power["mode"] != "cloud"] if "mode" in power else power
    columns = ["space_mw", "it_peak_mw", "facility_peak_mw", "grid_mw", "backup_mw"]
    columns = [c for c in columns if c in own]
    if "storage_firm_mw" in own:
        lines, plant = own["grid_mw"] + own["flexible_mw"], own["plant_rating_mw"] - own["plant_standby_mw"]
        own = own.assign(design_hour_mw=lines + plant + own["storage_firm_mw"])
        columns.append("design_hour_mw")
    table = own.groupby(["p", "t", "label"], as_index=False)[columns].sum()
    return table.sort_values(["p", "t"]).reset_index(drop=True)


GRID = "grid"
"""The grid among sources of power."""


def dispatch_by_source(
    dispatch: pd.DataFrame, generation: pd.DataFrame, power: pd.DataFrame, storage: pd.DataFrame
) -> pd.DataFrame:
    """h, t, label, s, source, hours, mw, mwh, fuel_mmbtu, emissions_t: the grid (no fuel of its own), each plant, and
    storage, less than 0 where it takes more than it gives.

    No rows where a plan generates and stores nothing of its own.
    """
    columns = ["h", "t", "label", "s", "source", "hours", "mw", "mwh", "fuel_mmbtu", "emissions_t"]
    net = storage["discharge_mw"] - storage["charge_mw"]
    kept = storage.assign(
        source=storage["g"], mw=net, mwh=net * storage["hours"], fuel_mmbtu=0.0, emissions_t=0.0
    )
    own = generation.rename(columns={"g": "source", "generation_mw": "mw", "generation_mwh": "mwh"})
    own = pd.concat([part[columns] for part in (own, kept[kept["mw"] != 0]) if len(part)] or [own[:0]])
    if not len(own):
        return pd.DataFrame(columns=columns)
    labels = power.drop_duplicates("t").set_index("t")["label"]
    drawn = dispatch[dispatch["h"].isin(set(own["h"])) & (dispatch["import_mw"] > 0)]
    grid = drawn.assign(label=drawn["t"].map(labels), source=GRID, mw=drawn["import_mw"],
                        mwh=drawn["import_mw"] * drawn["hours"], fuel_mmbtu=0.0, emissions_t=np.nan)  # fmt: skip
    parts = [grid[columns], own[columns]] if len(grid) else [own[columns]]
    return pd.concat(parts, ignore_index=True).sort_values(["h", "t", "s", "source"]).reset_index(drop=True)


def energy_by_host(power: pd.DataFrame) -> pd.DataFrame:
    """h, year, energy_gwh, water_m3, emissions_kt: sums over the quarters of each year."""
    rows = power.assign(year=power["label"].str[:4].astype(int)) if len(power) else power
    if not len(rows):
        return pd.DataFrame(columns=["h", "year", "energy_gwh", "water_m3", "emissions_kt"])
    table = rows.groupby(["h", "year"], as_index=False)[["energy_mwh", "water_m3", "emissions_t"]].sum()
    return pd.DataFrame({
        "h": table["h"], "year": table["year"], "energy_gwh": table["energy_mwh"] / 1e3,
        "water_m3": table["water_m3"], "emissions_kt": table["emissions_t"] / 1e3,
    })  # fmt: skip


def cooling_by_technology(cooling: pd.DataFrame) -> pd.DataFrame:
    """t, label, c, capacity_mw, heat_peak_mw over all hosts."""
    columns = ["capacity_mw", "heat_peak_mw"]
    return cooling.groupby(["t", "label", "c"], as_index=False)[columns].sum().sort_values(["t", "c"])


def control_by(control: pd.DataFrame, by: str = "decision") -> pd.DataFrame:
    """``by``, points, largest first: contributions that add up to the control score."""
    table = control.groupby(by, as_index=False)["points"].sum()
    return table.sort_values("points", ascending=False).reset_index(drop=True)


WORTH_UNITS = {
    "accelerators": (1000.0, 1.0, "accelerator", "accelerators"), "racks": (100.0, 1.0, "rack", "racks"),
    "m3": (1e6, 1.0, "m³", "m³"), "1000 reference accelerators": (1.0, 1000.0, "ref. accel.", "ref. accel."),
    "points of what is served": (1.0, 1.0, "point of control", "points of control"),
    "points of demand": (1.0, 1.0, "point of demand", "points of demand"), "months": (1.0, 1.0, "month", "months"),
}  # fmt: skip
"""Unit -> the step that shows what it is worth, what one of it counts as, and the words for one and for more."""
MARGINAL_RULES = ("demand_balance",)
"""Prices that are the cost of serving more, and no limit that could be loosened."""
BINDING_COLUMNS = ["name", "worth_musd", "unit", "from", "to", "periods", "rule", "index"]


def binding(prices: pd.DataFrame, top: int = 12, marginal: bool = False) -> pd.DataFrame:
    """What binds, and what a step more in every period in which it binds is worth (MUSD, present value), most first.

    ``prices``: rule, index, t, label, dual, unit, meaning, limit, a row a limit and period; a limit over several
    periods is one row here. ``unit`` is the step: a tenth, hundredth ... of the one of ``WORTH_UNITS`` where the limit
    itself is smaller, so that limits of unlike units rank by what can be had. ``worth_musd`` > 0: a looser limit makes
    the plan cheaper. ``marginal`` gives the cost of serving more demand instead of the limits, by one step for all.
    """
    rows = prices[(prices["dual"].abs() > 1e-9) & (prices["rule"].isin(MARGINAL_RULES) == marginal)]
    if not len(rows):
        return pd.DataFrame(columns=BINDING_COLUMNS)
    named = ((r.meaning, r.index, r.label) for r in rows.itertuples(index=False))
    names = [str(i).split(",")[0] if marginal else _limit_name(m, label) for m, i, label in named]
    sizes = rows["limit"] if "limit" in rows and not marginal else float("nan")
    rows = rows.assign(name=names, worth_musd=-rows["dual"], limit=sizes).sort_values(["name", "t"])
    table = rows.groupby(["rule", "name", "unit"], as_index=False, sort=False).agg(**{
        "worth_musd": ("worth_musd", "sum"), "from": ("label", "first"), "to": ("label", "last"),
        "periods": ("label", "nunique"), "index": ("index", "first"), "limit": ("limit", "max"),
    })  # fmt: skip
    told = [_step(unit, limit) for unit, limit in zip(table["unit"], table["limit"], strict=True)]
    table["worth_musd"] *= [step for step, _ in told]
    table["unit"] = [words for _, words in told]
    table = table.sort_values("worth_musd", ascending=False, key=lambda s: s.abs(), kind="stable")
    return table.head(top)[BINDING_COLUMNS].reset_index(drop=True)


def _step(unit: str, limit: float) -> tuple[float, str]:
    """A step of a limit in its unit, a power of ten no larger than the limit (NaN or 0: not known), and its words."""
    step, counts, one, more = WORTH_UNITS.get(unit, (1.0, 1.0, unit, unit))
    if 0.0 < limit < step:
        step = 10.0 ** math.floor(math.log10(limit * counts) + 1e-9) / counts
    amount = step * counts
    return step, one if math.isclose(amount, 1.0) else f"{number(amount, 1)} {more}"


def _limit_name(meaning: str, label: str) -> str:
    text = str(meaning)
    ending = f" in {label}"
    text = text.removesuffix(ending) if label else text
    return text[:1].upper() + text[1:]


def bill_of_materials(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """item, name, h, at_once, in_all, unit, booked_musd, first_order, first_live, last_live.

    One row for every thing bought, leased or rented at a host; what exists already is not bought. ``in_all`` is what is
    bought over the horizon, replacements and contracts that follow one another among it; ``at_once`` the most in
    service; ``booked_musd`` what is due within the horizon, undiscounted: less than is signed (table ``commitments``)
    of contracts that outlive it.
    """
    lines = [_lines(p, tables[p.name]) for p in PURCHASES if p.unit and p.name in tables]
    kept = [part for part in lines if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=BOM_COLUMNS)


def _lines(purchase: Purchase, table: pd.DataFrame) -> pd.DataFrame:
    """Lines of one purchase: amounts and money added, dates of the first order, the first and the last live date."""
    p = purchase
    rows = table[table[p.counted] > 1e-9]
    if not len(rows):
        return pd.DataFrame(columns=BOM_COLUMNS)
    groups = rows.groupby(["h", *p.named_by], sort=False, as_index=False)
    lines = groups.agg(
        in_all=(p.counted, "sum"), booked_musd=(p.money, "sum"), first_order=(p.decided_date, "min"),
        first_live=(p.live_date, "min"), last_live=(p.live_date, "max"),
    )  # fmt: skip
    names = lines[list(p.named_by)].astype(str)
    at_once = [_most_at_once(p, part) for _, part in rows.groupby(["h", *p.named_by], sort=False)]
    return lines.assign(
        at_once=at_once,
        item=p.words, unit=p.unit, name=names.agg(" · ".join, axis=1) if p.named_by else "",
    )[BOM_COLUMNS]  # fmt: skip


def _most_at_once(purchase: Purchase, rows: pd.DataFrame) -> float:
    """The most of what is bought that is in service on one day."""
    begins, amount = rows[purchase.live_date], rows[purchase.counted].astype(float)
    if not purchase.end_date:
        return float(amount.sum())
    ends = rows[purchase.end_date]
    return max(float(amount[(begins <= day) & ~(ends <= day)].sum()) for day in begins.unique())


def openings(table: pd.DataFrame | None) -> pd.DataFrame:
    """The plan's table of openings, its critical path in words."""
    if table is None or not len(table):
        return pd.DataFrame()
    return table.assign(chain=[chain(str(steps)) for steps in table["chain"]])


def unmet_by_workload(unmet: pd.DataFrame) -> pd.DataFrame:
    """w, reason, first and last quarter short, worst share: quarters with the same reason gathered."""
    columns = ["w", "reason", "from", "to", "quarters", "worst_unserved_share"]
    rows = unmet[unmet["unserved_share"] > 1e-6].sort_values(["w", "t"])
    if not len(rows):
        return pd.DataFrame(columns=columns)
    grouped = rows.groupby(["w", "reason"], sort=False)
    table = grouped.agg(**{
        "from": ("label", "first"), "to": ("label", "last"), "quarters": ("t", "nunique"),
        "worst_unserved_share": ("unserved_share", "max"),
    })  # fmt: skip
    return table.reset_index()[columns]


def least_left(survival: pd.DataFrame | None) -> pd.DataFrame:
    """i, w, share, left_share, f, label: of each loss that must be survived, the member and period that leave least."""
    columns = ["i", "w", "share", "left_share", "f", "label"]
    if survival is None or not len(survival):
        return pd.DataFrame(columns=columns)
    return survival.sort_values("left_share").drop_duplicates(["i", "w"]).sort_values(["i", "w"])[columns]


def levels_reached(levels: pd.DataFrame | None) -> pd.DataFrame:
    """h, attribute, l, bound, reached, year, promised, kept: levels of the places that draw energy."""
    columns = ["h", "attribute", "l", "bound", "reached", "year", "promised", "kept"]
    if levels is None or not len(levels):
        return pd.DataFrame(columns=columns)
    return levels[levels["reached"].notna()][columns]


def agreements_signed(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """e, decide_date, live_date, musd (to sign), accelerators (ordered under it): of each agreement that a plan signs."""
    columns = ["e", "decide_date", "live_date", "musd", "accelerators"]
    signed, under = tables.get("agreements"), tables.get("ordered_under")
    if signed is None or under is None or not len(signed):
        return pd.DataFrame(columns=columns)
    ordered = under.groupby("e")["accelerators"].sum()
    return signed.assign(accelerators=signed["e"].map(ordered).fillna(0.0))[columns]


def keyed(why_not: pd.DataFrame) -> pd.DataFrame:
    """What was left out under the keys that names are found by: w, h, a, k for workload, host, stack, system."""
    return why_not.rename(columns={"workload": "w", "host": "h", "stack": "a", "system": "k"})


def why_not_summary(why_not: pd.DataFrame) -> pd.DataFrame:
    """w, h, a, reason, systems, detail: what was left out of the choice, and why."""
    filled = keyed(why_not).fillna("")
    return filled.groupby(["w", "h", "a", "reason"], sort=False, as_index=False).agg(
        systems=("k", lambda s: "; ".join(sorted({str(x) for x in s if x}))), detail=("detail", "first")
    )


def site_map_by_year(fleet: pd.DataFrame, scenario: Scenario, catalog: Catalog) -> pd.DataFrame:
    """``site_map`` at the end of each year of the horizon, with ``year``; what is not there yet is zero."""
    first, years = scenario.horizon.start.year, scenario.horizon.years
    last = {
        int(label[:4]): label for _, label in fleet[["t", "label"]].sort_values("t").itertuples(index=False)
    }
    parts = [
        site_map(fleet, scenario, catalog, last.get(year, "")).assign(year=year)
        for year in range(first, first + years)
    ]
    return pd.concat(parts, ignore_index=True)


def site_map(
    fleet: pd.DataFrame, scenario: Scenario, catalog: Catalog, label: str | None = None
) -> pd.DataFrame:
    """p, name, lat, lon, iso3, hosts, modes, accelerators, it_mw in one period (the last by default).

    Sites that hold nothing are kept with zeros: the map shows the candidates too.
    """
    hosts: dict[str, list[Any]] = {}
    for host in scenario.hosts:
        hosts.setdefault(host.site, []).append(host)
    live = fleet
    if len(fleet):
        live = fleet[fleet["t"] == fleet["t"].max()] if label is None else fleet[fleet["label"] == label]
    totals = live.groupby("p")[["accelerators", "it_mw"]].sum()
    rows = []
    for site in scenario.sites:
        place = place_of(catalog, site)
        held = totals.loc[site.id] if site.id in totals.index else {"accelerators": 0.0, "it_mw": 0.0}
        here = hosts.get(site.id, [])
        rows.append({
            "p": site.id, "name": place.name, "iso3": place.iso3, "lat": place.lat_deg, "lon": place.lon_deg,
            "hosts": ", ".join(h.id for h in here), "modes": ", ".join(sorted({str(h.mode) for h in here})),
            "accelerators": float(held["accelerators"]), "it_mw": float(held["it_mw"]),
        })  # fmt: skip
    return pd.DataFrame(rows)
