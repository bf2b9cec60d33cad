"""Sources whose draws the plan chooses: what it draws, what that is worth by hand, and what it must not live off."""

from __future__ import annotations

import doctest
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.audit import audit
from planner.case import draws, loans
from planner.case.build import build_case
from planner.case.draws import MOST_GIVEN, content_share
from planner.finance.from_plan import finance_of
from planner.finance.tables import tables_of
from planner.models import finance
from planner.models.build import build_model
from planner.planning.pipeline import solve
from planner.report.terms import heading, readable
from planner.scenario.finance import Finance

pytestmark = pytest.mark.untraced

RATE = 0.08
LOAN: dict[str, Any] = {
    "id": "bank", "optional": True, "kind": "loan", "assets": ["servers"], "share": 0.85, "until": "2027-12-31",
    "tenor_years": 2, "profile": "equal-principal", "base_rate_per_year": 0.02, "margin_per_year": 0,
}  # fmt: skip
AGENCY = {
    **LOAN,
    "id": "agency",
    "kind": "export-credit",
    "share": 1,
    "financed_share": 0.85,
    "premium_share": 0.0,
}
GRANT: dict[str, Any] = {
    "id": "eu", "optional": True, "kind": "grant", "assets": ["plant"], "share": 0.3, "kept_years": 0,
}  # fmt: skip
ASKED = {"residual": "straight-line", "inflation_per_year": 0}
SYSTEM = "hgx-b300"


class Answer:
    """The optimum of the tiny scenario with some sources: its cost and its ledger."""

    def __init__(self, best: Any) -> None:
        self.case, self.cost = best.case, best.objective
        entries = best.entries
        amounts = {f: best.values(f).to_dict() for f in entries["family"].unique() if f != "constant"}
        each = [1.0 if f == "constant" else amounts[f][i]
                for f, i in zip(entries["family"], entries["index"], strict=True)]  # fmt: skip
        self.ledger = entries.assign(musd=entries["musd"] * each)

    def drawn(self, source: str = "bank", by: str = "t") -> pd.Series:
        """Real MUSD drawn of a source."""
        rows = self.ledger[self.ledger["account"].isin(["draw", "grant-drawn"])]
        sums = -rows[rows["supplier"] == source].groupby(by)["musd"].sum()
        return sums[sums.abs() > 1e-9]

    def bought(self, asset: str = "servers") -> pd.Series:
        rows = self.ledger[(self.ledger["kind"] == "capex") & (self.ledger["asset_class"] == asset)]
        sums = rows.groupby("t")["musd"].sum()
        return sums[sums.abs() > 1e-9]

    def worth(self, *kinds: str) -> float:
        """Present value of what is booked on kinds."""
        rows = self.ledger[self.ledger["kind"].isin(kinds)]
        return sum(
            musd * (pv(t) if t < 12 else (1 + RATE) ** -3.0)
            for t, musd in zip(rows["t"], rows["musd"], strict=True)
        )


def pv(t: float) -> float:
    """Present value of 1 paid in the middle of quarter ``t``."""
    return float((1 + RATE) ** -((t + 0.5) / 4))


@pytest.fixture(scope="module")
def case(tiny: Any, plain_catalog: Any) -> Any:
    """case(sources, finance) -> the tiny case with other money: no table of a case rests on it."""
    plain = build_case(tiny(finance=ASKED), plain_catalog())

    def make(sources: list[dict[str, Any]], base: Any = plain, **finance: Any) -> Any:
        terms = Finance.model_validate({**ASKED, **finance, "sources": sources})
        return replace(base, scenario=base.scenario.model_copy(update={"finance": terms}))

    return make


@pytest.fixture(scope="module")
def best(case: Any, optimise: Any) -> Any:
    def make(*sources: dict[str, Any], **more: Any) -> Answer:
        return Answer(optimise(case(list(sources), **more)))

    return make


@pytest.fixture(scope="module")
def free(best: Any) -> Answer:
    answer: Answer = best()
    return answer


def test_doctests() -> None:
    assert doctest.testmod(loans).failed == 0
    assert doctest.testmod(draws).failed == 0


