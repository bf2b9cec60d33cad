"""Faults found by the schema, as problems with a place and words a planner understands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from planner.facts.suggest import hint
from planner.scenario.paths import entry_names
from planner.scenario.problems import Problem
from planner.scenario.reading import Item

Model = TypeVar("Model", bound=BaseModel)
Loc = tuple[int | str, ...]
Names = dict[int, list[str]]
"""Of each list of a document, by its identity: how its entries are named in a path."""

_UNITS = frozenset(
    ["kw", "mw", "gw", "kwh", "mwh", "gwh", "usd", "kusd", "musd", "busd", "eur", "meur", "m3", "l", "kg", "t",
     "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year", "years", "share", "percent", "pct"]
)  # fmt: skip


def validated(model: type[Model], item: Item) -> tuple[Model | None, list[Problem]]:
    """The model, or None and every problem. Types are strict: a number in quotes is text."""
    try:
        return model.model_validate_json(json.dumps(item.plain()), strict=True), []
    except ValidationError as error:
        return None, _problems(error, model, item)


def _problems(error: ValidationError, model: type[BaseModel], root: Item) -> list[Problem]:
    found: dict[str, list[tuple[ErrorDetails, Problem]]] = {}
    names: Names = {}
    for detail in error.errors(include_url=False):
        place_item, path = _locate(root, detail["loc"], detail["type"], names)
        if detail["type"].startswith("union_tag"):
            path += "." + _discriminator(detail)
            place_item = place_item.get(_discriminator(detail)) or place_item
        message = _message(detail, model)
        found.setdefault(path, []).append((detail, Problem.at(place_item.shown, path, message)))
    # A value that may be of two kinds fails once for each: keep what speaks of the kind it is.
    problems = []
    above = {path[: end.start()] for path in found for end in re.finditer(r"[.\[]", path)}
    for path, several in found.items():
        telling = [(d, p) for d, p in several if not d["type"].endswith("_type")]
        if isinstance(several[0][0]["input"], list) and (len(telling) > 1 or path in above):
            telling = [(d, p) for d, p in telling if d["type"] != "literal_error"]
        elif not isinstance(several[0][0]["input"], str) and any(
            d["type"] == "list_type" for d, _ in several
        ):
            telling = [(d, replace(p, message=f"{p.message}, or a list")) for d, p in telling]
        problems += [p for _, p in telling] or ([] if path in above else [several[0][1]])
    return problems


def _locate(root: Item, loc: Loc, kind: str, names: Names) -> tuple[Item, str]:
    """The item an error is about and its path. Parts that name a variant of a union are passed over.

    ``names`` keeps those of each list: to find them anew for each of a thousand errors takes minutes.
    """
    item, path = root, ""
    for i, part in enumerate(loc):
        value = item.value
        if isinstance(value, list) and isinstance(part, int) and part < len(value):
            if id(value) not in names:
                names[id(value)] = entry_names(value)
            path += f"[{names[id(value)][part]}]"
            item = value[part]
        elif isinstance(value, dict) and part in value:
            path += f".{part}" if path else str(part)
            item = value[part]
        elif kind == "missing" and i == len(loc) - 1:
            path += f".{part}" if path else str(part)
    return item, path


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def _alternatives(model: type[BaseModel], loc: Loc) -> list[dict[str, Any]]:
    """What the JSON schema allows at a location: one schema, or several for a union."""
    whole = _schema(model)
    here: dict[str, Any] = whole
    for part in loc:
        for choice in _resolve(whole, here):
            if isinstance(part, int) and "items" in choice:
                here = choice["items"]
            elif part in choice.get("properties", {}):
                here = choice["properties"][part]
            elif isinstance(choice.get("additionalProperties"), dict):
                here = choice["additionalProperties"]
            elif part in choice.get("discriminator", {}).get("mapping", {}):
                here = {"$ref": choice["discriminator"]["mapping"][part]}
            else:
                continue
            break
    return _resolve(whole, here)


def _resolve(whole: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema, or the alternatives it stands for, with references followed; the union itself comes first."""
    if "$ref" in schema:
        return _resolve(whole, whole["$defs"][schema["$ref"].rsplit("/", 1)[-1]])
    out = [schema]
    if "discriminator" not in schema:
        for option in [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]:
            out += _resolve(whole, option)
    return out


def _got(value: Any) -> str:
    if value is None:
        return "got nothing"
    if isinstance(value, str):
        return f"got the text {value[:40]!r}"
    if isinstance(value, bool):
        return f"got {str(value).lower()}"
    if isinstance(value, int | float):
        return f"got {value:g}" if abs(value) < 1e15 else "got a huge number"
    return "got a mapping" if isinstance(value, dict) else "got a list"


def unknown_field(name: str, allowed: Sequence[str]) -> str:
    """Message for a field that does not exist; a field that differs in its unit alone says so."""
    stem, _, unit = name.rpartition("_")
    if unit in _UNITS or name in _UNITS:
        same = [f for f in allowed if _stem(f) == _stem(name) or (stem and f.startswith(stem + "_"))]
        if same:
            return f"unknown field: the unit is part of the name; did you mean {same[0]!r}?"
    return "unknown field" + hint(name, allowed)


