"""Where the cases of a batch come from: ranges of values, a Latin hypercube, rows of a CSV file; and their names."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator
from scipy.stats import qmc

from planner.scenario.problems import InputError, Place, Problem
from planner.scenario.reading import parse_yaml, read_text
from planner.scenario.record import Record

MAX_CASES = 100_000
DIGITS = 6
"""Significant digits of a value between the ends of a range: enough for any input, short in names and tables."""
NAME_LENGTH, HASH_LENGTH = 80, 8
OWN_COLUMNS = ("id", "objective", "quality")
Changes = dict[str, Any]


class Range(Record):
    """Values from one number to another, in steps or so many; whole numbers on request."""

    from_: Annotated[float, Field(alias="from")]
    to: float
    step: Annotated[float, Field(gt=0)] | None = None
    count: Annotated[int, Field(ge=2, le=MAX_CASES)] | None = None

    @model_validator(mode="after")
    def _steps_or_count(self) -> Range:
        if (self.step is None) == (self.count is None):
            raise ValueError("a range needs a step or a count, one of them")
        if self.to < self.from_:
            raise ValueError("a range runs from the smaller to the larger number")
        if self.step is not None and (self.to - self.from_) / self.step > MAX_CASES:
            raise ValueError(f"a range has at most {MAX_CASES} values")
        return self

    def values(self) -> list[float | int]:
        """All values, both ends included where the step meets them."""
        if self.step is not None:
            n = math.floor((self.to - self.from_) / self.step + 1e-9) + 1
            return [tidy(self.from_ + i * self.step) for i in range(n)]
        assert self.count is not None
        width = (self.to - self.from_) / (self.count - 1)
        return [tidy(self.from_ + i * width) for i in range(self.count)]


class Span(Record):
    """The ends between which a value is drawn; whole numbers on request."""

    from_: Annotated[float, Field(alias="from")]
    to: float
    whole: bool = False

    @model_validator(mode="after")
    def _rising(self) -> Span:
        if self.to < self.from_:
            raise ValueError("a range runs from the smaller to the larger number")
        return self

    def value(self, share: float) -> float | int:
        """The value at a share of the way; of whole numbers each has the same part of the way."""
        if self.whole:
            first, last = math.ceil(self.from_), math.floor(self.to)
            return min(first + int(share * (last - first + 1)), last)
        return tidy(self.from_ + share * (self.to - self.from_))


class Sample(Record):
    """A Latin hypercube: so many cases that cover every range evenly; the seed makes it repeatable."""

    count: Annotated[int, Field(ge=1, le=MAX_CASES)]
    seed: Annotated[int, Field(ge=0)] = 1
    ranges: Annotated[dict[str, Span], Field(min_length=1)]

    def changes(self) -> list[Changes]:
        """One set of changes a case."""
        draws = qmc.LatinHypercube(len(self.ranges), rng=self.seed).random(self.count)
        return [
            {path: span.value(float(x)) for (path, span), x in zip(self.ranges.items(), row, strict=True)}
            for row in draws
        ]


def tidy(value: float) -> float | int:
    """A number with few digits; whole where it is."""
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


@dataclass(frozen=True)
class Row:
    """One row of a table of cases: changes, and what else it says of the case."""

    changes: Changes
    own: dict[str, str]
    place: Place


def read_rows(path: Path) -> Iterator[Row]:
    """Rows of a CSV file: a column a dotted path, values as in YAML, empty cells change nothing.

    The columns ``id``, ``objective`` and ``quality`` are of the case itself. Cells stand between commas, or between
    semicolons as spreadsheets write where the comma is decimal. ``InputError`` with every row that is none.
    """
    text = read_text(path)
    first = text.partition("\n")[0]
    between = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text), strict=True, delimiter=between)
    try:
        header = [name.strip() for name in next(reader, [])]
        for name, n in Counter(header).items():
            if n > 1 or not name:
                what = f"has two columns {name!r}" if name else "has a column without a name"
                raise InputError.single(str(path), what)
        if not header:
            raise InputError.single(str(path), "is empty: its first line names the paths")
        wrong: list[Problem] = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            place = Place(str(path), reader.line_num)
            if len(cells) != len(header):
                wrong.append(Problem.at(place, "", f"has {len(cells)} cells, the header has {len(header)}"))
                continue
            given = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
            own = {name: given.pop(name) for name in OWN_COLUMNS if name in given}
            changes = {name: _value(cell, place, name, wrong) for name, cell in given.items()}
            yield Row(changes, own, place)
    except csv.Error as error:
        raise InputError.single(str(path), f"is not a CSV file: {error}", reader.line_num) from error
    if wrong:
        raise InputError(wrong)


def _value(text: str, place: Place, column: str, wrong: list[Problem]) -> Any:
    """The value of a cell; a cell that is none is noted."""
    try:
        item, faults = parse_yaml(text, place.file)
    except InputError as error:
        faults = error.problems
    if faults:
        wrong.append(Problem.at(place, column, faults[0].message))
        return None
    return item.plain()


# ---- names


def names_of(combinations: Sequence[Changes]) -> list[str]:
    """A name each, all different: where words do not tell two apart or are cut short, a hash of the values does."""
    words = [grid_name(changes) for changes in combinations]
    count = Counter(name.lower() for name in words)  # a disk may not tell capitals apart
    return [
        name if count[name.lower()] == 1 and len(name) <= NAME_LENGTH else _hashed(name, changes)
        for name, changes in zip(words, combinations, strict=True)
    ]


def grid_name(changes: Mapping[str, Any]) -> str:
    """A readable name of one combination: the last part of each path with its value.

    >>> grid_name({"limits.min_control": 60, "money.level": "low", "x.y": -0.5})
    'min_control-60_level-low_y-minus0.5'
    """
    parts = []
    for path, value in changes.items():
        stem = re.sub(r"[^a-zA-Z0-9_]+", "-", path.rsplit(".", 1)[-1]).strip("-")
        text = value if isinstance(value, str) else json.dumps(value)
        text = re.sub(r"^-(?=[\d.])", "minus", text)
        parts.append(f"{stem}-{re.sub(r'[^a-zA-Z0-9.]+', '-', text).strip('-')}")
    return "_".join(parts).strip("-._") or "case"


def _hashed(name: str, changes: Changes) -> str:
    digest = hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: NAME_LENGTH - HASH_LENGTH - 1].rstrip('-._')}-{digest}"
