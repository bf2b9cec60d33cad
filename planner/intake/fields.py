"""The scenario's JSON Schema as forms need it: the plain fields of a record, with kind, limits and default.

A record is named by a pattern: ``horizon``, ``demand[]``, ``sites[].grid_mw[]``, or the empty text for the top.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from planner.facts.errors import UnknownName
from planner.intake.scenario_file import json_schema

Kind = Literal["number", "integer", "boolean", "date", "choice", "text", "list"]
PROVENANCE = ("source", "assumed", "note")
UNITS = (
    ("_musd_per_mw_it", "MUSD/MW"),
    ("_musd_per_mw", "MUSD/MW"),
    ("musd_per_mw", "MUSD/MW"),
    ("_musd_per_year", "MUSD/year"),
    ("_musd", "MUSD"),
    ("musd", "MUSD"),
    ("musd_total", "MUSD"),
    ("_m3_per_year", "m³/year"),
    ("usd_per_mwh", "USD/MWh"),
    ("usd_per_mmbtu", "USD/MMBtu"),
    ("usd_per_kw_month", "USD/kW/month"),
    ("_usd_per_kw_year", "USD/kW/year"),
    ("_usd_per_kw", "USD/kW"),
    ("_pct_per_year", "%/year"),
    ("_pct_per_cycle", "%/cycle"),
    ("_pct", "%"),
    ("_hours_per_year", "hours/year"),
    ("_usd_per_accelerator_hour", "USD/acc./h"),
    ("_usd_per_accelerator_year", "USD/acc./year"),
    ("_usd", "USD"),
    ("_months", "months"),
    ("_mw", "MW"),
    ("mw", "MW"),
    ("racks_per_quarter", "racks/quarter"),
    ("time_limit_s", "s"),
    ("relet_share_accelerators", "0–1"),
    ("relet_share_halls", "0–1"),
    ("accelerators", "acc."),
    ("years", "years"),
    ("_periods", "periods"),
    ("_share_per_year", "share/year"),
    ("share", "0–1"),
    ("_per_day", "per day"),
    ("_per_user_day", "per day"),
    ("_tokens_per_request", "tokens"),
    ("tokens_per_s_per_user", "tokens/s"),
    ("ttft_s", "s"),
    ("params_active_b", "billion"),
    ("params_total_b", "billion"),
    ("bytes_per_token", "bytes"),
    ("context_tokens", "tokens"),
    ("tokens_per_s_per_accelerator", "tokens/s"),
    ("tokens_b", "billion"),
    ("min_control", "points 0–100"),
    ("discount_rate_real", "share/year"),
    ("musd_per_year", "MUSD/year"),
    ("cycles_per_year", "cycles/year"),
    ("_per_year", "share/year"),
    ("equity_irr", "share/year"),
    ("dscr", "times"),
    ("vat_on_capex", "0–1"),
    ("vat_on_opex", "0–1"),
    ("vat_on_revenue", "0–1"),
    ("rate", "0–1"),
    ("availability", "0–1"),
    ("_quarters", "quarters"),
)


@dataclass(frozen=True)
class Field:
    """One plain field of a record. ``name`` is dotted for a field of a small record inside (``locality.where``)."""

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: Any = None
    required: bool = False
    numbers: bool = False  # a list of numbers
    mapping: bool = False  # also, or only, values by name: "health: 6, defence: 3"
    lists: bool = False  # a mapping to lists: "KOR: USA JPN"
    meaning: str = ""

    @property
    def leaf(self) -> str:
        return self.name.rsplit(".", 1)[-1]

    @property
    def unit(self) -> str:
        """The unit that stands in the name; empty for none."""
        if self.kind not in ("number", "integer"):
            return ""
        return next((unit for suffix, unit in UNITS if self.leaf.endswith(suffix)), "")


@cache
def _schema() -> dict[str, Any]:
    return json_schema()


@cache
def fields(pattern: str) -> tuple[Field, ...]:
    """The plain fields of the record a pattern names, required ones first in schema order, provenance last.

    Raises ``UnknownName`` for a pattern the schema does not hold. A union of records has the fields of all.
    """
    found: dict[str, Field] = {}
    for record in _records(pattern):
        required = set(record.get("required", ()))
        for name, spec in record["properties"].items():
            for field in _plain(name, spec, name in required):
                known = found.setdefault(field.name, field)
                if known.kind == "choice":  # what tells the records of a union apart
                    choices = dict.fromkeys((*known.choices, *field.choices))
                    found[field.name] = replace(known, choices=tuple(choices))
    ordered = [
        f for f in found.values() if f.leaf not in PROVENANCE and f.name not in ("extends", "overrides")
    ]
    return (*ordered, *(found[name] for name in PROVENANCE if name in found))


@cache
def field(path: str) -> Field:
    """The field at a path without entries: ``horizon.years``, ``control.floors.secret``."""
    record, _, name = path.rpartition(".")
    if record == "control.floors":
        defaults = _schema()["$defs"]["Control"]["properties"]["floors"]["default"]
        return Field(name, "integer", minimum=0, maximum=4, default=defaults[name])
    return next(f for f in fields(record) if f.name == name)


@cache
def records() -> frozenset[str]:
    """Patterns of all records of the schema, the empty one for the top."""
    found = set()

    def walk(node: dict[str, Any], pattern: str) -> None:
        for record in _options(node):
            if "properties" not in record:
                continue
            found.add(pattern)
            for name, spec in record["properties"].items():
                path = f"{pattern}.{name}" if pattern else name
                for option in _options(spec):
                    walk(option.get("items", {}), f"{path}[]") if option.get("type") == "array" else walk(
                        option, path
                    )

    walk(_schema(), "")
    return frozenset(found)


def typed(field: Field, value: Any) -> Any:
    """What a form, a grid or a sheet hands over, as the file wants it: blanks are nothing, lists are split."""
    if value is None or value == "" or value == []:
        return None
    if field.mapping and isinstance(value, str) and ":" in value:
        return mapping_of(value, field.lists)
    if field.kind == "list":
        parts = value if isinstance(value, list) else [p for p in re.split(r"[,;\s]+", str(value)) if p]
        return [number_or_text(p) for p in parts] if field.numbers else parts
    if field.kind in ("number", "integer"):
        return number_or_text(value)
    if field.kind == "boolean":
        return bool(value)
    return str(value).strip()


def mapping_of(text: str, lists: bool = False) -> dict[str, Any]:
    """``health: 6, defence: 3`` as a mapping; with ``lists``, each value is split at its blanks."""
    pairs = (part.partition(":") for part in re.split(r"[,;\n]+", text) if part.strip())
    return {
        name.strip(): value.split() if lists else number_or_text(value.strip()) for name, _, value in pairs
    }


def text_of(value: Any) -> Any:
    """A value as one cell or field: lists with commas, mappings as ``name: value``, all else as it is."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        inner = {k: " ".join(map(str, v)) if isinstance(v, list | tuple) else v for k, v in value.items()}
        return ", ".join(f"{name}: {part}" for name, part in inner.items())
    return value