def _stem(name: str) -> str:
    return "_".join(part for part in name.split("_") if part not in _UNITS and part != "per")


def _pattern(value: Any, pattern: str) -> str:
    if pattern == "^[a-z0-9][a-z0-9-]*$":
        fixed = re.sub(r"[^a-z0-9]+", "-", str(value).lower()).strip("-")
        suggestion = f"; did you mean {fixed!r}?" if fixed else ""
        return f"{value!r} is not an id: use lower-case letters, digits and hyphens{suggestion}"
    if pattern == "^[A-Z]{3}$":
        return f"{value!r} is not a country code: three capital letters (ISO 3166 alpha-3) such as KOR"
    if pattern == r"^[1-8]\.[1-8]$":
        return f"{value!r} is not a criterion such as '2.4'"
    return f"{value!r} does not match {pattern}"


def _date(detail: ErrorDetails) -> str:
    value = detail["input"]
    reason = detail.get("ctx", {}).get("error", "")
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return f"{value} is not a day of the calendar ({reason})"
    return f"not a date ({_got(value)}); write it as 2027-01-31"


def _literal(detail: ErrorDetails) -> str:
    expected = str(detail.get("ctx", {}).get("expected", ""))
    allowed = re.findall(r"'([^']*)'", expected)
    value = detail["input"]
    if not allowed:
        return f"must be {expected} ({_got(value)})"
    if value is None:
        return "is empty" + hint("", allowed)
    shown = repr(value) if isinstance(value, str) else _got(value).removeprefix("got ")
    return f"{shown} is not known{hint(str(value), allowed)}"


def _bound(words: str, name: str) -> Callable[[ErrorDetails], str]:
    def message(detail: ErrorDetails) -> str:
        return f"must be {words} {detail['ctx'][name]:g} ({_got(detail['input'])})"

    return message


def _number(word: str) -> Callable[[ErrorDetails], str]:
    def message(detail: ErrorDetails) -> str:
        value = detail["input"]
        quoted = isinstance(value, str) and re.fullmatch(r"[-+]?[\d_]+(\.\d*)?(e[-+]?\d+)?", value)
        return f"must be {word} ({_got(value)}){'; write it without quotes' if quoted else ''}"

    return message


def _entries(words: str, detail: ErrorDetails, name: str) -> str:
    least, actual = detail["ctx"][name], detail["ctx"]["actual_length"]
    held = f"has {actual}" if actual else "is empty"
    return f"needs {words} {least} {'entry' if least == 1 else 'entries'}, and the list {held}"


_WORDS: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda d: "required field is missing",
    "literal_error": _literal,
    "greater_than_equal": _bound("at least", "ge"),
    "greater_than": _bound("more than", "gt"),
    "less_than_equal": _bound("at most", "le"),
    "less_than": _bound("less than", "lt"),
    "float_type": _number("a number"),
    "int_type": _number("a whole number"),
    "int_from_float": _number("a whole number"),
    "finite_number": lambda d: "must be a finite number",
    "string_type": lambda d: f"must be text ({_got(d['input'])}); put it in quotes",
    "bool_type": lambda d: f"must be true or false ({_got(d['input'])})",
    "list_type": lambda d: f"must be a list ({_got(d['input'])})",
    "dict_type": lambda d: f"must be a mapping of names to values ({_got(d['input'])})",
    "model_type": lambda d: f"must be a mapping with fields ({_got(d['input'])})",
    "model_attributes_type": lambda d: f"must be a mapping with fields ({_got(d['input'])})",
    "too_short": lambda d: _entries("at least", d, "min_length"),
    "too_long": lambda d: _entries("at most", d, "max_length"),
    "string_pattern_mismatch": lambda d: _pattern(d["input"], str(d["ctx"]["pattern"])),
    "string_too_long": lambda d: f"is longer than {d['ctx']['max_length']} characters",
    "value_error": lambda d: str(d["ctx"]["error"]),
    "date_type": _date,
    "date_parsing": _date,
    "date_from_datetime_parsing": _date,
    "date_from_datetime_inexact": _date,
}


def _discriminator(detail: ErrorDetails) -> str:
    return str(detail["ctx"]["discriminator"]).strip("'")


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, loc = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        choices = _alternatives(model, loc[:-1])
        fields = list(dict.fromkeys(name for choice in choices for name in choice.get("properties", {})))
        return unknown_field(str(loc[-1]), fields)
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        tags = [t for c in _alternatives(model, loc) for t in c.get("discriminator", {}).get("mapping", {})]
        wrong = str(detail["ctx"].get("tag", ""))
        start = f"{wrong!r} is not known" if wrong else "required field is missing"
        return start + hint(wrong, tags)
    words = _WORDS.get(kind)
    return words(detail) if words else str(detail["msg"])
