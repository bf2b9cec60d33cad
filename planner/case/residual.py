"""What purchases are worth on the horizon's end, as a share of their price.

market          sold x (1 + yearly change) ^ years of use; nothing is left after the economic life. Sold is what a buyer
                pays for it as good as new: of servers the goods less the first owner's loss (installation, spares, duty
                and what an owner pays above the market are lost), of plant the share in ``power_options``; what cannot
                be moved (sun, wind, heat, reactors) has none and keeps a straight line; of storage for the energy that
                it still holds. A change above 0 counts as 0: used goods never fetch more than their price less the
                loss, or plans buy to sell
straight-line   1 - years of use / life
none            0

What is sold again before then (``bridges``) is worth what its sale fetches: the market's value of its age, no more than a
straight line where that is the rule, less what taking it out and moving it costs. Under ``none`` nothing is sold.

The catalog's ``asset_classes`` name the rule of each class; ``finance.residual`` of a scenario sets another for all.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.fading import holds
from planner.case.registry import BATTERIES, PLANT

Method = Literal["market", "straight-line", "none"]
METHODS: tuple[Method, ...] = ("market", "straight-line", "none")


def rule_of(case: Case, asset_class: str, method: Method | None = None) -> Method:
    """The rule for a class under a method (the scenario's where none is given): market only where the class has one."""
    method = method or case.scenario.finance.residual
    if method == "market" and case.catalog.value("asset_classes", asset_class, "residual") != "market":
        return "straight-line"
    return method


def left_share(case: Case, asset_class: str, table: pd.DataFrame, method: Method | None = None) -> np.ndarray:
    """Share of the price left at the end, a row of a case table (t: live date, life: steps, and what is sold)."""
    if "sold_share" in table:
        return np.asarray(table["sold_share"], dtype=float)
    rule = rule_of(case, asset_class, method)
    if rule == "none":
        return np.zeros(len(table))
    used = (case.calendar.n_steps - case.calendar.steps_of(table["t"])).astype(float)
    straight: np.ndarray = np.clip(1.0 - used / table["life"].to_numpy(float), 0.0, 1.0)
    if rule == "straight-line":
        return straight
    column, kept, change = _market(case, asset_class)
    sold = kept * table[column].to_numpy(float)
    years = used * case.calendar.step_years
    worth = sold * aged(change, years) * holds(table.get("fade_per_year", pd.Series(0.0, table.index)), years)
    left: np.ndarray = np.where(np.isnan(sold), straight, np.where(straight > 0, worth, 0.0))
    return left


def aged(change: float, years: np.ndarray) -> np.ndarray:
    """What is left of a market value after years of use at a yearly change; used goods never gain."""
    return np.asarray(min(1.0, 1.0 + change) ** years)


def _market(case: Case, asset_class: str) -> tuple[str, float, float]:
    """Column of the case table with what has a market, the share of it that a buyer pays, and the change a year."""
    physics = case.physics
    if asset_class in (PLANT, BATTERIES):
        return "resale_share", 1.0, physics["plant_market_value_change_per_year"]
    kept = 1.0 - physics["accelerator_first_owner_loss"]
    return "goods_share", kept, physics["accelerator_market_value_change_per_year"]
