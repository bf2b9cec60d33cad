"""Content by country: whole, and unknown where the catalog names no fab."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.audit.content import made
from planner.case.content import UNKNOWN, content_of, content_span
from planner.case.context import Context
from planner.case.export_rules import content_from
from planner.facts.catalog import load_catalog
from planner.report.content_rules import content_rules
from planner.report.terms import readable

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


@pytest.mark.parametrize("system", ["hgx-b300", "mi355x-8", "rebel-quad-8"])
@pytest.mark.parametrize("countries", [["USA"], ["KOR"], ["USA", "TWN"]])
def test_the_span_holds_the_middle_and_is_that_of_the_best_and_worst_split(
    system: str, countries: list[str]
) -> None:
    """Against a linear programme by hand: give the wanted countries the least, then fill up with the others."""
    low, mid, high = content_span(FACTS, system, countries)
    rows = content_of(FACTS, "goods", system)
    assert mid == pytest.approx(float(rows.loc[rows["country"].isin(countries), "share"].sum()))
    assert 0 <= low <= mid <= high <= 1
    others = sorted(set(rows["country"]) - set(countries))
    left, _, right = content_span(FACTS, system, others)
    assert low == pytest.approx(1 - right) and high == pytest.approx(1 - left)


def test_a_programme_counts_chips_whole_or_by_stages(tiny) -> None:
    counted = {
        how: content_from(Context.of(tiny(supply={"licence": {"content": how}}), FACTS), "hgx-b300", ["USA"])
        for how in ("presumption", "stages")
    }
    assert counted["stages"] < 0.75 < 0.95 < counted["presumption"]


def test_a_rule_on_content_may_turn_on_an_assumed_share(tiny) -> None:
    duty = {
        "id": "deal",
        "kind": "technology-deal",
        "partner": "USA",
        "duties": {"content": [{"from": ["USA"], "share": 0.7}]},
    }
    fleet = pd.DataFrame({"k": ["hgx-b300", "hgx-b200"], "accelerators": [80.0, 0.0]})
    table = content_rules(tiny(agreements=[duty]), FACTS, fleet)
    assert table["k"].tolist() == ["hgx-b300", "hgx-b300"]
    rule = table.set_index("asked_by")["holds"]
    assert rule["deal"] == "turns on an assumed share"
    row = table.set_index("asked_by").loc["call for packages"]
    assert (rule["call for packages"] == "yes") == (row["stages_low_share"] >= 0.51)
    assert all(str(value).endswith(" %") for value in readable(table).filter(like="By stages").stack())
