"""What protects the check of the catalog: planted faults are found, true figures are left in peace."""

import csv
import json
import math
import shutil
from pathlib import Path

import pytest

from planner.curation.review import audit_catalog, odd_figures
from planner.facts.catalog import packaged_root, read_sheets

pytestmark = pytest.mark.untraced


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A copy of the catalog to plant faults in."""
    return Path(shutil.copytree(root / "data" / "catalog", tmp_path / "catalog"))


def put(folder: Path, file: str, line: int, column: str, text: str) -> None:
    path = folder / file
    with path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    rows[line - 1][rows[0].index(column)] = text
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


def test_the_packaged_catalog_passes_the_audit(root: Path) -> None:
    """Including figures that are odd but accepted by name, with a reason."""
    assert audit_catalog(root / "data" / "catalog") == []
    package = json.loads((root / "data" / "catalog" / "datapackage.json").read_text(encoding="utf-8"))
    rules = [rule for r in package["resources"] for rule in r.get("x-outliers", [])]
    assert all(len(a["why"]) > 20 for rule in rules for a in rule.get("accepted", []))


PRICES = (
    ("countries", ("elec_price_usd_per_mwh",)),
    ("countries", ("construction_musd_per_mw_it",)),
    ("metros", ("construction_musd_per_mw_it",)),
    ("systems", ("price_usd_low", "price_usd_mid", "price_usd_high")),
    ("systems", ("rent_usd_per_accelerator_hour",)),
)


@pytest.mark.parametrize(("table", "columns"), PRICES, ids=[f"{t}-{c[0]}" for t, c in PRICES])
@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_any_price_ten_times_its_neighbours_is_found(
    table: str, columns: tuple[str, ...], factor: float
) -> None:
    """Some forty rows of each table in turn: by its peers, or by the limits of its column."""
    _, sheets, problems = read_sheets(packaged_root())
    assert problems == []
    sheet = sheets[table]
    for row in range(0, len(sheet.lines), max(1, len(sheet.lines) // 40)):
        known = {c: sheet.values[c][row] for c in columns if sheet.values[c][row]}
        if not known:
            continue
        for column, value in known.items():
            sheet.values[column][row] = value * factor
        limits = [sheet.fields[c].get("constraints", {}) for c in known]
        beyond = any(
            not k.get("minimum", 0) <= sheet.values[c][row] <= k.get("maximum", math.inf)
            for c, k in zip(known, limits, strict=True)
        )
        found = [p for p in odd_figures(sheet, sheets) if p.startswith(f"{sheet.file}:{sheet.lines[row]}:")]
        assert found or beyond, (table, sheet.cells[sheet.key[0]][row])
        for column, value in known.items():
            sheet.values[column][row] = value


FORM = (
    ("systems.csv", 6, "accelerator_id", "gb20", "no row 'gb20' in accelerators.csv"),
    ("systems.csv", 7, "peak_kw", "-145", "-145 is below the minimum"),
    ("countries.csv", 4, "elec_price_usd_per_mwh", "-65", "-65 is below the minimum"),
    ("countries.csv", 5, "source_url", "", "row has no source and is not marked assumed"),
    ("connections.csv", 2, "capex_musd_per_mw_high", "6", "6 is above the maximum"),
    ("parameters.csv", 2, "unit", "", "value required"),
    ("cooling.csv", 2, "pue_a", "0.12", "is below the minimum"),
    ("model_classes.csv", 2, "model_id", "lama3.1-8b", "no row 'lama3.1-8b' in models.csv"),
    ("metros.csv", 30, "iso3", "KRO", "no row 'KRO' in countries.csv"),
)
"""Faults that stop loading as well."""
SENSE = (
    ("systems.csv", 6, "price_usd_high", "40000000", "times price_usd_mid"),
    ("systems.csv", 2, "rent_usd_per_accelerator_hour", "13", "times the median of"),
    ("systems.csv", 4, "source_date", "2031-05-01", "lies ahead: a source cannot be newer than"),
    ("systems.csv", 5, "source_date", "2025-20", "is no day of the calendar"),
    ("systems.csv", 7, "source_date", "", "a sourced row has no date"),
    ("systems.csv", 8, "source_url", "seen somewhere", "is no address"),
    ("locality_rules.csv", 3, "iso3", "KRO", "no country has the code 'KRO'; did you mean"),
    ("real_projects.csv", 4, "iso3", "XKZ", "no country has the code 'XKZ'"),
    ("facility_costs.csv", 3, "value_mid", "-15.15", "is below zero, which MUSD/MW IT is not"),
    ("facility_costs.csv", 4, "value_mid", "145.3", "times the median of 52 peers"),
    ("metros.csv", 30, "t_aug_c", "-27.1", "K off its neighbours"),
    ("models.csv", 5, "params_total_b", "4050", "but its name says 405"),
    ("countries.csv", 4, "corporate_tax_pct", "0.9", "and alone there: wrong unit or digit?"),
    ("accelerators.csv", 6, "fp8_dense_tflops", "19790", "to 4.2 is possible"),
    ("throughput.csv", 94, "tokens_per_s_per_accelerator", "68210", "what all other measurements"),
    ("training_runs.csv", 64, "accelerator_hours", "700000", "of the peak"),
    ("real_projects.csv", 3, "capex_musd", "240930", "MUSD per MW"),
    ("facility_costs.csv", 6, "value_mid", "25", "times the median of"),
    ("accelerators.csv", 31, "hbm_tb_s", "4.9", "two versions of a chip mixed?"),
    ("accelerators.csv", 3, "usable_mem_gb", "141", "141 GB, but its name says 80"),
    ("halls.csv", 2, "lead_months_high", "33.1", "is the build_months of fairwater-wi alone"),
    ("parameters.csv", 28, "value_mid", "12.5", "is the capex_musd per planned_mw of abilene alone"),
    ("connections.csv", 2, "lead_months_high", "24", "24 is lead_months_low as well: a range needs a width"),
    ("systems.csv", 7, "peak_kw", "140", "140 kW lies below the 145 of gb200-nvl72"),
    ("systems.csv", 3, "source_date", "2023-01", "months before the catalog: at most 24"),
    ("finance_terms.csv", 34, "source_date", "2025-11-30", "months before the catalog: at most 9"),
)
"""Faults of a catalog that loads."""
UNSEEN = (("connections.csv", 2, "lead_months_low", "24", ""), ("systems.csv", 6, "peak_kw", "145", ""))
"""Planted together with the faults: what another row or cell then contradicts."""


def _planted(root: Path, folder: Path, faults: tuple[tuple[str, int, str, str, str], ...]) -> list[str]:
    shutil.copytree(root / "data" / "catalog", folder)
    for file, line, column, text, _ in faults:
        put(folder, file, line, column, text)
    return audit_catalog(folder)


@pytest.fixture(scope="module")
def found(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the audit says of two catalogs with all planted faults."""
    at = tmp_path_factory.mktemp("planted")
    return _planted(root, at / "form", FORM) + _planted(root, at / "sense", SENSE + UNSEEN)


