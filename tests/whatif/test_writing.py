"""A report in its three forms: what people read, what machines read, and what goes on a pull request."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from integration.stages.entries import Outcome
from integration.stages.file.mappings import read
from integration.stages.model import Move, Person, Ref
from integration.stages.replay.comparing import Change, Compared, Fate, Kind, Span
from integration.stages.replay.played import End
from integration.whatif import writing
from integration.whatif.reading import Read
from integration.whatif.report import Report, fate, report
from integration.whatif.running import Result
from integration.whatif.wanted import Wanted
from tests.stages.histories import MONDAY
from tests.stories.files import mappings as text

HOSTILE = "@acme/everyone [click](https://evil.example) | <!-- \x1b[31mred\x1b[0m #1 `x` </details>"
LET, OPENED = Fate(Outcome.ADMITTED), Fate(Outcome.BLOCKED, End.OPENED, timedelta(hours=3))


def change(number: int, kind: Kind = Kind.BLOCKED, title: str = "Dark mode", **more: object) -> Change:
    move = Move(str(number), "labels:0", "beta", "public", Person("1", "erin"), MONDAY + timedelta(minutes=number))
    url = f"https://github.example/acme/app/issues/{number}"
    found = Change(kind, Ref("github", "", "acme/app", number), title, url, move, LET, OPENED, ("seen",), ("not yet",))
    return replace(found, **more)  # type: ignore[arg-type]


def told(*changes: Change, **more: object) -> Report:
    wanted = Wanted(read(text()), None, Span(MONDAY, MONDAY + timedelta(days=14)), **more)  # type: ignore[arg-type]
    compared = Compared(issues=9, moves=20, changes=list(changes))
    return report(wanted, Result(compared), Read(refused={"github:acme/x": "it is not there"}), {}, ("", "new.yaml"))


def test_of_each_kind_the_newest_are_shown_and_the_rest_is_counted() -> None:
    many = told(*(change(number) for number in range(1, 31)))

    shown = "\n".join(writing.lines(many))

    assert "acme/app#30" in shown
    assert "acme/app#10 " not in shown
    assert "and 10 more: --all shows them" in shown
    assert "acme/app#1 " in "\n".join(writing.lines(many, every=True))


def test_what_could_not_be_read_is_told_with_its_reason() -> None:
    assert "github:acme/x could not be read and is left out: it is not there" in "\n".join(writing.lines(told()))


def test_nothing_that_is_quoted_reaches_a_terminal_as_it_is() -> None:
    shown = "\n".join(writing.lines(told(change(1, title=HOSTILE))))

    assert "\x1b" not in shown


def test_nothing_that_is_quoted_mentions_links_or_formats_on_a_pull_request() -> None:
    shown = writing.markdown(told(change(1, title=HOSTILE, reasons=(HOSTILE,))))

    (row,) = [line for line in shown.splitlines() if line.startswith("| [acme/app")]
    assert "@acme" not in row
    assert "](https://evil" not in row
    assert "</details>" not in row
    assert row.replace("\\|", "").count("|") == 6, "a bar would begin another cell"


def test_an_address_that_is_none_becomes_no_link() -> None:
    assert "javascript" not in writing.markdown(told(change(1, url="javascript:alert(1)")))


def test_a_report_on_very_many_moves_still_fits_into_a_comment() -> None:
    long = "a very long title indeed " * 10
    many = [change(number, kind, long, reasons=(long, long)) for kind in Kind for number in range(1, 500)]

    assert len(writing.markdown(told(*many))) <= 30_000


def test_machines_get_every_move() -> None:
    found = json.loads(writing.as_json(told(change(1), change(2, Kind.FREED, old=OPENED, new=LET))))

    assert found["counts"] == {kind.value: int(kind in (Kind.BLOCKED, Kind.FREED)) for kind in Kind}
    assert found["changes"][0]["new"] == {"outcome": "blocked", "end": "opened", "ended_after_seconds": 10800.0}
    assert found["old"] is None
    assert found["not_known"]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (None, "not seen"),
        (LET, "let through"),
        (Fate(Outcome.WARNED), "warned"),
        (OPENED, "blocked, opened after 3 hours"),
        (Fate(Outcome.BLOCKED, End.OPENED, timedelta(seconds=3)), "blocked, opened at once"),
        (Fate(Outcome.BLOCKED, End.OPENED, timedelta(days=1, hours=13)), "blocked, opened after 2 days"),
        (Fate(Outcome.BLOCKED, End.WENT_ON), "blocked, not opened before it went on"),
        (Fate(Outcome.BLOCKED, End.OVER), "blocked, never opened"),
        (Fate(Outcome.BLOCKED, End.OPEN), "blocked, not opened yet"),
    ],
)
def test_what_becomes_of_a_move_is_said_in_few_words(one: Fate | None, said: str) -> None:
    assert fate(one) == said
