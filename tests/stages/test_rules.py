"""Each requirement: met, not met, just at the edge, and not to be known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integration.stages import mappings as m
from integration.stages.calendars import Duration
from integration.stages.entries import Acknowledged, Approved, Evidence, Held, NeedsWork, Noticed
from integration.stages.model import Issue, Label, Person, Ref
from integration.stages.moves import Stay
from integration.stages.rules import CATALOGUE, REPLY_SETTLES, Case, evaluate, section

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)  # a Tuesday
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ERIN, SAM, SOFIA, GUS, ME = (Person(name, name) for name in ("erin", "sam", "sofia", "gus", "release-stages"))

FILE = m.read("""
version: 1
stages: {development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}
calendars: {london: {time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30"}}
parties:
  support: {github: {team: acme/support}, calendar: london}
  growth: {name: Growth team, github: {users: [gus]}}
sources: [{github: {repositories: ["acme/*"], labels: {beta: "s: beta", public: "s: public"}}}]
""")
ISSUE = Issue(
    ref=Ref("github", "", "acme/app", 1), title="Export", body="", url="", author=ERIN, me=ME, created=NOW,
    watermark=NOW, labels=(Label("1", "Ready"), Label("2", "bug")), fields={"Rollback plan": "undo it", "Empty": " "},
)  # fmt: skip


def case(*evidence: Evidence, body: str = "", **changes: object) -> Case:
    return replace(Case(replace(ISSUE, body=body), FILE, NOW, evidence), **changes)  # type: ignore[arg-type]


def told(ago: timedelta = HOUR, party: str = "support", unreached: str = "", fallback: bool = False) -> Noticed:
    return Noticed(NOW - ago, party, "public", "c1", ERIN, "https://x.example/c1", unreached, fallback)


def seen(by: Person = SAM, ago: timedelta = HOUR, party: str = "support", plain: bool = False) -> Acknowledged:
    return Acknowledged(NOW - ago, party, "public", by, f"ack-{by.id}", f"https://x.example/{by.id}", plain)


def agreed(by: Person = SAM, ago: timedelta = HOUR, party: str = "support") -> Approved:
    return Approved(NOW - ago, party, "public", by, f"ok-{by.id}", f"https://x.example/{by.id}")


def handed_back(ago: timedelta = HOUR, by: Person = SAM, party: str = "support") -> NeedsWork:
    return NeedsWork(NOW - ago, party, "public", by, "the help page", "c9")


def length(text: str) -> Duration:
    return Duration.parse(text)


# --- told -----------------------------------------------------------------------------------------------------------

TOLD = m.Notified(party="support")
DAY_AHEAD = m.Notified(party="support", ahead=length("1 working day"))


@pytest.mark.parametrize(
    ("asked", "evidence", "ok"),
    [
        (TOLD, [], False),
        (TOLD, [told()], True),
        (TOLD, [told(party="growth")], False),
        (TOLD, [told(unreached="no such team")], False),
        (TOLD, [told(fallback=True)], False),
        (TOLD, [told(unreached="no such team"), told()], True),
        (TOLD, [seen()], True),
        (TOLD, [agreed()], True),
        (TOLD, [seen(by=ERIN)], False),
        (TOLD, [told(unreached="no such team"), seen()], True),
        (DAY_AHEAD, [told(DAY)], True),
        (DAY_AHEAD, [told(DAY - MINUTE)], False),
        (DAY_AHEAD, [told(5 * DAY), told(MINUTE)], True),
        (DAY_AHEAD, [seen(ago=DAY)], True),
        (m.Notified(party="support", ahead=length("3 hours")), [told(3 * HOUR)], True),
        (m.Notified(party="support", ahead=length("3 hours")), [told(3 * HOUR - MINUTE)], False),
    ],
)
def test_notified(asked: m.Notified, evidence: list[Evidence], ok: bool) -> None:
    assert evaluate(asked, case(*evidence, askers=frozenset({ERIN.id}))).ok is ok


def test_what_only_time_opens_says_when_and_awaits_nobody() -> None:
    found = evaluate(DAY_AHEAD, case(told(HOUR)))

    assert (found.ok, found.party) == (False, "")
    assert found.look_again_at == NOW - HOUR + DAY
    assert "long enough on Wed 9 Dec, 11:00 GMT" in found.reason


def test_a_mention_that_reached_nobody_says_why_and_still_awaits_the_party() -> None:
    found = evaluate(TOLD, case(told(unreached="the team does not exist")))

    assert "the team does not exist" in found.reason
    assert (found.party, found.evidence, found.look_again_at) == ("support", ("https://x.example/c1",), None)


@pytest.mark.parametrize(
    ("ago", "ok"), [(3 * DAY, True), (2 * DAY, True), (2 * DAY - MINUTE, False), (3 * DAY + MINUTE, False)]
)
def test_notified_within_a_stage_counts_only_what_was_said_there(ago: timedelta, ok: bool) -> None:
    there = (Stay("beta", NOW - 3 * DAY, NOW - 2 * DAY),)
    asked = m.Notified(party="support", within_stage="beta")

    assert evaluate(asked, case(told(ago), seen(), stays=there)).ok is ok


# --- seen, agreed ---------------------------------------------------------------------------------------------------

SEEN, TWO_SAW = m.Acknowledged(party="support"), m.Acknowledged(party="support", by=2)
AGREED, TWO_AGREE = m.Approved(party="support"), m.Approved(party="support", by=2)
OTHERS_AGREE = m.Approved(party="support", not_author=True)


@pytest.mark.parametrize(
    ("asked", "evidence", "ok"),
    [
        (SEEN, [], False),
        (SEEN, [told(9 * DAY)], False),
        (SEEN, [seen()], True),
        (SEEN, [agreed()], True),
        (SEEN, [seen(party="growth")], False),
        (SEEN, [seen(GUS)], False),
        (SEEN, [seen(plain=True, ago=REPLY_SETTLES)], True),
        (SEEN, [seen(plain=True, ago=REPLY_SETTLES - timedelta(seconds=1))], False),
        (SEEN, [seen(plain=True, ago=MINUTE), seen(ago=MINUTE)], True),
        (TWO_SAW, [seen(), seen(ago=MINUTE)], False),
        (TWO_SAW, [seen(), seen(SOFIA)], True),
        (TWO_SAW, [seen(), agreed(SOFIA)], True),
        (TWO_SAW, [seen(), seen(SOFIA, MINUTE, plain=True)], False),
        (SEEN, [seen(ago=2 * HOUR), handed_back()], False),
        (SEEN, [handed_back(), seen(ago=MINUTE)], True),
        (SEEN, [handed_back(), seen(SOFIA, ago=MINUTE)], True),
        (SEEN, [handed_back(), seen(ago=20 * MINUTE, plain=True)], False),
        (SEEN, [seen(), handed_back(party="growth")], True),
        (AGREED, [], False),
        (AGREED, [seen()], False),
        (AGREED, [agreed()], True),
        (AGREED, [agreed(GUS)], False),
        (AGREED, [agreed(party="growth")], False),
        (TWO_AGREE, [agreed(), agreed(ago=MINUTE)], False),
        (TWO_AGREE, [agreed(), agreed(SOFIA)], True),
        (TWO_AGREE, [agreed(), seen(SOFIA)], False),
        (AGREED, [agreed(ago=2 * HOUR), handed_back()], False),
        (AGREED, [handed_back(), agreed(ago=MINUTE)], True),
        (AGREED, [handed_back(), seen(ago=MINUTE)], False),
        (OTHERS_AGREE, [agreed(ERIN)], False),
        (OTHERS_AGREE, [agreed(ERIN), agreed()], True),
    ],
)
def test_seen_and_agreed(asked: m.Acknowledged | m.Approved, evidence: list[Evidence], ok: bool) -> None:
    """Gus is the one who asked for the move: he has no voice."""
    assert evaluate(asked, case(*evidence, askers=frozenset({GUS.id}))).ok is ok


@pytest.mark.parametrize("asked", [SEEN, AGREED, TWO_SAW, TWO_AGREE, OTHERS_AGREE], ids=lambda asked: str(asked))
def test_whose_members_cannot_be_read_it_cannot_be_known_what_is_missing(asked: m.Requirement) -> None:
    assert evaluate(asked, case(unreadable={"support": NOW})).ok is None
    assert evaluate(asked, case(unreadable={"growth": NOW})).ok is False


def test_what_is_there_is_met_even_where_the_members_cannot_be_read_now() -> None:
    assert evaluate(SEEN, case(seen(), unreadable={"support": NOW})).ok is True


def test_needs_work_is_the_turn_of_whoever_asked_and_no_longer_of_the_party() -> None:
    found = evaluate(SEEN, case(seen(ago=2 * HOUR), handed_back()))

    assert (found.ok, found.party) == (False, "")
    assert "sam says that it needs work: the help page" in found.reason


def test_a_plain_reply_says_when_it_counts() -> None:
    found = evaluate(SEEN, case(seen(plain=True, ago=MINUTE)))

    assert (found.ok, found.party, found.look_again_at) == (False, "", NOW - MINUTE + REPLY_SETTLES)


# --- where it has been ----------------------------------------------------------------------------------------------


def test_visited() -> None:
    asked = m.Visited(stage="beta")

    assert evaluate(asked, case(stays=(Stay("beta", NOW, NOW),))).ok is True
    assert evaluate(asked, case(stays=(Stay("internal", NOW, None),))).ok is False
    assert evaluate(asked, case()).ok is False


@pytest.mark.parametrize(
    ("stays", "ok", "look"),
    [
        ([], False, None),
        ([(5 * DAY, None)], True, None),
        ([(5 * DAY - MINUTE, None)], False, MINUTE),
        ([(9 * DAY, 4 * DAY)], True, None),
        ([(8 * DAY, 4 * DAY)], False, None),
        ([(9 * DAY, 6 * DAY), (2 * DAY, None)], True, None),
        ([(9 * DAY, 6 * DAY), (DAY, None)], False, DAY),
        ([(9 * DAY, 7 * DAY), (4 * DAY, DAY)], True, None),
        ([(9 * DAY, 7 * DAY), (3 * DAY, DAY)], False, None),
    ],
    ids=str,
)
def test_spent_counts_all_stays_together(
    stays: list[tuple[timedelta, timedelta | None]], ok: bool, look: timedelta | None
) -> None:
    been = tuple(Stay("beta", NOW - since, None if until is None else NOW - until) for since, until in stays)

    found = evaluate(m.Spent(stage="beta", at_least=length("5 days")), case(stays=been))

    assert found.ok is ok
    assert found.look_again_at == (NOW + look if look else None)


# --- what the issue shows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "on"), [(("ready",), True), (("READY",), True), (("other",), False), (("other", "bug"), True)]
)
def test_labelled_and_not_labelled_are_opposites_and_do_not_mind_capitals(names: tuple[str, ...], on: bool) -> None:
    assert evaluate(m.Labelled(labels=names), case()).ok is on
    assert evaluate(m.NotLabelled(labels=names), case()).ok is not on


@pytest.mark.parametrize(
    ("body", "ok"),
    [
        ("", False),
        ("## Known limits\nNone for big files", True),
        ("## known limits:\nslow", True),
        ("h2. Known limits\nslow", True),
        ("**Known limits**\nslow", False),
        ("## Known limits\n\n## Next\ntext", False),
        ("## Known limits\n### Deeper\nslow", True),
        ("## Known limits\n_No response_", False),
        ("## Known limits\nTBD", False),
        ("## Known limits\nn/a", False),
        ("## Known limits\n<!-- write the limits here -->", False),
        ("## Known limits\n<!-- never closed\nslow", False),
        ("# Other\ntext\n## Known limits\r\n\r\nslow", True),
        ("## Known limits\n- [ ]\n- ...", False),
    ],
)
def test_described_by_a_section(body: str, ok: bool) -> None:
    assert evaluate(m.Described(section="Known limits"), case(body=body)).ok is ok


@pytest.mark.parametrize(("field", "ok"), [("Rollback plan", True), ("Empty", False), ("Missing", False)])
def test_described_by_a_field(field: str, ok: bool) -> None:
    assert evaluate(m.Described(field=field), case()).ok is ok


@pytest.mark.parametrize(
    ("body", "where", "ok"),
    [
        ("", None, False),
        ("- [x] one", None, True),
        ("- [X] one\n* [x] two\n1. [x] three", None, True),
        ("- [x] one\n- [ ] two", None, False),
        ("- [ ] one\n## Before Beta\n- [x] two", "Before Beta", True),
        ("## Before Beta\n- [ ] two\n## More\n- [x] one", "Before Beta", False),
        ("- [x] one", "Before Beta", False),
        ("<!-- - [ ] one -->\n- [x] two", None, True),
    ],
)
def test_checklist(body: str, where: str | None, ok: bool) -> None:
    assert evaluate(m.Checklist(section=where), case(body=body)).ok is ok


def test_a_checklist_names_what_is_open() -> None:
    found = evaluate(m.Checklist(), case(body="- [ ] help page\n- [x] logs\n- [ ] price"))

    assert found.reason == "still open: help page; price"


def test_not_on_hold() -> None:
    until = NOW + DAY
    hold = Held(NOW - HOUR, GUS, "the fair", "c1", ("growth",), until)

    assert evaluate(m.NotOnHold(), case()).ok is True
    found = evaluate(m.NotOnHold(), case(hold=hold))
    assert (found.ok, found.party, found.look_again_at) == (False, "", until)
    assert "gus holds it until Wed 9 Dec, 12:00 UTC: the fair (/stage resume ends it)" in found.reason


@pytest.mark.parametrize(("title", "found"), [("A", "one\n### B\ntwo"), ("B", "two"), ("C", "three"), ("D", None)])
def test_a_section_ends_at_the_next_heading_of_its_level(title: str, found: str | None) -> None:
    assert section("## A\none\n### B\ntwo\n## C\nthree", title) == found


# --- any, all, none: three values -----------------------------------------------------------------------------------

YES, NO, UNKNOWN = m.Labelled(labels=("ready",)), m.Labelled(labels=("other",)), m.Acknowledged(party="support")


@pytest.mark.parametrize(
    ("items", "either", "each"),
    [
        ([YES], True, True),
        ([NO], False, False),
        ([UNKNOWN], None, None),
        ([YES, NO], True, False),
        ([YES, UNKNOWN], True, None),
        ([NO, UNKNOWN], None, False),
        ([YES, NO, UNKNOWN], True, False),
    ],
)
def test_what_cannot_be_known_counts_only_where_it_matters(
    items: list[m.Requirement], either: bool | None, each: bool | None
) -> None:
    looked = case(unreadable={"support": NOW})
    found = [evaluate(kind(items=tuple(items)), looked) for kind in (m.Any, m.All, m.None_)]

    assert [one.ok for one in found] == [either, each, None if either is None else not either]
    assert all(len(one.parts) == len(items) for one in found)
    assert [one.negated for one in found] == [False, False, True]


def test_they_nest() -> None:
    asked = m.All(items=(m.Any(items=(NO, YES)), m.None_(items=(NO, m.All(items=(YES, NO))))))

    assert evaluate(asked, case()).ok is True


def test_every_requirement_of_the_file_has_its_function() -> None:
    assert set(CATALOGUE) == set(m.REQUIREMENTS.values())
