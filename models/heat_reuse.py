"""Heat that is sold: what liquid loops give to a taker near the site, and the least share of energy that must be reused.

Variables: reused[h,t,s] MW of heat given, as a mean of the slice. Heat recovery is ``cool`` of its own kind.

    reused <= share that can be given x sum over c of heat[h,c,liquid,t,s]             (h,t,s)    reuse_source
    reused <= share of the period in which heat is taken x recovery alive              (h,t,s)    reuse_capacity
    sum over hosts of reused <= share of the period x most that is taken               (p,t,s)    heat_taker
    sum over j <= k of more[j] x (energy drawn - energy of what ran before j) <= heat reused    (i)    heat_reuse_floor

i is a host, a law k and a calendar year; j are the laws of the host by day, more[j] the share of j above that of the law
before it. A law binds what begins to operate from its day on: the load of the last period before it is free of what the
law adds, slice by slice, and all that is more is not. To open early with nothing that runs frees nothing.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.cooling import RECOVERY
from planner.case.heat_reuse import floor_name
from planner.models.common import add_family, add_param, add_set, add_var, alive_map, columns, grouped
from planner.models.ledger import book, local
from planner.models.rules import Rule
from planner.models.sums import bounded_sums


def declare(m: Any, case: Case) -> None:
    """What is given, within what there is to give, to take it off and to take; cooling comes before it."""
    heat = pd.DataFrame([*m.HEAT], columns=["h", "c", "m", "t", "s"])
    heat = heat.assign(p=heat["h"].map(case.hosts["p"]))
    takers = case.takers.reset_index(drop=True)
    given = joined(heat[heat["m"] == "liquid"], takers, ["p", "t"])
    given = joined(given, case.slices.reset_index(drop=True)[["t", "s", "hours"]], ["t", "s"])
    given = given[given["hours"] > 0]
    keys = given.drop_duplicates(["h", "t", "s"]).reset_index(drop=True)
    index = columns(keys, ["h", "t", "s"])
    add_set(m, "REUSED", index, 3)
    add_var(m, "reused", m.REUSED)
    add_family(m, "reuse_carriers", m.REUSED, grouped(given, ["h", "t", "s"], ["c"]), 1)
    for name in ("source_share", "taken"):
        add_param(m, f"reuse_{name}", m.REUSED, dict(zip(index, keys[name], strict=True)))
    living = alive_map(case.cooling, ["h", "c"], ["t"], "life", case.calendar)
    add_family(
        m, "recovery_alive", m.REUSED, {(h, t, s): living.get((h, RECOVERY, t), []) for h, t, s in index}, 1
    )
    m.reuse_source = Rule(
        m.REUSED,
        rule=lambda m, h, t, s: (
            m.reused[h, t, s]
            <= m.reuse_source_share[h, t, s]
            * sum(m.heat[h, c, "liquid", t, s] for c in m.reuse_carriers[h, t, s])
        ),
    )
    m.reuse_capacity = Rule(
        m.REUSED,
        rule=lambda m, h, t, s: (
            m.reused[h, t, s]
            <= m.reuse_taken[h, t, s] * sum(m.cool[h, "heat-recovery", u] for u in m.recovery_alive[h, t, s])
        ),
    )
    by_site = grouped(keys, ["p", "t", "s"], ["h"])
    most = dict(zip(columns(keys, ["p", "t", "s"]), keys["taken"] * keys["max_mw"], strict=True))
    add_set(m, "HEAT_TAKER", by_site, 3)
    add_family(m, "heat_givers", m.HEAT_TAKER, by_site, 1)
    add_param(m, "heat_taker_mw", m.HEAT_TAKER, {key: most[key] for key in by_site})
    m.heat_taker = Rule(
        m.HEAT_TAKER,
        rule=lambda m, p, t, s: (
            sum(m.reused[h, t, s] for h in m.heat_givers[p, t, s]) <= m.heat_taker_mw[p, t, s]
        ),
    )
    _declare_floors(m, case, heat)


def _declare_floors(m: Any, case: Case, heat: pd.DataFrame) -> None:
    """Rows of every host, law and year: what this law and those before it add up to.

    The load of the period before a law began stays free of what that law adds. A row for each law holds the sum where
    less is drawn than ran before a later one, whose part of the sum is then below zero.
    """
    floors = case.reuse_floors.reset_index(drop=True)
    if not len(floors):
        return
    year = floors["t"].map(case.periods["year"])
    floors = floors.assign(i=[floor_name(*key) for key in zip(floors["h"], floors["law"], year, strict=True)])
    floors = floors.assign(law_number=floors.groupby(["h", "t"]).cumcount())
    added = floors[["i", "h", "t", "law_number"]].rename(columns={"law_number": "last"})
    added = joined(added, floors[["h", "t", "law_number", "more", "begun_t"]], ["h", "t"])
    added = added[added["law_number"] <= added["last"]]
    hours = case.slices.reset_index(drop=True)[["t", "s", "hours"]]
    drawn = joined(joined(heat, hours, ["t", "s"]), case.pue, ["h", "c", "t", "s"])
    drawn = joined(drawn[drawn["hours"] > 0], added, ["h", "t"])
    drawn = drawn.assign(family="heat", index=pd.Series(columns(drawn, ["h", "c", "m", "t", "s"]), dtype=object),
                         weight=drawn["more"] * drawn["hours"] * drawn["pue"] / 1000.0)  # fmt: skip
    given = joined(
        joined(pd.DataFrame([*m.REUSED], columns=["h", "t", "s"]), hours, ["t", "s"]), floors, ["h", "t"]
    )
    given = given.assign(family="reused", index=pd.Series(columns(given, ["h", "t", "s"]), dtype=object),
                         weight=-given["hours"] / 1000.0)  # fmt: skip
    ran = drawn.assign(t=drawn["begun_t"] - 1, weight=-drawn["weight"])
    ran = ran.groupby(["i", "h", "c", "m", "t", "s"], as_index=False, sort=False)["weight"].sum()
    ran = ran.assign(family="heat", index=pd.Series(columns(ran, ["h", "c", "m", "t", "s"]), dtype=object))
    ran = ran[[key in m.HEAT for key in ran["index"]]]
    rows = pd.concat([part[["i", "family", "index", "weight"]] for part in (drawn, given, ran) if len(part)])
    bounded_sums(m, "heat_reuse_floor", rows, dict.fromkeys(drawn["i"], 0.0))


def entries(case: Case) -> list[pd.DataFrame]:
    """What takers pay."""
    sold = case.takers.reset_index(drop=True)
    if not len(sold):
        return []
    built = case.hosts[case.hosts["mode"] == "build"].reset_index(drop=True)[["h", "p"]]
    sold = joined(joined(sold, built, ["p"]), case.slices.reset_index(drop=True)[["t", "s", "hours"]], ["t"])
    sold = sold[sold["hours"] > 0]
    paid = -sold["musd_per_mwh"] * sold["hours"]
    return [book("reused", columns(sold, ["h", "t", "s"]), sold["t"], paid, sold["hours"], account="heat-sold",
                 **local(case, sold["h"]))]  # fmt: skip
