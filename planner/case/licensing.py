"""Export licensing: which chips need a licence for which buyer, how long it takes, what it asks, what it caps.

The control class follows from total processing performance and performance density (ECCN 3A090). A licence is
needed where the destination lies in Country Groups D:1, D:4 or D:5, or where the ultimate parent of the owner
or of the operator lies in D:5, which is treated as refused but for what is reviewed case by case; parties on a
list are excepted (``export_rules``). Planning data, not legal advice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from planner.case.columns import records
from planner.case.context import Context
from planner.case.export_rules import CONTROLLED_ORIGIN, case_by_case, exception_of, package_gap
from planner.case.in_force import LICENCE, PROGRAMME, covered, gives, in_force, programme_open
from planner.scenario.schema import Host, Quota, QuotaStep

NONE = "none"
STRICTEST_FIRST = ("3a090a", "3a090b")
CASES = {"fast": "low", "base": "mid", "stress": "high"}
TIER_UNIT = "gb300"
LISTED_CLOSED, LISTED = "d5", "d1-d4"
UNLIMITED = 1e7
"""Accelerators no country orders: a ceiling while an exception holds."""


@dataclass(frozen=True)
class LicenceNeed:
    """Whether a licence is needed, its lead time in months, and whether it can be had at all.

    ``free_until`` is the day up to which a listed party may order without the licence that it needs later.
    """

    required: bool
    lead_months: float
    refused: bool
    why: str
    reciprocal_share: float = 0.0
    security_usd_per_accelerator: float = 0.0
    monitoring_usd_per_accelerator_year: float = 0.0
    free_until: date | None = None


FREE = LicenceNeed(False, 0.0, False, "chip is not of controlled origin")


def control_class(context: Context, accelerator: str) -> str:
    """3a090a, 3a090b or none; a chip whose density is not known takes the strictest class it may have."""
    key = ("control class", accelerator)
    if key not in context.memo:
        context.memo[key] = _control_class(context, accelerator)
    return str(context.memo[key])


def _control_class(context: Context, accelerator: str) -> str:
    tpp = float(context.catalog.value("accelerators", accelerator, "tpp"))
    density_table = context.catalog.table("chip_density")
    known = accelerator in density_table.index
    density = float(density_table.loc[accelerator, "performance_density"]) if known else None
    found = _class_of(context.catalog.table("control_classes"), tpp, density)
    if not known and found != _class_of(context.catalog.table("control_classes"), tpp, 0.0):
        context.assumed.append(
            {
                "item": f"export control class of {accelerator}",
                "value": found,
                "why": "performance density not known: strictest class its performance allows",
            }
        )
    return found


def _class_of(rules: pd.DataFrame, tpp: float, density: float | None) -> str:
    """Strictest class whose thresholds hold; without a density every density is possible."""
    matches = set()
    for rule in records(rules):
        fits = rule.tpp_min <= tpp and (pd.isna(rule.tpp_below) or tpp < rule.tpp_below)
        if density is not None:
            fits &= pd.isna(rule.density_min) or density >= rule.density_min
            fits &= pd.isna(rule.density_below) or density < rule.density_below
        if fits:
            matches.add(str(rule.control_class))
    return next((name for name in STRICTEST_FIRST if name in matches), NONE)


def country_group(context: Context, iso3: str) -> str:
    """Export country group; a country not listed is unrestricted."""
    if "country groups" not in context.memo:
        rows = context.catalog.table("licensing").drop_duplicates("iso3")
        context.memo["country groups"] = dict(
            zip(rows["iso3"], rows["country_group"].astype(str), strict=True)
        )
    return str(context.memo["country groups"].get(iso3, "unrestricted"))


def parents(context: Context, host: Host) -> list[str]:
    """Countries of the ultimate parents of owner and operator, as declared or by owner class."""
    of_class = context.catalog.value("owner_classes", host.owner_class, "parent_iso3")
    default = [str(of_class)] if isinstance(of_class, str) else []
    declared = [p for p in (host.owner_parent, host.operator_parent) if p is not None]
    both = host.owner_parent is not None and host.operator_parent is not None
    return list(dict.fromkeys(declared if both else declared + default))


def operator_parent(context: Context, host: Host) -> str:
    """Country whose law reaches the operator: its declared parent, its owner class's, else the partner country."""
    of_class = context.catalog.value("owner_classes", host.owner_class, "parent_iso3")
    default = str(of_class) if isinstance(of_class, str) else context.scenario.country
    return host.operator_parent or host.owner_parent or default


