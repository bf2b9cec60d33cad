"""What protects a catalog of one's own: rows laid over the packaged ones, every fault at its place, one hash."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.case.build import build_case
from planner.facts.catalog import Catalog, CatalogError, load_catalog
from planner.intake.scenario_file import example_path, load_scenario, with_overrides

STAFF = "staff_usd_per_accelerator_year"
Folder = Callable[..., Path]


def faults(folder: Path) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(folder)
    return caught.value.problems


def test_a_folder_needs_the_columns_it_changes_only(own_facts: Folder) -> None:
    folder = own_facts({"parameters.csv": f"parameter,value_mid\n{STAFF},900\n"})
    own, base = load_catalog(folder), load_catalog()
    assert own.param(STAFF) == 900 and own.param(STAFF, "low") == base.param(STAFF, "low") == 300
    changed = own.table("parameters").loc[STAFF]
    assert changed["assumed_fields"] == "value_mid" and str(changed["note"]).startswith(
        "own value of value_mid; "
    )
    assert own.source("parameters", STAFF, "value_mid") == "own value"
    assert own.source("parameters", STAFF, "value_low") == base.source("parameters", STAFF, "value_low")
    for name in base.tables:
        rest = own.table(name) if name != "parameters" else own.table(name).drop(STAFF)
        whole = base.table(name) if name != "parameters" else base.table(name).drop(STAFF)
        assert rest.equals(whole), name


def test_a_row_that_names_its_source_keeps_it(own_facts: Folder) -> None:
    row = f"{STAFF},900,1100,1300,https://example.org/wages,2026-05\n"
    header = "parameter,value_low,value_mid,value_high,source_url,source_date\n"
    own = load_catalog(own_facts({"parameters.csv": header + row}))
    found = own.table("parameters").loc[STAFF]
    assert own.source("parameters", STAFF, "value_mid") == "https://example.org/wages"
    assert not found["assumed"] and found["source_date"] == "2026-05"


def test_new_rows_are_added_and_marked_as_own(own_facts: Folder) -> None:
    own = load_catalog(own_facts({"rent_terms.csv": "rent_term,price_factor,months\nfive-year,0.9,60\n"}))
    table = own.table("rent_terms")
    assert list(table.index) == [*load_catalog().table("rent_terms").index, "five-year"]
    assert table.loc["five-year", "assumed"] and table.loc["five-year", "note"] == "own row"
    assert own.source("rent_terms", "five-year", "months") == "own value"


def test_every_fault_at_once_with_file_line_and_suggestion(own_facts: Folder) -> None:
    folder = own_facts({
        "parametrs.csv": "parameter,value_mid\n",
        "systems.csv": "system_id,peak_kW\nhgx-b300,14\n",
        "halls.csv": "hall_type,lead_months_mid\nmodulr,9\nconventional,soon\n",
        "cooling.csv": "name\nx\n",
        "regions.csv": "region,note\nEast Asia,a\nEast Asia,b\n",
        "layers.csv": "layer_id,earliest\nkeys-partner,2028\nkeys-partner\n",
    })  # fmt: skip
    text = "\n".join(faults(folder))
    for expected in (
        "parametrs.csv:1: : no table of the catalog has this file; did you mean 'parameters.csv'?",
        "systems.csv:1: peak_kW: unknown column; did you mean 'peak_kw'?",
        "halls.csv:2: hall_type: no row 'modulr' in halls.csv; allowed 'conventional', 'modular', 'modular-at-risk', "
        "'retrofit'; did you mean 'modular'?",
        "halls.csv:3: lead_months_mid: 'soon' is not a number",
        "cooling.csv:1: cooling_id: missing column",
        "regions.csv:3: region: duplicate key 'East Asia', first on line 2",
    ):
        assert f"{folder}/{expected}" in text, expected
    assert "a new row needs" in text


@pytest.mark.parametrize(("made", "words"), [(False, "is no folder"), (True, "holds no table")])
def test_a_folder_without_tables_is_refused(made: bool, words: str, tmp_path: Path) -> None:
    if made:
        (tmp_path / "own").mkdir()
    assert words in faults(tmp_path / "own")[0]


def test_the_hash_is_of_the_content(own_facts: Folder, plain_catalog: Callable[..., Catalog]) -> None:
    base = load_catalog()
    same = own_facts({"parameters.csv": f"parameter,value_mid\n{STAFF},500\n"})
    other = load_catalog(own_facts({"parameters.csv": f"parameter,value_mid\n{STAFF},501\n"}))
    assert load_catalog(same) == base and load_catalog(same).hash == base.hash
    assert other != base and other.hash != base.hash
    copy = pickle.loads(pickle.dumps(other))
    assert copy == other and copy.own_files == other.own_files and {other: 1}[copy] == 1
    assert plain_catalog() != base and plain_catalog() == plain_catalog()


def test_a_scenario_carries_the_facts_it_was_read_with(own_facts: Folder) -> None:
    own = load_catalog(own_facts({"parameters.csv": f"parameter,value_mid\n{STAFF},900\n"}))
    scenario = load_scenario(example_path("two-hosts"), own)
    assert scenario.catalog is own and load_scenario(example_path("two-hosts")).catalog == load_catalog()
    changed = with_overrides(scenario, {"limits.min_control": 50})
    assert build_case(changed).physics[STAFF] == 900
    assert pickle.loads(pickle.dumps(changed)).catalog == own
    assert changed != scenario and with_overrides(changed, {"limits.min_control": None}) == scenario
