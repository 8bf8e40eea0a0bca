"""Does the ledger stay quick when it has grown? The same questions to a small one and to a large one, in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

from bench import grown, machine
from bench.report import Goal, Section, Table, median
from integration.memory.ledger import Card, Ledger, LedgerAway
from integration.stages.entries import Doubted
from integration.stages.model import Label, Ref
from tests import conftest

MOST = 1.5
FOR_EACH = 3.0  # seconds at most that one question is asked again and again
TOO_LONG = 20_000.0  # ms after which an answer is not awaited any more
VERDICT, PAGES, ROUNDS = "a verdict", "pages and digests", "clock and rounds"


@dataclass(frozen=True, slots=True)
class Question:
    """Something the service asks of its ledger; `ask` gets the ledger, one of its features and that one's number."""

    what: str
    kind: str
    ask: Callable[[Ledger, Ref, int], object]


def _append(ledger: Ledger, ref: Ref, number: int) -> None:
    seq = ledger.read(ref).seq
    card = Card("Export the table", "https://github.example/", "public", "erin")
    ledger.append(ref, [Doubted(grown.NOW)], seq, grown.NOW, card)


def _learn(ledger: Ledger, ref: Ref, number: int) -> None:
    ledger.learn_names("acme/app-1", [Label("7004", "stage: public")], grown.NOW)


QUESTIONS = (
    Question("Ledger.read", VERDICT, lambda ledger, ref, _: ledger.read(ref)),
    Question("Ledger.read, then append with a card", VERDICT, _append),
    Question("Ledger.waiting_on", VERDICT, lambda ledger, ref, _: ledger.waiting_on(ref)),
    Question("Ledger.known_names", VERDICT, lambda ledger, ref, _: ledger.known_names(ref.place)),
    Question("Ledger.learn_names, nothing new", VERDICT, _learn),
    Question("Failures.of", VERDICT, lambda ledger, ref, _: ledger.failures.of(ref)),
    Question("Agenda.open_for", PAGES, lambda ledger, *_: ledger.agenda.open_for("support", ["public"])),
    Question("Agenda.judged, of a week", PAGES, lambda ledger, *_: _judged(ledger)),
    Question("Agenda.covered", PAGES, lambda ledger, *_: ledger.agenda.covered("support", "issue", grown.NOW)),
    Question("Failures.stand", PAGES, lambda ledger, *_: ledger.failures.stand()),
    Question("Rounds.stand", PAGES, lambda ledger, *_: ledger.rounds.stand()),
    Question("Ledger.ping", PAGES, lambda ledger, *_: ledger.ping()),
    Question("Ledger.due", ROUNDS, lambda ledger, *_: ledger.due(grown.NOW, 200)),
    Question("Ledger.put_off", ROUNDS, lambda ledger, ref, _: ledger.put_off(ref, None)),
    Question("Rounds.known, a page of 100", ROUNDS, lambda ledger, _, n: ledger.rounds.known(_hundred(n))),
    Question("Rounds.waiting, a page of 100", ROUNDS, lambda ledger, _, n: ledger.rounds.waiting(_updated(n))),
)


def _judged(ledger: Ledger) -> object:
    return ledger.agenda.judged(["public"], grown.WEEK, grown.NOW)


def _hundred(number: int) -> list[Ref]:
    return [grown.ref_of(number + each) for each in range(100)]


def _updated(number: int) -> dict[Ref, Any]:
    return dict.fromkeys(_hundred(number), grown.NOW)


def measure(quick: bool) -> Section:
    """On each database that is there."""
    small, large, times = (200, 5_000, 30) if quick else (1_000, 100_000, 200)
    section = Section(
        "Growth",
        f"The same questions, in turn, to a ledger of {small:,} features with {small * grown.EACH:,} entries and to "
        f"one of {large:,} with {large * grown.EACH:,}; medians of {times}, in ms. As many features are open, due or "
        "judged this week in both. Each chain is a real one; a sample of them is verified.",
    )
    with machine.home() as home:
        for name, servers in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
            with ExitStack() as stack:
                try:
                    url = stack.enter_context(servers(home))
                except (machine.DidNotStart, pytest.fail.Exception) as why:
                    section.notes.append(f"{name} is left out: {str(why).splitlines()[0]}")
                    continue
                _compare(section, name, url, (small, large), times)
    return section


@contextmanager
def _sqlite(home: Path) -> Iterator[Callable[[str], str]]:
    yield lambda name: f"sqlite:///{home / name}.db"