def lead_level(context: Context, stack: str | None, system: str | None = None) -> str:
    """low, mid or high lead: the licence case of the scenario; fast for a package of the export programme."""
    licence = context.scenario.supply.licence
    if stack is not None and programme_open(context) and not package_gap(context, stack, system):
        return "low"
    return CASES[licence.case] if licence.case is not None else context.level


def licence_need(
    context: Context, host: Host, accelerator: str, stack: str | None = None, system: str | None = None
) -> LicenceNeed:
    """Need of one host (and stack, and system) for one chip under the regime of the scenario."""
    chip = context.catalog.table("accelerators").loc[accelerator]
    licence = context.scenario.supply.licence
    if chip["origin_iso3"] != CONTROLLED_ORIGIN:
        return FREE
    destination = context.host_country(host)
    group = country_group(context, destination)
    closed = [p for p in parents(context, host) if country_group(context, p) == LISTED_CLOSED]
    if closed:
        group = LISTED_CLOSED
    rules = context.catalog.table("licence_rules")
    rule = rules[
        (rules["country_group"] == group) & (rules["control_class"] == control_class(context, accelerator))
    ]
    required = bool(rule["required"].iloc[0]) if len(rule) else False
    lead_rows = rule if required else rules[(rules["country_group"] == LISTED) & rules["required"]]
    tier_share, test_usd, why = 0.0, 0.0, f"licence needed ({group})"
    excepted = exception_of(context, host, parents(context, host)) if required and not closed else None
    if excepted and licence.mode == "auto" and excepted.until is None:
        return LicenceNeed(False, 0.0, False, f"no licence needed: exception {excepted.key}")
    free_until = excepted.until if excepted else None
    refused = group == LISTED_CLOSED and licence.mode == "auto"
    review = case_by_case(context, host, accelerator, closed) if refused and required else None
    if review is not None:
        lead_rows, refused = review.to_frame().T, False
        test_usd, why = float(review["test_usd_per_accelerator"]), "licence reviewed case by case"
    if licence.regime == "draft-tiers" and destination != CONTROLLED_ORIGIN and not required:
        lead_rows, tier_share = _tier(context)
        required, why = True, f"licence needed (draft tier {lead_rows['tier'].iloc[0]})"
    if licence.mode != "auto":
        required = licence.mode == "required"
    if not required:
        return LicenceNeed(False, 0.0, False, f"no licence needed ({group})")
    lead = licence.lead_months
    if lead is None:
        lead = float(lead_rows[f"lead_months_{lead_level(context, stack, system)}"].iloc[0])
    lead = min([lead, *_agreed_leads(context, host, chip, destination, stack, system, lead_rows)])
    if refused:
        why += f": parent in {', '.join(closed)}" if closed else f": destination {destination}"
    share, security, monitoring = _conditions(context, destination, tier_share)
    return LicenceNeed(True, float(lead), refused, why, share, security + test_usd, monitoring, free_until)


def _agreed_leads(
    context: Context,
    host: Host,
    chip: pd.Series,
    destination: str,
    stack: str | None,
    system: str | None,
    rules: pd.DataFrame,
) -> Iterator[float]:
    """Lead times of licences under the agreements in force, in months; a package takes the fast way of the rules."""
    for a in in_force(context):
        spoken_of = covered(
            a.covers, h=host.id, owner_class=host.owner_class, a=stack, k=system, vendor=str(chip["vendor"]),
            chip_origin=str(chip["origin_iso3"]), country=destination,
        )  # fmt: skip
        if not gives(context, a, LICENCE) or not spoken_of:
            continue
        if a.kind == PROGRAMME and (stack is None or package_gap(context, stack)):
            continue
        if a.licence_months is not None:
            yield a.licence_months
        elif a.kind == PROGRAMME:
            yield float(rules["lead_months_low"].iloc[0])


def _conditions(context: Context, destination: str, tier_share: float) -> tuple[float, float, float]:
    """Investment asked per USD of hardware, security package and monitoring per accelerator."""
    if not context.scenario.supply.licence.conditions:
        return 0.0, 0.0, 0.0
    table = context.catalog.table("licence_conditions")
    row = table.loc[destination if destination in table.index else "*"]
    return (
        max(float(row["reciprocal_share"]), tier_share),
        float(row[f"security_usd_per_accelerator_{context.level}"]),
        float(row[f"monitoring_usd_per_accelerator_year_{context.level}"]),
    )


