"""Where everything stands, asked of both databases: what narrows it, in which order, and whose eyes it is for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from integration.memory.board import Board, Wanted, read
from integration.memory.ledger import Card, Ledger
from integration.stages.entries import Doubted, GateResult
from integration.stages.last_look import UNSEEN, LastLook
from integration.stages.model import ClosedAs, Ref

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def put(ledger: Ledger, name: str, card: Card) -> Ref:
    ref = Ref.parse(name)
    ledger.append(ref, [Doubted(NOON)], 0, NOON, card)
    return ref


@pytest.fixture
def board(ledger: Ledger) -> Board:
    put(
        ledger,
        "acme/app#1",
        Card("Export as PDF", "u", "beta", "Erin", seen=LastLook(NOON - 9 * DAY, labels=("Launch",))),
    )
    put(
        ledger, "acme/app#2",
        Card("Dark mode", "u", "beta", "Evan", wanted="public", awaited=("support",),
             seen=LastLook(NOON - DAY, blocked=True)),
    )  # fmt: skip
    put(ledger, "acme/web#3", Card("100% sign", "u", "public", "Erin", owing=("docs",), seen=LastLook(NOON - 2 * DAY)))
    put(
        ledger, "APP-7",
        Card("Import from Excel", "u", "public", "Erin", closed=ClosedAs.DONE,
             seen=LastLook(NOON - 60 * DAY, shown=(("status", "public"), ("labels", "beta")))),
    )  # fmt: skip
    put(ledger, "acme/web#5", Card("Not yet", "u", None, "Evan", wanted="beta"))
    return ledger.board


def keys(board: Board, eyes: Iterable[str] | None = None, **wanted: object) -> list[str]:
    found = board.features(Wanted(**wanted), None if eyes is None else frozenset(eyes), 99)  # type: ignore[arg-type]
    return [one.ref.key for one in found]


ALL = [
    "acme/app#2",
    "acme/web#5",
    "APP-7",
    "acme/app#1",
    "acme/web#3",
]  # what asks first, then the longest in its stage


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ALL),
        ({"stage": "beta"}, ["acme/app#2", "acme/app#1"]),
        ({"place": "github:acme/web"}, ["acme/web#5", "acme/web#3"]),
        ({"place": "jira:main/APP"}, ["APP-7"]),
        ({"owner": "Evan"}, ["acme/app#2", "acme/web#5"]),
        ({"label": "LAUNCH"}, ["acme/app#1"]),
        ({"label": "aunch"}, []),
        ({"party": "support"}, ["acme/app#2"]),
        ({"party": "docs"}, ["acme/web#3"]),
        ({"party": "supp"}, []),
        ({"awaits": ("docs", "support")}, ["acme/app#2", "acme/web#3"]),
        ({"blocked": True}, ["acme/app#2"]),
        ({"disagrees": True}, ["APP-7"]),
        ({"asked": True}, ["acme/app#2", "acme/web#5"]),
        ({"text": "dark MODE"}, ["acme/app#2"]),
        ({"text": "app#1 export"}, ["acme/app#1"]),
        ({"text": "100%"}, ["acme/web#3"]),
        ({"text": "1_0"}, []),
        ({"closed_since": NOON - 30 * DAY}, [one for one in ALL if one != "APP-7"]),
        ({"closed_since": NOON - 90 * DAY}, ALL),
    ],
    ids=str,
)  # fmt: skip
def test_each_wish_narrows_it(board: Board, wanted: dict[str, object], found: list[str]) -> None:
    assert keys(board, **wanted) == found


def test_pages_of_it_follow_one_another(board: Board) -> None:
    pages = [board.features(Wanted(), None, 2, start) for start in (0, 2, 4, 6)]
    assert [one.ref.key for page in pages for one in page] == ALL


def test_it_counts_by_stage_whatever_stage_is_wanted(board: Board) -> None:
    assert board.counts(Wanted(), None) == {"beta": 2, "public": 2, None: 1}
    assert board.counts(Wanted(stage="beta", owner="Erin"), None) == {"beta": 1, "public": 2}


def test_what_stands_in_no_stage_shows_where_a_stage_is_asked_for(board: Board) -> None:
    assert [one.ref.key for one in board.outside(Wanted(), None, 9)] == ["acme/web#5"]


@pytest.mark.parametrize("eyes", [frozenset(), frozenset({"github:acme/web"}), frozenset({"jira:main/APP"})], ids=str)
def test_nothing_is_answered_of_a_place_that_these_eyes_may_not_see(board: Board, eyes: frozenset[str]) -> None:
    seen = {one.ref.of_place for one in board.features(Wanted(), eyes, 99)}
    assert seen == eyes
    assert sum(board.counts(Wanted(), eyes).values()) == len(keys(board, eyes))
    assert set(board.places(eyes)) == eyes
    assert {one.ref.of_place for one in board.outside(Wanted(), eyes, 9)} <= eyes
    assert set(board.owners(eyes)) == {one.owner for one in board.features(Wanted(), eyes, 99)}
    for name in ALL:
        ref = Ref.parse(name)
        assert (board.feature(ref, eyes) is not None) is (ref.of_place in eyes)


def test_what_a_look_saw_is_read_as_it_was_written(ledger: Ledger) -> None:
    saw = LastLook(
        NOON, (("labels", "beta"),), (), ("m",), "public", (GateResult("soak", "public", "block", None, ()),), True,
        "Support to answer.", "no way back", ("a", "B c"), (),
    )  # fmt: skip
    ref = put(ledger, "acme/app#1", Card("t", "u", "beta", seen=saw))
    found = ledger.board.feature(ref, None)
    assert found is not None
    assert found.seen == saw


@pytest.mark.parametrize("body", [None, b"{}", b'{"gates": 7}', b"not json"], ids=repr)
def test_what_was_never_written_or_by_another_release_is_an_empty_look(body: bytes | None) -> None:
    assert read(body) == UNSEEN


def test_a_feature_that_moves_to_another_repository_moves_on_the_board(ledger: Ledger) -> None:
    old, new = Ref.parse("acme/app#1"), Ref.parse("acme/web#9")
    put(ledger, "acme/app#1", Card("t", "u", "beta"))
    ledger.carry(old, new, NOON)
    assert ledger.board.places(None) == ("github:acme/web",)
