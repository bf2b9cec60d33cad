"""Lines of the sheets Tax and Waterfall: what wears off, what is taxed, and how cash runs down to owners."""

from __future__ import annotations

import numpy as np

from planner.case.loans import QUARTERS_PER_YEAR
from planner.finance.cascade import OWED_MUSD
from planner.finance.kernel import Array
from planner.finance.project import FINANCING
from planner.finance.settle import sold_books
from planner.finance.statements import spending_by
from planner.finance.tax import depreciated
from planner.report.terms import statement_line, term
from planner.report.workbook.finance_lines import Lines, M
from planner.report.workbook.live import Line


def tax_lines(x: Lines) -> list[Line | str]:
    settled, project = x.found.settled, x.found.project
    begins = np.maximum(x.index + 1, project.operation_from)
    outlays = {a: v.to_numpy(float) for a, v in spending_by(project, "asset").items()}
    outlays[FINANCING] = x.lines["finance_costs"] + x.lines["premium"]
    spans = {a: f"[buy.{a}:]" for a in outlays} | {FINANCING: "([finance_costs:]+[premium:])"}
    out: list[Line | str] = [
        "Depreciation",
        Line(
            "Begins for what is bought now",
            "begins",
            "",
            "MAX([q]+1,operation_from)",
            begins,
            False,
            form=x.book.whole,
        ),
    ]
    for asset, values in outlays.items():
        life = x.place(f"life of {asset}", "quarters")
        now, then = (f"([q]-[begins:]+{k})" for k in (1, 0))
        clip = [f"(({age}>0)*({age}<{life})*{age}+({age}>={life})*{life})" for age in (now, then)]
        worn = depreciated(values, project.life_years[asset] * QUARTERS_PER_YEAR, project.operation_from)
        words = f"Depreciation: {term('asset_class', asset)}"
        out.append(
            Line(
                words,
                f"worn.{asset}",
                M,
                f"SUMPRODUCT({spans[asset]}*({clip[0]}-{clip[1]}))/{life}",
                worn,
            )
        )
    every = "+".join(f"[worn.{a}]" for a in outlays)
    cost = np.sum(list(outlays.values()), axis=0)
    ended, off = sold_books(project)
    book = np.cumsum(cost - settled.depreciation - off)
    gain = (
        "+".join(f"-[owed.{t.id}]*([fx.{t.id}]-[fx.{t.id}~])" for t in settled.setup.tranches if t.is_debt)
        or "0"
    )
    sold = project.received_musd - settled.written_off
    running = "[on]*([revenue]-[opex]-[interest]-[fees]+[cash_interest])"
    by_law = settled.income - settled.exchange_gain + settled.taxed_gain
    early = np.cumsum(np.where(x.operating, 0.0, by_law))
    taxable = np.where(x.operating, by_law, 0.0)
    taxable[project.operation_from] += by_law[~x.operating].sum()
    repaid = "+".join(
        f"[repaid.{t.id}]*[booked.{t.id}~]-[principal.{t.id}]*[fx.{t.id}]"
        for t in settled.setup.tranches
        if t.is_debt
    )
    used = "MIN([losses~]+0,losses_usable*MAX(0,[taxable]))"
    live = project.tax.losses_last_years is None
    tax = f"tax_rate*(MAX(0,[taxable])-{used})" if live else ""
    worth, gone = "[book~]+[capex]+[finance_costs]+[premium]-[depreciation]", "[residual]-[end]*[book]"
    if project.sales:
        every, worth, gone = f"{every}-[ended]", f"{worth}-[written_off]", f"{gone}-[written_off]"
        out += [Line("Depreciation of what is sold, ended, as settled", "ended", M, "", ended),
                Line("Book value of what is sold, as settled", "written_off", M, "", off)]  # fmt: skip
    out += [
        Line("Depreciation", "depreciation", M, every, settled.depreciation, form=x.book.total),
        Line("Book value before the sale", "book", M, worth, book, False),
        "Income and tax",
        Line(statement_line("exchange_gain"), "gain", M, gain, settled.exchange_gain),
        Line(statement_line("disposal_gain"), "disposal", M, gone, sold),
        Line(statement_line("before_tax"), "income", M, f"{running}-[depreciation]+[gain]+[disposal]", settled.income),
        Line("Exchange gain on what is repaid", "taxed_gain", M, repaid or "0", settled.taxed_gain),
        Line("Income under the law of tax", "by_law", M, "[income]-[gain]+[taxed_gain]", by_law),
        Line("Before operation, so far", "early", M, "[early~]+(1-[on])*[by_law]", early, False),
        Line("Income that is taxed", "taxable", M, "IF([q]=operation_from,[early~],0)+[on]*[by_law]", taxable),
    ]  # fmt: skip
    if live:
        out.append(
            Line(
                statement_line("losses_carried"),
                "losses",
                M,
                f"[losses~]+MAX(0,-[taxable])-{used}",
                settled.losses,
                False,
            )
        )
    words = statement_line("tax") if live else f"{statement_line('tax')}, as settled: losses lapse"
    out.append(Line(words, "tax", M, tax, settled.given.tax))
    return out


