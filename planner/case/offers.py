"""Offers: which host may run which stack on which system for which workload, and why not.

Everything the model may choose from is a row here; everything left out is a row of ``why_not``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from planner.case import control
from planner.case.context import Context, keyed
from planner.case.demand import TRAINING_KINDS, reference_of
from planner.case.licensing import LicenceNeed, licence_need
from planner.case.locality import place_allowed, rtt_ms, rule_for
from planner.case.throughput import SoftwareGain, Throughput
from planner.scenario import Host, Workload

COLOCATION_COOLING = ["air-chilled-water"]


class WhyNot:
    """Collects the reason for every combination left out; a field left empty means all."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, reason: str, detail: str, w: str = "", h: str = "", a: str = "", k: str = "") -> None:
        row = {"workload": w, "host": h, "stack": a, "system": k, "reason": reason, "detail": detail}
        self.rows.append(row)

    def table(self) -> pd.DataFrame:
        columns = ["workload", "host", "stack", "system", "reason", "detail"]
        return pd.DataFrame(self.rows, columns=columns)


def technologies(context: Context, host: Host) -> list[str]:
    """Cooling technologies at a host: its own list, else all for a build, room air for colocation."""
    if host.cooling is not None:
        return list(host.cooling)
    return list(context.catalog.table("cooling").index) if host.mode == "build" else COLOCATION_COOLING


def media_needed(context: Context, system: str) -> dict[str, float]:
    """Share of a system's heat by medium: liquid, and air (dense air above the room-air limit)."""
    row = context.catalog.table("systems").loc[system]
    liquid = float(row["liquid_share"])
    air_kw = (1.0 - liquid) * float(row["rack_kw"])
    room = context.catalog.value("cooling", "air-chilled-water", "max_rack_kw")
    medium = "air" if air_kw <= float(room) + 1e-9 else "dense-air"
    return {m: s for m, s in ((medium, 1.0 - liquid), ("liquid", liquid)) if s > 1e-9}


def cooling_gap(context: Context, host: Host, system: str) -> str:
    """Empty where the host's technologies carry the system's heat; else what is missing."""
    cooling = context.catalog.table("cooling")
    rack_kw = float(context.catalog.value("systems", system, "rack_kw"))
    for medium in media_needed(context, system):
        carriers = [
            c for c in technologies(context, host) if medium in str(cooling.loc[c, "media"]).split(";")
        ]
        if not carriers:
            return f"no technology at the host carries {medium} heat"
        if medium == "liquid" and all(float(cooling.loc[c, "max_rack_kw"]) < rack_kw for c in carriers):
            return f"racks of {rack_kw:.0f} kW exceed what {', '.join(carriers)} can cool"
    return ""


def offer_table(context: Context, why: WhyNot) -> pd.DataFrame:
    """(h, a) -> mode, owner_class, operator, site, country, control profile."""
    chosen = {s.id for s in context.scenario.stacks}
    rows = []
    for h in context.scenario.hosts:
        for a in h.stacks:
            if a not in chosen:
                continue
            stack = context.catalog.table("stacks").loc[a]
            if h.mode not in str(stack["modes"]).split(";"):
                why.add("mode", f"{a} is not offered as {h.mode}", h=h.id, a=a)
            elif h.owner_class not in str(stack["owner_classes"]).split(";"):
                why.add("owner", f"{a} is not run by a {h.owner_class}", h=h.id, a=a)
            else:
                rows.append((h.id, a, h.mode, h.owner_class, h.operator, h.site, context.host_country(h)))
    return keyed(rows, ["h", "a"], ["mode", "owner_class", "operator", "p", "country"])


def _system_blocker(
    context: Context, host: Host, stack: str, system: str, licence: LicenceNeed
) -> tuple[str, str]:
    row = context.catalog.table("systems").loc[system]
    vendor = str(context.catalog.value("accelerators", row["accelerator_id"], "vendor"))
    if host.systems is not None and system not in host.systems:
        return "host", "the host does not offer it"
    if vendor not in str(context.catalog.value("stacks", stack, "vendors")).split(";"):
        return "stack", f"{stack} does not support {vendor} accelerators"
    if licence.refused:
        return "licence", licence.why
    if host.mode == "cloud":
        choice = next((s for s in context.scenario.systems if s.id == system), None)
        own = choice.rent_usd_per_accelerator_hour if choice else None
        if own is None and pd.isna(row["rent_usd_per_accelerator_hour"]):
            return "rent", "no published rent"
        return "", ""
    gap = cooling_gap(context, host, system)
    return ("cooling", gap) if gap else ("", "")


