"""The reader's words for the planner's names: KPIs, columns, rules. One file per language; accounts and purchases
bring their words with them."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import pandas as pd

from planner.case.registry import ACCOUNTS, PURCHASES
from planner.facts.numbers import MISSING, percent
from planner.report.names import in_words


@cache
def _terms(language: str) -> dict[str, dict[str, str]]:
    text = files(__package__).joinpath(f"terms.{language}.json").read_text(encoding="utf-8")
    terms: dict[str, dict[str, str]] = json.loads(text)
    return terms


def term(section: str, name: object, language: str = "en") -> str:
    """The words for ``name``; a name without an entry (a user's own id) is shown as it is written."""
    text = "" if name is None or name != name else str(name)
    known = _terms(language).get(section, {}).get(text) or _registered().get(section, {}).get(text)
    return known or (in_words(text) if section in IDS else text)


IDS = ("payer", "asset_class")
"""Sections of ids that are read as words where they have none of their own."""


@cache
def _registered() -> dict[str, dict[str, str]]:
    """Words that stand in the registry beside what they name; a file of terms may say otherwise."""
    return {
        "account": {a.name: a.words for a in ACCOUNTS.values()},
        "table": {p.name: p.words for p in PURCHASES},
        "milestone": {p.milestone: p.words for p in PURCHASES},
    }


def kpi_label(name: str) -> str:
    """A KPI's words; a KPI split by payer, workload or country ("capex_musd.champion") names the part."""
    whole, _, part = name.partition(".")
    words = term("kpi", whole)
    if words == whole:
        words = whole.replace("_", " ")
    return f"{words}: {part}" if part else words


def statement_line(line: str) -> str:
    """A line of a financial statement in words; of a source its kind and name ("loan:shell")."""
    kind, _, name = line.partition(":")
    return f"{term('finance_line', kind)} {name}".strip()


def heading(column: str) -> str:
    """A table heading; columns without words of their own read as their name without underscores."""
    words = term("column", column)
    return words if words != column else column.replace("_", " ")


def relabel(table: pd.DataFrame) -> pd.DataFrame:
    """The same table under readable headings."""
    return table.rename(columns={c: heading(str(c)) for c in table.columns})


VALUES = {
    "kind": ("kind", "milestone"), "account": ("account",), "payer": ("payer",), "mode": ("mode",), "modes": ("mode",),
    "decision": ("decision",), "cap": ("cap",), "case": ("downside",), "what": ("downside", "table"),
    "asset_class": ("asset_class",),
}  # fmt: skip
"""Columns whose values have words of their own, and the sections that hold them."""


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The same table for reading: headings and values in words, years without gaps, shares in per cent."""
    out = table.copy()
    for column in out.columns:
        if _is_share(str(column)) and pd.api.types.is_float_dtype(out[column]):
            out[column] = [percent(value, 1) for value in out[column]]
    for column, sections in VALUES.items():
        if column in out:
            out[column] = [_first(sections, value) for value in out[column]]
    if "year" in out:
        out["year"] = out["year"].astype(str)
    return relabel(out)


def _is_share(column: str) -> bool:
    return "share" in column.split("_")


def in_percent(column: pd.Series) -> bool:
    """Whether a column that is to be read holds shares in per cent."""
    texts = [value for value in column if isinstance(value, str) and value != MISSING]
    return bool(texts) and all(text.endswith(" %") for text in texts)


def _first(sections: tuple[str, ...], value: object) -> str:
    for section in sections:
        words = term(section, value)
        if words != str(value):
            return words
    return term(sections[0], value)