@pytest.mark.parametrize(("rate", "part"), [(0.0777, 0.85), (0.0778, 0.0)])
def test_a_loan_is_drawn_to_its_share_where_it_is_cheaper_than_the_discount_rate(
    best: Any, free: Answer, rate: float, part: float
) -> None:
    """Interest is paid by the quarter: 8 % a year are 4 (1.08^(1/4) - 1) = 7.77 %."""
    answer = best({**LOAN, "base_rate_per_year": rate})
    bought = answer.bought()
    assert answer.drawn().reindex(bought.index, fill_value=0.0).to_numpy() == pytest.approx(
        part * bought.to_numpy()
    )
    assert (answer.cost < free.cost - 1e-6) == bool(part)


def test_what_a_loan_is_worth_by_hand(best: Any, free: Answer) -> None:
    """Equal principal over the eight quarters after 2027, interest of 2 % / 4 on what is owed; nothing else changes."""
    answer, want = best(LOAN), 0.0
    for t, musd in answer.drawn().items():
        interest = sum(0.005 * pv(q) for q in range(t + 1, 4)) + sum(
            0.005 * (8 - i) / 8 * pv(4 + i) for i in range(8)
        )
        want += musd * (interest + sum(pv(q) / 8 for q in range(4, 12)) - pv(t))
    assert answer.worth("finance") == pytest.approx(want) and want < 0
    assert answer.cost == pytest.approx(free.cost + want)


@pytest.mark.parametrize("countries", [["USA"], ["USA", "TWN", "KOR", "MEX", "CHN"]])
def test_an_export_credit_covers_the_lesser_of_85_percent_and_content(
    best: Any, countries: list[str]
) -> None:
    answer = best({**AGENCY, "content_from": countries})
    case = answer.case
    made = content_share(case.catalog, case.hardware, "goods", "champion", SYSTEM, "KOR", countries)
    share = answer.drawn("agency").sum() / answer.bought().sum()
    assert share == pytest.approx(min(0.85, made)) and (made > 0.85) == (len(countries) > 1)


def test_full_content_covers_the_whole_share_and_local_cost_a_part_of_it(best: Any) -> None:
    full = {"content_from": ["USA"], "full_content_share": 0.51}
    local = {"assets": ["servers", "halls"], "local_assets": ["halls"], "local_cost_share": 0.2}
    answer = best({**AGENCY, **full, **local})
    goods, halls = answer.bought(), answer.bought("halls")
    paid = answer.drawn("agency", "asset_class")
    assert paid["servers"] == pytest.approx(0.85 * goods.sum())
    assert paid["halls"] == pytest.approx(np.minimum(halls, 0.2 * goods).sum())


def test_two_sources_together_pay_at_most_all_of_a_thing(best: Any) -> None:
    """The cheaper of two is drawn to its share, the other pays what is left; a source drawn in full leaves its share."""
    answer = best(LOAN, {**LOAN, "id": "dearer", "base_rate_per_year": 0.03})
    assert answer.drawn().sum() == pytest.approx(0.85 * answer.bought().sum())
    assert answer.drawn("dearer").sum() == pytest.approx(0.15 * answer.bought().sum())
    answer = best(LOAN, {"id": "given", "kind": "loan", "assets": ["servers"], "share": 0.4})
    assert answer.drawn().sum() == pytest.approx(0.6 * answer.bought().sum())


@pytest.mark.parametrize(
    ("change", "assets"),
    [
        ({"assets": None}, {"servers", "halls", "grid", "backup", "site"}),
        ({"payers": ["state"]}, set()),  # the champion pays for its host
        ({"countries": ["KAZ"]}, set()),
        ({"least_content_share": 0.99, "content_from": ["USA"]}, set()),
        (
            {"tenor_years": 10, "profile": "level"},
            {"servers"},
        ),  # owed until the horizon's end, within five years of life
        ({"from": "2027-10-01"}, {"servers"}),
    ],
)
def test_who_may_be_paid_for_and_when(case: Any, change: dict[str, Any], assets: set[str]) -> None:
    found = possible(case, change)
    assert assets == {x for _, _, x, _, _ in found}
    first = 3 if "from" in change else 0
    assert all(first <= t < 4 for *_, t in found)


