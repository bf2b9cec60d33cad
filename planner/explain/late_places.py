"""Places that are offered and can serve nothing, as their permit, contract or line comes after the horizon."""

from __future__ import annotations

import pandas as pd

from planner.case.case import Case
from planner.case.context import Context
from planner.case.permits import opens_from
from planner.case.plant_offers import STORED, steady_supplies
from planner.case.power import line_wait
from planner.scenario.schema import Site


def comes_late(case: Case, h: str) -> str:
    """What a host cannot be without and comes after the horizon, with its day; empty where nothing is."""
    if case.hosts.at[h, "mode"] == "cloud":
        return ""
    context = Context.of(case.scenario, case.catalog)
    host, calendar, late = context.host(h), case.calendar, list[str]()
    if not case.hosts.at[h, "exists"] and not _holds(case, "opens", h):
        what = "its permit and the first hall after it come" if host.mode == "build" else "its contract comes"
        late.append(f"{what} no sooner than {calendar.date_of(opens_from(context, host))}")
    if host.mode == "build" and not _powered(case, h):
        site = context.site(host.site)
        first = calendar.date_of(
            line_wait(context, host, context.grid_connect_months(site), site.grid_applied)[2]
        )
        late.append(
            f"the firm line of {site.id}, its offer and the works after the permit, comes no sooner than {first}"
            + _beside(context, site)
        )
    return " and ".join(late)


def _powered(case: Case, h: str) -> bool:
    """Whether a host may have firm power within the horizon: a line that stands or a firm one, plant that carries load all
    day and year, or a flexible line with storage for its stressed hours.
    """
    stands = case.host_period.reset_index(drop=True).query("h == @h")["existing_grid_mw"].gt(0).any()
    lines = case.connections.reset_index(drop=True).query("h == @h")["flexible"].astype(bool)
    bought = pd.concat([getattr(case, table)[["h", "g"]] for table in ("plants", "bridges", "hires")])
    supplies = case.supplies.reset_index(drop=True).query("h == @h")
    there = supplies[supplies["g"].isin(bought.loc[bought["h"] == h, "g"])]
    bridged = lines.any() and (there["fuel"] == STORED).any()
    return bool(stands or (~lines).any() or len(steady_supplies(there)) or bridged)


def _beside(context: Context, site: Site) -> str:
    """What the site offers beside a firm line, none of which carries a place; empty where it is nothing."""
    power = site.power
    names = [option.id for option in power.options] if power else []
    flexible = ["a flexible line"] if power and power.flexible else []
    told = ", ".join([*names, *flexible])
    return (
        f"; of what is offered beside it ({told}) nothing is there in time that carries a place alone"
        if told
        else ""
    )


def _holds(case: Case, table: str, h: str) -> bool:
    return bool((getattr(case, table)["h"] == h).any())
