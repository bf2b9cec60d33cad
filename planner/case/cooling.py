"""Cooling: technologies at a host, the heat they carry, and what may be bought on top of what a hall includes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from planner.case import costs
from planner.case.case import Case
from planner.case.columns import keys_of
from planner.case.context import Context
from planner.case.periods import Calendar, day_after
from planner.case.table import Table
from planner.scenario.schema import ExistingHall, Host

INCLUDED_COOLING = "air-chilled-water"
RECOVERY = "heat-recovery"
"""Kind of cooling that takes heat off liquid loops for a taker; it carries no heat of its own."""
COLOCATION_COOLING = [INCLUDED_COOLING]

TABLES = {
    "cooling": Table(("h", "c", "t"), {
        "lead": "steps from the order to the live date", "musd_per_mw": "price, MUSD per MW of heat",
        "life": "steps it stands",
    }),
    "heat": Table(("h", "c", "m"), {"included": "1 where the price of halls contains the technology, else 0"}),
    "existing_cooling": Table(("h", "c", "t"), {"mw": "MW of heat that exists beyond what existing halls include"}),
}  # fmt: skip


def technologies(context: Context, host: Host) -> list[str]:
    """Cooling technologies at a host: its own list, else all that need no naming for a build, room air for colocation."""
    if host.cooling is not None:
        return list(host.cooling)
    if host.mode != "build":
        return COLOCATION_COOLING
    table = context.catalog.table("cooling")
    return list(table.index[~table["only_listed"].astype(bool)])


def bought_apart(host: Host) -> bool:
    """Whether halls come without room air, and it is bought by the megawatt that uses it."""
    return host.mode == "build" and host.room_air == "as-needed"


def keeps_cooling(host: Host) -> bool:
    """Whether its halls keep the cooling that goes live with them, but for refits."""
    return host.mode == "build" and host.standing_halls != "as-needed"


def media_needed(context: Context, system: str) -> dict[str, float]:
    """Share of a system's heat by medium: liquid, and air (dense air above the room-air limit)."""
    row = context.catalog.table("systems").loc[system]
    liquid = float(row["liquid_share"])
    air_kw = (1.0 - liquid) * float(row["rack_kw"])
    room = context.catalog.value("cooling", "air-chilled-water", "max_rack_kw")
    medium = "air" if air_kw <= float(room) + 1e-9 else "dense-air"
    return {m: s for m, s in ((medium, 1.0 - liquid), ("liquid", liquid)) if s > 1e-9}


def cooling_gap(context: Context, host: Host, system: str) -> str:
    """Empty where the host's technologies carry the system's heat; else what is missing."""
    key = ("cooling gap", *technologies(context, host), system)
    if key not in context.memo:
        context.memo[key] = _cooling_gap(context, technologies(context, host), system)
    return str(context.memo[key])


def _cooling_gap(context: Context, installed: list[str], system: str) -> str:
    cooling = context.catalog.table("cooling")
    rack_kw = float(context.catalog.value("systems", system, "rack_kw"))
    for medium in media_needed(context, system):
        carriers = [c for c in installed if medium in str(cooling.loc[c, "media"]).split(";")]
        if not carriers:
            return f"no technology at the host carries {medium} heat"
        if medium == "liquid" and all(float(cooling.loc[c, "max_rack_kw"]) < rack_kw for c in carriers):
            return f"racks of {rack_kw:.0f} kW exceed what {', '.join(carriers)} can cool"
    return ""


def cooling_table(
    context: Context, halls: pd.DataFrame, more: Iterable[tuple[Any, ...]] = ()
) -> pd.DataFrame:
    """(h, c, t) cooling bought on top of what the hall includes, and what else is bought like it.

    Where halls keep their cooling, in periods in which one of ``halls`` may go live alone.
    """
    rows: list[tuple[Any, ...]] = [*more]
    with_hall = set(zip(halls["h"], halls["t"], strict=True))
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        for c in technologies(context, h):
            lead, musd, life = context.plant("cooling", c)
            if c == INCLUDED_COOLING and not bought_apart(h):
                continue
            for t in range(context.calendar.after(0, lead), context.calendar.n):
                if keeps_cooling(h) and (h.id, t) not in with_hall:
                    continue
                if c == INCLUDED_COOLING:
                    musd = _room_air_musd_per_mw(context, h, context.calendar.step_of(t) - lead)
                rows.append((h.id, c, t, lead, musd, life))
    return TABLES["cooling"].frame(rows)


def _room_air_musd_per_mw(context: Context, host: Host, step: int) -> float:
    """Per MW bought, its margin with it: room air for all of a hall costs what the hall costs less without."""
    price = costs.room_air_musd_per_mw(context, context.site(host.site), step)
    return price / (1.0 + context.param("cooling_margin"))


def heat_table(context: Context) -> pd.DataFrame:
    """(h, c, m): technology c at host h carries medium m; ``included`` where the hall's price contains it."""
    cooling = context.catalog.table("cooling")
    rows = [
        (h.id, c, m, 1.0 if c == INCLUDED_COOLING and not bought_apart(h) else 0.0)
        for h in context.scenario.hosts
        if h.mode == "build"
        for c in technologies(context, h)
        for m in str(cooling.loc[c, "media"]).split(";")
    ]
    return TABLES["heat"].frame(rows)


def existing_cooling_table(context: Context) -> pd.DataFrame:
    """(h, c, t) -> MW of cooling that exists beyond what existing halls include; a hall's ends with the hall.

    Halls that stand have their room air: where it is bought apart, it is counted here, with the margin of what is bought.
    """
    totals: dict[tuple[str, str, int], float] = {}
    apart = {h.id for h in context.scenario.hosts if bought_apart(h)}
    for hall in context.scenario.existing.halls:
        own = dict(hall.cooling)
        if hall.host in apart:
            air = hall.it_mw * (1.0 + context.param("cooling_margin"))
            own[INCLUDED_COOLING] = own.get(INCLUDED_COOLING, 0.0) + air
        for c, mw in own.items():
            for t in range(periods_there(context.calendar, hall)):
                totals[hall.host, c, t] = totals.get((hall.host, c, t), 0.0) + mw
    return TABLES["existing_cooling"].frame([(*key, mw) for key, mw in totals.items()])


def periods_there(calendar: Calendar, hall: ExistingHall) -> int:
    """Periods from the start that an existing hall stands through to their last day."""
    return calendar.n if hall.until is None else min(calendar.n, calendar.containing(day_after(hall.until)))


def existing_cooling_mw(case: Case) -> dict[tuple[str, str, int], float]:
    """(h, c, t) -> MW of heat of cooling that exists beyond what existing halls include; what is missing has none."""
    rows = case.existing_cooling
    return dict(zip(keys_of(rows, ["h", "c", "t"]), rows["mw"].astype(float), strict=True))
