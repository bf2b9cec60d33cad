"""The reader's names of the fields of a scenario: those of forms, grids and sheets."""

from __future__ import annotations

from planner.intake.fields import UNITS, Field
from planner.report.strings import known, t

ACRONYMS = {
    "dscr": "DSCR", "dsra": "DSRA", "irr": "IRR", "vat": "VAT", "usd": "USD", "musd": "MUSD", "mw": "MW", "it": "IT",
}  # fmt: skip
"""Words of names that are written in capitals."""
UNIT_ALONE = {"musd": "Amount", "mw": "Power", "usd": "Price"}
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


def path_words(path: str) -> str:
    """A dotted path as a reader says it: ``size.points[1].value`` is "Size, points 2, value"."""
    parts: list[str] = []
    for name in path.replace("]", "").replace("[", ".").split("."):
        if name.isdigit() and parts:
            parts[-1] += f" {int(name) + 1}"
        elif name:
            parts.append(label(Field(name, "text")))
    return ", ".join(word if i == 0 else word[:1].lower() + word[1:] for i, word in enumerate(parts))
