"""The largest share that survives the loss of one of a class, and what each share costs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.case.build import build_case
from planner.cli import app
from planner.explain.shut_offers import shut_offers
from planner.facts.errors import BadValue
from planner.intake.scenario_file import load_scenario
from planner.scenario.schema import Survival
from planner.studies.survival import STEPS, largest_share, survival_table


def test_the_largest_share_is_what_the_smaller_of_two_can_hold(tiny: Any, plain_catalog: Any) -> None:
    """Room for 480 of 800 accelerators at the second: with the first lost 60 % is left, no more."""
    plain = tiny().model_dump(by_alias=True, mode="json", exclude_unset=True)
    host, site = plain["hosts"][0], plain["sites"][0]
    second = {**host, "id": "second", "site": "north", "operator": "rival-telco", "max_it_mw": 1.0}
    case = build_case(tiny(hosts=[host, second], sites=[site, {**site, "id": "north"}]), plain_catalog())
    per_k = float(case.systems.loc["hgx-b300", "peak_mw_per_k"])
    second["max_it_mw"] = 0.48 * per_k
    scenario = tiny(hosts=[host, second], sites=[site, {**site, "id": "north"}])

    def case_of(by: str, share: float) -> Any:
        duty = Survival.model_validate({"by": by, "share": share, "from": date(2028, 7, 1)})
        limits = scenario.limits.model_copy(update={"survival": [duty], "max_delay_months": {"work": 12.0}})
        return build_case(scenario.model_copy(update={"limits": limits}), plain_catalog())

    most, why, _ = largest_share(case_of, "operator")
    assert 0.6 - 0.5**STEPS <= most <= 0.6 + 1e-9 and not why
    none, why, alone = largest_share(case_of, "vendor")
    assert none == 0.0 and "no vendor other than nvidia" in why and alone == ("work",)


def test_independence_of_an_operator_has_a_price(root: Any) -> None:
    scenario = load_scenario(root / "data" / "scenarios" / "two-hosts.yaml")
    table = survival_table(scenario, ["operator"])
    assert table["share"].tolist() == [0.0, 0.5, 1.0] and (table["most"] == 1.0).all()
    assert table["cost_musd"].is_monotonic_increasing
    dearer = table["cost_musd"] - table["cost_musd"].iloc[0]
    held = table.iloc[1:]
    assert (held["more_low_musd"] <= dearer.iloc[1:] + 1e-9).all() and (
        dearer.iloc[1:] <= held["more_high_musd"] + 1e-9
    ).all()


def test_a_class_that_is_none_is_named_with_those_there_are() -> None:
    for wrong, right in ((("--by", "operater"), "operator"), (("--workload", "asistant"), "assistant")):
        said = CliRunner().invoke(app, ["survival", "two-hosts", *wrong])
        assert said.exit_code == 2 and f"did you mean '{right}'" in said.output


def test_a_loss_after_the_horizon_is_refused(tiny: Any, plain_catalog: Any) -> None:
    with pytest.raises(BadValue, match="after the horizon"):
        survival_table(tiny(), ["operator"], since=date(2060, 1, 1), catalog=plain_catalog())


def test_offers_that_would_let_it_survive_are_named_with_what_shuts_them(root: Any) -> None:
    scenario = load_scenario(root / "data" / "scenarios" / "two-hosts.yaml")
    secret = scenario.demand[0].model_copy(update={"data_class": "secret"})
    case = build_case(scenario.model_copy(update={"demand": [secret]}))
    for by, member in (("operator", "us-operator"), ("site", "seoul"), ("stack", "us-cloud")):
        (said,) = shut_offers(case, "assistant", by)
        assert (
            said.startswith(f"cloud with us-cloud ({member}): SEAL") and "below the floor 2 of secret" in said
        )
    assert shut_offers(case, "assistant", "vendor") == []
