"""What a nation buys into: one row a stack, from a solve that forces it, and the free optimum beside them.

    found = compare_stacks(load_scenario("korea.yaml"))
    found.table, found.accounts, catalog_rows(scenario)

Forcing a stack hands every site that can be built or leased to the stack: a host whose owner may not run it
changes to the owner class that usually does, with all handicaps and terms of that class, and the systems are
those the stack supports. Of what stands today a stack has the halls of these hosts, and of fleets and contracts its own; the
rest, which only the free choice has and bears the cost of, is told in its note. The bounds (but caps on capital) and the
decisions of the scenario are set aside; each stack may wait ``limits.delay_tolerance_months`` longer than the soonest
it can serve. Duties to serve are kept, but those that no plan of the stack keeps, which its note names. Nothing else
changes, so every difference between rows traces to rows of the catalog, to what stands of a
stack, or to quotas and crews of the scenario that name an owner class: ``planner.studies.stack_reasons`` lists the
first, and ``accounts`` shows where they are paid. What a stack may not serve by law or by its SEAL level
stays unserved: ``served_share`` belongs to every cost, and costs compare per hour of work served.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.commitments import signed_rents
from planner.case.registry import HARDWARE
from planner.facts.catalog import Catalog
from planner.facts.errors import NotOffered, UnknownName
from planner.facts.numbers import fixed, percent
from planner.planning.events import Event, OnEvent
from planner.planning.orphans import end_with
from planner.planning.pipeline import solve
from planner.planning.solve_run import Outcome
from planner.plans.plan import Plan
from planner.scenario.schema import Host, Limits, Scenario, StackChoice, SystemChoice
from planner.studies.hopeless import refuse_idle
from planner.studies.stack_duties import keeping_order, least_waived

FIVE = ("american-package", "us-platform-local-operator", "champion-us-chips", "partner-stack", "rival")
FREE = "free"
LIKE_POINTS = 0.5
"""Rows closer than this in control have no price between them."""
LIKE_WORK = 1e-3
"""Rows closer than this share in the work they serve are alike in it."""
LIKE_MONTHS = 0.05
"""The same of the weighted months of waiting."""
LIKE_SHARE = 0.01
"""The same of the share that they serve of all that is asked for, by priority."""
BOUGHT = (*HARDWARE, "provider-hardware")
BY_LAYER = {"platform-licence": "usd_per_accelerator_year", "user-support": "usd_per_user_year"}
"""Accounts booked by stack, and the column of its layers that splits them."""
CONTENT, SEAT = "content_iso3", "origin_iso3"
STACK = ("stack-adoption", "platform", *BY_LAYER)
SEALS = tuple(f"seal_{level}_share" for level in range(5))
KPIS = (
    "cost_npv_musd", "delay_months", "served_share", "control_score", "national_control", *SEALS,
    "capex_partner_musd", "peak_year_outlay_musd", "accelerators",
)  # fmt: skip
COLUMNS = [
    "stack", "name", "status", "gap", "seconds", "cost_npv_musd", "delay_months", "served_share", "control_score",
    "national_control", *SEALS, "first_service", "us_content_hardware", "us_content", "us_seat_hardware",
    "us_seat", "home_content",
    "capex_partner_musd", "peak_year_outlay_musd", "usd_per_served_hour", "adoption_musd", "accelerators",
    "served_mhours", "compared_with", "musd_per_control_point", "note",
]  # fmt: skip
SET_ASIDE: dict[str, Any] = {
    "max_delay_months": None, "min_control": None, "max_cost_musd": None, "shares": [], "survival": [], "control_floors": [],
}  # fmt: skip
"""Limits of the scenario that rows of stacks do not keep, as they are without."""
SETTINGS = ("limits.delay_tolerance_months", "limits.min_control_by")
"""Of the limits, what forbids nothing that the scenario states."""
SECONDS = 120.0
"""Longest search of one row; the best plan by then is shown with its gap."""

WIDE_GAP = 0.05
"""From this gap on a note says that the row may be cheaper than shown."""

Row = tuple[dict[str, Any], dict[str, float]]


@dataclass(frozen=True)
class Comparison:
    """``table``: a row a stack (``COLUMNS``). ``accounts``: the partner's discounted MUSD, account x stack."""

    table: pd.DataFrame
    accounts: pd.DataFrame


