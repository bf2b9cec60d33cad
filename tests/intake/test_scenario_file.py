"""Scenario files: every problem of bad input is named at its place; good input survives writing and reading."""

from __future__ import annotations

import json
import math
import os
import re
import string
import time
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.facts import suggest
from planner.facts.catalog import load_catalog
from planner.intake.document import HINTS
from planner.intake.scenario_file import (
    Problem,
    ScenarioError,
    check_scenario,
    dump_scenario,
    example_path,
    examples,
    json_schema,
    load_scenario,
    parse_scenario,
    set_in_file,
    with_overrides,
)
from planner.runs.batch_file import load_batch
from planner.scenario import messages, reading, reference
from planner.scenario.paths import PathError, entry_names, joined, split
from planner.scenario.problems import SHOWN
from planner.scenario.references import ANY_DATES, DATES, PAST, REFERENCES
from planner.scenario.schema import Scenario

TOY = example_path("two-hosts").read_text("utf-8")


def broken(text: str, base_dir: Path | None = None) -> list[Problem]:
    """Problems of a text that must not load."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.yaml", base_dir)
    assert caught.value.problems == sorted(caught.value.problems)
    return caught.value.problems


def test_a_choice_left_empty_is_told_as_such_with_what_is_allowed() -> None:
    (problem,) = broken(TOY.replace("  - id: champion\n", "  - id: champion\n    building_pace:\n", 1))
    assert problem.message == "is empty; allowed 'fast', 'usual', 'slow'"


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


# ---- good input


@pytest.mark.parametrize("name", examples())
def test_examples_load_and_survive_writing(name: str) -> None:
    scenario = load_scenario(example_path(name))
    assert parse_scenario(dump_scenario(scenario)) == scenario
    assert parse_scenario(dump_scenario(scenario, complete=False)) == scenario
    assert dump_scenario(parse_scenario(dump_scenario(scenario))) == dump_scenario(scenario)
    check_scenario(scenario)


def test_frozen_file_holds_every_default() -> None:
    """A later version with another default must not change what an old run says."""
    frozen = dump_scenario(load_scenario(example_path("two-hosts")))
    for line in ("step: quarter", "seed: 1", "quality: plan", "time_limit_s: 600.0"):
        assert line in frozen
    assert "start: 2027-01-01" in frozen  # a date, not text in quotes


def test_no_is_norway_and_not_false() -> None:
    assert parse_scenario(changed(("operator: champion", "operator: no"))).hosts[0].operator == "no"


# ---- every kind of bad value, named at its place


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ("title: One", "titel: One", "titel", ["unknown field", "did you mean 'title'"]),
        ("max_it_mw: 20", "max_it_kw: 20000", "hosts[champion].max_it_kw", ["unit is part of the name", "'max_it_mw'"]),
        ("value: 500", "value: -500", "demand[assistant].size.points[0].value", ["at least 0", "-500"]),
        ("site: seoul", "site: soul", "hosts[cloud].site", ["unknown site 'soul'", "did you mean 'seoul'"]),
        ("metro: KR-HNM", "metro: KR-HMN", "sites[haenam].metro", ["unknown metro", "'KR-HNM'"]),
        ("kind: inference", "kind: inferense", "demand[assistant].kind", ["'fine-tuning'", "did you mean 'inference'"]),
        ("at: 2027-01-01", "at: 2026-12-31", "demand[assistant].size.points[0].at", ["before the horizon"]),
        ("at: 2030-12-31", "at: 2031-01-02", "demand[assistant].size.points[1].at", ["after the horizon"]),
        ("years: 4", "years: 0", "horizon.years", ["at least 1"]),
        ("years: 4", "years: 4.5", "horizon.years", ["whole number"]),
        ("max_it_mw: 20", "max_it_mw: '20'", "hosts[champion].max_it_mw", ["a number", "without quotes"]),
        ("max_it_mw: 20", "max_it_mw: yes", "hosts[champion].max_it_mw", ["a number", "'yes'"]),
        ("max_it_mw: 20", "max_it_mw: true", "hosts[champion].max_it_mw", ["a number", "true"]),
        ("max_it_mw: 20", "max_it_mw: .inf", "hosts[champion].max_it_mw", ["finite"]),
        ("max_it_mw: 20", "max_it_mw: .nan", "hosts[champion].max_it_mw", ["finite"]),
        ("max_it_mw: 20", "max_it_mw: 0", "hosts[champion].max_it_mw", ["more than 0"]),
        ("start: 2027-01-01", "start: 2027-02-30", "horizon.start", ["2027-02-30", "not a day"]),
        ("start: 2027-01-01", "start: 2027", "horizon.start", ["write it as 2027-01-31"]),
        ("start: 2027-01-01", "start: 2027-01-15", "horizon", ["first day of a month"]),
        ("country: KOR", "country: Korea", "country", ["three capital letters"]),
        ("model_class: large", "model_class: lage", "demand[assistant].model_class", ["did you mean 'large'"]),
        ("owner_class: us-operator", "owner_class: us-op", "hosts[cloud].owner_class", ["unknown owner class"]),
        ("{id: gb300-nvl72}", "{id: gb300-nvl27}", "systems[gb300-nvl27].id", ["did you mean 'gb300-nvl72'"]),
        ("by: accelerators", "by: gpus", "demand[assistant].size.by", ["'gpus'", "allowed 'accelerators'"]),
        ("points: [{at: 2027-01-01, value: 500}, {at: 2030-12-31, value: 2000}]", "points: []",
         "demand[assistant].size.points", ["at least 1 entry", "empty"]),
        ("{at: 2030-12-31, value: 2000}", "{at: 2027-01-01, value: 2}", "demand[assistant].size", ["dates", "rise"]),
    ],
)  # fmt: skip
def test_bad_value(old: str, new: str, path: str, words: list[str]) -> None:
    text = changed((old, new))
    problem = next(p for p in broken(text) if p.path == path)
    for word in words:
        assert word in problem.message
    line = text.splitlines()[problem.line - 1]
    named = path.rsplit(".", 1)[-1].split("[")[0]
    assert line[problem.col - 1 :].startswith(named) or new in line, (problem, line)


def test_empty_demand_list() -> None:
    start, end = TOY.index("demand:"), TOY.index("sites:")
    one(TOY[:start] + "demand: []\n" + TOY[end:], "demand", "empty")


def test_duplicate_ids_in_every_list() -> None:
    text = changed(
        ("  - id: cloud", "  - id: champion"),
        ("{id: hgx-b300}", "{id: hgx-b300}, {id: hgx-b300}"),
        ("- id: seoul", "- id: haenam"),
        ("site: seoul", "site: haenam"),
    )
    paths = [p.path for p in broken(text) if "duplicate id" in p.message]
    assert paths == ["sites[1].id", "hosts[1].id", "systems[1].id"]


def test_fleet_and_contract_share_their_ids() -> None:
    text = changed(
        add="""
