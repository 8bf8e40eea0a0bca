"""Everything that is said, and how each tracker writes it."""