def forced(
    scenario: Scenario, stack: str, catalog: Catalog, waived: Collection[str] = frozenset()
) -> Scenario:
    """The scenario with one stack for all, and no duty to serve the workloads ``waived``.

    Raises ``NotOffered`` where no site could carry it.
    """
    row = catalog.table("stacks").loc[stack]
    modes, owners, vendors = (str(row[c]).split(";") for c in ("modes", "owner_classes", "vendors"))
    hosts = [_host(h, stack, owners) for h in scenario.hosts if h.mode in modes]
    if not hosts:
        raise NotOffered(f"{stack} is offered as {', '.join(modes)}; the scenario has no such host")
    choice = next((s for s in scenario.stacks if s.id == stack), StackChoice(id=stack))
    kept = {h.id for h in hosts}
    free = {"optional": True, "must_serve_by": None}
    demand = [w.model_copy(update=free) if w.id in waived else w for w in scenario.demand]
    existing = scenario.existing.model_copy(
        update={
            "fleets": [x for x in scenario.existing.fleets if x.stack == stack and x.host in kept],
            "contracts": [x for x in scenario.existing.contracts if x.stack == stack and x.host in kept],
            "halls": [x for x in scenario.existing.halls if x.host in kept],
        }
    )  # fmt: skip
    return scenario.model_copy(
        update={
            "name": f"{scenario.name}-{stack}"[:60], "hosts": hosts, "stacks": [choice], "demand": demand,
            "systems": _systems(scenario, vendors, catalog), "existing": existing, "decisions": [],
            "limits": scenario.limits.model_copy(update=SET_ASIDE),
            "supply": scenario.supply.model_copy(
                update={"quotas": [q for q in scenario.supply.quotas if q.hosts is None or set(q.hosts) <= kept]}
            ),
            "control": scenario.control.model_copy(update={"overrides": []}),
        }
    )  # fmt: skip


def _host(host: Host, stack: str, owners: Sequence[str]) -> Host:
    """The host under the stack; a new owner brings its class's terms, not those given for the old one."""
    if host.owner_class in owners:
        return host.model_copy(update={"stacks": [stack], "systems": None})
    terms = ("hardware_price_factor", "effectiveness", "operator_fee_share_per_year", "team_musd_per_year",
             "owner_parent", "operator_parent")  # fmt: skip
    return host.model_copy(
        update={
            "stacks": [stack],
            "systems": None,
            "owner_class": owners[0],
            "operator": owners[0],
            "attributes": {},
        }
        | dict.fromkeys(terms)
    )


def _systems(scenario: Scenario, vendors: Sequence[str], catalog: Catalog) -> list[SystemChoice]:
    """Systems of the scenario the stack supports; where there are none, all of its vendors in the catalog."""
    systems, chips = catalog.table("systems"), catalog.table("accelerators")["vendor"]

    def supported(k: str) -> bool:
        return str(chips[systems.loc[k, "accelerator_id"]]) in vendors

    own = [s for s in scenario.systems if supported(s.id)]
    return own or [SystemChoice(id=str(k)) for k in systems.index if supported(str(k))]


def origins(plan: Plan, by: str = CONTENT) -> pd.Series:
    """Country (ISO3) -> MUSD, undiscounted, of what all payers buy and of what the stack's layers cost.

    What is bought counts where its value is made, or (``by`` SEAT) at the seat of its vendor; layers at their supplier's.
    """
    bought = plan.tables["ledger"][plan.tables["ledger"]["account"].isin(STACK)]
    by_layer = bought["account"].isin(BY_LAYER)
    capital = plan.tables["content"].rename(columns={by: "country"})
    rows = [
        capital[["country", "musd"]],
        bought.loc[~by_layer].rename(columns={SEAT: "country"})[["country", "musd"]],
    ]
    for (a, account), musd in bought[by_layer].groupby(["a", "account"])["musd"].sum().items():
        own = plan.case.layers[plan.case.layers["a"] == a]  # by the layers that ask for it
        weight = own[BY_LAYER[account]].to_numpy(float)
        share = weight / max(weight.sum(), 1e-9)
        rows.append(pd.DataFrame({"country": own[SEAT].to_numpy(), "musd": share * musd}))
    return pd.concat(rows, ignore_index=True).groupby("country")["musd"].sum()


