"""Content by country: whole, and unknown where the catalog names no fab."""

from __future__ import annotations

import pytest

from planner.audit.content import made
from planner.case.content import UNKNOWN, content_of
from planner.facts.catalog import load_catalog

FACTS = load_catalog()


@pytest.mark.parametrize("system", sorted(FACTS.table("systems").index))
def test_plan_and_audit_find_the_same_content_and_all_of_it(system: str) -> None:
    mine = content_of(FACTS, "goods", system).groupby(["stage", "country"])["share"].sum().to_dict()
    theirs: dict[tuple[str, str], float] = {}
    for stage, country, share in made(FACTS, "goods", system):
        theirs[stage, country] = theirs.get((stage, country), 0.0) + share
    assert mine == pytest.approx(theirs) and sum(mine.values()) == pytest.approx(1)
    chip = FACTS.table("accelerators").loc[FACTS.table("systems").loc[system, "accelerator_id"]]
    assert (UNKNOWN in {country for _, country in mine}) == (not isinstance(chip["fab_iso3"], str))
