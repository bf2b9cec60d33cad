"""Which agreements hold in a context, and what follows for licences, places, scores and hosts.

An agreement that is not optional and holds from the horizon's start to its end, without quota, capacity, amount or
duties, is a fact of the case (``standing``). Every other one is offered: the plan signs it on a date
(``planner.case.agreements``), and what it opens is what a context with it has more than one without.
"""

from __future__ import annotations

from dataclasses import replace

from planner.case.context import Context
from planner.scenario.agreements import Agreement, Covers, Duties
from planner.scenario.schema import Host

LICENCE, QUOTA, SOURCE, LOCALITY, TRUST, HOSTS, ATTRIBUTES = (
    "licence", "quota", "source", "locality", "trust", "hosts", "attributes",
)  # fmt: skip
PROGRAMME = "exports-programme"
"""The kind whose package is one by the terms of ``export_programmes``."""


def gives(context: Context, agreement: Agreement, what: str) -> bool:
    """Whether agreements of this kind open a thing."""
    return what in str(context.catalog.value("agreement_kinds", agreement.kind, "gives")).split(";")


def is_standing(context: Context, a: Agreement) -> bool:
    """Whether an agreement is a fact of the whole horizon and asks for no variable."""
    calendar = context.calendar
    whole = (a.from_ is None or a.from_ <= calendar.start) and (a.until is None or a.until >= calendar.end)
    bare = a.quota is None and a.capacity_accelerators is None and a.amount_musd is None
    return not a.optional and whole and bare and a.duties == Duties()


def offered(context: Context) -> list[Agreement]:
    """Agreements whose signature is a variable of the plan."""
    return [a for a in context.scenario.agreements if not is_standing(context, a)]


def in_force(context: Context) -> list[Agreement]:
    """Agreements that hold in this context: those that stand, and the one it is looked at under."""
    if "standing" not in context.memo:
        context.memo["standing"] = [a for a in context.scenario.agreements if is_standing(context, a)]
    return [*context.memo["standing"], *context.under]


def under(context: Context, agreement: Agreement) -> Context:
    """The same context with one more agreement in force; what is assumed is noted in the same list."""
    return replace(context, under=(agreement,), memo={})


def covered(
    covers: Covers, *, h: str, owner_class: str, a: str | None, k: str | None, vendor: str, chip_origin: str, country: str
) -> bool:  # fmt: skip
    """Whether an agreement speaks of an offer; a stack or system that is not named is covered."""
    named = (
        (covers.hosts, h), (covers.owner_classes, owner_class), (covers.vendors, vendor),
        (covers.chip_origins, chip_origin), (covers.countries, country), (covers.stacks, a), (covers.systems, k),
    )  # fmt: skip
    return all(some is None or value is None or value in some for some, value in named)


def hub_of(context: Context, host: str) -> Agreement | None:
    """The agreement without which a host abroad serves nothing here; None for other hosts."""
    return next((a for a in context.scenario.agreements
                 if gives(context, a, HOSTS) and host in (a.covers.hosts or ())), None)  # fmt: skip


def closed_by_hub(context: Context, host: str) -> str:
    """The agreement a host waits for, empty where it is open."""
    hub = hub_of(context, host)
    return hub.id if hub is not None and hub not in in_force(context) else ""


def agreed_attributes(context: Context, host: Host, stack: str) -> dict[str, str]:
    """Attributes of the control score that agreements in force set for an offer."""
    found: dict[str, str] = {}
    for a in in_force(context):
        hosts, stacks = a.covers.hosts, a.covers.stacks
        if (
            gives(context, a, ATTRIBUTES)
            and (hosts is None or host.id in hosts)
            and (stacks is None or stack in stacks)
        ):
            found |= {str(name): value for name, value in a.attributes.items()}
    return found


def programme_open(context: Context) -> bool:
    """Whether packages go the fast way without an agreement of the scenario's own."""
    listed = any(a.kind == PROGRAMME for a in context.scenario.agreements)
    return context.scenario.supply.licence.fast_path and not listed
