"""Every table of the case: its index, its columns and what they mean. Topics declare their own beside the builders."""

from __future__ import annotations

from planner.case import (
    agreements,
    bridge,
    carbon,
    cooling,
    efficiency,
    exits,
    gates,
    halls,
    heat_reuse,
    holdings,
    levels,
    plant,
    power,
    ppa,
    redundancy,
    refits,
    renewable,
    resilience,
    sites,
    storage,
    tariff,
    training_work,
)
from planner.case.commitments import TAIL
from planner.case.registry import ACCOUNTS, HARDWARE
from planner.case.table import Table

SCORES = {
    "sigma_v121": "score under the framework's own weights, 0..1", "sigma_equal": "score under equal weights, 0..1",
    "answers": "answers the score rests on",
}  # fmt: skip
SCHEMA: dict[str, Table] = {
    "periods": Table(("t",), {
        "label": "name of the period", "start": "first day", "year": "calendar year", "months": "length in months",
        "years": "length in years", "hours": "length in hours", "steps": "length in steps, the shortest period",
        "discount": "factor of the middle of its steps, their mean",
    }),
    "slices": Table(("t", "s"), {
        "hours": "hours of the slice in the period",
        "design": "whether it is the design slice, which has no hours",
    }),
    "workloads": Table(("w",), {
        "country": "whose demand it is", "kind": "inference, training, ...", "sector": "sector", "body": "body",
        "data_class": "class of its data", "latency_class": "class of its latency", "model_class": "class of its model",
        "priority": "weight of its wait; all add up to 1", "preemptible": "whether it may wait for a quiet hour",
        "must_t": "first period in which all must be served", "optional": "whether it may be left out",
        "may_lapse": "whether its service may fall",
        "reference": "reference accelerator", "tokens_per_s_per_ref": "tokens per second of a reference accelerator",
        "survive_t": "first period in which a loss must be survived",
    }),
    "demand": Table(("w", "t"), {
        "demand_kref": "thousands of reference accelerators",
        "carried_kref": "the part of it that was asked for in the period before too; 0 for training",
        "users": "users asked for; 0 where demand is not in users",
        "until_t": "last period in which it may be done: for training the deadline of the runs in course",
        "most_kref": "most that may be done in the period: of training all work of the runs in course",
    }),
    "kept": Table(("w", "before", "t"), {"share": "share of the demand that was asked for in the period before too"}),
    "lapses": Table(("w", "h", "a", "k", "before", "t"), {
        "weight": "share of demand that a thousand accelerators served",
    }),
    "losses": Table(("h", "a", "k", "t"), {
        "working_k": "thousands of accelerators at work that data take away",
        "own": "whether what was bought in the plan and ends there is lost too, for nothing can go live instead",
    }),
    "profile": Table(("w", "s"), {"value": "load as a share of the peak"}),
    "stacks": Table(("a",), {
        "name": "name", "family": "family", "origin_iso3": "country it comes from",
        "adoption_musd": "cost of adopting it, MUSD", "platform_musd_per_step": "its layers, MUSD per step",
        "licence_musd_per_k_step": "its layers by accelerator, MUSD per thousand accelerators and step",
        "support_usd_per_user_year": "its layers by user served, USD per user and year",
        "earliest_t": "first period it may serve",
    }),
    "layers": Table(("a", "layer"), {
        "kind": "kind of layer", "name": "name", "origin_iso3": "country it comes from",
        "adoption_musd": "cost of adopting it, MUSD", "musd_per_step": "yearly cost, MUSD per step",
        "usd_per_accelerator_year": "cost by accelerator", "usd_per_user_year": "cost by user",
        "lead_months": "months to adopt it",
        "earliest": "first day it can be had",
    }),
    "exclusive": Table(("a", "b")),
    "systems": Table(("k",), {
        "name": "name", "maker": "maker of the system", "vendor": "vendor of its accelerators",
        "origin_iso3": "country the accelerators come from", "accelerator": "its accelerator",
        "n_accelerators": "accelerators in one", "peak_mw_per_k": "nameplate MW of a thousand accelerators",
        "idle_mw_per_k": "idle MW of a thousand", "working_mw_per_k": "working MW of a thousand",
        "air": "share of heat to room air", "dense-air": "share of heat to dense air", "liquid": "share to liquid",
        "generation": "generation of the chip",
    }),
    "offers": Table(("h", "a", "k"), {
        "mode": "how the host gets capacity", "owner_class": "class of the host's owner", "operator": "who runs it",
        "p": "site", "country": "country of the site", "vendor": "vendor of the accelerators",
        "accelerator": "the accelerator", "chip_origin": "country it comes from",
        "operator_parent": "country of the operator's parent", "domestic_chip": "whether the chip is the country's own",
        "buyable": "whether it can be bought", "licensed": "whether an export licence is needed",
        "licence_months": "months until it is granted",
        "free_until": "last day a listed party may order without it", "licence_why": "rule that asks for it",
        "reciprocal_share": "investment asked, share of the hardware price",
        "security_musd_per_k": "security asked, MUSD per thousand, once",
        "monitoring_musd_per_k_year": "monitoring asked, MUSD per thousand and year",
        "sigma": "control score, 0..1", "sigma_v121": SCORES["sigma_v121"], "sigma_equal": SCORES["sigma_equal"],
        "seal": "SEAL, 0-4", "seal_strict": "SEAL where doubt counts against",
        "seal_binding": "criterion that binds it", "answers": SCORES["answers"],
        "territory_home": "whether the site lies at home",
        "provider_home": "whether the operator is of the country", "chips_home": "whether the chips are",
        "effectiveness": "output over the measured one",
    }),
    "scores": Table(("w", "h", "a", "k"), SCORES),
    "orders": Table(("h", "a", "k", "t"), {
        "lead": "steps from the order to the live date", "order_t": "period of the order", "life": "steps it lives",
        "musd_per_k": "price, MUSD per thousand accelerators",
        "goods_share": "share of the price that is goods with a market", "unit_k": "thousands of accelerators in a system",
        "early": "whether an agreement alone makes it possible",
    }),
    "hardware": Table(("h", "k"), {name: f"share of the price: {ACCOUNTS[name].words.lower()}" for name in HARDWARE}),
    "rents": Table(("h", "a", "k", "r", "t"), {
        "periods": "steps of the term", "musd_per_k_step": "rent, MUSD per thousand and step",
        "provider_capex_musd_per_k": "what the provider invests, MUSD per thousand", **TAIL,
    }),
    "fleet": Table(("h", "a", "k", "t"), {"existing_k": "thousands of accelerators that exist"}),
    "serve": Table(("w", "h", "a", "k", "t"), {
        "rate": "work of an accelerator over the reference's", "sigma": "control score, 0..1", "seal": "SEAL, 0-4",
        "home_copy_musd_per_k_year": "copies kept at home, MUSD per thousand and year", "p": "site", "vendor": "vendor",
    }),
    "quotas": Table(("q", "t"), {
        "amount_k": "thousands of accelerators", "kind": "orders, cumulative, window or capacity",
        "window_t": "first period that counts",
    }),
    "quota_members": Table(("q", "h", "a", "k"), {"weight": "accelerators of the quota's unit in one"}),
    "crews": Table(("q", "t"), {"racks_k": "thousands of racks in the period"}),
    "crew_members": Table(("q", "h", "a", "k"), {"racks_per_accelerator": "racks an accelerator takes"}),
    "share_caps": Table(("i", "t"), {"max_share": "share of what is served"}),
    "share_members": Table(("i", "h", "a", "k")),
    "control_floors": Table(("i", "w", "y"), {"min_share": "least control of what is served, 0..1"}),
    "floor_periods": Table(("i", "w", "y", "t")),
    "decisions": Table(("d", "t"), {
        "what": "open, stack, or a purchase", "lower": "least, in units of the variable", "upper": "most",
        "n_members": "variables it speaks of",
        "first_t": "first period with anything that it speaks of, whatever its dates; after the horizon where there is none",
    }),
    "decision_members": Table(("d", "t"), {
        "what": "as above", "index": "index of the variable", "weight": "units of the decision in one of the variable",
    }),
    "money_caps": Table(("i",), {
        "what": "capex, outlay or commitments", "year": "calendar year, or total", "payer": "who pays; all for everyone",
        "musd": "at most, MUSD", "path": "its place in the scenario",
        "until": "last period that counts; the horizon's end for all of it",
    }),
    "existing": Table(("id",), {
        "h": "host", "a": "stack", "k": "system", "accelerators_k": "thousands of accelerators",
        "first_t": "first period", "end_t": "period from which it is gone",
        "rent_usd_per_accelerator_hour": "rent of a contract; missing for what is owned",
        "rent_periods": "steps from the start in which rent is paid, the last in part", **TAIL,
        "price_musd": "what its systems would cost now, MUSD; missing for what is rented",
    }),
    "why_not": Table(("workload",), {
        "host": "host", "stack": "stack", "system": "system", "reason": "rule that leaves it out", "detail": "why",
    }),
    "assumptions": Table(("item",), {"value": "what is assumed", "why": "for want of what"}),
    **sites.TABLES, **halls.TABLES, **cooling.TABLES, **power.TABLES, **plant.TABLES, **bridge.TABLES, **storage.TABLES,
    **tariff.TABLES,
    **carbon.TABLES, **efficiency.TABLES, **holdings.TABLES, **redundancy.TABLES, **ppa.TABLES, **renewable.TABLES,
    **resilience.TABLES, **agreements.TABLES, **exits.TABLES, **gates.TABLES, **levels.TABLES,
    **training_work.TABLES, **refits.TABLES, **heat_reuse.TABLES,
}  # fmt: skip
"""Every table of the case by the name of its field."""
