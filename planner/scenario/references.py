"""Which field of a scenario names what, and which dates must lie in the horizon: one line a field."""

# Pattern of a field -> what it names. Kinds of the scenario itself are its own lists; "catalog ..." are tables.
REFERENCES = (
    ("country", "country with a metro"),
    ("demand[].country", "country with a metro"),
    ("demand[].model_class", "model class"),
    ("demand[].size.reference", "accelerator"),
    ("sites[].metro", "metro"),
    ("hosts[].site", "site"),
    ("hosts[].owner_class", "owner class"),
    ("hosts[].owner_parent", "country"),
    ("hosts[].operator_parent", "country"),
    ("hosts[].stacks[]", "catalog stack"),
    ("hosts[].systems[]", "catalog system"),
    ("hosts[].hall_types[]", "hall type"),
    ("hosts[].cooling[]", "cooling technology"),
    ("hosts[].rent_terms[]", "rent term"),
    ("stacks[].id", "catalog stack"),
    ("systems[].id", "catalog system"),
    ("supply.reference", "accelerator"),
    *(
        (f"{where}[].{field}[]", kind)
        for where in ("supply.quotas", "supply.crews", "decisions", "cuts")
        for field, kind in (
            ("hosts", "host"),
            ("owner_classes", "owner class"),
            ("stacks", "catalog stack"),
            ("systems", "catalog system"),
            ("vendors", "vendor"),
        )
    ),
    ("existing.fleets[].host", "host"),
    ("existing.fleets[].stack", "stack"),
    ("existing.fleets[].system", "catalog system"),
    ("existing.halls[].host", "host"),
    ("existing.contracts[].host", "host"),
    ("existing.contracts[].stack", "stack"),
    ("existing.contracts[].system", "catalog system"),
    ("cuts[].operators[]", "operator"),
    ("cuts[].sites[]", "site"),
    ("cuts[].countries[]", "country"),
    ("cuts[].chip_origins[]", "country"),
    ("cuts[].parents[]", "country"),
    ("data_embassies[].host", "country"),
    ("data_embassies[].guest", "country"),
    ("control.trusted_region[]", "country"),
    ("control.trusted_by_country{}[]", "country"),
    ("control.exclude[]", "criterion"),
    ("control.overrides[].host", "host"),
    ("control.overrides[].stack", "stack"),
    ("control.overrides[].criterion", "criterion"),
    ("finance.grants[].payer", "payer"),
)
# Pattern of a mapping -> what its keys name.
KEYS = (
    ("limits.max_delay_months", "workload"),
    ("control.trusted_by_country", "country"),
    ("existing.halls[].cooling", "cooling technology"),
)
# What the id of a share cap names, by its field ``by``.
SHARES = {
    "vendor": "vendor",
    "operator": "operator",
    "owner-class": "owner class",
    "host": "host",
    "site": "site",
    "stack": "catalog stack",
    "system": "catalog system",
    "country": "country",
    "chip-origin": "country",
    "parent": "country",
}
# Dates that must lie in the horizon, its last day included.
DATES = (
    "demand[].size.points[].at",
    "demand[].size.runs[].start",
    "demand[].size.runs[].deadline",
    "demand[].must_serve_by",
    "demand[].survive_from",
    "sites[].grid_mw[].from",
    "hosts[].open_from",
    "supply.quotas[].path[].from",
    "limits.shares[].from",
    "decisions[].from",
    "decisions[].to",
    "cuts[].from",
    "finance.grants[].date",
)
# Days that need not lie in the horizon: a system may be older, or not yet to be had.
ANY_DATES = ("horizon.start", "systems[].available_from")
# List, first day, last day of things that exist already: they may have begun before the horizon.
PAST = (("existing.fleets", "since", "retire"), ("existing.contracts", None, "until"))
# Paths in steps, which must rise in time.
STEPS = ("sites[].grid_mw", "supply.quotas[].path")
CATALOG_TABLES = {
    "metro": "metros",
    "catalog stack": "stacks",
    "catalog system": "systems",
    "owner class": "owner_classes",
    "hall type": "halls",
    "cooling technology": "cooling",
    "rent term": "rent_terms",
    "model class": "model_classes",
    "accelerator": "accelerators",
    "criterion": "control_criteria",
}
LISTS = {"site": "sites", "host": "hosts", "stack": "stacks", "system": "systems", "workload": "demand"}
