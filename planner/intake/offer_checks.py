"""What a host can offer at all: a stack that suits its owner and mode, on a system that can be had and cooled there.

Export licences are left out: they are law, and may change with the policy of a scenario.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, get_args

from planner.case.context import Context
from planner.case.cooling import cooling_gap
from planner.case.offers import stack_gap, system_gap
from planner.case.periods import Calendar
from planner.intake.document import Document, fault, valid
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.schema import Host, Mode, Money, Scenario, StackChoice, SystemChoice


def no_offer(doc: Document) -> Iterator[Problem]:
    """Hosts that can offer nothing: no stack of theirs suits owner and mode, or none of these any of their systems."""
    declared = set(doc.known("stack")) & set(doc.known("catalog stack"))
    context, cases = context_of(doc, []), {}  # thousands of hosts are of a few kinds
    held = {
        item.text("host")
        for where in ("fleets", "contracts")
        for _, item in find(doc.root, f"existing.{where}[]")
    }
    for path, item in find(doc.root, "hosts[]"):
        host = valid(Host, item)
        if host is None or host.owner_class not in doc.known("owner class"):
            continue
        kind = repr((host.mode, host.owner_class, host.stacks, host.systems, host.cooling))
        if kind not in cases:
            cases[kind] = _nothing_offered(doc, context, host, [a for a in host.stacks if a in declared])
        where, message, curable = cases[kind]
        if message and not (curable and host.id in held):
            yield fault(item.value[where], f"{path}.{where}", message)


def _nothing_offered(doc: Document, context: Context, host: Host, own: list[str]) -> tuple[str, str, bool]:
    """Why a host can offer nothing: the field at fault, the words (empty where it can), whether a fleet it has helps."""
    gaps = {a: stack_gap(doc.catalog, a, host.mode, host.owner_class)[1] for a in own}
    if own and all(gaps.values()):
        return "stacks", _no_stack(doc, host, list(gaps.values())), False
    systems = [s.id for s in context.scenario.systems if s.id in doc.known("catalog system")]
    pairs = [(a, k) for a in own if not gaps[a] for k in systems if host.systems is None or k in host.systems]
    why = {system_gap(context, host, a, k) for a, k in pairs}
    listed = host.systems is not None and {reason for reason, _ in why} == {"cooling"}  # no_cooling says so
    if not pairs or listed or not all(words for _, words in why):
        return "", "", True
    words = "; ".join(sorted(words for _, words in why))
    return (
        "systems" if host.systems else "stacks",
        f"no declared system can be had at this host: {words}",
        True,
    )


def _no_stack(doc: Document, host: Host, why: list[str]) -> str:
    """Why no stack suits, what would, and the mode or owner that was probably meant."""

    def suits(stack: str, mode: str, owner: str) -> bool:
        return not stack_gap(doc.catalog, stack, mode, owner)[0]

    allowed = [a for a in doc.known("catalog stack") if suits(a, host.mode, host.owner_class)]
    meant = [f"mode: {m}" for m in get_args(Mode) if any(suits(a, m, host.owner_class) for a in host.stacks)]
    meant += [
        f"owner_class: {o}"
        for o in doc.known("owner class")
        if any(suits(a, host.mode, o) for a in host.stacks)
    ]
    words = f"it can run none of its stacks: {'; '.join(why)}{doc.hint(host.stacks[0], allowed)}"
    return words if not meant or "did you mean" in words else f"{words}; did you mean {meant[0]!r}?"


def idle_holdings(doc: Document) -> Iterator[Problem]:
    """Existing fleets and contracts with a stack their host may not run: they could serve nothing."""
    hosts = {
        host.id: host for _, item in find(doc.root, "hosts[]") if (host := valid(Host, item)) is not None
    }
    for where in ("fleets", "contracts"):
        for path, item in find(doc.root, f"existing.{where}[]"):
            host, stack = hosts.get(item.text("host") or ""), item.text("stack")
            if host is None or stack is None or stack not in doc.known("stack"):
                continue
            if stack not in host.stacks:
                message = (
                    f"host {host.id!r} does not list {stack!r} under stacks{doc.hint(stack, host.stacks)}"
                )
                yield fault(item.value["stack"], f"{path}.stack", message)


def no_cooling(doc: Document) -> Iterator[Problem]:
    """Systems no host can cool, and systems a host lists by name but cannot cool."""
    hosts = [(path, item, valid(Host, item)) for path, item in find(doc.root, "hosts[]")]
    cooling, systems = doc.known("cooling technology"), doc.known("catalog system")
    usable = [
        (path, item, host)
        for path, item, host in hosts
        if host is not None and set(host.cooling or ()) <= set(cooling)
    ]
    if not usable or len(usable) < len(hosts):
        return  # a host with a fault of its own might be the one that cools it
    context = context_of(doc, [host for _, _, host in usable])
    for path, item, host in usable:
        for n, k in enumerate(host.systems or ()):
            gap = cooling_gap(context, host, k) if host.mode != "cloud" and k in systems else ""
            if gap:
                yield fault(item.value["systems"].value[n], f"{path}.systems[{n}]", f"{k!r}: {gap}")
    for path, item in find(doc.root, "systems[]"):
        k = item.text("id")
        if k is None or k not in systems:
            continue
        offering = [host for _, _, host in usable if host.systems is None or k in host.systems]
        owned = [host for host in offering if host.mode != "cloud"]
        gaps = {host.id: cooling_gap(context, host, k) for host in owned}
        if owned and len(owned) == len(offering) and all(gaps.values()):
            why = "; ".join(f"{name}: {gap}" for name, gap in list(gaps.items())[:3])
            yield fault(item, path, f"no declared host can cool {k!r} ({why})")


def context_of(doc: Document, hosts: list[Host]) -> Context:
    """What checks of offers need: hosts, level of cost and the catalog; the rest of the scenario may be missing."""
    calendar = doc.horizon or Calendar(date(2027, 1, 1), 3, 4)
    choices = [valid(SystemChoice, item) for _, item in find(doc.root, "systems[]")]
    item = doc.root.get("money")
    money = (valid(Money, item) if item is not None else None) or Money()
    construct: Any = Scenario.model_construct  # mypy asks for every field, the checks for these three
    partial: Scenario = construct(
        money=money, hosts=hosts, systems=[choice for choice in choices if choice is not None]
    )
    return Context(partial, doc.catalog, calendar)


def early_exits(doc: Document) -> Iterator[Problem]:
    """Stacks that are to be left, or adopted at the latest, before they can be used at all."""
    if doc.horizon is None:
        return
    for path, item in find(doc.root, "stacks[]"):
        choice = valid(StackChoice, item)
        if choice is None or choice.id not in doc.known("catalog stack"):
            continue
        layers = str(doc.catalog.value("stacks", choice.id, "layers")).split(";")
        months = choice.lead_months
        if months is None:
            months = float(doc.catalog.table("layers").loc[layers, "lead_months"].max())
        first = doc.horizon.date_of(doc.horizon.after(0, doc.horizon.whole_steps(months)))
        leaving = choice.exit.from_ if choice.exit is not None else None
        if leaving is not None and leaving <= first:
            message = f"{leaving} comes before it can have been adopted, {first}: a later date, or none"
            yield fault(item.value["exit"].value["from"], f"{path}.exit.from", message)
        if choice.adopt_until is not None and choice.adopt_until < first:
            message = f"{choice.adopt_until} comes before it can be adopted, {first}: a later date, or none"
            yield fault(item.value["adopt_until"], f"{path}.adopt_until", message)
