"""A drill of an upgrade: the release of before at work, ours beside it, it goes; the way back; and forward once more.

Both use one Redis and one ledger, whose tables the newer one brings up under the older one's feet. Webhooks go to the
webs of both, in turns. All that is stopped is asked to, and has the thirty seconds that platforms give.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from drill.door import Door
from drill.household import Household, Part
from drill.oracle import Verdicts
from drill.orders import Orders
from drill.releases import BEFORE, NEXT, REVISION, Release, from_history, made_up, this
from drill.running import Drill, Outcome, free_port, prepared
from integration.look import Desk
from integration.memory.database import version_of
from integration.memory.inbox import Inbox

PLATFORM = 30.0  # seconds from SIGTERM to SIGKILL
LAW = "whoever is asked to stop does, within thirty seconds"
PARTS = ("web", "worker", "clock")
OLD, NEW = "old", "new"
_REF = re.compile(r'"ref": "((?:github|jira):[^"]+)"')
_YOUNG = 20.0  # seconds in which a process may still be loading, and know of no signal
_FORGOTTEN = 200.0  # seconds until a worker that was killed is missed: one of an older release takes its time


@dataclass
class Upgrade(Drill):
    """All parts of a drill of an upgrade."""

    door: Door = field(default_factory=Door)
    releases: dict[str, Release] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    stops: list[tuple[str, float, int | None]] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)  # law, what
    mortal: tuple[str, ...] = ()  # those who may be killed now
    _forward: threading.Event = field(default_factory=threading.Event)

    def move_in(self) -> None:
        """The parts of both releases take the place of those of one."""
        home = self.household.home
        shutil.copy(self.household.environ["MAPPINGS"], home / "mappings.yaml")
        self.household.environ["MAPPINGS"] = str(home / "mappings.yaml")
        parts = {"redis": self.household.parts["redis"]}
        for side, release in self.releases.items():
            self.ports[side] = free_port()
            environ = {**self.household.environ, "PYTHONPATH": str(release.root), "PORT": str(self.ports[side])}
            for part in PARTS:
                name = f"{side} {part}"
                command = release.command(part, self.orders.swept_every)
                parts[name] = Part(name, command, environ, home / f"{name.replace(' ', '-')}.log")
        self.household.parts = parts
        self.household.begins = tuple(f"{OLD} {part}" for part in PARTS)
        self.door.open_to(self.ports[OLD])
        self._lasts = self.orders.seconds + 200

    # --- the walk -----------------------------------------------------------------------------------------------

    def _beside(self) -> Sequence[Callable[[], None]]:
        return (self._walk, self._kill_at_random)

    def _struck_at_the_end(self) -> Sequence[str]:
        return [f"{NEW} {part}" for part in PARTS]

    def _walk(self) -> None:
        """After each step all goes on for its share of the time in which people are at work."""
        try:
            for share, step in self._steps():
                time.sleep(share * self.orders.seconds)
                self._note(step.__doc__ or step.__name__)
                step()
        except Exception as error:
            self.faults.append(("each step of the upgrade can be taken", f"{type(error).__name__}: {error}"))
            self.say(f"a step cannot be taken: {error}")
        finally:
            self._forward.set()

    def _steps(self) -> Iterator[tuple[float, Callable[[], None]]]:
        yield 0.12, self._begin_the_new
        yield 0.15, self._end_the_old
        yield 0.12, self._go_back
        yield 0.12, self._begin_the_new
        yield 0.12, self._end_the_old

    def _begin_the_new(self) -> None:
        """the newer release is started beside the older one"""
        for part in ("worker", "clock", "web"):
            self.household.start(f"{NEW} {part}")
        self._await_ready(NEW)
        self.door.open_to(self.ports[OLD], self.ports[NEW])
        self._may_be_killed(NEW, *([OLD] if self.releases[OLD].again else []))

    def _end_the_old(self) -> None:
        """the older release is stopped, process by process"""
        self._may_be_killed(NEW)
        self.door.open_to(self.ports[NEW])
        self._stop(OLD)

    def _go_back(self) -> None:
        """back to the older release"""
        self._may_be_killed()
        if self.releases[OLD].again:  # the tables are open to it: it is started beside
            for part in PARTS:
                self.household.start(f"{OLD} {part}")
            self._await_ready(OLD)
            self.door.open_to(self.ports[OLD])
            self._stop(NEW)
            return
        self._stop(NEW)
        self._take_the_tables_back()
        for part in PARTS:
            self.household.start(f"{OLD} {part}")
        self._await_ready(OLD)
        self.door.open_to(self.ports[OLD])

    def _take_the_tables_back(self) -> None:
        """With the newer release's command, as an operator does; a worker that was killed is missed a little later."""
        environ = {**self.household.environ, "PYTHONPATH": str(self.releases[NEW].root)}
        command = [sys.executable, "-m", "integration.cli", "tables", "back", self.releases[OLD].tables]
        until = time.monotonic() + _FORGOTTEN
        while True:
            told = subprocess.run(  # noqa: S603 - our own command
                command, env=environ, cwd=self.household.home, capture_output=True, text=True, timeout=60
            )
            if told.returncode == 0 or "signs of life" not in told.stderr or time.monotonic() > until:
                break
            time.sleep(2)
        if told.returncode:
            raise RuntimeError(f"tables back {self.releases[OLD].tables}: {told.stderr or told.stdout}")
        self._note(told.stdout.strip())

    def _stop(self, side: str) -> None:
        for part in ("web", "clock", "worker"):
            name = f"{side} {part}"
            is_young = time.monotonic() - self.household.parts[name].since < _YOUNG
            took, code = self.household.stop(name, PLATFORM)
            self.stops.append((name, took, code))
            if code != 0 and not (is_young and code == -signal.SIGTERM):
                how = f"exit code {code} after {took:.0f} s" if code is not None else "it had to be killed"
                self.faults.append((LAW, f"{name}: {how}"))

    def _await_ready(self, side: str) -> None:
        until, url = time.monotonic() + 60, f"http://127.0.0.1:{self.ports[side]}"
        while not self.household.is_ready(url):
            if time.monotonic() > until:
                raise RuntimeError(f"the {side} release does not get ready: {self.household.says}")
            time.sleep(0.2)

    def _note(self, words: str) -> None:
        version, _ = version_of(self.household.environ["DATABASE_URL"])
        self.happened.append(f"{self._progress()}, tables {version}: {words}")
        self.say(self.happened[-1])

    # --- deaths, and who sees to them ---------------------------------------------------------------------------

    def _may_be_killed(self, *sides: str) -> None:
        self.mortal = tuple(f"{side} {part}" for side in sides for part in ("worker", "worker", "work horse", "clock"))

    def _kill_at_random(self) -> None:
        dice = Random(f"kills {self.orders.seed}")  # noqa: S311
        while not self._over.wait(dice.uniform(10, 25)):
            if self.mortal:
                self.household.kill(dice.choice(self.mortal))

    def _operate(self) -> None:
        """The operator has no hand free before the upgrade is done; and opens no ledger that is not to be touched."""
        while not self._forward.wait(1):
            if self._at_home.is_set():
                return
        super()._operate()

    # --- the end ------------------------------------------------------------------------------------------------

    def _all_at_work(self, desk: Desk) -> None:
        """What the older release has written last is looked at once more: the newer one has other words for some."""
        inbox = Inbox.connect(self.household.environ["REDIS_URL"])
        for ref in self.people.refs.values():
            inbox.hint(ref)

    def _judge_more(self, verdicts: Verdicts) -> None:
        for law, what in self.faults:
            verdicts.miss(law, "the upgrade", what)
        for side in (OLD, NEW):
            if not self.door.served.get(self.ports[side]):
                verdicts.miss("both webs receive", "the upgrade", f"the {side} one never did")
        if not self._seen_by_both():
            verdicts.miss("both releases work", "the upgrade", "there is no issue that both have had in hand")
        for name, n in self.household.deaths.items():
            verdicts.miss("nobody ends by itself", "the upgrade", f"{name}, {n} times")

    def _seen_by_both(self) -> set[str]:
        """The issues that the workers of both releases have had in hand."""
        home = self.household.home
        old, new = (set(_REF.findall((home / f"{side}-worker.log").read_text(errors="replace"))) for side in (OLD, NEW))
        return old & new

    def _figures(self, outcome: Outcome, worked: float, rest: float | None) -> None:
        super()._figures(outcome, worked, rest)
        slowest = max(self.stops, key=lambda one: one[1], default=("nobody", 0.0, 0))
        webs = ", ".join(f"{side} {self.door.served.get(port, 0):,}" for side, port in self.ports.items())
        names = " -> ".join(f"{one.name} (tables {one.tables})" for one in self.releases.values())
        outcome.figures = {
            "upgrade": names,
            **outcome.figures,
            "connections to the webs": webs,
            "issues that both had in hand": f"{len(self._seen_by_both())}",
            "stopped when asked": f"{len(self.stops)} processes, the slowest {slowest[0]} in {slowest[1]:.1f} s",
        }
        outcome.figures |= {f"step {number}": words for number, words in enumerate(self.happened, 1)}


def _both(orders: Orders, household: Household) -> dict[str, Release]:
    code = household.home / "releases"
    code.mkdir()
    if orders.upgrade == NEXT:
        return {OLD: this(), NEW: made_up(code, orders.broken)}
    revision = REVISION if orders.upgrade == BEFORE else orders.upgrade
    return {OLD: from_history(revision, code), NEW: this()}


def run(orders: Orders, say: Callable[[str], object] = print) -> Outcome:
    """Run a drill of an upgrade. Raises `NoHistory`."""
    say(str(orders))
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    with Door() as door, prepared(orders, say, Upgrade, door.port) as drill:
        drill.door, drill.releases = door, _both(orders, drill.household)
        drill.move_in()
        return drill.run()
