"""Plant that is sold again when a line comes: bought like other plant, with the period of its sale.

A bridge ends when the grid comes, so plant may be sold in the first period in which a line of each kind may stand at its
host, and whenever the grid of the site grows. A sale fetches what used plant of its
age does, less what taking it out of service and moving it costs. What cannot be moved is not sold; nothing is where
``finance.residual`` is ``none``, nor where a loan that the plan may draw pays for plant: that is its lender's. A grant pays
for what is kept alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.draws import GRANT
from planner.case.fading import holds
from planner.case.finance import filled
from planner.case.plant import TABLES as PLANTS
from planner.case.residual import aged
from planner.case.table import Table

TABLES = {
    "bridges": Table(("h", "g", "u", "t"), {
        **PLANTS["plants"].columns,
        "stands": "steps from its live date to its sale",
        "sold_share": "share of the price that its sale fetches, after the cost of moving it",
    }),
}  # fmt: skip


def bridge_table(
    context: Context, plants: pd.DataFrame, connections: pd.DataFrame, grids: pd.DataFrame
) -> pd.DataFrame:
    """(h, g, u, t) plant going live in t and sold at the start of u; ``grids``: MW of the grid by site and period."""
    table = TABLES["bridges"]
    dates = {h: _dates(context, h, own, grids) for h, own in connections.groupby("h")}
    if not len(plants) or not dates or context.scenario.finance.residual == "none":
        return table.frame([])
    rows = plants[~_lent(context, plants["asset_class"])].reset_index(drop=True)
    rows = rows.assign(u=rows["h"].map(dates).tolist()).explode("u")
    rows = rows[rows["u"].notna() & (rows["u"] > rows["t"])]
    steps = context.calendar.steps_of(rows["u"].astype(int)) - context.calendar.steps_of(rows["t"])
    rows = rows.assign(stands=steps, sold_share=sold_share(context, rows, steps))
    rows = rows[(rows["sold_share"] > 0) & (rows["stands"] < rows["life"])]
    return table.frame(rows[[*table.keys, *table.columns]].itertuples(index=False, name=None))


def _dates(context: Context, h: str, connections: pd.DataFrame, grids: pd.DataFrame) -> list[int]:
    """Periods in which plant at a host may be sold."""
    begins = connections.groupby("n")["t"].min()
    host = context.host(h)
    grid = grids.loc[grids["p"] == host.site].sort_values("t")["grid_mw"].to_numpy(float)
    grows = np.flatnonzero(np.diff(grid) > 0) + 1
    return sorted({int(t) for t in (*begins, *grows) if begins.min() <= t < context.calendar.n})


def _lent(context: Context, classes: pd.Series) -> np.ndarray:
    """Whether a source that is repaid, of which the plan chooses the draws, may pay for what is of a class."""
    chosen = [filled(s, context.catalog)[0] for s in context.scenario.finance.sources if s.optional]
    sources = [s for s in chosen if s.kind != GRANT]
    lent = {c: any(s.may_finance(c) for s in sources) for c in set(classes)}
    return np.array([lent[c] for c in classes], dtype=bool)


def sold_share(context: Context, rows: pd.DataFrame, steps: np.ndarray) -> np.ndarray:
    """Share of the price that a sale after so many steps fetches; NaN of what cannot be moved."""
    used = steps.astype(float)
    change = context.param("plant_market_value_change_per_year")
    years = used * context.calendar.step_years
    worth = rows["resale_share"].to_numpy(float) * aged(change, years) * holds(rows["fade_per_year"], years)
    if context.scenario.finance.residual == "straight-line":
        worth = np.minimum(worth, 1.0 - used / rows["life"].to_numpy(float))
    return np.asarray(worth - context.param("plant_removal_cost_share"))