def us_shares(plan: Plan, by: str) -> tuple[float, float]:
    """Share of the United States in hardware, and in all that is bought and paid for the stack (see ``origins``)."""
    capital = plan.tables["content"]
    hardware = capital[capital["account"].isin(BOUGHT)]
    return _share(hardware.groupby(by)["musd"].sum(), "USA"), _share(origins(plan, by), "USA")


def _share(by_origin: pd.Series, iso3: str) -> float:
    whole = float(by_origin.sum())
    return float(by_origin.get(iso3, 0.0)) / whole if whole > 0 else float("nan")


def stack_table(scenario: Scenario, stacks: Sequence[str] = FIVE, **options: Any) -> pd.DataFrame:
    """The table of ``compare_stacks``."""
    return compare_stacks(scenario, stacks, **options).table


def compare_stacks(
    scenario: Scenario,
    stacks: Sequence[str] = FIVE,
    quality: str = "quick",
    free: bool = True,
    seconds: float = SECONDS,
    workers: int = 1,
    on_event: OnEvent | None = None,
    catalog: Catalog | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Comparison:
    """One row a stack and the free optimum: cost, delay, control, SEAL shares, first service, US content, capital.

    Facts are those the scenario carries where no others are given. Raises ``NoPlan`` where a row has nothing to serve.
    ``musd_per_control_point``: what a point of control costs at the service of this row, against the nearest stack
    of less control that is cheaper per hour of work, ``compared_with``: rise in that cost x hours / points.
    ``should_stop`` ends the search of the row at work, and of each after it, with the best plan found by then.
    With ``workers`` above 1 rows are solved in processes of their own: ``on_event`` hears of whole rows only, and
    ``should_stop`` leaves out those that have not begun.
    """
    catalog = catalog or scenario.catalog
    check_known(stacks, catalog)
    limit = min(seconds, scenario.solve.time_limit_s)
    scenario = scenario.model_copy(
        update={"solve": scenario.solve.model_copy(update={"time_limit_s": limit})}
    )
    names = [*([FREE] if free else []), *stacks]
    made = dict(_rows(scenario, catalog, names, quality, workers, on_event, should_stop))
    rows = [made[name] for name in names if name in made]
    frame = pd.DataFrame([row for row, _ in rows]).reindex(columns=COLUMNS)
    accounts = pd.DataFrame({row["stack"]: costs for row, costs in rows if costs}).fillna(0.0)
    prices = _price_of_control(frame)
    apart = {row["stack"]: unlike_free(scenario, row["stack"], catalog) for row, costs in rows if costs}
    return Comparison(frame.assign(**prices, note=beside_free(frame, apart)), accounts.sort_index())


def limits_stated(scenario: Scenario) -> list[str]:
    """Paths of the limits that the free choice keeps and rows of stacks set aside."""
    return [f"limits.{n}" for n, without in SET_ASIDE.items() if getattr(scenario.limits, n) != without]


def unlike_free(scenario: Scenario, stack: str, catalog: Catalog) -> list[str]:
    """What a row has in another way than the free choice of the scenario, beside its work: what its cost may be less by."""
    if stack == FREE:
        return []
    own, kept = forced(scenario, stack, catalog), limits_stated(scenario)
    kept += [
        name
        for name, there in (
            ("decisions", scenario.decisions),
            ("control.overrides", scenario.control.overrides),
        )
        if there
    ]
    owners = {h.id: h.owner_class for h in scenario.hosts}
    handed = [h.id for h in own.hosts if h.owner_class != owners[h.id]]
    closed = {h.id for h in scenario.hosts if h.stacks is not None and stack not in h.stacks}
    opened = [h.id for h in own.hosts if h.id in closed and h.id not in handed]
    systems = sorted({s.id for s in own.systems} - {s.id for s in scenario.systems})
    there, here = (len(s.existing.fleets) + len(s.existing.contracts) for s in (scenario, own))
    return [
        *([f"the free choice keeps {', '.join(kept)}"] if kept else []),
        *([f"of another class of owner: {', '.join(handed)}"] if handed else []),
        *([f"open to the stack in its row alone: {', '.join(opened)}"] if opened else []),
        *([f"systems of the stack's vendors alone: {', '.join(systems)}"] if systems else []),
        *(["the free choice keeps fleets and contracts of other stacks"] if there > here else []),
    ]


def beside_free(frame: pd.DataFrame, apart: Mapping[str, Sequence[str]] | None = None) -> list[Any]:
    """Notes of the rows (``COLUMNS``), and after them how much less or more a stack serves than the free choice, priced at
    what an hour costs there, and whether it costs less than any plan of the free choice and not by that alone: then with
    what is unlike the free choice, of ``apart`` by stack.
    """
    notes: list[Any] = list(frame["note"])
    free = frame[(frame["stack"] == FREE) & (frame["served_mhours"] > 0)]
    if not len(free):
        return notes
    hours, cost, unit, share, waits = (
        float(free[n].iloc[0])
        for n in ("served_mhours", "cost_npv_musd", "usd_per_served_hour", "served_share", "delay_months")
    )
    gap = free["gap"].iloc[0]
    least = cost * (1.0 - (float(gap) if pd.notna(gap) else 0.0))
    for i, row in enumerate(frame.itertuples()):
        if row.stack == FREE or pd.isna(row.cost_npv_musd):
            continue
        missing = hours - row.served_mhours
        said = [notes[i]] if notes[i] else []
        if abs(missing) >= LIKE_WORK * hours:
            said.append(
                f"serves {percent(abs(missing) / hours, 1)} {'less' if missing > 0 else 'more'} work than the free choice, "
                f"{fixed(abs(missing) * unit, 1)} MUSD at what an hour costs there"
            )
        if abs(row.served_share - share) >= LIKE_SHARE:
            said.append(
                f"by priority it serves {percent(row.served_share, 1)} of the work asked for, "
                f"the free choice {percent(share, 1)}"
            )
        if row.cost_npv_musd + max(0.0, missing * unit) < least:
            causes = [
                *(["what it leaves out is dearer than the mean"] if missing >= LIKE_WORK * hours else []),
                *(["it waits longer"] if row.delay_months > waits + LIKE_MONTHS else []),
                *(apart or {}).get(row.stack, ()),
            ]
            also = ", also with that work" if missing >= LIKE_WORK * hours else ""
            by = f", by one or more of these: {', '.join(causes)}" if causes else ""
            said.append(
                f"costs less than any plan of the free choice, at least {fixed(least, 1)} MUSD{also}{by}"
            )
        notes[i] = "; ".join(said)
    return notes


def check_known(stacks: Sequence[str], catalog: Catalog) -> None:
    """Raises ``UnknownName`` for a stack that is not in the catalog."""
    known = catalog.table("stacks").index
    unknown = [s for s in stacks if s not in known]
    if unknown:
        raise UnknownName(f"no stack {', '.join(unknown)} in the catalog; there are {', '.join(known)}")


def _rows(
    scenario: Scenario,
    catalog: Catalog,
    names: Sequence[str],
    quality: str,
    workers: int,
    on_event: OnEvent | None,
    should_stop: Callable[[], bool] | None,
) -> Iterator[tuple[str, Row]]:
    if workers <= 1 or len(names) == 1:
        for name in names:
            yield name, row_of(scenario, catalog, name, quality, on_event, should_stop)
        return
    most, context = min(workers, len(names)), get_context("spawn")
    with ProcessPoolExecutor(most, context, initializer=end_with, initargs=(os.getpid(),)) as pool:
        jobs = {pool.submit(row_of, scenario, catalog, name, quality): name for name in names}
        for job in as_completed(jobs):
            if should_stop is not None and should_stop():
                pool.shutdown(wait=False, cancel_futures=True)
            if job.cancelled():
                continue
            row = job.result()
            if on_event is not None:
                on_event(Event(jobs[job], row[0]["status"], row[0].get("seconds", 0.0)))
            yield jobs[job], row


def row_of(
    scenario: Scenario,
    catalog: Catalog,
    name: str,
    quality: str,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Row:
    """One row and the partner's discounted cost by account; ``name`` is a stack or ``free``."""
    row: dict[str, Any] = {"stack": name, "name": "free choice of the scenario"}
    if name != FREE:
        row["name"] = str(catalog.value("stacks", name, "name"))
    told: list[str] = []
    try:
        if name == FREE:
            case = build_case(scenario, catalog)
            refuse_idle(case)
            outcome = solve(case, quality, on_event=on_event, should_stop=should_stop)
        else:
            outcome, waived = _keeping_duties(scenario, catalog, name, quality, on_event, should_stop)
            told = [
                f"the duty to serve is waived, which no plan of the stack keeps beside the rest: {', '.join(waived)}"
            ] * bool(waived)
    except NotOffered as error:
        return row | {"status": "not offered", "note": str(error)}, {}
    row |= {"status": outcome.status, "gap": outcome.gap, "seconds": outcome.seconds["total"]}
    if outcome.plan is None:
        return row | {"note": _why_none(scenario, name, outcome)}, {}
    ledger = outcome.plan.tables["ledger"]
    own = ledger[(ledger["payer"] == "partner") & (ledger["musd_discounted"] != 0)]
    row |= _figures(outcome.plan)
    if (outcome.gap or 0.0) > WIDE_GAP:
        told.insert(0, f"not searched to the end: may cost up to {outcome.gap:.0%} less")
    told.append(row["note"])
    if name == FREE:
        told.append(kept_by_free(case))
    row["note"] = "; ".join(filter(None, told))
    return row, own.groupby("account")["musd_discounted"].sum().to_dict()


def _keeping_duties(
    scenario: Scenario,
    catalog: Catalog,
    stack: str,
    quality: str,
    on_event: OnEvent | None,
    should_stop: Callable[[], bool] | None,
) -> tuple[Outcome, list[str]]:
    """A solve with the stack for all, and the workloads whose duty to serve is waived for there to be a plan.

    First those that its tables show to be served too late or nowhere, then as few as the linear relaxation asks for, then
    one after another. Of these, what was waived before the last is asked for again, since the last alone may do.
    """

    def solved(waived: list[str]) -> tuple[Case, Outcome]:
        case = build_case(forced(scenario, stack, catalog, waived), catalog)
        refuse_idle(case)
        return case, solve(case, quality, on_event=on_event, should_stop=should_stop)

    waived: list[str] = []
    singly: list[str] = []
    asked_linear = False
    while True:
        case, outcome = solved(waived)
        left = [w.id for w in scenario.demand if not w.optional and w.id not in waived]
        if outcome.status != "infeasible" or not left:
            break
        hopeless = {trouble.workload for trouble in outcome.troubles}
        gone = [w for w in left if w in hopeless]
        if not gone and not asked_linear:
            gone, asked_linear = least_waived(case, left), True
        if not gone:
            gone = keeping_order(case, left)[-1:]
            singly += gone
        waived += gone
    for w in reversed(singly[:-1]):  # waived first was what is least to be kept
        if outcome.plan is None or outcome.stopped:
            break
        fewer = [other for other in waived if other != w]
        _, found = solved(fewer)
        if found.plan is not None:
            outcome, waived = found, fewer
    return outcome, waived


def kept_by_free(case: Case) -> str:
    """Fleets and contracts of the start with MUSD owed, of which another row has only those of its stack; empty without."""
    existing = case.scenario.existing
    owed = (
        signed_rents(case).groupby("id")["musd"].sum() + case.existing.groupby("id")["due_after_musd"].sum()
    )
    told = [
        f"{fixed(f.accelerators)} accelerators of {f.stack} at {f.host} until {f.retire}"
        for f in existing.fleets
        if f.retire > case.calendar.start
    ]
    told += [
        f"{fixed(c.accelerators)} of {c.stack} at {c.host} by contract until {c.until}, for which "
        f"{fixed(owed[c.id], 1)} MUSD are owed, undiscounted"
        for c in existing.contracts
        if owed.get(c.id, 0.0) > 0
    ]
    if not told:
        return ""
    only = "other rows have and pay of it only what is of their own stack"
    return f"keeps what stands and is owed today: {', '.join(told)}; {only}"


def _why_none(scenario: Scenario, name: str, outcome: Outcome) -> str:
    if outcome.troubles:
        return "; ".join(t.message for t in outcome.troubles[:2])
    if outcome.status != "infeasible":
        limit = scenario.solve.time_limit_s
        return "stopped before a plan was found" if outcome.stopped else f"no plan found in {limit:.0f} s"
    if name == FREE:
        duties = ["duties to serve"] * any(not w.optional for w in scenario.demand)
        none = Limits()
        limits = [
            f"limits.{n}" for n in Limits.model_fields if getattr(scenario.limits, n) != getattr(none, n)
        ]
        stated = ", ".join([*(n for n in limits if n not in SETTINGS), *duties])
        asked = f" ({stated})" if stated else ""
        return (
            f"no plan keeps all that the scenario states{asked}; planner explain says what would have to give"
        )
    return "no plan of the stack keeps sites, supply, money and survival shares, even with every workload optional"


def _figures(plan: Plan) -> dict[str, Any]:
    calendar, periods = plan.case.calendar, plan.case.periods
    first = plan.kpi("first_service_months")
    demand = plan.tables["demand"]
    weight = (periods["hours"] * periods["discount"]).to_numpy(float)[demand["t"].to_numpy(int)]
    hours = float((demand["served_kref"].to_numpy(float) * weight).sum()) / 1e3  # million reference hours
    hardware, everything = us_shares(plan, CONTENT)
    seat_hardware, seat = us_shares(plan, SEAT)
    adopted = plan.tables["stacks"].query("adopted")
    return {name: plan.kpi(name) for name in KPIS} | {
        "first_service": calendar.label(calendar.period_of(round(first / calendar.step_months)))
        if np.isfinite(first)
        else "",
        "us_content_hardware": hardware,
        "us_content": everything,
        "us_seat_hardware": seat_hardware,
        "us_seat": seat,
        "home_content": _share(origins(plan), plan.case.scenario.country),
        "served_mhours": hours,
        "usd_per_served_hour": plan.kpi("cost_npv_musd") / hours if hours > 0 else float("nan"),
        "adoption_musd": float(adopted["adoption_musd"].sum()),
        "note": _left_out(plan),
    }


def _left_out(plan: Plan) -> str:
    """Workloads the stack may serve nowhere, with the first reason."""
    case = plan.case
    missing = [w for w in dict.fromkeys(case.demand["w"]) if w not in set(case.serve["w"])]
    said = []
    for w in missing:
        why = case.why_not[case.why_not["workload"] == w]
        said.append(f"{w} not served ({why['detail'].iloc[0]})" if len(why) else f"{w} not served")
    return "; ".join(said)


def _price_of_control(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Nearest stack of less control that is cheaper per hour, and MUSD a point against it.

    Empty for the free choice, and where no stack of less control is cheaper: control costs nothing there.
    """
    against, prices = [], []
    stacks = frame[(frame["stack"] != FREE) & frame["usd_per_served_hour"].notna()]
    for row in frame.itertuples():
        below = stacks[
            (stacks["control_score"] < row.control_score - LIKE_POINTS)
            & (stacks["usd_per_served_hour"] < row.usd_per_served_hour)
        ]
        if row.stack == FREE or not len(below):
            against.append("")
            prices.append(float("nan"))
            continue
        next_ = below.loc[below["control_score"].idxmax()]
        rise = row.usd_per_served_hour - next_["usd_per_served_hour"]
        against.append(str(next_["stack"]))
        prices.append(float(rise * row.served_mhours / (row.control_score - next_["control_score"])))
    return {"compared_with": against, "musd_per_control_point": prices}
