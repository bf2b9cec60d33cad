"""Faults of what sites offer come all at once, each at its place, with what would cure it."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.case.context import Context
from planner.case.plant import hire_table, plant_table, supply_table
from planner.case.plant_offers import faults
from planner.case.storage import storage_table
from planner.facts.errors import MissingFact
from planner.intake.scenario_file import ScenarioError, load_scenario, with_overrides
from planner.scenario.power import PowerOption, SitePower
from planner.scenario.schema import Scenario


@pytest.fixture(scope="module")
def small(root: Path) -> Scenario:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pv-utility-2026", "power option"), ("grid-flexible", "grid connection"), ("farm", "")],
)
def test_a_contract_is_not_named_as_plant_or_a_line(small, name, kind):
    """Else its energy, which may not be renewable, counted as that of the plant."""
    contract = {"id": name, "max_mw": 30, "usd_per_mwh": 60, "term_months": 120}
    changes = {
        "sites[haenam].power": {"options": [{"id": "pv-utility-2026", "max_mw": 0.01}], "ppas": [contract]}
    }
    if not kind:
        with_overrides(small, changes)
        return
    with pytest.raises(ScenarioError) as error:
        with_overrides(small, changes)
    (problem,) = error.value.problems
    assert (
        problem.path.startswith("sites[haenam].power.ppas[")
        and f"is a {kind} of the catalog" in problem.message
    )


def test_every_fault_of_every_site_is_told_at_once(small):
    plant = [
        {"id": "gas-turbine-queue-2026"},
        {"id": "gas-engine-dc-2026", "ways": ["rent"]},
        {"id": "wind-onshore-2026"},
        {"id": "nuclear-smr-2026", "max_mw": 50},
    ]
    changes = {
        "sites[haenam].power": {"options": plant},
        "sites[busan].power": {
            "options": [{"id": "gas-ccgt-eu-2025"}, {"id": "gas-engin-dc-2026"}],
            "flexible": {"id": "grid-firm", "max_mw": 5},
        },
    }
    with pytest.raises(ScenarioError) as error:
        with_overrides(small, changes)
    found: dict[tuple[str, str], str] = {}
    for p in error.value.problems:
        place = p.path.split(".")[0], p.path.split("options")[-1]
        found[place] = f"{found.get(place, '')}; {p.message}"
    expected = {
        (
            "sites[haenam]",
            "[gas-turbine-queue-2026]",
        ): "give capex_usd_per_kw or rent_usd_per_kw_month (rows that have all",
        ("sites[haenam]", "[gas-engine-dc-2026].rent_usd_per_kw_month"): "give rent_usd_per_kw_month",
        ("sites[haenam]", "[gas-engine-dc-2026].term_months"): "give term_months",
        ("sites[haenam]", "[wind-onshore-2026].max_mw"): "how much wind power the place has room for",
        ("sites[haenam]", "[nuclear-smr-2026].max_mw"): "50 MW are less than one unit of 300 MW",
        ("sites[busan]", "[gas-ccgt-eu-2025].lead_months"): "give lead_months",
        ("sites[busan]", "[gas-ccgt-eu-2025].forced_outage_pct"): "give forced_outage_pct",
        ("sites[busan]", "[gas-engin-dc-2026].id"): "did you mean 'gas-engine-dc-2026'",
        ("sites[busan]", "sites[busan].power.flexible.id"): "'grid-flexible'",
    }
    for place, words in expected.items():
        assert words in found.get(place, ""), (place, found)


def test_what_passes_the_check_has_every_figure_and_what_does_not_is_refused(small):
    """Every row of the catalog as it stands, and each way to get it."""
    catalog, long = small.catalog, small.horizon.model_copy(update={"years": 20})
    for name in catalog.table("power_options").index:
        for ways in (None, ["buy"], ["rent"]):
            option = PowerOption(id=str(name), ways=ways, max_mw=2000)
            site = small.sites[0].model_copy(update={"power": SitePower(options=[option])})
            context = Context.of(
                small.model_copy(update={"sites": [site, *small.sites[1:]], "horizon": long}), catalog
            )
            if list(faults(context, option)):
                with pytest.raises(MissingFact, match=str(name)):
                    plant_table(context)
                continue
            made = [t(context) for t in (plant_table, hire_table, supply_table, storage_table)]
            assert len(made[0]) + len(made[1]) and len(made[2])
            assert not any(
                t.drop(columns="resale_share", errors="ignore").isna().any(axis=None) for t in made
            ), name
