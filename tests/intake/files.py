"""The small example as text, changed for a test, and the problems of what it became."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.intake.scenario_file import (
    Problem,
    ScenarioError,
    example_path,
    parse_scenario,
)

TOY = example_path("two-hosts").read_text("utf-8")


def broken(text: str, base_dir: Path | None = None) -> list[Problem]:
    """Problems of a text that must not load."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.yaml", base_dir)
    assert caught.value.problems == sorted(caught.value.problems)
    return caught.value.problems


def changed(*pairs: tuple[str, str], add: str = "") -> str:
    text = TOY
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text + "\n" + add


def one(text: str, path: str, *words: str) -> Problem:
    """The single problem of a text: its path, its words, and a place that holds the path's last name."""
    (problem,) = broken(text)
    assert problem.path == path
    for word in words:
        assert word in problem.message, problem.message
    return problem
