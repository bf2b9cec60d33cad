"""What must be left of a workload's service when one member of a class is lost: a site, an operator, a vendor, a law.

A loss of ``service`` ends all work of the member's offers. A loss of ``supply`` ends its orders and rents: what was
ordered before runs on, and the duty holds for the months after it. Members of a class by country (where
compute stands, whose law reaches the operator, whose chips) are foreign: a country does not take itself away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from planner.case.case import Case
from planner.case.columns import empty_table, joined, looked_up, records
from planner.case.context import Context, keyed
from planner.case.limits import SHARE_COLUMN
from planner.case.locality import home_of
from planner.case.table import Table
from planner.scenario.schema import Survival

TABLES = {
    "survival": Table(("i", "w", "f", "t"), {
        "share": "share of what is served that must be left", "supply": "whether orders are lost, and not service",
        "lost_step": "step of the loss, counted from the start: orders before it are not lost; 0 where service is lost",
    }),
    "survival_members": Table(("i", "f", "h", "a", "k")),
}  # fmt: skip
SITES = "site"
"""The class of ``demand[].survival_share``."""
FOREIGN = ("country", "parent", "chip-origin")


def class_name(duty: Survival) -> str:
    """operator; supply of vendor for 12 months from 2029-01-01."""
    if duty.what == "service":
        return duty.by
    since = f" from {duty.from_}" if duty.from_ else ""
    return f"supply of {duty.by} for {duty.months} months{since}"


def one_of(by: str) -> str:
    """a site, an operator, an owner class."""
    return f"{'an' if by[0] in 'aeio' else 'a'} {by.replace('-', ' ')}"


def class_words(duty: Survival) -> str:
    """a site, an operator, a vendor's supply for 12 months."""
    word = one_of(duty.by)
    return word if duty.what == "service" else f"{word}'s supply for {duty.months} months"


def resilience_tables(
    context: Context, systems: pd.DataFrame, serve: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(i, w, f, t) -> share, supply, lost_step: duties where w may be served by f; (i, f, h, a, k): what f takes with it."""
    duties = pd.DataFrame(
        list(_duties(context)), columns=["i", "by", "w", "from_t", "share", "supply", "lost_step", "t"]
    )
    if not len(duties):
        return TABLES["survival"].frame([]), TABLES["survival_members"].frame([])
    members = [
        (i, str(f), r.h, r.a, r.k)
        for i, by in duties[["i", "by"]].drop_duplicates().itertuples(index=False)
        for r in records(systems)
        if (f := getattr(r, SHARE_COLUMN[by]))
    ]
    table = keyed(members, ["i", "f", "h", "a", "k"], [])
    offers = serve[["w", "h", "a", "k", "t"]].reset_index(drop=True)
    rows = joined(joined(duties, offers, ["w", "t"]), table, ["i", "h", "a", "k"])
    homes = {w.id: home_of(context, w) for w in context.scenario.demand}
    rows = rows[~(rows["by"].isin(FOREIGN) & (rows["f"] == rows["w"].map(homes)))]
    rows = rows.sort_values("share", ascending=False).drop_duplicates(["i", "w", "f", "t"])
    rows = rows.sort_values(["i", "w", "f", "t"], kind="stable")
    return keyed(rows[["i", "w", "f", "t", "share", "supply", "lost_step"]], ["i", "w", "f", "t"], []), table


def _duties(context: Context) -> Iterator[tuple[str, str, str, int, float, bool, int, int]]:
    calendar, demand = context.calendar, context.scenario.demand
    for w in demand:
        first = calendar.holds_from(w.survive_from)
        for t in range(first, calendar.n) if w.survival_share > 0 else ():
            yield SITES, SITES, w.id, first, w.survival_share, False, 0, t
    for duty in context.scenario.limits.survival:
        first = calendar.holds_from(duty.from_)
        supply, length = duty.what == "supply", math.ceil(duty.months / calendar.step_months)
        for w in demand:
            if duty.share > 0 and (duty.workloads is None or w.id in duty.workloads):
                for t in range(first, calendar.n):
                    lost = max(calendar.step_of(first), calendar.step_of(t) - length) if supply else 0
                    yield class_name(duty), duty.by, w.id, first, duty.share, supply, lost, t


def lost_offers(case: Case, offers: pd.DataFrame) -> pd.DataFrame:
    """(i, w, f, t, share, supply, lost_step, h, a, k): rows of ``offers`` (w, h, a, k, t, ...) that each loss takes."""
    duties, members = (x.reset_index(drop=True) for x in (case.survival, case.survival_members))
    at = offers.loc[offers["w"].isin(duties["w"]), ["w", "h", "a", "k", "t"]].reset_index(drop=True)
    # The few members of each offer come first: every duty with every offer would be a table ten times as long.
    return joined(duties, joined(at, members, ["h", "a", "k"]), ["i", "w", "f", "t"])


def alone(case: Case, possible: pd.DataFrame) -> pd.DataFrame:
    """(i, w, f, t) of losses of service after which none of the ``possible`` offers of a workload is left."""
    if not len(case.survival):
        return empty_table(["i", "w", "f", "t"])
    lost = lost_offers(case, possible)
    lost = lost[~lost["supply"].astype(bool)]
    taken = lost.groupby(["i", "w", "f", "t"], as_index=False)["h"].count()
    have = possible.groupby(["w", "t"])["h"].count()
    all_of_them = have.reindex(pd.MultiIndex.from_frame(taken[["w", "t"]])).to_numpy()
    return taken.loc[taken["h"].to_numpy() == all_of_them, ["i", "w", "f", "t"]]


def duty_paths(case: Case, i: str, w: str) -> tuple[str, str]:
    """Places of a duty's share and first day in the scenario; of several the one that asks for most."""
    own = [(d.share, f"limits.survival[{j}].share", f"limits.survival[{j}].from")
           for j, d in enumerate(case.scenario.limits.survival)
           if class_name(d) == i and (d.workloads is None or w in d.workloads)]  # fmt: skip
    share = next(x.survival_share for x in case.scenario.demand if x.id == w)
    if i == SITES and share > 0:
        own.append((share, f"demand[{w}].survival_share", f"demand[{w}].survive_from"))
    return max(own)[1:]


def first_duty(survival: pd.DataFrame, workloads: pd.DataFrame, n: int) -> pd.Series:
    """w -> first period in which it must survive a loss, ``n`` where it never must: reserve is held from then on."""
    first = survival.groupby("w")["t"].min() if len(survival) else pd.Series(dtype=int)
    return first.reindex(workloads.index).fillna(n).astype(int)


def reserves(case: Case) -> pd.DataFrame:
    """Rows of ``case.serve`` at which reserve may be held."""
    return case.serve[case.serve["t"] >= looked_up(case.serve["w"], case.workloads["survive_t"])]
