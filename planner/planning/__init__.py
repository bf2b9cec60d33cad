"""From a case to a plan: places, halls, whole units, proof."""
