"""The order of stacks without assumed differences, and equal values that a note explains."""

from __future__ import annotations

import re
from itertools import combinations

import pandas as pd
import pytest

from planner.facts.catalog import load_catalog
from planner.studies.stack_ranking import levelled, ranking_told
from planner.studies.stacks import FIVE

FACTS = load_catalog()


def test_assumed_layers_of_a_kind_cost_the_same_and_sourced_ones_what_they_did() -> None:
    level = levelled(FACTS, FIVE)
    used = {x for text in FACTS.table("stacks").loc[list(FIVE), "layers"] for x in text.split(";")}
    layers, before = level.table("layers"), FACTS.table("layers")
    assumed = layers[layers["assumed"].astype(bool) & layers.index.isin(used)]
    assert (assumed.groupby("kind")[["adoption_musd_mid", "lead_months"]].nunique() == 1).all(axis=None)
    sourced = layers.index[~layers["assumed"].astype(bool)]
    assert (
        len(sourced)
        and (layers.loc[sourced, "adoption_musd_mid"] == before.loc[sourced, "adoption_musd_mid"]).all()
    )
    kind = before.loc["platform-open"]["kind"]
    own = before[before["assumed"].astype(bool) & before.index.isin(used) & (before["kind"] == kind)]
    assert layers.at["platform-open", "adoption_musd_mid"] == pytest.approx(own["adoption_musd_mid"].mean())


def rows(**costs: float) -> pd.DataFrame:
    return pd.DataFrame({"stack": list(costs), "usd_per_served_hour": list(costs.values()), "gap": 0.02})


def test_pairs_that_change_places_are_told_and_those_within_the_gaps_are_not() -> None:
    before = rows(a=1.0, b=1.01, c=2.0)
    assert "holds" in ranking_told(before, rows(a=1.01, b=1.0, c=2.0))[0]
    told = ranking_told(before, rows(a=3.0, b=1.0, c=2.0))
    assert told == [
        "a is cheaper per hour served than c by assumed differences alone: without them it is dearer"
    ]
    assert "cannot be told from it" in ranking_told(rows(a=1.0, c=2.0), rows(a=2.0, c=2.0))[0]


def test_two_layers_of_a_kind_have_equal_costs_only_where_a_note_says_why() -> None:
    table = FACTS.table("layers")
    values = ["adoption_musd_mid", "musd_per_year_mid", "usd_per_accelerator_year_mid"]
    for _, own in table.groupby("kind"):
        for a, b in combinations(own.index, 2):
            if (own.loc[a, values] == own.loc[b, values]).all():
                notes = f"{own.at[a, 'note']} {own.at[b, 'note']}"
                assert re.search(r"\bas (other|customer|for|much|negotiated)\b|so nothing here", notes), (
                    a,
                    b,
                )