def possible(case: Any, change: dict[str, Any], **finance: Any) -> list[tuple[Any, ...]]:
    """Every draw that the model has of a source."""
    model = build_model(case([{**LOAN, **change}], **finance))[0]
    return list(model.DRAW) if hasattr(model, "DRAW") else []


def test_what_lives_shorter_than_the_debt_is_not_lent_against(case: Any) -> None:
    """Two years of life from the period after the payment: to the end of 2029 for the last quarter of 2027 alone."""
    short = {"life_years": {"servers": 2}}
    assert {t for *_, t in possible(case, {"tenor_years": 2}, **short)} == {3}
    assert {t for *_, t in possible(case, {"tenor_years": 1}, **short)} == {0, 1, 2, 3}


def test_an_amount_counts_in_nominal_money_of_its_currency(best: Any) -> None:
    points = [{"at": "2027-01-01", "usd_per_unit": 0.0008}]
    finance = {"inflation_per_year": 0.04, "currency": {"paths": [{"currency": "KRW", "points": points}]}}
    answer = best({**LOAN, "amount_m": 10000, "currency": "KRW"}, **finance)
    assert sum(musd * 1.04 ** ((t + 1) / 4) for t, musd in answer.drawn().items()) == pytest.approx(8.0)


def test_a_grant_pays_at_most_99_percent_of_what_a_thing_costs_over_the_horizon(
    best: Any, free: Answer
) -> None:
    """Price less what is left of it, in present values: nothing is bought for the sake of a grant."""
    answer = best({**GRANT, "share": None, "assets": ["halls"], "amount_m": 1000})
    hall = answer.bought("halls")
    left = hall.sum() * (1 - 2 / 20) * (1 + RATE) ** -3.0
    given = -answer.worth("grant")
    assert given == pytest.approx(0.99 * (sum(musd * pv(t) for t, musd in hall.items()) - left))
    assert answer.cost == pytest.approx(free.cost - given)


def test_a_grant_is_at_most_its_amount_and_the_capital_from_its_day_on(best: Any, free: Answer) -> None:
    grant = {**GRANT, "share": None, "assets": ["servers"], "amount_m": 5}
    assert best(grant).drawn("eu").sum() == pytest.approx(5)
    late = best({**grant, "amount_m": 1000, "from": "2027-10-01"})
    assert set(late.drawn("eu").index) == {3}
    assert late.drawn("eu").sum() <= late.bought()[3] + 1e-6
    assert not len(best({**grant, "from": "2028-04-01"}).drawn("eu"))


@pytest.mark.parametrize(("kept_years", "of_five"), [(None, 1.0), (2.5, 2.0), (0, np.inf)])
def test_a_grant_pays_for_the_part_of_its_years_that_the_horizon_leaves(
    best: Any, kept_years: float | None, of_five: float
) -> None:
    """Of 40 % for five years a quarter paid in the first of three years gives 3/5, one paid at their end next to nothing."""
    answer = best({**GRANT, "share": 0.4, "assets": ["servers"], "amount_m": 1000, "kept_years": kept_years})
    bought = answer.bought()
    part = np.minimum(1.0, of_five * (12 - bought.index.to_numpy()) / 20)
    assert answer.drawn("eu").to_numpy() == pytest.approx(0.4 * part * bought.to_numpy())
    assert len(bought) > 1 and (part < 1).any() == (kept_years != 0)


def test_a_long_cheap_loan_is_worth_nothing_more_for_ending_after_the_horizon(best: Any) -> None:
    """What is still owed on the horizon's end is repaid then: of a tenor only what lies within it counts."""
    halls = {**LOAN, "assets": ["halls"], "grace_years": 1.75}
    costs = [best({**halls, "tenor_years": years}).cost for years in (2, 19)]
    assert costs[1] == pytest.approx(costs[0], abs=1e-9)
    assert costs[0] < best({**halls, "tenor_years": 1, "grace_years": 0.75}).cost - 1e-3


