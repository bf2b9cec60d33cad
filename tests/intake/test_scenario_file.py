"""Scenario files: every problem of bad input is named at its place; good input survives writing and reading."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from planner.intake.scenario_file import (
    ScenarioError,
    check_scenario,
    dump_scenario,
    example_path,
    examples,
    load_scenario,
    parse_scenario,
)
from tests.intake.files import TOY, broken, changed, one


def test_a_choice_left_empty_is_told_as_such_with_what_is_allowed() -> None:
    (problem,) = broken(TOY.replace("  - id: champion\n", "  - id: champion\n    building_pace:\n", 1))
    assert problem.message == "is empty; allowed 'fast', 'usual', 'slow'"


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


@pytest.mark.parametrize(
    ("old", "cap", "refused"),
    [
        ("capital_musd_total: 100", "{what: outlay, musd: 900}", True),
        ("capital_musd_total: 100", "{what: outlay, musd: 900, year: 2028}", False),
        ("capital_musd_total: 100", "{what: capex, musd: 900}", False),
        ("capital_musd_by_year: [{year: 2028, musd: 50}]", "{what: outlay, musd: 900, year: 2028}", True),
        ("capital_musd_by_year: [{year: 2028, musd: 50}]", "{what: outlay, musd: 900, payer: all, year: 2028}", False),
    ],
)  # fmt: skip
def test_a_cap_on_capital_is_stated_once_in_whichever_field(old: str, cap: str, refused: bool) -> None:
    """The later would hold alone: 100 MUSD in all, and a row of 900 beside it."""
    text = changed(add=f"limits: {{{old}, money: [{cap}]}}")
    if refused:
        one(text, "limits.money[0]", "second cap on the same money")
    else:
        parse_scenario(text)


def test_a_limit_without_a_day_is_one_from_the_start() -> None:
    by = "by: operator, id: us-operator"
    text = changed(
        add=f"limits: {{shares: [{{{by}, max_share: 0.5}}, {{{by}, max_share: 0.4, from: 2027-01-01}}]}}"
    )
    one(text, "limits.shares[1]", "from the same date")
    floor = "data_class: official, min"
    text = changed(add=f"limits: {{control_floors: [{{{floor}: 50}}, {{{floor}: 60, from: 2027-01-01}}]}}")
    one(text, "limits.control_floors[1]", "from the same date")


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


def test_lines_that_stand_are_a_part_of_the_grid_of_their_site() -> None:
    """Of 40 MW of the site: 30 and 10 may stand there, 30 and 11 not."""
    halls = "existing: {{halls: [{{id: old, host: champion, it_mw: 9, grid_mw: 30}}, {}]}}"
    new = "{{id: new, host: champion, it_mw: 1, grid_mw: {}}}"
    found = one(changed(add=halls.format(new.format(11))), "existing.halls[new].grid_mw")
    assert "lines that stand at haenam have 41 MW" in found.message and "grid_mw gives 40 MW" in found.message
    parse_scenario(changed(add=halls.format(new.format(10))), "x.yaml")


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
