"""Scenario + catalog -> Case: builds every table the model sees, in one pass, and says what was left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.case import (
    agreements,
    bridge,
    carbon,
    climate,
    cooling,
    cuts,
    demand,
    efficiency,
    exits,
    gates,
    halls,
    heat_reuse,
    levels,
    licensing,
    limits,
    offers,
    plant,
    power,
    ppa,
    rates,
    redundancy,
    refits,
    renewable,
    replicas,
    resilience,
    sites,
    storage,
    supply,
    tariff,
)
from planner.case.blocks import blocks_of_day
from planner.case.case import Case
from planner.case.columns import empty_table, joined, looked_up, records
from planner.case.commitments import signed_tails, steps_until, valued
from planner.case.context import Context, keyed
from planner.case.continuity import with_kept_service
from planner.case.conventions import note_conventions
from planner.case.holdings import with_stored
from planner.case.periods import day_after, discount_factor
from planner.case.registry import DECIDED
from planner.case.stacks import layer_table, stack_table
from planner.case.throughput import Throughput
from planner.case.training_work import with_training
from planner.facts.catalog import Catalog
from planner.facts.pause import without_collection
from planner.scenario.schema import Scenario

PHYSICS = (
    "availability",
    "network_power_share",
    "cooling_margin",
    "backup_critical_share",
    "colocation_pue",
    "staff_usd_per_accelerator_year",
    "hardware_opex_share_per_year",
    "cloud_kwh_per_accelerator_hour",
    "reciprocal_spread_per_year",
    "accelerator_market_value_change_per_year",
    "accelerator_first_owner_loss",
    "plant_market_value_change_per_year",
    "plant_removal_cost_share",
)


@without_collection
def build_case(scenario: Scenario, catalog: Catalog | None = None, truth: bool = False) -> Case:
    """All tables of one planning case, from the facts the scenario carries where no others are given.

    ``truth`` keeps all 24 hours apart instead of merged slices.
    """
    context = Context.of(scenario, catalog or scenario.catalog)
    why = offers.WhyNot()
    throughput = Throughput.of(scenario, context.catalog)
    blocks = blocks_of_day(context, 24 if truth else scenario.solve.slices)

    offer = offers.offer_table(context, why)
    systems = offers.system_offers(context, offer, why)
    deals = agreements.deals_of(context)
    pairs = offers.serve_pairs(context, systems, throughput, why)
    pairs, opened = agreements.with_opened(context, deals, systems, pairs, throughput)
    why.allow(opened)
    systems = _only_useful(systems, pairs)
    quotas, quota_members = supply.quota_tables(context, systems)
    lifted = agreements.lifted_quotas(context, deals, quota_members, systems)
    orders = supply.order_table(context, systems, why)
    orders, unders = agreements.ordered_under(context, deals, systems, orders, lifted, quota_members)
    orders, rents = cuts.after_cuts(context, systems, orders, supply.rent_table(context, systems), why)
    existing = _existing(context)
    fleet = _fleet(context, orders, rents, existing)
    wanted = demand.demand_table(context, throughput)
    workloads = demand.workload_table(context, throughput, set(wanted["w"]))
    hosts, layers = sites.host_table(context), layer_table(context)
    stacks = stack_table(context, layers, why)
    ready = gates.gate_table(context, layers, pairs)
    serve = gates.when_ready(_serve(context, pairs, systems, fleet, wanted, stacks), ready)
    serve = cuts.service_after_cuts(context, systems, serve)
    serve = agreements.while_in_force(serve, opened, deals)
    duties, duty_members = resilience.resilience_tables(context, systems, serve)
    survive_t = resilience.first_duty(duties, workloads, context.calendar.n)

    floors = {w.id: scenario.control.floors.get(w.data_class, 0) for w in scenario.demand}
    gains, needs = levels.gain_tables(context, pairs, floors)

    crews, crew_members = supply.crew_tables(context, systems)
    share_caps, share_members = limits.share_tables(context, systems)
    control_floors, floor_periods = limits.control_floors(context, wanted)
    signed = agreements.agreement_table(context, deals)
    opens, built, leases = sites.open_table(context), halls.hall_table(context), halls.lease_table(context)
    tables = {
        "orders": orders,
        "rents": rents,
        "opens": opens,
        "halls": built,
        "leases": leases,
        "agreements": signed,
    }
    families = _decision_families(systems, tables, stacks, hosts) if scenario.decisions else {}
    decisions, decision_members = limits.decision_tables(context, families)
    bought, hired, supplies = (
        plant.plant_table(context),
        plant.hire_table(context),
        plant.supply_table(context),
    )
    connections, grids = power.connection_table(context), sites.site_period_table(context)
    slices = climate.slice_table(context, blocks)
    ppas, ppa_terms, deliveries = ppa.ppa_tables(context, blocks, slices)
    rate = context.discount_rate_real
    physics = {name: context.param(name) for name in PHYSICS}
    sources_under, contents_under, excluded = agreements.duty_tables(context, deals, stacks)
    note_conventions(context)
    case = Case(
        scenario=scenario,
        catalog=context.catalog,
        calendar=context.calendar,
        rate=rate,
        discount_end=discount_factor(rate, context.calendar.n_steps * context.calendar.step_years),
        periods=context.calendar.table(rate),
        slices=slices,
        workloads=workloads.assign(survive_t=survive_t),
        demand=wanted,
        profile=climate.profile_table(context, blocks),
        sites=sites.site_table(context),
        hosts=hosts,
        stacks=stacks,
        layers=layers,
        exclusive=keyed(licensing.rival_pairs(context, systems), ["a", "b"], []),
        systems=_system_table(context, [*systems["k"], *existing["k"]]),
        offers=systems,
        scores=pairs[["w", "h", "a", "k", *offers.SCORE_COLUMNS]],
        orders=orders,
        hardware=supply.hardware_table(context, orders),
        rents=rents,
        fleet=fleet,
        serve=serve,
        opens=opens,
        halls=built,
        leases=leases,
        cooling=cooling.cooling_table(context, built, heat_reuse.recovery_rows(context)),
        refits=refits.refit_table(context, built),
        heat=cooling.heat_table(context),
        pue=power.pue_table(context, blocks),
        connections=connections,
        backups=power.backup_table(context),
        flexibles=power.flexible_table(context),
        plants=bought,
        bridges=bridge.bridge_table(context, bought, connections, grids),
        hires=hired,
        supplies=supplies,
        outputs=plant.output_table(context, blocks, supplies, (bought, hired)),
        storages=(storages := storage.storage_table(context)),
        stores=storage.store_table(context, blocks, storages, (bought, hired)),
        tariffs=tariff.tariff_table(context, blocks),
        peak_charges=tariff.peak_charge_table(context),
        ppas=ppas,
        ppa_terms=ppa_terms,
        deliveries=deliveries,
        redundant=redundancy.redundancy_table(context, supplies),
        host_period=sites.host_period_table(context),
        existing_cooling=cooling.existing_cooling_table(context),
        site_period=grids,
        quotas=quotas,
        quota_members=quota_members,
        crews=crews,
        crew_members=crew_members,
        share_caps=share_caps,
        share_members=share_members,
        control_floors=control_floors,
        floor_periods=floor_periods,
        levels=levels.level_table(context, gains, needs),
        level_gains=gains,
        level_needs=needs,
        survival=duties,
        survival_members=duty_members,
        decisions=decisions,
        decision_members=decision_members,
        money_caps=limits.money_caps(context),
        carbon_prices=carbon.price_table(context),
        carbon_caps=carbon.cap_table(context),
        efficiency_caps=efficiency.cap_table(context),
        takers=heat_reuse.taker_table(context),
        reuse_floors=heat_reuse.floor_table(context),
        renewable_floors=renewable.floor_table(context),
        renewables=renewable.source_table(context),
        existing=existing,
        existing_leases=halls.existing_lease_table(context),
        adoptions=exits.adoption_table(context, stacks),
        exits=exits.exit_table(context, stacks),
        moves=exits.move_table(context, serve, wanted, rents, orders),
        gates=ready,
        agreements=signed,
        terms=agreements.terms_table(deals),
        unders=agreements.sized(context, deals, unders, serve, orders, survive_t, wanted),
        lifted=lifted,
        opened=opened,
        sources_under=sources_under,
        contents_under=contents_under,
        excluded=excluded,
        physics=physics,
        order_share=_order_shares(context),
        why_not=why.table(),
        assumptions=_assumptions(context),
        control_max=100.0 * float((serve["sigma"] + levels.most_gained(serve, gains)).max())
        if len(serve)
        else 0.0,
    )
    paces = {
        w.id: demand.training_pace(context, throughput, w) for w in scenario.demand if w.size.by == "training"
    }
    return with_training(with_stored(with_kept_service(case)), paces)


def _only_useful(systems: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Offers that may serve at least one workload; the others would only be bought by mistake."""
    used = set(zip(pairs["h"], pairs["a"], pairs["k"], strict=True))
    keep = [key in used for key in systems.index]
    return systems[np.array(keep, dtype=bool)]


