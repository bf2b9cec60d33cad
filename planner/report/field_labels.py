"""The reader's names of the fields of a scenario: those of forms, grids and sheets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.facts.numbers import number, quantity
from planner.intake.fields import UNITS, Field
from planner.report.strings import known, t

ACRONYMS = {
    "dscr": "DSCR", "dsra": "DSRA", "irr": "IRR", "vat": "VAT", "usd": "USD", "musd": "MUSD", "mw": "MW", "it": "IT",
}  # fmt: skip
"""Words of names that are written in capitals."""
UNIT_ALONE = {"musd": "Amount", "musd_per_year": "Amount a year", "mw": "Power", "usd": "Price"}
"""Names that are a unit only: what is counted in it."""


def label(field: Field, path: str | None = None) -> str:
    """The reader's name of a field; made from its name where no text is kept for it."""
    for key in (f"scenario.field.{path}", f"scenario.field.{field.name}", f"scenario.field.{field.leaf}"):
        if known(key):
            return t(key)
    words = field.leaf
    for suffix, _unit in UNITS:
        if suffix.startswith("_") and words.endswith(suffix):
            words = words.removesuffix(suffix)
            break
    if words in UNIT_ALONE:
        return UNIT_ALONE[words]
    first, *others = [ACRONYMS.get(word, word) for word in words.split("_")]
    return " ".join([first[:1].upper() + first[1:], *others])


def change_words(change: Mapping[str, Any], named: Mapping[str, str] | None = None) -> str:
    """Paths and new values as a reader says them: "Budget at least 29.57 MUSD; Government: must be served by 2029-04-01".

    ``named``: id -> name of what stands in brackets.
    """
    return "; ".join(_change(path, value, named or {}) for path, value in change.items())


def _change(path: str, value: Any, named: Mapping[str, str]) -> str:
    names = [part for part in path.replace("]", "").replace("[", ".").split(".") if part]
    leaf = next(name for name in reversed(names) if name not in named and not name.isdigit())
    field = Field(leaf, "number")
    shown = (
        value
        if isinstance(value, str)
        else number(value, 5)
        if isinstance(value, int | float)
        else str(value)
    )
    if known(key := f"run.change.{leaf}"):
        words = t(key, value=shown)
    else:
        words = (
            f"{label(field)} {quantity(value, field.unit, 5) if isinstance(value, float | int) else shown}"
        )
    owners = [named[name] for name in names if name in named]
    return f"{', '.join(owners)}: {_lowered(words)}" if owners else words


def path_words(path: str) -> str:
    """A dotted path as a reader says it: ``size.points[1].value`` is "Size, points 2, value"."""
    parts: list[str] = []
    for name in path.replace("]", "").replace("[", ".").split("."):
        if name.isdigit() and parts:
            parts[-1] += f" {int(name) + 1}"
        elif name:
            parts.append(label(Field(name, "text")))
    return ", ".join(word if i == 0 else _lowered(word) for i, word in enumerate(parts))


def _lowered(words: str) -> str:
    """Words within a sentence: what is written in capitals (USD, IT) stays so."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]