existing:
  fleets:
    - {id: a, host: champion, stack: champion-us-chips, system: hgx-b300, accelerators: 8,
       since: 2026-01-01, retire: 2029-01-01}
  contracts:
    - {id: a, host: cloud, stack: us-cloud, system: hgx-b300, accelerators: 8, until: 2029-01-01,
       usd_per_accelerator_hour: 3}
"""
    )
    one(text, "existing.contracts[a].id", "taken by a fleet")


def test_system_no_host_can_cool() -> None:
    """Room air carries no dense heat: refused where the only host that offers the rack has nothing else."""
    text = changed(
        ("max_it_mw: 20", "cooling: [air-chilled-water]"),
        ("stacks: [us-cloud]", "stacks: [us-cloud]\n    systems: [hgx-b300]"),
    )
    one(text, "systems[gb300-nvl72]", "no declared host can cool", "champion", "dense-air")
    listed = changed(("max_it_mw: 20", "cooling: [air-chilled-water]\n    systems: [gb300-nvl72]"))
    one(listed, "hosts[champion].systems[0]", "gb300-nvl72", "dense-air")


def test_host_whose_stacks_are_not_declared() -> None:
    one(
        changed(("stacks: [us-cloud]", "stacks: [champion-national-npu]")),
        "hosts[cloud].stacks",
        "none of its stacks",
    )


def test_references_in_every_section() -> None:
    text = changed(
        add="""
supply:
  quotas: [{id: q, hosts: [clod], vendors: [nvida], path: [{from: 2027-01-01, accelerators: 5}]}]
limits:
  max_delay_months: {asistant: 3}
  shares: [{by: operator, id: us-operater, max_share: 0.5}, {by: vendor, id: nvida, max_share: 0.5}]
  capital_musd_by_year: [{year: 2035, musd: 5}]
  control_floors:
    - {workload: asistant, min: 50}
    - {data_class: public, min: 40, from: 2040-01-01}
    - {data_class: official, min: 50}
    - {data_class: official, min: 60}