@pytest.mark.parametrize("more", [{}, {"until": "2029-09-30", "tenor_years": 10}])
def test_nothing_is_bought_to_be_lent_against(best: Any, free: Answer, more: dict[str, Any]) -> None:
    """At no interest at all, every asset open to it to the end: the plan buys what it bought before."""
    answer = best({**LOAN, "assets": None, "share": 1, "base_rate_per_year": 0, **more})
    for asset in ("servers", "halls", "grid", "backup", "site"):
        assert answer.bought(asset).sum() == pytest.approx(free.bought(asset).sum())


def test_a_grant_and_a_free_loan_on_one_thing_give_no_more_than_99_percent_of_it(
    best: Any, free: Answer
) -> None:
    grant = {**GRANT, "share": None, "assets": None, "amount_m": 1000}
    answer = best(grant, {**LOAN, "assets": None, "share": 1, "base_rate_per_year": 0})
    used = ("servers", "halls", "grid", "backup", "site")
    assert [answer.bought(a).sum() for a in used] == pytest.approx([free.bought(a).sum() for a in used])
    net = answer.worth("capex", "residual", "grant", "finance")
    assert net == pytest.approx(0.01 * answer.worth("capex", "residual"))


def test_what_nobody_needs_is_not_free_by_a_grant(case: Any, optimise: Any) -> None:
    """Ten megawatts more of the grid than the load needs: a hundredth of what they cost stays with the buyer."""
    grant = {**GRANT, "share": None, "assets": ["grid"], "amount_m": 1000}
    needed = optimise(case([grant]))
    (line,) = needed.used("connect")
    mw = needed.used("connect")[line]
    more = optimise(case([grant]), bounds={("connect", line): (mw + 10, mw + 10)})
    entries = more.entries[(more.entries["index"] == line) & more.entries["kind"].isin(["capex", "residual"])]
    each = sum(
        x * (pv(t) if t < 12 else (1 + RATE) ** -3.0)
        for t, x in zip(entries["t"], entries["musd"], strict=True)
    )
    assert more.objective - needed.objective == pytest.approx(0.01 * 10 * each, rel=1e-6)


ENGINE, WIND = "gas-engine-dc-2026", "wind-onshore-2026"


@pytest.fixture(scope="module")
def bridged(tiny: Any, plain_catalog: Any) -> Any:
    """bridged(sources, wind_too) -> the tiny case without a line: engines that nobody buys used; wind that hardly blows."""
    engine = {
        "id": ENGINE,
        "capex_usd_per_kw": 3000,
        "unit_mw": 0,
        "lead_months": 6,
        "permit_months": 3,
        "resale_pct": 0,
    }
    wind = {"id": WIND, "capex_usd_per_kw": 1500, "unit_mw": 0, "lead_months": 6, "permit_months": 3, "max_mw": 5,
            "capacity_factor_pct": 1}  # fmt: skip

    def make(*sources: dict[str, Any], wind_too: bool = True) -> Any:
        power = {"options": [engine, *([wind] if wind_too else [])]}
        finance = {**ASKED, "residual": "market", "sources": list(sources)}
        return build_case(
            tiny(finance=finance, sites={"grid_lead_months": 60, "power": power}), plain_catalog()
        )

    return make


@pytest.mark.parametrize(
    "sources", [[GRANT], [{**GRANT, "share": 0.8}], [{**GRANT, "amount_m": 1}, {**GRANT, "id": "un"}]]
)
def test_nothing_is_bought_for_what_sources_cannot_give_for_something_else(
    bridged: Any, optimise: Any, sources: list[dict[str, Any]]
) -> None:
    """Of an engine 30 % are given of the 99 % it costs; wind keeps nine tenths of its price, is given none of the rest."""
    answer = optimise(bridged(*sources))
    assert {g for _, g, _ in answer.used("plant")} == {ENGINE}
    assert answer.objective == pytest.approx(optimise(bridged(*sources, wind_too=False)).objective)