def number_or_text(value: Any) -> Any:
    """A number, whole where it is; what is none stays as it is, and the schema says what is wrong with it."""
    if isinstance(value, bool):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return int(number) if abs(number) < 1e15 and number == int(number) else number


def _records(pattern: str) -> list[dict[str, Any]]:
    nodes = [_schema()]
    for part in pattern.replace("[]", ".[]").split(".") if pattern else []:
        below: list[dict[str, Any]] = []
        for node in nodes:
            inner = node.get("items") if part == "[]" else node.get("properties", {}).get(part)
            below += _options(inner) if inner is not None else []
        nodes = below
    records = [node for node in nodes if "properties" in node]
    if not records:
        raise UnknownName(f"no record {pattern!r} in the schema of a scenario")
    return records


def _options(node: dict[str, Any]) -> list[dict[str, Any]]:
    """A node with references followed; every branch of a union, null left out."""
    if "$ref" in node:
        return _options(_schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]])
    branches = node.get("anyOf") or node.get("oneOf") if "properties" not in node else None
    if branches:
        return [leaf for branch in branches for leaf in _options(branch)]
    return [] if node.get("type") == "null" else [node]


def _plain(name: str, spec: dict[str, Any], required: bool) -> list[Field]:
    default, meaning = spec.get("default"), spec.get("description", "")
    held = next((found for option in _options(spec) if (found := _mapped(option)) is not None), None)
    for option in _options(spec):
        kind = option.get("type")
        common: dict[str, Any] = {"name": name, "default": default, "required": required, "meaning": meaning}
        common |= {"mapping": held is not None, "lists": held is not None and held.get("type") == "array"}
        if _mapped(option) is not None:
            return [Field(kind="text", **common)]
        if "const" in option:
            return [Field(kind="choice", choices=(str(option["const"]),), **common)]
        if "enum" in option:
            return [Field(kind="choice", choices=tuple(map(str, option["enum"])), **common)]
        if kind in ("number", "integer"):
            low = option.get("minimum", option.get("exclusiveMinimum"))
            high = option.get("maximum", option.get("exclusiveMaximum"))
            return [Field(kind=kind, minimum=low, maximum=high, **common)]
        if kind == "boolean":
            return [Field(kind="boolean", **common)]
        if kind == "string":
            return [Field(kind="date" if option.get("format") == "date" else "text", **common)]
        if kind == "array" and "type" in option.get("items", {}):
            return [Field(kind="list", numbers=option["items"]["type"] in ("number", "integer"), **common)]
        if kind == "object" and "properties" in option and name == "locality":
            inner = [
                p for n, s in option["properties"].items() if n not in PROVENANCE for p in _plain(n, s, False)
            ]
            return [
                Field(f"{name}.{f.name}", f.kind, f.choices, f.minimum, f.maximum, meaning=f.meaning)
                for f in inner
            ]
    return []


def _mapped(option: dict[str, Any]) -> dict[str, Any] | None:
    """What a mapping of plain names holds; None for all else."""
    if option.get("type") != "object" or "properties" in option:
        return None
    patterns = option.get("patternProperties") or {}
    held = next(iter(patterns.values()), option.get("additionalProperties"))
    return held if isinstance(held, dict) else None