def system_offers(context: Context, offers: pd.DataFrame, why: WhyNot) -> pd.DataFrame:
    """(h, a, k) -> licence months, sigma (0-1, three weightings), seal, vendor, per-accelerator facts."""
    hosts = {h.id: h for h in context.scenario.hosts}
    existing = {(f.host, f.stack, f.system) for f in context.scenario.existing.fleets}
    existing |= {(f.host, f.stack, f.system) for f in context.scenario.existing.contracts}
    buyable = [s.id for s in context.scenario.systems]
    held = [k for k in dict.fromkeys(key[2] for key in sorted(existing)) if k not in buyable]
    rows = []
    for offer in offers.itertuples():
        host = hosts[str(offer.h)]
        for k in [*buyable, *held]:
            accelerator = str(context.catalog.value("systems", k, "accelerator_id"))
            licence = licence_need(context, host, accelerator)
            reason, detail = _system_blocker(context, host, str(offer.a), k, licence)
            here = (offer.h, offer.a, k) in existing
            if reason and not here:
                why.add(reason, detail, h=host.id, a=str(offer.a), k=k)
                continue
            rows.append(
                _system_row(context, offer, host, k, accelerator, licence, k in buyable and not reason)
            )
    return keyed(pd.DataFrame(rows, columns=SYSTEM_COLUMNS), ["h", "a", "k"], [])


SYSTEM_COLUMNS = [
    "h", "a", "k", "mode", "owner_class", "operator", "p", "country", "vendor", "accelerator", "domestic_chip",
    "buyable", "licence_months", "licence_why", "sigma", "sigma_v121", "sigma_equal", "seal", "seal_strict",
    "seal_binding", "effectiveness", "answers",
]  # fmt: skip


def _system_row(
    context: Context, offer: Any, host: Host, k: str, accelerator: str, licence: LicenceNeed, buyable: bool
) -> tuple[Any, ...]:
    scenario = context.scenario
    chip = context.catalog.table("accelerators").loc[accelerator]
    domestic = str(chip["origin_iso3"]) == scenario.country
    profile = str(context.catalog.value("stacks", offer.a, "control_profile"))
    abroad = profile.replace("-home", "-abroad")
    if offer.country != scenario.country and abroad in context.catalog.table("control_profiles").index:
        profile = abroad
    answers = control.offer_answers(context.catalog, scenario.control, host.id, offer.a, profile, domestic)
    if licence.required:
        answers[1][3] = 1  # criterion 2.4: export restrictions bite on the state itself
    criteria = control.prepare_criteria(context.catalog)
    scores = [
        control.score(answers, weighting, criteria) / 100.0
        for weighting in (scenario.control.weighting, "v1.2.1", "equal")
    ]
    seal, holders = control.binding(answers, scenario.control.exclude, criteria)
    effectiveness = context.pick(host.effectiveness, "owner_classes", host.owner_class, "effectiveness")
    return (
        offer.h, offer.a, k, offer.mode, offer.owner_class, offer.operator, offer.p, offer.country,
        str(chip["vendor"]), accelerator, domestic, buyable, licence.lead_months, licence.why, *scores,
        seal, control.seal(answers, (), criteria), ", ".join(holders), float(effectiveness),
        ";".join("".join(map(str, levels)) for levels in answers),
    )  # fmt: skip


def _pair_blocker(
    context: Context, w: Workload, rule: Any, row: Any, latency_ms: float, max_rtt: float
) -> tuple[str, str]:
    home = w.country or context.scenario.country
    if not place_allowed(rule, home, row.country, context.scenario.control.trusted_region):
        return "locality", f"{rule.where} rule ({rule.basis}) forbids compute in {row.country}"
    if latency_ms > max_rtt:
        return "latency", f"round trip {latency_ms:.0f} ms above {max_rtt:.0f} ms"
    floor = context.scenario.control.floors.get(w.data_class, 0)
    if row.seal < floor:
        return (
            "seal",
            f"SEAL {row.seal} below the floor {floor} of {w.data_class}; held by {row.seal_binding}",
        )
    chip = context.catalog.table("accelerators").loc[row.accelerator]
    if w.kind in TRAINING_KINDS and not bool(chip["training_capable"]):
        return "chip", "inference-only chip"
    if rule.protection == "confidential-computing" and str(chip["confidential_computing"]) == "none":
        return "protection", "chip has no confidential computing"
    if w.kind not in TRAINING_KINDS and not _model_fits(context, w, row):
        return "memory", f"model class {w.model_class} does not fit the memory of one {row.k}"
    return "", ""


