"""Where cases come from: ranges, a sample that covers them evenly, rows of a table; names that never collide."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cli.batch_progress import KEPT, BatchProgress, duration, pace_of
from planner.facts.catalog import load_catalog
from planner.runs.batch_design import NAME_LENGTH, Range, Sample, names_of
from planner.runs.batch_file import BatchCase, load_batch
from planner.runs.batch_resume import BatchPlan, Step
from planner.scenario.problems import InputError

HEAD = "batch: 1\nscenario: two-hosts\nquality: quick\n"


def load(folder: Path, text: str, table: str | None = None) -> list[BatchCase]:
    (folder / "m.yaml").write_text(HEAD + text)
    if table is not None:
        (folder / "cases.csv").write_text(table)
    return load_batch(folder / "m.yaml", load_catalog())


def problems(folder: Path, text: str, table: str | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        load(folder, text, table)
    return [str(problem) for problem in caught.value.problems]


def test_a_range_has_both_ends_and_no_dust_of_adding() -> None:
    assert Range.model_validate({"from": 0.1, "to": 0.7, "step": 0.1}).values() == [
        0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7,
    ]  # fmt: skip
    assert Range.model_validate({"from": 40, "to": 80, "count": 5}).values() == [40, 50, 60, 70, 80]
    assert Range.model_validate({"from": -1, "to": 1, "step": 1.5}).values() == [-1, 0.5]


def test_a_range_in_a_grid_is_its_values(tmp_path: Path) -> None:
    cases = load(
        tmp_path, "grid: {limits.min_control: {from: 20, to: 40, step: 10}, money.level: [low, mid]}\n"
    )
    assert [c.changes["limits.min_control"] for c in cases] == [20, 20, 30, 30, 40, 40]
    assert cases[0].name == "min_control-20_level-low" and cases[0].scenario.limits.min_control == 20


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{from: 1, to: 2}", "needs a step or a count"),
        ("{from: 1, to: 2, step: 1, count: 2}", "one of them"),
        ("{from: 3, to: 2, step: 1}", "from the smaller"),
        ("{from: 0, to: 1, step: 1e-9}", "at most 100000 values"),
        ("{from: 0, to: 1, step: -1}", "more than 0"),
        ("{fron: 0, to: 1, step: 1}", "did you mean 'from'"),
        ("7", "list"),
    ],
)
def test_ranges_that_are_refused(value: str, words: str, tmp_path: Path) -> None:
    assert any(words in line for line in problems(tmp_path, f"grid: {{limits.min_control: {value}}}\n"))


def test_a_sample_covers_every_range_evenly_and_is_repeatable(tmp_path: Path) -> None:
    ranges = {"a": {"from": 0, "to": 1}, "b": {"from": 1, "to": 10, "whole": True}}
    sample = Sample.model_validate({"count": 10, "seed": 3, "ranges": ranges})
    drawn = sample.changes()
    assert sorted(int(10 * c["a"]) for c in drawn) == list(range(10)), "one in every tenth"
    assert sorted(c["b"] for c in drawn) == list(range(1, 11))
    assert (
        drawn
        == sample.changes()
        != Sample.model_validate({"count": 10, "seed": 4, "ranges": ranges}).changes()
    )
    text = "sample: {count: 5, ranges: {money.discount_rate_real: {from: 0.03, to: 0.1}}}\n"
    cases = load(tmp_path, text)
    assert len({c.name for c in cases}) == len({c.hash for c in cases}) == 5
    assert all(0.03 <= c.scenario.money.discount_rate_real <= 0.1 for c in cases)


def test_a_table_is_a_case_a_row(tmp_path: Path) -> None:
    table = 'id,objective,limits.min_control,hosts[cloud]\nstrict,,60,\n,delay,,null\n\nnoted,control,"40",\n'
    cases = load(tmp_path, "table: cases.csv\n", table)
    assert [(c.name, c.options["objective"], c.changes) for c in cases] == [
        ("strict", "cost", {"limits.min_control": 60}),
        ("hosts-cloud-null", "delay", {"hosts[cloud]": None}),
        ("noted", "control", {"limits.min_control": 40}),
    ]


def test_a_table_may_stand_between_semicolons_and_names_every_wrong_row(tmp_path: Path) -> None:
    table = "id;limits.min_control\nstrict;60\n"
    assert [c.changes for c in load(tmp_path, "table: cases.csv\n", table)] == [{"limits.min_control": 60}]
    found = problems(tmp_path, "table: cases.csv\n", "a,b\n1\n[,2\n1,2,3\n")
    assert [line.split(":")[1] for line in found] == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "is empty"),
        ("a,a\n1,2\n", "two columns 'a'"),
        ("a,\n1,2\n", "a column without a name"),
        ("a,b\n1\n", "cases.csv:2:1: has 1 cells, the header has 2"),
        ("id,limits.min_control\nBad Id,1\n", "is not an id"),
        ("objective,limits.min_control\nspeed,1\n", "'speed' is not known"),
        ("limits.min_contrl\n1\n", "cases.csv:2:1: limits.min_contrl"),
        ("limits.min_control\n[1\n", "not valid YAML"),
        ('limits.min_control\n"1\n', "not a CSV file"),
    ],
)
def test_tables_that_are_refused(table: str, words: str, tmp_path: Path) -> None:
    found = problems(tmp_path, "table: cases.csv\n", table)
    assert any(words in line for line in found), found


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    assert "no file" in problems(tmp_path, "table: none.csv\n")[0]


def test_one_wrong_path_is_told_once_and_not_once_a_case(tmp_path: Path) -> None:
    found = problems(tmp_path, "set: {limits.min_contrl: 3}\ngrid: {money.level: [low, mid, high]}\n")
    assert len(found) == 1 and "(3 cases: level-low, level-mid, level-high)" in found[0]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2, allow_nan=False),
    st.text("ab -_./é", max_size=4), st.lists(st.integers(0, 2), max_size=2),
)  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(["a.b", "c.b", "d[e].b", "f"]), VALUES), max_size=8))
@settings(max_examples=100, deadline=None)
def test_names_differ_wherever_values_do_and_fit_a_folder(combinations: list[dict]) -> None:
    several = [c for i, c in enumerate(combinations) if c not in combinations[:i]]
    names = names_of(several)
    assert len({name.lower() for name in names}) == len(several)
    assert all(
        0 < len(name) <= NAME_LENGTH and not name.startswith(".") and "/" not in name for name in names
    )


def test_five_dimensions_and_negative_values_have_names_of_their_own() -> None:
    import itertools

    paths = [f"hosts[a-long-name-of-a-host-{i}].team_musd_per_year" for i in range(5)]
    several = [dict(zip(paths, values, strict=True)) for values in itertools.product((-1, 1), repeat=5)]
    names = names_of(several)
    assert len(set(names)) == 32 and max(map(len, names)) <= NAME_LENGTH


def test_rate_and_time_left_in_words() -> None:
    assert pace_of(0, 10, 5.0) == ""
    assert pace_of(10, 40, 120.0) == "5 a minute, 6 min left"
    assert pace_of(1, 3, 60.0) == "1.0 a minute, 2 min left"
    assert pace_of(3, 3, 60.0) == "3 a minute"
    assert duration(45) == "45 s" and duration(7500) == "2 h 5 min"


def test_progress_says_why_and_how_long(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cases = load(tmp_path, "grid: {limits.min_control: [10, 20, 30]}\n")
    steps = [
        Step(cases[0], tmp_path),
        Step(cases[1], None, "new"),
        Step(cases[2], None, "it failed: odd [x]"),
    ]
    with BatchProgress() as progress:
        progress.plan(BatchPlan(tmp_path, steps, [], []))
        progress.case("a", f"optimal {KEPT}", 1, 3)
        progress.case("b", "optimal", 2, 3)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "1 of 3 cases are answered, 2 are solved now"
    assert lines[1:3] == ["  1 because: new", "  1 because: it failed: odd [x]"]
    assert lines[3] == "1 of 3  a: optimal (done before)"
    assert lines[4].startswith("2 of 3  b: optimal  (") and "left)" in lines[4]


def test_a_value_twice_in_a_grid_is_named(tmp_path: Path) -> None:
    found = problems(tmp_path, "grid: {limits.min_control: [10, 20, 10]}\n")
    assert len(found) == 1 and "they change the same, leave one out" in found[0]


def test_a_wrong_path_is_named_where_it_is_written(tmp_path: Path) -> None:
    text = "batch: 1\nscenario: two-hosts\nset:\n  limits.min_controll: 4\ngrid:\n  money.levl: [low, mid]\n"
    (tmp_path / "sweep.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_batch(tmp_path / "sweep.yaml", load_catalog())
    assert {(p.path, p.line) for p in caught.value.problems} == {
        ("limits.min_controll", 4),
        ("money.levl", 6),
    }
