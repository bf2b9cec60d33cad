"""Assembles the model of a case from its topics, in the order their variables are needed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.commitments import grants
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
    lines,
    objectives,
    permits,
    plant,
    policy,
    power,
    ppa,
    redundancy,
    renewable,
    resilience,
    sites,
    storage,
    supply,
    tariff,
    training,
)
from planner.models.ledger import COLUMNS, CONSTANT, book, charges
from planner.models.rules import new_model

LOADED_ONLY_WHERE_SERVED = (
    "grid_import",
    "flexible_import",
    "billed_peak",
    "matched",
    "surplus",
    "heat",
    "gen",
)


def build_model(case: Case, lazy: bool = True) -> tuple[Any, pd.DataFrame]:
    """The Pyomo model and its ledger entries. ``lazy=False`` builds ordinary Pyomo constraints."""
    m = new_model(case.scenario.name, lazy)
    sites.declare(m, case)
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
    control.declare(m, case)
    entries = ledger_entries(m, case)
    entries = pd.concat([entries, *finance.declare(m, case, entries)], ignore_index=True)
    agreements.declare_draws(m, case)
    objectives.declare(m, case, entries)
    carbon.declare(m, case, entries)
    renewable.declare(m, case, entries)
    efficiency.declare(m, case)
    return m, entries


def ledger_entries(m: Any, case: Case) -> pd.DataFrame:
    """All ledger entries of variables that exist; energy and heat exist only where a fleet may stand."""
    topics = (
        fleet,
        demand,
        sites,
        halls,
        cooling,
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
    table = pd.concat([p for p in parts if len(p)], ignore_index=True)[COLUMNS]
    for family in LOADED_ONLY_WHERE_SERVED:
        exists = set(getattr(m, family).index_set())
        drop = (table["family"] == family) & ~table["index"].isin(exists)
        table = table[~drop]
    outside = table[(table["t"] < 0) | (table["t"] > case.calendar.n)]
    if len(outside):  # a negative period would be discounted as one at the other end
        raise ValueError(
            f"ledger books {len(outside)} entries outside the horizon: {outside.iloc[0].to_dict()}"
        )
    for family in table["family"].unique():
        if family != CONSTANT:
            missing = set(table.loc[table["family"] == family, "index"]) - set(getattr(m, family).index_set())
            if missing:
                raise KeyError(
                    f"ledger books {len(missing)} entries of {family} that are no variable: {next(iter(missing))}"
                )
    return table.reset_index(drop=True)


def grant_entries(case: Case) -> list[pd.DataFrame]:
    """Money others give: a fixed receipt of the partner."""
    given = grants(case)
    return [book(CONSTANT, [()] * len(given), given["t"], given["musd"], account="grant",
                 supplier=given["payer"])]  # fmt: skip
