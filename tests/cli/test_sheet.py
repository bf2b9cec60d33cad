"""``planner sheet``: out to a file and back, mistakes by cell, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from planner.cli import app
from planner.intake.scenario_file import example_path

RUN = CliRunner()


def test_a_list_goes_out_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = example_path("two-hosts").read_text("utf-8")
    Path("mine.yaml").write_text(text, "utf-8")
    assert RUN.invoke(app, ["sheet", "mine.yaml", "demand", "-o", "d.csv"]).exit_code == 0
    same = RUN.invoke(app, ["sheet", "mine.yaml", "demand", "--import", "d.csv"])
    assert same.exit_code == 0 and "nothing differs" in same.output
    written = Path("d.csv").read_text("utf-8")
    Path("d.csv").write_text(written.replace("assistant,,", "assistant,助手,", 1), "utf-8")
    done = RUN.invoke(app, ["sheet", "mine.yaml", "demand", "--import", "d.csv", "--json"])
    assert '"assistant"' in done.output and "title: 助手" in Path("mine.yaml").read_text("utf-8")
    assert RUN.invoke(app, ["sheet", "mine.yaml", "sites", "-o", "s.xlsx"]).exit_code == 0
    before = Path("mine.yaml").read_text("utf-8")
    Path("d.csv").write_text(written.replace(",inference,", ",inferense,"), "utf-8")
    wrong = RUN.invoke(app, ["sheet", "mine.yaml", "demand", "--import", "d.csv"])
    assert wrong.exit_code == 2 and "D2: " in wrong.output and "inference" in wrong.output
    assert Path("mine.yaml").read_text("utf-8") == before
    for args in (["--import", "none.csv"], [], ["-o", "x.txt"], ["-o", "x.csv", "--import", "d.csv"]):
        assert RUN.invoke(app, ["sheet", "mine.yaml", "demand", *args]).exit_code == 2
    assert RUN.invoke(app, ["sheet", "two-hosts", "demand", "--import", "d.csv"]).exit_code == 2
