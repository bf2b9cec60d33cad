"""Plant with a unit lost: every kind that stands loses one, one after the other, and the rest must carry what plant does."""

from __future__ import annotations

import pandas as pd

from planner.audit.findings import Findings
from planner.audit.firm import built_load, flexible_mw, grid_mw, stressed_mw
from planner.audit.plant import ratings, standing
from planner.audit.storage import recharge_short_mw
from planner.audit.view import View, over, total
from planner.case.plant_offers import STORED, unit_mw

COVERS = {"unit_lost": "spare-unit", "part_lost": "spare-unit", "spare_unit": "spare-unit",
          "spare_in_stress": "spare-unit"}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("spare-unit",)
"""Rules of the audit that speak of wholes, which screening takes parts of."""


def check(view: View, found: Findings) -> None:
    """The design hour and stressed hours, less what lines carry, with each unit lost in turn; where storage helps, the
    mean of the design day too.
    """
    units = _units(view)
    rows = standing(view)
    rows = rows[rows["h"].isin({h for h, _ in units}) & (rows["case_fuel"] != STORED)]
    stands, stressed = ratings(view), stressed_mw(view)
    load = built_load(view)
    lines = over(load.index, grid_mw(view)) + over(load.index, flexible_mw(view))
    carried = (load - lines).clip(lower=0.0)
    kinds = total(rows, ["h", "g", "t"], rows["mw"])
    firm = view.case.supplies["firm_share"]
    for (h, g, t), mw in kinds.items():
        lost = float(firm[h, g]) * min(mw, units[h, g])
        place = pd.MultiIndex.from_tuples([(h, t)])
        for need, rating in ((carried, "rating_mw"), (stressed, "steady_mw")):
            left = over(place, stands[rating]) - lost
            message = f"load above what is left when a unit of {g} is lost"
            found.at_most(
                "spare-unit", over(place, need).set_axis([(h, g, t)]), left.set_axis([(h, g, t)]), message
            )
        short = recharge_short_mw(view, over(place, lines), pd.Series(lost, place))
        found.at_most("spare-unit", short, 0.0, f"storage is not charged again when a unit of {g} is lost")


def _units(view: View) -> dict[tuple[str, str], float]:
    """(h, g) -> MW of a unit, of hosts at sites that ask for N+1."""
    context = view.context
    sites = {site.id: site for site in view.scenario.sites}
    found: dict[tuple[str, str], float] = {}
    for host in view.scenario.hosts:
        power = sites[host.site].power
        if host.mode == "build" and power is not None and power.redundancy == "N+1":
            found |= {(host.id, o.id): unit_mw(context, o)[0] for o in power.options}
    return found
