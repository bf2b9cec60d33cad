"""Data locality and latency: where a workload's compute may run, and what protection its data need."""

from __future__ import annotations

from dataclasses import dataclass

from planner.case.attributes import trusted_by
from planner.case.context import Context
from planner.case.in_force import LOCALITY, gives, in_force
from planner.case.places import Place
from planner.facts.errors import MissingFact
from planner.facts.geography import distance_km
from planner.scenario.schema import Workload

ANY = "*"
EMBASSY_CLASSES = ("official", "sensitive")
"""Data that a data embassy hosts where its agreement does not say."""


@dataclass(frozen=True)
class Rule:
    """Where compute may run, what protection in use is needed, whether a home copy is due, and its basis."""

    where: str
    protection: str
    local_copy: bool
    basis: str
    assumed: bool


def rule_for(context: Context, workload: Workload) -> Rule:
    """The scenario's own rule; else the country's; else the strictest rule of the class, marked assumed."""
    if workload.locality is not None:
        own = workload.locality
        basis = own.source or own.note or "scenario"
        return Rule(own.where, own.protection, own.home_copy, basis, own.assumed)
    key = (
        "rule",
        workload.id,
        home_of(context, workload),
        workload.data_class,
        workload.sector,
        workload.body,
    )
    if key not in context.memo:
        context.memo[key] = _rule_of(context, workload)
    found: Rule = context.memo[key]
    return found


def _rule_of(context: Context, workload: Workload) -> Rule:
    """By the table of rules; a fallback is noted among what the context assumes."""
    country = home_of(context, workload)
    table = context.catalog.table("locality_rules").reset_index(drop=True)
    table = table[table["data_class"] == workload.data_class]
    table = table[table["sector"].isna() | (table["sector"] == workload.sector)]
    found = table[(table["iso3"] == country) & table["body"].isin([workload.body, "any"])]
    assumed = not len(found)
    rows = found if len(found) else table[table["iso3"] == ANY]
    if not len(rows):
        return Rule("in-country", "confidential-computing", True, "no rule found: strictest", True)
    strict = {"in-country": 0, "trusted-region": 1, "anywhere": 2}
    row = rows.loc[rows["where"].map(strict).idxmin()]
    basis = (
        str(row["instrument"]) if isinstance(row["instrument"], str) else "fallback: strictest of the class"
    )
    rule = Rule(str(row["where"]), str(row["protection"]), bool(row["local_copy_required"]), basis, assumed)
    if assumed:
        context.assumed.append(
            {
                "item": f"locality of {workload.id}",
                "value": rule.where,
                "why": f"no rule for {country}, {workload.body} body, {workload.data_class}: strictest of the class",
            }
        )
    return rule


def home_of(context: Context, workload: Workload) -> str:
    """Country whose data a workload handles: each country's rules apply to its own demand, wherever it runs."""
    return workload.country or context.scenario.country


def place_allowed(context: Context, workload: Workload, rule: Rule, place: str) -> bool:
    """Whether compute in country ``place`` satisfies the workload's rule; a data embassy counts as home."""
    home = home_of(context, workload)
    if place == home or rule.where == "anywhere" or is_embassy(context, workload, place):
        return True
    return rule.where == "trusted-region" and place in trusted_by(context, home)


def is_embassy(context: Context, workload: Workload, place: str) -> bool:
    """Whether an agreement is in force under which the home law applies in ``place``."""
    home = home_of(context, workload)
    for embassy in in_force(context):
        guest, classes = embassy.guest or context.scenario.country, embassy.covers.classes or EMBASSY_CLASSES
        agreed = gives(context, embassy, LOCALITY) and embassy.partner == place and guest == home
        if agreed and workload.data_class in classes:
            _note_embassy(context, place, home)
            return True
    return False


def _note_embassy(context: Context, place: str, home: str) -> None:
    table = context.catalog.table("data_embassies")
    known = table[(table["host_iso3"] == place) & table["guest_iso3"].isin([home, ANY])]
    if not len(known):
        context.assumed.append(
            {
                "item": f"data embassy of {home} in {place}",
                "value": "agreed",
                "why": "declared in the scenario; no such treaty or law is in the catalog",
            }
        )


def home_copy_musd_per_k_year(context: Context, rule: Rule, home: str, place: str) -> float:
    """Storage at home for work done abroad under a home-copy rule, MUSD per thousand accelerators and year."""
    if not rule.local_copy or place == home:
        return 0.0
    return context.param("home_copy_tb_per_accelerator") * context.param("storage_usd_per_tb_year") / 1e3


def rtt_ms(context: Context, country: str, place: Place) -> float:
    """Round trip from the nearest metro of ``country`` to a place: base plus fibre path (assumed slope)."""
    key = ("km to users", country, place.iso3, place.lat_deg, place.lon_deg)
    if key not in context.memo:
        metros = context.catalog.table("metros")
        users = metros[metros["iso3"] == country]
        if not len(users):
            raise MissingFact(f"no metro of {country} in the catalog: latency cannot be computed")
        far = distance_km(users["lat_deg"], users["lon_deg"], place.lat_deg, place.lon_deg)
        context.memo[key] = 0.0 if place.iso3 == country else float(far.min())
    nearest: float = context.memo[key]
    return context.param("rtt_base_ms") + context.param("rtt_ms_per_1000_km") * nearest / 1000.0