def test_the_audit_finds_what_was_bought_to_be_given_money(bridged: Any, monkeypatch: Any) -> None:
    assert (clean := solve(bridged(GRANT)).plan) is not None and not len(audit(clean))
    monkeypatch.setattr(finance, "_some_of", lambda names: iter(()))
    plan = solve(bridged(GRANT)).plan
    assert plan is not None and WIND in set(plan.tables["plants"]["g"])
    assert set(audit(plan)["rule"]) == {"draw-gain"}


def test_the_audit_takes_an_order_whose_price_is_booked_in_parts_as_one_purchase(
    tiny: Any, plain_catalog: Any
) -> None:
    """Freight is worth nothing used, goods are: a grant of 80 % of the price gives 99 % of what both cost together."""
    grant = {**GRANT, "share": 0.8, "assets": ["servers"], "amount_m": 1000}
    finance = {**ASKED, "residual": "market", "sources": [grant]}
    plan = solve(build_case(tiny(finance=finance), plain_catalog()), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    ledger = plan.tables["ledger"]
    servers = ledger[ledger["asset_class"] == "servers"]
    worth = servers["musd"] * [pv(t) if t < 12 else (1 + RATE) ** -3.0 for t in servers["t"]]
    given = -worth[servers["kind"] == "grant"].sum()
    cost = worth[servers["kind"].isin(["capex", "residual"])].sum()
    assert given == pytest.approx(MOST_GIVEN * cost)


def test_no_engine_is_bought_for_one_quarter_to_be_paid_by_a_grant(
    tiny: Any, plain_catalog: Any, optimise: Any
) -> None:
    """An engine loses half its price the day it is bought: a grant of 60 % that asks for no years of service pays for that.

    Service begins in the horizon's last quarter, and the engine, set up at once, saves some power and a set of backup.
    """
    at_once = plain_catalog({("power_options", ENGINE, "construction_months"): 0})
    engine = {"id": ENGINE, "capex_usd_per_kw": 1500, "unit_mw": 0, "lead_months": 3, "permit_months": 0,
              "resale_pct": 50, "fuel_usd_per_mmbtu": 10}  # fmt: skip

    def bought(*sources: dict[str, Any]) -> dict[Any, float]:
        finance = {**ASKED, "residual": "market", "sources": list(sources)}
        site, work = {"power": {"options": [engine]}}, {"must_serve_by": "2029-10-01"}
        found: dict[Any, float] = optimise(
            build_case(tiny(finance=finance, sites=site, demand=work), at_once)
        ).used("plant")
        return found

    grant = {**GRANT, "share": 0.6, "amount_m": 1000}
    assert {t for *_, t in bought(grant)} == {11}
    assert not bought({**grant, "kept_years": None}) and not bought()


def test_the_audit_finds_what_a_grant_would_take_back(
    tiny: Any, plain_catalog: Any, monkeypatch: Any
) -> None:
    grant = {**GRANT, "share": 0.4, "assets": ["servers"], "amount_m": 1000, "kept_years": 5}
    case = build_case(tiny(finance={**ASKED, "sources": [grant]}), plain_catalog())
    assert (clean := solve(case, quality="quick").plan) is not None and not len(audit(clean))
    monkeypatch.setattr(draws.OptionalSource, "share_of_price", lambda self, *_: self.terms.share)
    assert (plan := solve(case, quality="quick").plan) is not None
    assert set(audit(plan)["rule"]) == {"draw-share", "draw-gain"}


@pytest.mark.parametrize("how", ["class", "system"])
def test_a_grant_pays_for_the_years_that_a_life_leaves_of_those_that_it_asks_for(
    tiny: Any, plain_catalog: Any, how: str
) -> None:
    """Of three years that must be served a life of one and a half leaves the half, however long the horizon goes on."""
    grant = {**GRANT, "share": 0.4, "assets": ["servers"], "amount_m": 1000, "kept_years": 3}
    short = {("systems", SYSTEM, "economic_life_years"): 1.5} if how == "system" else {}
    finance_ = {**ASKED, "sources": [grant], **({"life_years": {"servers": 1.5}} if how == "class" else {})}
    case = build_case(tiny(finance=finance_), plain_catalog(short))
    plan = solve(case, quality="quick").plan
    assert plan is not None and not len(audit(plan))
    ledger = plan.tables["ledger"].query("asset_class == 'servers'").groupby(["kind", "t"])["musd"].sum()
    paid, given = ledger["capex"], -ledger["grant"]
    most = [0.4 * min(1.5, (12 - t) / 4) / 3 for t in given.index]
    assert (given <= most * paid[given.index] + 1e-9).all() and given.max() > 0
    assert max(given / paid[given.index]) == pytest.approx(0.2, rel=1e-6)


def test_a_grant_pays_in_a_long_period_the_mean_of_what_it_pays_in_its_quarters(
    tiny: Any, plain_catalog: Any
) -> None:
    """What is bought for a year falls due in all its quarters; the last of three years leaves 4 to 1 of 20 quarters."""
    grant = {**GRANT, "share": 0.4, "assets": ["servers"], "amount_m": 1000, "kept_years": 5}
    quarters, years = (
        build_case(
            tiny(
                finance={**ASKED, "sources": [grant]}, horizon={"start": "2027-01-01", "years": 3, "step": s}
            ),
            plain_catalog(),
        )
        for s in ("quarter", [{"step": "quarter", "years": 1}, {"step": "year"}])
    )
    (fine,), (long,) = (draws.optional_sources(case.scenario, case.catalog) for case in (quarters, years))
    assert long.share_of_price(0, 9.0) == fine.share_of_price(0, 9.0) == pytest.approx(0.4 * 12 / 20)
    assert long.share_of_price(5, 9.0) == pytest.approx(0.4 * np.mean([4, 3, 2, 1]) / 20)
    plan = solve(years, quality="quick").plan
    assert plan is not None and not len(audit(plan))


def test_choices_of_many_sources_do_not_double_with_each() -> None:
    assert len(list(finance._some_of("abcd"))) == 15
    few = list(finance._some_of("abcdefghij"))
    assert len(few) == 10 + 45 + 1 and few[-1] == tuple("abcdefghij")


@pytest.mark.slow
def test_the_content_that_a_lender_counts_decides_between_two_systems(
    best: Any, tiny: Any, plain_catalog: Any
) -> None:
    """At the price at which both cost the same, less or more content in one moves the choice."""
    other, lender = "hgx-b200", {**AGENCY, "content_from": ["USA"], "base_rate_per_year": 0.0}

    def sold(chips_share: float, *prices: tuple[str, float]) -> Any:
        systems = [
            {"id": k, "price_usd": usd, "delivery_months": 6, "available_from": "2026-01-01"}
            for k, usd in prices
        ]
        catalog = plain_catalog({("systems", SYSTEM, "chips_share"): chips_share})
        return build_case(tiny(finance=ASKED, systems=systems), catalog)

    one = best(base=sold(0.5, (SYSTEM, 400000))).cost
    low, high = (best(base=sold(0.5, (other, usd))).cost for usd in (3e5, 4e5))
    even = 3e5 + 1e5 * (one - low) / (high - low)

    def choices(chips_share: float, dearer: float) -> list[set[str]]:
        """What is bought without the lender, and with it."""
        both = sold(chips_share, (SYSTEM, 400000), (other, dearer * even))
        ledgers = [best(*sources, base=both).ledger for sources in ((), (lender,))]
        rows = [one[(one["kind"] == "capex") & (one["asset_class"] == "servers")] for one in ledgers]
        return [set(part.loc[part["musd"].abs() > 1e-6, "k"]) for part in rows]

    assert choices(0.05, 1.002) == [{SYSTEM}, {other}]
    assert choices(0.95, 0.998) == [{other}, {SYSTEM}]


@pytest.mark.parametrize(
    "step",
    [
        "half-year",
        pytest.param("month", marks=pytest.mark.slow),
        pytest.param("quarter", marks=pytest.mark.slow),
    ],
)
def test_the_statements_start_from_the_draws_and_agree(tiny: Any, plain_catalog: Any, step: str) -> None:
    """Every charge that a loan knows, in another currency, with inflation: the plan's ledger is that of its statements."""
    charged = {
        **AGENCY, "content_from": ["USA"], "premium_share": 0.05, "upfront_fee_share": 0.01,
        "commitment_fee_per_year": 0.005, "guarantee_fee_per_year": 0.002, "withholding_share": 0.1, "grace_years": 0.5,
        "base_rate_per_year": 0.005, "profile": "level", "balloon_share": 0.2, "tenor_years": 3, "currency": "KRW",
    }  # fmt: skip
    undrawn = {**LOAN, "base_rate_per_year": 0.2}
    grant = {"id": "eu", "optional": True, "kind": "grant", "assets": ["halls"], "amount_m": 5}
    points = [{"at": "2027-01-01", "usd_per_unit": 0.0007}, {"at": "2029-01-01", "usd_per_unit": 0.0008}]
    finance = {**ASKED, "inflation_per_year": 0.03, "revenue": [{"id": "r", "kind": "availability", "price_usd": 9}],
               "sources": [charged, undrawn, grant],
               "currency": {"paths": [{"currency": "KRW", "points": points}]}}  # fmt: skip
    plan = solve(
        build_case(tiny(finance=finance, horizon={"step": step}), plain_catalog()), quality="quick"
    ).plan
    assert plan is not None and not len(audit(plan))
    found = finance_of(plan.case.scenario, plan.tables)
    made, level = found.statements, found.statements.price_level.to_numpy()
    book, rate = made.by_source.loc["agency"], found.project.rate_of_exchange("KRW")
    ledger = plan.tables["ledger"]
    sums = ledger.groupby("account")["musd"].sum()
    real = {
        name: float((book[name] * rate / level).sum()) for name in ("draw", "principal", "interest", "fees")
    }
    upfront = 0.01 * float(book["draw"].sum()) * rate[0] / level[0]
    assert sums["draw"] == pytest.approx(-real["draw"], rel=1e-9) and real["draw"] > 1
    assert sums["debt-repaid"] == pytest.approx(real["principal"], rel=1e-9)
    costs = real["interest"] + real["fees"] + upfront + 0.05 * real["draw"]
    assert sums["debt-cost"] == pytest.approx(costs, rel=1e-9)
    assert float((made.sources["grant:eu"] / level).sum()) == pytest.approx(-sums["grant-drawn"], rel=1e-9)
    assert book["balance"].iloc[-1] == pytest.approx(0.0, abs=1e-6)
    assert made.caps["agency"] == made.caps["bank"] == "plan"
    assert set(readable(tables_of(found, plan.case.scenario)["finance_sources"])[heading("cap")]) >= {
        "what the plan chose to draw"
    }
    assert made.balance_sheet["check"].abs().max() == pytest.approx(0.0, abs=1e-8)
    kpis = plan.kpis.set_index("kpi")["value"]
    assert kpis["resource_cost_musd"] + kpis["finance_effect_musd"] == pytest.approx(kpis["cost_npv_musd"])
    assert kpis["finance_effect_musd"] < -1


def test_where_no_source_is_optional_there_is_no_row_and_no_column(case: Any) -> None:
    model, entries = build_model(case([{**LOAN, "optional": False}]))
    assert not hasattr(model, "draw") and not (entries["kind"] == "finance").any()


def test_where_nothing_is_bought_or_may_be_paid_for_nothing_is_drawn(case: Any) -> None:
    model, entries = build_model(case([{**LOAN, "countries": ["KAZ"]}]))
    assert not hasattr(model, "draw") and len(entries)
    rented = entries[entries["kind"] != "capex"]
    assert not finance.declare(model, case([LOAN]), rented)


def test_service_of_a_draw_closes() -> None:
    """Two quarters of grace, then level instalments; a quarter of the debt, and what lies past the end, in the last."""
    shares = loans.instalments("level", 0.02, 2, 8, 0.25, 6)
    due = [loans.service_of(q, 0, 4, 0.02, loans.Fees(upfront=0.01), shares, 10) for q in range(4)]
    assert all(d.principal.sum() == pytest.approx(1) for d in due)
    assert due[0].cost.sum() - due[3].cost.sum() == pytest.approx(3 * 0.02)
    assert due[0].principal[-1] == pytest.approx(0.25 + 0.75 * sum(loans.level(1.0, 0.02, 6)[3:]))
