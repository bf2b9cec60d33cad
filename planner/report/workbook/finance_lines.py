"""Lines of the sheets of finance: what is spent and earned, debt, tax, and how cash runs down to owners.

The arithmetic of ``planner.finance.cascade`` and ``settle`` as formulas, for debt as it was signed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.case.loans import QUARTERS_PER_YEAR
from planner.case.periods import Calendar
from planner.finance.from_plan import PlanFinance
from planner.finance.kernel import Array
from planner.finance.ledger_flows import DEVELOPMENT, SOLD
from planner.finance.revenue import revenue
from planner.finance.settle import at_drawn_rates
from planner.finance.sources import EQUITY
from planner.finance.statements import spending_by
from planner.report.terms import statement_line, term
from planner.report.workbook.book import Book
from planner.report.workbook.finance_inputs import Place, units_of
from planner.report.workbook.flows import Timing
from planner.report.workbook.live import Line

M = "MUSD"


@dataclass(frozen=True)
class Lines:
    """Makes the lines of one plan's finance."""

    book: Book
    found: PlanFinance
    place: Place
    calendar: Calendar
    timing: Timing

    @property
    def n(self) -> int:
        return self.found.project.quarters

    @property
    def lines(self) -> dict[str, Array]:
        return self.found.settled.run.lines

    @property
    def index(self) -> np.ndarray:
        return np.arange(self.n)

    @property
    def operating(self) -> np.ndarray:
        return np.arange(self.n) >= self.found.project.operation_from

    def sum_of(self, what: str, times: str = "") -> str:
        """Sum over all sources of a line in dollars."""
        parts = [f"[{what}.{t.id}]*[fx.{t.id}]{times}" for t in self.found.settled.setup.tranches]
        return "+".join(parts) or "0"

    # ---- time

    def quarters(self, serial: list[int], rate: float) -> list[Line | str]:
        whole, q = self.book.whole, self.index
        per, before, steps = self.calendar.step_months, self.timing.before.span, self.timing.steps.span
        first, last = (self.calendar.periods_of((q * 3 + more) // per) for more in (0, 2))
        share = np.minimum(1.0, 3 / self.calendar.months[first])

        within = f"MIN(1,quarter_months/(INDEX({steps},[first]+1)*step_months))"

        def period(month: str) -> str:
            return f"MATCH(INT(({month})/step_months),{before},1)-1"

        project = self.found.project
        return [
            Line("Quarter", "q", "", "IF(ISNUMBER([q~]),[q~]+1,0)", q, False, form=whole),
            Line("Starts", "when", "date", "EDATE(project_start,[q]*quarter_months)", serial, False, form=self.book.day),
            Line("First period in it", "first", "", period("[q]*quarter_months"), first, False, form=whole),
            Line("Last period in it", "last", "", period("[q]*quarter_months+quarter_months-1"), last, False,
                 form=whole),
            Line("Share of these periods", "part", "share", within, share, False),
            Line("In operation", "on", "flag", "IF([q]>=operation_from,1,0)", self.operating, False, form=whole),
            Line("Last quarter", "end", "flag", "IF([q]=quarters-1,1,0)", q == self.n - 1, False, form=whole),
            Line("Price level", "level", "x", "(1+inflation)^(([q]+1)/year_quarters)", project.price_level, False,
                 form=self.book.exact),
            Line("Discount factor of real money", "factor", "x", "1/([level]*(1+discount_rate)^(([q]+1)/year_quarters))",
                 1 / (project.price_level * (1 + rate) ** ((q + 1) / QUARTERS_PER_YEAR)), False, form=self.book.exact),
        ]  # fmt: skip

    # ---- what is spent and earned

    def flows(self) -> list[Line | str]:
        led, project = self.book.spans["Ledger"], self.found.project
        bought = spending_by(project, "asset")

        def booked(line: str, more: str = "") -> str:
            here = f'{led["t"]},">="&[first],{led["t"]},"<="&[last]'
            return f'SUMIFS({led["musd"]},{led["finance_line"]},"{line}"{more},{here})*[part]*[level]'

        out: list[Line | str] = ["Assets bought"]
        for asset in bought:
            formula = booked("capex", f',{led["finance_asset"]},"{asset}"')
            if asset == DEVELOPMENT:
                formula += f"+(1-[on])*{booked('running')}"
            out.append(Line(term("asset_class", asset), f"buy.{asset}", M, formula, bought[asset]))
        out.append(Line("Assets bought", "capex", M, "+".join(f"[buy.{a}]" for a in bought) or "0",
                        self.found.settled.setup.capex, form=self.book.total))  # fmt: skip
        out += ["Running cost, and what is sold or left",
                Line(statement_line("opex"), "opex", M, f"[on]*{booked('running')}", project.opex_musd)]  # fmt: skip
        settled = f'[end]*-SUMIFS({led["musd"]},{led["finance_line"]},"settled")*[level]'
        if project.sales:
            sold = np.zeros(self.n)
            for sale in project.sales:
                sold[sale.quarter] += sale.musd
            early = np.cumsum(np.where(self.operating, 0.0, sold))
            so_far = "[sold_early~]+(1-[on])*[sold]"
            out += [Line("Plant sold", "sold", M, f"-{booked(SOLD)}", sold),
                    Line("Sold before operation, so far", "sold_early", M, so_far, early, False)]  # fmt: skip
            settled += "+[on]*[sold]+IF([q]=operation_from,[sold_early~],0)"
        out += [Line(statement_line("residual"), "residual", M, settled, project.received_musd), "Revenue"]
        for c in self.found.contracts:
            price, share = self.place(c.id, "price_usd"), self.place(c.id, "indexed_share")
            earned = np.where(self.operating, self.found.price_factor * revenue(c, project.price_level), 0.0)
            out.append(Line(f"Paid for under {c.id}", f"units.{c.id}", "million", "", units_of(c, self.n)))
            formula = f"[on]*[units.{c.id}]*{price}*price_factor*(1+{share}*([level]-1))"
            out.append(Line(f"Revenue of {c.id}", f"earned.{c.id}", M, formula, earned))
        every = "+".join(f"[earned.{c.id}]" for c in self.found.contracts) or "0"
        out.append(
            Line(statement_line("revenue"), "revenue", M, every, project.revenue_musd, form=self.book.total)
        )
        return [*out, *self.vat()]

    def vat(self) -> list[Line | str]:
        tax, project = self.found.project.tax, self.found.project
        paid = (tax.vat_on_capex * self.found.settled.setup.capex + tax.vat_on_opex * project.opex_musd
                - tax.vat_on_revenue * project.revenue_musd)  # fmt: skip
        back = "IF([q]>=vat_settled_after,INDEX([vat_due:],[q]-vat_settled_after+1),0)"
        ends = '[end]*SUMIFS([vat_due:],[q:],">"&(quarters-1-vat_settled_after))'
        due = "vat_on_capex*[capex]+vat_on_opex*[opex]-vat_on_revenue*[revenue]"
        net = f"IF(vat_settled_after=0,0,[vat_due]-{back}-{ends})"
        return [
            "VAT",
            Line("VAT on what falls due", "vat_due", M, due, paid),
            Line("VAT paid less settled", "vat", M, net, self.found.settled.setup.vat),
        ]  # fmt: skip

    # ---- debt

    def debt(self) -> list[Line | str]:
        out: list[Line | str] = []
        settled = self.found.settled
        repaid, booked = at_drawn_rates(settled.run.draws, settled.run.principal, settled.setup.exchange)
        for j, t in enumerate(settled.setup.tranches):
            run, place = settled.run, lambda column, name=t.id: self.place(name, column)
            before = np.concatenate([[0.0], run.balance[j][:-1]])
            drawn = np.concatenate([[0.0], np.cumsum(run.draws[j])[:-1]])
            interest = f"({place('base_rate')}+{place('margin')})/year_quarters*[owed.{t.id}]"
            open_ = f"IF(AND([q]>={place('opens')},[q]<{place('closes')}),1,0)"
            undrawn = f"MAX(0,{place('committed_m')}-[drawn.{t.id}])*{open_}"
            fees = (f"({place('commitment')}*{undrawn}+{place('guarantee')}*[owed.{t.id}])/year_quarters"
                    f"+{place('gross_up')}*[interest.{t.id}]")  # fmt: skip
            m = "million"
            out += [
                t.id,
                Line("Dollars for one unit", f"fx.{t.id}", "x", "", settled.setup.exchange[j], False),
                Line("Drawn, as signed", f"draw.{t.id}", m, "", run.draws[j]),
                Line("Repaid, as signed", f"principal.{t.id}", m, "", run.principal[j]),
                Line("Drawn before", f"drawn.{t.id}", m, f"[drawn.{t.id}~]+[draw.{t.id}~]", drawn, False),
                Line("Balance: opening", f"owed.{t.id}", m, f"[balance.{t.id}~]", before, False),
                Line("Balance: closing", f"balance.{t.id}", m, f"[owed.{t.id}]+[draw.{t.id}]-[principal.{t.id}]",
                     run.balance[j], False),
                Line("Share of the balance repaid", f"repaid.{t.id}", "share",
                     f"IF([owed.{t.id}]>owed_musd,[principal.{t.id}]/[owed.{t.id}],0)", repaid[j], False),
                Line("Debt at the rates it was drawn at", f"booked.{t.id}", M,
                     f"(1-[repaid.{t.id}])*[booked.{t.id}~]+[draw.{t.id}]*[fx.{t.id}]", booked[j], False),
                Line("Interest", f"interest.{t.id}", m, interest, run.interest[j]),
                Line("Fees", f"fees.{t.id}", m, fees, run.fees[j]),
            ]  # fmt: skip
        return out

    # ---- sources and uses

    def funding(self) -> list[Line | str]:
        settled, lines = self.found.settled, self.lines
        tranches = settled.setup.tranches
        opening = [
            f"IF([q]={self.place(t.id, 'opens')},1,0)*{self.place(t.id, 'upfront')}"
            f"*{self.place(t.id, 'committed_m')}*[fx.{t.id}]"
            for t in tranches
        ]
        costs = "+".join([*opening, f"(1-[on])*({self.sum_of('interest')}+{self.sum_of('fees')})"])
        premium = (
            "+".join(f"{self.place(t.id, 'premium')}*[draw.{t.id}]*[fx.{t.id}]" for t in tranches) or "0"
        )
        reserve = "IF([q]=operation_from-1,[target],0)"
        uses = {
            "capex_used": ("capex", "[capex]", settled.setup.capex),
            "finance_costs": ("finance_costs", costs, lines["finance_costs"]),
            "premium": ("premium", premium, lines["premium"]),
            "vat_paid": ("vat_paid", "(1-[on])*MAX(0,[vat])", lines["vat_paid"]),
            "reserve_funded": ("reserve_funded", reserve, lines["reserve_funded"]),
            "cash_added": ("cash_added", "MAX(0,-[short])", lines["cash_added"]),
        }
        needs = "[capex]+[finance_costs]+[premium]+[vat_paid]+[reserve_funded]"
        paid = "+".join(f"[source.{t.id}]" for t in tranches) or "0"
        draws = {t.id: settled.run.draws[j] * settled.setup.exchange[j] for j, t in enumerate(tranches)}
        short = sum(
            (lines[x] for x in ("finance_costs", "premium", "vat_paid", "reserve_funded")),
            settled.setup.capex,
        )
        short = short - sum(draws.values(), np.zeros(self.n)) - lines["vat_refunded"]
        every = short + sum(draws.values(), np.zeros(self.n)) + lines["vat_refunded"] + lines["cash_added"]
        out: list[Line | str] = ["Uses"]
        out += [Line(statement_line(name), key, M, f, v) for key, (name, f, v) in uses.items()]
        out.append(Line("All uses", "uses", M, "+".join(f"[{k}]" for k in uses), every, form=self.book.total))
        out.append("Sources")
        out += [Line(statement_line(f"{t.kind}:{t.id}"), f"source.{t.id}", M, f"[draw.{t.id}]*[fx.{t.id}]", draws[t.id])
                for t in tranches]  # fmt: skip
        used = lines["cash_used"] + lines["refresh_used"]
        out += [
            Line(
                statement_line("vat_refunded"),
                "vat_refunded",
                M,
                "(1-[on])*MAX(0,-[vat])",
                lines["vat_refunded"],
            ),
            Line("Uses that no source has paid", "short", M, f"{needs}-({paid})-[vat_refunded]", short),
            Line(
                statement_line("cash_used"),
                "held_used",
                M,
                "MIN(MAX(0,[short]),IF([on]=1,[refresh~]+0,[cash~]+0))",
                used,
            ),
            Line(statement_line("equity"), "equity", M, "MAX(0,[short])-[held_used]", lines["equity"]),
        ]
        out += [Line(statement_line(f"{EQUITY}:{t.id}"), f"owner.{t.id}", M, f"{self.place(t.id, 'share')}*[equity]",
                     t.share * lines["equity"]) for t in self.found.project.sources if t.kind == EQUITY]  # fmt: skip
        whole = f"{paid}+[vat_refunded]+[held_used]+[equity]-[uses]"
        out.append(Line("Sources less uses", "open", M, whole, np.zeros(self.n)))
        return out
