"""What protects the catalog: every kind of fault is found and named, key facts keep published values."""

import csv
import doctest
import importlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from planner.cli import app
from planner.facts.catalog import CatalogError, load_catalog
from planner.facts.errors import UnknownName

LEVELS = ("low", "mid", "high")


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A copy of the catalog to plant faults in."""
    return Path(shutil.copytree(root / "data" / "catalog", tmp_path / "catalog"))


def edit(folder: Path, file: str, change: Callable[[list[list[str]]], object]) -> None:
    path = folder / file
    with path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    change(rows)
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


def put(folder: Path, file: str, line: int, column: str, text: str) -> None:
    def change(rows: list[list[str]]) -> None:
        rows[line - 1][rows[0].index(column)] = text

    edit(folder, file, change)


def problems(folder: Path) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(folder)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


CELL_FAULTS = [
    ("systems.csv", "peak_kw", "ten", "'ten' is not a number"),
    ("systems.csv", "peak_kw", "nan", "'nan' is not a number"),
    ("systems.csv", "n_accelerators", "8.5", "'8.5' is not a whole number"),
    ("systems.csv", "available_from", "2026-13-01", "is not a date YYYY-MM-DD"),
    ("accelerators.csv", "training_capable", "yes", "'yes' is not true or false"),
    ("control_criteria.csv", "level_values", "0;x", "'x' is not a number"),
    ("systems.csv", "peak_kw", "-3", "-3 is below the minimum; allowed from 0.1"),
    ("systems.csv", "liquid_share", "1.5", "1.5 is above the maximum; allowed to 1"),
    (
        "systems.csv",
        "kind",
        "rak",
        "'rak' is not a known value; allowed 'server', 'rack'; did you mean 'rack'?",
    ),
    (
        "stacks.csv",
        "modes",
        "cloud;bild",
        "'bild' is not a known value; allowed 'build', 'colocation', 'cloud'",
    ),
    ("systems.csv", "system_id", "HGX", "'HGX' does not match; allowed"),
    ("systems.csv", "peak_kw", "", "value required"),
    ("systems.csv", "note", "=1+1", "would run as a formula"),
    ("systems.csv", "name", "@cmd", "would run as a formula"),
    ("systems.csv", "accelerator_id", "h10", "no row 'h10' in accelerators.csv; did you mean 'h100'?"),
    (
        "stacks.csv",
        "owner_classes",
        "us-operator;us-oprator",
        "no row 'us-oprator' in owner_classes.csv; allowed",
    ),
    ("systems.csv", "price_usd_high", "1000", "range is not in order: price_usd_low <= price_usd_mid"),
    ("published_ranges.csv", "high", "1", "range is not in order: low <= high"),
    ("systems.csv", "source_url", "", "row has no source and is not marked assumed"),
    ("systems.csv", "assumed_fields", "peak_kv", "no column 'peak_kv'; did you mean 'peak_kw'?"),
]


@pytest.mark.parametrize(
    ("file", "column", "text", "message"), CELL_FAULTS, ids=[c[3][:40] for c in CELL_FAULTS]
)
def test_a_faulty_cell_is_named_with_file_line_and_column(
    folder: Path, file: str, column: str, text: str, message: str
) -> None:
    put(folder, file, 2, column, text)
    found = problems(folder)
    assert any(p.startswith(f"{file}:2: {column}: ") and message in p for p in found), found


def test_an_assumed_row_needs_a_note(folder: Path) -> None:
    put(folder, "owner_classes.csv", 3, "note", "")
    assert problems(folder) == ["owner_classes.csv:3: note: an assumed row must say on what it rests"]


def test_a_duplicate_key_names_both_lines(folder: Path) -> None:
    edit(folder, "profiles.csv", lambda rows: rows.append(rows[1]))
    (problem,) = problems(folder)
    assert problem == "profiles.csv:146: profile_id+hour: duplicate key 'interactive, 0', first on line 2"


def test_columns_unknown_missing_and_misspelt(folder: Path) -> None:
    edit(folder, "halls.csv", lambda rows: rows[0].__setitem__(rows[0].index("it_mw"), "it_mv"))
    assert problems(folder) == [
        "halls.csv:1: it_mv: unknown column; allowed 'it_mw'; did you mean 'it_mw'?",
        "halls.csv:1: it_mw: missing column; allowed 'it_mv'; did you mean 'it_mv'?",
    ]


def test_a_row_of_the_wrong_length(folder: Path) -> None:
    edit(folder, "halls.csv", lambda rows: rows[2].pop())
    (problem,) = problems(folder)
    assert problem.startswith("halls.csv:3: : ") and "cells where the header has" in problem


@pytest.mark.parametrize(
    ("member", "scope", "message"),
    [
        (
            "backup.csv",
            "backup;electrical",
            "'electrical' is priced twice, also in halls.csv:2: a built site pays",
        ),
        ("cooling.csv", "air-cooling", "'air-cooling' is priced twice, also in halls.csv:2"),
        ("parameters.csv", "in-rack-network", "'in-rack-network' is priced twice, also in systems.csv:"),
        ("parameters.csv", "storage", "'storage' is priced twice, also in parameters.csv:2"),
    ],
)
def test_no_item_is_priced_twice(folder: Path, member: str, scope: str, message: str) -> None:
    put(folder, member, 2, "price_scope", scope)
    assert any(message in p for p in problems(folder))


def test_files_missing_undeclared_and_unreadable(folder: Path) -> None:
    (folder / "halls.csv").unlink()
    (folder / "hals.csv").write_text("a\n1\n")
    text = (folder / "backup.csv").read_bytes()
    (folder / "backup.csv").write_bytes(text.replace(b"Diesel", b"D\xefesel"))
    assert problems(folder) == [
        "hals.csv:1: : file is not declared in datapackage.json; did you mean 'halls.csv'?",
        "halls.csv:1: : file is missing",
        "backup.csv:2: : not UTF-8 (byte 0xef)",
    ]


def test_a_broken_descriptor_is_one_problem(folder: Path) -> None:
    (folder / "datapackage.json").write_text("{")
    (problem,) = problems(folder)
    assert problem.startswith("datapackage.json:1: : not a readable description")


def test_all_faults_are_reported_at_once(folder: Path) -> None:
    put(folder, "systems.csv", 2, "peak_kw", "ten")
    put(folder, "countries.csv", 3, "iso3", "jpn")
    put(folder, "stacks.csv", 2, "layers", "nobody")
    files = {problem.split(":")[0] for problem in problems(folder)}
    assert {"systems.csv", "countries.csv", "stacks.csv"} <= files


def test_the_packaged_catalog_is_valid_and_read_once(root: Path) -> None:
    load_catalog(root / "data" / "catalog")
    assert load_catalog() is load_catalog()


def test_tables_are_typed_keyed_and_safe_to_change() -> None:
    catalog = load_catalog()
    systems = catalog.table("systems")
    assert systems.index[0] == systems["system_id"].iloc[0] and systems.index.names == [None]
    assert isinstance(systems["available_from"].iloc[0], pd.Timestamp)
    assert systems["n_accelerators"].dtype == "int64" and systems["assumed"].dtype == bool
    assert math.isnan(catalog.value("systems", "rngd-nxt", "rent_usd_per_accelerator_hour"))
    systems.loc["hgx-b300", "peak_kw"] = 1.0
    del systems["name"]
    assert catalog.value("systems", "hgx-b300", "peak_kw") == 16 and "name" in catalog.table("systems")
    assert catalog.value("profiles", ("batch", 23), "value") == 1.0
    assert catalog.param("production_factor") == 0.6 == catalog.param("production_factor", "mid")
    assert catalog.param("production_factor", "low") < catalog.param("production_factor", "high")


def test_a_wrong_name_is_answered_with_a_near_one() -> None:
    catalog = load_catalog()
    for ask, near in (
        (lambda: catalog.table("system"), "systems"),
        (lambda: catalog.value("systems", "hgx-b30", "peak_kw"), "hgx-b300"),
        (lambda: catalog.value("systems", "hgx-b300", "peak_kv"), "peak_kw"),
        (lambda: catalog.param("availabilty"), "availability"),
        (lambda: catalog.fields("stack"), "stacks"),
    ):
        with pytest.raises(UnknownName, match=f"did you mean '{near}'"):
            ask()


def test_emissions_are_joined_from_files_of_their_own(folder: Path) -> None:
    catalog = load_catalog()
    assert catalog.value("countries", "KOR", "grid_kgco2_per_mwh") == 415.65
    assert catalog.value("metros", "CA-MTL", "grid_kgco2_per_mwh") == 41
    assert pd.isna(catalog.value("metros", "KR-SEO", "grid_kgco2_per_mwh"))  # the country's value serves
    assert catalog.fields("countries")[-1]["unit"] == "kg/MWh"
    edit(folder, "emissions_zones.csv", lambda rows: rows.__delitem__(slice(1, None)))
    assert load_catalog(folder).table("metros")["grid_kgco2_per_mwh"].isna().all()


def test_every_field_is_described_and_every_table_says_where_it_is_from(root: Path) -> None:
    catalog = load_catalog()
    text = (root / "data" / "catalog" / "SOURCES.md").read_text(encoding="utf-8")
    for name in catalog.tables:
        assert all(f["description"] for f in catalog.fields(name)), name
        table = catalog.table(name)
        sourced = table[~table["assumed"]]
        assert sourced["source_url"].str.contains("https?://").all(), name
        if len(sourced) and name not in (
            "aliases",
            "asset_classes",
            "confidential_computing",
            "model_classes",
        ):
            assert name in text, f"{name} has sourced rows but no entry in SOURCES.md"
    assert "not official MLPerf metrics" in text and "Changes were made" in text


def test_profiles_have_the_means_their_use_needs() -> None:
    table = load_catalog().table("profiles")
    assert all(sorted(hours) == list(range(24)) for _, hours in table.groupby("profile_id")["hour"])
    stats = table.groupby("profile_id")["value"].agg(["mean", "max"])
    assert (stats.loc[["interactive", "standard", "batch"], "max"] == 1).all()
    assert stats.loc["tariff", "mean"] == pytest.approx(1) and stats.loc[
        "temperature", "mean"
    ] == pytest.approx(0)


def test_processing_performance_follows_from_the_peaks() -> None:
    chips = load_catalog().table("accelerators")
    bits = {"bf16_dense_tflops": 16, "fp8_dense_tflops": 8, "fp4_dense_tflops": 4}
    best = pd.concat([chips[column] * n for column, n in bits.items()], axis=1).max(axis=1)
    assert chips["tpp"].to_numpy() == pytest.approx(best.to_numpy(), abs=0.05)


def test_levels_leave_room_and_systems_fit_a_cooling_technology() -> None:
    catalog = load_catalog()
    parameters = catalog.table("parameters").drop(
        ["price_year", "us_routed_chip_duty"]
    )  # a date, a rate of law
    assert (parameters["value_low"] < parameters["value_high"]).all()
    systems, cooling = catalog.table("systems"), catalog.table("cooling")
    assert (systems["idle_kw"] < systems["typical_kw"]).all() and (
        systems["typical_kw"] <= systems["peak_kw"]
    ).all()
    liquid = systems["liquid_share"] > 0
    assert (systems.loc[liquid, "rack_kw"] <= cooling.loc["direct-to-chip", "max_rack_kw"]).all()
    assert (systems.loc[~liquid, "rack_kw"] <= cooling.loc["rear-door", "max_rack_kw"]).all()
    kw_per_accelerator = systems["peak_kw"] / systems["n_accelerators"]
    assert kw_per_accelerator.between(0.3, 5).all()


def test_the_descriptor_lists_keys_that_exist(root: Path) -> None:
    package = json.loads((root / "data" / "catalog" / "datapackage.json").read_text(encoding="utf-8"))
    names = {r["name"]: {f["name"] for f in r["schema"]["fields"]} for r in package["resources"]}
    for resource in package["resources"]:
        assert set(resource["schema"]["primaryKey"]) <= names[resource["name"]]
        for link in resource["schema"].get("foreignKeys", []):
            assert link["fields"] in names[resource["name"]]
            assert link["reference"]["fields"] in names[link["reference"]["resource"]]
    for total in package["x-sums"]:
        assert all("price_scope" in names[m["resource"]] for m in total["members"])


def test_a_cell_names_its_own_source() -> None:
    catalog = load_catalog()
    assert catalog.source("countries", "KOR", "elec_price_usd_per_mwh").endswith(
        "country_electricity_prices.csv"
    )
    assert catalog.source("countries", "KOR", "it_import_duty_pct").startswith("http://www.2n2y.com")
    assert "wb_population" in catalog.source("countries", "KOR", "gdp_ppp_busd")
    assert "elec_price" not in catalog.source("countries", "KOR", "construction_musd_per_mw_it")
    assert catalog.source("parameters", "installation_cost_share", "value_mid") == "assumed"


def test_names_of_all_published_measurements_resolve() -> None:
    aliases = load_catalog().table("aliases")
    for name in (
        "NVIDIA H200-NVL-141GB",
        "A100-SXM-80GB",
        "NVIDIA Blackwell GPU (GB200)",
        "TPU v6e",
        "DGX B300",
    ):
        assert name in aliases.index, name


def test_the_catalog_command_shows_checks_and_suggests(folder: Path) -> None:
    run = CliRunner().invoke
    assert "systems" in run(app, ["catalog"]).output
    cell = json.loads(run(app, ["catalog", "systems", "gb300-nvl72", "price_usd_mid", "--json"]).stdout)[
        "cells"
    ][0]
    assert cell["value"] == 4_000_000
    assert cell["unit"] == "USD" and cell["source"].startswith("https://awesomeagents.ai")
    wrong = run(app, ["catalog", "systms"])
    assert wrong.exit_code == 2 and "did you mean 'systems'" in wrong.output
    assert run(app, ["catalog", "--check"]).exit_code == 0
    put(folder, "systems.csv", 6, "peak_kw", "-145")
    bad = run(app, ["catalog", "--check", "--catalog", str(folder), "--json"])
    assert bad.exit_code == 2 and not json.loads(bad.stdout)["valid"]
    assert len(json.loads(run(app, ["catalog", "countries", "--json"]).stdout)) == 199


@pytest.mark.parametrize(
    "module",
    [
        "planner.facts.catalog",
        "planner.facts.sheets",
        "planner.curation.plausibility",
        "planner.starter.choices",
    ],
)
def test_examples_in_docstrings_hold(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))
    assert results.failed == 0