def _existing(context: Context) -> pd.DataFrame:
    """Existing fleets and contracts: (id) -> h, a, k, accelerators_k, first period and first without it, rent.

    What retires or ends within a period serves no more in it; rent is paid to the day (``rent_periods`` from the start).
    """
    calendar, e = context.calendar, context.scenario.existing
    rows: list[tuple[Any, ...]] = [
        (
            f.id,
            f.host,
            f.stack,
            f.system,
            f.accelerators / 1000.0,
            calendar.first_from(f.since),
            calendar.containing(f.retire),
            np.nan,
            np.nan,
        )
        for f in e.fleets
    ]
    rows += [
        (
            c.id,
            c.host,
            c.stack,
            c.system,
            c.accelerators / 1000.0,
            0,
            calendar.containing(day_after(c.until)),
            c.usd_per_accelerator_hour,
            steps_until(context, c.until),
        )
        for c in e.contracts
    ]
    columns = [
        "h",
        "a",
        "k",
        "accelerators_k",
        "first_t",
        "end_t",
        "rent_usd_per_accelerator_hour",
        "rent_periods",
    ]
    return valued(context, signed_tails(context, keyed(rows, ["id"], columns)))


def _fleet(
    context: Context, orders: pd.DataFrame, rents: pd.DataFrame, existing: pd.DataFrame
) -> pd.DataFrame:
    """(h, a, k, t) where capacity may be alive -> existing_k."""
    n, ends = context.calendar.n, context.calendar.ends
    alive: dict[tuple[str, str, str], np.ndarray] = {}
    held: dict[tuple[str, str, str], np.ndarray] = {}

    def mark(key: tuple[str, str, str], first: int, end: int) -> None:
        alive.setdefault(key, np.zeros(n, dtype=bool))[max(first, 0) : max(end, 0)] = True

    for row in records(orders):
        mark((row.h, row.a, row.k), row.t, ends(row.t, row.life))
    for row in records(rents):
        mark((row.h, row.a, row.k), row.t, ends(row.t, row.periods))
    for row in records(existing):
        key = (row.h, row.a, row.k)
        mark(key, row.first_t, row.end_t)
        held.setdefault(key, np.zeros(n))[max(row.first_t, 0) : max(row.end_t, 0)] += row.accelerators_k
    rows = [
        (*key, t, float(held[key][t]) if key in held else 0.0)
        for key, flags in alive.items()
        for t in np.flatnonzero(flags).tolist()
    ]
    return keyed(rows, ["h", "a", "k", "t"], ["existing_k"])


