"""Assembles the model of a case from its topics, in the order their variables are needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.commitments import grants
from planner.facts.pause import without_collection
from planner.models import (
    agreements,
    carbon,
    continuity,
    control,
    cooling,
    demand,
    efficiency,
    exits,
    finance,
    fleet,
    halls,
    heat_reuse,
    levels,
    lines,
    objectives,
    permits,
    plant,
    policy,
    power,
    ppa,
    redundancy,
    refits,
    renewable,
    resilience,
    sites,
    storage,
    supply,
    tariff,
    training,
)
from planner.models.ledger import CONSTANT, Booked, book, charges, table_of
from planner.models.rules import new_model

LOADED_ONLY_WHERE_SERVED = (
    "grid_import",
    "flexible_import",
    "billed_peak",
    "matched",
    "surplus",
    "heat",
    "reused",
    "gen",
)


@without_collection
def build_model(case: Case, lazy: bool = True) -> tuple[Any, pd.DataFrame]:
    """The Pyomo model and its ledger entries. ``lazy=False`` builds ordinary Pyomo constraints."""
    m = new_model(case.scenario.name, lazy)
    sites.declare(m, case)
    refits.declare_works(m, case)
    fleet.declare(m, case)
    exits.declare_dates(m, case)
    demand.declare(m, case)
    training.declare(m, case)
    exits.declare(m, case)
    agreements.declare_signatures(m, case)
    continuity.declare(m, case)
    halls.declare(m, case)
    power.declare_load(m, case)
    cooling.declare(m, case)
    refits.declare(m, case)
    heat_reuse.declare(m, case)
    plant.declare(m, case)
    storage.declare(m, case)
    redundancy.declare(m, case)
    power.declare(m, case)
    lines.declare(m, case)
    storage.declare_recharge(m, case)
    tariff.declare(m, case)
    ppa.declare(m, case)
    permits.declare(m, case)
    supply.declare(m, case)
    agreements.declare(m, case)
    resilience.declare(m, case)
    levels.declare(m, case)
    control.declare(m, case)
    booked = ledger_entries(m, case)
    entries = table_of(booked)
    if drawn := finance.declare(m, case, entries):
        entries = table_of([*booked, *drawn])
    agreements.declare_draws(m, case)
    objectives.declare(m, case, entries)
    carbon.declare(m, case, entries)
    renewable.declare(m, case, entries)
    efficiency.declare(m, case)
    return m, entries


def ledger_entries(m: Any, case: Case) -> list[Booked]:
    """All ledger entries of variables that exist; energy and heat exist only where a fleet may stand."""
    topics = (
        fleet,
        demand,
        sites,
        halls,
        cooling,
        refits,
        heat_reuse,
        power,
        lines,
        tariff,
        ppa,
        plant,
        policy,
        agreements,
        exits,
    )
    parts = [part for topic in topics for part in topic.entries(case)]
    parts += [*charges(case), *grant_entries(case)]
    parts += carbon.entries(case, parts)
    there = {
        part.family: set(getattr(m, part.family).index_set())
        for part in parts
        if len(part) and part.family != CONSTANT
    }
    return [
        found for part in parts if len(part) and len(found := _of_variables(part, there, case.calendar.n))
    ]


def _of_variables(part: Booked, there: Mapping[str, set[Any]], n: int) -> Booked:
    """Entries of variables that exist. Raises ``KeyError`` for others, ``ValueError`` for a period outside 0 to n."""
    if part.family != CONSTANT:
        exists = np.fromiter(map(there[part.family].__contains__, part.index), bool, len(part))
        if part.family in LOADED_ONLY_WHERE_SERVED:
            part = part if exists.all() else part.kept(exists)
        elif not exists.all():
            missing = {part.index[i] for i in np.flatnonzero(~exists)}
            raise KeyError(
                f"ledger books {len(missing)} entries of {part.family} that are no variable: {next(iter(missing))}"
            )
    outside = np.flatnonzero((part.t < 0) | (part.t > n))
    if len(outside):  # a negative period would be discounted as one at the other end
        first = table_of([part]).iloc[outside[0]].to_dict()
        raise ValueError(f"ledger books {len(outside)} entries outside the horizon: {first}")
    return part


def grant_entries(case: Case) -> list[Booked]:
    """Money others give: a fixed receipt of the partner."""
    given = grants(case)
    return [book(CONSTANT, [()] * len(given), given["t"], given["musd"], account="grant",
                 supplier=given["payer"])]  # fmt: skip
