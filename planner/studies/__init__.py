"""Questions beside one plan: the trade-off, ranges, the loss of a supplier, stacks side by side."""
