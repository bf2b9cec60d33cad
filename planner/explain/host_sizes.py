"""Hosts that state no size, at sites that state none: the model lets them be as large as their grid.

That bound is no value anyone wrote, so it must not bind where the grid gives. In the elastic model it stands in rows
of its own, ``grid_size``: space <= grid at its peak, which give with the grid; the row that ties space to an opening
keeps a size no plan can reach.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from planner.case.case import Case
from planner.case.plant import useful_mw
from planner.solver.arrays import Arrays

RULE = "grid_size"


def hosts_sized_by_grid(case: Case, site: str | None = None) -> list[str]:
    """Hosts whose largest size is their site's grid because neither they nor the site state one."""
    land = {s.id for s in case.scenario.sites if s.max_it_mw is not None}
    return [
        h.id
        for h in case.scenario.hosts
        if h.mode != "cloud" and h.max_it_mw is None and h.site not in land and site in (None, h.site)
    ]


def with_size_rows(case: Case, arrays: Arrays) -> Arrays:
    """The arrays with the sizes that come from the grid in rows ``grid_size`` (h, t) of their own."""
    hosts = set(hosts_sized_by_grid(case))
    index = [i for i in arrays.rows["space_max"].index if i[0] in hosts]
    if not index:
        return arrays
    matrix, upper = arrays.matrix.tolil(copy=True), arrays.row_upper.copy()
    opens, space = arrays.columns["open"], arrays.columns["space_mw"]
    ample = ample_mw(case)
    for h, t in index:
        row = arrays.rows["space_max"].position((h, t))
        exists = bool(case.host_period.loc[(h, t), "exists"])
        upper[row] = ample if exists else 0.0
        for i, (host, u) in enumerate(opens.index):
            if host == h and u <= t:
                matrix[row, opens.start + i] = -ample
    for rule in ("hall_permit", "plant_permit"):
        for built in arrays.rows[rule].index if rule in arrays.rows else ():
            if built[0] in hosts:
                row = arrays.rows[rule].position(built)
                permits = [c for c in matrix.rows[row] if opens.start <= c < opens.stop]
                matrix[row, permits] = -(ample if rule == "hall_permit" else _useful_mw(case, built, ample))
    columns = [space.position(i) for i in index]
    extra = csr_array(
        (np.ones(len(index)), (np.arange(len(index)), columns)), shape=(len(index), arrays.shape[1])
    )
    largest = case.host_period["max_mw"].reindex(index).to_numpy(float)
    ample_rows = replace(arrays, matrix=csr_array(matrix), row_upper=upper)
    return ample_rows.with_rows(RULE, index, extra, np.full(len(index), -np.inf), largest)


def _useful_mw(case: Case, built: tuple[str, str, int], it_mw: float) -> float:
    """MW of a kind of plant (h, g, t) of use at its host with so many MW of IT."""
    h, g, _ = built
    kind, pue = case.supplies.loc[(h, g)], case.pue[case.pue["h"] == h]["pue"].max()
    firm, unit, most = (float(kind[c]) for c in ("firm_share", "unit_mw", "max_mw"))
    return useful_mw(str(kind["fuel"]), firm, unit, most, it_mw * float(pue))


def ample_mw(case: Case) -> float:
    """More IT than any plan needs at one host: all demand on the systems that draw most for it, twice over."""
    draw = case.serve["k"].map(case.systems["peak_mw_per_k"]).astype(float) / case.serve["rate"].clip(
        lower=0.05
    )
    worst = draw.groupby(case.serve["w"]).max()
    peak = case.demand.groupby("w")["demand_kref"].max()
    need = float((peak * worst.reindex(peak.index).fillna(0.0)).sum()) / case.physics["availability"]
    return max(2.0 * need, float(case.host_period["max_mw"].max()))
