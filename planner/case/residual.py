"""What purchases are worth on the horizon's end, as a share of their price.

market          goods x (1 - first owner's loss) x (1 + yearly change) ^ years of use: installation, spares, duty and
                what an owner pays above the market are lost; nothing is left after the economic life. A change above
                0 counts as 0: used goods never fetch more than their price less the loss, or plans buy to sell
straight-line   1 - years of use / life
none            0

The catalog's ``asset_classes`` name the rule of each class; ``finance.residual`` of a scenario sets another for all.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from planner.case.case import Case

Method = Literal["market", "straight-line", "none"]
METHODS: tuple[Method, ...] = ("market", "straight-line", "none")


def rule_of(case: Case, asset_class: str, method: Method | None = None) -> Method:
    """The rule for a class under a method (the scenario's where none is given): market only where the class has one."""
    method = method or case.scenario.finance.residual
    if method == "market" and case.catalog.value("asset_classes", asset_class, "residual") != "market":
        return "straight-line"
    return method


def left_share(case: Case, asset_class: str, table: pd.DataFrame, method: Method | None = None) -> np.ndarray:
    """Share of the price left at the end, a row of a case table (t: live date, life: periods, goods_share)."""
    rule = rule_of(case, asset_class, method)
    if rule == "none":
        return np.zeros(len(table))
    used = case.calendar.n - table["t"].to_numpy(float)
    straight: np.ndarray = np.clip(1.0 - used / table["life"].to_numpy(float), 0.0, 1.0)
    if rule == "straight-line":
        return straight
    change = case.physics["accelerator_market_value_change_per_year"]
    kept = 1.0 - case.physics["accelerator_first_owner_loss"]
    worth = kept * min(1.0, 1.0 + change) ** (used * case.calendar.years)
    left: np.ndarray = np.where(straight > 0, table["goods_share"].to_numpy(float) * worth, 0.0)
    return left