decisions: [{id: d, do: require, what: open, hosts: [champoin], from: 2029-01-01, to: 2028-01-01}]
existing: {halls: [{id: h, host: cloud, it_mw: 1, grid_mw: 1, cooling: {rear-dor: 1}}]}
control:
  trusted_region: [XXX]
  overrides: [{host: clod, criterion: '2.4', level: 99}]
finance: {grants: [{id: g, payer: nobody, date: 2040-01-01, musd: 5}]}
"""
    )
    found = {p.path: p.message for p in broken(text)}
    expected = {
        "supply.quotas[q].hosts[0]": "'cloud'",
        "supply.quotas[q].vendors[0]": "'nvidia'",
        "limits.max_delay_months.asistant": "'assistant'",
        "limits.shares[us-operater].id": "'us-operator'",
        "limits.shares[nvida].id": "'nvidia'",
        "limits.capital_musd_by_year[0].year": "outside the horizon",
        "limits.control_floors[0].workload": "'assistant'",
        "limits.control_floors[1].from": "after the horizon",
        "limits.control_floors[3]": "second floor on 'official' from the same date",
        "decisions[d].hosts[0]": "'champion'",
        "decisions[d].to": "before from",
        "existing.halls[h].host": "cloud",
        "existing.halls[h].cooling.rear-dor": "'rear-door'",
        "control.trusted_region[0]": "unknown country",
        "control.overrides[0].host": "'cloud'",
        "finance.grants[g].payer": "'partner'",
        "finance.grants[g].date": "after the horizon",
    }
    for path, words in expected.items():
        assert words in found.get(path, ""), (path, found.get(path))
    level = found.get("control.overrides[0].level", "")
    assert "levels 1 to" in level or "at most 5" in level


def test_all_problems_come_at_once_and_in_order() -> None:
    """Faults of syntax, schema and cross references are one list, so that a file is mended in one go."""
    text = changed(
        ("title: One", "titel: One"),
        ("value: 500", "value: -5"),
        ("metro: KR-HNM", "metro: nowhere"),
        ("site: seoul", "site: soul"),
        ("mode: cloud", "mode: clowd"),
        add="name: again",
    )
    problems = broken(text)
    assert [p.path for p in problems] == [
        "titel", "demand[assistant].size.points[0].value", "sites[haenam].metro", "hosts[cloud].site",
        "hosts[cloud].mode", "name",
    ]  # fmt: skip
    assert [p.line for p in problems] == sorted(p.line for p in problems)
    assert str(problems[0]).startswith("x.yaml:4:1: titel: unknown field; ")


# ---- files that are none


def refused(path: Path | str) -> str:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    (problem,) = caught.value.problems
    return problem.message


def test_unusable_files(tmp_path: Path) -> None:
    (tmp_path / "korea.yaml").write_text(TOY)
    assert "folder" in refused(tmp_path) and "korea.yaml" in refused(tmp_path)
    assert "no such file; did you mean" in refused(tmp_path / "koreaa.yaml")
    assert "does not exist" in refused(tmp_path / "nowhere" / "x.yaml")
    big = tmp_path / "big.yaml"
    with big.open("wb") as stream:
        stream.truncate(50_000_000)  # sparse: 50 MB without writing them
    assert "50.0 MB; the limit is 5 MB" in refused(big)
    binary = tmp_path / "image.yaml"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    assert "not a text file" in refused(binary)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("planner: 1\ntitle: Süd\n".encode("latin-1"))
    assert "not UTF-8" in refused(latin)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "not an ordinary file" in refused(fifo)  # and does not wait for a writer
    assert refused("a\0b").startswith("cannot be read")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who may read anything: the refusal is simulated."""
    path = tmp_path / "secret.yaml"
    path.write_text(TOY)

    def deny(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    assert refused(path) == "cannot be read: Permission denied"


def test_utf8_with_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TOY.encode())
    assert load_scenario(path).name == "two-hosts"


# ---- hostile YAML

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


# ---- inheritance and overrides


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


# ---- editing a user's file


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


# ---- properties

names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)


@given(st.lists(st.one_of(names, names.map(lambda n: f"[{n}]")), min_size=1, max_size=6))
def test_paths_split_and_join(parts: list[str]) -> None:
    assert split(joined(parts)) == parts


