"""What depends on itself: commitments, fees, instalments, tax and reserves, repeated until they agree.

Fees are a share of a commitment that pays them, sculpted instalments follow a cash flow after tax, tax follows
interest. Each pass moves the rest by a small share of what it moved before, so that a few dozen settle all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.case.loans import QUARTERS_PER_YEAR, planned
from planner.case.periods import quarter_name
from planner.finance import repayment
from planner.finance.cascade import OWED_MUSD, Given, Pass, Setup, run_quarters
from planner.finance.coverage import reserve_target
from planner.finance.faults import Fault, FinanceError, raise_all
from planner.finance.kernel import Array
from planner.finance.project import FINANCING, ROUNDING, Project, faults
from planner.finance.sources import MONTHS_PER_QUARTER, Tranche, paid_by, repayment_window
from planner.finance.tax import depreciated, tax_with_losses

PASSES = 300
SETTLED = 1e-11  # of the largest amount


@dataclass(frozen=True)
class Settled:
    """A pass that agrees with what it was given."""

    setup: Setup
    given: Given
    run: Pass
    caps: dict[str, str]
    """source -> the cap that binds: share, amount or cover; plan where it chose what to draw"""
    room: dict[str, Array]
    """source -> debt service that the cash flow leaves to a sculpted loan over its instalments; empty for others"""
    depreciation: Array
    written_off: Array
    """book value of what is sold, and in the last quarter of what is left"""
    book_value: Array
    income: Array
    """before tax"""
    losses: Array
    """carried forward"""
    exchange_gain: Array
    """as the rate moves"""
    taxed_gain: Array
    """the same as debt is repaid"""


def settle(project: Project) -> Settled:
    """Solve a project's finance.

    Raises FinanceError: every fault of ``project.faults``; spending that is financed more than once; a cash flow
    that leaves nothing for sculpted debt; terms that never settle.
    """
    raise_all(faults(project))
    setup = Setup.of(project)
    given = _first(setup)
    for _ in range(PASSES):
        run = run_quarters(setup, given)
        found, after = _consequences(setup, given, run)
        change = np.abs(after.values() - given.values()).max()
        given = after
        if change <= SETTLED * max(1.0, np.abs(given.values()).max()):
            _judge(found)
            return found
    raise FinanceError.single(
        "sources", "commitments, instalments and tax do not settle: the debt may be too dear"
    )


def _first(setup: Setup) -> Given:
    count, n = setup.payable.shape
    return Given(setup.payable.sum(axis=1), np.ones(count), np.zeros((count, n)), np.zeros(n), np.zeros(n))


def _consequences(setup: Setup, given: Given, run: Pass) -> tuple[Settled, Given]:
    """What a pass leaves, and what the next is given."""
    project, lines = setup.project, run.lines
    count, n = setup.payable.shape
    service = lines["interest"] + lines["fees"] + lines["principal"]
    target = reserve_target(service, project.covenants.dsra_months / MONTHS_PER_QUARTER)
    target[: project.operation_from - 1] = 0.0

    depreciation, written_off, book = _assets(project, lines)
    balance_before = np.hstack([np.zeros((count, 1)), run.balance[:, :-1]])
    balance_before[[not t.is_debt for t in setup.tranches]] = 0.0  # grants are not owed
    moved = np.diff(setup.exchange, axis=1, prepend=setup.exchange[:, :1])
    gain = -(balance_before * moved).sum(axis=0)
    realised = _realised(setup, run)
    disposal = project.received_musd - written_off
    operating = np.arange(n) >= project.operation_from
    running = (
        project.revenue_musd - project.opex_musd - lines["interest"] - lines["fees"] + lines["cash_interest"]
    )
    income = np.where(operating, running, 0.0) - depreciation + gain + disposal
    last = project.tax.losses_last_years
    expiry = None if last is None else round(last * QUARTERS_PER_YEAR)
    # an exchange gain is taxed as debt is repaid; what comes of it before operation, with the first income
    by_law = income - gain + realised
    taxable = np.where(operating, by_law, 0.0)
    taxable[project.operation_from] += by_law[~operating].sum()
    tax, losses = tax_with_losses(taxable, project.tax.rate, expiry, project.tax.losses_usable)

    commitment, scale, instalments = given.commitment.copy(), given.scale.copy(), given.instalments.copy()
    caps, left = {}, {}
    before = np.zeros(n)
    for j in _order(setup):
        tranche = setup.tranches[j]
        room = left[tranche.id] = _room(setup, tranche, lines["cfads"], before)
        caps[tranche.id], commitment[j], scale[j] = _size(setup, run, j, room)
        instalments[j] = _instalments(setup, tranche, commitment[j], room, setup.exchange[j])
        before += (run.interest[j] + run.fees[j] + instalments[j]) * setup.exchange[j]
    after = Given(commitment, scale, instalments, tax, target)
    return Settled(
        setup, given, run, caps, left, depreciation, written_off, book, income, losses, gain, realised
    ), after


def at_drawn_rates(draws: Array, principal: Array, exchange: Array) -> tuple[Array, Array]:
    """Of debts, by quarter: share of the opening balance repaid, and the closing balance at the rates of its draws."""
    share, booked = np.zeros(draws.shape), np.zeros(draws.shape)
    owed, before = np.zeros(len(draws)), np.zeros(len(draws))
    for q in range(draws.shape[1]):
        share[:, q] = np.divide(principal[:, q], owed, out=np.zeros(len(draws)), where=owed > OWED_MUSD)
        booked[:, q] = (1.0 - share[:, q]) * before + draws[:, q] * exchange[:, q]
        owed, before = owed - principal[:, q] + draws[:, q], booked[:, q]
    return share, booked


def _realised(setup: Setup, run: Pass) -> Array:
    """Exchange gain by quarter, MUSD: what is repaid at the rates it was drawn at, less at the quarter's own."""
    share, booked = at_drawn_rates(run.draws, run.principal, setup.exchange)
    before = np.hstack([np.zeros((len(booked), 1)), booked[:, :-1]])
    gain: Array = (share * before - run.principal * setup.exchange).sum(axis=0)
    return gain


