"""A small GitHub and a small Jira over real HTTP, to try everything without an account, and to test with faults."""

from integration.sandbox.serving import Served, environment, running, serve
from integration.sandbox.world import World

__all__ = ["Served", "World", "environment", "running", "serve"]
