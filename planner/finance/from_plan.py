"""The finance of a plan: its ledger, the scenario's section ``finance`` and the catalog's defaults, as one project.

    found = finance_of(scenario, tables)
    found.statements.ratios, found.defaults, key_figures(found.statements)

What cannot be financed raises FinanceError with paths of the scenario, all at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.finance import (
    HOME_CURRENCY,
    Default,
    Presets,
    exchange_rate,
    inflation_of,
    lives_of,
    payer_of_hosts,
)
from planner.case.periods import Calendar, add_months, quarter_name, quarter_of
from planner.finance.contracts import contracts_of, earned_by, unpaid_before
from planner.finance.faults import Fault, FinanceError, raise_all
from planner.finance.kernel import Array
from planner.finance.ledger_flows import PlanFlows, Quarters, borne, flows_of
from planner.finance.project import FINANCING, Covenants, Project, TaxTerms, faults
from planner.finance.revenue import Contract
from planner.finance.settle import Settled, settle
from planner.finance.sources import (
    EQUITY,
    GRANT,
    MONTHS_PER_QUARTER,
)  # fmt: skip
from planner.finance.statements import Statements, statements_of
from planner.finance.targets import EQUITY_IRR, MIN_DSCR, revenue_factor
from planner.finance.tranches import Notes, Tranches, text
from planner.scenario.finance import Finance
from planner.scenario.schema import Scenario

PERCENT = 100.0
UNFINANCED = "unfinanced"
PLACES = {
    "repayment.": "", "fees.upfront": "upfront_fee_share", "fees.commitment": "commitment_fee_per_year",
    "fees.guarantee": "guarantee_fee_per_year", "fees.premium": "premium_share", "fees.withholding": "withholding_share",
    "available_from": "from", "eligibility": "assets", "amount": "amount_m", "export": "financed_share",
}  # fmt: skip
"""Field of a tranche -> field of a source, where they differ."""


@dataclass(frozen=True)
class PlanFinance:
    """A plan's project with its statements, what was filled in, and the factor on prices that meets the target."""

    project: Project
    contracts: tuple[Contract, ...]
    defaults: tuple[Default, ...]
    price_factor: float
    payers: pd.DataFrame
    """ledger with the payers of finance: t, kind, payer, musd"""
    left_out: tuple[Fault, ...] = ()
    """what the scenario states of dates and the statements have no place for"""

    @cached_property
    def settled(self) -> Settled:
        return settle(self.project)

    @cached_property
    def statements(self) -> Statements:
        return statements_of(self.settled)