def _model_fits(context: Context, w: Workload, row: Any) -> bool:
    model = context.catalog.table("model_classes").loc[w.model_class]
    system = context.catalog.table("systems").loc[row.k]
    memory = float(system["n_accelerators"]) * float(
        context.catalog.value("accelerators", row.accelerator, "usable_mem_gb")
    )
    need = (
        float(model["params_total_b"]) * float(model["bytes_per_param"]) * float(model["kv_overhead_factor"])
    )
    return bool(need <= memory)


def serve_pairs(context: Context, systems: pd.DataFrame, throughput: Throughput, why: WhyNot) -> pd.DataFrame:
    """(w, h, a, k) -> relative rate before software gain, derate and method."""
    sites = {s.id: s for s in context.scenario.sites}
    rows = []
    for w in context.scenario.demand:
        rule = rule_for(context, w)
        limit = context.catalog.value("latency_classes", w.latency_class, "max_rtt_ms")
        max_rtt = float("inf") if pd.isna(limit) else float(limit)
        rtt = {p: rtt_ms(context, w.country or context.scenario.country, s.metro) for p, s in sites.items()}
        for row in systems.itertuples():
            reason, detail = _pair_blocker(context, w, rule, row, rtt[str(row.p)], max_rtt)
            if reason:
                why.add(reason, detail, w=w.id, h=str(row.h), a=str(row.a), k=str(row.k))
                continue
            relative, method, measured_on = relative_rate(context, throughput, w, str(row.accelerator))
            derate = confidential_factor(context, w, str(row.accelerator), rule.protection)
            rows.append(
                (w.id, row.h, row.a, row.k, relative * float(row.effectiveness), derate, method, measured_on)
            )
    return keyed(rows, ["w", "h", "a", "k"], ["relative", "derate", "method", "measured_on"])


def relative_rate(
    context: Context, throughput: Throughput, w: Workload, accelerator: str
) -> tuple[float, str, pd.Timestamp | None]:
    """Rate of a chip for a workload relative to the workload's reference accelerator."""
    reference = reference_of(context, w)
    if w.kind in TRAINING_KINDS:
        ratio = throughput.training_flops(accelerator) / throughput.training_flops(reference)
        return ratio, "peak flops", None
    scenario = str(context.catalog.value("latency_classes", w.latency_class, "scenario"))
    rate = throughput.serving(w.model_class, scenario, accelerator)
    base = throughput.serving(w.model_class, scenario, reference)
    return rate.tokens_per_s / base.tokens_per_s, rate.method, rate.measured_on


def confidential_factor(context: Context, w: Workload, accelerator: str, protection: str) -> float:
    """Throughput kept under confidential computing, by chip generation and use; 1 where not needed."""
    if protection != "confidential-computing":
        return 1.0
    generation = str(context.catalog.value("accelerators", accelerator, "confidential_computing"))
    use = "training" if w.kind in TRAINING_KINDS else "serving"
    table = context.catalog.table("confidential_computing")
    row = table[(table["generation"] == generation) & (table["use"] == use)]
    return float(row[f"throughput_factor_{context.level}"].iloc[0])


def rates_over_time(context: Context, pairs: pd.DataFrame, systems: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Expand (w, h, a, k) to periods: rate = relative x derate x software gain of the chip generation."""
    gain = SoftwareGain(context.catalog, context.level)
    accelerators = context.catalog.table("accelerators")
    when = np.array([context.calendar.year_fraction(t) for t in range(context.calendar.n)])
    factor: dict[tuple[str, Any], np.ndarray] = {}
    for pair in pairs.itertuples():
        accelerator = str(systems.loc[(pair.h, pair.a, pair.k), "accelerator"])
        key = (accelerator, pair.measured_on)
        if key not in factor:
            released = pd.Timestamp(accelerators.loc[accelerator, "released"])
            stamp = None if pd.isna(pair.measured_on) else pair.measured_on
            factor[key] = gain.factor(released, stamp, when)
        yield pd.DataFrame(
            {
                "w": pair.w,
                "h": pair.h,
                "a": pair.a,
                "k": pair.k,
                "t": np.arange(context.calendar.n),
                "rate": pair.relative * pair.derate * factor[key],
            }
        )
