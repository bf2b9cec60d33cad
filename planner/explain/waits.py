"""What each place waits for before it opens, from the network of its activities and the dates of the plan.

for line in waits(case, tables): print(line)
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pandas as pd

from planner.case.case import Case
from planner.case.periods import HOURS_PER_MONTH
from planner.case.power import FIRM
from planner.case.registry import PURCHASES
from planner.explain.bridges import GRID, LINES, Load, bridge_words
from planner.explain.late_stages import stage_words
from planner.facts.numbers import megawatts
from planner.plans.gates import LEAST_MW
from planner.plans.network import SERVICE, Activity, Network, decided_soonest, host_network, soonest_step

WORDS = {
    "permit": "its permit", "hall": "halls ({item})", "lease": "its lease", "grid": "the works of the grid at {place}",
    "grid application": "the offer of the grid at {place}", "site grid": "the grid at {place}",
    "refit": "the refit of a hall ({item})",
    "cooling": "cooling ({item})", "backup": "backup power ({item})", "plant": "plant ({item})",
    "plant permit": "permits of plant ({item})",
    "bridge": "plant that is sold again ({item})", "hire": "rented plant ({item})", "ppa": "the agreement {item}",
    "hardware": "{item}", "licence": "the {item}", "stack": "adoption of {item}",
    "rent": "its contract on {item}",
}  # fmt: skip
OWN_PLANT = ("plant", "plant permit", "bridge", "hire")
"""Kinds of plant of a site's own."""
PLURAL = ("hall", "grid", "plant permit")
"""Kinds whose words are of more than one."""
TABLES = ("serving", "demand", "power", "dispatch", *(p.name for p in PURCHASES))
"""Tables of a plan that say what a place waits for."""


