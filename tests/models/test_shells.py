"""Halls fitted out in buildings that stand: sooner and cheaper than new ones, no more than the shells hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.intake.scenario_file import load_scenario
from planner.planning.pipeline import solve
from planner.scenario.problems import ScenarioError

pytestmark = pytest.mark.untraced

PLAIN = {("halls", "retrofit", "lead_months_mid"): 6, ("halls", "retrofit", "cost_factor_mid"): 0.75,
         ("halls", "retrofit", "backup_deduction_musd_per_mw"): 0, ("halls", "retrofit", "it_mw"): 0.5,
         ("halls", "retrofit", "opex_share_per_year"): 0.025, ("halls", "retrofit", "life_years"): 20}  # fmt: skip
TYPES = {"hall_types": ["modular", "retrofit"], "open_lead_months": 3}


def test_a_shell_is_filled_first_and_only_as_far_as_it_goes(tiny, plain_catalog, optimise):
    """800 accelerators are 1.6 MW: two halls of 0.5 in a shell of 1.2 MW at 0.75 of the price, one modular of 2.5."""
    answer = optimise(tiny(sites={"shell_it_mw": 1.2}, hosts=TYPES), plain_catalog(PLAIN))
    halls = {(b, t): n for (_, b, t), n in {**answer.used("halls"), **answer.used("halls_late")}.items()}
    inside = sum(n for (b, _), n in halls.items() if b == "retrofit")
    assert inside <= 2 and answer.arrays.rows["site_shell"].size
    prices = answer.case.halls.groupby("b")["musd"].first() / answer.case.halls.groupby("b")["it_mw"].first()
    assert prices["retrofit"] / prices["modular"] == pytest.approx(0.75 / 1.25)
    large = optimise(tiny(sites={"shell_it_mw": 5}, hosts=TYPES), plain_catalog(PLAIN))
    used = {**large.used("halls"), **large.used("halls_late")}
    assert {b for _, b, _ in used} == {"retrofit"} and sum(used.values()) == pytest.approx(4)


def test_service_is_sooner_by_what_a_shell_saves(tiny, plain_catalog, optimise):
    """3 months of permit, then 6 of fit-out instead of 9 of a modular hall; the grid's works do not wait longer."""
    soon = {"demand": {"must_serve_by": None, "optional": True}, "hosts": TYPES}
    quick, slow = {"grid_lead_months": 3, "shell_it_mw": 5}, {"grid_lead_months": 3}
    months = [
        optimise(tiny(sites=site, **soon), plain_catalog({**PLAIN, ("backup", "diesel", "lead_months_mid"): 3}),
                 objective="delay").values("delay").iloc[0]
        for site in (quick, {**slow, "shell_it_mw": 0.001})
    ]  # fmt: skip
    assert months == pytest.approx([9.0, 12.0])


def test_without_a_shell_no_such_hall_and_no_rows(tiny, plain_catalog, optimise):
    case = build_case(tiny(hosts={"hall_types": None}), plain_catalog(PLAIN))
    assert "retrofit" not in set(case.halls["b"])
    assert "retrofit" in set(
        build_case(tiny(hosts={"hall_types": None}, sites={"shell_it_mw": 2}), plain_catalog(PLAIN)).halls[
            "b"
        ]
    )
    assert not optimise(tiny(), plain_catalog(PLAIN)).arrays.rows["site_shell"].size


def test_a_type_in_a_shell_that_nobody_stated_is_a_fault_of_the_file(tmp_path, root):
    text = (root / "data/scenarios/two-hosts.yaml").read_text("utf-8")
    file = tmp_path / "s.yaml"
    file.write_text(
        text.replace("    max_it_mw: 20\n", "    max_it_mw: 20\n    hall_types: [retrofit]\n", 1), "utf-8"
    )
    with pytest.raises(ScenarioError, match="shell_it_mw says of none"):
        load_scenario(file)


def test_the_audit_knows_what_the_shells_hold(tiny, plain_catalog):
    plan = solve(build_case(tiny(sites={"shell_it_mw": 5}, hosts=TYPES), plain_catalog(PLAIN)), "quick").plan
    assert not len(audit(plan)) and set(plan.tables["halls"]["b"]) == {"retrofit"}
    smaller = replace(plan.case, site_period=plan.case.site_period.assign(shell_it_mw=1.0))
    assert set(audit(replace(plan, case=smaller))["rule"]) == {"site-shell"}
