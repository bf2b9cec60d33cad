"""From a Pyomo model to a proven answer by HiGHS."""
