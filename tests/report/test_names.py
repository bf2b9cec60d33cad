"""Readers see names: of the scenario where it gives some, else ids in words, and those of the catalog."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.report.answer import limit_name
from planner.report.charts import gantt
from planner.report.names import catalogued, labels, spoken_ids, spoken_text, titled
from planner.report.views import why_not_summary
from planner.scenario.schema import Scenario


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return with_overrides(
        load_scenario(example_path("kenya")), {"hosts[champion-olkaria].title": "Olkaria halls"}
    )


def test_a_sentence_has_names_and_paths_stay_as_they_are_written(scenario: Scenario) -> None:
    said = "hgx-b300 at champion-olkaria waits for the grid at olkaria. Beside it us-cloud (sites[olkaria].power.options)"
    assert spoken_text(said, scenario) == (
        "HGX B300 at Olkaria halls waits for the grid at Olkaria / Naivasha. "
        "Beside it us cloud (sites[olkaria].power.options)"
    )
    assert limit_name("survival of government without olkaria (site)", scenario) == (
        "survival of government without Olkaria / Naivasha (site)"
    )


def test_the_timeline_names_hosts_and_things(scenario: Scenario) -> None:
    """A host without a title by its id in words; what is waited for by the name of the catalog too."""
    rows = [(h, "grid", "grid-firm", "2028-01-01", "2029-01-01", False, "hardware mi355x-8", h)
            for h in ("champion-olkaria", "champion-nairobi")]  # fmt: skip
    columns = ["h", "kind", "item", "start_date", "end_date", "critical", "after", "w"]
    steps = catalogued(titled(pd.DataFrame(rows, columns=columns), scenario), scenario.catalog)
    shown = gantt.rows(steps)["shown"].tolist()
    assert shown == [
        "champion nairobi · Grid connection, works: Firm grid connection",
        "Olkaria halls · Grid connection, works: Firm grid connection",
    ]
    assert "MI355X server" in gantt.told(steps)["after"].iloc[0]


def test_a_payer_that_is_a_host_and_what_was_left_out_are_named(scenario: Scenario) -> None:
    paid = pd.DataFrame({"payer": ["champion-olkaria", "partner"], "musd": [1.0, 2.0]})
    assert spoken_ids(paid, scenario)["payer"].tolist() == ["Olkaria halls", "partner"]
    left_out = pd.DataFrame(
        [("", "champion-olkaria", "champion-us-chips", k, "cooling", "none carries it") for k in ("hgx-b300", "mi355x-8")],
        columns=["workload", "host", "stack", "system", "reason", "detail"],
    )  # fmt: skip
    (row,) = catalogued(titled(why_not_summary(left_out), scenario), scenario.catalog).to_dict("records")
    assert (row["h_title"], row["a"]) == ("Olkaria halls", "National champion on US chips")
    assert row["systems"].startswith("HGX B300, ") and "; MI355X server" in row["systems"]


def test_labels_are_titles_or_ids_in_words() -> None:
    plain = pd.DataFrame({"h": ["champion-busan", "cloud"]})
    assert labels(plain, "h") == {"champion-busan": "champion busan", "cloud": "cloud"}
    given = plain.assign(h_title=["Busan", "cloud"])
    assert labels(given, "h") == {"champion-busan": "Busan", "cloud": "cloud"}
