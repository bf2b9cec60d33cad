"""Attributes of an offer that the control score is derived from: site, owner, operator, law, chip, layers.

Each is declared, by the owner class, the layers of the stack, or the scenario (``hosts[].attributes``,
``stacks[].attributes``, parents), and read from the home of the data: what is domestic for the partner country
is an ally's or a foreigner's for another country served from the same hub.
"""

from __future__ import annotations

from functools import lru_cache

from planner.case.context import Context
from planner.case.in_force import TRUST, agreed_attributes, gives, in_force
from planner.case.levels import certain
from planner.case.licensing import country_group
from planner.facts.catalog import Catalog
from planner.scenario.schema import Host

OF_OWNER = ("owner", "operator", "law", "seat", "capital")
DEFAULTS = {
    "efficiency": "pue-1.3",
    "energy": "mixed",
}  # as in the worked examples; a host may declare better, or come to others (``planner.case.levels``)
SEEN_FROM_AN_ALLY = {
    "owner": {"domestic": "partner", "mixed": "partner"},
    "operator": {"national": "partner", "local": "partner"},
    "law": {"domestic": "partner", "mixed": "partner"},
    "seat": {"domestic": "partner"},
    "capital": {"domestic": "mostly-foreign", "mostly-domestic": "mostly-foreign"},
    "platform": {"open": "partner"},
    "model": {"own": "open"},
    "keys": {"local-hsm": "customer"},
}
SEEN_FROM_ELSEWHERE = {
    "owner": {"domestic": "foreign", "mixed": "foreign", "partner": "foreign"},
    "operator": {"national": "foreign", "local": "foreign", "partner": "foreign"},
    "law": {"domestic": "foreign", "mixed": "foreign", "partner": "foreign"},
    "seat": {"domestic": "branch", "partner": "branch"},
    "capital": {"domestic": "foreign", "mostly-domestic": "foreign", "mostly-foreign": "foreign"},
    "platform": {"open": "foreign", "partner": "foreign"},
    "model": {"own": "open"},
    "keys": {"local-hsm": "customer"},
}


def trusted_by(context: Context, home: str) -> list[str]:
    """Countries of the declared trusted region of ``home``: the partner's own list, or that of a hub's guest.

    Those whose certificates are recognised count too.
    """
    control = context.scenario.control
    if home == context.scenario.country:
        recognised = [str(a.partner) for a in in_force(context) if gives(context, a, TRUST)]
        return [*control.trusted_region, *recognised]
    return list(control.trusted_by_country.get(home, []))


def place_value(context: Context, home: str, country: str) -> str:
    """home, trusted-region or abroad: where a site stands as seen from ``home``."""
    if country == home:
        return "home"
    return "trusted-region" if country in trusted_by(context, home) else "abroad"


def chip_value(context: Context, home: str, origin: str, licensed: bool) -> str:
    """Attribute ``chip``: origin of the design against the home of the data, and the licence it needs."""
    if origin == home:
        return "domestic"
    if licensed:
        return "licensed"
    if country_group(context, origin) == "d5":
        return "rival"
    return "partner" if origin in trusted_by(context, home) else "foreign"


def parent_value(context: Context, home: str, parent: str) -> str:
    """foreign, partner or domestic: whose law reaches a company with this ultimate parent."""
    return {"home": "domestic", "trusted-region": "partner", "abroad": "foreign"}[
        place_value(context, home, parent)
    ]


def stack_attributes(context: Context, stack: str) -> dict[str, str]:
    """What the layers of a stack set: platform, model, keys, contracts."""
    found = dict(layer_attributes(context.catalog, stack))
    choice = next((s for s in context.scenario.stacks if s.id == stack), None)
    return found | (dict(choice.attributes) if choice else {})


@lru_cache(maxsize=256)
def layer_attributes(catalog: Catalog, stack: str) -> tuple[tuple[str, str], ...]:
    """(attribute, value) pairs of the layers in a stack of the catalog."""
    rows = catalog.table("layers").loc[str(catalog.value("stacks", stack, "layers")).split(";")]
    rows = rows[rows["control_attribute"].notna()]
    return tuple(zip(rows["control_attribute"].astype(str), rows["control_value"].astype(str), strict=True))


def offer_attributes(
    context: Context, host: Host, stack: str, accelerator: str, licensed: bool, home: str
) -> dict[str, str]:
    """All attributes of host x stack x accelerator as seen from ``home``."""
    scenario = context.scenario
    owner = context.catalog.table("owner_classes").loc[host.owner_class]
    found = {name: str(owner[name]) for name in OF_OWNER} | stack_attributes(context, stack) | DEFAULTS
    found |= _of_parents(context, host)
    if home != scenario.country:
        seen = SEEN_FROM_AN_ALLY if scenario.country in trusted_by(context, home) else SEEN_FROM_ELSEWHERE
        found = {name: seen.get(name, {}).get(value, value) for name, value in found.items()}
    found |= certain(context, host)
    found |= {str(name): value for name, value in host.attributes.items()}
    found |= agreed_attributes(context, host, stack)
    origin = str(context.catalog.value("accelerators", accelerator, "origin_iso3"))
    found["site"] = place_value(context, home, context.host_country(host))
    found["chip"] = chip_value(context, home, origin, licensed)
    return found


def owner_attributes(context: Context, host: Host) -> dict[str, str]:
    """Attributes of a host's owner and operator, as seen from the country of the scenario."""
    owner = context.catalog.table("owner_classes").loc[host.owner_class]
    declared = {str(name): value for name, value in host.attributes.items()}
    return {name: str(owner[name]) for name in OF_OWNER} | _of_parents(context, host) | declared


def _of_parents(context: Context, host: Host) -> dict[str, str]:
    """Declared parents set the law, the owner and the operator; none declared: those of the owner class."""
    found: dict[str, str] = {}
    home = context.scenario.country
    if host.owner_parent is not None:
        found["owner"] = found["law"] = parent_value(context, home, host.owner_parent)
    if host.operator_parent is not None and host.operator_parent != home:
        found["operator"] = parent_value(context, home, host.operator_parent)
    return found


def compute_sovereignty(attributes: dict[str, str]) -> dict[str, bool]:
    """Oxford's three levels of compute sovereignty: territory, provider's and chip vendor's nationality.

    Each says whether it is domestic; the scheme has no weights. Source: Hawkins, Lehdonvirta and Wu (2025).
    """
    return {
        "territory": attributes["site"] == "home",
        "provider": attributes["owner"] == "domestic",
        "chips": attributes["chip"] == "domestic",
    }
