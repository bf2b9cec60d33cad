"""The values of a scenario that may give, each as a relaxation on the rows it stands in: money, supply, places,
shares and floors, decisions. ``with_bound_rows`` adds rows for the bounds on cost and delay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from planner.case.case import Case
from planner.case.columns import looked_up
from planner.case.efficiency import MEASURES, WORDS, cap_name
from planner.case.heat_reuse import STATED, floor_name
from planner.case.limits import TOTAL, budget_words
from planner.case.supply import quota_rows
from planner.explain.host_sizes import RULE, hosts_sized_by_grid
from planner.explain.relaxations import Exact, Relaxation, periods_of, rounded, rows_of, scaled_rows
from planner.explain.service_limits import class_floors, continuity, control, decisions, shares, survival
from planner.scenario.schema import Scenario, Site
from planner.solver.arrays import Arrays, Floats
from planner.solver.highs import LiveHighs


def relaxations_of(case: Case, arrays: Arrays) -> list[Relaxation]:
    """Every value that may give, but for must-serve dates (those are bounds of ``unserved``)."""
    makers = (
        _capital,
        _carbon,
        _renewable,
        _efficiency,
        _quotas,
        _crews,
        _grid,
        _land,
        _water,
        _heat_taken,
        _heat_owed,
        _host_size,
        shares,
        control,
        class_floors,
        survival,
        continuity,
        decisions,
    )
    found = [h for maker in makers for h in maker(case, arrays) if len(h.rows)]
    return [h if h.kind == "decision" else _relaxing(arrays, h) for h in found]


def _relaxing(arrays: Arrays, relaxation: Relaxation) -> Relaxation:
    """The relaxation with the signs that relax its rows, which have one finite side each."""
    sign = np.where(np.isfinite(arrays.row_upper[relaxation.rows]), -1.0, 1.0)
    return replace(relaxation, coefficients=sign * np.abs(relaxation.coefficients))


# ---- money


def _capital(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    every = case.money_caps
    for cap in every[every["until"] == case.calendar.n].itertuples():
        same = every.index[every["path"] == cap.path]
        rows = np.concatenate([rows_of(arrays, "money_cap", str(i)) for i in same])
        yield Relaxation("capital", str(cap.path), float(cap.musd), "MUSD", budget_words(cap), rows,
                         -np.ones(len(rows)), scale=100.0, where={"year": cap.year})  # fmt: skip


def _carbon(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    for n, cap in enumerate(case.carbon_caps.itertuples()):
        rows = rows_of(arrays, "carbon_cap", str(cap.i))
        when = "over the horizon" if cap.year == TOTAL else f"of {cap.year}"
        yield Relaxation("carbon", f"limits.carbon_t[{n}].tonnes", float(cap.tonnes), "tCO2", f"the cap on emissions {when}",
                         rows, np.full(len(rows), -1e-3), scale=1e3, where={"year": cap.year})  # fmt: skip


def _renewable(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    """A point of share is worth the energy drawn, of which demand tells roughly; the true rows have it as a column."""
    floors = case.renewable_floors
    mean_mw = float(case.systems["working_mw_per_k"].mean())
    hours = case.demand["t"].map(case.periods["hours"]).astype(float)
    years = case.demand["t"].map(case.periods["year"]).astype(str)
    gwh = (case.demand["demand_kref"] * hours).groupby(years.to_numpy()).sum() * mean_mw / 1000.0
    for n, asked in enumerate(case.scenario.limits.renewable):
        own = floors[floors["n"] == n]
        if not len(own):  # of no whole year
            continue
        rows = np.concatenate([rows_of(arrays, "renewable_floor", str(i)) for i in own["i"]])

        def exact(live: LiveHighs, change: float, names: Any = own["i"], share: float = asked.share) -> None:
            for i in names:
                live.change_coefficient(("renewable_floor", i), ("drawn", i), share - change)

        amounts = own["year"].map(gwh).fillna(0.0).to_numpy(float)
        yield Relaxation("renewable", f"limits.renewable[{n}].share", asked.share, "share",
                         f"the share of renewable energy by {asked.match}", rows, amounts, direction=-1, most=asked.share,
                         scale=0.1, exact=exact)  # fmt: skip


def _efficiency(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    """Caps on PUE and water, stated or of a law; a point is worth the energy of the place, which the true rows know."""
    caps = case.efficiency_caps.reset_index(drop=True)
    heat = arrays.columns["heat"].index
    hours = case.slices["hours"]
    for (measure, n, law, most), own in caps.groupby(["measure", "stated", "law", "most"], sort=False):
        bound = set(zip(own["h"], own["t"], strict=True))
        moved = [(cap_name(measure, h, case.periods["year"][t]), (h, *key, t, s))
                 for h, *key, t, s in heat if (h, t) in bound and hours[t, s] > 0]  # fmt: skip
        rows = np.concatenate(
            [rows_of(arrays, "efficiency_cap", i) for i in dict.fromkeys(i for i, _ in moved)] or [[]]
        )

        def exact(
            live: LiveHighs, change: float, moved: Any = moved, most: float = most, measure: str = measure
        ) -> None:
            for i, (h, c, m, t, s) in moved:
                reached = float(case.pue.loc[(h, c, t, s), MEASURES[measure]])
                weight = float(hours[t, s]) * (reached - most - change) / 1000.0
                live.change_coefficient(("efficiency_cap", i), ("heat", (h, c, m, t, s)), weight)

        sites = sorted({str(case.hosts.loc[h, "p"]) for h in own["h"]})
        text = (
            f"the cap on {WORDS[measure]} {f'of the law {law}' if law else ''} at {', '.join(sites)}".replace(
                "  ", " "
            )
        )
        base = Relaxation("efficiency", f"limits.efficiency[{n}].most", float(most), "", text, rows.astype(int),
                          -_energy_gwh(case, rows), scale=0.1, exact=exact)  # fmt: skip
        own_row = {"measure": measure, "sites": sites}
        instead = stated_caps(case.scenario)

        def added(change: float, row: Any = own_row, rest: Any = instead, most: float = most) -> Any:
            return [*rest, {**row, "most": rounded(most, change)}]

        yield base if n >= 0 else replace(base, path="limits.efficiency", changed=added)


def stated_caps(scenario: Scenario) -> list[dict[str, Any]]:
    """``limits.efficiency`` as a file has it: a cap added to it takes the place of a law."""
    return [
        cap.model_dump(mode="json", exclude_defaults=True, by_alias=True)
        for cap in scenario.limits.efficiency
    ]


def _energy_gwh(case: Case, rows: Floats) -> Floats:
    """Roughly the IT energy of a year at a place: that of all demand at the systems' mean draw."""
    hours = case.demand["t"].map(case.periods["hours"]).astype(float)
    mw = case.demand["demand_kref"] * float(case.systems["working_mw_per_k"].mean())
    years = max(case.calendar.n_steps * case.calendar.step_years, 1.0)
    return np.full(len(rows), float((mw * hours).sum()) / years / 1000.0)


