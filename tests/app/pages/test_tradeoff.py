"""The page of a trade-off: limits, brush and pick in the address, and the live programme behind the sliders."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dash import html

from planner.app.pages import (
    tradeoff,
    tradeoff_around,
    tradeoff_views,
)
from planner.app.services import Services
from planner.app.state import live
from planner.app.state.result import load, load_plan
from planner.facts.numbers import number
from planner.report import front
from planner.report.strings import t
from planner.runs.run import Run
from planner.studies import next_step
from tests.app.pages.drawn import graphs, text_of


def test_tradeoff_restores_limits_brush_and_pick_from_the_address(services: Services) -> None:
    one = load(services, "front")
    points = front.points_of(one.run)
    pick = points["point"].iloc[0]
    page = tradeoff.draw(
        one, services, {"pick": pick, "sel": f"{pick},unknown", "delay": "4", "control": "1e9"}
    )
    sent = text_of(page)
    assert json.dumps({"sel": [pick], "pick": pick, "base": ""}) in sent
    limits = front.limits(points, one.kpis)
    assert f'"max": {limits.control_high}, ' in sent or f'"value": {limits.control_high}' in sent
    below = tradeoff_views.lower(one, points, {"sel": [pick]})
    assert (graphs(page), graphs(html.Div(below))) == (1, 3)


def test_the_links_to_plan_and_capital_lead_to_the_picked_plan(services: Services) -> None:
    one = load(services, "front")
    plans = front.points_of(one.run).set_index("point")["plan"]
    last = plans[plans >= 0].index[-1]
    sent = text_of(tradeoff_views.pages_of(one, {"pick": last, "base": plans.index[0]}))
    for page in ("plan", "capital"):
        assert f"/{page}/front~{plans[last]}?base=front~{plans.iloc[0]}" in sent
    assert "/plan/front" in text_of(tradeoff_views.pages_of(one, {"pick": "", "base": ""}))


def test_hosts_of_points_go_by_their_names(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    one = load(services, "front")
    called = {host.id: f"{host.id} halls" for host in one.run.scenario.hosts}
    monkeypatch.setattr(tradeoff_views, "spoken", lambda *_: called)
    told, before = tradeoff_views.points_of(one)["hosts"], front.points_of(one.run)["hosts"]
    assert told.tolist() == [", ".join(called[h] for h in hosts.split(", ")) for hosts in before]


def test_a_plan_without_a_frontier_still_has_its_sliders(services: Services) -> None:
    page = text_of(tradeoff.draw(load(services, "cheap"), services, {}))
    assert "tradeoff-delay" in page and t("tradeoff.no-points") in page


def test_a_frontier_opens_as_its_first_plan(services: Services) -> None:
    one = load_plan(services, "front")
    assert one.ref == "front~0"
    assert one.run.kpi("cost_npv_musd") > 0


def test_live_answers_follow_the_limits_and_price_them(services: Services) -> None:
    entry = live.LiveCache().get("front", services.run("front"))
    assert entry.built.wait(120) and entry.state == "ready", entry.error
    loose, tight = entry.at(15.0, 0.0), entry.at(9.0, 45.0)
    assert tight["control_score"] >= 45 - 1e-6 and tight["delay_months"] <= 9 + 1e-3
    assert tight["cost_npv_musd"] > loose["cost_npv_musd"]
    prices = entry.prices(tight)
    assert prices is not None and all(one.least <= one.musd <= one.most for one in prices.values())
    dearer = entry.at(8.0, 45.0)["cost_npv_musd"] - tight["cost_npv_musd"]
    assert prices["price_of_speed_musd_per_month"].musd == pytest.approx(dearer, abs=1e-4)
    assert entry.prices(tight) is None, "the reader has moved on"
    assert entry.prices(tight, "another") is not None, "another reader's prices are not theirs to stop"
    again = entry.at(9.0, 45.0)
    assert again["cost_npv_musd"] == pytest.approx(tight["cost_npv_musd"], rel=1e-9)
    assert entry.at(0.1, 99.0)["feasible"] is False


def test_a_price_that_is_not_known_is_told_with_its_ends_and_is_no_card() -> None:
    known, open_ended = next_step.Price(5.0, 4.0, 6.0), next_step.Price(5.0, 1.0, 8.0)
    told = text_of(tradeoff_views.price_cards({next_step.SPEED: open_ended, next_step.CONTROL: known}))
    assert "not known within the gap; between 1 and 8" in told and told.count("not known") == 1
    cards = text_of(tradeoff_views.price_cards({next_step.SPEED: known}))
    assert "5" in cards and "not known" not in cards
    endless = text_of(tradeoff_views.price_cards({next_step.SPEED: next_step.Price(5.0, 0.0, float("inf"))}))
    assert "not known within the gap." in endless and "between" not in endless
    half = text_of(tradeoff_views.price_cards({next_step.SPEED: next_step.Price(5.0, 1.5, float("inf"))}))
    assert "not known within the gap; at least 1.5." in half
    last = text_of(tradeoff_views.price_cards({next_step.SPEED: next_step.NONE, next_step.CONTROL: known}))
    assert last.count("reaches the next whole step") == 1
    speed, control = (
        (name, next_step.least(name), next_step.most(name)) for name in (next_step.SPEED, next_step.CONTROL)
    )
    row = dict(zip((*speed, *control), (np.nan, 1.0, 8.0, np.nan, np.nan, np.nan), strict=True))
    assert text_of(tradeoff_views.not_known(front.prices_of(row))).count("not known") == 1, (
        "none where there is none"
    )


def test_a_price_that_is_not_known_is_told_as_the_table_has_it_nearby() -> None:
    rows = [(17.57, 66.55, 1.96, np.nan), (17.5, 66.55, 3.0, np.nan), (16.0, 66.55, 2.0, 9.0)]
    points = pd.DataFrame(
        rows, columns=["max_delay_months", "control_score", next_step.SPEED, next_step.CONTROL]
    )
    nearby = front.priced_near(points, {"max_delay_months": 17.6, "control_score": 66.55})
    assert set(nearby) == {next_step.SPEED}
    found = {name: next_step.Price(5.0, 1.0, 8.0) for name in (next_step.SPEED, next_step.CONTROL)}
    told = text_of(tradeoff_views.price_cards(found, nearby))
    assert (
        told.count("between 1 and 8") == 2
        and told.count("nearby (17.57 months, 66.55 points) it is 1.96") == 1
    )
    known = {next_step.SPEED: next_step.Price(5.0, 4.0, 6.0)}
    assert "nearby" not in text_of(tradeoff_views.price_cards(known, nearby))
    assert front.priced_near(points[:0], {"max_delay_months": 17.6, "control_score": 66.55}) == {}


class Slow:
    """A live programme that must never be asked twice at once."""

    def __init__(self, _run: Any) -> None:
        self.busy = 0

    def at(self, max_delay_months: float, min_control_points: float) -> dict[str, Any]:
        self.busy += 1
        assert self.busy == 1
        time.sleep(0.002)
        self.busy -= 1
        cost = 100.0 - max_delay_months + min_control_points
        asked = {"max_delay_months": max_delay_months, "min_control": min_control_points}
        return {**asked, "feasible": True, "cost_npv_musd": cost, "control_score": min_control_points}

    def at_least(self, max_delay_months: float, min_control_points: float) -> float:
        return 100.0 - max_delay_months + min_control_points


def test_readers_of_one_run_take_turns_and_the_cache_stays_small() -> None:
    cache = live.LiveCache(build=Slow, kept=2)
    entry = cache.get("a", None)
    entry.built.wait(10)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(10):
                answer = entry.at(3.0, 50.0)
                found = entry.prices(answer)
                assert (
                    found is not None and {one.shown for one in found.values()} == {1.0} and len(found) == 2
                )
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert cache.get("a", None) is entry
    for key in "bc":
        cache.get(key, None)
    assert cache.get("a", None) is not entry, "the least recently asked goes first"


@pytest.mark.untraced
def test_a_single_plan_gets_the_points_around_it_on_the_live_programme(services: Services) -> None:
    one = load(services, "cheap")
    entry = live.LiveCache().get("cheap", one.run)
    assert entry.built.wait(120) and entry.state == "ready", entry.error
    before = tradeoff.draw(one, services, {})
    waits = text_of(tradeoff_views.lower(one, tradeoff_views.points_of(one), {"sel": []}))
    for part in (text_of(before), waits):
        assert t("tradeoff.waiting")[:20] in part and t("charts.no-points")[:20] not in part
    assert t("tradeoff.no-points") in text_of(before) and entry.points is None
    end = time.monotonic() + 60
    while (points := entry.screened()) is None and time.monotonic() < end:
        time.sleep(0.05)
    assert entry.screened() is points, "it is worked out once"
    beside = entry.around(6.0, 40.0)
    while not beside.done and time.monotonic() < end:
        time.sleep(0.02)
    assert entry.around(6.0, 40.0) is beside and beside.asked == len(beside.rows) > 3
    assert all(least - 1e-6 <= best <= most + 1e-6 for *_, best, least, most in beside.rows)
    at = entry.at(6.0, 40.0)
    own = beside.service.set_index("w").loc["assistant"]  # the only workload: its dates are those of all
    assert all(own[name] == at[name] for name in own.index)
    told = text_of(tradeoff_around.content(beside, [6.0, 40.0], one.run.scenario))
    assert t("tradeoff.forced") in told and "work at cloud" in told and "Worked out" not in told
    assert text_of(tradeoff_around.content(beside, [6.0, 40.0], one.run.scenario)) == told, (
        "asked a second time"
    )
    plan_cost, delay = one.run.kpi("cost_npv_musd"), one.run.kpi("delay_months")
    assert set(points["quality"]) == {"screening"} and len(points) >= 10
    near = points[(points["delay_months"] <= delay + 1e-3) & (points["min_control"].isna())]
    assert near["cost_npv_musd"].min() == pytest.approx(plan_cost, rel=0.05)
    around = front.with_plan(points, one.run, entry.at, entry.program)
    assert around is not None and front.with_plan(None, one.run, entry.at, entry.program) is None
    own = around.iloc[0]
    assert (own["point"], own["cost_npv_musd"], own["plan"]) == (front.OWN, plan_cost, -1)
    assert around.attrs["own_musd"] == pytest.approx(plan_cost, rel=0.05) and len(around) == len(points) + 1
    points = around
    try:
        one.screened = points
        drawn = text_of(tradeoff.draw(one, services, {"pick": points["point"].iloc[0]}))
        assert (
            t(
                "tradeoff.screened",
                own=number(around.attrs["own_musd"]),
                plan=number(plan_cost),
                name=front.OWN,
            )
            in drawn
        )
        assert all(f'"point": "{p}"' in drawn for p in points["point"])
        picked = tradeoff_views.picked(one, {"pick": points["point"].iloc[1]})
        assert t("tradeoff.screening") in text_of(picked)
        assert [
            b.variant for b in picked._traverse() if getattr(b, "children", "") == t("tradeoff.make-pick")
        ] == ["filled"]
        itself = text_of(tradeoff_views.picked(one, {"pick": front.OWN}))
        assert f"/plan/{one.ref}" in itself and t("tradeoff.make-pick") not in itself
        assert all(told in drawn for told in front.in_words(points)) and front.in_words(points)
        pd.testing.assert_frame_equal(
            tradeoff_views.TABLES["points"](one, None), points, check_like=True, check_dtype=False
        )
    finally:
        one.screened = None


def test_a_live_programme_that_fails_says_why_and_is_tried_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def build(_run: Any) -> Any:
        calls.append(1)
        raise ValueError("no plan exists at any delay")

    cache = live.LiveCache(build=build)
    entry = cache.get("x", None)
    entry.built.wait(10)
    assert (entry.state, entry.error) == ("failed", "no plan exists at any delay")
    assert cache.get("x", None) is entry and len(calls) == 1, (
        "questions of an open page do not build it again"
    )
    monkeypatch.setattr("time.monotonic", lambda: entry.again_s)
    cache.get("x", None).built.wait(10)
    assert len(calls) == 2


def test_limits_cover_all_points(services: Services) -> None:
    run: Run = services.run("front")
    points = front.points_of(run)
    limits = front.limits(points, run.kpis)
    assert limits.delay_low >= points["max_delay_months"].min() - 1e-9, "the tightest limit can be met"
    assert limits.delay_high >= points["max_delay_months"].max() - 1e-3
    assert points["control_score"].max() - 0.1 <= limits.control_high <= points["control_score"].max()


@pytest.mark.parametrize("months", [4.20005, 4.2, 4.2000004])
def test_the_lowest_stop_of_the_delay_can_be_met(months: float) -> None:
    points = pd.DataFrame({"max_delay_months": [months, 16.0], "control_score": [50.0, 60.0]})
    low = front.limits(points, pd.DataFrame()).delay_low
    assert months - 1e-6 <= low <= months + 0.1


def test_the_words_say_what_more_control_and_less_delay_cost() -> None:
    rows = [(12.0, 60.0, 17.0), (12.0, 80.0, 20.5), (6.0, 60.0, 17.25), (6.0, 70.0, 30.0)]
    points = pd.DataFrame(rows, columns=["max_delay_months", "control_score", "cost_npv_musd"]).assign(
        quality="screening", delay_months=lambda points: points["max_delay_months"]
    )
    control, speed = front.in_words(points)
    for part in ("12 months", "60 points cost 17.0 MUSD", "80 points cost 20.5 MUSD", "3.5 MUSD more"):
        assert part in control
    assert "17.00 MUSD" in speed and "17.25 MUSD" in speed and "0.25 MUSD more" in speed
    (alone,) = front.in_words(points[:1])
    assert "60 points" in alone and "already" in alone
    assert front.in_words(points[:0]) == []


def test_the_words_count_a_plan_that_stands_for_the_screening_point_it_beats() -> None:
    rows = [
        (15.0001, 31.0, 101.0, "quick"), (40.0, 31.0, 80.0, "quick"), (15.0, 34.0, 116.0, "screening"),
        (15.0, 68.0, 123.0, "screening"), (15.0, 68.01, 124.0, "screening"), (3.0, 31.0, 139.0, "screening"),
    ]  # fmt: skip
    points = pd.DataFrame(rows, columns=["max_delay_months", "control_score", "cost_npv_musd", "quality"])
    points["delay_months"] = points["max_delay_months"]
    control, speed = front.in_words(points)
    for part in ("15 months", "31 points cost 101 MUSD", "68 points cost 123 MUSD", "22 MUSD more"):
        assert part in control
    for part in ("15 months costs 101 MUSD", "3 months 139 MUSD", "38 MUSD more"):
        assert part in speed