def finance_of(scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> PlanFinance:
    """The finance of a plan from its tables (ledger, fleet, serving).

    Raises FinanceError: what cannot be financed, each with its path in the scenario; BadValue for a plan that never
    serves.
    """
    return _Reader(scenario, tables).read()


class _Reader:
    """Reads a project off a plan and notes every value it fills in."""

    def __init__(self, scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> None:
        self.scenario, self.tables, self.catalog = scenario, tables, scenario.catalog
        self.terms: Finance = scenario.finance
        self.notes = Notes()
        self.calendar = Calendar.of(scenario.horizon, scenario.existing)
        self.quarters = Quarters(self.calendar, self.inflation())

    def read(self) -> PlanFinance:
        payers = payer_of_hosts(self.scenario.hosts, self.terms.payers, self.catalog)
        ledger = borne(self.tables["ledger"], payers)
        context = Context.of(self.scenario, self.catalog)
        where = {site.id: context.site_country(site) for site in self.scenario.sites}
        flows = flows_of(
            ledger, self.quarters, self.operation_from(), where, self.scenario.country, self.catalog
        )  # fmt: skip
        contracts = contracts_of(self.terms.revenue, self.tables, self.quarters)
        earned = earned_by(contracts, flows.price_level, flows.operation_from)
        lives = self.lives(flows)
        self.note_lives(lives)
        self.note_starts(flows.operation_from)
        live = self.live_from(flows.operation_from)
        tranches = Tranches(self.scenario, self.quarters, flows, live, lives, self.notes)
        project = Project(
            start=flows.start, operation_from=flows.operation_from, live_from=live, spending=flows.spending,
            revenue_musd=earned, opex_musd=flows.opex_musd, sources=tranches.all(), life_years=lives,
            residual_musd=flows.residual_musd, sales=flows.sales, tax=self.tax(), covenants=self.covenants(),
            exchange=self.exchange(), inflation=self.quarters.inflation,
        )  # fmt: skip
        factor = 1.0
        try:
            raise_all([*tranches.idle_grants(), *faults(project)])  # whatever the price
            factor = self.factor(project)
            project = replace(project, revenue_musd=factor * project.revenue_musd)
            left_out = tuple(self.left_out(contracts, flows.operation_from))
            found = PlanFinance(project, contracts, tuple(self.notes.found), factor, ledger, left_out)
            _ = found.statements  # what only the flows show is refused here, with paths of the scenario
        except FinanceError as error:
            raise placed_in(self.scenario, error) from error
        return found

    # ---- time and prices

    def inflation(self) -> float:
        found = inflation_of(self.terms, self.catalog)
        if self.terms.inflation_per_year is None:
            row = self.catalog.table("parameters").loc["inflation_per_year"]
            self.notes.add("inflation_per_year", found, str(row["description"]), assumed=bool(row["assumed"]))
        return found

    def operation_from(self) -> int:
        """First quarter in which what is bought serves; where nothing is, first quarter of service."""
        if self.terms.operation_from is not None:
            return max(1, quarter_of(self.terms.operation_from, self.calendar.start))
        first, own = self.first_served
        if first is None:
            raise FinanceError.single(
                "finance.operation_from", "the plan serves nothing: there is nothing to finance"
            )
        quarter = min(max(1, first), self.quarters.count - 1)
        day = add_months(self.calendar.start, MONTHS_PER_QUARTER * quarter)
        self.notes.add("operation_from", day.isoformat(), "first quarter in which what is bought serves" if own
                  else "first quarter of service: nothing is bought")  # fmt: skip
        return quarter

    def note_starts(self, operation_from: int) -> None:
        """A contract without a first day pays from the start of operation."""
        day = add_months(self.calendar.start, MONTHS_PER_QUARTER * operation_from).isoformat()
        for one in self.terms.revenue:
            if one.from_ is None:
                self.notes.add(f"revenue[{one.id}].from", day, "pays from the start of operation")

    def left_out(self, contracts: Sequence[Contract], operation_from: int) -> Iterator[Fault]:
        """Dates before operation can begin, and what contracts would have paid before it."""
        start, stated = self.calendar.start, self.terms.operation_from
        if stated is not None and quarter_of(stated, start) < operation_from:
            first = quarter_name(operation_from, start)
            message = f"read as {first}: operation begins a quarter after the plan does at the earliest"
            yield Fault("finance.operation_from", message)
        yield from unpaid_before(self.terms.revenue, contracts, self.quarters, operation_from)

    @cached_property
    def first_served(self) -> tuple[int | None, bool]:
        """First quarter of service, and whether by what is bought: that comes first; None where nothing serves."""
        serving, fleet = self.tables["serving"], self.tables["fleet"]
        work = serving[serving["accelerators"] > 0]
        owned = fleet[fleet["owned"] > 0][["h", "t"]].drop_duplicates()
        own = work.merge(owned, on=["h", "t"])
        rows = own if len(own) else work
        return self.quarters.of_period(int(rows["t"].min())) if len(rows) else None, bool(len(own))

    def live_from(self, operation_from: int) -> int:
        """From when lives count: when what is bought first serves, operation at the latest."""
        first, own = self.first_served
        return min(first, operation_from) if first is not None and own else operation_from

    def exchange(self) -> dict[str, Array]:
        wanted = {s.currency for s in self.terms.sources if s.currency} | {self.terms.currency.shown}
        days = [
            add_months(self.calendar.start, MONTHS_PER_QUARTER * (q + 1)) for q in range(self.quarters.count)
        ]
        paths = {p.currency for p in self.terms.currency.paths}
        for name in sorted(wanted - paths - {HOME_CURRENCY}):
            row = self.catalog.table("exchange_rates").loc[name]
            self.notes.add(f"currency.paths[{name}]", float(row["usd_per_unit"]), "dollars for one unit, constant",
                      str(row["source_url"]), str(row["source_date"]), bool(row["assumed"]))  # fmt: skip
        return {
            name: np.array([exchange_rate(self.terms, name, day, self.catalog) for day in days])
            for name in sorted(wanted)
        }

    def factor(self, project: Project) -> float:
        if self.terms.target_dscr is not None:
            return revenue_factor(project, MIN_DSCR, self.terms.target_dscr)
        if self.terms.target_equity_irr is not None:
            return revenue_factor(project, EQUITY_IRR, self.terms.target_equity_irr)
        return 1.0

    # ---- rules

    def lives(self, flows: PlanFlows) -> dict[str, float]:
        """Years of straight-line depreciation by asset class."""
        every = lives_of(self.terms.life_years, self.catalog)
        return {name: every[name] for name in {FINANCING, *(x.asset for x in flows.spending)}}

    def note_lives(self, lives: Mapping[str, float]) -> None:
        for name in sorted(set(lives) - set(self.terms.life_years)):
            row = self.catalog.table("asset_classes").loc[name]
            self.notes.add(f"life_years.{name}", lives[name], "straight-line depreciation",
                      text(row["source_url"]), text(row["source_date"]), bool(row["assumed"]))  # fmt: skip

    def tax(self) -> TaxTerms:
        given, row = self.terms.tax, self.catalog.table("countries").loc[self.scenario.country]
        rate = given.rate
        if rate is None:
            rate = 0.0 if pd.isna(row["corporate_tax_pct"]) else float(row["corporate_tax_pct"]) / PERCENT
            source = next((p[5:] for p in text(row["source_url"]).split(" ; ") if p.startswith("tax: ")), "")
            self.notes.add(
                "tax.rate",
                rate,
                f"corporate tax of {self.scenario.country}",
                source,
                text(row["source_date"]),
            )
        vat = {
            "vat_on_capex": given.vat_on_capex,
            "vat_on_opex": given.vat_on_opex,
            "vat_on_revenue": given.vat_on_revenue,
        }
        for name in [n for n, v in vat.items() if v is None]:
            self.notes.add(f"tax.{name}", 0.0, "refunded or not charged", assumed=True)
        if given.losses_last_years is None:
            self.notes.add("tax.losses_last_years", "for ever", "losses are carried forward", assumed=True)
        return TaxTerms(
            rate=rate, losses_last_years=given.losses_last_years, losses_usable=given.losses_usable_share,
            vat_settled_after=given.vat_settled_after_quarters, **{n: v or 0.0 for n, v in vat.items()},
        )  # fmt: skip

    def covenants(self) -> Covenants:
        given, presets = self.terms.covenants, Presets(self.catalog)
        indebted = any(source.kind not in (GRANT, EQUITY) for source in self.terms.sources)
        found = {}
        for name, term in (("dsra_months", "project-finance-dsra"), ("lock_up_dscr", "project-finance-lock-up-dscr"),
                           ("default_dscr", "project-finance-default-dscr")):  # fmt: skip
            found[name] = getattr(given, name)
            if found[name] is None:
                value, row = presets.term(term)
                found[name] = value if indebted else 0.0
                if indebted:
                    self.notes.add(f"covenants.{name}", value, f"{row['instrument']}, {row['parameter']}",
                              text(row["source_url"]), text(row["source_date"]), bool(row["assumed"]))  # fmt: skip
        return Covenants(
            refresh_months=given.refresh_months or 0.0,
            interest_on_cash=given.interest_on_cash_per_year or 0.0,
            **found,
        )


def placed_in(scenario: Scenario, error: FinanceError) -> FinanceError:
    """The same faults with paths of a scenario."""
    grants = {grant.id for grant in scenario.finance.grants}
    return FinanceError(Fault(in_scenario(f.path, grants), f.message) for f in error.faults)


def in_scenario(path: str, grants: Collection[str] = ()) -> str:
    """Path of a fault as a scenario would write it.

    >>> in_scenario("sources.bank.repayment.tenor_years")
    'finance.sources[bank].tenor_years'
    >>> in_scenario("sources.bank.repayment")
    'finance.sources[bank]'
    >>> in_scenario("sources.bank.fees.upfront"), in_scenario("sources"), in_scenario("min_dscr")
    ('finance.sources[bank].upfront_fee_share', 'finance.sources', 'finance.target_dscr')
    >>> in_scenario("sources.eu.available_from", ["eu"])  # a grant is a tranche too
    'finance.grants[eu]'
    """
    if path.startswith("finance."):
        return path
    parts = path.split(".", 2)
    if parts[0] == "sources" and len(parts) > 1 and parts[1] in grants:
        return f"finance.grants[{parts[1]}]"
    if parts[0] in ("sources", "revenue") and len(parts) > 1:
        field = parts[2] if len(parts) > 2 else ""
        for theirs, ours in PLACES.items():
            field = field.replace(theirs, ours)
        field = "" if field == "repayment" else field
        return f"finance.{parts[0]}[{parts[1]}]" + (f".{field}" if field else "")
    return f"finance.{ {MIN_DSCR: 'target_dscr', EQUITY_IRR: 'target_equity_irr'}.get(path, path) }".replace(
        " ", ""
    )
