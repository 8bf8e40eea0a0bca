"""The log over all features, on both databases: in one order, turned by key, narrowed, and only for whoever may see."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from integration.memory.audit import Line, Sought
from integration.memory.database import transaction
from integration.memory.ledger import Card, Ledger
from integration.stages.entries import Acknowledged, Entry, GateResult, Judged, Noticed, Outcome
from integration.stages.model import Move, Person, Ref

APP, SECRET = Ref.parse("acme/app#12"), Ref.parse("acme/secret#3")
MOBILE = Ref.parse("jira:main/APP-7")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ERIN, SAM = Person("1", "erin", "Erin"), Person("2", "sam", "Sam")
ALL = Sought()


def later(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def verdict(at: datetime, *rules: str, to: str = "public") -> Judged:
    gates = tuple(GateResult(rule, to, "block", False, ()) for rule in rules)
    return Judged(at, Move("m1", "s", "beta", to, ERIN, at), Outcome.BLOCKED, gates, mappings="abc")


def told(at: datetime, party: str = "support") -> Noticed:
    return Noticed(at, party, "public", "c1", ERIN)


def seen(at: datetime, party: str = "support") -> Acknowledged:
    return Acknowledged(at, party, "public", SAM, "c2")


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """Three features, in three places."""
    written: dict[Ref, tuple[str, list[Entry]]] = {
        APP: ("Dark mode", [verdict(later(0), "support-first", "soak"), told(later(2)), seen(later(4))]),
        SECRET: ("Secret plan", [told(later(1), "growth"), told(later(2), "growth")]),
        MOBILE: ("100% faster_start", [verdict(later(3), "docs", to="beta")]),
    }
    for ref, (title, entries) in written.items():
        ledger.append(ref, entries, 0, later(5), Card(title, "https://tracker.example/1", "beta"))
    return ledger


def named(lines: tuple[Line, ...]) -> list[tuple[str, int]]:
    return [(line.ref.key, line.key.seq) for line in lines]


def test_all_entries_come_the_newest_first_and_at_one_time_in_one_order(filled: Ledger) -> None:
    assert named(filled.audit.lines(ALL, None, 50)) == [
        ("acme/app#12", 3), ("APP-7", 1), ("acme/secret#3", 2), ("acme/app#12", 2), ("acme/secret#3", 1),
        ("acme/app#12", 1),
    ]  # fmt: skip


def test_pages_turned_by_key_show_each_entry_once_also_when_one_comes_meanwhile(filled: Ledger) -> None:
    whole, found = filled.audit.lines(ALL, None, 50), list[Line]()
    before = None
    while part := filled.audit.lines(ALL, None, 2, before):
        found += part
        before = part[-1].key
        filled.append(APP, [seen(later(9))], filled.read(APP).seq, later(9))
    assert found == list(whole)


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        (Sought(text="dark"), 3),
        (Sought(text="acme/secret"), 2),
        (Sought(text="ERIN support"), 1),  # each word: a person, and the rule that was shut first
        (Sought(text="100% faster_"), 1),
        (Sought(text="10_%"), 0),
        (Sought(kinds=("judged",)), 2),
        (Sought(stage="beta"), 1),
        (Sought(party="growth"), 2),
        (Sought(person="sam"), 1),
        (Sought(rule="soak"), 1),  # the second that was shut
        (Sought(rule="support"), 0),
        (Sought(place="jira:main/APP"), 1),
        (Sought(since=later(2), until=later(4)), 3),
    ],
)
def test_it_is_searched_and_narrowed(filled: Ledger, sought: Sought, found: int) -> None:
    assert len(filled.audit.lines(sought, None, 50)) == found


def test_nobody_is_shown_a_line_of_a_place_that_they_may_not_see(filled: Ledger) -> None:
    eyes = frozenset({"github:acme/app"})
    assert {line.ref for line in filled.audit.lines(ALL, eyes, 50)} == {APP}
    assert {line.ref for line in filled.audit.lines(Sought(text="secret"), eyes, 50)} == set()
    assert [one.ref for one in filled.audit.features(ALL, eyes, 50)] == [APP]
    assert filled.audit.lines(ALL, frozenset(), 50) == ()


def test_the_features_of_a_time_are_found_in_parts(filled: Ledger) -> None:
    first = filled.audit.features(Sought(since=later(2)), None, 2)
    rest = filled.audit.features(Sought(since=later(2)), None, 2, first[-1].row.id)
    assert {one.ref for one in (*first, *rest)} == {APP, SECRET, MOBILE}
    assert not filled.audit.features(Sought(since=later(8)), None, 2)


def test_what_is_sealed_gives_its_hash_by_hand(filled: Ledger) -> None:
    feature = filled.board.feature(APP, None)
    assert feature
    before = ""
    for one in filled.audit.sealed(feature):
        assert one.previous == before
        assert hashlib.sha256(f"{before}\n{one.text}".encode()).hexdigest() == one.hash
        before = one.hash
    assert before == feature.row.head


def test_a_changed_body_is_told_as_unreadable_and_hides_no_other_line(filled: Ledger) -> None:
    with transaction(filled._engine, writes=True) as connection:
        if connection.dialect.name == "sqlite":
            for name in (
                connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            ):
                connection.execute(text(f'DROP TRIGGER "{name}"'))
        else:
            connection.execute(text("ALTER TABLE entries DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE entries SET body = '{}' WHERE kind = 'acknowledged'"))
    lines = filled.audit.lines(ALL, None, 50)
    assert [line.entry is None for line in lines] == [True, *[False] * 5]
    feature = filled.board.feature(APP, None)
    assert feature
    assert [one.entry is None for one in filled.audit.sealed(feature)] == [False, False, True]
    assert filled.verify(APP) == 3


def test_anchors_tell_what_they_cover(filled: Ledger) -> None:
    digest = filled.anchor(later(6))
    filled.append(APP, [seen(later(30))], 3, later(30))
    filled.anchor(later(40))
    feature = filled.board.feature(APP, None)
    assert feature
    assert [(one.seq, one.day) for one in filled.audit.anchored(feature)] == [(3, "2026-03-02"), (4, "2026-03-04")]
    assert [(one.day, one.chains) for one in filled.audit.anchors(7)] == [("2026-03-04", 3), ("2026-03-02", 3)]
    assert filled.audit.anchors(7)[-1].digest == digest


def test_versions_are_listed_the_newest_first_without_repositories_own(ledger: Ledger) -> None:
    from integration.memory.versions import Own

    ledger.versions.take("aaa", "first", NOON)
    ledger.versions.take("bbb", "second", later(1))
    ledger.versions.keep_own("acme/app", Own("c" * 64, later(2)), "own", later(2))
    assert [one.hash for one in ledger.versions.listed()] == ["bbb", "aaa"]
    assert ledger.versions.own_text_of("cccc") == "own"
    assert ledger.versions.own_text_of("") is None
    assert ledger.versions.own_text_of("cc_c") is None


def test_the_figures_count_what_is_there(filled: Ledger) -> None:
    filled.append(APP, [], 3, later(6), Card("Dark mode", "", "beta", wanted="public", awaited=("support",)))
    found = filled.census.figures()
    assert (found.stages, found.asked, found.awaited, found.entries) == ({"beta": 3}, 1, 1, 6)
    assert found.anchored is None
    assert set(filled.census.known([APP, Ref.parse("acme/none#1")])) == {str(APP)}
