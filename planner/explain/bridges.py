"""What would carry a place until its firm line comes: plant of the catalog, where the scenario offers nothing of the kind,
and a flexible line.

From the network alone: the plan was not made with it, and backup beside it is not priced.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isnan

from planner.case.blocks import stressed_hours
from planner.case.case import Case
from planner.case.context import Context
from planner.case.periods import HOURS_PER_MONTH
from planner.case.permits import permit_from
from planner.case.plant import fuel_usd_per_mmbtu
from planner.case.plant_offers import PLACED, STORED, TABLE, faults, figure, steps, ways
from planner.case.power import line_wait
from planner.facts.numbers import fixed, number
from planner.plans.network import SERVICE, Network
from planner.scenario.power import Flexible, PowerOption
from planner.scenario.schema import Host

GRID = ("grid", "grid application", "site grid")
"""Kinds of activities that a bridge replaces."""
SHOWN = 3


@dataclass(frozen=True)
class Bridge:
    """One kind of plant: its row, how it is got, the first period with it, and what it costs."""

    option: str
    way: str
    live_t: int
    usd_per_kw: float
    """Price, or rent of a month."""
    term_months: float
    """Of a contract; 0 where it is bought."""
    usd_per_mwh: float
    """Fuel and running."""

    def musd_per_mw(self, months: int) -> float:
        """Bought, or rented for whole terms that last so many months; what is generated apart."""
        terms = ceil(months / self.term_months) if self.term_months else 0
        return self.usd_per_kw * (terms * self.term_months if terms else 1.0) / 1000.0

    def cost(self, months: int) -> float:
        """The same with a MW running all the while."""
        return self.musd_per_mw(months) + self.usd_per_mwh * HOURS_PER_MONTH * months / 1e6

    def words(self, months: int, peak_mw: float | None) -> str:
        rented = f" a month for {number(self.term_months)} months at a time" if self.term_months else ""
        price = f"{number(self.usd_per_kw)} USD/kW{rented}, {fixed(self.usd_per_mwh)} USD/MWh"
        musd = number(self.musd_per_mw(months) * peak_mw) if peak_mw else ""
        whole = f"; {musd} MUSD for {number(peak_mw)} MW, fuel apart" if peak_mw else ""
        return f"{self.option} {self.way} ({price}{whole}): {months} months sooner"


def bridge_words(case: Case, network: Network, peak_mw: float | None) -> str:
    """Sentences on plant of the catalog and a flexible line that would let the place open sooner; empty where none
    would.
    """
    waits = {a.name: 0 for a in network.activities if a.kind in GRID}
    host = next(x for x in case.scenario.hosts if x.id == network.host)
    if not waits or host.mode != "build":
        return ""
    context = Context.of(case.scenario, case.catalog)
    early, without = network.early_ends()[SERVICE], network.early_ends(waits)[SERVICE]
    saved = [
        ((early - max(b.live_t, without)) * case.calendar.step_months, b) for b in _bridges(context, host)
    ]
    sooner = sorted(
        ((months, b) for months, b in saved if months > 0), key=lambda x: (-x[0], x[1].cost(x[0]))
    )
    told = "; ".join(b.words(months, peak_mw) for months, b in sooner[:SHOWN])
    where = f"sites[{host.site}].power.options"
    site = context.site(host.site)
    offered = (
        "Beside the plant offered there,"
        if site.power and site.power.options
        else "Nothing that would carry it until then is offered there;"
    )
    plant = f"{offered} of the catalog, by months alone: {told} ({where})." if told else ""
    return f"{plant} {_line_words(context, network, host)}".strip()


def _line_words(context: Context, network: Network, host: Host) -> str:
    """A sentence on a flexible line that would be there sooner than the firm one; empty where none would."""
    site = context.site(host.site)
    offered = site.power.flexible if site.power else None
    line = offered or Flexible(max_mw=1.0)
    months = float(context.pick(line.lead_months, "connections", line.id, "lead_months"))
    live = context.calendar.step_of(line_wait(context, host, months)[2])
    firm = {a.name: 0 for a in network.activities if a.kind in GRID and a.item != line.id}
    ends = network.early_ends()
    sooner = (ends[SERVICE] - max(live, network.early_ends(firm)[SERVICE])) * context.calendar.step_months
    if sooner <= 0:
        return ""
    path = f"sites[{host.site}].power.flexible"
    size = f"The flexible line offered there, of {number(line.max_mw)} MW at most,"
    whose = size if offered else f"A flexible line, of the catalog's lead ({path}),"
    hours = stressed_hours(context) or context.pick(None, "connections", line.id, "curtailed_hours_per_year")
    return (
        f"{whose} would let it serve {sooner} months sooner. It carries nothing in {number(hours)} stressed hours a year: "
        "what machines draw then, paused ones too, takes plant or storage."
    )


def _bridges(context: Context, host: Host) -> list[Bridge]:
    """Plant of the catalog with all its figures, bound to no place, that the site does not offer."""
    site = context.site(host.site)
    offered = {option.id for option in site.power.options} if site.power else set()
    fuels, found = context.catalog.table(TABLE)["fuel"], []
    for name in fuels.index[~fuels.isin([*PLACED, STORED])]:
        option = PowerOption(id=str(name))
        if name in offered or list(faults(context, option)):
            continue
        running = figure(context, option, "variable_om_usd_per_mwh")
        burnt = figure(context, option, "heat_rate_mmbtu_per_mwh")
        usd = burnt * fuel_usd_per_mmbtu(context, site, option, str(fuels[name])) + (
            0.0 if isnan(running) else running
        )
        permit = steps(context, option, "permit_months")
        if "rent" in ways(context, option):
            rent, term = (
                figure(context, option, "rent_usd_per_kw_month"),
                figure(context, option, "term_months"),
            )
            live = permit + steps(context, option, "mobilisation_months")
            found.append(Bridge(str(name), "rented", live, rent, term, usd))
        if "buy" in ways(context, option):
            built = context.calendar.step_of(permit_from(context, host)) + steps(
                context, option, "construction_months"
            )
            live = max(permit + steps(context, option, "lead_months"), built)
            found.append(
                Bridge(str(name), "bought", live, figure(context, option, "capex_usd_per_kw"), 0.0, usd)
            )
    return found
