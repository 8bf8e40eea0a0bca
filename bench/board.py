"""Are the board and a feature's page there at once, also when there are 10,000 features? And the other pages?

The ledger is a seeded world's; the same pages are asked of a small one and of a large one, in turn, as the web itself
answers them, without the way over the network.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from flask.testing import FlaskClient

from bench import machine
from bench.report import Goal, Section, Table, median, percentile
from integration.admission import Admission
from integration.memory.board import Wanted
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.seed.seeding import fill
from integration.seed.telling import World
from integration.settings import Settings
from integration.web.app import create_app

FEW, MANY = 120, 10_000
MOST_MS, MOST_KB = 100.0, 200.0
NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)


@dataclass(slots=True)
class Asked:
    """One page: what it takes to answer, and how large it is."""

    ms: list[float] = field(default_factory=list)
    kb: float = 0.0


def measure(quick: bool) -> Section:
    """Each page by turns from both ledgers."""
    many, rounds = (500, 5) if quick else (MANY, 40)
    section = Section(
        "Board",
        f"Pages of a seeded world of {FEW} and of {many:,} features in a ledger on SQLite, asked in turn, {rounds} "
        "times each, of one process: from the request to the last byte of the page, without the network. KB: not "
        "compressed.",
    )
    with ExitStack() as until_then:
        small, large = (until_then.enter_context(_pages(size)) for size in (FEW, many))
        found: dict[str, tuple[Asked, Asked]] = {}
        for _ in range(rounds):
            for name in small.paths:
                both = found.setdefault(name, (Asked(), Asked()))
                small.ask(name, both[0])
                large.ask(name, both[1])
    _judge(section, found, many)
    return section


@dataclass(slots=True)
class Pages:
    """The pages over one ledger: name -> path."""

    client: FlaskClient
    paths: Mapping[str, str]

    def ask(self, name: str, asked: Asked) -> None:
        """Once. Raises `AssertionError` where it is no page."""
        began = time.perf_counter()
        answer = self.client.get(self.paths[name], follow_redirects=True)
        asked.ms.append((time.perf_counter() - began) * 1000)
        asked.kb = len(answer.data) / 1000
        if answer.status_code != 200:
            raise AssertionError(f"{name}: {answer.status_code}")


@contextmanager
def _pages(size: int) -> Iterator[Pages]:
    with machine.home() as home, machine.redis_running(machine.LOAD_CORE, home):
        redis_url = machine.redis_url(home)
        url = f"sqlite:///{home / 'ledger.db'}"
        fill(url, World(features=size, months=6, seed=1, now=NOW))
        settings = Settings(
            data_dir=home, mappings=Path("mappings.yaml"), redis_url=redis_url, database_url=url,
            marker_key=b"k" * 32, sandbox=True, admission=Admission("open"),
        )  # fmt: skip
        app = create_app(settings, Inbox.connect(redis_url), dict)
        ledger = Ledger.open(url)
        shown = ledger.board.features(Wanted(blocked=True), None, 1) or ledger.board.features(Wanted(), None, 1)
        ledger.close()
        paths = {
            "board": "/",
            "board, searched": "/?q=mobile+sign",
            "board, what is blocked": "/?only=blocked",
            "one stage, the tenth page": "/?stage=public&closed=yes&from=900",
            "feature": f"/feature/{str(shown[0].ref).replace('#', '%23')}",
            "parties": "/parties",
            "a party": "/party/support",
            **{f"report: {name}": f"/reports/{name}" for name in ("escapes", "answers", "stages", "blocks", "waivers")},
            "audit": "/audit",
            "mappings": "/mappings",
        }
        yield Pages(app.test_client(), paths)


def _judge(section: Section, found: Mapping[str, tuple[Asked, Asked]], many: int) -> None:
    rows = []
    for name, (small, large) in found.items():
        ratio = median(large.ms) / median(small.ms)
        times = f"{median(large.ms):.1f} ({percentile(large.ms, 0.95):.1f})"
        rows.append((name, f"{median(small.ms):.1f}", times, f"{ratio:.2f}", f"{large.kb:.0f}"))
    columns = ("page", f"ms, {FEW}", f"ms, {many:,} (95%)", "large / small", "KB")
    section.tables.append(Table(columns, rows))
    for name in ("board", "feature"):
        large = found[name][1]
        ms, kb = percentile(large.ms, 0.95), large.kb
        section.goals += [
            Goal(f"{name}, {many:,} features, 95%", f"<= {MOST_MS:.0f} ms", f"{ms:.1f} ms", ms <= MOST_MS),
            Goal(f"{name}, {many:,} features, size", f"<= {MOST_KB:.0f} KB", f"{kb:.0f} KB", kb <= MOST_KB),
        ]
