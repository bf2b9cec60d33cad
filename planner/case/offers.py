"""Offers: which host may run which stack on which system for which workload, and why not.

Everything the model may choose from is a row here; everything left out is a row of ``why_not``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from planner.case.columns import empty_table, kind_of, records
from planner.case.context import Context, keyed
from planner.case.cooling import cooling_gap
from planner.case.demand import TRAINING_KINDS
from planner.case.efficiency import efficiency_gaps
from planner.case.gates import never_ready
from planner.case.heat_reuse import reuse_gap
from planner.case.in_force import closed_by_hub
from planner.case.levels import Offer, best_values
from planner.case.licensing import LicenceNeed, licence_need, operator_parent
from planner.case.locality import (
    Rule,
    home_copy_musd_per_k_year,
    home_of,
    place_allowed,
    rtt_ms,
    rule_for,
)
from planner.case.rates import confidential_factor, least_accelerators, relative_rate
from planner.case.requests import request_of
from planner.case.scoring import Scorer
from planner.case.throughput import Throughput
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue
from planner.scenario.schema import Host, Workload

SCORE_COLUMNS = ["sigma_v121", "sigma_equal", "answers"]
"""Scores as seen from the home of a workload's data; in a hub they differ by workload."""


class WhyNot:
    """Collects the reason for every combination left out; a field left empty means all."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, reason: str, detail: str, w: str = "", h: str = "", a: str = "", k: str = "") -> None:
        row = {"workload": w, "host": h, "stack": a, "system": k, "reason": reason, "detail": detail}
        self.rows.append(row)

    def allow(self, opened: pd.DataFrame) -> None:
        """Take out what an agreement may open: pairs with columns w, h, a, k."""
        allowed = set(zip(*(opened[c] for c in ("w", "h", "a", "k")), strict=True))
        keys = ("workload", "host", "stack", "system")
        self.rows = [row for row in self.rows if tuple(row[k] for k in keys) not in allowed]

    def table(self) -> pd.DataFrame:
        columns = ["workload", "host", "stack", "system", "reason", "detail"]
        return pd.DataFrame(self.rows, columns=columns) if self.rows else empty_table(columns)


def stack_gap(catalog: Catalog, stack: str, mode: str, owner_class: str) -> tuple[str, str]:
    """Why a stack cannot be had at a host of this mode and owner: reason and words, both empty where it can."""
    row = catalog.table("stacks").loc[stack]
    if mode not in str(row["modes"]).split(";"):
        return "mode", f"{stack} is not offered as {mode}"
    if owner_class not in str(row["owner_classes"]).split(";"):
        return "owner", f"{stack} is not run by a {owner_class}"
    return "", ""


def offer_table(context: Context, why: WhyNot) -> pd.DataFrame:
    """(h, a) -> mode, owner_class, operator, site, country."""
    chosen = {s.id for s in context.scenario.stacks}
    rows = []
    for h in context.scenario.hosts:
        for a in h.stacks:
            if a not in chosen:
                continue
            reason, detail = stack_gap(context.catalog, a, h.mode, h.owner_class)
            if reason:
                why.add(reason, detail, h=h.id, a=a)
            else:
                rows.append((h.id, a, h.mode, h.owner_class, h.operator, h.site, context.host_country(h)))
    return keyed(rows, ["h", "a"], ["mode", "owner_class", "operator", "p", "country"])


def system_gap(context: Context, host: Host, stack: str, system: str) -> tuple[str, str]:
    """Why a host cannot offer a stack on a system, whatever the licences: reason and words, or both empty."""
    row = context.catalog.table("systems").loc[system]
    vendor = str(context.catalog.value("accelerators", row["accelerator_id"], "vendor"))
    if host.systems is not None and system not in host.systems:
        return "host", "the host does not offer it"
    if vendor not in str(context.catalog.value("stacks", stack, "vendors")).split(";"):
        return "stack", f"{stack} does not support {vendor} accelerators"
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
    scorer = Scorer(context)
    rows = []
    for offer in records(offers):
        host = hosts[str(offer.h)]
        for k in [*buyable, *held]:
            accelerator = str(context.catalog.value("systems", k, "accelerator_id"))
            licence = licence_need(context, host, accelerator, str(offer.a), k)
            reason, detail = system_gap(context, host, str(offer.a), k)
            shut = [*map(str, efficiency_gaps(context, host)), reuse_gap(context, host)]
            if not reason and any(shut):
                reason, detail = "efficiency", "; ".join(filter(None, shut))
            if licence.refused and reason not in ("host", "stack"):
                reason, detail = "licence", licence.why
            here = (offer.h, offer.a, k) in existing
            if reason and not here:
                why.add(reason, detail, h=host.id, a=str(offer.a), k=k)
                continue
            rows.append(
                _system_row(
                    context, scorer, offer, host, k, accelerator, licence, k in buyable and not reason
                )
            )
    table = pd.DataFrame(rows, columns=SYSTEM_COLUMNS)
    table["free_until"] = table["free_until"].astype(kind_of("free_until"))
    return keyed(table, ["h", "a", "k"], [])


SYSTEM_COLUMNS = [
    "h", "a", "k", "mode", "owner_class", "operator", "p", "country", "vendor", "accelerator", "chip_origin",
    "operator_parent", "domestic_chip", "buyable", "licensed", "licence_months", "free_until", "licence_why",
    "reciprocal_share", "security_musd_per_k", "monitoring_musd_per_k_year", "sigma", "sigma_v121", "sigma_equal", "seal",
    "seal_strict", "seal_binding", "answers", "territory_home", "provider_home", "chips_home", "effectiveness",
]  # fmt: skip


def _system_row(
    context: Context, scorer: Scorer, offer: Any, host: Host, k: str, accelerator: str, licence: LicenceNeed,
    buyable: bool,
) -> tuple[Any, ...]:  # fmt: skip
    home = context.scenario.country
    chip = context.catalog.table("accelerators").loc[accelerator]
    origin = str(chip["origin_iso3"])
    s = scorer.scores(host, str(offer.a), accelerator, licence.required, home)
    effectiveness = context.pick(host.effectiveness, "owner_classes", host.owner_class, "effectiveness")
    return (
        offer.h, offer.a, k, offer.mode, offer.owner_class, offer.operator, offer.p, offer.country,
        str(chip["vendor"]), accelerator, origin, operator_parent(context, host), origin == home, buyable,
        licence.required, licence.lead_months, pd.Timestamp(licence.free_until or pd.NaT), licence.why,
        licence.reciprocal_share,
        licence.security_usd_per_accelerator / 1e3, licence.monitoring_usd_per_accelerator_year / 1e3,
        s.sigma, s.sigma_v121, s.sigma_equal, s.seal, s.seal_strict, s.seal_binding, s.answers,
        s.territory, s.provider, s.chips, float(effectiveness),
    )  # fmt: skip


def _pair_blocker(
    context: Context,
    w: Workload,
    rule: Rule,
    row: Any,
    seal: int,
    holders: str,
    latency_ms: float,
    max_rtt: float,
) -> tuple[str, str]:
    if not place_allowed(context, w, rule, str(row.country)):
        return (
            "locality",
            f"{rule.where} rule of {home_of(context, w)} ({rule.basis}) forbids compute in {row.country}",
        )
    if latency_ms > max_rtt:
        return "latency", f"round trip {latency_ms:.0f} ms above {max_rtt:.0f} ms"
    if closed := never_ready(context, w, str(row.a)):
        return "layer", closed
    floor = context.scenario.control.floors.get(w.data_class, 0)
    if seal < floor:
        factors = context.catalog.table("control_criteria")["factor"]
        told = ", ".join(f"{one} ({factors[one]})" for one in holders.split(", ") if one)
        return "seal", f"SEAL {seal} below the floor {floor} of {w.data_class}; held down by criterion {told}"
    chip = partial(context.catalog.value, "accelerators", row.accelerator)
    if w.kind in TRAINING_KINDS and not bool(chip("training_capable")):
        return "chip", "inference-only chip"
    if rule.protection == "confidential-computing" and str(chip("confidential_computing")) == "none":
        return "protection", "chip has no confidential computing"
    if w.kind not in TRAINING_KINDS and not _model_fits(context, w, row):
        return "memory", f"model class {w.model_class} does not fit the memory of one {row.k}"
    return "", ""


def _model_fits(context: Context, w: Workload, row: Any) -> bool:
    key = ("least accelerators", w.id, row.accelerator, row.a)
    if key not in context.memo:
        request, chip, stack = request_of(context, w), str(row.accelerator), str(row.a)
        context.memo[key] = least_accelerators(context.catalog, w.model_class, chip, stack, request)
    least: int = context.memo[key]
    return 0 < least <= int(context.catalog.value("systems", row.k, "n_accelerators"))


def serve_pairs(context: Context, systems: pd.DataFrame, throughput: Throughput, why: WhyNot) -> pd.DataFrame:
    """(w, h, a, k) -> relative rate before software gain, derate and method."""
    sites = {s.id: s for s in context.scenario.sites}
    hosts = {h.id: h for h in context.scenario.hosts}
    scorer = Scorer(context)
    rows = []
    for w in context.scenario.demand:
        rule = rule_for(context, w)
        limit = context.catalog.value("latency_classes", w.latency_class, "max_rtt_ms")
        max_rtt = float("inf") if pd.isna(limit) else float(limit)
        home = home_of(context, w)
        rtt = {p: rtt_ms(context, home, context.place(s)) for p, s in sites.items()}
        for row in records(systems):
            if hub := closed_by_hub(context, str(row.h)):
                why.add("agreement", f"only under {hub}", w=w.id, h=str(row.h), a=str(row.a), k=str(row.k))
                continue
            s = scorer.scores(hosts[str(row.h)], str(row.a), str(row.accelerator), bool(row.licensed), home)
            seal, holders = s.seal, s.seal_binding
            if levels := best_values(context, hosts[str(row.h)]):
                seal, holders = scorer.held(Offer(w.id, str(row.h), str(row.a), s.answers), levels)
            reason, detail = _pair_blocker(context, w, rule, row, seal, holders, rtt[str(row.p)], max_rtt)
            if reason:
                why.add(reason, detail, w=w.id, h=str(row.h), a=str(row.a), k=str(row.k))
                continue
            try:
                relative, method, measured_on = relative_rate(
                    context, throughput, w, str(row.accelerator), str(row.a)
                )
            except BadValue as error:  # the estimate says why this chip cannot serve such requests
                why.add("speed", str(error), w=w.id, h=str(row.h), a=str(row.a), k=str(row.k))
                continue
            derate = confidential_factor(context, w, str(row.accelerator), rule.protection)
            copy = home_copy_musd_per_k_year(context, rule, home, str(row.country))
            rows.append(
                (w.id, row.h, row.a, row.k, relative * float(row.effectiveness), derate, method, measured_on,
                 s.sigma, s.seal, copy, s.sigma_v121, s.sigma_equal, s.answers)
            )  # fmt: skip
    columns = ["relative", "derate", "method", "measured_on", "sigma", "seal", "home_copy_musd_per_k_year",
               *SCORE_COLUMNS]  # fmt: skip
    return keyed(rows, ["w", "h", "a", "k"], columns)
