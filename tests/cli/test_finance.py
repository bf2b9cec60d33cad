"""The command `planner finance`: a run, its downside cases, a pro-forma without a plan, and what cannot be financed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from planner.cli.finance_shown import show_finance
from planner.cli.summary import not_financed
from planner.finance.tables import CAUTIONS, FAULTS, SCHEMA
from planner.intake.scenario_file import dump_scenario, with_overrides
from planner.report.finance import figures
from planner.runs.finance import finance_of_run
from planner.runs.run import Run
from planner.runs.solve import financed, run_solve
from planner.runs.writer import start_run
from planner.scenario.finance import Finance, Grant
from tests.cli.test_cli import Call, call  # noqa: F401 (a fixture)
from tests.finance.deals import FAST, deal

GIVEN = Path(__file__).parents[1] / "finance" / "yearly_cases.json"


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, untraced: Callable[[], AbstractContextManager[None]]
) -> Run:
    folder = tmp_path_factory.mktemp("finance")
    with untraced():
        return run_solve(with_overrides(deal("delayed-draw"), FAST), {"quality": "quick"}, folder / "deal")


def test_a_run_keeps_the_tables_of_its_finance(run: Run) -> None:
    kept = finance_of_run(run)
    assert set(kept) == set(SCHEMA) - {FAULTS} and set(kept) <= set(run.tables)
    for name, table in kept.items():
        assert tuple(table.columns) == SCHEMA[name]


def test_a_plan_is_kept_where_its_finance_fails(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no flows")

    monkeypatch.setattr("planner.finance.tables.finance_tables", broken)
    with start_run(tmp_path / "kept", run.scenario, run.catalog, {}) as writer:
        financed(writer, run.scenario, run.plan())
        faults = pd.read_parquet(writer.path / "tables" / f"{FAULTS}.parquet")
        assert "ZeroDivisionError: no flows" in faults.loc[0, "message"]
        assert "no flows" in writer.log.read_text("utf-8")


def test_the_summary_says_what_cannot_be_financed(run: Run) -> None:
    rows = [("finance.sources[ddtl]", "negative cash flow"), ("finance.operation_from", "late")]
    kept = {FAULTS: pd.DataFrame(rows, columns=list(SCHEMA[FAULTS]))}
    broken = SimpleNamespace(scenario=run.scenario, path=run.path, tables=kept, table=kept.__getitem__)
    (line,) = not_financed(cast(Run, broken))
    assert "cannot be financed as asked: finance.sources[ddtl]: negative cash flow, and 1 more" in line.plain
    assert not_financed(run) == []
    grant = Grant(id="eu", payer="partner", date=date(2029, 1, 1), musd=9.0)
    given = run.scenario.model_copy(update={"finance": Finance(grants=[grant])})
    assert not_financed(cast(Run, SimpleNamespace(**{**vars(broken), "scenario": given})))
    broken.scenario = run.scenario.model_copy(update={"finance": Finance()})
    assert not_financed(cast(Run, broken)) == [], "nothing was asked for"


def test_the_summary_says_what_to_be_wary_of(run: Run) -> None:
    rows = [("finance.sources[eu].amount_m", "3 of 5 drawn"), ("finance.sources", "low cover")]
    kept = {CAUTIONS: pd.DataFrame(rows, columns=list(SCHEMA[CAUTIONS]))}
    wary = SimpleNamespace(scenario=run.scenario, path=run.path, tables=kept, table=kept.__getitem__)
    lines = [line.plain for line in not_financed(cast(Run, wary))]
    assert lines == [f"warning: {path}: {message}" for path, message in rows]


def test_the_terminal_says_what_to_be_wary_of(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    wary = pd.DataFrame([("finance.sources[ddtl].share", "low cover")], columns=list(SCHEMA[CAUTIONS]))
    show_finance(finance_of_run(run) | {CAUTIONS: wary}, run.path / "scenario.yaml")
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: "))
    assert line.endswith("finance.sources[ddtl].share: low cover")


def test_a_run_in_words_and_as_json(run: Run, call: Call) -> None:  # noqa: F811
    shown = call("finance", str(run.path))
    assert shown.code == 0
    for words in (
        "Sources",
        "ddtl",
        "Cash flow, MUSD, nominal",
        "Balance sheet, MUSD, real",
        "DSCR, least",
        "Filled in",
        "sources[ddtl]",  # brackets of a path are no markup
    ):
        assert words in shown.out, words
    tables = call("finance", str(run.path), "--json").json
    plan, own = set(run.kpis["kpi"]), {row["figure"] for row in tables["finance_figures"]}
    assert not plan & own, "one key is one figure"
    shown_rates = figures({"finance_figures": run.table("finance_figures")}).set_index("figure")["value"]
    assert shown_rates["Return on equity"].endswith(" %")
    assert {row["source"] for row in tables["finance_sources"]} == {"ddtl", "champion", "state"}


def test_the_statements_of_one_downside_case(run: Run, call: Call) -> None:  # noqa: F811
    def cover(*more: str) -> float:
        figures = call("finance", str(run.path), "--json", *more).json["finance_figures"]
        return float(next(row["value"] for row in figures if row["figure"] == "min_dscr"))

    assert cover("--case", "price") < cover() - 0.1
    wrong = call("finance", str(run.path), "--case", "prise")
    assert wrong.code == 2 and "did you mean 'price'?" in wrong.err


def test_other_terms_are_read_on_the_plan_as_it_stands(run: Run, call: Call, tmp_path: Path) -> None:  # noqa: F811
    other = with_overrides(run.scenario, {"finance.target_dscr": None, "finance.sources": []})
    (tmp_path / "other.yaml").write_text(dump_scenario(other), "utf-8")
    tables = call("finance", str(run.path), "--scenario", "other.yaml", "--json").json
    assert {row["kind"] for row in tables["finance_sources"]} == {"equity"}


def test_a_choice_that_the_plan_did_not_have_is_refused_at_its_place(
    run: Run,
    call: Call,  # noqa: F811
    tmp_path: Path,
) -> None:
    """It drew nothing of what it did not know: that is not what the plan chose."""
    given = {"id": "eu", "optional": True, "kind": "grant", "assets": ["halls"], "amount_m": 4}
    (tmp_path / "other.yaml").write_text(
        dump_scenario(with_overrides(run.scenario, {"finance.sources[eu]": given})), "utf-8"
    )
    shown = call("finance", str(run.path), "--scenario", "other.yaml")
    assert shown.code == 2 and "was made without the choice of eu: plan anew" in shown.err
    line = int(shown.err.split("other.yaml:")[1].split(":")[0])
    assert "optional" in (tmp_path / "other.yaml").read_text("utf-8").splitlines()[line - 1]


def test_all_downside_cases(run: Run, call: Call) -> None:  # noqa: F811
    shown = call("finance", str(run.path), "--downsides")
    assert shown.code == 0
    assert (
        "Tornado: DSCR, least" in shown.out and "Revenue that may be lost while debt is covered:" in shown.out
    )
    cases = call("finance", str(run.path), "--downsides", "--json").json["finance_downsides"]
    assert cases[0]["case"] == "as signed" and len(cases) == 13


def test_what_cannot_be_financed_has_its_line_in_the_run(tmp_path: Path, run: Run, call: Call) -> None:  # noqa: F811
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in run.path.rglob("*"):
        target = broken / path.relative_to(run.path)
        target.mkdir() if path.is_dir() else target.write_bytes(path.read_bytes())
    file = broken / "scenario.yaml"
    file.write_text(file.read_text("utf-8").replace("price_usd: 9.0", "price_usd: 0.01"), "utf-8")
    shown = call("finance", str(broken))
    assert shown.code == 2 and "negative cash flow" in shown.out
    line = int(shown.out.split("scenario.yaml:")[1].split(":")[0])
    fault = call("finance", str(broken), "--json").json["finance_faults"][0]
    assert (fault["line"], fault["path"]) == (line, "finance.sources[ddtl]")
    assert fault["file"].endswith("scenario.yaml") and "negative cash flow" in fault["message"]
    assert "ddtl" in "".join(file.read_text("utf-8").splitlines()[line - 1 : line + 1])
    assert "finance.sources[ddtl]: negative cash flow" in shown.out
    beside = call("finance", str(run.path), "--against", str(broken))
    assert beside.code == 2 and f"scenario.yaml:{line}:" in beside.err
    under = call("finance", str(broken), "--case", "price")
    assert under.code == 2 and f"scenario.yaml:{line}:" in under.out


def test_a_pro_forma_needs_no_plan(tmp_path: Path, call: Call) -> None:  # noqa: F811
    case = json.loads(GIVEN.read_text("utf-8"))[0]
    (tmp_path / "project.json").write_text(json.dumps(case["inputs"]), "utf-8")
    answer = call("finance", "project.json", "--json").json
    assert answer["size_of_debt"] == pytest.approx(case["expected"]["size_of_debt"], rel=1e-6)
    assert "size_of_debt" in call("finance", "project.json").out


def test_a_collection_of_pro_formas(tmp_path: Path, call: Call) -> None:  # noqa: F811
    (tmp_path / "all.json").write_text(GIVEN.read_text("utf-8"), "utf-8")
    case = json.loads(GIVEN.read_text("utf-8"))[1]
    answer = call("finance", "all.json", "--case", case["id"], "--json").json
    assert answer["size_of_debt"] == pytest.approx(case["expected"]["size_of_debt"], rel=1e-6)
    several = call("finance", "all.json")
    assert several.code == 2 and case["id"] in several.err
    (tmp_path / "five.yaml").write_text("inputs: 5", "utf-8")
    assert "inputs: 5 is not a mapping" in call("finance", "five.yaml").err
    both = call("finance", "all.json", "--case", case["id"], "--against", "all.json")
    assert both.code == 2 and "ask for one of them" in both.err


def test_two_plans_side_by_side(run: Run, call: Call) -> None:  # noqa: F811
    shown = call("finance", str(run.path), "--against", str(run.path))
    assert shown.code == 0 and "As a lender asks" in shown.out and "tariff" in shown.out
    rows = call("finance", str(run.path), "--against", str(run.path), "--json").json["finance_side_by_side"]
    assert {row["reason"] for row in rows} == {"no difference"}
