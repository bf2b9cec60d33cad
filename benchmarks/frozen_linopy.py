"""The frozen model of ``frozen_model.py`` in linopy: the best other way from vectorised formulas to HiGHS."""

from __future__ import annotations

from typing import Any

import linopy
import numpy as np
import xarray as xr
from frozen_model import (
    CONTROL,
    GENERATION_COST,
    HALL_COST,
    HALL_MW,
    PEAK_COST,
    SHORTAGE_COST,
    SPARE,
    STORAGE_COST,
    STORAGE_EFFICIENCY,
    STORAGE_HOURS,
    SYSTEMS,
    WORKLOADS,
    Data,
)


def linopy_model(d: Data) -> Any:
    """The same rows and columns, but for the scalar cost, which linopy keeps as a row too."""
    axes = {
        "s": range(d.sites),
        "k": range(SYSTEMS),
        "w": range(WORKLOADS),
        "t": range(d.quarters),
        "h": range(d.hours),
    }

    def of(values: np.ndarray, dims: str) -> Any:
        return xr.DataArray(values, dims=list(dims), coords={a: list(axes[a]) for a in dims})

    m = linopy.Model()

    def free(name: str, dims: str, **more: Any) -> Any:
        coords = [(a, list(axes[a])) for a in dims]
        return m.add_variables(coords=coords, name=name, **({"lower": 0} | more))

    order, fleet, serve, short = (
        free("order", "skt"),
        free("fleet", "skt"),
        free("serve", "wskt"),
        free("short", "wt"),
    )
    halls = free("halls", "st", upper=10, integer=True)
    peak, storage = free("peak", "st"), free("storage", "st")
    bought, generated, run = free("bought", "sth"), free("generated", "sth"), free("run", "sth")
    charge, discharge, level = free("charge", "sth"), free("discharge", "sth"), free("level", "sth")
    total = m.add_variables(name="total")

    rate, mw, pue, usage, weight = (
        of(d.rate_wk, "wk"),
        of(d.mw_k, "k"),
        of(d.pue_sh, "sh"),
        of(d.usage_h, "h"),
        of(d.weight_h, "h"),
    )
    price, discount = of(d.price_kt, "kt"), of(d.discount_t, "t")
    m.add_constraints((rate * serve).sum(["s", "k"]) + short == of(d.demand_wt, "wt"), name="meet")
    m.add_constraints(fleet.isel(t=0) - order.isel(t=0) == 0, name="start")
    stock = fleet - (1 - SPARE) * fleet.shift(t=1) - order
    m.add_constraints(stock.isel(t=slice(1, None)) == 0, name="stock")
    m.add_constraints(serve.sum("w") - fleet <= 0, name="capacity")
    alive = halls.cumsum("t")
    load = (mw * fleet).sum("k")
    m.add_constraints(load - HALL_MW * alive <= 0, name="space")
    m.add_constraints(
        bought + generated + discharge - charge - pue * usage * load - pue * run == 0, name="balance"
    )
    m.add_constraints(bought - peak <= 0, name="feed")
    before = level.roll(h=1)
    cycle = level - before - STORAGE_EFFICIENCY * charge + (1 / STORAGE_EFFICIENCY) * discharge
    m.add_constraints(cycle == 0, name="cycle")
    m.add_constraints(level - STORAGE_HOURS * storage <= 0, name="tank")
    m.add_constraints(run - load <= 0, name="spare_load")
    m.add_constraints((weight * run).sum(["s", "h"]) >= of(d.flexible_t, "t"), name="work")
    m.add_constraints(
        (of(d.carbon_sh, "sh") * weight * bought).sum(["s", "h"]) <= of(d.carbon_cap_t, "t"),
        name="carbon_limit",
    )
    m.add_constraints(order.sum("k") <= d.crew, name="commissioning")
    m.add_constraints(order.sum("s").cumsum("t") <= of(d.quota_kt, "kt"), name="allocation")
    spent = (price * order).sum(["s", "k"])
    m.add_constraints(spent + HALL_COST * halls.sum("s") <= of(d.budget_t, "t"), name="spending")
    points = of(d.control_sk, "sk") - CONTROL
    m.add_constraints((rate * points * serve).sum() >= -1e3, name="control_floor")
    energy = of(d.energy_price_sh, "sh") * weight
    cost = (
        (discount * price * order).sum()
        + (discount * HALL_COST * halls).sum()
        + (discount * PEAK_COST * peak).sum()
        + (discount * STORAGE_COST * storage).sum()
        + (discount * energy * bought).sum()
        + (discount * GENERATION_COST * weight * generated).sum()
        + (discount * SHORTAGE_COST * short).sum()
    )
    m.add_constraints(total - cost == 0, name="cost")
    m.add_objective(1.0 * total)
    return m
