"""How lines of the ledger must be booked, whatever they are for.

Outlay of an asset: a share at the order, the rest evenly over the steps of its lead; without a lead all
when it goes live. Residual value on the horizon's end: of used goods at the market, else straight line over its life;
of plant that is sold again on the day of its sale, less the cost of moving it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.audit.view import PARTNER, View, each_period, lookup

LINE = ["t", "kind", "account", "asset_class", "payer", "h", "a", "k", "origin_iso3", "w"]
AMOUNTS = ["quantity", "musd"]
PLANT = ("plant", "batteries")
FIELDS = ["kind", "account", "asset_class", "payer", "h", "a", "k", "origin_iso3", "w", "unit", "item"]
ITEM = ["h", "a", "k", "b", "c", "n", "g", "u", "t"]
"""Parts of the index of a purchase."""


class Book:
    """Collects lines; every topic of the audit books what it must find in the ledger."""

    def __init__(self, view: View) -> None:
        self.view, self.case = view, view.case
        self.parts: dict[str, list[Any]] = {name: [] for name in ("t", *FIELDS, *AMOUNTS)}

    def add(self, rows: pd.DataFrame, musd: Any = 0.0, quantity: Any = 0.0, **fields: Any) -> None:
        """One line a row, in the row's period ``t``; fields are texts or columns."""
        blank = {name: fields.get(name, PARTNER if name == "payer" else "") for name in FIELDS}
        if not len(rows):
            return
        numbers = zip(AMOUNTS, (quantity, musd), strict=True)
        lines = {"t": rows["t"].to_numpy(int), **{k: _cells(v, len(rows)) for k, v in blank.items()},
                 **{k: np.asarray(v, dtype=float) * np.ones(len(rows)) for k, v in numbers}}  # fmt: skip
        for name, cells in lines.items():
            self.parts[name].extend(cells.tolist())

    def table(self) -> pd.DataFrame:
        """All lines: t, kind, account, asset class, payer, host, stack, origin, workload, unit, item, quantity, MUSD."""
        texts = {k: pd.array(self.parts[k], dtype=object) for k in FIELDS}
        numbers = {k: np.array(self.parts[k], dtype=float) for k in AMOUNTS}
        return pd.DataFrame({"t": np.array(self.parts["t"], dtype=int), **texts, **numbers})

    def asset(
        self,
        rows: pd.DataFrame,
        price: Any,
        what: str,
        quantity: Any = 0.0,
        purchase: str = "",
        **fields: Any,
    ) -> None:
        """Outlays of a purchase over its lead and its residual value; ``item`` tells one purchase from the other.

        ``purchase``: what is bought, where its price is booked on more than one account; else the account.
        """
        if not len(rows):
            return
        rows = rows.assign(price=np.asarray(price, dtype=float) * np.ones(len(rows))).reset_index(drop=True)
        parts = zip(*(rows[c] for c in ITEM if c in rows), strict=True)
        bought = purchase or fields.get("account")
        item = np.array([" ".join(map(str, (bought, *part))) for part in parts], dtype=object)
        first, fields = self.case.order_share[what], {**fields, "asset_class": what, "item": item}
        lead, live, life = (rows[c].to_numpy(int) for c in ("case_lead", "t", "case_life"))
        self.add(rows, 0.0, quantity, kind="capex", **fields)  # quantities are compared without their period
        ordered = self.view.begins(live) - lead
        at_order = rows.assign(t=self.view.holds(ordered))
        fields.pop("unit", None)
        self.add(at_order, rows["price"] * np.where(lead > 0, first, 1.0), kind="capex", **fields)
        waits = rows[lead > 0]
        if len(waits):
            columns = {k: v for k, v in fields.items() if not isinstance(v, str)}
            waits = waits.assign(**{f"f_{k}": np.asarray(v)[lead > 0] for k, v in columns.items()})
            each = np.repeat(np.arange(len(waits)), lead[lead > 0])
            ahead = np.concatenate([np.arange(x) for x in lead[lead > 0]])
            spread = (
                waits.iloc[each]
                .assign(t=self.view.holds(ordered[lead > 0][each] + ahead))
                .reset_index(drop=True)
            )
            part = spread["price"] * (1.0 - first) / spread["case_lead"]
            own = {k: spread[f"f_{k}"] if k in columns else v for k, v in fields.items()}
            self.add(spread, part, kind="capex", **own)
        left = self.left(rows, what, live, life)
        ends = rows.get("u", self.view.n)
        self.add(rows.assign(t=ends), -rows["price"] * left, kind="residual", **fields)

    def left(self, rows: pd.DataFrame, what: str, live: Any, life: Any, rule: str = "") -> Any:
        """Share of the price left at the end or on the day of a sale, by the rule of the scenario or the asset class."""
        case, sold_on = self.case, rows.get("u")
        rule = rule or self.view.scenario.finance.residual
        used = (self.view.n_steps if sold_on is None else self.view.begins(sold_on)) - self.view.begins(live)
        straight = np.maximum(0.0, 1.0 - used / np.maximum(life, 1))
        if rule == "none":
            return 0.0 * straight
        if what not in ("servers", *PLANT) or (rule == "straight-line" and sold_on is None):
            return straight
        kind = "accelerator" if what == "servers" else "plant"
        fall = min(1.0, 1.0 + case.physics[f"{kind}_market_value_change_per_year"])
        if what == "servers":
            sold = rows["case_goods_share"].to_numpy(float) * (
                1.0 - case.physics["accelerator_first_owner_loss"]
            )
        else:
            kept = 1.0 - rows["case_fade_per_year"].to_numpy(float) * used * self.view.step_years
            sold = rows["case_resale_share"].to_numpy(float) * np.maximum(0.0, kept)
        worth = np.where(used < life, sold * fall ** (used * self.view.step_years), 0.0)
        if sold_on is not None:
            straight = straight if rule == "straight-line" else 1.0
            return np.minimum(worth, straight) - case.physics["plant_removal_cost_share"]
        return np.where(np.isnan(sold), straight, worth)

    def every(self, rows: pd.DataFrame, musd: Any, steps: Any, contract: bool = False, **fields: Any) -> None:
        """The same payment for every step alive; of a ``contract`` also for those of a period that it ends within."""
        if not len(rows):
            return
        columns = {k: v for k, v in fields.items() if not isinstance(v, str)}
        rows = rows.assign(musd_each=np.asarray(musd, dtype=float) * np.ones(len(rows)),
                           **{f"f_{k}": np.asarray(v) for k, v in columns.items()})  # fmt: skip
        alive = each_period(
            rows,
            rows["t"],
            np.asarray(steps, dtype=int) * np.ones(len(rows), dtype=int),
            self.view,
            partly=contract,
        )
        own = {k: alive[f"f_{k}"] if k in columns else v for k, v in fields.items()}
        self.add(alive, alive["musd_each"] * alive["covered"], **own)

    def local(self, hosts: pd.Series) -> dict[str, Any]:
        """What is built, leased and consumed at a place is made in its country."""
        return {"h": hosts, "origin_iso3": lookup(hosts, self.case.hosts["country"])}


def _cells(value: Any, n: int) -> Any:
    return np.full(n, value, dtype=object) if isinstance(value, str) else np.asarray(value, dtype=object)
