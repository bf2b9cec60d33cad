"""Files that extend others, overrides, and what a model copy breaks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from planner.intake.scenario_file import (
    ScenarioError,
    check_scenario,
    example_path,
    load_scenario,
    with_overrides,
)
from tests.intake.files import TOY, broken, changed


def test_extends_merges_and_overrides(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(TOY)
    (tmp_path / "mine.yaml").write_text(
        "extends: base.yaml\nname: mine\nhorizon: {years: 5}\noverrides:\n"
        "  demand[assistant].priority: 3\n  systems[gb300-nvl72]: null\n  limits.min_control: 40\n"
        "  systems[hgx-h200]: {price_usd: 250000}\n"
    )
    mine, base = load_scenario(tmp_path / "mine.yaml"), load_scenario(tmp_path / "base.yaml")
    assert (mine.name, mine.horizon.years, mine.horizon.start) == ("mine", 5, base.horizon.start)
    assert mine.demand[0].priority == 3 and mine.limits.min_control == 40
    assert [s.id for s in mine.systems] == ["hgx-b300", "hgx-h200"] and mine.hosts == base.hosts


def test_problems_of_an_inherited_file_carry_its_name(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(changed(("value: 500", "value: -5")))
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\nnam: mine\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / "mine.yaml")
    assert [(Path(p.file).name, p.line) for p in caught.value.problems] == [
        ("base.yaml", 18),
        ("mine.yaml", 2),
    ]


def test_override_has_its_own_place() -> None:
    text = "extends: two-hosts\noverrides:\n  demand[assistant].priority: -1\n  demand[asistant].priority: 1\n  title.x: 2\n"
    problems = broken(text)
    assert [(p.line, p.path) for p in problems] == [
        (3, "demand[assistant].priority"),
        (4, "demand[asistant]"),
        (5, "title.x"),
    ]
    assert "did you mean 'assistant'" in problems[1].message


def test_circles_missing_bases_and_files_for_texts(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("name: b\nextends: a.yaml\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / "a.yaml")
    (problem,) = caught.value.problems
    assert "circle: a.yaml -> b.yaml -> a.yaml" in problem.message and (
        Path(problem.file).name,
        problem.line,
    ) == ("b.yaml", 2)
    (problem,) = broken("name: x\nextends: koreaa\n", tmp_path)
    assert (problem.line, problem.path) == (2, "extends") and "did you mean 'korea'" in problem.message
    (problem,) = broken("extends: ../../etc/passwd\n")  # an uploaded text must not reach the disk
    assert "only packaged examples" in problem.message
    (tmp_path / "folder").mkdir()
    (problem,) = broken("extends: folder\n", tmp_path)
    assert problem.path == "extends" and "folder" in problem.message


def test_with_overrides_checks_and_leaves_the_original() -> None:
    base = load_scenario(example_path("two-hosts"))
    other = with_overrides(base, {"limits.min_control": 60, "demand[0].must_serve_by": date(2029, 1, 1)})
    assert (other.limits.min_control, other.demand[0].must_serve_by) == (60, date(2029, 1, 1))
    assert base.limits.min_control is None and with_overrides(base, {}) is base
    with pytest.raises(ScenarioError, match="unknown site 'nowhere'"):
        with_overrides(base, {"hosts[cloud].site": "nowhere"})
    with pytest.raises(ScenarioError, match=r"no entry 'clod'.*did you mean 'cloud'"):
        with_overrides(base, {"hosts[clod].max_it_mw": 5})


def test_check_scenario_finds_what_a_model_copy_breaks() -> None:
    base = load_scenario(example_path("two-hosts"))
    check_scenario(base)
    with pytest.raises(ScenarioError, match=r"hosts\[champion\]\.site"):
        check_scenario(base.model_copy(update={"sites": base.sites[1:]}))
