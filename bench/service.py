"""The service under measurement: its own commands as processes of their own, set up by the environment alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis

from bench import deliveries, machine, peers
from integration.memory.inbox import PREFIX
from integration.memory.ledger import Ledger
from integration.sandbox.people import SERVICE_TOKEN

PATH = "/webhooks/github"
ROOT = Path(__file__).parent.parent
_BUDGETS = (f"{PREFIX}*:points*", f"{PREFIX}*:new*")
KEY = "a key for nothing but the bench"

MAPPINGS = """
version: 1
time_zone: UTC
stages: {development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}
parties:
  support:
    name: Support
    github: {team: acme/support, fallback: [support-lead]}
sources:
  - github:
      repositories: ["acme/*"]
      labels:
        development: "stage: development"
        internal: "stage: internal"
        beta: "stage: beta"
        public: "stage: public"
rules:
  - id: support-before-public
    entering: public
    require: [{acknowledged: {party: support}}]
    level: block
    effective: 2026-01-01
    because: Support answers our customers; they must know first.
"""


@dataclass(slots=True)
class Service:
    """One installation: a directory of its own, a Redis there, and what its processes are told."""

    home: Path
    api: str = "http://127.0.0.1:9/api/v3"  # nobody answers there: enough for who only receives
    level: str = "WARNING"
    workers: int = 1  # processes, where all of them share a core
    port: int = field(default_factory=machine.free_port)

    def environ(self) -> dict[str, str]:
        """All that the processes know."""
        (self.home / "mappings.yaml").write_text(MAPPINGS)
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": str(ROOT),
            "HOST": machine.HOST,
            "PORT": str(self.port),
            "DATA_DIR": str(self.home / "var"),
            "MAPPINGS": str(self.home / "mappings.yaml"),
            "DATABASE_URL": f"sqlite:///{self.home / 'var' / 'ledger.db'}",
            "REDIS_URL": machine.redis_url(self.home / "redis"),
            "MARKER_KEY": KEY,
            "LOG_LEVEL": self.level,
            "WORKERS": str(self.workers),
            "GITHUB_API_URL": self.api,
            "GITHUB_TOKEN": SERVICE_TOKEN,
            "GITHUB_WEBHOOK_SECRETS": deliveries.SECRET,
        }

    def give_birth(self) -> None:
        """Make the ledger, and let two seconds go: what was there before it is not judged, and stamps are cut."""
        Ledger.open(self.environ()["DATABASE_URL"]).close()
        time.sleep(2)

    @contextmanager
    def process(self, name: str, cores: frozenset[int]) -> Iterator[machine.Child]:
        """`release-stages web`, `worker` or `clock`, until the block ends."""
        ready = machine.answers(f"http://{machine.HOST}:{self.port}/healthz") if name == "web" else lambda: True
        with machine.running([*command(), name], cores, ready, self.environ(), self.home) as child:
            yield child


def command() -> list[str]:
    """As the Procfile has it, with what an operator installs, and none of what tests and lint bring with them."""
    return [str(peers.installed("service", ROOT / "requirements.lock")), "-m", "integration.cli"]


@contextmanager
def installed(level: str = "WARNING", api: str = "") -> Iterator[Service]:
    """A service in a directory that goes with it."""
    with machine.home() as place:
        found = Service(place, level=level)
        found.api = api or found.api
        yield found


def waiting(redis: Redis) -> int:
    """How many issues are still to be worked off."""
    return int(redis.zcard(f"{PREFIX}dirty"))


def kept(redis: Redis) -> int:
    """How many deliveries Redis remembers."""
    return int(redis.zcard(f"{PREFIX}seen"))


def empty_budgets(redis: Redis, names: Sequence[bytes] = ()) -> Sequence[bytes]:
    """Forget what we have asked of GitHub lately, where it has a budget: its limits are not what is measured here.

    Answers with the budgets' names, which spare the next call the search.
    """
    names = names or [name for pattern in _BUDGETS for name in redis.scan_iter(pattern, count=5000)]
    if names:
        redis.delete(*names)
    return names


def settle(redis: Redis, worker: machine.Child | None = None, seconds: float = 60.0) -> None:
    """Wait until nothing is left to be done. Raises `DidNotStart`, with the worker's last words."""
    machine.until(lambda: waiting(redis) == 0, "there are issues that nobody works on", worker, seconds)