def _serve(
    context: Context,
    pairs: pd.DataFrame,
    systems: pd.DataFrame,
    fleet: pd.DataFrame,
    wanted: pd.DataFrame,
    stacks: pd.DataFrame,
) -> pd.DataFrame:
    """(w, h, a, k, t) -> rate, sigma, seal: where there is demand, a fleet may be alive, the stack is adopted."""
    columns = ["w", "h", "a", "k", "t"]
    table = rates.rates_over_time(context, pairs, systems)
    table = joined(table, wanted.reset_index(drop=True)[["w", "t", "demand_kref"]], ["w", "t"])
    table["rate"] = replicas.in_whole_replicas(context, table)
    table = table.drop(columns="demand_kref")
    table = joined(table, fleet.reset_index(drop=True)[["h", "a", "k", "t"]], ["h", "a", "k", "t"])
    table = table[table["t"] >= looked_up(table["a"], stacks["earliest_t"])]
    facts = systems.reset_index(drop=True)[["h", "a", "k", "p", "vendor"]]
    return keyed(joined(table, facts, ["h", "a", "k"]), columns, [])


def _system_table(context: Context, held: list[str]) -> pd.DataFrame:
    """k -> MW per thousand accelerators (peak, idle, working), shares of heat by medium, unit size, origin."""
    overhead = 1.0 + context.param("network_power_share")
    rows = []
    for k in dict.fromkeys(held):
        row = context.catalog.table("systems").loc[k]
        chip = context.catalog.table("accelerators").loc[row["accelerator_id"]]
        n = float(row["n_accelerators"])
        shares = cooling.media_needed(context, k)
        rows.append(
            (
                k,
                str(row["name"]),
                str(row["vendor"]),
                str(chip["vendor"]),
                str(chip["origin_iso3"]),
                str(row["accelerator_id"]),
                n,
                float(row["peak_kw"]) / n * overhead,
                float(row["idle_kw"]) / n * overhead,
                float(row["typical_kw"]) / n * overhead,
                *(shares.get(m, 0.0) for m in ("air", "dense-air", "liquid")),
                str(chip["generation"]),
            )
        )
    columns = [
        "name",
        "maker",
        "vendor",
        "origin_iso3",
        "accelerator",
        "n_accelerators",
        "peak_mw_per_k",
        "idle_mw_per_k",
        "working_mw_per_k",
        "air",
        "dense-air",
        "liquid",
        "generation",
    ]
    return keyed(rows, ["k"], columns)


