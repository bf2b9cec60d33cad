"""Agreements between states, lenders and suppliers: what a plan may sign, or what is agreed already.

Benefits and duties ride on what is bought and served under an agreement; kinds are those of the catalog's table
``agreement_kinds``.
"""

# ruff: noqa: RUF012 (pydantic copies the defaults of fields)

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from planner.scenario.record import Id, Iso3, Months, NonNegative, Positive, Record, Share, Title

DataClass = Literal["public", "official", "sensitive", "secret"]
ControlAttribute = Literal[
    "owner", "capital", "operator", "law", "seat", "platform", "model", "keys", "contracts", "efficiency", "energy",
]  # fmt: skip
Attributes = dict[ControlAttribute, str]
"""Declared attributes of the control score that differ from those of the owner class or of the layers."""


class Covers(Record):
    """Which offers an agreement speaks of: all its fields must match, one left out means all."""

    hosts: list[Id] | None = None
    owner_classes: list[Id] | None = None
    stacks: list[Id] | None = None
    systems: list[Id] | None = None
    vendors: list[Id] | None = None
    chip_origins: list[Iso3] | None = None
    countries: list[Iso3] | None = None
    classes: list[DataClass] | None = None
    sources: list[Id] | None = None


class ContentDuty(Record):
    """Of the value of all hardware ordered under an agreement, the least share that is made in some countries."""

    from_: Annotated[list[Iso3], Field(alias="from", min_length=1)]
    share: Share


class Duties(Record):
    content: list[ContentDuty] = []
    investment_share: NonNegative | None = None
    excludes_stacks: list[Id] = []
    least_accelerators: NonNegative | None = None


class AgreedQuota(Record):
    """What may be ordered under an agreement, beside what vendors allocate and licences let in."""

    accelerators: Positive
    unit: Literal["accelerators", "equivalents"] = "accelerators"
    per: Literal["year", "total"] = "total"


class Agreement(Record):
    """One agreement; ``optional``: the plan signs it where that pays, else it is signed whatever it costs."""

    id: Id
    title: Title | None = None
    kind: Id
    partner: Iso3 | None = None
    guest: Iso3 | None = None
    optional: bool = True
    from_: Annotated[date | None, Field(alias="from")] = None
    until: date | None = None
    end: Literal["orders", "service"] | None = None
    lead_months: Months | None = None
    sign_musd: NonNegative | None = None
    musd_per_year: NonNegative | None = None
    covers: Covers = Covers()
    licence_months: Months | None = None
    quota: AgreedQuota | None = None
    capacity_accelerators: Positive | None = None
    amount_musd: Positive | None = None
    attributes: Attributes = {}
    duties: Duties = Duties()
