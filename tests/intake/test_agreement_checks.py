"""Agreements of a scenario file: every fault at its place at once, and what was written in an older form."""

from __future__ import annotations

import pytest

from planner.intake.scenario_file import (
    ScenarioError,
    dump_scenario,
    example_path,
    parse_scenario,
    parse_with_warnings,
)
from planner.scenario.problems import Problem

TOY = example_path("two-hosts").read_text("utf-8")


def faults(text: str) -> dict[str, str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(f"{TOY}\n{text}", "x.yaml")
    problems: list[Problem] = caught.value.problems
    assert all(problem.line > 1 for problem in problems)
    paths = dict.fromkeys(problem.path for problem in problems)
    return {path: "; ".join(p.message for p in problems if p.path == path) for path in paths}


def test_every_fault_of_agreements_is_said_at_once():
    found = faults(
        """
agreements:
  - {id: alone, kind: data-embassy}
  - {id: misspelt, kind: technology-deel, partner: USA}
  - {id: empty, kind: technology-deal, partner: USA}
  - {id: misplaced, kind: data-embassy, partner: JPN, quota: {accelerators: 100}, duties: {investment_share: 1}}
  - {id: over, kind: data-embassy, partner: JPN, until: 2020-01-01}
  - {id: short, kind: data-embassy, partner: JPN, until: 2027-06-30, lead_months: 12}
  - {id: turned, kind: data-embassy, partner: JPN, from: 2029-01-01, until: 2028-01-01}
  - {id: unknown, kind: data-embassy, partner: JPX, covers: {hosts: [champian]}}
  - id: torn
    kind: technology-deal
    partner: USA
    quota: {accelerators: 100}
    covers: {stacks: [champion-us-chips]}
    duties:
      content: [{from: [USA], share: 0.6}, {from: [KOR, JPN], share: 0.5}]
      excludes_stacks: [champion-us-chips]
      least_accelerators: 200
  - {id: first, kind: regional-hub, partner: JPN, capacity_accelerators: 10, covers: {hosts: [cloud]}}
  - {id: second, kind: regional-hub, partner: JPN, capacity_accelerators: 10, covers: {hosts: [cloud]}}
  - {id: cover, kind: export-credit, amount_musd: 5, covers: {sources: [bank]}}
finance:
  sources: [{id: bank, kind: loan, share: 0.5}]
decisions:
  - {id: wrong, do: forbid, what: open, agreements: [alone]}
  - {id: nobody, do: forbid, what: agreement, agreements: [aloan]}
"""
    )
    said = {
        "agreements[alone]": "needs a partner",
        "agreements[misspelt].kind": "did you mean 'technology-deal'",
        "agreements[empty]": "needs quota or licence_months",
        "agreements[misplaced].quota": "means nothing for data-embassy",
        "agreements[misplaced].duties": "nothing is ordered under data-embassy",
        "agreements[over].until": "before the horizon starts",
        "agreements[short].until": "before it can be signed, 2028-01-01",
        "agreements[turned].until": "comes before from",
        "agreements[unknown].partner": "unknown country 'JPX'",
        "agreements[unknown].covers.hosts[0]": "did you mean 'champion'",
        "agreements[torn].duties.content": "60% from USA and 50% from KOR, JPN exclude one another",
        "agreements[torn].duties.excludes_stacks": "rules out all that it is for",
        "agreements[torn].duties.least_accelerators": "more than its quota of 100",
        "agreements[first].covers.hosts[0]": "'cloud' stands in KOR",
        "agreements[second].covers.hosts[0]": "a host belongs to one hub",
        "agreements[cover].covers.sources[0]": "set optional: true",
        "decisions[wrong].agreements": "means nothing for open",
        "decisions[nobody].agreements[0]": "did you mean 'alone'",
    }
    assert set(found) == set(said)
    assert not {path: found[path] for path, words in said.items() if words not in found[path]}


def test_agreements_that_could_mean_nothing_are_said_at_once():
    found = faults(
        """
agreements:
  - {id: long, kind: technology-deal, partner: USA, licence_months: 3, lead_months: 60}
  - {id: home, kind: data-embassy, partner: KOR}
  - {id: own, kind: certificate-recognition, partner: KOR}
  - {id: far, kind: regional-hub, partner: JPN, capacity_accelerators: 10, covers: {hosts: [cloud]}}
  - {id: none, kind: technology-deal, partner: USA, licence_months: 3, covers: {chip_origins: [CHN]}}
  - {id: deal, kind: technology-deal, partner: USA, licence_months: 3}
decisions:
  - {id: half, do: fix, what: agreement, agreements: [deal], value: 0.5}
  - {id: many, do: require, what: agreement, agreements: [home, own], value: 5}
  - {id: asked, do: require, what: agreement, agreements: [deal], to: 2028-01-01}
  - {id: never, do: forbid, what: agreement, agreements: [deal]}
"""
    )
    said = {
        "agreements[long].lead_months": "cannot be signed before 2032-01-01",
        "agreements[home].partner": "KOR is the country itself",
        "agreements[own].partner": "KOR is the country itself",
        "agreements[far].covers.hosts[0]": "'cloud' stands in KOR, the hub is in JPN",
        "agreements[none].covers.chip_origins": "no system of the scenario is of CHN",
        "decisions[half].value": "0.5 signatures of 1",
        "decisions[many].value": "5 signatures of 2",
        "decisions[half]": "which 'never' forbids",
        "decisions[asked]": "which 'never' forbids",
    }
    assert {path: words for path, words in said.items() if words not in found.get(path, "")} == {}
    assert set(found) == set(said)


def test_a_decision_needs_agreements_to_speak_of():
    found = faults("decisions: [{id: d, do: require, what: agreement}]\n")
    assert found == {"decisions[d]": "nothing to require: no agreements are listed"}


def test_data_embassies_are_read_as_agreements_in_force():
    text = f"{TOY}\ndata_embassies:\n  - {{host: JPN}}\n  - {{host: LUX, guest: EST, classes: [secret]}}\n"
    scenario, warnings = parse_with_warnings(text)
    first, second = scenario.agreements
    assert (first.id, first.partner, first.optional, first.musd_per_year) == (
        "data-embassy-jpn",
        "JPN",
        False,
        0.0,
    )
    assert (second.id, second.guest, second.covers.classes) == ("data-embassy-lux-est", "EST", ["secret"])
    assert [w.path for w in warnings] == ["data_embassies"] and "agreed already" in warnings[0].message
    assert parse_scenario(dump_scenario(scenario)) == scenario


def test_a_stack_cannot_be_left_before_it_is_adopted():
    early = "{id: champion-us-chips, adopt_until: 2027-01-02, exit: {from: 2027-04-01}}"
    text = TOY.replace("{id: champion-us-chips}", early)
    assert text != TOY
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.yaml")
    assert [(p.path, "before it can" in p.message) for p in caught.value.problems] == [
        ("stacks[champion-us-chips].adopt_until", True),
        ("stacks[champion-us-chips].exit.from", True),
    ]


def test_a_least_amount_that_cannot_be_ordered_is_said_at_its_place():
    """The horizon ends with 2030, delivery takes half a year or less: the last order that runs for a year is of 2029."""
    found = faults(
        """
agreements:
  - {id: late, kind: technology-deal, partner: USA, licence_months: 3, from: 2030-01-01, duties: {least_accelerators: 8}}
  - {id: few, kind: technology-deal, partner: USA, quota: {accelerators: 100, per: year}, from: 2028-01-01,
     duties: {least_accelerators: 201}}
  - {id: enough, kind: technology-deal, partner: USA, quota: {accelerators: 100, per: year}, from: 2028-01-01,
     duties: {least_accelerators: 200}}
"""
    )
    assert set(found) == {f"agreements[{e}].duties.least_accelerators" for e in ("late", "few")}
    assert "can run for a year" in found["agreements[late].duties.least_accelerators"]
    assert "at most 200" in found["agreements[few].duties.least_accelerators"]


def test_what_is_agreed_already_is_not_forbidden_and_what_it_excludes_not_asked_for():
    found = faults(
        """
agreements:
  - {id: deal, kind: technology-deal, partner: USA, licence_months: 3, optional: false,
     duties: {excludes_stacks: [us-cloud]}}
  - {id: until, kind: technology-deal, partner: USA, licence_months: 3, optional: false, until: 2028-12-31,
     duties: {excludes_stacks: [champion-us-chips]}}
decisions:
  - {id: none, do: forbid, what: agreement}
  - {id: cloud, do: require, what: stack, stacks: [us-cloud]}
  - {id: later, do: require, what: stack, stacks: [champion-us-chips]}
  - {id: either, do: require, what: stack, stacks: [us-cloud, champion-us-chips]}
"""
    )
    assert set(found) == {"decisions[none]", "decisions[cloud]"}
    assert "'deal' is agreed already" in found["decisions[none]"]
    assert "which 'deal' excludes and is agreed already" in found["decisions[cloud]"]
