"""Plant of a site's own: what may be bought or rented, from when, what it gives in every slice, and what it burns.

A site offers only what ``sites[].power`` names; without it every table here is empty. Figures left out there are the
catalog's (``power_options``). Permits come before the order: both leads add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from planner.case.blocks import hourly, stressed_hours
from planner.case.case import STRESS
from planner.case.columns import records
from planner.case.commitments import TAIL, with_tails
from planner.case.context import Context, keyed
from planner.case.cooling import technologies
from planner.case.fading import fade_per_year, life_steps
from planner.case.permits import permit_from
from planner.case.plant_offers import FREE, STORED, TABLE, YIELD, asset_class, figure, offered, steps, unit_mw
from planner.case.power import PLANT as BOUGHT
from planner.case.power import design_pue
from planner.case.sites import largest_it_mw
from planner.case.table import Table
from planner.facts.errors import MissingFact
from planner.scenario.power import PowerOption
from planner.scenario.schema import Host, Site

TABLES = {
    "plants": Table(("h", "g", "t"), {
        **BOUGHT, "permit_steps": "steps of permits before the order",
        "works": "steps of construction, from the permit of the place to the live date at least",
        "upkeep_musd_per_mw_step": "upkeep, MUSD per MW and step",
        "resale_share": "share of the price that a buyer elsewhere pays for it as good as new; missing where it stays",
        "fade_per_year": "share of its energy as new that storage loses a year; 0 of what stores none",
        "asset_class": "row of ``asset_classes``",
    }),
    "hires": Table(("h", "g", "t"), {
        "lead": "steps from the signature to the first day",
        "permit_steps": "steps of permits before the signature", "periods": "steps of the term",
        "musd_per_mw_step": "rent, MUSD per MW and step", **TAIL,
    }),
    "supplies": Table(("h", "g"), {
        "p": "site", "fuel": "fuel or source",
        "firm_share": "MW that count as firm per MW of plant as new, after forced outage",
        "starts": "whether it starts within the time the UPS carries the load", "max_mw": "most MW at the site",
        "unit_mw": "MW of a unit; 0: not known", "whole": "whether it comes in whole units only",
        "useful_mw": "MW of it at the host beyond which no plan has a use for more",
        "mmbtu_per_mwh": "fuel of a MWh generated", "musd_per_mmbtu": "price of fuel, MUSD per MMBtu",
        "running_musd_per_mwh": "variable cost without fuel, MUSD per MWh", "tco2_per_mwh": "tonnes of CO2 per MWh",
    }),
    "outputs": Table(("h", "g", "t", "s"), {"share": "MW it can give in the slice per MW of plant, mean of its hours"}),
}  # fmt: skip


def plant_table(context: Context) -> pd.DataFrame:
    """(h, g, t) plant bought, going live: its own permits, then order and delivery; construction after the place's permit.

    The order may stand before the place's permit, as those of cooling and backup may.
    """
    rows: list[tuple[Any, ...]] = []
    for (h, g), (_, option) in offered(context, "buy").items():
        musd = figure(context, option, "capex_usd_per_kw") / 1000.0
        fixed = figure(context, option, "fixed_om_usd_per_kw_year")
        upkeep = 0.0 if pd.isna(fixed) else fixed * context.calendar.step_years / 1000.0
        life, resale = life_steps(context, option), figure(context, option, "resale_pct") / 100.0
        fade = fade_per_year(context, option)
        permit, lead = (steps(context, option, field) for field in ("permit_months", "lead_months"))
        works = steps(context, option, "construction_months")
        first = plant_from(context, context.host(h), permit + lead, works)
        rows += [
            (h, g, t, lead, musd, life, permit, works, upkeep, resale, fade, asset_class(context, option))
            for t in range(first, context.calendar.n)
        ]
    return TABLES["plants"].frame(rows)


def plant_from(context: Context, host: Host, lead: int, works: int) -> int:
    """First period with plant bought at a host: after so many steps of its own permits, order and delivery, and of
    construction after the earliest permit of the place.
    """
    return max(context.calendar.after(0, lead), context.calendar.after(permit_from(context, host), works))


def hire_table(context: Context) -> pd.DataFrame:
    """(h, g, t) contracts on rented plant that may start: permits, signature, mobilisation.

    Nobody takes one over, so what is owed after the horizon is.
    """
    rows: list[tuple[Any, ...]] = []
    for (h, g), (_, option) in offered(context, "rent").items():
        musd = figure(context, option, "rent_usd_per_kw_month") * 12.0 * context.calendar.step_years / 1000.0
        term, lead = (steps(context, option, field) for field in ("term_months", "mobilisation_months"))
        permit = steps(context, option, "permit_months")
        calendar, first = context.calendar, context.calendar.after(0, permit + lead)
        rows += [(h, g, t, lead, permit, calendar.term(t, term), musd) for t in range(first, calendar.n)]
    table = keyed(rows, ["h", "g", "t"], ["lead", "permit_steps", "periods", "musd_per_mw_step"])
    return with_tails(context, table, "musd_per_mw_step", np.zeros(len(table)), 0.0)


def supply_table(context: Context) -> pd.DataFrame:
    """(h, g) -> what each kind of plant counts for, burns and costs to run."""
    rows: list[tuple[Any, ...]] = []
    load_mw = {h: _design_load_mw(context, context.host(h)) for h, _ in offered(context)}
    for (h, g), (site, option) in offered(context).items():
        row = context.catalog.table(TABLE).loc[option.id]
        fuel, minutes = str(row["fuel"]), row["start_minutes"]
        burns = 0.0 if fuel in FREE else figure(context, option, "heat_rate_mmbtu_per_mwh")
        price = 0.0 if fuel in FREE else fuel_usd_per_mmbtu(context, site, option, fuel)
        running = row["variable_om_usd_per_mwh"]
        firm, (unit, whole) = firm_share(context, option, fuel), unit_mw(context, option)
        most = np.inf if option.max_mw is None else option.max_mw
        rows.append(
            (
                h,
                g,
                site.id,
                fuel,
                firm,
                not pd.isna(minutes) and float(minutes) <= context.param("ups_ride_through_minutes"),
                most,
                unit,
                whole,
                useful_mw(fuel, firm, unit, most, load_mw[h]),
                burns,
                price / 1e6,
                0.0 if pd.isna(running) else float(running) / 1e6,
                0.0 if fuel == STORED else figure(context, option, "kgco2_per_mwh") / 1000.0,
            )
        )
    return TABLES["supplies"].frame(rows)


def useful_mw(fuel: str, firm: float, unit: float, most: float, load_mw: float) -> float:
    """MW of a kind of plant beyond which no plan has a use for more; of sun and wind all that there is room for.

    Firm plant carries the design load twice, as primary power and as backup, with units to spare; storage does so all day
    long, filled in one hour of it.
    """
    if firm <= 0:
        return most
    filled = 24.0 if fuel == STORED else 1.0
    return min(most, filled * (2.0 * load_mw / firm + 2.0 * unit))


def _design_load_mw(context: Context, host: Host) -> float:
    """Facility MW of the largest size of a host, cooled in the worst way."""
    return largest_it_mw(context, host) * max(
        design_pue(context, host, c) for c in technologies(context, host)
    )


def firm_share(context: Context, option: PowerOption, fuel: str) -> float:
    """Of a MW: nothing of sun and wind, else what does not fail; of storage what lasts through an event."""
    if fuel in YIELD:
        return 0.0
    works = 1.0 - figure(context, option, "forced_outage_pct") / 100.0
    if fuel != STORED:
        return works
    return works * min(1.0, figure(context, option, "storage_hours") / context.param("storage_event_hours"))


def output_table(
    context: Context, blocks: Sequence[np.ndarray], supplies: pd.DataFrame, live: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """(h, g, t, s) from the first period in which plant may be live; the sun by its hours, all else evenly."""
    first, options = first_live(live), offered(context)
    rows: list[tuple[Any, ...]] = []
    for supply in records(supplies[supplies["fuel"] != STORED]):
        key = (supply.h, supply.g)
        firm = float(supply.firm_share)
        shares = _shares(context, *options[key], supply.fuel, firm, blocks)
        by_slice = {f"b{i}": share for i, share in enumerate(shares)}
        if stressed_hours(context):
            by_slice[STRESS] = firm  # neither sun nor wind is counted on then
        rows += [(*key, t, s, share) for t in range(first.get(key, context.calendar.n), context.calendar.n)
                 for s, share in by_slice.items()]  # fmt: skip
    return TABLES["outputs"].frame(rows)


def first_live(live: Sequence[pd.DataFrame]) -> dict[tuple[str, str], int]:
    """(h, g) -> first period in which plant of the tables may be live."""
    first: dict[tuple[str, str], int] = {}
    for table in live:
        for row in records(table):
            first[row.h, row.g] = min(row.t, first.get((row.h, row.g), row.t))
    return first


def _shares(
    context: Context, site: Site, option: PowerOption, fuel: str, firm: float, blocks: Sequence[np.ndarray]
) -> list[float]:
    if fuel not in YIELD:
        return [firm] * len(blocks)
    mean = context.local(YIELD[fuel], site, option.capacity_factor_pct) / 100.0
    over_day = hourly(context, "sun") if fuel == "solar" else np.ones(24)
    return [min(1.0, mean * float(over_day[block].mean())) for block in blocks]


def fuel_usd_per_mmbtu(context: Context, site: Site, option: PowerOption, fuel: str) -> float:
    """Price of fuel at a site: the scenario's, else the country's with delivery."""
    if option.fuel_usd_per_mmbtu is not None:
        return option.fuel_usd_per_mmbtu
    if fuel == "gas":
        context.assumed.append({"item": f"gas at {site.id}", "value": "there", "why": "no line is priced or dated: "
                                "where one must be built, put its months into lead_months"})  # fmt: skip
        return context.local("gas_usd_per_mmbtu", site) + context.param("gas_delivery_usd_per_mmbtu")
    if fuel == "diesel":
        return context.local("diesel_usd_per_l", site) / context.param("diesel_mmbtu_per_l")
    if fuel == "uranium":
        return context.param("uranium_usd_per_mmbtu")
    raise MissingFact(
        f"sites[{site.id}].power.options[{option.id}]: no price of {fuel} is known: give fuel_usd_per_mmbtu"
    )
