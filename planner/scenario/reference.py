"""The reference of the scenario file, read off the schema: meanings for editors, tables for people."""

from __future__ import annotations

import types
import typing
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from planner.scenario.reading import parse_yaml
from planner.scenario.record import Record
from planner.scenario.schema import Scenario

FREE_TEXT = {"^[a-z0-9][a-z0-9-]*$": "id", "^[A-Z]{3}$": "ISO3", r"^[1-8]\.[1-8]$": "criterion"}
SIGNS = {Ge: "≥", Gt: ">", Le: "≤", Lt: "<"}


@cache
def meanings() -> dict[str, dict[str, str]]:
    """Meaning of every field by record and written name."""
    text = (resources.files("planner.scenario") / "meanings.yaml").read_text("utf-8")
    item, _ = parse_yaml(text, "meanings.yaml")
    found: dict[str, dict[str, str]] = item.plain()
    return found


def meaning(record: type[BaseModel], name: str) -> str:
    """Meaning of one field; a record inherits those of its bases. Empty if nobody has written it down."""
    for base in record.__mro__:
        text = meanings().get(base.__name__, {}).get(name)
        if text:
            return text
    return ""


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema of the scenario with the meaning of each field as its description."""
    records = {record.__name__: record for record in _records(Scenario)}
    for name, part in [*schema.get("$defs", {}).items(), ("Scenario", schema)]:
        if name in records:
            for field, child in part.get("properties", {}).items():
                child.setdefault("description", meaning(records[name], field))
    return schema


def markdown() -> str:
    """One table a record, in the order in which a file uses them: field, type, default, meaning."""
    parts = []
    for record, places in _records(Scenario).items():
        own = [name for name in record.model_fields if record is Record or name not in Record.model_fields]
        if not own:
            continue
        where = ", ".join(f"`{place}`" for place in dict.fromkeys(places)) or "the file"
        kind = record.model_fields.get("by")
        tags = typing.get_args(kind.annotation) if kind is not None else ()
        parts.append(f"### {where}{f' with `by: {tags[0]}`' if len(tags) == 1 else ''}\n")
        parts.append("| field | value | left out | meaning |\n|---|---|---|---|")
        parts += [_row(record, record.model_fields[name], name) for name in own]
        parts.append("")
    return "\n".join(parts)


def _records(root: type[BaseModel]) -> dict[type[BaseModel], list[str]]:
    """Every record of the schema with the places it is used at, depth first."""
    found: dict[type[BaseModel], list[str]] = {}

    def visit(record: type[BaseModel], place: str) -> None:
        known = record in found
        found.setdefault(record, []).extend([place] if place else [])
        if known:
            return
        for name, info in record.model_fields.items():
            below = f"{place}.{info.alias or name}" if place else name
            for child, suffix in _models(info.annotation):
                visit(child, below + suffix)

    visit(root, "")
    return found


def _models(annotation: Any, suffix: str = "") -> list[tuple[type[BaseModel], str]]:
    """Records inside a type, with ``[]`` for each list around them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, suffix)]
    more = "[]" if typing.get_origin(annotation) is list else ""
    return [found for part in typing.get_args(annotation) for found in _models(part, suffix + more)]


def _row(record: type[BaseModel], info: FieldInfo, name: str) -> str:
    written = info.alias or name
    return f"| `{written}` | {_type(info.annotation, info.metadata)} | {_default(info)} | {meaning(record, written)} |"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or value is None or value == [] or value == {}:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _type(annotation: Any, metadata: typing.Sequence[Any] = ()) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(inner[0], [*inner[1:], *metadata])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        kinds = [_type(part, metadata) for part in inner if part is not type(None)]
        return " or ".join(dict.fromkeys(kinds))
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"mapping of {_type(inner[0])} to {_type(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "record"
    words = {str: "text", float: "number", int: "whole number", bool: "true, false", date: "date"}.get(
        annotation, "any"
    )
    return " ".join([words, *_bounds(metadata)]) if words != "text" else _text(metadata)


def _text(metadata: typing.Sequence[Any]) -> str:
    for pattern, word in FREE_TEXT.items():
        if any(pattern == getattr(part, "pattern", None) for part in _flat(metadata)):
            return word
    return "text"


def _bounds(metadata: typing.Sequence[Any]) -> list[str]:
    out = []
    for part in _flat(metadata):
        for kind, sign in SIGNS.items():
            if isinstance(part, kind):
                out.append(f"{sign} {getattr(part, kind.__name__.lower()):g}")
    return out


def _flat(metadata: typing.Sequence[Any]) -> list[Any]:
    """Constraints, those inside a ``Field`` included; lengths are no matter here."""
    parts = [p for part in metadata for p in (part.metadata if isinstance(part, FieldInfo) else [part])]
    return [part for part in parts if not isinstance(part, MinLen | MaxLen)]
