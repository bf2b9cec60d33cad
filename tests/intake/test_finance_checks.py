"""Finance that cannot be is named before anything is solved: all at once, each with its line, path and a way out."""

from __future__ import annotations

import pytest

from planner.intake.scenario_file import example_path, load_scenario, parse_scenario, parse_with_warnings
from planner.scenario.problems import ScenarioError

BAD = """
extends: two-hosts
name: bad
finance:
  payers:
    - {payer: venture, hosts: [nobody]}
    - {payer: state, owner_classes: [us-operator, us-operator]}
  sources:
    - {id: a, kind: loan, share: 1.2}
    - {id: b, kind: loan, share: 0.2, assets: [servers], tenor_years: 9}
    - {id: c, preset: exim-direct}
    - {id: d, kind: loan, share: 0.1, currency: XYZ, assets: [hals]}
    - {id: e, kind: loan, payers: [provider], share: 0.5}
    - {id: f, kind: loan, assets: [halls], share: 0.6}
    - {id: g, kind: grant, share: 0.6, assets: [halls], tenor_years: 3}
    - {id: h, preset: exim-dirct}
    - {id: i, kind: equity, share: 0.4}
    - {id: j, kind: loan, share: 0.1, assets: [grid], countries: [KAZ], dscr: 1.3, tenor_years: 2, grace_years: 2}
    - {id: k, preset: exim-medium-term, authority_ends: 2036-12-31, tenor_years: 8}
    - {id: l, kind: loan, share: 0.1, assets: [grid], from: 2028-01-01, until: 2027-01-01}
    - {id: m, kind: loan, share: 0.1, assets: [grid], financed_share: 0.85, from: 2050-01-01}
    - {id: n, kind: grant, share: 0.1, assets: [halls], until: 2027-12-31}
    - {id: o, kind: loan, share: 0.7, assets: [backup], from: 2028-01-01, until: 2028-12-31}
    - {id: p, kind: loan, share: 0.6, assets: [backup], from: 2028-12-31, until: 2029-12-31}
    - {id: q, kind: loan, share: 0.7, assets: [backup], from: 2029-12-01, until: 2029-12-31}
    - {id: r, kind: equity, share: 0.4, amount_m: 5, assets: [halls], from: 2027-01-01}
  revenue:
    - {id: r, kind: usage}
    - {id: t, kind: usage, price_usd: 2, workloads: [assistant], until: 2027-12-31}
    - {id: u, kind: availability, price_usd: 2, from: 2028-01-01, until: 2028-12-31}
    - {id: v, kind: take-or-pay, price_usd: 2, workloads: [assistant], from: 2028-12-01}
    - {id: s, kind: budget, musd_per_year: 3, from: 2029-01-01, until: 2028-01-01}
  target_dscr: 1.3
  currency:
    paths:
      - {currency: KZT, points: [{at: 2027-01-01, usd_per_unit: 0.002}]}
      - {currency: KZT, points: [{at: 2027-01-01, usd_per_unit: 0.002}]}
"""
SAID = {
    "payers[0].hosts[0]": "unknown host",
    "payers[1].owner_classes[1]": "has a payer already",
    "sources[a].share": "debt above 100 %",
    "sources[b].tenor_years": "useful life of servers, 5 years",
    "sources[c].authority_ends": "after the agency's authority ends, 2026-12-31",
    "sources[d].currency": "no exchange path for it",
    "sources[d].assets[0]": "did you mean 'halls'?",
    "sources[e].payers": "no asset may use it",
    "sources[g].share": "120 % of halls: debt above 100 %",
    "sources[g].tenor_years": "grant is not repaid",
    "sources[h].preset": "did you mean 'exim-direct'?",
    "sources[j].countries": "no site stands in KAZ",
    "sources[j].dscr": "profile: sculpted",
    "sources[j].grace_years": "shorter than the tenor",
    "sources[k].tenor_years": "8 years exceed the agency's 5",
    "sources[l].until": "must come after from",
    "sources[m].financed_share": "rule of an export credit",
    "sources[m].from": "after the horizon",
    "sources[n].share": "130 % of halls: debt above 100 %",
    "sources[p].share": "130 % of backup: debt above 100 %",
    "sources[q].share": "130 % of backup: debt above 100 %",
    "sources[r].share": "add up to 80 %",
    "sources[r].amount_m": "is not for equity",
    "sources[r].assets": "is not for equity",
    "sources[r].from": "is not for equity",
    "revenue[r]": "states price_usd",
    "revenue[v]": "v and u both sell the accelerator-hours of assistant in 2028-Q4 to 2028-Q4",
    "revenue[s].until": "must come after from",
    "currency.paths[1].currency": "second path of KZT",
}