@settings(max_examples=25, deadline=None)
@given(st.floats(min_value=1e-6, max_value=1e9), st.integers(1, 30), st.booleans())
def test_numbers_survive_writing(price: float, years: int, assumed: bool) -> None:
    base = load_scenario(example_path("two-hosts"))
    changes = {"systems[hgx-b300].price_usd": price, "sites[seoul].assumed": assumed, "solve.seed": years}
    scenario = with_overrides(base, changes)
    assert parse_scenario(dump_scenario(scenario)) == scenario
    assert math.isclose(scenario.systems[0].price_usd or 0.0, price, rel_tol=0)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_damage_is_a_problem_with_a_place_and_never_a_crash(data: st.DataObject) -> None:
    """Delete, double or overwrite a piece of the toy: it loads, or every problem lies within the text."""
    start = data.draw(st.integers(0, len(TOY) - 1))
    length = data.draw(st.integers(1, 40))
    junk = data.draw(
        st.sampled_from(["", "[", "}", ": ", "- ", "&a ", "*a", "'", "\n", "-1", "null", "2050-01-01", "é"])
    )
    text = TOY[:start] + junk + TOY[start + length :]
    try:
        parse_scenario(text, "x.yaml")
    except ScenarioError as error:
        lines = text.count("\n") + 1
        assert error.problems and all(1 <= p.line <= lines + 1 and p.message for p in error.problems)


