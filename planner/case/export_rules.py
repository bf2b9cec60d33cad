"""Export rules beside the need of a licence: excepted parties, case-by-case review, packages, duty on transit.

Each is a table of the catalog: ``licence_exceptions``, ``licence_reviews``, ``export_programmes`` with the
columns of ``stacks`` and ``layers`` it tests, and the parameter ``us_routed_chip_duty``. Planning data, not
legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import pandas as pd

from planner.case.content import content_shares, content_span
from planner.case.context import Context
from planner.facts.catalog import Catalog
from planner.scenario.schema import Host, SystemChoice

CONTROLLED_ORIGIN = "USA"
HARDWARE = "hardware"


@dataclass(frozen=True)
class Excepted:
    """A party that needs no licence for orders up to ``until`` (None: no end)."""

    key: str
    until: date | None


def exception_of(context: Context, host: Host, parents: Iterable[str]) -> Excepted | None:
    """What excepts the owner of a host in its country, by owner class and the seats of its ultimate parents.

    ``supply.licence.exceptions`` decides: as published (an exception with an end lets orders be placed until
    then), extended (none ends) or none.
    """
    setting = context.scenario.supply.licence.exceptions
    table = context.catalog.table("licence_exceptions")
    destination = context.host_country(host)
    for key, row in table[table["iso3"] == destination].iterrows():
        seats = set(str(row["parents_iso3"]).split(";"))
        listed = host.owner_class in str(row["owner_classes"]).split(";") and set(parents) <= seats
        if setting == "none" or not listed:
            continue
        until = None if setting == "extended" or pd.isna(row["until"]) else pd.Timestamp(row["until"]).date()
        if until is None or until > context.calendar.start:
            return Excepted(str(key), until)
    return None


def case_by_case(context: Context, host: Host, accelerator: str, closed: Iterable[str]) -> pd.Series | None:
    """Review of a chip for a destination of the refused group, where it is weak enough; else None.

    It holds for exports to the destination itself, whose companies may own it; for the same companies
    elsewhere the presumption of denial stands.
    """
    table = context.catalog.table("licence_reviews")
    destination = context.host_country(host)
    if destination not in table.index or not set(closed) <= set(table.index):
        return None
    row = table.loc[destination]
    chip = context.catalog.table("accelerators").loc[accelerator]
    weak = float(chip["tpp"]) < row["tpp_below"] and float(chip["hbm_tb_s"]) < row["memory_tb_s_below"]
    return row if weak else None


def routed_duty(context: Context, host: Host, choice: SystemChoice) -> float:
    """Duty on chips that pass through the United States, as a share of the price of the system.

    Paid by chips of US design on their way to another country where ``supply.licence.route`` is via-us, or
    where a case-by-case review asks for exports from the United States.
    """
    system = context.catalog.table("systems").loc[choice.id]
    chip = context.catalog.table("accelerators").loc[system["accelerator_id"]]
    destination = context.host_country(host)
    reviewed = destination in context.catalog.table("licence_reviews").index
    routed = context.scenario.supply.licence.route == "via-us" or reviewed
    if not routed or destination == CONTROLLED_ORIGIN or chip["origin_iso3"] != CONTROLLED_ORIGIN:
        return 0.0
    return float(context.param("us_routed_chip_duty")) * float(system["chips_share"])


def content_from(context: Context, system: str, countries: Iterable[str]) -> float:
    """Share of a system's price that a programme counts as content of some countries, by ``supply.licence.content``:
    by presumption, or stage by stage as the table ``content`` says."""
    if context.scenario.supply.licence.content == "stages":
        return content_span(context.catalog, system, countries)[1]
    return presumed_content(context, system, countries)


def presumed_content(context: Context, system: str, countries: Iterable[str]) -> float:
    """Content by the programme's own definition: chips whole if designed there, for no rule splits them by stage, and
    of the rest what the table ``content`` says."""
    row, made = context.catalog.table("systems").loc[system], set(countries)
    chips = float(row["chips_share"])
    own = context.catalog.value("accelerators", row["accelerator_id"], "origin_iso3") in made
    rest = content_shares(context.catalog, "rest")
    return chips * float(own) + (1.0 - chips) * sum(rest.get(c, 0.0) for c in sorted(made))


def package_gap(context: Context, stack: str, system: str | None = None) -> str:
    """Why a stack is no package of the export programme, empty where it is one.

    Tested: it calls itself a package, has every layer, an anchor member, no member of an excluded country,
    and, where a system is given, hardware with enough content of the United States.
    """
    gap = _stack_gap(context.catalog, stack)
    if gap or system is None:
        return gap
    programme = context.catalog.table("export_programmes").iloc[0]
    content = content_from(context, system, [CONTROLLED_ORIGIN])
    if content < programme["us_content_min"]:
        return f"{content:.0%} US content of {system}, {programme['us_content_min']:.0%} needed"
    return ""


@lru_cache(maxsize=64)
def _stack_gap(catalog: Catalog, stack: str) -> str:
    row = catalog.table("stacks").loc[stack]
    programme = catalog.table("export_programmes").iloc[0]
    if str(row["package"]) == "none":
        return f"{stack} is no package"
    layers = catalog.table("layers").loc[str(row["layers"]).split(";")]
    missing = [k for k in str(programme["layers"]).split(";") if k not in set(layers["kind"])]
    if missing:
        return f"{stack} has no layer {', '.join(missing)}"
    if programme["anchor_required"] and not isinstance(row["anchor"], str):
        return f"{stack} has no anchor member"
    hardware = layers["kind"] == HARDWARE
    for rows, column in (
        (layers[hardware], "excluded_hardware_iso3"),
        (layers[~hardware], "excluded_service_iso3"),
    ):
        barred = rows[rows["origin_iso3"].isin(str(programme[column]).split(";"))]
        if len(barred):
            return (
                f"{barred.index[0]} comes from {barred['origin_iso3'].iloc[0]}, which the programme excludes"
            )
    return ""
