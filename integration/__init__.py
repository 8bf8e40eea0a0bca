"""The service: from a webhook's bytes to a verdict that people can read. Imports nothing from workers/."""
