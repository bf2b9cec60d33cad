"""What protects totals: each row sums what of its thing stands at a date (contracts for their term), and bounds nothing."""

import numpy as np
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario
from planner.solver.branching import Node, Searched
from planner.solver.engine import HALLS, PATTERN, Engine
from planner.solver.totals import TOTALS, Dated, dated, with_totals

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_case(load_scenario(example_path("two-hosts"))))


def test_a_row_is_the_sum_up_to_its_date(engine: Engine) -> None:
    arrays = with_totals(engine.arrays, HALLS, engine.ends)
    rows, x = arrays.rows[TOTALS], np.random.default_rng(1).integers(0, 5, engine.arrays.shape[1])
    assert np.isneginf(arrays.row_lower[rows.slice]).all() and np.isposinf(arrays.row_upper[rows.slice]).all()
    assert (arrays.matrix[: engine.arrays.shape[0]] != engine.arrays.matrix).nnz == 0
    totals = iter((arrays.matrix @ x)[rows.slice])
    halls: dict[tuple[str, str], dict[int, float]] = {}
    for family in ("halls", "halls_late"):
        for i, (h, b, t) in enumerate(arrays.columns[family].index):
            halls.setdefault((h, b), {})[t] = x[arrays.columns[family].start + i]
    assert len(dated(arrays, HALLS, engine.ends)) == len(halls) > 1
    for by_date in halls.values():
        for t in sorted(by_date):
            assert next(totals) == sum(amount for date, amount in by_date.items() if date <= t)


def test_families_that_are_not_searched_have_none(engine: Engine) -> None:
    assert with_totals(engine.arrays, PATTERN, engine.ends) is engine.arrays


def test_a_total_is_asked_for_and_its_answers_leave_out_the_fraction(engine: Engine) -> None:
    tree = engine.searchable({})
    searched = Searched(tree)
    values = np.zeros(len(searched.full))
    halls = searched.totals.indices[searched.totals.indptr[2] : searched.totals.indptr[3]]
    values[np.sort(halls)] = 0.3, 0.4, 0.9
    asked = [c for c in searched.candidates(values) if c.key[0] == "total"]
    last = searched.totals[:, halls[:1]].nnz - 3
    assert [(c.key[2], round(c.share, 6)) for c in asked] == [(0, 0.3), (0, 0.7), *[(1, 0.6)] * (last + 1)]
    root = Node(0.0, 0, searched.low, searched.high, searched.least, searched.most)
    row = asked[1].key[1]
    assert searched.answered(root, asked[1], True)[2][row] == 1.0
    assert searched.answered(root, asked[1], False)[3][row] == 0.0


@pytest.fixture(scope="module", params=[1, 24])
def hiring(request: pytest.FixtureRequest) -> Engine:
    """Turbines rented by contracts of some months, beside halls; periods are quarters."""
    return Engine(build_case(rented(request.param)))


def rented(months: int, **changes: object) -> Scenario:
    turbine = {"id": "turbine-mobile-2026", "rent_usd_per_kw_month": 30, "term_months": months,
               "mobilisation_months": 3, "permit_months": 0}  # fmt: skip
    changes = {"sites[haenam].power": {"options": [turbine]}, **changes}
    return with_overrides(load_scenario(example_path("grid-late")), changes)


def test_a_contract_counts_while_its_term_lasts(hiring: Engine) -> None:
    arrays = with_totals(hiring.arrays, HALLS, hiring.ends)
    terms = hiring.case.hires["periods"]
    (thing,) = dated(arrays, ["hire_units"], hiring.ends)
    x = np.random.default_rng(2).integers(0, 3, arrays.shape[1]).astype(float)
    totals = (arrays.matrix @ x)[arrays.rows[TOTALS].slice][-len(thing.columns) :]
    signed = {
        i: x[arrays.columns["hire_units"].start + n] for n, i in enumerate(arrays.columns["hire_units"].index)
    }
    for (*_, t), total in zip(sorted(signed, key=lambda i: i[-1]), totals, strict=True):
        assert total == sum(units for i, units in signed.items() if i[-1] <= t < i[-1] + terms[i])


@pytest.mark.parametrize("lasts", [1, 3, 20])
@pytest.mark.parametrize("up_from", [0.01, 0.5, 0.99])
def test_contracts_rounded_stand_as_what_they_round_and_are_renewed_at_once(
    lasts: int, up_from: float
) -> None:
    amounts = np.random.default_rng(3).uniform(0.0, 0.8, 20)
    start, date = np.arange(20), np.arange(20)[:, None]
    thing = Dated(np.arange(20, dtype=np.int32), ((start <= date) & (date < start + lasts)).astype(float))
    whole = thing.whole(amounts, up_from)
    off = thing.stands @ (whole - amounts)
    assert (whole == whole.round()).all() and off.min() >= -up_from - 1e-9
    assert (off <= 1.0 - up_from + 1e-9)[whole > 0].all(), "none is signed before it is needed"
    needed = np.floor(thing.stands @ amounts + 1.0 - up_from)
    assert (thing.stands @ thing.whole(amounts, up_from, 1) >= needed + (needed > 0)).all()


@pytest.mark.parametrize("objective", ["cost", "delay"])
def test_plant_on_contracts_of_a_period_serves_as_soon_as_on_long_ones(objective: str) -> None:
    """16 MW that are renewed each quarter wait no longer: a search by running totals has 42 months after a minute."""
    found = solve(build_case(rented(3, **{"solve.time_limit_s": 20})), quality="quick", objective=objective)
    assert found.plan is not None and found.status == "optimal" and not len(audit(found.plan))
    assert found.plan.kpi("first_service_months") == 9.0
    assert found.plan.kpi("delay_months") <= (9.011 if objective == "delay" else 10.001)
    assert (found.plan.tables["hires"]["added_mw"] % 16.0 == 0).all()