def waits(case: Case, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """One sentence a host that serves: when, after how long, for what, and what would decide without the longest wait.

    Where the grid is what it waits for, or holds it back until a later stage, one more on what would bridge it.
    """
    networks = [found for h in case.hosts.index if (found := host_network(case, tables, str(h)))]
    return [
        _sentence(
            case,
            network,
            _load(case, tables, network),
            stage_words(case, tables, network.host),
            _sized_words(case, tables, network),
        )
        for network in networks
    ]


def _load(case: Case, tables: Mapping[str, pd.DataFrame], network: Network) -> Load | None:
    """Power of the first fleet of a host."""
    power, t = tables.get("power"), case.calendar.period_of(network.activities[-1].end_t)
    if power is None:
        return None
    own = power[(power["h"] == network.host) & (power["t"] == t)]
    if not len(own):
        return None
    peak, energy = (float(own[column].iloc[0]) for column in ("facility_peak_mw", "energy_mwh"))
    return Load(peak, energy / (HOURS_PER_MONTH * float(case.calendar.months[t])))


def _sentence(case: Case, network: Network, load: Load | None, stage: str = "", sized: str = "") -> str:
    """``stage``: what is said of a later stage of the grid, where no bridge is named for the opening; ``sized``: of a line
    that the plan takes smaller than it might.
    """
    by, ends = {a.name: a for a in network.activities}, network.early_ends()
    begins, step = by[SERVICE].end_t, case.calendar.step_months
    early = soonest_step(case, network)
    path = network.path()

    def label(at: int) -> str:
        return case.calendar.label(case.calendar.period_of(at))

    decided = by["permit"].start_t if "permit" in by else 0
    chain = [a for a in path if a.steps > 0]
    if early <= decided and begins == early:
        since = "it is decided" if "permit" in by else "the plan begins"
        at_once = f"{network.host} serves from {label(begins)}, as soon as {since}: it waits for nothing."
        return f"{at_once} {stage}".rstrip()
    first = ends[path[0].name] - path[0].steps if path else early
    since = (
        "it is decided"
        if "permit" in by and first == decided
        else "the plan begins"
        if first == 0
        else label(first)
    )
    head = f"{network.host} serves from {label(begins)}, {(begins - first) * step} months after {since}"
    if begins == first:  # what is rented may begin on a day, and waits for nothing before it
        head = f"{network.host} serves from {label(begins)}, as soon as {_words(case, network, path[-1])} may begin"
    marks = [first, *(min(ends[a.name], ends[SERVICE]) for a in path)]
    steps = {a.name: after - before for a, (before, after) in zip(path, pairwise(marks), strict=True)}
    legs = [(steps[a.name] * step, _words(case, network, a)) for a in chain if steps[a.name] > 0]
    if early > ends[SERVICE]:
        legs.append(((early - ends[SERVICE]) * step, "the next period to begin"))
    unit = "month" if legs and legs[0][0] == 1 else "months"
    told = [f"{months}{f' {unit}' if not i else ''} for {words}" for i, (months, words) in enumerate(legs)]
    text = f"{head}: of these it waits {', then '.join(told)}" if legs else head
    if begins > early:
        rest = f"all could be there from {label(early)}, the other {(begins - early) * step} are a choice"
        text += f"; {rest} (demand, money, quotas)"
    bridge = bridge_words(case, network, load) if any(a.kind in GRID for a in chain) else ""
    return (
        f"{text}. {' '.join(filter(None, (_without(case, network, chain), sized, bridge or stage)))}".rstrip()
    )


def _sized_words(case: Case, tables: Mapping[str, pd.DataFrame], network: Network) -> str:
    """That plant is waited for as the plan sizes the line of a host, where all it draws when it opens could be a line's by
    then; empty where nothing of plant is on the chain, or its site's grid, or any line, comes too late or gives too little.
    """
    h, t, power = network.host, case.calendar.period_of(network.activities[-1].end_t), tables.get("power")
    if power is None or not any(a.kind in OWN_PLANT for a in network.path()):
        return ""
    now = power[(power["t"] == t) & (power["p"] == case.hosts.loc[h, "p"])].set_index("h")
    if not any(t >= live for host, n, live in case.connections.index if (host, n) == (h, FIRM)):
        return ""
    stands = case.host_period["existing_grid_mw"].reindex([(each, t) for each in now.index], fill_value=0.0)
    free = float(case.site_period.loc[(case.hosts.loc[h, "p"], t), "grid_mw"]) - float(
        now["grid_mw"].sum() - stands.sum()
    )
    line, peak = now.loc[h, "grid_mw"], now.loc[h, "facility_peak_mw"]
    if not LEAST_MW < peak - line - now.loc[h, "flexible_mw"] <= free:
        return ""
    return (
        f"So it is as the plan sizes its line, {megawatts(line)}: the grid of the site would give one for all of the "
        f"{megawatts(peak)} that it draws then."
    )


def _words(case: Case, network: Network, activity: Activity) -> str:
    words = WORDS[activity.kind].format(item=activity.item, place=case.hosts.loc[network.host, "p"])
    return words.replace("the grid", "the flexible line") if _beside(activity) else words


def _without(case: Case, network: Network, chain: list[Activity]) -> str:
    """When the place could serve if the longest wait of its chain were nothing, and what comes next then."""
    if not chain:
        return ""
    longest, early = max(chain, key=lambda a: a.steps), soonest_step(case, network)
    sooner = decided_soonest(case, network)
    put_off = soonest_step(case, sooner) == early  # its date was no choice: it needed to be no sooner
    activities = (sooner if put_off else network).activities
    gone = {longest.name, *(a.name for a in activities if longest.item == FIRM and _beside(a))}
    others = Network(network.host, tuple(_at_once(a) if a.name in gone else a for a in activities))
    shorter, rest = soonest_step(case, others), others.path()
    then = max(rest[::-1], key=lambda a: a.steps) if rest else None
    verb = "come" if then and then.kind in PLURAL else "comes"
    following = f"{verb} {_words(case, network, then) if then else 'nothing'}"
    saved = (early - shorter) * case.calendar.step_months
    what = _words(case, network, longest)
    if saved == 0:
        return f"Without the wait for {what} it could be no sooner: next {following}."
    when = case.calendar.label(case.calendar.period_of(shorter))
    return f"Without the wait for {what} it could be {saved} months sooner, {when}: next {following}."


def _beside(activity: Activity) -> bool:
    """Whether it is of a line that nobody waits for once the firm one is there."""
    return activity.kind in LINES and activity.item != FIRM


def _at_once(activity: Activity) -> Activity:
    return Activity(activity.name, activity.kind, activity.item, 0, activity.gate_t, activity.after)
