"""Plant that must carry its load with its largest unit lost (N+1), where a site asks for it.

Variables: unit_loss[h,t] MW of rating lost with a unit; several[h,g,t] binary, 1 where more than a unit of a kind stands.

    firm share x unit x several <= unit_loss                                           (h,g,t)    unit_lost
    firm share x alive <= unit_loss + firm share x (most - unit) x several             (h,g,t)    part_lost
    plant_firm + unit_loss <= rating without storage + storage_firm                  (h,t)      spare_unit
    sum over firm g of gen + unit_loss <= rating without storage                       (h,t,s)    spare_in_stress

What is lost of a kind is a unit, or all of it where less stands: ``unit_loss`` is the largest of these. Plant held as
backup may be the spare one: it is two failures that it cannot meet. Where plant carries nothing the rows ask for nothing.
Storage may carry the design hour while a unit is lost, not the days of a repair: lines and the other units charge again
what ``storage_firm`` gives (``recharge`` of ``models/storage.py``).
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pe

from planner.case.case import Case
from planner.models.common import add_param, add_set, add_var
from planner.models.plant import add_standing, rating_mw, standing_mw, steady_mw
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Rows of kinds that may stand at hosts with N+1; plant comes before it."""
    kinds = case.redundant
    keys = [(h, g, t) for h, g in kinds.index for i, t in m.ONSITE if i == h]
    add_set(m, "LOSABLE", keys, 3)
    add_set(m, "SPARE", dict.fromkeys((h, t) for h, _, t in keys), 2)
    add_var(m, "unit_loss", m.SPARE)
    m.several = pe.Var(m.LOSABLE, domain=pe.Binary, dense=False)
    for name in ("unit_mw", "most_mw"):
        add_param(m, f"losable_{name}", m.LOSABLE, {key: kinds.at[key[:2], name] for key in keys})
    add_standing(m, case, "losable", m.LOSABLE, ["h", "g"])
    m.unit_lost = Rule(
        m.LOSABLE,
        rule=lambda m, h, g, t: (
            m.firm_share[h, g] * m.losable_unit_mw[h, g, t] * m.several[h, g, t] <= m.unit_loss[h, t]
        ),
    )
    m.part_lost = Rule(
        m.LOSABLE,
        rule=lambda m, h, g, t: (
            m.firm_share[h, g]
            * standing_mw(
                m, h, g, m.losable_plants[h, g, t], m.losable_bridges[h, g, t], m.losable_hires[h, g, t]
            )
            <= m.unit_loss[h, t]
            + m.firm_share[h, g]
            * (m.losable_most_mw[h, g, t] - m.losable_unit_mw[h, g, t])
            * m.several[h, g, t]
        ),
    )
    _declare_spare(m)


def _declare_spare(m: Any) -> None:
    m.spare_unit = Rule(
        m.SPARE,
        rule=lambda m, h, t: m.plant_firm[h, t] + m.unit_loss[h, t] <= rating_mw(m, h, t),
    )
    add_set(m, "SPARE_STRESS", [key for key in m.STRESSED if key[:2] in m.SPARE], 3)
    m.spare_in_stress = Rule(
        m.SPARE_STRESS,
        rule=lambda m, h, t, s: (
            sum(m.gen[h, g, t, s] for g in m.stress_kinds[h, t, s]) + m.unit_loss[h, t] <= steady_mw(m, h, t)
        ),
    )
