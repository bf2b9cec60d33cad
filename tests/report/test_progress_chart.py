"""What the chart of a run shows: money only, a break between stages, no bound that says nothing yet."""

from planner.report.charts.progress import progress, progress_table

EVENTS: list[dict[str, object]] = [
    {"seconds": 1, "stage": "least delay", "incumbent": 3.0, "bound": 2.0},
    {"seconds": 2, "stage": "hosts and stacks", "incumbent": None, "bound": None},
    {"seconds": 3, "stage": "hosts and stacks", "incumbent": None, "bound": 50.0},
    {"seconds": 4, "stage": "hosts and stacks", "incumbent": 2100.0, "bound": 2000.0},
    {"seconds": 5, "stage": "halls", "incumbent": 2080.0, "bound": 2050.0},
]


def test_only_costs_are_drawn_and_stages_are_apart() -> None:
    table = progress_table(EVENTS)
    assert list(table["seconds"]) == [3, 4, 5]
    searched, bound, _plan = progress(table).data
    assert list(searched.x) == [3, 4, None, 5, None]
    assert [y for y in bound.y if y is not None and y == y] == [2000.0, 2000.0]


def test_the_bound_never_falls_and_only_whole_units_are_a_plan() -> None:
    """The bound of the halls holds at the places chosen; the plan costs more than what is divisible."""
    plan = {"seconds": 7, "stage": "plan", "incumbent": 2110.0, "bound": 2010.0}
    direct = {"seconds": 6, "stage": "direct", "incumbent": 2081.0, "bound": 1900.0}
    before, table = progress_table([*EVENTS, direct]), progress_table([*EVENTS, direct, plan])
    assert before["plan_musd"].isna().all() and list(before["bound_musd"]) == [50.0, 2000.0, 2000.0, 2000.0]
    assert list(table["bound_musd"]) == [50.0, 2000.0, 2000.0, 2000.0, 2010.0]
    assert table["plan_musd"].iloc[-1] == 2110.0 and table["plan_musd"].count() == 1
    assert "2\u202f110 MUSD" in [note.text for note in progress(table).layout.annotations]


def test_a_run_that_has_said_nothing_draws_nothing() -> None:
    assert progress_table([]).empty and progress_table(EVENTS[:2]).empty
    assert all(trace.y is None or not len(trace.y) for trace in progress(progress_table([])).data)
