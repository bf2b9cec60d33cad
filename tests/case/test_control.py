"""What protects the control score: the published calculator, worked examples, derivation from attributes."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case import control
from planner.case.attributes import compute_sovereignty, offer_attributes
from planner.case.build import build_case
from planner.case.context import Context
from planner.facts.catalog import load_catalog
from planner.facts.errors import BadValue
from planner.scenario.schema import Scenario

US_CLOUD = "11212112 | 223311 | 33342 | 322222 | 2222122 | 33122 | 4423323 | 4332"
LOCAL_OPERATOR = "33244323 | 344323 | 54452 | 443433 | 3222333 | 33222 | 4444435 | 4332"
CHAMPION = "44344334 | 345323 | 55453 | 444443 | 3223433 | 44332 | 3445445 | 4332"
EXAMPLES = (
    ("us-operator", "us-cloud", US_CLOUD, (30.17, 31.05, 33.80), 0, {"1.8"}),
    ("joint-venture", "us-platform-local-operator", LOCAL_OPERATOR, (54.40, 56.93, 56.73), 1, {"2.3", "5.2"}),
    ("national-champion", "champion-us-chips", CHAMPION, (64.67, 67.60, 65.72), 1, {"5.2"}),
)
CRITERIA = control.prepare_criteria(load_catalog())
MAXIMA = (1000.03, 1002, 1000, 1002, 1001, 1000, 1001, 1000)


def scenario(**changes: object) -> Scenario:
    base: dict[str, object] = {
        "planner": 1, "name": "tiny", "country": "KOR", "horizon": {"start": "2027-01-01", "years": 2},
        "demand": [{
            "id": "w", "kind": "inference", "sector": "x", "body": "private", "data_class": "public",
            "latency_class": "standard", "model_class": "large", "locality": {"where": "anywhere"},
            "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 500}]},
        }],
        "sites": [{"id": "here", "metro": "KR-SEO", "grid_mw": [{"from": "2027-01-01", "mw": 20}]}],
        "hosts": [{"id": "h", "site": "here", "mode": "build", "owner_class": "national-champion",
                   "operator": "o", "stacks": ["champion-us-chips"]}],
        "stacks": [{"id": "champion-us-chips"}], "systems": [{"id": "hgx-b300"}],
    }  # fmt: skip
    return Scenario.model_validate(base | changes)


def host(owner: str, stack: str, mode: str = "build", **more: object) -> dict[str, object]:
    return {
        "id": "h", "site": "here", "mode": mode, "owner_class": owner, "operator": "o", "stacks": [stack],
    } | more  # fmt: skip


def derived(
    owner: str, stack: str, chip: str = "b300", licensed: bool = False, **changes: object
) -> list[list[int]]:
    mode = "cloud" if stack == "us-cloud" else "build"
    s = scenario(hosts=[host(owner, stack, mode)], stacks=[{"id": stack}], **changes)
    context = Context.of(s, load_catalog())
    attributes = offer_attributes(context, s.hosts[0], stack, chip, licensed, "KOR")
    return control.derived_answers(context.catalog, attributes)


def top() -> list[list[int]]:
    criteria = CRITERIA
    return [[len(v) for v in part] for _, part in criteria.groupby("objective", sort=False)["level_values"]]


def test_full_marks_are_the_published_maxima() -> None:
    assert tuple(control.points(top(), CRITERIA)) == pytest.approx(MAXIMA, abs=1e-9)
    assert control.score(top(), "calculator", CRITERIA) == pytest.approx(100.0756, abs=1e-9)
    assert control.seal(top(), CRITERIA) == 4
    lowest = [[1] * len(objective) for objective in top()]
    assert all(control.score(lowest, weighting, CRITERIA) == 0 for weighting in control.WEIGHTINGS)
    assert control.seal(lowest, CRITERIA) == 0


@pytest.mark.parametrize(("owner", "stack", "text", "scores", "seal", "binding"), EXAMPLES)
def test_worked_examples(
    owner: str, stack: str, text: str, scores: tuple[float, ...], seal: int, binding: set[str]
) -> None:
    answers = control.parse_answers(text)
    for weighting, expected in zip(control.WEIGHTINGS, scores, strict=True):
        assert control.score(answers, weighting, CRITERIA) == pytest.approx(expected, abs=0.005)
    level, holders = control.binding(answers, CRITERIA)
    assert level == seal == control.seal(answers, CRITERIA)
    assert binding <= set(holders)
    answers[1][3] = 1  # licence required
    assert control.seal(answers, CRITERIA) == 0


@pytest.mark.parametrize(("owner", "stack", "text", "scores", "seal", "binding"), EXAMPLES)
def test_attributes_of_the_shipped_stacks_derive_the_worked_examples(
    owner: str, stack: str, text: str, scores: tuple[float, ...], seal: int, binding: set[str]
) -> None:
    assert derived(owner, stack) == control.parse_answers(text)


def test_default_gate_reads_past_the_chip_criteria() -> None:
    champion = control.parse_answers(CHAMPION)
    assert control.seal(champion, CRITERIA, exclude=("2.4", "5.2")) == 2
    assert control.seal(champion, CRITERIA, ("5.2",)) == 2
    with pytest.raises(BadValue, match=r"no criterion 9\.1"):
        control.seal(champion, CRITERIA, exclude=("9.1",))


def test_score_is_the_weighted_sum_of_the_table() -> None:
    """Against the table itself, criterion by criterion: one level up adds its value times the weight."""
    criteria = CRITERIA
    base = control.parse_answers(LOCAL_OPERATOR)
    for row in criteria.itertuples():
        objective, number = (int(part) - 1 for part in str(row.criterion_id).split("."))
        level = base[objective][number]
        if level == len(row.level_values):
            continue
        better = [list(levels) for levels in base]
        better[objective][number] += 1
        step = row.weight_calculator * (row.level_values[level] - row.level_values[level - 1]) / 10
        gain = control.score(better, "calculator", CRITERIA) - control.score(base, "calculator", CRITERIA)
        assert gain == pytest.approx(step, abs=1e-9)


def changed(criterion: str, level: object) -> list[list[object]]:
    """The answers of the US cloud with one level replaced."""
    answers: list[list[object]] = [list(levels) for levels in control.parse_answers(US_CLOUD)]
    objective, number = (int(part) for part in criterion.split("."))
    answers[objective - 1][number - 1] = level
    return answers


@pytest.mark.parametrize(
    ("answers", "weighting", "message"),
    [
        (control.parse_answers("1;1"), "calculator", "eight lists of levels, one an objective, not 2"),
        (None, "calculator", "eight lists of levels"),
        ([3] * 8, "calculator", "eight lists of levels"),
        (
            control.parse_answers(US_CLOUD.replace("223311", "22331")),
            "calculator",
            r"objective 2 \(Legal and jurisdictional\): 5 levels for 6 criteria, 2\.1 to 2\.6",
        ),
        (
            changed("1.1", 6),
            "equal",
            r"objective 1 \(Strategic\), criterion 1\.1: level 6 .* between 1 and 4",
        ),
        (changed("3.2", 0), "v1.2.1", r"objective 3 .*criterion 3\.2: level 0"),
        (changed("8.4", 2.5), "equal", r"criterion 8\.4: level 2\.5 is not a whole number"),
        (changed("8.4", float("nan")), "equal", r"criterion 8\.4: level nan"),
        (changed("5.7", "3"), "equal", r"criterion 5\.7: level 3"),
        (changed("5.7", None), "equal", r"criterion 5\.7: level None"),
        (control.parse_answers(US_CLOUD), "v1", "weighting 'v1' is not one of v1.2.1, calculator, equal"),
    ],
)
def test_bad_answers_are_named(answers: Any, weighting: str, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        control.score(answers, weighting, CRITERIA)
    if "weighting" not in message:
        with pytest.raises(BadValue, match=message):
            control.seal(answers, CRITERIA)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(BadValue, match=r"criterion 1\.1.*criterion 6\.5"):
        answers: Any = changed("1.1", 9)
        answers[5][4] = 0
        control.score(answers, "equal", CRITERIA)


@pytest.mark.parametrize("of", [list, tuple, np.array, lambda levels: pd.Series(levels, dtype=float)])
def test_answers_may_be_lists_tuples_or_arrays(of: Any) -> None:
    answers = control.parse_answers(CHAMPION)
    given = tuple(of(levels) for levels in answers)
    for weighting in control.WEIGHTINGS:
        assert control.score(given, weighting, CRITERIA) == control.score(answers, weighting, CRITERIA)
    assert (
        control.seal(given, CRITERIA, exclude=["2.4", "5.2"])
        == control.seal(given, CRITERIA, {"2.4", "5.2"})
        == 2
    )
    assert control.seal(given, CRITERIA, "5.2") == control.seal(given, CRITERIA, ("5.2",))


@pytest.mark.parametrize(
    ("text", "scores", "seal", "seal_without_chips", "binding"),
    [  # from the published table with a pocket calculator: values of the levels, weights, lowest seal
        ("22222222|222222|22222|222222|2222222|22222|2222222|2222", (25.9114, 26.06645, 25.937625), 0, 0,
         ["1.8", "3.4", "6.2", "8.2"]),
        ("33333333|333333|33333|333333|3333333|33333|3333333|3333", (51.8077, 52.1161, 51.8585), 1, 1,
         ["2.2", "2.3", "3.3", "3.4", "7.3", "7.4", "7.7"]),
        ("44444444|344444|44444|444444|4444444|44444|4444444|4444", (76.8842, 77.34935, 76.750375), 1, 1,
         ["2.3", "3.4", "7.7"]),
        ("45455545|355555|55515|555555|5555555|55555|5555555|5555", (98.08045, 98.0756, 97.575375), 0, 0, ["3.4"]),
        ("45455545|355355|55555|555555|5255555|55555|5555555|5555", (97.10045, 98.1681, 97.691), 1, 4, ["5.2"]),
        ("12345133|234512|34512|451234|5123451|12345|2345123|3451", (50.30885, 50.0218, 50.6355), 0, 0,
         ["3.4", "6.1", "6.2", "7.5"]),
    ],
)  # fmt: skip
def test_further_answers_scored_by_hand(
    text: str, scores: tuple[float, ...], seal: int, seal_without_chips: int, binding: list[str]
) -> None:
    answers = control.parse_answers(text)
    found = tuple(control.score(answers, weighting, CRITERIA) for weighting in control.WEIGHTINGS)
    assert found == pytest.approx(scores, abs=1e-9)
    assert control.binding(answers, CRITERIA) == (seal, binding)
    assert control.seal(answers, CRITERIA, exclude=("2.4", "5.2")) == seal_without_chips


def test_every_criterion_has_an_answer_for_every_combination_of_its_attributes() -> None:
    catalog = load_catalog()
    values = control.attribute_values(catalog)
    table = catalog.table("control_answers")
    assert set(table["criterion_id"]) == set(catalog.table("control_criteria")["criterion_id"])
    for _, part in table.groupby(["criterion_id", "attribute"]):
        assert sorted(part["value"]) == sorted(values[part["attribute"].iloc[0]])
    levels = catalog.table("control_criteria")["level_values"].map(lambda text: len(str(text).split(";")))
    assert (table["level"] <= table["criterion_id"].map(levels)).all()


def test_what_raises_an_attribute_never_lowers_the_score() -> None:
    """Keys at home, domestic chips, a domestic operator, open platform: each is worth points on its own."""
    base = control.score(derived("us-operator", "us-platform-local-operator"), "calculator", CRITERIA)
    local = control.score(derived("joint-venture", "us-platform-local-operator"), "calculator", CRITERIA)
    champion = control.score(derived("national-champion", "champion-us-chips"), "calculator", CRITERIA)
    npu = control.score(
        derived("national-champion", "champion-national-npu", "rebel-quad"), "calculator", CRITERIA
    )
    own = control.score(derived("national-champion", "champion-own-models"), "calculator", CRITERIA)
    assert base < local < champion < npu
    assert own > champion
    licensed = derived("national-champion", "champion-us-chips", licensed=True)
    assert licensed[1][3] == 1 and control.seal(licensed, CRITERIA) == 0


def test_contributions_by_decision_sum_to_score_and_to_full_mark() -> None:
    for text, weighting in itertools.product((US_CLOUD, CHAMPION), control.WEIGHTINGS):
        answers = control.parse_answers(text)
        table = control.contributions_by_decision(answers, weighting, CRITERIA)
        assert table["points"].sum() == pytest.approx(control.score(answers, weighting, CRITERIA))
        assert table["attainable"].sum() == pytest.approx(control.score(top(), weighting, CRITERIA))
        assert (table["points"] <= table["attainable"] + 1e-9).all()
    stakes = control.contributions_by_decision(top(), "calculator", CRITERIA)["attainable"]
    assert stakes["operator"] == pytest.approx(34.4, abs=0.1) and stakes["platform"] == pytest.approx(
        22, abs=0.1
    )


def test_overrides_and_declared_attributes_reach_the_offer() -> None:
    plain = build_case(scenario()).offers.iloc[0]
    changed = build_case(
        scenario(control={"overrides": [{"host": "h", "criterion": "1.8", "level": 1}]})
    ).offers.iloc[0]
    assert changed["answers"][7] == "1" and changed["seal"] == 0 < plain["seal"]
    better = host("national-champion", "champion-us-chips", attributes={"efficiency": "pue-1.2"})
    declared = build_case(scenario(hosts=[better])).offers.iloc[0]
    assert declared["sigma"] - plain["sigma"] == pytest.approx(0.05 * 62.5 / 1000)
    wrong = host("national-champion", "champion-us-chips", attributes={"keys": "mine"})
    with pytest.raises(BadValue, match="control attribute keys: 'mine' is not one of provider"):
        build_case(scenario(hosts=[wrong]))


def test_home_is_read_as_the_partner_country_or_its_trusted_region() -> None:
    sites = [{"id": "here", "metro": "JP-TYO", "grid_mw": [{"from": "2027-01-01", "mw": 20}]}]
    hosts = [host("us-operator", "us-cloud", "cloud")]
    changes: dict[str, object] = {"sites": sites, "hosts": hosts, "stacks": [{"id": "us-cloud"}]}
    abroad = build_case(scenario(**changes)).offers.iloc[0]
    trusted = build_case(scenario(control={"trusted_region": ["JPN"]}, **changes)).offers.iloc[0]
    assert abroad["sigma"] < trusted["sigma"] == pytest.approx(0.3105, abs=1e-4)


def test_a_parent_abroad_brings_its_law() -> None:
    domestic = derived("national-champion", "champion-us-chips")
    s = scenario(
        hosts=[host("national-champion", "champion-us-chips", owner_parent="USA", operator_parent="USA")]
    )
    context = Context.of(s, load_catalog())
    seen = offer_attributes(context, s.hosts[0], "champion-us-chips", "b300", False, "KOR")
    assert (seen["law"], seen["owner"], seen["operator"]) == ("foreign", "foreign", "foreign")
    answers = control.derived_answers(context.catalog, seen)
    assert answers[1][1] == 2 < domestic[1][1]  # 2.2 exposure to foreign law


def test_oxford_levels_say_where_compute_stands_who_provides_and_who_makes_the_chips() -> None:
    s = scenario()
    context = Context.of(s, load_catalog())
    seen = {
        chip: compute_sovereignty(
            offer_attributes(context, s.hosts[0], "champion-us-chips", chip, False, "KOR")
        )
        for chip in ("b300", "rebel-quad")
    }
    assert seen["b300"] == {"territory": True, "provider": True, "chips": False}
    assert seen["rebel-quad"]["chips"]


def test_answers_text_round_trip() -> None:
    for text in (US_CLOUD, LOCAL_OPERATOR, CHAMPION):
        assert control.parse_answers(
            control.answers_text(control.parse_answers(text))
        ) == control.parse_answers(text)
    assert isinstance(control.points(control.parse_answers(CHAMPION), CRITERIA), pd.Series)
