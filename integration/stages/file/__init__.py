"""mappings.yaml as objects, and what can be wrong with it."""