OPTIONAL = """
extends: two-hosts
name: bad
horizon: {start: 2027-01-01, years: 6, step: half-year}
finance:
  grants: [{id: eu, payer: partner, date: 2028-01-01, musd: 5}]
  sources:
    - {id: a, optional: true, kind: loan, assets: [halls]}
    - {id: b, optional: true, kind: equity}
    - {id: c, optional: true, kind: grant}
    - {id: d, optional: true, kind: loan, until: 2028-12-31, tenor_years: 3, profile: sculpted, sweep_share: 0.5}
    - {id: e, optional: true, kind: loan, until: 2032-12-31, tenor_years: 3}
    - {id: f, optional: true, kind: loan, from: 2028-04-01, until: 2028-09-30, tenor_years: 3}
    - {id: g, optional: true, kind: loan, until: 2027-06-30, tenor_years: 5.25, assets: [servers]}
    - {id: h, optional: true, preset: eca-oecd, until: 2028-12-31}
    - {id: i, optional: true, kind: loan, until: 2028-12-31, tenor_years: 19, assets: [halls, servers]}
    - {id: k, optional: true, kind: loan, until: 2028-12-31, tenor_years: 4, assets: [development]}
    - {id: j, optional: true, kind: loan, until: 2028-12-31, tenor_years: 4, share: 1.2}
"""
SAID_OF_OPTIONAL = {
    "grants[eu]": "make it a source of kind grant with optional: true",
    "sources[a].tenor_years": "needs a tenor",
    "sources[a].until": "the day up to which it is drawn",
    "sources[b].optional": "not for equity",
    "sources[c].amount_m": "would draw without end",
    "sources[d].profile": "level or equal-principal",
    "sources[d].sweep_share": "follows no cash flow",
    "sources[e].until": "leaves nothing of the horizon to repay it in",
    "sources[f].until": "no whole period",
    "sources[g].tenor_years": "beyond the useful life of all it may finance, 5 years",
    "sources[i].tenor_years": "19 years outlast the 4 of the horizon after 2028-12-31",
    "sources[j].share": "debt above 100 %",
    "sources[k].assets": "pays for what is bought",
}


