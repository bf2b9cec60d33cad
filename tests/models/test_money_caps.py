"""Caps on money by who pays, and what a grant is worth to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.planning.pipeline import solve

pytestmark = pytest.mark.untraced

PAID = ("capex", "opex", "energy", "fee", "rent")


@pytest.mark.parametrize(
    ("payer", "rules", "enough"),
    [
        ("champion", [], False),  # national champions pay for their hosts, as the catalog says
        ("venture", [], True),
        ("champion", [{"payer": "venture", "owner_classes": ["national-champion"]}], True),
        ("venture", [{"payer": "venture", "hosts": ["champion"]}], False),
        ("provider", [{"payer": "provider", "hosts": ["champion"]}], False),  # it may own what is built
    ],
)
def test_a_cap_holds_what_a_payer_of_finance_bears(
    tiny: Any, plain_catalog: Any, optimise: Any, payer: str, rules: list[Any], enough: bool
) -> None:
    caps = [{"what": "capex", "musd": 1, "payer": payer}]
    answer = optimise(tiny(limits={"money": caps}, finance={"payers": rules}), plain_catalog())
    assert (answer.x is not None) == enough


def test_payers_share_what_the_partner_pays(tiny: Any, plain_catalog: Any) -> None:
    """Stacks have no host: the state bears them. Caps at what each pays hold exactly, by model and by audit."""
    exact = {"gap": 1e-6}
    free = solve(build_case(tiny(solve=exact), plain_catalog())).plan
    paid = free.tables["ledger"][free.tables["ledger"]["kind"].isin(PAID)]
    shares = paid.groupby(paid["h"] != "")["musd"].sum()
    caps = [{"what": "outlay", "musd": shares[own] + 1e-6, "payer": payer}
            for own, payer in ((True, "champion"), (False, "state"))]  # fmt: skip
    plan = solve(build_case(tiny(limits={"money": caps}, solve=exact), plain_catalog())).plan
    assert plan.kpi("total_outlay_musd") == pytest.approx(free.kpi("total_outlay_musd"))
    assert not len(audit(plan))
    for cap in caps:
        tight = tiny(limits={"money": [{**cap, "musd": cap["musd"] - 1.0}]})
        case = build_case(tight, plain_catalog())
        assert "money-cap" in set(audit(replace(plan, case=case))["rule"])


@pytest.mark.parametrize(
    ("year", "early", "late"), [(None, "2027-01-01", "2029-10-01"), (2027, "2027-01-01", "2027-10-01")]
)
def test_a_grant_pays_for_nothing_that_falls_due_before_it(
    tiny: Any, plain_catalog: Any, optimise: Any, year: int | None, early: str, late: str
) -> None:
    """A cap that only a grant makes room for."""
    ledger = solve(build_case(tiny(), plain_catalog())).plan.tables["ledger"]
    paid = ledger[ledger["kind"].isin(PAID) & ((ledger["year"] == year) | (year is None))]["musd"].sum()
    cap = {"what": "outlay", "musd": 0.4 * paid, **({"year": year} if year else {})}
    for day, enough in ((early, True), (late, False)):
        grant = {"id": "eu", "payer": "partner", "date": day, "musd": 0.6 * paid + 1e-3}
        answer = optimise(tiny(limits={"money": [cap]}, finance={"grants": [grant]}), plain_catalog())
        assert (answer.x is not None) == enough
