"""Which field of a scenario names what, and which dates must lie in the horizon: one line a field."""

# Pattern of a field -> what it names. Kinds of the scenario itself are its own lists; "catalog ..." are tables.
REFERENCES = (
    ("country", "country with a metro"),
    ("demand[].country", "country with a metro"),
    ("demand[].model_class", "model class"),
    ("demand[].model", "model"),
    ("demand[].profile", "use profile"),
    ("rates[].model", "model"),
    ("rates[].accelerator", "accelerator"),
    ("demand[].size.reference", "accelerator"),
    ("sites[].metro", "metro"),
    ("sites[].country", "country"),
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
    ("limits.money[].payer", "payer or all"),
    ("limits.control_floors[].workload", "workload"),
    ("finance.payers[].hosts[]", "host"),
    ("finance.payers[].owner_classes[]", "owner class"),
    ("finance.sources[].preset", "finance preset"),
    ("finance.sources[].assets[]", "asset class"),
    ("finance.sources[].local_assets[]", "asset class"),
    ("finance.sources[].countries[]", "country"),
    ("finance.sources[].content_from[]", "country"),
    ("finance.revenue[].workloads[]", "workload"),
    ("finance.sources[].currency", "currency"),
    ("finance.currency.shown", "currency"),
    ("finance.currency.paths[].currency", "currency"),
)
# Pattern of a mapping -> what its keys name.
KEYS = (
    ("limits.max_delay_months", "workload"),
    ("control.trusted_by_country", "country"),
    ("existing.halls[].cooling", "cooling technology"),
    ("finance.life_years", "asset class"),
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
    "limits.control_floors[].from",
    "decisions[].from",
    "decisions[].to",
    "cuts[].from",
    "finance.grants[].date",
    "finance.sources[].from",
    "finance.sources[].until",
    "finance.revenue[].from",
    "finance.revenue[].until",
    "finance.downsides[].from",
    "finance.operation_from",
)
# Days that need not lie in the horizon: a system may be older, or not yet to be had.
ANY_DATES = ("horizon.start", "systems[].available_from", "systems[].end_of_sale", "rates[].measured_on",
             "finance.sources[].authority_ends", "finance.currency.paths[].points[].at")  # fmt: skip
