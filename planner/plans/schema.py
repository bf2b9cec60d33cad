"""The columns of every table of a plan, in their order; ``planner.report.terms`` has their words and units."""

from __future__ import annotations

from planner.case.registry import PURCHASES
from planner.plans.bought import columns_of

SCHEMA: dict[str, tuple[str, ...]] = {
    **{p.name: columns_of(p) for p in PURCHASES},
    "cooling": (
        "h", "p", "c", "t", "label", "added_mw", "order_date", "live_date", "musd", "capacity_mw", "heat_peak_mw",
    ),
    "fleet": ("p", "h", "mode", "a", "k", "t", "label", "accelerators", "owned", "rented", "existing", "stored",
              "emptied", "it_mw"),
    "serving": (
        "w", "p", "h", "a", "k", "t", "label", "accelerators", "reserve", "rate", "served_kref", "share", "sigma", "seal",
    ),
    "levels": ("h", "p", "l", "attribute", "bound", "reached", "year", "promised", "kept"),
    "ordered_under": ("e", "p", "h", "a", "k", "t", "label", "accelerators"),
    "outlasting": ("i", "w", "p", "h", "a", "k", "t", "label", "accelerators"),
    "survival": ("i", "f", "w", "t", "label", "share", "left_share"),
    "demand": (
        "w", "t", "label", "months", "demand_kref", "served_kref", "unserved_share", "reason", "tokens_per_s", "mean_load",
        "by_deadline",
    ),
    "training": ("w", "j", "h", "start_date", "deadline_date", "begins_date", "done_date", "finished_share"),
    "training_work": ("w", "j", "p", "h", "t", "label", "kref", "pace_kref"),
    "stacks": ("a", "name", "origin_iso3", "adoption_musd", "adopted", "earliest_date"),
    "dispatch": ("h", "t", "s", "hours", "it_mw", "import_mw", "flexible_mw", "generation_mw", "charge_mw", "discharge_mw"),
    "reuse": ("p", "h", "t", "label", "s", "hours", "reused_mw"),
    "matched": ("p", "h", "g", "t", "label", "s", "hours", "matched_mw", "surplus_mw"),
    "storage": (
        "p", "h", "g", "t", "label", "s", "hours", "charge_mw", "discharge_mw", "level_mwh", "holds_mwh",
    ),
    "generation": (
        "p", "h", "g", "t", "label", "s", "hours", "generation_mw", "generation_mwh", "fuel_mmbtu", "emissions_t",
    ),
    "power": (
        "p", "h", "mode", "t", "label", "space_mw", "it_peak_mw", "it_mean_mw", "facility_peak_mw", "grid_mw", "flexible_mw",
        "billed_peak_mw", "backup_mw", "plant_mw", "plant_rating_mw", "plant_standby_mw", "storage_firm_mw", "energy_mwh",
        "generation_mwh", "pue", "water_m3", "emissions_t",
    ),
    "ledger": (
        "t", "label", "date", "year", "kind", "account", "asset_class", "p", "h", "a", "k", "supplier", "payer",
        "origin_iso3", "w", "unit", "quantity", "musd", "musd_discounted",
    ),
    "commitments": (
        "what", "id", "p", "h", "a", "k", "r", "start_date", "end_date", "amount", "unit", "signed_musd", "booked_musd",
        "due_after_musd", "cost_musd_discounted",
    ),
    "capital": ("t", "label", "year", "payer", "kind", "account", "origin_iso3", "p", "h", "musd"),
    "content": ("t", "label", "year", "payer", "account", "asset_class", "origin_iso3", "stage", "content_iso3", "musd"),
    "unmet": ("w", "t", "label", "unserved_share", "reason"),
    "service": ("w", "delay_months", "unavoidable_months", "date_50", "date_95", "least_share"),
    "control": ("criterion", "objective", "objective_name", "factor", "decision", "points"),
    "milestones": ("h", "w", "kind", "item", "start_date", "end_date", "critical", "float_months", "after"),
    "openings": (
        "h", "decided_date", "earliest_date", "service_date", "p50_date", "p80_date", "on_time_share", "chain",
    ),
    "prices": ("rule", "index", "t", "label", "dual", "unit", "meaning", "limit"),
    "why_not": ("workload", "host", "stack", "system", "reason", "detail"),
    "assumptions": ("item", "value", "why"),
}  # fmt: skip
