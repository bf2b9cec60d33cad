"""Fields of the editor that are drawn beside one another."""

from __future__ import annotations

from planner.app.pages import (
    editor_views,
)
from planner.app.services import Services
from planner.app.state import editing
from planner.intake.scenario_file import example_path
from planner.jobs import drafts
from planner.report.strings import t
from tests.app.pages.drawn import text_of


def test_demand_offers_profiles_and_tells_the_lengths_taken(services: Services) -> None:
    plain = example_path("two-hosts").read_text("utf-8")
    for text, told in (
        (plain, True),
        (editing.apply(plain, {"demand[assistant].profile": "retrieval"}), False),
    ):
        draft = drafts.create(services.store, "mine", text, "someone")
        shown = text_of(editor_views.body(services, draft, "demand", editing.check(text, services.catalog)))
        assert (t("scenario.lengths-taken") in shown) == told
        for field in (
            "profile",
            "ttft_s",
            "tokens_per_s_per_user",
            "input_tokens_per_request",
            "cached_share",
        ):
            assert f'"field": "{field}"' in shown, field
        assert (
            "coding-agent" in shown and "params_total_b" in shown
        )  # profiles to choose from, models of one's own
