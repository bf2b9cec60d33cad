"""How much a starter asks for: people by sector with what they do, and training in proportion to output.

    users    = population x share of the sector x use by income
    tokens/s = users x requests a day x tokens / 86400 x peak over mean     (profile of the sector)

Use grows with output per head up to that of rich countries. Shares, use and training are judgements of the catalog
(``starter_sectors``, parameters ``starter_...``); accelerators are what those requests take, never the start of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from planner.case.demand import peak_tokens_per_s
from planner.case.periods import HOURS_PER_MONTH
from planner.case.requests import latency_scenario, read_request
from planner.case.throughput import Throughput
from planner.facts.catalog import Catalog
from planner.scenario.schema import Workload

REFERENCE = "b300"
MOST_ACCELERATORS = 40_000.0
"""The largest first programme worth planning: larger ones are planned in parts."""
EXPERIMENTS_FACTOR = 2.0
RUN_MONTHS = 24


@dataclass(frozen=True)
class Sector:
    """People of a sector at the end of the build-up, and what their requests take at the busiest hour."""

    id: str
    row: pd.Series
    users: float
    tokens_per_s: float
    accelerators: float


@dataclass(frozen=True)
class Demand:
    """All sectors, the tokens (1e9) of the last training run, its model, and all accelerators together."""

    sectors: tuple[Sector, ...]
    training_tokens_b: float
    training_params_b: float
    accelerators: float
    note: str


def demand_of_people(catalog: Catalog, iso3: str) -> Demand:
    """The demand of a country, in parts where all of it would be more than one programme plans."""
    country = catalog.table("countries").loc[iso3]
    people, output_busd = 1e6 * float(country["population_million"]), float(country["gdp_ppp_busd"])
    full = catalog.param("starter_full_use_gdp_per_head_usd")
    use = min(1.0, 1e9 * output_busd / people / full)
    tokens_b = output_busd * catalog.param("starter_training_tokens_b_per_busd_gdp")
    params_b = catalog.param("starter_training_params_active_b")
    all_users = {
        str(key): people * use * float(row["users_share_mid"])
        for key, row in catalog.table("starter_sectors").iterrows()
    }
    wanted = sum(_sector(catalog, key, users).accelerators for key, users in all_users.items())
    wanted += _training_accelerators(catalog, params_b, tokens_b)
    part = min(1.0, MOST_ACCELERATORS / wanted)
    note = f"{people / 1e6:.3g} million people; use at {100 * use:.0f} % of that of rich countries, by output per head"
    if part < 1.0:
        note += f"; {100 * part:.0f} % of all they would ask for, the largest first programme worth planning"
    sectors = tuple(_sector(catalog, key, part * users) for key, users in all_users.items())
    return Demand(sectors, part * tokens_b, params_b, part * wanted, note)


def _sector(catalog: Catalog, sector: str, users: float) -> Sector:
    row = catalog.table("starter_sectors").loc[sector]
    w = Workload.model_validate(
        {**fields(row), "size": size_fields(row) | {"points": [{"at": date(2000, 1, 1), "value": users}]}}
    )
    request = read_request(catalog, w)
    rate = Throughput(catalog).serving(
        request.model, latency_scenario(catalog, w), REFERENCE, request.conditions
    )
    tokens = float(peak_tokens_per_s(w, request, np.array([users]))[0])
    return Sector(sector, row, users, tokens, tokens / rate.tokens_per_s / catalog.param("production_factor"))


def _training_accelerators(catalog: Catalog, params_b: float, tokens_b: float) -> float:
    available = RUN_MONTHS * HOURS_PER_MONTH
    hours = Throughput(catalog).training_accelerator_hours(params_b, tokens_b, REFERENCE, available / 24.0)
    return hours * EXPERIMENTS_FACTOR / available


def fields(row: pd.Series) -> dict[str, Any]:
    """What a sector says of its workload."""
    return {
        "id": str(row["sector"]), "kind": "inference", "sector": str(row["sector"]), "body": str(row["body"]),
        "data_class": str(row["data_class"]), "latency_class": str(row["latency_class"]),
        "model_class": str(row["model_class"]), "profile": str(row["use_profile"]), "priority": _plain(row["priority"]),
    }  # fmt: skip


def size_fields(row: pd.Series) -> dict[str, Any]:
    """Users, with requests a day of their own where the profile's are not theirs."""
    own = row["requests_per_user_day"]
    return {"by": "users"} | ({} if pd.isna(own) else {"requests_per_user_day": _plain(own)})


def training_runs(demand: Demand, start: date) -> list[dict[str, Any]]:
    """A first run on two fifths of the tokens in the third year, the whole one in the last two years."""
    whole, params = demand.training_tokens_b, demand.training_params_b
    return [
        {"id": "first-model", "params_active_b": params, "tokens_b": _figures(0.4 * whole),
         "start": date(start.year + 2, 1, 1), "deadline": date(start.year + 3, 1, 1)},
        {"id": "national-model", "params_active_b": params, "tokens_b": _figures(whole),
         "start": date(start.year + 4, 1, 1), "deadline": date(start.year + 5, 12, 31)},
    ]  # fmt: skip


def _plain(value: float) -> float:
    """A whole number without its point."""
    return int(value) if float(value).is_integer() else float(value)


def _figures(value: float) -> float:
    return float(f"{value:.2g}")