@contextmanager
def _postgres(home: Path) -> Iterator[Callable[[str], str]]:
    """A server of our own, as the tests have it, but one that waits for the disk."""
    import psycopg

    with conftest._home("stages-bench-pg-") as place:
        account = conftest._postgres_account()
        binaries = conftest._postgres_binaries(place)
        conftest._initialise(binaries, place, account)
        command = [str(binaries / "postgres"), "-D", str(place / "db"), "-k", str(place), "-c", "listen_addresses="]
        address = f"postgresql://postgres@/{{}}?host={place}"
        ready = lambda: conftest._accepts(address.format("postgres"))  # noqa: E731
        with conftest._running(command, place, ready, account):

            def made(name: str) -> str:
                with psycopg.connect(address.format("postgres"), autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE {name}")
                return address.format(name)

            yield made


@dataclass(slots=True)
class Grown:
    """A ledger of that many features, and what was asked of its database last."""

    ledger: Ledger
    engine: Engine
    features: int
    asked: list[tuple[str, Any]] = field(default_factory=list)
    under_way: Any = None  # the driver's connection of what was asked last

    @classmethod
    def make(cls, url: str, features: int) -> Grown:
        """Make it, and see that what was made is whole."""
        ledger = Ledger.open(url, now=grown.BORN)
        engine = ledger._engine
        grown.grow(ledger, engine, features)
        for number in (1, features // 2, features):
            if ledger.verify(grown.ref_of(number)) is not None:
                raise AssertionError(f"the chain of feature {number} is not whole")
        made = cls(ledger, engine, features)
        event.listen(engine, "before_cursor_execute", made._note)
        return made

    def _note(self, connection: Connection, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        self.under_way = connection.connection.driver_connection
        self.asked.append((statement, parameters))

    def _give_up(self) -> None:
        getattr(self.under_way, "interrupt" if self.engine.dialect.name == "sqlite" else "cancel")()

    def time(self, question: Question, turn: int) -> float:
        """Ask once, of another feature each time; ms, or `TOO_LONG` where it takes longer."""
        number = 1 + turn * 7919 % max(1, self.features - 200)
        ref = grown.ref_of(number)
        return self.timed(lambda: question.ask(self.ledger, ref, number))

    def timed(self, ask: Callable[[], object]) -> float:
        """How long it takes, in ms."""
        self.asked.clear()
        patience = threading.Timer(TOO_LONG / 1000, self._give_up)
        patience.start()
        began = time.perf_counter()
        try:
            ask()
        except (LedgerAway, SQLAlchemyError):
            if patience.is_alive():
                raise
        finally:
            patience.cancel()
        return min((time.perf_counter() - began) * 1000, TOO_LONG)

    def explained(self) -> list[str]:
        """How the database goes about what was asked last, statement by statement."""
        lines = []
        how = "EXPLAIN QUERY PLAN " if self.engine.dialect.name == "sqlite" else "EXPLAIN (COSTS OFF) "
        for statement, parameters in list(self.asked):
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                with self.engine.connect() as connection:
                    found = connection.exec_driver_sql(how + statement, parameters).all()
                    connection.rollback()
                lines += [" ".join(statement.split()), *(f"  {row[-1]}" for row in found)]
        return lines


def _compare(section: Section, name: str, url: Callable[[str], str], sizes: tuple[int, int], times: int) -> None:
    small, large = (Grown.make(url(f"bench_{size}"), size) for size in sizes)
    rows, beyond = [], []
    sums = {kind: [0.0, 0.0] for kind in (VERDICT, PAGES, ROUNDS)}
    for question in QUESTIONS:
        few, many = _asked(question, small, large, times)
        if many / few > MOST:  # a busy machine can make it so; growth makes it so each time
            few, many = min((few, many), _asked(question, small, large, times), key=lambda pair: pair[1] / pair[0])
        sums[question.kind] = [sums[question.kind][0] + few, sums[question.kind][1] + many]
        ratio = many / few
        rows.append((question.what, question.kind, f"{few:.2f}", f"{many:.2f}", f"{ratio:.2f}"))
        if ratio > MOST:
            beyond.append((question, ratio, large.explained()))
    section.tables.append(Table(("question", "for", f"{sizes[0]:,}", f"{sizes[1]:,}", "ratio"), rows, name))
    for kind, (few, many) in sums.items():
        worst = max((ratio for question, ratio, _ in beyond if question.kind == kind), default=0.0)
        figure = f"{many / few:.2f} in all" + (f", one question {worst:.1f}" if worst else "")
        section.goals.append(Goal(f"growth on {name}: {kind}", f"<= {MOST}x", figure, not worst and many / few <= MOST))
    for question, ratio, plan in beyond:
        section.notes.append(f"{name}, {question.what}: {ratio:.1f}x. How the database goes about it:\n\n```")
        section.notes[-1] += "\n" + "\n".join(plan) + "\n```"
    rare = ("once a day, or once for a place", f"ms, {sizes[1]:,} features")
    section.tables.append(Table(rare, _rare(large), f"{name}, what reads all there is"))
    for one in (small, large):
        one.ledger.close()


def _asked(question: Question, small: Grown, large: Grown, times: int) -> tuple[float, float]:
    """Medians; both in turn, so that a busy moment of the machine meets both. Who is slow is asked less often."""
    for each in (small, large):
        each.time(question, 0)
    found, began = [], time.monotonic()
    for turn in range(1, times + 1):
        found.append((small.time(question, turn), large.time(question, turn)))
        if time.monotonic() - began > FOR_EACH:
            break
    return median([few for few, _ in found]), median([many for _, many in found])


def _rare(large: Grown) -> list[tuple[str, str]]:
    """What reads all there is: seldom asked, and in proportion to what there is."""
    day, rows = timedelta(days=1), []
    rare: dict[str, Callable[[], object]] = {
        "Ledger.refs": large.ledger.refs,
        "Ledger.anchor, the first": lambda: large.ledger.anchor(grown.NOW),
        "Ledger.anchor, the next day": lambda: large.ledger.anchor(grown.NOW + day),
    }
    for what, ask in rare.items():
        took = large.timed(ask)
        rows.append((what, f"{took:,.0f}" + (", given up" if took >= TOO_LONG else "")))
    return rows
