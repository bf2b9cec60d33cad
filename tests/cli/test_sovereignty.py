"""What protects the commands on sovereignty: complete answers as text and JSON, and exit codes that can be told apart."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from planner.cli import app
from planner.studies import negotiation, stacks
from planner.studies.stacks import COLUMNS

QUICK = ["--set", "solve.slices=1"]
runner = CliRunner()


def test_stacks_tells_every_figure_as_text_json_and_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One comparison, told in every form."""
    compare, compared = stacks.compare_stacks, list[stacks.Comparison]()

    def once(*given: Any, **more: Any) -> stacks.Comparison:
        if not compared:
            compared.append(compare(*given, **more))
        return compared[0]

    monkeypatch.setattr(stacks, "compare_stacks", once)
    csv = tmp_path / "stacks.csv"
    command = [
        "stacks",
        "two-hosts",
        "--stack",
        "champion-us-chips",
        "--workers",
        "1",
        "-o",
        str(csv),
        *QUICK,
    ]
    found = runner.invoke(app, [*command, "--json"])
    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    assert [row["stack"] for row in answer["stacks"]] == ["free", "champion-us-chips"]
    row = answer["stacks"][1]
    assert set(row) == set(COLUMNS) and row["status"] == "optimal" and row["gap"] <= 0.02
    paid = sum(line["champion-us-chips"] for line in answer["accounts"])
    assert paid == pytest.approx(row["cost_npv_musd"], rel=1e-6)
    assert list(pd.read_csv(csv).columns) == COLUMNS
    text = runner.invoke(app, command)
    assert text.exit_code == 0
    for words in ("US content", "capex of the country", "first service", "SEAL", "hardware-upkeep", "gap"):
        assert words in text.stdout, words


def test_stacks_lists_the_rows_of_the_catalog_behind_them() -> None:
    found = runner.invoke(app, ["stacks", "two-hosts", "--rows", "--json"])
    assert found.exit_code == 0, found.output
    rows = pd.DataFrame(json.loads(found.stdout))
    price = rows[rows["what"] == "hardware_price_factor"].set_index("stack")["value"]
    assert price["american-package"] == 1 and price["champion-us-chips"] == 1.2
    assert (
        "Catalog rows on which the stacks differ"
        in runner.invoke(app, ["stacks", "two-hosts", "--rows"]).stdout
    )
    wrong = runner.invoke(app, ["stacks", "two-hosts", "--rows", "--stack", "chimp"])
    assert wrong.exit_code == 2 and "no stack chimp in the catalog" in wrong.output


def test_sever_says_what_stops_what_it_costs_and_what_is_lost() -> None:
    command = ["sever", "two-hosts", "--operator", "us-operator", "--from", "2028-01-01"]
    found = runner.invoke(app, [*command, "--json"])
    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    assert answer["status"] in ("optimal", "feasible") and answer["notes"] == []
    change = {row["kpi"]: row["change"] for row in answer["summary"]}
    assert change["delay_months"] > 0 > change["served_share"]
    assert answer["stops"] and answer["service"][0]["lost_months"] > 0
    for wrong, words in (
        (["sever", "two-hosts", "--from", "2028-01-01"], "say what is lost"),
        (["sever", "two-hosts", "--vendor", "huawei", "--from", "2028-01-01"], "names nothing"),
    ):
        refused = runner.invoke(app, wrong)
        assert refused.exit_code == 2 and words in refused.output, refused.output


@pytest.mark.parametrize(
    "command",
    [["sever", "--operator", "us-operator", "--from", "2028-01-01"], ["finance"]],
    ids=lambda c: c[0],
)
def test_a_scenario_without_a_plan_is_one_with_the_reason_and_the_command(
    command: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "poor.yaml"
    file.write_text(
        "extends: two-hosts\nname: poor\nlimits: {max_delay_months: 0, max_cost_musd: 1}\n", "utf-8"
    )
    found = runner.invoke(app, [command[0], str(file), *command[1:]], env={"COLUMNS": "400"})
    assert found.exit_code == 1, found.output
    assert "the scenario has no plan (infeasible): " in found.output and "poor.yaml" in found.output
    assert "for the least change of all ask: planner explain" in found.output.replace("\n", " ")


def test_negotiate_tells_what_concessions_are_worth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The figures of the study as text, JSON and CSV; one that cannot be told apart says so."""
    rows = pd.DataFrame({
        "what": ["agreement", "licence"], "item": ["deal", "all licences"], "unit": ["", "month"],
        "status": ["optimal", "optimal"], "worth_musd": [12.5, 0.1], "low_musd": [11.0, -2.0], "high_musd": [14.0, 2.5],
        "told_apart": [True, False], "price_musd": [20.0, float("nan")], "change_musd": [7.5, float("nan")],
        "change_low_musd": [6.0, float("nan")], "change_high_musd": [9.0, float("nan")],
    }).reindex(columns=negotiation.COLUMNS)  # fmt: skip
    monkeypatch.setattr("planner.studies.negotiation.negotiation_table", lambda *_, **__: rows)
    csv = tmp_path / "worth.csv"
    told = runner.invoke(app, ["negotiate", "two-hosts", "-o", str(csv)], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    for words in ("agreement", "deal", "12.5", "11 to 14", "not distinguishable", "a month of licence", "6 to 9",
                  "deal is not the choice at 20 MUSD: its price must fall by 6 to 9 MUSD."):  # fmt: skip
        assert words in told.stdout, words
    assert pd.read_csv(csv)["worth_musd"].tolist() == [12.5, 0.1]
    page = tmp_path / "worth.html"
    assert runner.invoke(app, ["negotiate", "two-hosts", "-o", str(page)]).exit_code == 0
    shown = page.read_text("utf-8")
    for words in (
        "deal is not the choice",
        'data-chart="chart-0"',
        "11 to 14",
        "One workload, build or rent",
    ):
        assert words in shown, words
    nowhere = runner.invoke(app, ["negotiate", "two-hosts", "-o", str(tmp_path / "none" / "worth.csv")])
    assert nowhere.exit_code != 0 and "cannot write to" in nowhere.output
    found = runner.invoke(app, ["negotiate", "two-hosts", "--json"])
    assert [row["told_apart"] for row in json.loads(found.stdout)["negotiation"]] == [True, False]
    monkeypatch.setattr("planner.studies.negotiation.negotiation_table", lambda *_, **__: rows.iloc[:0])
    nothing = runner.invoke(app, ["negotiate", "two-hosts", "-o", str(page)])
    assert "Nothing of this kind can be asked" in nothing.stdout and "worth, MUSD" not in nothing.stdout
    wrong = runner.invoke(app, ["negotiate", "two-hosts", "--only", "quotas"])
    assert wrong.exit_code == 2 and "did you mean 'quota'" in wrong.output
