"""The Case: every table the model sees, in model units, and the reason for every tuple left out.

Model units: thousands of accelerators, MW, MWh, MUSD, thousand reference-accelerator equivalents of demand.
Tables are pandas frames whose row index is the tuple of the index set they define; the tuple's parts are
columns too. Index letters are those of the model: w workload, p site, h host, a stack, k system,
r rent term, b hall type, c cooling technology, m medium, n connection, g backup plant, q quota,
t period, s slice of the typical day.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from planner.case.periods import Calendar
from planner.facts.catalog import Catalog
from planner.scenario.schema import Scenario

DESIGN = "design"
MEDIA = ("air", "dense-air", "liquid")


@dataclass(frozen=True)
class Case:
    """All tables of one planning case. Column meanings are in the builders of ``planner.case``."""

    scenario: Scenario
    catalog: Catalog  # the facts of every table below, and of whatever is worked out from them later
    calendar: Calendar
    rate: float
    discount_end: float
    periods: pd.DataFrame  # t: discount, months, hours, year
    slices: pd.DataFrame  # (t, s): hours, tariff_factor, month, design
    workloads: (
        pd.DataFrame
    )  # w: priority, preemptible, survival_share, survive_t, must_t, optional, may_lapse
    demand: pd.DataFrame  # (w, t): demand_kref, carried_kref
    profile: pd.DataFrame  # (w, s): value, share of the peak
    sites: pd.DataFrame  # p
    hosts: pd.DataFrame  # h
    stacks: pd.DataFrame  # a: costs, licence, earliest_t: sums over its layers
    layers: pd.DataFrame  # (a, layer): kind, origin, costs, lead
    exclusive: pd.DataFrame  # (a, b): stacks that may not both be used
    systems: pd.DataFrame  # k
    offers: pd.DataFrame  # (h, a)
    scores: pd.DataFrame  # (w, h, a, k): sigma_v121, sigma_equal, answers, from the home of the data
    orders: pd.DataFrame  # (h, a, k, t): lead, order_t, price_musd, ...
    rents: pd.DataFrame  # (h, a, k, r, t): periods, musd_per_period
    fleet: pd.DataFrame  # (h, a, k, t): existing_k
    serve: pd.DataFrame  # (w, h, a, k, t): rate, sigma, seal, home_copy_musd_per_k_year
    opens: pd.DataFrame  # (h, t)
    halls: pd.DataFrame  # (h, b, t): it_mw, order_t, integer, musd_per_mw
    leases: pd.DataFrame  # (h, t): periods, musd_per_mw_period
    cooling: pd.DataFrame  # (h, c, t): lead, musd_per_mw
    heat: pd.DataFrame  # (h, c, m): technology c carries medium m at host h
    pue: pd.DataFrame  # (h, c, t, s): pue, litres_per_kwh
    connections: pd.DataFrame  # (h, n, t)
    backups: pd.DataFrame  # (h, g, t)
    host_period: pd.DataFrame  # (h, t): existing_mw, existing_grid_mw, existing_backup_mw, max_mw, price
    existing_cooling: pd.DataFrame  # (h, c): mw
    site_period: pd.DataFrame  # (p, t): grid_mw, max_it_mw, water_m3
    quotas: pd.DataFrame  # (q, t): amount_k, basis, cumulative
    quota_members: pd.DataFrame  # (q, h, a, k): weight
    crews: pd.DataFrame  # (q, t): racks_k
    crew_members: pd.DataFrame  # (q, h, a, k): racks per accelerator
    share_caps: pd.DataFrame  # (i, t): max_share
    share_members: pd.DataFrame  # (i, h, a, k)
    decisions: pd.DataFrame  # d: what, lower, upper
    decision_members: pd.DataFrame  # d, what, index
    capital_caps: pd.DataFrame  # y: musd (year or 'total')
    existing: pd.DataFrame  # existing fleets and contracts
    physics: dict[str, float]  # availability, network power share, margins ...
    order_share: dict[str, float]  # asset class -> share of the price paid at order
    why_not: pd.DataFrame  # workload, host, stack, system, reason, detail
    assumptions: pd.DataFrame  # defaults taken for want of a value: item, value, why
    control_max: float  # best score any offer for any workload could reach
    kept: pd.DataFrame = field(default_factory=pd.DataFrame)  # (w, before, t): share
    lapses: pd.DataFrame = field(default_factory=pd.DataFrame)  # (w, h, a, k, before, t): weight
    losses: pd.DataFrame = field(default_factory=pd.DataFrame)  # (h, a, k, t): working_k
