"""What protects the fallback chain: every rung is taken in order, says what it is, and no country is left without."""

import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from planner.case.context import Context
from planner.case.locality import rule_for
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import UnknownName
from planner.facts.fallbacks import ITEMS, cost_of_capital_real, fallback_chain, locality_gaps, lookup
from planner.scenario.schema import Scenario


def small(country: str, metro: str, **workload: object) -> Scenario:
    return Scenario.model_validate(
        {
            "planner": 1,
            "name": "small",
            "country": country,
            "horizon": {"start": "2027-01-01", "years": 4},
            "demand": [
                {
                    "id": "w",
                    "kind": "inference",
                    "sector": "government",
                    "data_class": "official",
                    "latency_class": "standard",
                    "model_class": "medium",
                    "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 100}]},
                    **workload,
                }
            ],
            "sites": [{"id": "s", "metro": metro, "grid_mw": [{"from": "2027-01-01", "mw": 10}]}],
            "hosts": [
                {
                    "id": "h",
                    "site": "s",
                    "mode": "build",
                    "owner_class": "national-champion",
                    "operator": "o",
                    "stacks": ["champion-us-chips"],
                }
            ],
            "stacks": [{"id": "champion-us-chips"}],
            "systems": [{"id": "hgx-b300"}],
        }
    )


def test_the_rungs_are_taken_in_order() -> None:
    catalog = load_catalog()
    item = "grid_connect_months"
    assert lookup(catalog, "JPN", item, metro="JP-TYO", own=12.0).origin == "scenario"
    place = lookup(catalog, "DEU", item, metro="DE-FRA")
    assert (place.origin, place.value) == ("place", 84.0)
    country = lookup(catalog, "DEU", item, metro="DE-BER")
    assert (country.origin, country.value) == ("country", 60.0)
    region = lookup(catalog, "POL", item, metro="PL-WAW")
    waits = [catalog.value("countries", i, "grid_connect_months_mid") for i in ("DEU", "FRA", "GBR")]
    assert (region.origin, region.value, region.assumed) == ("region", sorted(waits)[1], True)
    assert "3 in Europe" in region.why
    world = lookup(catalog, "KEN", item, metro="KE-NBO")
    assert (world.origin, world.assumed) == ("world", True)
    assert world.value == catalog.param("fallback_grid_connect_months")
    assert lookup(catalog, "ZZZ", item).origin == "world"


def test_a_stated_region_goes_before_the_median_and_levels_follow() -> None:
    catalog = load_catalog()
    low, mid, high = (
        lookup(catalog, "KAZ", "wind_capacity_factor_pct", level).value for level in ("low", "mid", "high")
    )
    assert low < mid < high
    assert mid == catalog.value("regions", "Central Asia", "wind_capacity_factor_pct_mid")
    gas = lookup(catalog, "DEU", "gas_usd_per_mmbtu"), lookup(catalog, "KEN", "gas_usd_per_mmbtu")
    assert [g.origin for g in gas] == ["region", "world"]
    waits = [lookup(catalog, "POL", "grid_connect_months", level).value for level in ("low", "mid", "high")]
    assert waits == sorted(waits)


def test_the_class_of_a_country_goes_before_its_region() -> None:
    catalog = load_catalog()
    own = lookup(catalog, "ARM", "country_risk_premium_pct")
    assert (own.origin, own.value) == ("country", 3.01)  # class 6 would give more
    found = lookup(catalog, "BWA", "country_risk_premium_pct")
    name = catalog.value("countries", "BWA", "oecd_risk_class")
    assert found.value == catalog.value("risk_classes", name, "country_risk_premium_pct_mid")
    assert found.assumed and found.said.endswith("; rung: class")
    unclassified = lookup(catalog, "AND", "country_risk_premium_pct")
    assert unclassified.origin == "region"


def test_an_estimate_of_the_catalog_counts_as_assumed() -> None:
    found = lookup(load_catalog(), "QAT", "construction_musd_per_mw_it", metro="QA-DOH")
    assert found.origin == "country" and found.assumed and "estimate" in found.why
    assert not lookup(load_catalog(), "ARE", "construction_musd_per_mw_it").assumed


def test_every_country_has_every_value_within_its_limits() -> None:
    catalog = load_catalog()
    limits = {
        f["name"]: f.get("constraints", {}) for t in ("regions", "countries") for f in catalog.fields(t)
    }
    for iso3 in catalog.table("countries").index:
        table = fallback_chain(catalog, iso3)
        assert list(table["item"]) == list(ITEMS) and table["value"].notna().all()
        for row in table.itertuples():
            bound = limits.get(row.item) or limits.get(f"{row.item}_mid", {})
            assert bound["minimum"] <= row.value <= bound["maximum"], (iso3, row.item)
            assert row.assumed or row.origin == "country", (iso3, row.item)
        assert 0.03 < cost_of_capital_real(catalog, iso3).value < 0.2


def test_the_cost_of_capital_rises_with_the_risk() -> None:
    catalog = load_catalog()
    assert cost_of_capital_real(catalog, "AUS").value == pytest.approx(catalog.param("discount_rate_real"))
    assert cost_of_capital_real(catalog, "ARM").value == pytest.approx(0.06 + 0.0301)


def test_what_a_case_assumes_is_listed_once_and_only_where_assumed() -> None:
    catalog = load_catalog()
    context = Context.of(small("KEN", "KE-NBO"), catalog)
    site, host = context.scenario.sites[0], context.scenario.hosts[0]
    assert context.grid_connect_months(site) == 24.0
    assert context.import_duty(host) == pytest.approx(0.025)
    assert context.elec_price_usd_per_mwh(site) == 140.0
    listed = {a["item"]: a for a in context.assumed}
    assert set(listed) == {"wait for the grid at s", "import duty on servers at s"}
    assert "world default" in listed["wait for the grid at s"]["why"]


def test_no_rule_found_is_the_strictest_of_the_class() -> None:
    catalog = load_catalog()
    assert ("public", "official") in locality_gaps(catalog, "ARM")
    for data_class, protection in (("public", "none"), ("sensitive", "confidential-computing")):
        context = Context.of(small("ARM", "AM-EVN", data_class=data_class), catalog)
        rule = rule_for(context, context.scenario.demand[0])
        assert (rule.where, rule.protection, rule.assumed) == ("in-country", protection, True)
        assert "locality of w" in {a["item"] for a in context.assumed}
    known = Context.of(small("KOR", "KR-SEO"), catalog)
    assert not rule_for(known, known.scenario.demand[0]).assumed and not known.assumed


def test_a_value_taken_out_of_the_catalog_is_replaced_and_said_so(root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(root / "data" / "catalog", tmp_path / "catalog"))
    path = folder / "countries.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[table["iso3"] == "SWE", "elec_price_usd_per_mwh"] = ""
    table.to_csv(path, index=False, lineterminator="\n")
    catalog: Catalog = load_catalog(folder)
    found = lookup(catalog, "SWE", "elec_price_usd_per_mwh")
    europe = table.loc[
        (table["region"] == "Europe") & (table["elec_price_usd_per_mwh"] != ""), "elec_price_usd_per_mwh"
    ]
    assert found.origin == "region" and math.isclose(found.value, europe.astype(float).median())


def test_an_unknown_item_is_answered_with_a_near_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'grid_connect_months'"):
        lookup(load_catalog(), "KEN", "grid_conect_months")