@pytest.mark.parametrize(
    ("file", "line", "column", "message"),
    [(f, n, c, m) for f, n, c, _, m in FORM + SENSE],
    ids=[f"{f[1]}-{f[2]}-{f[4][:30]}" for f in FORM + SENSE],
)
def test_the_audit_finds_planted_faults(
    found: list[str], file: str, line: int, column: str, message: str
) -> None:
    assert any(p.startswith(f"{file}:{line}: {column}: ") and message in p for p in found), found


def test_the_audit_finds_a_missing_unit_and_a_stale_acceptance(folder: Path) -> None:
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    systems = next(r for r in package["resources"] if r["name"] == "systems")
    del next(f for f in systems["schema"]["fields"] if f["name"] == "peak_kw")["unit"]
    systems["x-outliers"][0]["accepted"] = [{"row": "hgx-h100", "why": "was odd once, is not any more"}]
    path.write_text(json.dumps(package), encoding="utf-8")
    assert audit_catalog(folder) == [
        "systems.csv:1: peak_kw: no unit is declared for this number",
        "systems.csv:1: system_id: the accepted oddity 'hgx-h100' is not there any more",
    ]


def test_an_accepted_oddity_stays_quiet(folder: Path) -> None:
    put(folder, "systems.csv", 2, "rent_usd_per_accelerator_hour", "13")
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    systems = next(r for r in package["resources"] if r["name"] == "systems")
    rule = next(r for r in systems["x-outliers"] if r["columns"] == ["rent_usd_per_accelerator_hour"])
    rule["accepted"] = [{"row": "hgx-h100", "why": "a price of a day of shortage, as published"}]
    path.write_text(json.dumps(package), encoding="utf-8")
    assert audit_catalog(folder) == []


def test_a_catalog_of_a_few_tables_is_checked_too(folder: Path) -> None:
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    keep = {"countries", "regions", "emissions_ember", "metros", "emissions_zones"}
    package = {**package, "x-sums": [], "resources": [r for r in package["resources"] if r["name"] in keep]}
    path.write_text(json.dumps(package), encoding="utf-8")
    for file in folder.glob("*.csv"):
        if file.stem not in keep:
            file.unlink()
    assert audit_catalog(folder) == []
    put(folder, "metros.csv", 3, "source_date", "2031")
    (fault,) = audit_catalog(folder)
    assert fault.startswith("metros.csv:3: source_date: 2031 lies ahead")
