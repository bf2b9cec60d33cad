"""What the model says a draw costs is what the statements charge for it, whatever the terms."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.case.draws import optional_sources
from planner.case.finance import country_premium, filled, risk_class_of
from planner.case.periods import STEP_MONTHS
from planner.finance.ledger_flows import PlanFlows, Quarters
from planner.finance.project import Project
from planner.finance.settle import settle
from planner.finance.sources import Spend
from planner.finance.tranches import Notes, Tranches
from planner.scenario.finance import Finance
from tests.finance.projects import OWNER, flow, share

KEY = ("halls", "state", "KOR", "")
CHARGES = {
    "base_rate_per_year": share(0.0, 0.15), "margin_per_year": share(0.0, 0.03), "upfront_fee_share": share(0.0, 0.03),
    "commitment_fee_per_year": share(0.0, 0.02), "guarantee_fee_per_year": share(0.0, 0.02),
    "premium_share": share(0.0, 0.2), "withholding_share": share(0.0, 0.2),
    "balloon_share": share(0.0, 0.9), "tenor_years": st.integers(1, 9),
    "grace_years": st.sampled_from([0.0, 0.25, 0.5, 0.75]), "profile": st.sampled_from(["level", "equal-principal"]),
    "from": st.sampled_from([None, date(2027, 4, 1), date(2028, 1, 1)]),
    "until": st.sampled_from([date(2028, 12, 31), date(2029, 3, 31), date(2029, 12, 31)]),
}  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(
    st.fixed_dictionaries(CHARGES), st.sampled_from(["month", "quarter", "half-year"]), share(0.0, 0.06),
    share(0.0005, 0.0015), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_the_ledger_of_a_draw_is_its_statements(
    tiny: Any, terms: dict[str, Any], step: str, inflation: float, fall: float, seed: int
) -> None:
    points = [{"at": "2027-01-01", "usd_per_unit": 0.0016}, {"at": "2030-01-01", "usd_per_unit": fall}]
    finance = Finance.model_validate({
        "inflation_per_year": inflation, "currency": {"paths": [{"currency": "KRW", "points": points}]},
        "sources": [{"id": "bank", "optional": True, "currency": "KRW", **terms}],
    })  # fmt: skip
    scenario = tiny(horizon={"start": "2027-01-01", "years": 5, "step": step}).model_copy(
        update={"finance": finance}
    )
    (source,), n = optional_sources(scenario, scenario.catalog), 20
    begins, nothing = source.closes, np.zeros(n)
    quarters = Quarters(source.calendar, inflation)
    real = {
        t: float(x)
        for t, x in zip(source.periods, np.random.default_rng(seed).uniform(1, 9, 99), strict=False)
    }
    nominal = sum((musd * source.lent(t) * source.exchange for t, musd in real.items()), np.zeros(n))
    spending = (Spend(asset="halls", payer="state", country="KOR", musd=nominal),)
    flows = PlanFlows(source.calendar.start, begins, spending, nothing, 0.0, (), nothing, {"bank": {KEY: nominal}},
                      quarters.level)  # fmt: skip
    lives = {"halls": 30.0, "financing": 10.0}
    bank = Tranches(scenario, quarters, flows, begins, lives, Notes()).chosen(
        filled(finance.sources[0], scenario.catalog)[0]
    )
    project = Project(
        start=source.calendar.start, operation_from=begins, spending=spending, revenue_musd=flow(n, begins, 50.0),
        opex_musd=nothing, sources=(bank, OWNER), life_years=lives, exchange={"KRW": source.exchange},
        inflation=inflation,
    )  # fmt: skip
    run = settle(project).run
    commitment = float(run.draws[0].sum())
    extra = np.zeros(n)
    extra[source.opens] = source.fees.upfront * commitment
    charged = {"debt-cost": run.interest[0] + run.fees[0] + source.fees.premium * run.draws[0] + extra,
               "debt-repaid": run.principal[0], "draw": -run.draws[0]}  # fmt: skip
    for account, flows_of in charged.items():
        want = np.zeros(source.calendar.n)
        for t, musd in real.items():
            lines = source.lines(t)
            own = lines[lines["account"] == account]
            np.add.at(want, own["t"].to_numpy(int), musd * own["musd"].to_numpy(float))
        per = max(1, STEP_MONTHS[step] // 3)
        deflated = (flows_of * source.exchange / source.level).reshape(-1, per).sum(axis=1)
        by_quarter = want.reshape(len(deflated), -1).sum(axis=1)
        np.testing.assert_allclose(by_quarter, deflated, atol=1e-9 * max(1.0, np.abs(deflated).max()))
    assert abs(run.balance[0, -1]) < 1e-6


@pytest.mark.parametrize(
    ("life", "longest", "tenor", "cap"),
    [
        ({}, None, 3.5, "what is left of the horizon"),
        ({"servers": 2.6}, None, 2.5, "the useful life of servers"),
        ({}, 2.0, 2.0, "the longest that is given"),
    ],
)
def test_a_tenor_left_out_is_the_one_that_is_run_and_priced(
    tiny: Any, life: dict[str, float], longest: float | None, tenor: float, cap: str
) -> None:
    """Not the agency's longest, 15 years, where the debt is repaid sooner: its premium is for the years of risk."""
    agency = {
        "id": "e",
        "optional": True,
        "preset": "eca-oecd",
        "until": "2028-06-30",
        "longest_tenor_years": longest,
    }
    finance = Finance.model_validate({"sources": [agency], "life_years": life})
    horizon = {"start": "2027-01-01", "years": 5, "step": "half-year"}
    scenario = tiny(horizon=horizon).model_copy(update={"finance": finance, "country": "KAZ"})
    (source,) = optional_sources(scenario, scenario.catalog)
    assert (source.terms.tenor_years, source.tenor_cap) == (tenor, cap)
    assert np.flatnonzero(source.instalments)[-1] + 1 == 4 * tenor
    risk = risk_class_of("KAZ", scenario.catalog)
    assert source.fees.premium == country_premium(risk, tenor + 1.5 / 2, scenario.catalog) > 0.01