def _order(setup: Setup) -> list[int]:
    """Sources whose instalments follow a plan before those that follow the cash flow; else as listed."""
    sculpted = [t.repayment is not None and t.repayment.dscr is not None for t in setup.tranches]
    return sorted(range(len(sculpted)), key=lambda j: (sculpted[j], j))


def sold_books(project: Project) -> tuple[Array, Array]:
    """Of what is sold: depreciation that ends with the sale, and the book value then written off; by quarter."""
    ended, written_off = np.zeros(project.quarters), np.zeros(project.quarters)
    for sale in project.sales:
        q = project.settled_in(sale)
        life = project.life_years[sale.asset] * QUARTERS_PER_YEAR
        worn = depreciated(sale.bought, life, project.operation_from)
        ended[q:] += worn[q:]
        written_off[q] += sale.bought.sum() - worn[:q].sum()
    return ended, written_off


def _assets(project: Project, lines: dict[str, Array]) -> tuple[Array, Array, Array]:
    """Depreciation of each quarter, book value written off in it and left at its end; costs of finance are an asset."""
    outlays: dict[str, Array] = {FINANCING: lines["finance_costs"] + lines["premium"]}
    for spend in project.spending:
        outlays[spend.asset] = outlays.get(spend.asset, np.zeros(project.quarters)) + spend.musd
    lives = {asset: project.life_years[asset] * QUARTERS_PER_YEAR for asset in outlays}
    depreciation = np.sum(
        [depreciated(x, lives[a], project.operation_from) for a, x in outlays.items()], axis=0
    )
    ended, written_off = sold_books(project)
    depreciation = depreciation - ended
    book = np.cumsum(np.sum(list(outlays.values()), axis=0) - depreciation - written_off)
    written_off[-1] += book[-1]
    book[-1] = 0.0
    return depreciation, written_off, book


def _room(setup: Setup, tranche: Tranche, cfads: Array, before: Array) -> Array:
    """Debt service that the cash flow leaves to a sculpted loan over its instalments, MUSD."""
    if tranche.repayment is None or tranche.repayment.dscr is None:
        return np.zeros(0)
    first, after = repayment_window(tranche, setup.project.start, setup.project.operation_from)
    return cfads[first:after] / tranche.repayment.dscr - before[first:after]