def _assumptions(context: Context) -> pd.DataFrame:
    """Defaults taken for want of a value, each once: item, value, why."""
    columns = ["item", "value", "why"]
    if not context.assumed:
        return empty_table(columns)
    return pd.DataFrame(context.assumed, columns=columns).drop_duplicates("item")


def _order_shares(context: Context) -> dict[str, float]:
    """Share of the price paid at order, by asset class; the rest is spread over the lead."""
    table = context.catalog.table("asset_classes")
    return {str(k): float(v) for k, v in table["order_share"].items()}


def _decision_families(
    systems: pd.DataFrame, tables: dict[str, pd.DataFrame], stacks: pd.DataFrame, hosts: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Tables a decision may speak of, with owner_class, vendor and the weight of one unit."""
    facts = systems.reset_index(drop=True)[["h", "a", "k", "owner_class", "vendor"]]

    def described(table: pd.DataFrame) -> pd.DataFrame:
        if "h" not in table:
            return table
        if "k" not in table:
            return table.assign(owner_class=looked_up(table["h"], hosts["owner_class"]))
        out = table.reset_index(drop=True).merge(facts, on=["h", "a", "k"], how="left")
        return out.set_axis(table.index)

    chosen = {what: described(tables[p.table]) for what, p in DECIDED.items()}
    weighted = {what: t.assign(weight=t[DECIDED[what].billed] if DECIDED[what].billed else 1.0)
                for what, t in chosen.items()}  # fmt: skip
    return {**weighted, "stack": stacks.assign(weight=1.0)}
