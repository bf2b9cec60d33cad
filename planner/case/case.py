"""The Case: every table the model sees, in model units, and the reason for every tuple left out.

Model units: thousands of accelerators, MW, MWh, MUSD, thousand reference-accelerator equivalents of demand.
Tables are pandas frames whose row index is the tuple of the index set they define; the tuple's parts are
columns too. Index letters are those of the model: w workload, p site, h host, a stack, k system,
r rent term, b hall type, c cooling technology, m medium, n connection, g backup plant or plant of a site's own, q quota,
e agreement, j source of finance or training run,
t period, s slice of the typical day.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from planner.case.periods import Calendar
from planner.facts.catalog import Catalog
from planner.scenario.schema import Scenario

DESIGN = "design"
STRESS = "stress"
"""Hours in which a flexible connection carries nothing; a slice of a case that offers one."""
MEDIA = ("air", "dense-air", "liquid")


@dataclass(frozen=True)
class Case:
    """All tables of one planning case; ``planner.case.schema`` says what each holds, column by column."""

    scenario: Scenario
    catalog: Catalog  # the facts of every table below, and of whatever is worked out from them later
    calendar: Calendar
    rate: float
    discount_end: float
    periods: pd.DataFrame
    slices: pd.DataFrame
    workloads: pd.DataFrame
    demand: pd.DataFrame
    profile: pd.DataFrame
    sites: pd.DataFrame
    hosts: pd.DataFrame
    stacks: pd.DataFrame
    layers: pd.DataFrame
    exclusive: pd.DataFrame
    systems: pd.DataFrame
    offers: pd.DataFrame
    scores: pd.DataFrame
    orders: pd.DataFrame
    hardware: pd.DataFrame
    rents: pd.DataFrame
    fleet: pd.DataFrame
    serve: pd.DataFrame
    opens: pd.DataFrame
    halls: pd.DataFrame
    leases: pd.DataFrame
    cooling: pd.DataFrame
    heat: pd.DataFrame
    pue: pd.DataFrame
    connections: pd.DataFrame
    backups: pd.DataFrame
    plants: pd.DataFrame
    bridges: pd.DataFrame
    hires: pd.DataFrame
    supplies: pd.DataFrame
    outputs: pd.DataFrame
    storages: pd.DataFrame
    stores: pd.DataFrame
    redundant: pd.DataFrame
    ppas: pd.DataFrame
    ppa_terms: pd.DataFrame
    deliveries: pd.DataFrame
    flexibles: pd.DataFrame
    tariffs: pd.DataFrame
    peak_charges: pd.DataFrame
    host_period: pd.DataFrame
    existing_cooling: pd.DataFrame
    refits: pd.DataFrame
    site_period: pd.DataFrame
    quotas: pd.DataFrame
    quota_members: pd.DataFrame
    crews: pd.DataFrame
    crew_members: pd.DataFrame
    share_caps: pd.DataFrame
    share_members: pd.DataFrame
    control_floors: pd.DataFrame
    floor_periods: pd.DataFrame
    levels: pd.DataFrame
    level_gains: pd.DataFrame
    level_needs: pd.DataFrame
    survival: pd.DataFrame
    survival_members: pd.DataFrame
    decisions: pd.DataFrame
    decision_members: pd.DataFrame
    money_caps: pd.DataFrame
    carbon_prices: pd.DataFrame
    carbon_caps: pd.DataFrame
    efficiency_caps: pd.DataFrame
    takers: pd.DataFrame
    reuse_floors: pd.DataFrame
    renewable_floors: pd.DataFrame
    renewables: pd.DataFrame
    existing: pd.DataFrame
    existing_leases: pd.DataFrame
    adoptions: pd.DataFrame
    exits: pd.DataFrame
    moves: pd.DataFrame
    gates: pd.DataFrame
    agreements: pd.DataFrame
    terms: pd.DataFrame
    unders: pd.DataFrame
    lifted: pd.DataFrame
    opened: pd.DataFrame
    sources_under: pd.DataFrame
    contents_under: pd.DataFrame
    excluded: pd.DataFrame
    physics: dict[str, float]  # availability, network power share, margins ...
    order_share: dict[str, float]  # asset class -> share of the price paid at order
    why_not: pd.DataFrame
    assumptions: pd.DataFrame
    control_max: float  # best score any offer for any workload could reach
    kept: pd.DataFrame = field(default_factory=pd.DataFrame)
    lapses: pd.DataFrame = field(default_factory=pd.DataFrame)
    losses: pd.DataFrame = field(default_factory=pd.DataFrame)
    stored: pd.DataFrame = field(default_factory=pd.DataFrame)
    trainings: pd.DataFrame = field(default_factory=pd.DataFrame)
    training_periods: pd.DataFrame = field(default_factory=pd.DataFrame)
    training_places: pd.DataFrame = field(default_factory=pd.DataFrame)
