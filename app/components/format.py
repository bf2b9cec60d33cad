"""Dates, durations, cells and headings as text: chosen once, for every page. Numbers are those of all readers."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from planner.facts.numbers import MISSING, fixed, number
from planner.report.terms import term

WHOLE = 1e-6
YEAR = re.compile(r"(19|20)\d\d")
PLAIN = -1  # decimals of a year: a whole number without gaps
SIGNIFICANT = -2  # a column of factors and counts: each number by its own size
QUANTITIES = ("at_once", "in_all", "amount")  # by the size of each too: megawatts beside accelerators
MIXED = 1000.0  # so many times the middle number is the largest of such a column


def day(value: Any) -> str:
    """``2027-04-01``, or a dash."""
    return MISSING if value is None or pd.isna(value) else pd.Timestamp(value).strftime("%Y-%m-%d")


def moment(value: Any) -> str:
    """``2027-04-01 14:05`` in local time of the server, or a dash."""
    return MISSING if value is None or pd.isna(value) else pd.Timestamp(value).strftime("%Y-%m-%d %H:%M")


def duration(seconds: Any) -> str:
    """``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None or pd.isna(seconds):
        return MISSING
    whole = round(float(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


UNITS = {
    "musd": "MUSD", "mw": "MW", "mwh": "MWh", "gwh": "GWh", "usd": "USD", "kw": "kW", "m3": "m³", "kref": "k ref. acc.",
    "pue": "PUE", "npv": "NPV", "id": "id", "seal": "SEAL", "iso3": "ISO3", "it": "IT", "kt": "kt",
}  # fmt: skip


def heading(name: str) -> str:
    """A column name as a heading: the reader's word for it, or made from the name with units in case."""
    if (known := term("column", name)) != name:
        return known
    return plain_heading(name)


def plain_heading(name: str) -> str:
    """A column name as a heading, word by word, for tables whose columns are described elsewhere."""
    if " " in name or "-" in name or not name.islower():
        return name
    words = [UNITS.get(word, word) for word in name.split("_")]
    return (
        words[0][:1].upper() + " ".join(words)[1:]
        if words and words[0] not in UNITS.values()
        else " ".join(words)
    )


def digits(series: pd.Series) -> int | None:
    """Decimals that suit a column of numbers by its size; ``None`` for text, dates and booleans."""
    if not pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series):
        return None
    if series.name == "year":
        return PLAIN
    if pd.api.types.is_integer_dtype(series):
        return 0
    size = series.abs().max()
    if bool(((series - series.round()).abs().fillna(0) < WHOLE).all()):
        return 0  # whole things, though a solver counts them in floats
    if str(series.name).lower() in QUANTITIES:
        return SIGNIFICANT
    middle = series.abs()[series != 0].median()
    if size >= 1000 and middle * MIXED < size:
        return SIGNIFICANT
    return 0 if pd.isna(size) or size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 4


def places(frame: pd.DataFrame) -> list[int | None]:
    """Decimals of every column; columns of years are one amount over time and have the same."""
    years = [name for name in frame.columns if YEAR.fullmatch(str(name))]
    over_time = digits(pd.concat([frame[name] for name in years], ignore_index=True)) if years else None
    return [over_time if name in years else digits(frame[name]) for name in frame.columns]


def cell(value: Any, places: int | None = None) -> str:
    """One value of a table as text."""
    if isinstance(value, bool):
        return "✓" if value else MISSING
    if value is None or (not isinstance(value, str) and pd.api.types.is_scalar(value) and pd.isna(value)):
        return MISSING
    if isinstance(value, pd.Timestamp):
        return day(value)
    if places is None:
        return str(value)
    if places == SIGNIFICANT:
        return number(value)
    return f"{value:.0f}" if places == PLAIN else fixed(value, places)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for AG Grid: dates as ISO text, missing values as null."""
    out = frame.copy()
    for name in out.columns:
        if pd.api.types.is_datetime64_any_dtype(out[name]):
            out[name] = out[name].dt.strftime("%Y-%m-%d")
    # to_dict keeps NaN, which is not JSON
    plain = out.astype(object).where(out.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
