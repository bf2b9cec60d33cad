"""Readers see names: of the scenario where it gives some, else ids in words, and those of the catalog."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.report.answer import limit_name
from planner.report.charts import gantt
from planner.report.names import THINGS, catalogued, labels, spoken, spoken_ids, spoken_text, titled
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


def test_plant_and_halls_go_by_their_names_and_plain_words_stay(scenario: Scenario) -> None:
    said = "halls (modular), then modular work: fuelcell-2026 bought, diesel-rented-2026 rented (sites[olkaria].power)"
    options = scenario.catalog.table("power_options")["name"]
    bought, rented = (options[id].partition(", ")[0] for id in ("fuelcell-2026", "diesel-rented-2026"))
    assert spoken_text(said, scenario) == (
        f"halls (Modular hall), then modular work: {bought} bought, {rented} rented (sites[olkaria].power)"
    )


def test_things_whose_names_begin_alike_go_by_the_whole_name(scenario: Scenario) -> None:
    name = scenario.catalog.table("halls").at["modular-at-risk", "name"]
    assert name.startswith("Modular hall, ")
    assert spoken_text("halls (modular-at-risk), then halls (modular)", scenario) == (
        f"halls ({name}), then halls (Modular hall)"
    )


def test_tables_that_are_read_name_places_and_the_host_that_opens(scenario: Scenario) -> None:
    rows = pd.DataFrame({
        "h": ["champion-olkaria", "champion-nairobi", "champion-olkaria"], "p": ["olkaria", "nairobi", "olkaria"],
        "item": ["open champion-olkaria", "extend champion-nairobi", "olkaria"],
    })  # fmt: skip
    shown = spoken_ids(rows, scenario)
    assert shown["p"].tolist() == ["Olkaria / Naivasha", "Nairobi", "Olkaria / Naivasha"]
    assert shown["item"].tolist() == ["open Olkaria halls", "extend champion nairobi", "Olkaria / Naivasha"]
    site = scenario.sites[0]
    twins = scenario.model_copy(update={"sites": (site, site.model_copy(update={"id": "twin"}))})
    assert spoken(twins, "p")["twin"] == f"{spoken(scenario, 'p')[site.id]} (twin)"


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


def test_what_is_bought_has_one_name_everywhere(scenario: Scenario) -> None:
    """No two rows of a table share a name, so none is told by its id: timeline, energy by source and sentences agree."""
    for source in THINGS:
        names = scenario.catalog.table(source)["name"]
        assert not names.duplicated().any(), names[names.duplicated(keep=False)].tolist()
    name = scenario.catalog.table("power_options").at["pv-utility-2026", "name"]
    rows = pd.DataFrame({
        "h": "champion-olkaria", "w": "", "kind": "plant", "item": ["pv-utility-2026"], "start_date": "2028-01-01",
        "end_date": "2029-01-01", "critical": False, "after": "",
    })  # fmt: skip
    shown = gantt.rows(catalogued(titled(rows, scenario), scenario.catalog))["shown"]
    assert shown.tolist() == [f"Olkaria halls · Plant of its own: {name}"]
    sources = spoken_ids(pd.DataFrame({"source": ["grid", "pv-utility-2026"]}), scenario)
    assert sources["source"].tolist() == ["grid", name]
    assert spoken_text("pv-utility-2026 bought", scenario) == f"{name} bought"


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
