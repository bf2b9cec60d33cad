"""The reader's names of the fields of a scenario: those of forms, grids and sheets."""

from __future__ import annotations

from planner.intake.fields import UNITS, Field
from planner.report.strings import known, t


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
    return words.replace("_", " ").capitalize()


def path_words(path: str) -> str:
    """A dotted path as a reader says it: ``size.points[1].value`` is "Size, points 2, value"."""
    parts: list[str] = []
    for name in path.replace("]", "").replace("[", ".").split("."):
        if name.isdigit() and parts:
            parts[-1] += f" {int(name) + 1}"
        elif name:
            parts.append(label(Field(name, "text")))
    return ", ".join(word if i == 0 else word[:1].lower() + word[1:] for i, word in enumerate(parts))
