"""The quick estimate: demand to accelerators, megawatts and money without optimisation."""