def test_json_schema_covers_the_file_and_is_json() -> None:
    schema = json_schema()
    json.dumps(schema)
    assert {"demand", "hosts", "extends", "overrides"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    assert "from" in schema["$defs"]["Step"]["properties"]


# ---- completeness: a field added to the schema cannot be forgotten by the checks


def _written_fields(
    schema: dict[str, Any], whole: dict[str, Any], path: str, seen: tuple[str, ...]
) -> set[tuple[str, str]]:
    """(pattern, kind) of every date and every name in the schema, kind being date, id or iso3."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return set() if name in seen else _written_fields(whole["$defs"][name], whole, path, (*seen, name))
    found: set[tuple[str, str]] = set()
    if schema.get("format") == "date":
        found.add((path, "date"))
    if schema.get("pattern") == "^[a-z0-9][a-z0-9-]*$":
        found.add((path, "id"))
    if schema.get("pattern") == "^[A-Z]{3}$":
        found.add((path, "iso3"))
    for option in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        found |= _written_fields(option, whole, path, seen)
    if "items" in schema:
        found |= _written_fields(schema["items"], whole, f"{path}[]", seen)
    for name, child in schema.get("properties", {}).items():
        found |= _written_fields(child, whole, f"{path}.{name}" if path else name, seen)
    return found


def test_every_date_and_every_name_of_the_schema_is_checked() -> None:
    schema = json_schema()
    fields = _written_fields(schema, schema, "", ())
    past = {f"{where}[].{name}" for where, *ends in PAST for name in ends if name}
    unchecked = {path for path, kind in fields if kind == "date"} - set(DATES) - set(ANY_DATES) - past
    assert not unchecked, "add these dates to planner.scenario.references"
    # an id field names its own record, and an operator is whoever a host says
    own = {path for path, _ in fields if path.endswith("].id")} | {"name", "hosts[].operator"}
    named = {path for path, _ in REFERENCES}
    unchecked = {path for path, kind in fields if kind != "date"} - own - named
    assert not unchecked, "add these names to planner.scenario.references"


def test_new_kinds_of_reference() -> None:
    text = changed(
        (
            "open_lead_months: 6",
            "open_lead_months: 6\n    owner_parent: XXX\n    attributes: {owner: nobody}",
        ),
        add="control: {trusted_by_country: {JPN: [KOR, XYZ]}}\n"
        "agreements: [{id: x, kind: data-embassy, partner: QQQ}]\n"
        "cuts: [{id: c, from: 2035-01-01, operators: [us-operater], vendors: [nvida]}]\n",
    )
    assert [p.path for p in broken(text)] == [
        "hosts[champion].owner_parent", "hosts[champion].attributes.owner", "control.trusted_by_country.JPN[1]",
        "agreements[x].partner", "cuts[c].from", "cuts[c].operators[0]", "cuts[c].vendors[0]",
    ]  # fmt: skip


# ---- the reference


def test_every_field_has_a_meaning_and_no_meaning_is_left_over() -> None:
    records = reference._records(Scenario)
    missing = [f"{r.__name__}.{i.alias or n}" for r in records for n, i in r.model_fields.items()
               if not reference.meaning(r, i.alias or n)]  # fmt: skip
    assert not missing, "add these to planner/scenario/meanings.yaml"
    known = {
        base.__name__: base for record in records for base in record.__mro__ if hasattr(base, "model_fields")
    }
    for name, fields in reference.meanings().items():
        written = {info.alias or field for field, info in known[name].model_fields.items()}
        assert set(fields) <= written, f"no such fields of {name}: {set(fields) - written}"


def test_the_reference_says_what_a_field_must_stay_below() -> None:
    assert "| `end_of_life_pct` | number ≥ 0 < 100 |" in reference.markdown()


def test_the_documented_reference_is_that_of_the_schema(root: Path) -> None:
    text = (root / "docs" / "scenario.md").read_text("utf-8")
    assert reference.markdown().strip() in text, "run `make docs`"


def test_files_shown_in_the_documentation_work(root: Path, tmp_path: Path) -> None:
    """Each block of YAML in the page is tried: whole files, manifests, and pieces put into the Korea example."""
    text = (root / "docs" / "scenario.md").read_text("utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    tried = 0
    for block in blocks:
        if block.startswith("# sweep.yaml"):
            (tmp_path / "sweep.yaml").write_text(block)
            (tmp_path / "cases.csv").write_text("id,limits.min_control\na,50\nb,60\n")
            assert (
                len(load_batch(tmp_path / "sweep.yaml", load_catalog())) == 9 + 40 + 2 + 2
            )  # grid, sample, table, cases
        elif "planner: 1" in block or "extends:" in block:
            parse_scenario(block)
        elif block.startswith("size:"):
            item, _ = reading.parse_yaml(block, "x")
            with_overrides(
                load_scenario(example_path("korea")), {"demand[government].size": item.plain()["size"]}
            )
        elif block.startswith("profile:"):
            item, _ = reading.parse_yaml(block, "x")
            changes = {f"demand[government].{name}": value for name, value in item.plain().items()}
            with_overrides(load_scenario(example_path("korea")), changes)
        elif block.startswith(("power:", "tariff:")):
            item, _ = reading.parse_yaml(block, "x")
            changes = {f"sites[haenam].{name}": value for name, value in item.plain().items()}
            with_overrides(load_scenario(example_path("korea")), changes)
        elif block.startswith(("limits:", "models:", "money:")):
            parse_scenario("extends: korea\nname: x\n" + block)
        else:
            assert block.startswith("# yaml-language-server")
        tried += 1
    assert tried == len(blocks) >= 5


def test_the_work_for_one_problem_does_not_grow_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of the entries of a list are found once, the nearest names a hundred times at most."""
    calls = {"names": 0, "nearest": 0}

    def counted(name: str, function: Any) -> Any:
        def call(*args: Any, **more: Any) -> Any:
            calls[name] += 1
            return function(*args, **more)

        return call

    monkeypatch.setattr(messages, "entry_names", counted("names", entry_names))
    monkeypatch.setattr(suggest, "get_close_matches", counted("nearest", get_close_matches))
    wrong = [
        {"id": f"d{i}", "do": "forbid", "what": "open", "hosts": [f"no-{i}"], "value": "x"}
        for i in range(250)
    ]
    found = broken(TOY + "\ndecisions: " + json.dumps(wrong))
    assert len([p for p in found if p.path.endswith(".value")]) == 250
    unknown = [p for p in found if "unknown host" in p.message]
    assert len(unknown) == 250
    assert calls["names"] < 10 and calls["nearest"] <= HINTS
    text = str(ScenarioError(found))
    assert text.count("\n") == SHOWN and text.endswith(
        f"and {len(found) - SHOWN} more; `planner validate FILE --json` lists all"
    )


def test_a_name_that_comes_twice_in_a_list_is_told() -> None:
    text = example_path("two-hosts").read_text("utf-8")
    assert "stacks: [us-cloud]" in text
    found = broken(text.replace("stacks: [us-cloud]", "stacks: [us-cloud, us-cloud]"))
    assert [(p.path, p.message) for p in found] == [
        ("hosts[cloud].stacks[1]", "'us-cloud' comes twice in the list")
    ]