# ---- supply


def _quotas(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    own = {q.id: q for q in case.scenario.supply.quotas}
    rules = [rule for rule in arrays.rows if rule.startswith("quota_")]
    for q in dict.fromkeys(case.quotas["q"]) if len(case.quotas) else ():
        rows = np.concatenate([rows_of(arrays, rule, str(q)) for rule in rules])
        if q not in own:
            yield from _foreign_quota(case, arrays, str(q), rows)
            continue
        base = _quota_amounts(case, own[q])
        peak = max(step.accelerators for step in own[q].path)
        for j, step in enumerate(own[q].path):
            path = [*own[q].path]
            path[j] = step.model_copy(update={"accelerators": step.accelerators + 1.0})
            slope = _quota_amounts(case, own[q].model_copy(update={"path": path})) - base
            at, coefficients = [], []
            for rule in rules:
                block = arrays.rows.get(rule)
                for i, index in enumerate(block.index if block is not None else ()):
                    if index[0] == q and slope[index[1]] > 1e-12:
                        at.append(block.start + i)  # type: ignore[union-attr]
                        coefficients.append(-slope[index[1]])
            kind = "equivalents" if own[q].unit == "equivalents" else "accelerators"
            yield Relaxation(
                "quota", f"supply.quotas[{q}].path[{j}].accelerators", step.accelerators, kind,
                f"quota {q} from {step.from_}", np.array(at, int), np.array(coefficients), scale=peak or 1000.0,
                where={"quota": q},
            )  # fmt: skip


def _quota_amounts(case: Case, quota: Any) -> Floats:
    """Thousands allowed by period, as the case's tables have them."""
    context: Any = SimpleNamespace(calendar=case.calendar)
    return np.array([row[2] for row in quota_rows(context, quota)], float)


def _foreign_quota(case: Case, arrays: Arrays, q: str, rows: Any) -> Iterator[Relaxation]:
    """Quotas the scenario does not spell out: allocations of vendors, and those of licences."""
    allocation = q.startswith("allocation-")
    path, off = ("supply.owner_allocations", False) if allocation else ("supply.licence.quotas", "none")
    largest = float(case.quotas.loc[case.quotas["q"] == q, "amount_k"].max())
    yield Relaxation(
        "allocation", path, max(largest, 1e-3) * 1000.0, "accelerators",
        f"the vendors' {q}" if allocation else f"the licence quota {q}", rows, np.full(len(rows), -1e-3),
        changed=lambda _change: off, where={"quota": q},
    )  # fmt: skip


def _crews(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    quarters = case.calendar.months / 3.0
    for crew in case.scenario.supply.crews:
        rows = rows_of(arrays, "crew", crew.id)
        yield Relaxation(
            "crew", f"supply.crews[{crew.id}].racks_per_quarter", crew.racks_per_quarter, "racks a quarter",
            f"installation crew {crew.id}", rows, -quarters[periods_of(arrays, "crew", rows)] / 1000.0, scale=10.0,
        )  # fmt: skip


# ---- places


def _grid(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    """One relaxation for every stretch of time between two steps of a site's grid, with sizes that come from it."""
    calendar = case.calendar
    for site in case.scenario.sites:
        starts = grid_starts(case, site)
        edges = [(0, 0.0)] if starts[0] > 0 else []
        edges += [(t, s.mw) for t, s in zip(starts, site.grid_mw, strict=True)]
        ends = [t for t, _ in edges[1:]] + [calendar.n]
        peak = max(s.mw for s in site.grid_mw)
        for (first, mw), end in zip(edges, ends, strict=True):
            within = range(first, end)
            sizes = [rows_of(arrays, RULE, h, within) for h in hosts_sized_by_grid(case, site.id)]
            hosts = [h.id for h in case.scenario.hosts if h.site == site.id]
            works = [rows_of(arrays, "grid_permit", h, within) for h in hosts]
            rows = np.concatenate([rows_of(arrays, "site_grid", site.id, within), *sizes, *works])
            until = f"until {calendar.label(end)}" if end < calendar.n else f"from {calendar.label(first)}"
            yield Relaxation(
                "grid", f"sites[{site.id}].grid_mw", mw, "MW", f"grid at {site.id} {until}", rows, -np.ones(len(rows)),
                scale=max(peak, 1.0), where={"site": site.id, "first": first, "until": until},
            )  # fmt: skip


def grid_starts(case: Case, site: Site) -> list[int]:
    """First period of every step of a site's grid."""
    return case.calendar.first_of_steps([s.from_ for s in site.grid_mw], [s.mw for s in site.grid_mw])


def grid_steps(case: Case, site: str, more: dict[int, float]) -> list[dict[str, Any]]:
    """Steps of a site's grid with MW added from the given first periods on, each until the next step."""
    own = next(s for s in case.scenario.sites if s.id == site)
    steps = {t: (s.from_, s.mw) for t, s in zip(grid_starts(case, own), own.grid_mw, strict=True)}
    for first, mw in more.items():
        day, before = steps.get(first, (case.calendar.date_of(first), 0.0))
        steps[first] = (day, rounded(before, mw))
    return [{"from": day, "mw": mw} for _, (day, mw) in sorted(steps.items())]


def _land(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    for site in case.scenario.sites:
        for what, rule, field in (
            ("land", "site_land", "max_it_mw"),
            ("standing shells", "site_shell", "shell_it_mw"),
        ):
            limit = getattr(site, field)
            if limit is not None:
                rows = rows_of(arrays, rule, site.id)
                yield Relaxation("land", f"sites[{site.id}].{field}", limit, "MW IT", f"{what} at {site.id}", rows,
                             -np.ones(len(rows)))  # fmt: skip


def _water(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    for site in case.scenario.sites:
        if site.max_water_m3_per_year is not None:
            rows = rows_of(arrays, "site_water", site.id)
            per_unit = -case.calendar.years[periods_of(arrays, "site_water", rows)] / 1000.0
            yield Relaxation("water", f"sites[{site.id}].max_water_m3_per_year", site.max_water_m3_per_year, "m3 a year",
                         f"water at {site.id}", rows, per_unit, scale=1e4)  # fmt: skip


def _heat_taken(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    taken = case.takers["taken"]
    for site in case.scenario.sites:
        if site.heat is not None:
            rows = rows_of(arrays, "heat_taker", site.id)
            block = arrays.rows.get("heat_taker")
            per_mw = np.array(
                [] if block is None else [-taken[block.index[i - block.start][:2]] for i in rows], float
            )
            yield Relaxation("heat", f"sites[{site.id}].heat.max_mw", site.heat.max_mw, "MW", f"the heat taken at {site.id}",
                             rows, per_mw, scale=1.0)  # fmt: skip


def _heat_owed(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    """The least share of energy reused at a site: stated, or the highest of its laws.

    A share that is stated takes the place of every law and leaves nothing free: it is written into the rows of the first
    law, which bind all load, and the rows of later ones give way. So where ``unnamed_shares`` has the site, none is named.
    """
    floors = _reuse_floors(case)
    for p, own in floors[~floors["p"].isin(unnamed_shares(case))].groupby("p", sort=False):
        laws = own.groupby("law", sort=False)["share"].first()
        share, lowest = float(laws.max()), float(laws.iloc[0])
        by_law = [_rows_of_law(case, arrays, own[own["law"] == law]) for law in laws.index]
        rows, later = np.concatenate(by_law), np.concatenate([by_law[0][:0], *by_law[1:]])
        write_first = scaled_rows(by_law[0], -1.0 / lowest, ("heat",))

        def exact(
            live: LiveHighs,
            change: float,
            write: Exact = write_first,
            above: float = share - lowest,
            rest: Any = later,
        ) -> None:
            write(live, change - above)
            live.set_row_bounds(rest, -np.inf, np.inf)

        amounts = np.concatenate(
            [
                _energy_gwh(case, of_law) * part / share
                for of_law, part in zip(by_law, laws.cummax(), strict=True)
            ]
        )
        names = [str(law) for law in laws.index if law != STATED]
        what = f"the least share of energy reused at {p}"
        what += f" (law{'s' if len(names) > 1 else ''} {', '.join(names)})" if names else ""
        yield Relaxation("heat share", f"sites[{p}].heat.least_share", share, "share", what, rows, -amounts,
                         direction=-1, most=share, exact=exact)  # fmt: skip


def unnamed_shares(case: Case) -> list[str]:
    """Sites with a law on reused heat of which no value is named: a stated share would bind what the law leaves free.

    That is load before the day of the first law, and hosts that stand already.
    """
    floors = _reuse_floors(case)
    built = case.hosts[case.hosts["mode"] == "build"].groupby("p").groups
    return [str(p) for p, own in floors.groupby("p", sort=False)
            if own.groupby("h")["begun_t"].min().any() or set(own["h"]) != set(built[p])]  # fmt: skip


def _reuse_floors(case: Case) -> pd.DataFrame:
    floors = case.reuse_floors.reset_index(drop=True)
    return floors.assign(p=looked_up(floors["h"], case.hosts["p"]))


def _rows_of_law(case: Case, arrays: Arrays, own: pd.DataFrame) -> Any:
    years = own["t"].map(case.periods["year"])
    names = dict.fromkeys(floor_name(*key) for key in zip(own["h"], own["law"], years, strict=True))
    return np.concatenate([rows_of(arrays, "heat_reuse_floor", name) for name in names]).astype(int)


def _host_size(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    """The largest size of a host; without an opening the room is of no use, so the constant column is exact."""
    for host in case.scenario.hosts:
        if host.max_it_mw is None or host.mode == "cloud":
            continue
        rows = np.concatenate([rows_of(arrays, rule, host.id) for rule in ("space_max", "hall_permit")])
        plant, kinds = _plant_permits(case, arrays, host.id)
        per_mw = np.concatenate([np.ones(len(rows)), kinds / host.max_it_mw])
        rows = np.concatenate([rows, plant])
        exact = scaled_rows(rows, 1.0 / host.max_it_mw, ("open",))
        yield Relaxation("host size", f"hosts[{host.id}].max_it_mw", host.max_it_mw, "MW IT", f"the size of {host.id}", rows,
                     -per_mw, exact=exact)  # fmt: skip


def _plant_permits(case: Case, arrays: Arrays, h: str) -> tuple[Any, np.ndarray]:
    """Rows that tie plant of a host to its permit, and the MW of use of each, which are proportional to the host's size."""
    rows, block = rows_of(arrays, "plant_permit", h), arrays.rows.get("plant_permit")
    kinds = [] if block is None else [block.index[i - block.start][:2] for i in rows]
    return rows, np.array([case.supplies.at[kind, "useful_mw"] for kind in kinds], float)


# ---- bounds on cost and delay


def with_bound_rows(case: Case, arrays: Arrays) -> tuple[Arrays, list[Relaxation]]:
    """Bounds on cost and delay that stand in the scenario, as rows, and the relaxations of these rows."""
    limits = case.scenario.limits
    wanted: list[tuple[str, Any, str, float, str, str]] = []
    if limits.max_cost_musd is not None:
        wanted.append(("cost", (), "limits.max_cost_musd", limits.max_cost_musd, "MUSD", "the cap on cost"))
    caps = limits.max_delay_months
    if isinstance(caps, dict):
        known = {i[0] for i in arrays.columns["delay_w"].index}
        wanted += [
            ("delay_w", (w,), f"limits.max_delay_months.{w}", months, "months", f"the waiting allowed to {w}")
            for w, months in caps.items()
            if w in known
        ]
    elif caps is not None:
        wanted.append(
            ("delay", (), "limits.max_delay_months", caps, "months", "the weighted waiting allowed")
        )
    if not wanted:
        return arrays, []
    height, width = arrays.shape
    columns = [arrays.columns[name].position(index) for name, index, *_ in wanted]
    extra = csr_array((np.ones(len(wanted)), (np.arange(len(wanted)), columns)), shape=(len(wanted), width))
    bounds = np.array([bound for *_, bound, _unit, _what in wanted], dtype=float)
    grown = arrays.with_rows("stated_bound", range(len(wanted)), extra, np.full(len(wanted), -np.inf), bounds)
    relaxations = [
        Relaxation(
            "cost" if name == "cost" else "delay",
            path,
            bound,
            unit,
            what,
            np.array([height + i]),
            -np.ones(1),
            scale=100.0 if name == "cost" else 1.0,
        )
        for i, (name, _, path, bound, unit, what) in enumerate(wanted)
    ]
    return grown, relaxations
