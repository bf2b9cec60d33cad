"""The mathematics of the planner: one topic a module, equations in its docstring."""
