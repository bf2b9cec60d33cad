"""Edits of a user's file touch what they change only."""

from __future__ import annotations

import pytest

from planner.intake.scenario_file import (
    example_path,
    examples,
    load_scenario,
    parse_scenario,
    set_in_file,
    with_overrides,
)
from planner.scenario.paths import PathError


def test_editing_keeps_the_line_ends_of_the_file() -> None:
    crlf, mixed = LAID_OUT.replace("\n", "\r\n"), LAID_OUT.replace("\n", "\r\n", 1)
    changed = set_in_file(LAID_OUT, {"title": "Mine"})
    assert set_in_file(crlf, {"title": "Mine"}) == changed.replace("\n", "\r\n")
    assert set_in_file(mixed, {"title": "Mine"}).count("\r\n") <= 1


def test_editing_keeps_comments_and_all_other_lines() -> None:
    text = example_path("korea").read_text("utf-8")
    new = set_in_file(text, {"demand[government].priority": 5, "limits.min_control": 60, "horizon.years": 5})
    before, after = text.splitlines(), new.splitlines()
    assert len(after) == len(before) + 1
    assert sum(line not in before for line in after) == 3
    scenario = parse_scenario(set_in_file(text, {"demand[government].priority": 5, "limits.min_control": 60}))
    assert scenario == with_overrides(
        load_scenario(example_path("korea")), {"demand[government].priority": 5, "limits.min_control": 60}
    )


@pytest.mark.parametrize("name", examples())
def test_editing_one_field_touches_its_line_only(name: str) -> None:
    text = example_path(name).read_text("utf-8")
    before, after = text.splitlines(), set_in_file(text, {"title": "Mine"}).splitlines()
    assert [line for line in after if line not in before] == ["title: Mine"]
    assert len(after) == len(before)


LAID_OUT = """\
planner:   1   # blanks
systems: [{id: a},
          {id: b, price_usd: 1_000}]   # on two lines

hosts:
    -   id: h   # set in by four
        mode: 'build'


sites: [ {id: s} , {id: r} ]
points:
  - {at: 2027-01-01, value: 3}   # first
  - {at: 2028-01-01, value: 4}
allowed: [US,   KR]
name: mine
"""


@pytest.mark.parametrize(
    ("path", "value", "gone", "new"),
    [
        ("name", "yours", ["name: mine"], ["name: yours"]),
        ("sites[s].mw", 3, ["sites: [ {id: s} , {id: r} ]"], ["sites: [{id: s, mw: 3}, {id: r}]"]),
        ("points[0].value", 8, ["  - {at: 2027-01-01, value: 3}   # first"], ["  - {at: 2027-01-01, value: 8}   # first"]),
        ("points", [{"at": "2027-01-01", "value": 3}, {"at": "2028-01-01", "value": 4}, {"at": "2029-01-01", "value": 5}],
         [], ["  - {at: 2029-01-01, value: 5}"]),
        ("points", [{"at": "2027-01-01", "value": 3}], ["  - {at: 2028-01-01, value: 4}"], []),
        ("allowed", ["US", "KR", "JP"], ["allowed: [US,   KR]"], ["allowed: [US, KR, JP]"]),
        ("limits.min_control", 60, [], ["limits:", "  min_control: 60"]),
        ("hosts[h].mode", "rent", ["    -   id: h   # set in by four", "        mode: 'build'"],
         ["  - id: h       # set in by four", "    mode: 'rent'"]),
    ],
)  # fmt: skip
def test_editing_leaves_the_layout_of_the_rest(
    path: str, value: object, gone: list[str], new: list[str]
) -> None:
    before, after = LAID_OUT.splitlines(), set_in_file(LAID_OUT, {path: value}).splitlines()
    assert [line for line in before if line not in after] == gone
    assert [line for line in after if line not in before] == new


def test_editing_adds_and_removes_entries() -> None:
    text = "# mine\nsystems:\n- id: a # first\n- id: b\nname: x\n"
    new = set_in_file(
        text, {"systems[b]": None, "systems[c]": {"price_usd": 5}, "name": None, "limits.max_cost_musd": 3}
    )
    assert new == "# mine\nsystems:\n- id: a # first\n- id: c\n  price_usd: 5\nlimits:\n  max_cost_musd: 3\n"
    with pytest.raises(PathError):
        set_in_file(text, {"systems[z].price_usd": 3})


def test_editing_a_file_that_extends_writes_overrides() -> None:
    new = set_in_file("extends: korea # base\nname: mine\n", {"demand[health].priority": 9, "name": "yours"})
    scenario = parse_scenario(new)
    assert "# base" in new and scenario.name == "yours"
    assert next(w for w in scenario.demand if w.id == "health").priority == 9
