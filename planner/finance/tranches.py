"""The sources of a scenario as tranches of a plan: filled in, dated, with tenor and premium where none are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from planner.case.draws import fees_of, least_tenor, optional_sources
from planner.case.finance import HOME_CURRENCY, Default, country_premium, filled, risk_class_of
from planner.case.loans import QUARTERS_PER_YEAR
from planner.case.periods import add_months, quarter_name, quarter_of
from planner.finance.faults import Fault
from planner.finance.ledger_flows import PlanFlows, Quarters
from planner.finance.project import ROUNDING, asset_ends
from planner.finance.sources import (
    EQUITY,
    EXPORT_CREDIT,
    GRANT,
    MONTHS_PER_QUARTER,
    Eligibility,
    ExportTerms,
    Repayment,
    Tranche,
    window,
)
from planner.scenario.finance import Source
from planner.scenario.schema import Scenario


@dataclass
class Notes:
    """Every value that was filled in, in the order in which it was."""

    found: list[Default] = field(default_factory=list)

    def add(
        self, path: str, value: object, why: str, source: str = "", when: str = "", assumed: bool = False
    ) -> None:
        """Notes a value; ``path`` within the section ``finance``."""
        self.found.append(Default(f"finance.{path}", value, why, source, when, assumed))


def text(value: object) -> str:
    """A cell of the catalog as text; empty where it is blank."""
    return value if isinstance(value, str) else ""


class Tranches:
    """Reads the sources of a scenario for the flows of one plan."""

    def __init__(
        self,
        scenario: Scenario,
        quarters: Quarters,
        flows: PlanFlows,
        live_from: int,
        lives: Mapping[str, float],
        notes: Notes,
    ) -> None:
        self.scenario, self.catalog, self.quarters = scenario, scenario.catalog, quarters
        self.flows, self.live_from, self.lives, self.notes = flows, live_from, lives, notes

    def all(self) -> tuple[Tranche, ...]:
        made = []
        for source in self.scenario.finance.sources:
            complete, listing = filled(source, self.catalog)
            self.notes.found += listing
            made.append(self.chosen(complete) if source.optional else self.tranche(complete))
        made += self.grants()
        if not any(t.kind == EQUITY for t in made):
            made += self.equity()
        return tuple(made)

    def equity(self) -> list[Tranche]:
        """Where no equity is named each payer puts in what the rest leaves, in its share of capital cost."""
        capital: dict[str, float] = {}
        for spend in self.flows.spending:
            capital[spend.payer] = capital.get(spend.payer, 0.0) + float(spend.musd.sum())
        total = sum(capital.values())
        shares = {payer: musd / total for payer, musd in capital.items()} if total else {"state": 1.0}
        for payer, share in shares.items():
            self.notes.add(f"sources[{payer}].share", share, "equity of who bears the cost, by capital cost")
        return [Tranche(id=payer, kind=EQUITY, share=share) for payer, share in shares.items()]

    def grants(self) -> list[Tranche]:
        """Grants of the plan, drawn with capital from their day on; ``flows`` holds them in nominal money."""
        made = []
        for grant in self.scenario.finance.grants:
            q = quarter_of(grant.date, self.quarters.calendar.start)
            if grant.payer == "partner" and 0 <= q < self.quarters.count:
                last_day = self.quarters.calendar.end - timedelta(days=1)
                until = None if q < self.flows.operation_from else last_day
                made.append(
                    Tranche(id=grant.id, kind=GRANT, amount=grant.musd * float(self.flows.price_level[q]),
                            available_from=grant.date, available_until=until,
                            eligibility=Eligibility(costs_of_finance=False))
                )  # fmt: skip
        return made

    def idle_grants(self) -> Iterator[Fault]:
        """Grants that find less capital to pay for, from their day on, than they are: nobody would pay the rest."""
        for grant in self.grants():
            first, after = window(grant, self.flows.start, self.flows.operation_from)
            payable = sum(float(spend.musd[first:after].sum()) for spend in self.flows.spending)
            if grant.amount is not None and grant.amount > payable + ROUNDING:
                since = quarter_name(first, self.flows.start)
                last = quarter_name(after - 1, self.flows.start)
                capital = f"the {payable:.4g} of capital from {since} to {last}"
                message = f"{grant.amount:.4g} MUSD is more than {capital}, all that it may pay for"
                yield Fault(f"finance.grants[{grant.id}].musd", message)

    def chosen(self, s: Source) -> Tranche:
        """A source of which the plan chose the draws: as they stand in its ledger, repaid as the model has it."""
        source = next(o for o in optional_sources(self.scenario, self.catalog) if o.id == s.id)
        made = self.unpriced(source.terms, source.fees.premium)
        if source.tenor_cap and made.is_debt:
            self.capped(s, source.terms.tenor_years or 0.0, source.tenor_cap)
        if s.premium_share is None and made.kind == EXPORT_CREDIT:
            drawing = (source.closes - source.opens) / QUARTERS_PER_YEAR
            self.premium(s, source.terms.tenor_years or 0.0, drawing)
        start = self.quarters.calendar.start
        drawn = self.flows.chosen.get(s.id, {})
        made = replace(
            made, chosen={key: (1.0 - source.fees.premium) * musd for key, musd in drawn.items()},
            available_from=add_months(start, MONTHS_PER_QUARTER * source.opens),
            available_until=add_months(start, MONTHS_PER_QUARTER * source.closes) - timedelta(days=1),
        )  # fmt: skip
        if not made.is_debt:
            return made
        due = np.flatnonzero(source.instalments)
        first, after = int(due[0]), int(due[-1]) + 1
        repayment = Repayment(
            tenor_years=after / QUARTERS_PER_YEAR, profile="agreed", grace_years=first / QUARTERS_PER_YEAR,
            instalments=tuple(source.instalments[first:after].tolist()),
        )  # fmt: skip
        return replace(made, repayment=repayment)

    def unpriced(self, s: Source, premium: float) -> Tranche:
        """A tranche without its repayment, at a premium."""
        eligibility = Eligibility(
            assets=tuple(s.assets or ()), payers=tuple(s.payers or ()), countries=tuple(s.countries or ()),
            content_from=tuple(s.content_from or ()), least_content=s.least_content_share or 0.0,
            costs_of_finance=bool(s.costs_of_finance),
        )  # fmt: skip
        export = ExportTerms(
            financed_share=s.financed_share or 0.0, full_content_share=s.full_content_share,
            local_assets=tuple(s.local_assets or ()), local_cost_cap=s.local_cost_share or 0.0,
            longest_tenor_years=s.longest_tenor_years, authority_ends=s.authority_ends,
        ) if s.kind == EXPORT_CREDIT else None  # fmt: skip
        return Tranche(
            id=s.id, kind=str(s.kind), share=s.share or 0.0, amount=s.amount_m, currency=s.currency or HOME_CURRENCY,
            base_rate=s.base_rate_per_year or 0.0, margin=s.margin_per_year or 0.0, available_from=s.from_,
            available_until=s.until, eligibility=eligibility, fees=fees_of(s, premium), export=export,
            guaranteed_share=s.guaranteed_share or 0.0,
        )  # fmt: skip

    def tranche(self, s: Source) -> Tranche:
        made = self.unpriced(s, s.premium_share or 0.0)
        if not made.is_debt:
            return made
        opens, after = window(made, self.flows.start, self.flows.operation_from)
        tenor = s.tenor_years if s.tenor_years is not None else self.longest_tenor(s, made, after)
        fees = made.fees
        if s.premium_share is None and made.export is not None:
            fees = replace(fees, premium=self.premium(s, tenor, (after - opens) / QUARTERS_PER_YEAR))
        repayment = Repayment(
            tenor_years=tenor, profile=str(s.profile), grace_years=s.grace_years or 0.0, balloon=s.balloon_share or 0.0,
            dscr=s.dscr, sweep=s.sweep_share or 0.0,
        )  # fmt: skip
        return replace(made, fees=fees, repayment=repayment)

    def longest_tenor(self, s: Source, made: Tranche, after: int) -> float:
        """Where none is stated: the least of the agency's rule, the horizon, and the life of all that is financed."""
        ends = asset_ends(made, self.flows.spending, self.live_from, self.lives)
        caps = {"what is left of the horizon": (self.quarters.count - after) / QUARTERS_PER_YEAR}
        for name, last in sorted(ends, key=lambda end: -end[1]):
            caps[f"the useful life of {name}"] = (last - after) / QUARTERS_PER_YEAR
        if s.longest_tenor_years is not None:
            caps["the longest that is given"] = s.longest_tenor_years
        tenor, why = least_tenor(caps)
        self.capped(s, tenor, why)
        return tenor

    def capped(self, s: Source, tenor: float, why: str) -> None:
        self.notes.add(f"sources[{s.id}].tenor_years", tenor, f"the least of its caps: {why}")

    def premium(self, s: Source, tenor: float, drawing_years: float) -> float:
        risk = risk_class_of(self.scenario.country, self.catalog)
        found = country_premium(risk, tenor + drawing_years / 2.0, self.catalog)
        row = self.catalog.table("minimum_premiums").loc[risk]
        why = f"minimum premium of country risk class {risk}, {tenor:g} years"
        self.notes.add(f"sources[{s.id}].premium_share", found, why,
                  text(row["source_url"]), text(row["source_date"]), bool(row["assumed"]))  # fmt: skip
        return found