def _tier(context: Context) -> tuple[pd.DataFrame, float]:
    """Tier of the withdrawn draft by the national fleet the demand asks for, in GB300-equivalents."""
    tpp = context.catalog.table("accelerators")["tpp"]
    units = national_fleet(context) * float(tpp[context.scenario.supply.reference]) / float(tpp[TIER_UNIT])
    table = context.catalog.table("licence_tiers").sort_values("accelerators_min")
    row = table[table["accelerators_min"] <= units].tail(1)
    return row, float(row["reciprocal_share"].iloc[0])


def national_fleet(context: Context) -> float:
    """Largest total demand of a period in reference-accelerator equivalents (all workloads, any host)."""
    from planner.case.demand import demand_table  # imports throughput, which no other licence rule needs
    from planner.case.throughput import Throughput

    wanted = demand_table(context, Throughput.of(context.scenario, context.catalog))
    return 1000.0 * float(wanted.groupby("t")["demand_kref"].sum().max()) if len(wanted) else 0.0


def licence_quotas(context: Context) -> list[Quota]:
    """What agreements and licences let the hosts of the scenario import, from the catalog."""
    chosen = context.scenario.supply.licence.quotas
    table = context.catalog.table("licence_quotas")
    accelerators = context.catalog.table("accelerators")
    vendors = sorted(
        set(accelerators.loc[accelerators["origin_iso3"] == CONTROLLED_ORIGIN, "vendor"].astype(str))
    )
    quotas = []
    for row in records(table[table["kind"] == chosen]):
        counted = [
            h
            for h in context.scenario.hosts
            if h.mode != "cloud"
            and context.host_country(h) == row.iso3
            and h.owner_class in str(row.owner_classes).split(";")
        ]
        excepted = {h.id: exception_of(context, h, parents(context, h)) for h in counted}
        hosts = [h.id for h in counted if not ((e := excepted[h.id]) and e.until is None)]
        if not hosts:
            continue
        amount, unit = float(row.accelerators), "accelerators"
        if isinstance(row.equivalent_of, str):
            reference = context.scenario.supply.reference
            amount *= float(accelerators.loc[row.equivalent_of, "tpp"] / accelerators.loc[reference, "tpp"])
            unit = "equivalents"
        start = max(pd.Timestamp(row.since).date(), context.calendar.start)
        ends = [e.until for h in hosts if (e := excepted[h]) and e.until]
        steps = [(start, amount)]
        if ends and max(ends) > start:
            steps = [(start, UNLIMITED), (max(ends), amount)]
        path = [QuotaStep.model_validate({"from": day, "accelerators": n}) for day, n in steps]
        quotas.append(
            Quota(id=str(row.quota_id), hosts=hosts, vendors=vendors, unit=unit, per=row.per, path=path)
        )
    return quotas if chosen == "none" else quotas + _rival_supply(context)


def _rival_supply(context: Context) -> list[Quota]:
    """What a rival ecosystem exports to one country in a year, where a system of its makers may be bought."""
    chips = context.catalog.table("accelerators")
    closed = chips["origin_iso3"].map(lambda iso3: country_group(context, str(iso3)) == LISTED_CLOSED)
    vendors = sorted(set(chips.loc[closed, "vendor"].astype(str)))
    makers = {
        str(chips.loc[context.catalog.value("systems", s.id, "accelerator_id"), "vendor"])
        for s in context.scenario.systems
    }
    home = set(chips.loc[chips["vendor"].isin(makers & set(vendors)), "origin_iso3"])
    if not home - {context.scenario.country}:  # none of theirs, or made at home: nothing is imported
        return []
    amount = context.param("rival_accelerators_per_year")
    step = QuotaStep.model_validate({"from": context.calendar.start, "accelerators": amount})
    return [Quota(id="rival-supply", vendors=vendors, unit="accelerators", per="year", path=[step])]


def rival_pairs(context: Context, systems: pd.DataFrame) -> list[tuple[str, str]]:
    """Stacks that exclude one another nationally: rival chips against licensed (or all) US chips."""
    rule = context.scenario.supply.licence.rival_excludes
    if rule == "none" or not len(systems):
        return []
    origin = systems["accelerator"].map(context.catalog.table("accelerators")["origin_iso3"])
    rival = origin.map(lambda iso3: country_group(context, str(iso3)) == LISTED_CLOSED)
    american = origin == CONTROLLED_ORIGIN
    if rule == "licensed":
        american &= systems["licensed"].astype(bool)
    rivals = list(dict.fromkeys(systems.loc[rival, "a"]))
    others = list(dict.fromkeys(systems.loc[american, "a"]))
    return [(a, b) for a in rivals for b in others if a != b]
