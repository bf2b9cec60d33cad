"""What protects facts of one's own: they hold from the case to the proof, and a run keeps what it was made with."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from planner.app.components.result import other_facts
from planner.app.services import Services, Settings
from planner.audit import audit
from planner.case.build import build_case
from planner.cli import app
from planner.facts.catalog import Catalog, load_catalog
from planner.intake.scenario_file import dump_scenario
from planner.jobs.store import Store, default_url
from planner.planning.pipeline import solve
from planner.runs.batch import batch
from planner.runs.compare import compare_runs
from planner.runs.files import write_json
from planner.runs.run import Run
from planner.runs.solve import run_solve
from planner.scenario.schema import Scenario

Tiny = Callable[..., Scenario]
STAFF = "staff_usd_per_accelerator_year"
DEAR = {
    "parameters.csv": f"parameter,value_low,value_mid,value_high\n{STAFF},50000,90000,150000\n",
    "published_ranges.csv": "range_id,low,high\nlevelised-hopper,90,99\nlevelised-blackwell,90,99\n",
    "control_criteria.csv": "criterion_id,decision\n1.1,platform\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of one's own: dear staff, a published range and a criterion that nobody else has."""
    place = tmp_path_factory.mktemp("dear")
    for name, text in DEAR.items():
        (place / name).write_text(text, "utf-8")
    return place


@pytest.fixture(scope="module")
def dear(folder: Path) -> Catalog:
    return load_catalog(folder)


@pytest.fixture(scope="module")
def run(dear: Catalog, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_solve(tiny(), {"quality": "quick"}, tmp_path_factory.mktemp("runs") / "dear", catalog=dear)


def test_proof_uses_the_facts_the_plan_was_made_with(dear: Catalog, tiny: Tiny) -> None:
    quick, proof = (solve(build_case(tiny(), dear), quality) for quality in ("quick", "proof"))
    packaged = solve(build_case(tiny(), load_catalog()), "quick")
    assert quick.plan is not None and proof.plan is not None and packaged.plan is not None
    cost = {name: o.plan.kpi("cost_npv_musd") for name, o in (("quick", quick), ("proof", proof)) if o.plan}
    assert cost["quick"] > 2 * packaged.plan.kpi("cost_npv_musd")
    assert quick.gap is not None and cost["proof"] == pytest.approx(cost["quick"], rel=quick.gap + 0.03)
    assert proof.plan.case.catalog is dear and not len(audit(proof.plan))


def test_ranges_and_control_are_those_of_the_same_facts(run: Run) -> None:
    kpis = run.kpis.set_index("kpi")
    hour = kpis.loc["levelised_built_usd_per_accelerator_hour"]
    assert (hour["low"], hour["high"]) == (90, 99)
    control = run.table("control").set_index("criterion")
    assert control.loc["1.1", "decision"] == "platform"


def test_a_run_keeps_its_facts_and_opens_with_them(run: Run, dear: Catalog, folder: Path) -> None:
    again = Run(run.path)
    assert again.manifest["catalog_hash"] == dear.hash and again.catalog == dear
    assert {p.name: p.read_text() for p in (run.path / "catalog").iterdir()} == DEAR
    assert again.plan().case.catalog.param(STAFF) == 90000
    assert again.catalog_notes(load_catalog(folder)) == []


def test_other_facts_are_told(run: Run, tmp_path: Path) -> None:
    (note,) = run.catalog_notes(load_catalog())
    assert "was made with another catalog" in note and run.catalog.hash[:12] in note
    (run.path / "catalog" / "parameters.csv").write_text(DEAR["parameters.csv"].replace("90000", "91000"))
    try:
        told = Run(run.path).catalog_notes(load_catalog())
    finally:
        (run.path / "catalog" / "parameters.csv").write_text(DEAR["parameters.csv"])
    assert len(told) == 2 and "the facts have changed since it was made" in told[0]


def test_where_no_catalog_is_noted_none_is_claimed(run: Run, tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", {"kind": "batch"})
    assert Run(tmp_path).catalog_notes(load_catalog()) == []
    write_json(tmp_path / "manifest.json", {"kind": "batch", "catalog_hash": run.catalog.hash})
    assert Run(tmp_path).catalog_notes(run.catalog) == []
    (note,) = Run(tmp_path).catalog_notes(load_catalog())
    assert "another catalog" in note


def test_the_packaged_catalog_leaves_no_files(tiny: Tiny, tmp_path: Path) -> None:
    made = run_solve(tiny(), {"quality": "quick"}, tmp_path / "plain")
    assert not (made.path / "catalog").exists() and made.catalog_notes(load_catalog()) == []


def test_a_batch_takes_the_facts_to_its_workers(dear: Catalog, run: Run, tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(dump_scenario(tiny()))
    manifest = {"batch": 1, "scenario": "tiny.yaml", "quality": "quick", "cases": [{"id": "one"}]}
    (tmp_path / "sweep.yaml").write_text(json.dumps(manifest))
    made = batch(tmp_path / "sweep.yaml", tmp_path / "out", workers=1, catalog=dear)
    case = Run(made.path / "cases" / "one")
    assert case.catalog == dear and case.manifest["catalog_hash"] == dear.hash
    assert case.kpi("cost_npv_musd") == pytest.approx(run.kpi("cost_npv_musd"), rel=1e-9)
    assert not len(compare_runs([run, case]).inputs.query("path == 'catalog'"))


def test_the_command_line_says_that_a_run_has_other_facts(run: Run, folder: Path) -> None:
    plain = CliRunner().invoke(app, ["explain", str(run.path)])
    assert plain.exit_code == 0 and "was made with another catalog" in " ".join(plain.stderr.split())
    same = CliRunner().invoke(app, ["explain", str(run.path), "--catalog", str(folder)])
    assert same.exit_code == 0 and same.stderr == "" and same.stdout == plain.stdout


def test_a_page_of_the_application_says_it_too(run: Run, folder: Path, tmp_path: Path) -> None:
    store = Store(default_url(tmp_path))
    other = Services(Settings(runs_root=tmp_path), store)
    (note,) = other_facts(other, run).children
    assert "was made with another catalog" in str(note.children)
    assert not other_facts(Services(Settings(runs_root=tmp_path, catalog=folder), store), run).children
