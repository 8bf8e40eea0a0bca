"""A file is heard of when it has come to rest, whatever whoever writes it does on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from integration import watched
from integration.watched import Reading, Watched

OLD, NEW = b"rules: [one, two, three]\n", b"rules: [one, two, four!]\n"


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(watched, "QUIET", 2.0)
    monkeypatch.setattr(watched, "UNENDED", 10.0)
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mappings.yaml"
    path.write_bytes(OLD)
    return path


@pytest.fixture
def watching(path: Path, clock: Clock) -> Watched:
    """Somebody who has read the old file."""
    found = Watched(path, clock)
    assert found.begin() == Reading(OLD)
    return found


def heard(watching: Watched, clock: Clock, seconds: float) -> list[bytes]:
    """All that is heard in so long, asked twice a second."""
    found = []
    for _ in range(int(seconds * 2)):
        clock.now += 0.5
        if (news := watching.news()) is not None:
            found.append(news.raw)
    return found


def test_what_has_not_changed_is_no_news(watching: Watched, path: Path, clock: Clock) -> None:
    os.utime(path)
    path.write_bytes(OLD)
    assert heard(watching, clock, 200) == []


def test_a_change_is_heard_once_when_it_has_come_to_rest(watching: Watched, path: Path, clock: Clock) -> None:
    path.write_bytes(NEW)
    assert watching.news() is None
    assert heard(watching, clock, 1.5) == []
    assert heard(watching, clock, 60) == [NEW]


def test_a_file_that_is_emptied_and_then_filled_in_pieces_is_never_heard_of_in_between(
    watching: Watched, path: Path, clock: Clock
) -> None:
    found = []
    with path.open("wb") as file:
        found += heard(watching, clock, 1.5)
        for begin in range(0, len(NEW), 5):
            file.write(NEW[begin : begin + 5])
            file.flush()
            found += heard(watching, clock, 1.5)
    found += heard(watching, clock, 20)
    assert found == [NEW]


def test_half_a_line_may_have_more_to_come_and_is_given_longer(watching: Watched, path: Path, clock: Clock) -> None:
    path.write_bytes(NEW[:-5])
    assert heard(watching, clock, 9) == []
    path.write_bytes(NEW)
    assert heard(watching, clock, 3) == [NEW]
    path.write_bytes(OLD.rstrip())
    assert heard(watching, clock, 11) == [OLD.rstrip()], "but not for ever: some files have no end of line"


def test_a_file_that_is_taken_away_and_comes_back_changed_is_heard_of_once(
    watching: Watched, path: Path, clock: Clock
) -> None:
    path.unlink()
    found = heard(watching, clock, 1)
    path.write_bytes(NEW)
    assert found + heard(watching, clock, 5) == [NEW]


def test_a_file_that_stays_away_is_news_and_so_is_its_return(watching: Watched, path: Path, clock: Clock) -> None:
    path.unlink()
    clock.now += 1
    assert watching.news() is None
    clock.now += 3
    gone = watching.news()
    assert gone is not None
    assert isinstance(gone.error, FileNotFoundError)
    assert watching.news() is None
    path.write_bytes(OLD)
    assert heard(watching, clock, 5) == [OLD]


def test_a_link_that_is_swapped_as_kubernetes_does_it_is_heard_of_as_a_whole(tmp_path: Path, clock: Clock) -> None:
    for name, text in (("..1", OLD), ("..2", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mappings.yaml").write_bytes(text)
        os.utime(tmp_path / name / "mappings.yaml", (1_700_000_000, 1_700_000_000))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "mappings.yaml").symlink_to("..data/mappings.yaml")
    watching = Watched(tmp_path / "mappings.yaml", clock)
    assert watching.begin().raw == OLD

    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").replace(tmp_path / "..data")

    assert heard(watching, clock, 5) == [NEW], "though its size and its time are the same"


def test_a_change_that_leaves_size_and_time_as_they_were_is_heard_of(
    watching: Watched, path: Path, clock: Clock
) -> None:
    before = path.stat()
    path.write_bytes(NEW)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert heard(watching, clock, 5) == [NEW]


def test_where_the_file_system_shows_nothing_it_is_read_all_the_same_once_a_minute(
    watching: Watched, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "_of", lambda stat: (1,))
    assert heard(watching, clock, 70) == []
    path.write_bytes(NEW)
    assert heard(watching, clock, 70) == [NEW]


def test_a_file_that_may_not_be_read_is_told_with_its_reason(tmp_path: Path, clock: Clock) -> None:
    assert isinstance(Watched(tmp_path, clock).begin().error, IsADirectoryError)
