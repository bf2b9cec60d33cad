"""Heat that is sold: who takes it near a site, what taking it off costs, and the least share that the law asks for.

Only heat in the liquid loop is warm enough without a heat pump. Heat recovery is bought like cooling, by the megawatt. A law
on new data centres is a row of ``heat_rules`` by the day load begins to run, and holds from the period of that day; it binds
where a site names a taker.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd

from planner.case.climate import months_of_period
from planner.case.context import Context
from planner.case.cooling import RECOVERY, technologies
from planner.case.sites import is_existing
from planner.case.table import Table
from planner.scenario.schema import HeatTaker, Host

TABLES = {
    "takers": Table(("p", "t"), {
        "taken": "share of the period in which heat is taken", "max_mw": "most MW it takes while it does",
        "source_share": "share of the heat in liquid loops that can be given, as a mean of the period",
        "musd_per_mwh": "what it pays, MUSD per MWh of heat",
    }),
    "reuse_floors": Table(("h", "law", "t"), {
        "share": "least share of the energy drawn that is reused, as a mean of the calendar year",
        "more": "what of this share no law before asks for",
        "begun_t": "what ran in the period before this one is free of it",
    }),
}  # fmt: skip
STATED = "stated"
"""In place of the row of a law where the site says its own share."""


def floor_name(host: str, law: str, year: int) -> str:
    """Name of the row of a host, a law and a calendar year."""
    return f"reuse-{host}-{law}-{year}"


def taker_table(context: Context) -> pd.DataFrame:
    """(p, t) in which somebody takes heat at a site."""
    rows = []
    for site in context.scenario.sites:
        taker = site.heat
        if taker is None:
            continue
        price = taker.usd_per_mwh
        usd = context.param("heat_price_usd_per_mwh") if price is None else price
        wanted = np.array(taker.months or range(1, 13)) - 1
        for t in range(_first(context, taker), context.calendar.n):
            taken = float(np.isin(months_of_period(context, t), wanted).mean())
            if taken > 0:
                given = taken * context.param("heat_recovery_share")
                rows.append((site.id, t, taken, taker.max_mw, given, usd / 1e6))
    return TABLES["takers"].frame(rows)


def recovery_rows(context: Context) -> Iterator[tuple[str, str, int, int, float, int]]:
    """Rows of the case table ``cooling``: host, heat recovery, live period, lead in steps, MUSD per MW, life in steps."""
    for host in [h for h in context.scenario.hosts if h.mode == "build"]:
        taker = context.site(host.site).heat
        if taker is None:
            continue
        months, price = taker.lead_months, taker.musd_per_mw
        lead = context.calendar.whole_steps(
            context.param("heat_recovery_lead_months") if months is None else months
        )
        musd = context.param("heat_recovery_musd_per_mw") if price is None else price
        life = context.life_steps("cooling", "direct-to-chip")
        for t in range(max(context.calendar.after(0, lead), _first(context, taker)), context.calendar.n):
            yield host.id, RECOVERY, t, lead, musd, life


def floor_table(context: Context) -> pd.DataFrame:
    """(h, law, t) of every least share in force, by day; each binds what begins to run from the period of its day on.

    A later law that asks for less adds nothing: what begins under it keeps the highest share before, as no linear
    row lets the share of what is added fall.
    """
    rows = []
    for host in [h for h in context.scenario.hosts if h.mode == "build"]:
        taker = context.site(host.site).heat
        if taker is None:
            continue
        highest = 0.0
        for law, share, day in _shares(context, host, taker):
            begun = context.calendar.holds_from(day)
            begins = range(max(begun, _first(context, taker)), context.calendar.n)
            more, highest = max(0.0, share - highest), max(share, highest)
            rows += [(host.id, law, t, share, more, begun) for t in begins]
    return TABLES["reuse_floors"].frame(rows)


def reuse_gap(context: Context, host: Host) -> str:
    """Empty where a host can give heat of the share that is asked of it whenever it opens; else why it cannot."""
    taker = context.site(host.site).heat if host.mode == "build" else None
    if taker is None or "liquid" in _media(context, host):
        return ""
    shares = _shares(context, host, taker)
    asked = [law for law, share, day in shares if share and not context.calendar.holds_from(day)]
    return (
        f"no technology at the host carries liquid heat, of which a share must be reused ({asked[0]})"
        if asked
        else ""
    )


def _shares(context: Context, host: Host, taker: HeatTaker) -> list[tuple[str, float, date | None]]:
    """(law, least share, day from which a place that begins owes it; None always), by day."""
    if taker.least_share is not None:
        return [(STATED, taker.least_share, None)] if taker.least_share else []
    if is_existing(context, host):
        return []
    rules = context.catalog.table("heat_rules")
    rules = rules[rules["iso3"] == context.host_country(host)].sort_values("begins_from")
    return [
        (str(r.Index), float(r.least_share), date.fromisoformat(str(r.begins_from)))
        for r in rules.itertuples()
    ]


def _media(context: Context, host: Host) -> set[str]:
    cooling = context.catalog.table("cooling")
    return {m for c in technologies(context, host) for m in str(cooling.loc[c, "media"]).split(";")}


def _first(context: Context, taker: HeatTaker) -> int:
    return 0 if taker.from_ is None else max(0, context.calendar.first_from(taker.from_))
