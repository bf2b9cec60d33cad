"""Places that are offered and can serve nothing, as their permit, contract or line comes after the horizon."""

from __future__ import annotations

from planner.case.case import Case
from planner.case.context import Context
from planner.case.permits import opens_from
from planner.case.power import line_wait


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
            f"the line of {site.id}, its offer and the works after the permit, comes no sooner than {first}"
        )
    return " and ".join(late)


def _powered(case: Case, h: str) -> bool:
    """Whether a host may have power within the horizon: a line, one that stands, or plant."""
    stands = case.host_period.reset_index(drop=True).query("h == @h")["existing_grid_mw"].gt(0).any()
    return bool(stands) or any(
        _holds(case, table, h) for table in ("connections", "plants", "bridges", "hires")
    )


def _holds(case: Case, table: str, h: str) -> bool:
    return bool((getattr(case, table)["h"] == h).any())
