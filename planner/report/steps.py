"""Steps of the timeline in the reader's words: milestones by kind and item, and chains of them."""

from __future__ import annotations

from planner.case.registry import PURCHASE, PURCHASES
from planner.plans.milestones import KINDS, OUTAGE, SOLD
from planner.plans.network import SERVICE
from planner.report.terms import term

LEASE = PURCHASE["leases"].milestone
NAMED_KINDS = {p.milestone for p in PURCHASES if p.unit} - {LEASE} | {"licence", "stack", SOLD, OUTAGE}
"""Kinds of which a place may have several: the thing is named too."""
SIZED_KINDS = {SOLD, OUTAGE, LEASE}
"""Kinds that may come in parts, at several dates: one row of the timeline for all of a thing, the size told of each part."""


def step(kind: str, item: str) -> str:
    """What a step is called: its kind, and the thing where there may be several of a kind."""
    words = term("milestone", kind)
    if kind not in NAMED_KINDS or not item:
        return words
    what = item.partition(" MW ")[2] if kind in SIZED_KINDS else item.removeprefix("export licence for ")
    return f"{words}: {what}"


def chain(steps: str) -> str:
    """Steps as a plan's tables write them ("plant permit x > bridge x") in words; what is of no known kind stays."""
    return " > ".join(_step(each) for each in steps.split(" > "))


def waits(steps: str) -> str:
    """The same of steps that are waited for, within a sentence, with commas between them."""
    named = [_step(each) for each in steps.split(", ")]
    return ", ".join(each[:1].lower() + each[1:] for each in named)


def _step(written: str) -> str:
    kinds = [kind for kind in (*KINDS, SERVICE) if f"{written} ".startswith(f"{kind} ")]
    kind = max(kinds, key=len, default="")
    return step(kind, written.removeprefix(kind).strip()) if kind else written