def _lagged(words: str, key: str, formula: str, values: list[Array]) -> list[Line]:
    """A line, the same a quarter, two and three before, and their sum: the last four quarters."""
    made = [Line(words, f"{key}.0", M, formula, values[0], False)]
    for k, before in enumerate(values[1:]):
        made.append(Line(f"{words}: lag {k + 1}", f"{key}.{k + 1}", M, f"[{key}.{k}~]", before, False))
    every = "+".join(f"[{line.key}]" for line in made)
    total = np.sum(values, axis=0)
    return [*made, Line(f"{words}: four quarters", f"{key}.sum", M, every, total, False)]


def cash_lines(x: Lines) -> list[Line | str]:
    settled, lines, project = x.found.settled, x.lines, x.found.project
    on, service = x.operating, lines["interest"] + lines["fees"] + lines["principal"]
    held = lines["dsra"] + lines["refresh"] + lines["cash"]
    before = np.concatenate([[0.0], held[:-1]])
    cash = np.where(
        on,
        lines["cfads"]
        - service
        + lines["cash_interest"]
        + lines["residual"]
        + before
        - lines["refresh_used"]
        + lines["cash_added"],
        0.0,
    )
    is_debt = [t.is_debt for t in settled.setup.tranches]
    debts = [t.id for t in settled.setup.tranches if t.is_debt]
    usd = (settled.run.balance * settled.setup.exchange)[np.array(is_debt, dtype=bool)].sum(axis=0)
    left = np.where(on, np.maximum(0.0, cash) - lines["dsra"] - lines["refresh"] - lines["swept"], 0.0)
    trailing = np.where(np.isfinite(lines["trailing_dscr"]) & on, lines["trailing_dscr"], np.nan)
    due = np.where(service > OWED_MUSD, 1.0, 0.0)
    covered = [
        np.concatenate([np.zeros(k), (due * lines["cfads"])[: x.n - k]]) for k in range(QUARTERS_PER_YEAR)
    ]
    asked = [np.concatenate([np.zeros(k), (due * service)[: x.n - k]]) for k in range(QUARTERS_PER_YEAR)]
    locked = (
        on
        & (usd > OWED_MUSD)
        & (x.index < x.n - 1)
        & (np.nan_to_num(trailing, nan=np.inf) < project.covenants.lock_up_dscr)
    )
    target = settled.given.dsra_target
    ahead = "([q:]-[q])"
    months = "dsra_months/quarter_months"
    weight = f"({ahead}>0)*(({months}-{ahead}>=0)*1+({months}-{ahead}<0)*({months}-{ahead}>-1)*({months}-{ahead}+1))"
    return [
        "Cash flow available for debt service",
        Line(statement_line("cfads"), "cfads", M, "[on]*([revenue]-[opex]-[tax]-[vat])", lines["cfads"],
             form=x.book.total),
        "Debt service",
        Line(statement_line("interest"), "interest", M, f"[on]*({x.sum_of('interest')})", lines["interest"]),
        Line(statement_line("fees"), "fees", M, f"[on]*({x.sum_of('fees')})", lines["fees"]),
        Line(statement_line("principal"), "principal", M, f"[on]*({x.sum_of('principal')}-[swept])",
             lines["principal"]),
        Line("Debt service", "service", M, "[interest]+[fees]+[principal]", service, form=x.book.total),
        "Reserves and owners",
        Line("Reserve asked for", "target", M, f"IF([q]>=operation_from-1,SUMPRODUCT({weight}*[service:]),0)",
             target, False),
        Line("Reserve for later spending asked for, as settled", "refresh_target", M, "",
             settled.setup.refresh_target, False),
        Line(statement_line("swept") + ", as settled", "swept", M, "", lines["swept"]),
        Line(statement_line("cash_interest"), "cash_interest", M,
             "[on]*interest_on_cash/year_quarters*([dsra~]+[refresh~]+[cash~])", lines["cash_interest"]),
        Line("Cash after debt service", "after", M,
             "[on]*([cfads]-[service]+[cash_interest]+[residual]+[dsra~]+[refresh~]+[cash~]-[held_used]+[cash_added])",
             cash),
        Line(statement_line("support"), "support", M, "[on]*MAX(0,-[after])", lines["support"]),
        Line("Debt service reserve", "dsra", M, "IF([on]=1,MIN([target],MAX(0,[after])),[reserve_funded])",
             lines["dsra"], False),
        Line("Reserve for later spending", "refresh", M,
             "[on]*(1-[end])*MIN([refresh_target],MAX(0,[after])-[dsra])", lines["refresh"], False),
        Line("Left for owners", "left", M, "[on]*(MAX(0,[after])-[dsra]-[refresh]-[swept])", left),
        *_lagged("Cash flow with debt service", "covered", "IF([service]>owed_musd,[cfads],0)", covered),
        *_lagged("Debt service that counts", "asked", "IF([service]>owed_musd,[service],0)", asked),
        Line("Cover of four quarters", "trailing", "x", 'IF([asked.sum]>0,[covered.sum]/[asked.sum],"")',
             trailing, False),
        Line("Debt", "debt", M, "+".join(f"[balance.{t}]*[fx.{t}]" for t in debts) or "0", usd, False),
        Line("Distributions locked", "locked", "flag",
             'IF([trailing]="",0,IF(AND([debt]>owed_musd,[end]=0,[trailing]<lock_up_dscr),1,0))', locked, False,
             form=x.book.whole),
        Line("Cash", "cash", M, "IF([on]=1,[locked]*[left],[cash~]-[held_used]+[cash_added])", lines["cash"], False),
        Line(statement_line("distributed"), "distributed", M, "[on]*(1-[locked])*[left]", lines["distributed"]),
    ]  # fmt: skip
