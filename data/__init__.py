"""Facts with sources (catalog/) and worked examples (scenarios/)."""