# List, first day, last day of things that exist already: they may have begun before the horizon.
PAST = (
    ("existing.fleets", "since", "retire"),
    ("existing.contracts", None, "until"),
    ("existing.halls", None, "until"),
)
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
    "use profile": "use_profiles",
    "accelerator": "accelerators",
    "criterion": "control_criteria",
    "asset class": "asset_classes",
}
# What may be said in place of a name that is not known, by kind.
INSTEAD = {
    "currency": "there is no exchange path for it: give one under finance.currency.paths",
    "model": "or describe it under models: id, params_total_b and, where known, params_active_b, layers, "
    "cache_bytes_per_token, bytes_per_param, context_tokens",
}
LISTS = {"site": "sites", "host": "hosts", "stack": "stacks", "system": "systems", "workload": "demand"}
# Pattern of an amount -> where the catalog has figures of its kind: table, start of the columns (``_low`` to ``_high``
# follow), rows ("" for all), and what the figure is times. Written amounts are held against their range.
AMOUNTS = (
    ("money.discount_rate_real", "parameters", "value", "discount_rate_real", 1.0),
    ("demand[].tokens_per_s_per_user", "use_profiles", "tokens_per_s_user", "", 1.0),
    ("demand[].ttft_s", "use_profiles", "ttft_s", "", 1.0),
    ("demand[].size.requests_per_user_day", "use_profiles", "requests_per_user_day", "", 1.0),
    ("demand[].size.input_tokens_per_request", "use_profiles", "input_tokens", "", 1.0),
    ("demand[].size.output_tokens_per_request", "use_profiles", "output_tokens", "", 1.0),
    ("models[].params_total_b", "models", "params_total_b", "", 1.0),
    ("models[].params_active_b", "models", "params_active_b", "", 1.0),
    ("models[].layers", "models", "n_layers", "", 1.0),
    ("models[].cache_bytes_per_token", "models", "kv_bytes_per_token", "", 1.0),
    ("rates[].tokens_per_s_per_accelerator", "throughput", "tokens_per_s_per_accelerator", "", 1.0),
    ("rates[].input_tokens_per_request", "use_profiles", "input_tokens", "", 1.0),
    ("rates[].output_tokens_per_request", "use_profiles", "output_tokens", "", 1.0),
    ("sites[].grid_mw[].mw", "real_projects", "facility_mw", "", 1.0),
    ("sites[].max_it_mw", "real_projects", "it_mw", "", 1.0),
    ("sites[].grid_lead_months", "countries", "grid_connect_months", "", 1.0),
    ("sites[].max_water_m3_per_year", "cooling", "wue_l_per_kwh", "", 100 * 8760.0),
    ("sites[].elec_price_usd_per_mwh", "countries", "elec_price_usd_per_mwh", "", 1.0),
    ("sites[].construction_musd_per_mw_it", "countries", "construction_musd_per_mw_it", "", 1.0),
    ("hosts[].max_it_mw", "real_projects", "it_mw", "", 1.0),
    ("hosts[].open_cost_musd", "parameters", "value", "open_cost_musd_build;open_cost_musd_colocation", 1.0),
    ("hosts[].team_musd_per_year", "owner_classes", "team_musd_per_year", "", 1.0),
    ("hosts[].hardware_price_factor", "owner_classes", "hardware_price_factor", "", 1.0),
    ("hosts[].operator_fee_share_per_year", "owner_classes", "operator_fee_share_per_year", "", 1.0),
    ("hosts[].colocation_usd_per_kw_month", "parameters", "value", "colocation_usd_per_kw_month", 1.0),
    ("stacks[].adoption_musd", "layers", "adoption_musd", "", 1.0),
    ("stacks[].platform_musd_per_year", "layers", "musd_per_year", "", 1.0),
    ("stacks[].licence_usd_per_accelerator_year", "layers", "usd_per_accelerator_year", "", 1.0),
    ("stacks[].support_usd_per_user_year", "layers", "usd_per_user_year", "", 1.0),
    ("systems[].price_usd", "systems", "price_usd", "", 1.0),
    ("systems[].rent_usd_per_accelerator_hour", "systems", "rent_usd_per_accelerator_hour", "", 1.0),
    ("systems[].delivery_months", "systems", "delivery_months", "", 1.0),
    ("existing.halls[].it_mw", "real_projects", "it_mw", "", 1.0),
    ("existing.halls[].grid_mw", "real_projects", "facility_mw", "", 1.0),
    ("existing.contracts[].usd_per_accelerator_hour", "systems", "rent_usd_per_accelerator_hour", "", 1.0),
)
# End of a field's name -> what may have been written instead: factor and unit.
SLIPS = (
    ("_musd_per_mw_it", ((1e6, "USD per MW"), (1e3, "USD per kW"), (1e-3, "thousand MUSD per MW"))),
    ("_musd_per_year", ((1e6, "USD"), (1e3, "thousand USD"))),
    ("_musd", ((1e6, "USD"), (1e3, "thousand USD"))),
    ("_usd_per_mwh", ((1e-3, "USD per kWh"), (0.1, "US cents per kWh"))),
    (
        "_usd_per_kw_month",
        ((1e3, "USD per MW and month"), (12.0, "USD per kW and year"), (12e3, "USD per MW and year")),
    ),
    (
        "usd_per_accelerator_hour",
        ((8760.0, "USD per year"), (730.0, "USD per month"), (8.0, "USD per server")),
    ),
    ("_usd", ((1e-6, "MUSD"), (1e-3, "thousand USD"))),
    ("mw", ((1e3, "kW"), (1e-3, "GW"))),
    ("_m3_per_year", ((1e-6, "million m3"), (1e-3, "thousand m3"), (1e3, "litres"))),
    ("_months", ((30.4, "days"), (1 / 12, "years"))),
    ("_real", ((100.0, "percent"),)),
    ("_b", ((1e9, "single parameters"), (1e3, "millions"))),
    ("cache_bytes_per_token", ((1 / 1024, "KiB"),)),
    ("tokens_per_s_per_accelerator", ((8.0, "tokens/s of a server"),)),
    ("ttft_s", ((1e3, "milliseconds"),)),
    (
        "_per_user_day",
        ((30.4, "requests per month"), (365.0, "requests per year"), (1 / 24, "requests per hour")),
    ),
    ("_tokens_per_request", ((1e-3, "thousand tokens"), (4.5, "characters"))),
    ("_factor", ((100.0, "percent"),)),
)
