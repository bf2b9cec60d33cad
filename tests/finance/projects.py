"""Random projects for the tests of the statements, and a plain one to change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from hypothesis import strategies as st

from planner.case.loans import Fees
from planner.finance.project import Covenants, Project, TaxTerms
from planner.finance.sources import Eligibility, ExportTerms, Repayment, Spend, Tranche

START = date(2027, 1, 1)
OWNER = Tranche(id="owner", kind="equity")
BANK = Tranche(
    id="bank", kind="loan", share=0.6, base_rate=0.04, margin=0.02,
    repayment=Repayment(tenor_years=5, profile="level"),
)  # fmt: skip


def flow(quarters: int, start: int, value: float) -> np.ndarray:
    """Nothing until a quarter, then the same in every quarter."""
    return np.where(np.arange(quarters) >= start, value, 0.0)


def plain(**changes: Any) -> Project:
    """Four quarters of building 25 MUSD each, then six years that earn 8 and cost 2 a quarter, one loan."""
    base = Project(
        start=START,
        operation_from=4,
        spending=(Spend(asset="hall", musd=25.0 - flow(28, 4, 25.0)),),
        revenue_musd=flow(28, 4, 8.0),
        opex_musd=flow(28, 4, 2.0),
        sources=(BANK, OWNER),
        life_years={"hall": 20.0, "financing": 10.0},
    )
    return replace(base, **changes)


def share(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: round(x, 4))


@st.composite
def projects(draw: st.DrawFn, sculpted_only: bool = False) -> Project:
    """A campus of buildings and accelerators; debt of one to three kinds, or one sculpted loan over everything."""
    building, years = draw(st.integers(2, 10)), draw(st.integers(5, 9))
    n = building + 4 * years
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hall, chips = np.zeros(n), np.zeros(n)
    hall[:building] = seed.uniform(1, 50, building)
    chips[building - 1] = seed.uniform(20, 200)
    later = draw(st.booleans()) and not sculpted_only
    if later:
        chips[building + 4 : building + 8] = seed.uniform(0, 30, 4)
    cost = hall.sum() + chips.sum()
    opex = flow(n, building, cost * draw(share(0.002, 0.02)))
    margin = cost * draw(share(0.055, 0.12)) * seed.uniform(0.85, 1.15, n)
    revenue = np.where(np.arange(n) >= building, opex + margin, 0.0)
    sources = (_sculpted(draw),) if sculpted_only else tuple(_debts(draw))
    spending = (
        Spend(asset="hall", musd=hall, payer="state", country="KAZ"),
        Spend(
            asset="chips", musd=chips, payer="venture", country="KAZ", content={"USA": draw(share(0.1, 1.0))}
        ),
    )
    return Project(
        start=START, operation_from=building, spending=spending, revenue_musd=revenue, opex_musd=opex,
        sources=(*sources, replace(OWNER, share=0.7), replace(OWNER, id="partner", share=0.3)),
        life_years={"hall": 20.0, "chips": 5.0, "financing": 8.0}, residual_musd=cost * draw(share(0.0, 0.2)),
        tax=_tax(draw), covenants=_covenants(draw, later), inflation=0.02,
        exchange={"EUR": np.asarray(1.1 * np.cumprod(1.0 + seed.uniform(-0.02, 0.02, n)), float)},
    )  # fmt: skip


def _tax(draw: st.DrawFn) -> TaxTerms:
    vat = draw(st.sampled_from([0.0, 0.1, 0.2]))
    return TaxTerms(
        rate=draw(share(0.0, 0.3)), losses_last_years=draw(st.sampled_from([None, 3, 10])),
        losses_usable=draw(st.sampled_from([0.6, 1.0])), vat_on_capex=vat, vat_on_opex=vat, vat_on_revenue=vat,
        vat_settled_after=draw(st.integers(0, 2)),
    )  # fmt: skip


def _covenants(draw: st.DrawFn, later: bool) -> Covenants:
    return Covenants(
        dsra_months=draw(st.sampled_from([0, 3, 6, 8])), interest_on_cash=draw(share(0.0, 0.03)),
        refresh_months=12 if later else 0, lock_up_dscr=draw(st.sampled_from([0.0, 1.2, 1.6])), default_dscr=1.05,
    )  # fmt: skip


def _fees(draw: st.DrawFn) -> Fees:
    return Fees(
        upfront=draw(share(0.0, 0.02)), commitment=draw(share(0.0, 0.01)), guarantee=draw(share(0.0, 0.01))
    )


def _sculpted(draw: st.DrawFn) -> Tranche:
    terms = Repayment(tenor_years=draw(st.integers(2, 5)), profile="sculpted", dscr=draw(share(1.15, 2.0)))
    return Tranche(
        id="bank", kind="loan", share=draw(share(0.3, 0.9)), base_rate=0.03, margin=draw(share(0.01, 0.06)),
        fees=_fees(draw), repayment=terms,
    )  # fmt: skip


def _debts(draw: st.DrawFn) -> list[Tranche]:
    """Buildings by a bank, accelerators by an agency, perhaps a grant for the buildings; in dollars or euro."""
    profile = draw(st.sampled_from(["level", "equal-principal", "sculpted"]))
    tenor = draw(st.integers(2, 5))
    bank = Tranche(
        id="bank", kind="loan", share=draw(share(0.1, 0.8)), amount=draw(st.sampled_from([None, 60.0])),
        currency=draw(st.sampled_from(["USD", "EUR"])), base_rate=0.03, margin=draw(share(0.0, 0.07)),
        eligibility=Eligibility(assets=("hall",)), fees=_fees(draw),
        repayment=Repayment(
            tenor_years=tenor, profile=profile, grace_years=draw(st.sampled_from([0, 0.5, 1])),
            balloon=0.0 if profile == "sculpted" else draw(st.sampled_from([0.0, 0.3])),
            dscr=draw(share(1.1, 1.8)) if profile == "sculpted" else None,
            sweep=0.0 if profile == "sculpted" else draw(st.sampled_from([0.0, 0.5])),
        ),
    )  # fmt: skip
    agency = Tranche(
        id="agency", kind="export-credit", base_rate=0.05,
        eligibility=Eligibility(assets=("chips",), content_from=("USA",), costs_of_finance=draw(st.booleans())),
        fees=Fees(premium=draw(share(0.0, 0.1))), repayment=Repayment(tenor_years=4, profile="equal-principal"),
        export=ExportTerms(financed_share=0.85, full_content_share=draw(st.sampled_from([None, 0.51]))),
    )  # fmt: skip
    grant = Tranche(
        id="grant",
        kind="grant",
        share=0.15,
        eligibility=Eligibility(assets=("hall",), costs_of_finance=False),
    )
    return [bank, *([agency] if draw(st.booleans()) else []), *([grant] if draw(st.booleans()) else [])]
