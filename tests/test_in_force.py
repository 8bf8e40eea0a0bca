"""One version of the rules for all processes, whatever lies on whose disk; and what happens where files differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from redis import Redis

from integration.in_force import MappingsFile
from integration.memory.copies import BROKEN, Copies
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.stages.file.mappings import Faulty, read
from integration.web.readiness import Readiness

FILE = """version: 1
stages: {{beta: {name}, public: Public}}
sources: [{{github: {{repositories: [acme/app], labels: {{beta: b, public: p}}}}}}]
"""
X, Y, Z = (FILE.format(name=name) for name in ("Ex", "Why", "Zed"))
BAD = "version: 1\nstages: nonsense\n"


@dataclass
class Machines:
    """Machines with a disk each, one ledger and one Redis; and a clock that the test sets."""

    home: Path
    database_url: str
    redis_url: str
    now: float = 1000.0

    def write(self, machine: str, text: str) -> None:
        path = self.path(machine)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def path(self, machine: str) -> Path:
        return self.home / machine / "mappings.yaml"

    def start(self, machine: str, text: str | None = None, **more: bool) -> MappingsFile:
        """A process begins there; its file may be another by then."""
        if text is not None:
            self.write(machine, text)
        copies = Copies.connect(self.redis_url)
        return MappingsFile(self.path(machine), self.ledger, copies, clock=lambda: self.now, **more)

    def stop(self, machine: str) -> None:
        """It has been silent for so long that it is taken to be gone."""
        Redis.from_url(self.redis_url).hdel("release-stages:copies", *self.names(machine))
        self.now += 60

    def names(self, machine: str) -> list[str]:
        told = Copies.connect(self.redis_url).told(datetime.now(UTC))
        return [name for name in told if name.endswith(f"/{machine}/mappings.yaml")]

    def __post_init__(self) -> None:
        self.ledger = Ledger.open(self.database_url)


@pytest.fixture
def machines(tmp_path: Path, sqlite_url: str, redis_url: str) -> Iterator[Machines]:
    found = Machines(tmp_path, sqlite_url, redis_url)
    yield found
    found.ledger.close()


def named(*files: MappingsFile) -> list[str]:
    """What each judges by."""
    return [one.current.stages["beta"] for one in files]


def test_what_one_process_takes_all_judge_by_from_their_next_look_on(machines: Machines) -> None:
    one, other = machines.start("a", X), machines.start("b", X)
    machines.write("a", Y)
    assert named(one, other, one) == ["Why", "Why", "Why"]
    machines.write("b", Y)
    machines.now += 5
    assert named(other, one) == ["Why", "Why"]


def test_a_change_is_taken_by_whoever_sees_it_first_and_once(machines: Machines) -> None:
    one, other = machines.start("a", X), machines.start("b", X)
    machines.write("a", Y)
    machines.write("b", Y)
    with structlog.testing.capture_logs() as told:
        assert named(one, other) == ["Why", "Why"]
    assert [line["event"] for line in told] == ["another mappings.yaml is in force"]


def test_a_broken_file_is_refused_as_a_whole_and_the_others_do_not_notice(machines: Machines) -> None:
    one, other = machines.start("a", X), machines.start("b", X)
    machines.write("a", BAD)
    assert named(one, other) == ["Ex", "Ex"]
    assert "mappings.yaml:2:" in one.fault
    assert (other.fault, machines.ledger.versions.in_force()) == ("", read(X).hash)
    assert Copies.connect(machines.redis_url).told(datetime.now(UTC)).get(machines.names("a")[0]) == BROKEN
    machines.write("b", Y)
    assert named(other, one) == ["Why", "Why"], "though its own is broken"
    machines.write("a", X)
    assert named(one) == ["Why"], "mended: it is the old one, and nobody has changed it"
    assert one.fault == ""


def test_going_back_is_a_change_like_any(machines: Machines) -> None:
    one, other = machines.start("a", X), machines.start("b", X)
    machines.write("a", Y)
    assert named(one, other) == ["Why", "Why"]
    machines.write("a", X)
    assert named(one, other) == ["Ex", "Ex"]


def test_a_process_that_begins_with_a_new_file_puts_it_in_force(machines: Machines) -> None:
    one = machines.start("a", X)
    other = machines.start("b", Y)
    assert named(one, other) == ["Why", "Why"]


def test_a_machine_that_begins_with_an_older_file_is_late_as_long_as_another_has_the_newer_one(
    machines: Machines,
) -> None:
    one = machines.start("a", X)
    machines.write("a", Y)
    assert named(one) == ["Why"]
    late = machines.start("b", X)
    for _ in range(20):
        machines.now += 5
        assert named(late, one) == ["Why", "Why"]


def test_where_everybody_begins_with_the_older_file_again_it_is_in_force(machines: Machines) -> None:
    machines.start("a", X)
    one, other = machines.start("a", Y), machines.start("b", Y)
    assert named(one, other) == ["Why", "Why"]
    one = machines.start("a", X)
    assert named(one, other) == ["Why", "Why"], "the other one is still there"
    machines.stop("b")
    other = machines.start("b", X)
    machines.now += 5
    assert named(one, other) == ["Ex", "Ex"]


def test_on_one_machine_a_restart_with_the_older_file_goes_back_to_it_at_once(machines: Machines) -> None:
    machines.start("a", X)
    machines.start("a", Y)
    assert named(machines.start("a", X)) == ["Ex"]


def test_a_machine_that_has_been_in_accord_does_not_go_back_by_itself_when_the_newer_one_is_gone(
    machines: Machines,
) -> None:
    one, other = machines.start("a", X), machines.start("b", X)
    machines.write("a", Y)
    assert named(one, other) == ["Why", "Why"]
    machines.stop("a")
    assert named(other) == ["Why"], "a crash must not open gates"


def test_a_file_that_stays_another_one_is_told_in_the_log_once_and_on_the_page(
    machines: Machines, redis_url: str
) -> None:
    one, other = machines.start("a", X), machines.start("b", X)
    machines.write("a", Y)
    assert named(one, other) == ["Why", "Why"]
    with structlog.testing.capture_logs() as told:
        for _ in range(30):
            machines.now += 5
            named(one, other)
    (line,) = told
    assert (line["event"], line["log_level"]) == (
        "the mappings.yaml of this machine is not the one in force", "warning"
    )  # fmt: skip
    assert (line["version"], line["in_force"]) == (read(X).hash, read(Y).hash)

    settings = Settings(machines.home, machines.path("b"), redis_url, machines.database_url, b"k")
    ready = Readiness(settings)()
    assert ready["in_force"] == read(Y).hash
    assert ready["copies"].startswith("1 of 2 machines have another mappings.yaml")
    machines.write("b", Y)
    named(other)
    assert "copies" not in Readiness(settings)()


def test_a_command_at_somebodys_terminal_puts_nothing_in_force(machines: Machines) -> None:
    desk = machines.start("laptop", Z, takes=False)
    assert named(desk) == ["Zed"], "nothing is in force yet"
    assert (machines.ledger.versions.in_force(), machines.names("laptop")) == ("", [])
    one = machines.start("a", X)
    machines.write("laptop", Y)
    assert named(desk, one) == ["Ex", "Ex"]


def test_a_file_that_is_broken_from_the_start_goes_on_with_what_is_in_force(machines: Machines) -> None:
    with pytest.raises(Faulty):
        machines.start("a", BAD)
    machines.start("b", X)
    one = machines.start("a")
    assert named(one) == ["Ex"]
    assert one.fault


def test_a_version_that_this_release_cannot_read_is_judged_by_nobody_here(machines: Machines) -> None:
    one = machines.start("a", X)
    machines.ledger.versions.take("of-later", "version: 2\n", datetime.now(UTC) + timedelta(seconds=1))
    with pytest.raises(Faulty, match="of-later is in force, and this release cannot read it"):
        _ = one.current
    machines.write("a", Y)
    assert named(one) == ["Why"]


def test_without_redis_all_goes_on_but_nothing_goes_back(machines: Machines) -> None:
    machines.start("a", X)
    machines.start("a", Y)
    machines.redis_url = "redis://127.0.0.1:1"
    one = machines.start("a", X)
    assert named(one) == ["Why"]
    machines.write("a", Z)
    assert named(one) == ["Zed"]
