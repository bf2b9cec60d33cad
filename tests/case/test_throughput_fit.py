"""The residual and its fit: stored weights belong to the rows, leaving out in closed form is leaving out."""

import numpy as np
import pytest

from planner.case.serving_order import book
from planner.case.throughput_fit import Fit
from planner.data.make_serving import groups
from planner.data.serving_fit import Fitted, StepFit, left_out, read
from planner.facts.catalog import load_catalog

CATALOG = load_catalog()
DATA = read(CATALOG)


def test_step_times_are_predicted_closely_where_batch_and_replica_are_known() -> None:
    step = StepFit(DATA)
    theta = book(CATALOG).parameters.theta(step.data.labels)
    error = np.abs(step.log_seconds - step.predicted(theta))
    assert np.median(error) < 0.2
    assert len(error) > 700


def test_left_out_in_closed_form_is_leaving_out() -> None:
    data = DATA.part(np.arange(len(DATA)) % 6 == 0)
    parameters = book(CATALOG).parameters
    missed = np.random.default_rng(1).normal(size=len(data))
    at, noise = data.at(parameters), np.ones(len(data))
    whole = Fitted(parameters, Fit(at, lambda: missed, noise))
    label = groups(data, "pair")
    error = left_out(data, whole, label, refit=False)
    gone = label == label[0]
    rest = data.part(~gone)
    part = Fitted(parameters, Fit(rest.at(parameters), lambda: missed[~gone], noise[~gone]))
    base = Fitted(parameters, Fit(rest.at(parameters), lambda: 0.0 * missed[~gone], noise[~gone]))
    own = data.part(gone)
    assert missed[gone] - (part.predict(own) - base.predict(own)) == pytest.approx(error[gone], abs=1e-6)


@pytest.mark.parametrize("asked", ["speed", "label"])
def test_intervals_widen_with_the_gap_and_hold_what_is_left_out(asked: str) -> None:
    table = CATALOG.table("serving_intervals")
    own = table[table["asked"] == asked].set_index("gap")
    assert own["inside_80"].drop("vendor").between(0.7, 0.9).all()  # one vendor only can be left out
    widths = own["log_half_width"]
    assert widths["row"] < widths["reach"] < widths["pair"] < widths["model"]
    assert widths["pair"] <= widths["chip"]


def test_rows_that_others_beat_or_that_are_derived_weigh_little() -> None:
    fit = book(CATALOG).fit
    assert DATA.doubtful.sum() > 40
    assert fit.noise[DATA.doubtful].min() >= 20 * fit.noise[~DATA.doubtful].min()