def test_an_optional_source_states_what_its_price_rests_on() -> None:
    """A tenor past the life of some assets only is no fault: the model pays for the others."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(OPTIONAL)
    found = {p.path.removeprefix("finance."): p.message for p in caught.value.problems}
    assert set(found) == set(SAID_OF_OPTIONAL)
    for path, words in SAID_OF_OPTIONAL.items():
        assert words in found[path], found[path]


@pytest.fixture(scope="module")
def faults() -> dict[str, list[tuple[int, str]]]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(BAD)
    found: dict[str, list[tuple[int, str]]] = {}
    for problem in caught.value.problems:
        found.setdefault(problem.path.removeprefix("finance."), []).append((problem.line, problem.message))
    return found


@pytest.mark.parametrize(("path", "words"), SAID.items(), ids=list(SAID))
def test_each_fault_has_its_place_and_a_reason(
    faults: dict[str, list[tuple[int, str]]], path: str, words: str
) -> None:
    name = path.partition("[")[2].partition("]")[0]
    assert any(words in message for _, message in faults[path]), faults[path]
    for line, _ in faults[path]:
        assert name.isdigit() or f"{{id: {name}," in BAD.splitlines()[line - 1]


def test_a_target_needs_a_price_to_find() -> None:
    with pytest.raises(ScenarioError, match="whose price is to be found"):
        parse_scenario("extends: two-hosts\nname: x\nfinance: {target_dscr: 1.3}\n")
    with pytest.raises(ScenarioError, match="one target"):
        parse_scenario("extends: two-hosts\nname: x\nfinance: {target_dscr: 1.3, target_equity_irr: 0.1}\n")


def test_a_life_of_ones_own_allows_a_longer_tenor() -> None:
    text = "extends: two-hosts\nname: x\nhorizon: {start: 2027-01-01, years: 30, step: year}\nfinance:\n"
    source = "  sources: [{id: n, preset: project-bond, tenor_years: 27}]\n"
    with pytest.raises(ScenarioError, match="useful life of halls, 20 years"):
        parse_scenario(text + source)
    parse_scenario(text + "  life_years: {halls: 30, cooling: 30, backup: 30, plant: 30}\n" + source)


@pytest.mark.parametrize(
    "name", ["shell-loan", "accelerator-vehicle", "delayed-draw", "long-notes", "exim-package"]
)
def test_the_deals_are_in_order(name: str) -> None:
    path = example_path("two-hosts").parent / "finance" / f"{name}.yaml"
    scenario = load_scenario(path)
    assert scenario.finance.sources and not parse_with_warnings(path.read_text(), base_dir=path.parent)[1]


def test_contracts_that_follow_one_another_are_in_order(faults: dict[str, list[tuple[int, str]]]) -> None:
    assert "revenue[t]" not in faults and "revenue[u]" not in faults and "sources[o].share" not in faults


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", {}),
        (
            "limits: {money: [{what: capex, musd: 40}]}\n",
            {"b": "grants of 45 MUSD are more than the 40 of capital"},
        ),
        ("limits: {money: [{what: capex, musd: 40, year: 2028}, {what: outlay, musd: 10}]}\n", {}),
        ("overrides: {'hosts[champion]': null}\n", {"a": "no capital for it", "b": "no capital for it"}),
    ],
)
def test_a_grant_that_no_capital_can_stand_behind_is_warned_of(more: str, said: dict[str, str]) -> None:
    grants = ", ".join(
        f"{{id: {name}, payer: partner, date: 2028-01-01, musd: {musd}}}"
        for name, musd in (("a", 30), ("b", 15))
    )
    text = f"extends: two-hosts\nname: x\nfinance: {{grants: [{grants}]}}\n{more}"
    warned = {w.path: w.message for w in parse_with_warnings(text)[1] if w.path.startswith("finance.grants")}
    assert set(warned) == {f"finance.grants[{name}].musd" for name in said}
    for name, words in said.items():
        assert words in warned[f"finance.grants[{name}].musd"]


def said_of(finance: str) -> dict[str, str]:
    """Path within the section finance -> what is said of it, of two hosts over six years."""
    text = f"extends: two-hosts\nname: x\nhorizon: {{start: 2027-01-01, years: 6, step: half-year}}\nfinance:\n  {finance}\n"
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    return {p.path.removeprefix("finance."): p.message for p in caught.value.problems}


OPEN = "until: 2028-12-31, assets: [halls]"


@pytest.mark.parametrize("optional", ["true", "false"])
@pytest.mark.parametrize(
    ("terms", "field", "words"),
    [
        ("tenor_years: 0.1", "tenor_years", "0.1 years are no whole number of quarters"),
        ("tenor_years: 3.1", "tenor_years", "loans are repaid: 3 or 3.25"),
        ("tenor_years: 3, grace_years: 0.3", "grace_years", "no whole number of quarters"),
        ("tenor_years: 4.25", "tenor_years", "outlast the 4 of the horizon after 2028-12-31"),
        ("tenor_years: 3, longest_tenor_years: 2", "tenor_years", "exceed the agency's 2"),
        (
            "tenor_years: 3, base_rate_per_year: 0.02, margin_per_year: -0.05",
            "margin_per_year",
            "interest is −3.00 % a year",
        ),
        ("tenor_years: 3, upfront_fee_share: 1", "upfront_fee_share", "must be less than 1"),
    ],
)
def test_a_loan_that_cannot_be_is_refused_at_its_field(
    optional: str, terms: str, field: str, words: str
) -> None:
    found = said_of(f"sources: [{{id: a, kind: loan, optional: {optional}, {OPEN}, {terms}}}]")
    assert list(found) == [f"sources[a].{field}"] and words in found[f"sources[a].{field}"]


@pytest.mark.parametrize(
    "terms", ["kind: grant, amount_m: 5", "kind: loan, optional: true, until: 2028-12-31, tenor_years: 3"]
)
def test_years_of_service_are_asked_of_a_grant_that_the_plan_draws(terms: str) -> None:
    found = said_of(f"sources: [{{id: a, {terms}, assets: [halls], kept_years: 3}}]")
    assert list(found) == ["sources[a].kept_years"] and "optional: true" in found["sources[a].kept_years"]


def test_an_optional_source_does_not_pay_for_costs_of_finance() -> None:
    asked = "kind: loan, tenor_years: 3, costs_of_finance: true"
    found = said_of(f"sources: [{{id: a, optional: true, {OPEN}, {asked}}}]")
    assert list(found) == ["sources[a].costs_of_finance"]


def test_grace_is_shorter_than_a_tenor_that_is_filled_in() -> None:
    found = said_of("sources: [{id: a, preset: eca-oecd, optional: true, until: 2028-12-31, grace_years: 4}]")
    assert found["sources[a].grace_years"].endswith(
        "4 years, the least of its caps: what is left of the horizon"
    )


@pytest.mark.parametrize(
    ("section", "path", "words"),
    [
        ("inflation_per_year: -0.99", "inflation_per_year", "at least -0.2"),
        (
            "currency: {paths: [{currency: USD, points: [{at: 2027-01-01, usd_per_unit: 2}]}]}",
            "currency.paths[0].currency",
            "USD has no path",
        ),
        ("downsides: [{id: x, what: price, size: 3}]", "downsides[x].size", "300 % of what price changes"),
        ("downsides: [{id: x, what: utilisation, size: 1.5}]", "downsides[x].size", "less than nothing"),
        ("downsides: [{id: x, what: residual, size: 2}]", "downsides[x].size", "less than nothing"),
        ("downsides: [{id: x, what: currency, size: 1}]", "downsides[x].size", "less than nothing"),
        ("downsides: [{id: x, what: rate, size: 2}]", "downsides[x].size", "two points are 0.02"),
        ("downsides: [{id: x, what: grid-late, size: 400}]", "downsides[x].size", "whole horizon, 72 months"),
    ],
)  # fmt: skip
def test_a_figure_out_of_all_measure_is_named(section: str, path: str, words: str) -> None:
    found = said_of(section)
    assert list(found) == [path] and words in found[path], found
