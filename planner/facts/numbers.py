"""One way to write a number for readers: thousands apart, a true minus, the unit beside it, a dash where there is none.

``number`` and ``quantity`` keep as many significant digits as a reader can hold; ``fixed`` and ``percent`` keep as many
decimals as a column asks for. The command line, the app, reports and explanations write with these. In the browser,
`plannerNumber` of `app/assets/functions.js` writes what ``fixed`` writes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

APART = "\u202f"  # narrow no-break space: ISO 80000-1 sets thousands apart by a space
MISSING = "–"
LITTLE = 5e-4
"""In units of the last place that is written: what is less reads as zero."""
PERCENT_UNITS = ("share", "1", "fraction")


def number(value: Any, digits: int = 3) -> str:
    """A number with thousands separators and about ``digits`` significant digits; text and dates pass.

    Whole parts are never rounded away: 12345.6 is "12 346" and 0.01234 is "0.0123". NaN and None are "–".
    """
    if value is None or value is pd.NaT:
        return MISSING
    if isinstance(value, pd.Timestamp):
        return str(value.strftime("%Y-%m-%d"))
    if isinstance(value, bool | str):
        return (
            {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else value or MISSING
        )
    value = float(value)
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) < 1e-9:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{abs(value):,.{min(decimals, 6)}f}".replace(",", APART)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return ("−" if value < 0 and text != "0" else "") + text


def fixed(value: Any, decimals: int = 0) -> str:
    """A number with so many decimals: 1234567.891 is "1 234 567.9" with one.

    What is little is not nothing: where all digits would be zeros there are two significant ones, 0.0432 is "0.043".
    Below a thousandth of the last place it is noise of a solver, and zero.
    """
    if value is None or value is pd.NA or not math.isfinite(value):
        return MISSING
    text = f"{abs(value):,.{decimals}f}".replace(",", APART)
    if text.strip("0." + APART):
        return f"−{text}" if value < 0 else text
    return number(value, 2) if abs(value) >= LITTLE * 10.0**-decimals else text


def decimals_apart(values: Iterable[float], least: int = 0, digits: int = 5) -> int:
    """Decimals, at least ``least``, at which values that differ read as different, within about ``digits`` digits.

    48.16, 48.19 and 48.3 need two; 2440.12 and 2440.13 are both "2 440.1".
    """
    known = [float(value) for value in values if value is not None and math.isfinite(value)]
    size = max((abs(value) for value in known), default=0.0)
    most = max(least, digits - 1 - (math.floor(math.log10(size)) if size > 0 else 0))
    apart = len({round(value, most) for value in known})
    return next((d for d in range(least, most) if len({round(value, d) for value in known}) == apart), most)


def percent(share: Any, decimals: int = 0) -> str:
    """A share of 0 to 1 as "43 %"."""
    text = fixed(None if share is None else 100 * share, decimals)
    return text if text == MISSING else f"{text} %"


def quantity(value: Any, unit: str = "", digits: int = 3) -> str:
    """A number and its unit; a share reads as a percentage."""
    if unit in PERCENT_UNITS and isinstance(value, int | float) and not isinstance(value, bool):
        return MISSING if value != value else f"{number(100 * value, digits)} %"
    text = number(value, digits)
    return text if text == MISSING or not unit or unit == "date" else f"{text} {unit}"


def megawatts(mw: float) -> str:
    """Power with its unit: below one megawatt in whole kilowatts (two digits where there are fewer)."""
    return quantity(1000 * mw, "kW", 2) if 0 < mw < 0.9995 else quantity(mw, "MW")


def signed(value: Any, unit: str = "", digits: int = 3) -> str:
    """A difference: with its sign, "±0" where there is none, percentage points for shares."""
    if value is None or not isinstance(value, int | float) or value != value:
        return MISSING
    scaled, unit = (100 * value, "percentage points") if unit in PERCENT_UNITS else (value, unit)
    if abs(scaled) < 1e-9:
        return "±0"
    text = number(scaled, digits)
    return f"{text if text.startswith('−') else '+' + text} {unit}".strip()
