"""mappings.yaml compared with the trackers: what is not there, what we may not do, whom a mention would not reach."""
