"""Export licensing: which chips need a licence for which buyer, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass

from planner.case.context import Context
from planner.scenario import Host

CONTROLLED_ORIGIN = "USA"
TPP_3A090A, TPP_3A090B = 4800.0, 2400.0


@dataclass(frozen=True)
class LicenceNeed:
    """Whether a licence is needed, its lead time in months, and whether it can be had at all."""

    required: bool
    lead_months: float
    refused: bool
    why: str


def control_class(tpp: float) -> str:
    """Control class by total processing performance (3A090.a from 4800, 3A090.b from 2400)."""
    if tpp >= TPP_3A090A:
        return "3a090a"
    return "3a090b" if tpp >= TPP_3A090B else "none"


def country_group(context: Context, iso3: str) -> str:
    """Export country group; a country not listed is unrestricted."""
    table = context.catalog.table("licensing")
    listed = table[table["iso3"] == iso3]["country_group"]
    return str(listed.iloc[0]) if len(listed) else "unrestricted"


def licence_need(context: Context, host: Host, accelerator: str) -> LicenceNeed:
    """Need of one host for one chip: the stricter of the destination and the owner's parent."""
    chip = context.catalog.table("accelerators").loc[accelerator]
    supply = context.scenario.supply.licence
    if chip["origin_iso3"] != CONTROLLED_ORIGIN:
        return LicenceNeed(False, 0.0, False, "chip is not of controlled origin")
    parent = context.catalog.value("owner_classes", host.owner_class, "parent_iso3")
    destinations = [context.host_country(host)] + ([str(parent)] if isinstance(parent, str) else [])
    groups = [country_group(context, iso3) for iso3 in destinations]
    group = next((g for g in ("d5", "d1-d4") if g in groups), "unrestricted")
    rules = context.catalog.table("licence_rules")
    rule = rules[
        (rules["country_group"] == group) & (rules["control_class"] == control_class(float(chip["tpp"])))
    ]
    required = bool(rule["required"].iloc[0]) if len(rule) else False
    if supply.mode != "auto":
        required = supply.mode == "required"
    if not required:
        return LicenceNeed(False, 0.0, False, f"no licence needed ({group})")
    lead = supply.lead_months
    if lead is None:
        needed = rule if len(rule) else rules[rules["required"]]
        lead = float(needed[f"lead_months_{context.level}"].iloc[0])
    refused = group == "d5" and supply.mode == "auto"
    return LicenceNeed(True, float(lead), refused, f"licence needed ({group})")
