"""What storage loses, how long it stands and how often it is cycled: from scenario and catalog, against the case."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from planner.audit.findings import Findings
from planner.audit.view import View
from planner.case.context import Context
from planner.scenario.power import PowerOption

TABLE = "power_options"
PERCENT = 100.0


def check(view: View, found: Findings) -> None:
    """Columns of the case that the model's rows and prices of storage rest on; of other plant its life, and no fade."""
    context = view.context
    options = dict(_options(context))
    for name in ("plants", "bridges"):
        table = getattr(view.case, name)
        offered = {key[:2]: options[key[:2]] for key in table.index}
        for column, value in (("fade_per_year", _fade), ("life", _life_steps)):
            _same(found, table, column, {key: value(context, option) for key, option in offered.items()})
    table = view.case.storages
    cycles = {key: _figure(context, options[key], "cycles_per_year") for key in table.index}
    _same(found, table, "cycles_per_year", cycles)


def _same(found: Findings, table: pd.DataFrame, column: str, want: dict[tuple[str, str], float]) -> None:
    """A column of the case by (h, g), whatever else its rows are by."""
    due = pd.Series([want[key[:2]] for key in table.index], index=table.index, dtype=float)
    got = pd.Series(table[column].to_numpy(float), index=table.index)
    found.equal("storage-facts", got, due, column)


def _options(context: Context) -> Iterator[tuple[tuple[str, str], PowerOption]]:
    for host in context.scenario.hosts:
        power = context.site(host.site).power
        for option in power.options if power is not None and host.mode == "build" else ():
            yield (host.id, option.id), option


def _figure(context: Context, option: PowerOption, field: str) -> float:
    return float(context.pick(getattr(option, field), TABLE, option.id, field))


def _fade(context: Context, option: PowerOption) -> float:
    """Share of its energy as new that it loses a year, every warranted cycle run."""
    if context.catalog.value(TABLE, option.id, "fuel") != "storage":
        return 0.0
    year, cycle, cycles = (
        _figure(context, option, field)
        for field in ("fade_pct_per_year", "fade_pct_per_cycle", "cycles_per_year")
    )
    return year / PERCENT + cycle / PERCENT * cycles


def _life_steps(context: Context, option: PowerOption) -> float:
    """Steps of its life, of storage those after which its last share is left, one at least."""
    months = context.calendar.step_months
    life = math.ceil(12.0 * float(context.catalog.value(TABLE, option.id, "life_years")) / months - 1e-9)
    fade = _fade(context, option) * months / 12.0
    if not fade:
        return life
    lost = 1.0 - _figure(context, option, "end_of_life_pct") / PERCENT
    return max(1, min(life, math.floor(lost / fade + 1e-9)))
