"""Permits: what must wait for the permit of a place, and for how long after it.

Opening a host begins with its permit: land, design, building and environmental permits
(``hosts[].open_lead_months``). Halls are built after it: the part of a hall type's lead that may run before it, at own
risk, is a column of the catalog. The works of a grid connection follow the permit too; application, study and offer
do not wait for it.
"""

from __future__ import annotations

from datetime import date

from planner.case.context import Context
from planner.case.pace import end_of
from planner.scenario.schema import Host


def permit_wait(context: Context, host: Host) -> tuple[int, int]:
    """Steps from the decision to the permit, and the first period with one; of leased halls and clouds, of the contract.

    Halls that stand have their permit; what is added to them needs one of its own, which nothing need be decided for.
    """
    return context.wait(host.open_lead_months, host.permit_applied)


def hall_types(context: Context, host: Host) -> list[str]:
    """Halls a host may build: its own list, else all, those in a standing shell where the site has one."""
    known = context.catalog.table("halls")
    shell = context.site(host.site).shell_it_mw is not None
    return host.hall_types or [str(b) for b in known.index if shell or not known.at[b, "in_shell"]]


def hall_lead_months(context: Context, host: Host, hall_type: str) -> float:
    """Months from the order of a hall to its live date, at the pace of the host's builder."""
    end = end_of(context.level, host.building_pace)
    return float(context.catalog.value("halls", hall_type, f"lead_months_{end}"))


def hall_works(context: Context, host: Host, hall_type: str) -> int:
    """Steps of a hall's lead that follow the permit."""
    ahead = float(context.catalog.value("halls", hall_type, "before_permit_months"))
    return context.calendar.whole_steps(max(hall_lead_months(context, host, hall_type) - ahead, 0.0))


def first_works(context: Context, host: Host) -> int:
    """Steps from the permit of a host to the first hall that may be live; leased halls stand already."""
    if host.mode != "build":
        return 0
    return min(hall_works(context, host, b) for b in hall_types(context, host))


def grid_works_months(context: Context, host: Host, months: float, applied: date | None) -> float:
    """Months of works of a grid connection left at the plan's start, of a wait of ``months`` in all.

    Works begin when both the permit and the offer are there; only what has passed since then is done.
    """
    works = months * context.param("grid_works_share")
    offered = context.months_run(applied) - (months - works)
    permitted = context.months_run(host.permit_applied) - host.open_lead_months
    return works - max(min(offered, permitted), 0.0)


def permit_from(context: Context, host: Host) -> int:
    """First period in which a host may have its permit, or one for what it adds to halls that stand."""
    exists = any(hall.host == host.id for hall in context.scenario.existing.halls)
    if exists:
        return permit_wait(context, host)[1]
    return context.calendar.before(opens_from(context, host), first_works(context, host))


def opens_from(context: Context, host: Host) -> int:
    """First period in which a host may be open: its permit and the works after it, and not before its own date."""
    calendar = context.calendar
    first = calendar.after(permit_wait(context, host)[1], first_works(context, host))
    return max(first, calendar.first_from(host.open_from) if host.open_from else 0)