def _size(setup: Setup, run: Pass, j: int, room: Array) -> tuple[str, float, float]:
    """Binding cap, commitment and scale of a source, in its currency."""
    tranche = setup.tranches[j]
    if tranche.draws is not None:
        return "as signed", float(tranche.draws.sum()), 1.0
    full = float(run.full[j].sum())
    caps = {"share" if tranche.chosen is None else "plan": full}
    if tranche.amount is not None:
        caps["amount"] = tranche.amount
    if len(room):
        first, after = repayment_window(tranche, setup.project.start, setup.project.operation_from)
        rates = np.full(after - first, tranche.cost_per_quarter)
        caps["cover"] = repayment.sculpted_debt(room / setup.exchange[j, first:after], rates, 1.0)
    cap, debt = repayment.least_cap(caps)
    return cap, debt, debt / full if full else 0.0


def _instalments(setup: Setup, tranche: Tranche, debt: float, room: Array, exchange: Array) -> Array:
    """Principal due by quarter, in the loan's currency."""
    due = np.zeros(setup.project.quarters)
    terms = tranche.repayment
    if terms is None or debt == 0:
        return due
    first, after = repayment_window(tranche, setup.project.start, setup.project.operation_from)
    count = after - first
    if terms.profile == "sculpted":
        rates = np.full(count, tranche.cost_per_quarter)
        service = repayment.sculpted(debt, room / exchange[first:after], rates)
        due[first:after] = repayment.principal_of_service(debt, rates, service)
    elif terms.profile == "agreed":
        due[first:after] = debt * np.asarray(terms.instalments)
    else:
        due[first:after] = planned(terms.profile, debt, tranche.rate_per_quarter, count, terms.balloon)
    return due


def _judge(found: Settled) -> None:
    """Refuse what settles and means nothing."""
    raise_all([*_financed_twice(found), *_uncovered(found)])


def _financed_twice(found: Settled) -> list[Fault]:
    setup, wrong = found.setup, []
    spending = setup.project.spending
    paid = [paid_by(t, spending, *opens) for t, opens in zip(setup.tranches, setup.opens, strict=True)]
    for i, spend in enumerate(spending):
        total = sum(
            (
                found.given.scale[j] * lines[i]
                for j, lines in enumerate(paid)
                if setup.tranches[j].draws is None
            ),
            np.zeros(len(spend.musd)),
        )
        bought = np.asarray(spend.musd) > 0
        over = float((total[bought] / spend.musd[bought]).max(initial=0.0))
        if over > 1.0 + ROUNDING:
            names = ", ".join(t.id for t, lines in zip(setup.tranches, paid, strict=True) if lines[i].any())
            wrong.append(Fault("sources", f"{names} pay {100 * over:.4g} % of {spend.asset}: above 100 %"))
    return wrong


def _uncovered(found: Settled) -> list[Fault]:
    """Debt that no cash flow carries. Debt as signed is judged by its cover: owners make good what cash does not pay."""
    setup, cfads, wrong = found.setup, found.run.lines["cfads"], []
    for tranche, debt in zip(setup.tranches, found.given.commitment, strict=True):
        if tranche.repayment is None or tranche.repayment.profile == "agreed":
            continue
        first, after = repayment_window(tranche, setup.project.start, setup.project.operation_from)
        path, short = f"sources.{tranche.id}.repayment", [q for q in range(first, after) if cfads[q] < 0]
        if short:
            lowest = cfads[short].min()
            since = quarter_name(short[0], setup.project.start)
            wrong.append(Fault(path, f"negative cash flow for debt service, {lowest:.4g} MUSD, from {since}"))
        elif (found.room[tranche.id] < -ROUNDING).any():
            lowest, at = (
                found.room[tranche.id].min(),
                first + int(np.argmax(found.room[tranche.id] < -ROUNDING)),
            )
            since = quarter_name(at, setup.project.start)
            wrong.append(
                Fault(
                    f"{path}.dscr",
                    f"the debt before it leaves a negative cash flow at this cover, {lowest:.4g} MUSD, from {since}",
                )
            )
        elif found.caps[tranche.id] == "cover" and not debt:
            wrong.append(Fault(f"{path}.dscr", "the cash flow carries no debt at this cover"))
    return wrong
