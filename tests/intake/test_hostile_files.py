"""Text that is no scenario, or means harm: one problem, no crash and no work without end."""

from __future__ import annotations

import time

import pytest

from planner.intake.scenario_file import (
    parse_scenario,
)
from planner.scenario import reading
from tests.intake.files import TOY, broken, changed

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{here}: &{here} [{','.join(['*' + before] * 9)}]\n"
    for before, here in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "aliases expand to more than"),
        ("a: &a [*a]", "alias of itself"),
        ("[" * 3000, "nested too deeply"),
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("hello", "must be a mapping"),
        ("- 1\n- 2\n", "must be a mapping of fields, not a list"),
        ("a: [1, 2", "not valid YAML"),
        ("\ta: 1", "not valid YAML"),
        ("a: *b", "undefined alias"),
        ("a: 1\n---\nb: 2\n", "another document"),
        ("a: \x01", "special characters"),
        (
            TOY.replace("planner: 1", "planner: 2"),
            "schema version 2 is not known; this planner reads version 1",
        ),
        ("x" * 5_000_001, "limit is 5 MB"),
    ],
)
def test_hostile_or_broken_text_is_one_problem(text: str, words: str) -> None:
    began = time.perf_counter()
    (problem,) = broken(text)
    assert words in problem.message
    assert time.perf_counter() - began < 60, "must not blow up"


@pytest.mark.parametrize(
    ("step", "path", "words"),
    [
        ("[]", "horizon.step", "needs at least 1 entry"),
        ("{}", "horizon.step", "'year', or a list"),
        ("{step: quarter}", "horizon.step", "'year', or a list"),
        ("[{step: yeer}]", "horizon.step[0].step", "did you mean 'year'?"),
        ("[quarter]", "horizon.step[0]", "must be a mapping with fields"),
    ],
)
def test_a_value_that_may_be_a_word_or_a_list_is_told_once_as_what_it_is(
    step: str, path: str, words: str
) -> None:
    (problem,) = broken(
        f"extends: two-hosts\nname: x\nhorizon: {{start: 2027-01-01, years: 8, step: {step}}}\n"
    )
    assert problem.path == path and words in problem.message


def test_number_of_values_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_NODES", 1000)
    (problem,) = broken("a: [" + "1, " * 2000 + "1]")
    assert "more than 1\u202f000 values" in problem.message


def test_custom_tags_build_nothing() -> None:
    text = changed(("title: One workload, build or rent", "title: !!python/object/apply:os.system [exit 7]"))
    problems = broken(text)
    assert [p.path for p in problems] == ["title"]
    assert "!!python/object/apply:os.system" in problems[0].message
    assert "tag '!x'" in broken(changed(("name: two-hosts", "name: !x two-hosts")))[0].message


def test_duplicate_keys_are_all_named_with_the_first_line() -> None:
    problems = broken(changed(("name: two-hosts", "name: a\nname: b\nname: c")))
    assert [(p.line, p.message) for p in problems] == [
        (4, "duplicate key 'name' (first on line 3)"),
        (5, "duplicate key 'name' (first on line 3)"),
    ]


def test_aliases_and_merge_keys_are_fine_within_limits() -> None:
    text = changed(
        ("  - id: haenam\n    metro: KR-HNM", "  - &place\n    id: haenam\n    metro: KR-HNM"),
        (
            "  - id: seoul\n    metro: KR-SEO\n    grid_mw: [{from: 2027-01-01, mw: 10}]",
            "  - <<: *place\n    id: seoul",
        ),
    )
    sites = parse_scenario(text).sites
    assert sites[1].id == "seoul" and sites[1].metro == "KR-HNM" and sites[1].grid_lead_months == 12
