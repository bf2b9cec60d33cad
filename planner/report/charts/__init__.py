"""Charts: pure functions from a view table to a plotly figure, tested without a browser."""
