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
    best, bound = progress(table).data
    assert list(best.x) == [3, 4, None, 5, None]
    assert [y for y in bound.y if y is not None and y == y] == [2000.0, 2050.0]


def test_a_run_that_has_said_nothing_draws_nothing() -> None:
    assert progress_table([]).empty and progress_table(EVENTS[:2]).empty
    assert all(trace.y is None or not len(trace.y) for trace in progress(progress_table([])).data)
