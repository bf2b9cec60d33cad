"""The chain from people to chips: arithmetic by hand, the case's own rates, shares that add up, words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.case.build import build_case
from planner.case.throughput import estimate
from planner.cli import app
from planner.facts.catalog import Catalog
from planner.intake.scenario_file import example_path, examples, load_scenario
from planner.scenario.schema import Scenario
from planner.sizing.size import Rough, chains_of, size
from planner.sizing.steps import Offer, held_per_reference
from planner.sizing.words import sentence, table

Make = Callable[..., Scenario]
USERS = {"by": "users", "requests_per_user_day": 8, "output_tokens_per_request": 540,
         "peak_factor": 2, "points": [{"at": "2027-01-01", "value": 1_200_000}]}  # fmt: skip


def test_people_become_accelerators_by_hand(tiny: Make, plain_catalog: Callable[..., Catalog]) -> None:
    """1.2 M users x 8 requests x 540 tokens / 86,400 s x 2 = 120,000 tokens/s; a rate, 0.6 of it in production."""
    scenario = tiny(demand={"size": USERS})
    catalog = plain_catalog({("parameters", "availability", "value_mid"): 0.8})
    (first, *_) = size(scenario, catalog).chains["work"]
    model = str(catalog.value("model_classes", "large", "model_id"))
    rate = estimate(model=model, accelerator="b300", scenario="offline", catalog=catalog)
    each = rate.tokens_per_s_per_accelerator
    assert first.start == pytest.approx(1_200_000) and first.start_unit == "users"
    amounts = dict(zip((s.unit for s in first.steps), (a.mid for a in first.amounts()[1:]), strict=True))
    assert amounts["tokens/s"] == pytest.approx(120_000)
    assert first.held.mid == pytest.approx(120_000 / each / 0.6 / 0.8)
    assert sum(first.doubts().values()) == pytest.approx(1)
    low, high = rate.low / each, rate.high / each
    assert first.held.low < first.held.mid / high and first.held.high > first.held.mid / low


@pytest.mark.parametrize(
    "name",
    [
        n if n == "two-hosts" else pytest.param(n, marks=pytest.mark.slow)
        for n in examples()
        if not n.endswith("-agreements")
    ],
)
def test_the_case_has_the_same_arithmetic(name: str) -> None:
    """A thousand accelerators do 1000 / (accelerators held for one of the reference) of its work, less what is spare."""
    case = build_case(load_scenario(example_path(name)))
    rough = Rough.of(case.scenario, case.catalog)
    workloads = {w.id: w for w in case.scenario.demand if w.survival_share == 0}
    hosts = {h.id: h for h in case.scenario.hosts}
    rows = case.serve.groupby(["w", "h", "a", "k"]).nth(-1)
    compared = 0
    for row in rows[rows["w"].isin(workloads)].itertuples():
        when = rough.context.calendar.year_fraction(row.t)
        offer = Offer(hosts[row.h], row.a, row.k)
        held = held_per_reference(rough.context, rough.throughput, workloads[row.w], offer, when)
        rate = 1.0 / (held * rough.context.param("availability"))
        assert row.rate <= rate * (1 + 1e-9)  # whole replicas take more
        compared += row.rate == pytest.approx(rate, rel=1e-9)
    assert compared > 0


def test_a_chain_says_its_factors_other_chips_and_what_matters_most(tiny: Make) -> None:
    systems = [{"id": "hgx-b300"}, {"id": "gb300-nvl72"}]
    scenario = tiny(demand={"size": USERS}, systems=systems)
    found = chains_of(Rough.of(scenario, scenario.catalog))["work"]
    text = sentence(found).replace("\u202f", ",")
    assert text.startswith(
        "work: 1,200,000 users × 8 requests a user and day ÷ 86,400 seconds of a day × 2 busiest"
    )
    assert "= 120,000 tokens/s at the peak" in text
    assert (
        f" or {found[1].system}" in text.replace(found[1].system, f"{found[1].system}")
        or found[1].system in text
    )
    assert text.count(" %") == min(3, len(found[0].doubts()))
    rows = table([found[:1]])
    assert rows["mid"].iloc[-1] == pytest.approx(found[0].held.mid) and rows["doubt"].sum() == pytest.approx(
        1
    )


def test_a_busiest_hour_nobody_states_is_a_doubt(tiny: Make) -> None:
    quiet: dict[str, Any] = {k: v for k, v in USERS.items() if k != "peak_factor"}
    stated, open_ = (
        size(tiny(demand={"size": given})).chains["work"][0].doubts() for given in (USERS, quiet)
    )
    name = "busiest hour over the mean"
    assert name not in stated and open_[name] > 0.1


def test_the_command_shows_the_chain() -> None:
    shown = CliRunner().invoke(app, ["size", "two-hosts"])
    assert shown.exit_code == 0 and "From what is asked for to chips" in shown.output
    assert "Of its uncertainty" in shown.output.replace("\n", " ")
