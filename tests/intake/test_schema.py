"""The schema as a whole: what is written is read again, every field is checked, has a meaning and stands in the docs."""

from __future__ import annotations

import json
import math
import re
import string
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
    ScenarioError,
    dump_scenario,
    example_path,
    json_schema,
    load_scenario,
    parse_scenario,
    with_overrides,
)
from planner.runs.batch_file import load_batch
from planner.scenario import messages, reading, reference
from planner.scenario.paths import entry_names, joined, split
from planner.scenario.problems import SHOWN
from planner.scenario.references import ANY_DATES, DATES, PAST, REFERENCES
from planner.scenario.schema import Scenario
from tests.intake.files import TOY, broken, changed

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
