"""Each requirement: met, not met, just at the edge, and not to be known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

import pytest

from integration.stages.calendars import Duration
from integration.stages.entries import (
    Acknowledged,
    Agreed,
    Approved,
    Evidence,
    Finding,
    HandedOver,
    Held,
    NeedsWork,
    Noticed,
    Owed,
    Proposed,
)
from integration.stages.file import mappings as m
from integration.stages.model import Issue, Label, Person, Ref, Related, Tie
from integration.stages.moves import Stay
from integration.stages.rules.case import Case
from integration.stages.rules.catalogue import CATALOGUE, REPLY_SETTLES, evaluate
from integration.stages.rules.catalogue import handed_back as wants_mended
from integration.stages.rules.facts import facts_of
from integration.stages.rules.gate import leaves
from integration.stages.rules.sections import section

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)  # a Tuesday
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ERIN, SAM, SOFIA, GUS, ME = (Person(name, name) for name in ("erin", "sam", "sofia", "gus", "release-stages"))

FILE = m.read("""
version: 1
stages: {development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}
calendars: {london: {time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30"}}
parties:
  support: {github: {team: acme/support}, calendar: london}
  growth: {name: Growth team, github: {users: [gus]}, briefing: [Audience, {title: Who to ask, otherwise: asker}]}
routes: {agreed_by: [growth, support], effective: 2026-01-01}
links:
  docs: {urls: ["https://docs.example.com/*", "https://acme.example/help/*"], types: [is documented by]}
windows:
  mondays: {days: mon, time_zone: America/New_York}
  mornings: {hours: "09:00-11:00", unless_labelled: Bug}
  past: {until: 2026-12-01, unless: {"acme/app#2": another one, "ACME/app#1": contract}}
  gone: {until: 2026-12-01}
  open: {from: 2026-12-01}
freezes:
  year-end: {from: 2026-12-07, until: 2027-01-04}
  eternal: {from: 2026-12-07}
  over: {until: 2026-12-01}
  tuesdays: {days: tue, unless: {APP-7: contract}}
sources: [{github: {repositories: ["acme/*"], labels: {beta: "s: beta", public: "s: public"}}}]
""")
ISSUE = Issue(
    ref=Ref("github", "", "acme/app", 1), title="Export", body="", url="", author=ERIN, me=ME, created=NOW,
    watermark=NOW, labels=(Label("1", "Ready"), Label("2", "bug")), fields={"Rollback plan": "undo it", "Empty": " "},
)  # fmt: skip


def case(*evidence: Evidence, body: str = "", **changes: object) -> Case:
    """Debts that are given are those that were made for this gate; which ones are is gate.py's."""
    changes.setdefault("promised", changes.get("debts", ()))
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
    assert "that is enough from Wed 9 Dec, 11:00 GMT" in found.reason


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


# --- needs work, seen to --------------------------------------------------------------------------------------------


def seen_to(ago: timedelta = 30 * MINUTE, party: str = "support") -> HandedOver:
    return HandedOver(NOW - ago, party, "public", ERIN, "c10")


@pytest.mark.parametrize(
    ("evidence", "ok", "party"),
    [
        ([handed_back()], False, ""),
        ([handed_back(), seen_to()], False, "support"),
        ([handed_back(), seen_to(HOUR)], False, "support"),
        ([handed_back(), seen_to(party="growth")], False, ""),
        ([handed_back(3 * HOUR), seen_to(2 * HOUR), handed_back(HOUR)], False, ""),
        ([handed_back(3 * HOUR), seen_to(2 * HOUR), handed_back(HOUR), seen_to()], False, "support"),
        ([seen(ago=2 * HOUR), handed_back(), seen_to()], False, "support"),
        ([handed_back(), seen_to(), agreed(ago=MINUTE)], True, "support"),
    ],
)
def test_what_was_seen_to_is_the_partys_turn_again(evidence: list[Evidence], ok: bool, party: str) -> None:
    for asked in (SEEN, AGREED):
        found = evaluate(asked, case(*evidence))
        assert (found.ok, found.party) == (ok, party)
    back = wants_mended("support", case(*evidence))
    assert back is None if ok else (back is not None and back.party == party)


def test_it_is_said_who_has_seen_to_it_and_who_looks_again() -> None:
    found = evaluate(SEEN, case(handed_back(), seen_to()))

    assert found.reason == "erin says it has been seen to; Support looks again"


# --- approvals that fall --------------------------------------------------------------------------------------------

VOIDED = m.Approved(party="support", voided_by=(m.Fact(description=True), m.Fact(section="Undo"), m.Fact(link="docs")))
TEXT = "https://docs.example.com/a\n## Undo\nswitch it off"


def agreed_to(body: str, by: Person = SAM, ago: timedelta = HOUR) -> Approved:
    """An approval as it is recorded: with what the text was then."""
    return replace(agreed(by, ago), facts=facts_of(replace(ISSUE, body=body, related=()), VOIDED.voided_by, FILE))


@pytest.mark.parametrize(
    ("was", "now", "reason"),
    [
        (TEXT, TEXT, ""),
        (TEXT, TEXT.replace("\n## Undo", "\r\n\r\n## Undo"), ""),
        (TEXT, "Now: " + TEXT, "the description has changed since"),
        (TEXT, TEXT + " at once", 'the description and "Undo" have changed since'),
        (TEXT, TEXT.replace("/a", "/b"), "the description and the docs link have changed since"),
        (TEXT, "", 'the description and "Undo" and the docs link have changed since'),
    ],
)
def test_an_approval_falls_when_what_it_was_given_for_changes(was: str, now: str, reason: str) -> None:
    found = evaluate(VOIDED, case(agreed_to(was), issue=replace(ISSUE, body=now, related=())))

    assert (found.ok, found.party) == (not reason, "support")
    assert found.reason == "approved by sam on Tue 8 Dec, 11:00 GMT" + (f", but {reason}" if reason else "")
    assert found.evidence == ("https://x.example/sam",)


def test_only_the_facts_that_are_named_count_and_only_where_they_were_recorded() -> None:
    on_title = m.Approved(party="support", voided_by=(m.Fact(title=True),))

    assert evaluate(on_title, case(agreed_to("old"), body="new")).ok is True
    assert evaluate(VOIDED, case(agreed(), body="new")).ok is True
    assert evaluate(AGREED, case(agreed_to("old"), body="new")).ok is True


def test_an_approval_that_fell_is_still_seen_and_can_be_given_again() -> None:
    fallen = agreed_to("old", ago=2 * HOUR)

    assert evaluate(SEEN, case(fallen, body="new")).ok is True
    assert evaluate(VOIDED, case(fallen, agreed_to("new"), body="new")).ok is True
    assert evaluate(VOIDED, case(handed_back(3 * HOUR), fallen, body="new")).party == "support"


def test_of_two_approvals_the_one_that_fell_is_named_as_such() -> None:
    two = m.Approved(party="support", by=2, voided_by=VOIDED.voided_by)

    found = evaluate(two, case(agreed_to("old"), agreed_to("new", SOFIA), body="new"))

    assert found.ok is False
    assert found.reason == (
        "approved by sofia on Tue 8 Dec, 11:00 GMT; 2 needed; "
        "approved by sam on Tue 8 Dec, 11:00 GMT, but the description has changed since"
    )


# --- debts ----------------------------------------------------------------------------------------------------------

FRIDAY = datetime(2026, 12, 12, 0, 0, tzinfo=UTC)  # when Friday is over


def debt(party: str = "support", stage: str = "public", until: datetime | None = FRIDAY, **changes: object) -> Owed:
    owed = Owed(NOW - DAY, party, stage, ERIN, "sofia", until, "ack", "c7", "https://x.example/c7")
    return replace(owed, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("owed", "may_owe", "passes"),
    [
        ([debt()], True, True),
        ([debt()], False, False),
        ([], True, False),
        ([debt(until=None)], True, True),
        ([debt(until=NOW)], True, False),
        ([debt(until=NOW + MINUTE)], True, True),
        ([debt("growth")], True, False),
        ([debt(who="")], True, False),
        ([debt("growth"), debt()], True, True),
    ],
)
def test_what_is_put_off_by_name_passes_where_the_rule_lets_it(owed: list[Owed], may_owe: bool, passes: bool) -> None:
    asked_there = case(debts=tuple(owed), may_owe=may_owe, stage_asked="public")

    for asked in (TOLD, DAY_AHEAD, SEEN, TWO_SAW, AGREED, OTHERS_AGREE):
        found = evaluate(asked, asked_there)
        assert (found.ok, found.owed) == (passes, passes)


def test_it_is_said_who_owes_it_and_until_when() -> None:
    found = evaluate(SEEN, case(debts=(debt(),), may_owe=True, stage_asked="public"))

    assert found.reason == "later, by sofia until Fri 11 Dec"
    assert (found.party, found.evidence) == ("support", ("https://x.example/c7",))


@pytest.mark.parametrize(
    ("asked", "evidence"), [(TOLD, [told()]), (SEEN, [seen()]), (AGREED, [agreed()]), (TWO_SAW, [seen(), seen(SOFIA)])]
)
def test_what_is_met_is_not_owed(asked: m.Requirement, evidence: list[Evidence]) -> None:
    found = evaluate(asked, case(*evidence, debts=(debt(),), may_owe=True, stage_asked="public"))

    assert (found.ok, found.owed) == (True, False)


def test_needs_work_wins_over_a_debt_and_a_debt_over_what_cannot_be_read() -> None:
    owing = case(debts=(debt(),), may_owe=True, stage_asked="public", unreadable={"support": NOW})

    assert evaluate(SEEN, owing).ok is True
    for word in ([handed_back()], [handed_back(), seen_to()]):
        assert evaluate(SEEN, replace(owing, evidence=tuple(word))).ok is False
        assert evaluate(AGREED, replace(owing, evidence=tuple(word))).ok is False


NOTHING_OWED, SUPPORT_OWES_NOTHING = m.NoDebt(), m.NoDebt(party="support")


@pytest.mark.parametrize(
    ("asked", "owed", "ok"),
    [
        (NOTHING_OWED, [], True),
        (NOTHING_OWED, [debt(stage="beta")], False),
        (NOTHING_OWED, [debt(stage="beta", until=None)], False),
        (NOTHING_OWED, [debt(stage="beta", who="", until=None)], False),
        (NOTHING_OWED, [debt(stage="public")], True),
        (NOTHING_OWED, [debt(stage="renamed since")], False),
        (SUPPORT_OWES_NOTHING, [debt(stage="beta")], False),
        (SUPPORT_OWES_NOTHING, [debt("growth", "beta")], True),
        (SUPPORT_OWES_NOTHING, [debt("growth", "beta"), debt(stage="internal")], False),
    ],
)
def test_no_debt_looks_at_what_is_owed_on_earlier_stages(asked: m.NoDebt, owed: list[Owed], ok: bool) -> None:
    assert evaluate(asked, case(debts=tuple(owed), stage_asked="public")).ok is ok


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "sofia owes Support's word on Beta Release until Fri 11 Dec"),
        ({"asks": "approve"}, "sofia owes Support's approval of Beta Release until Fri 11 Dec"),
        ({"until": NOW - HOUR}, "sofia owes Support's word on Beta Release, overdue since Tue 8 Dec, 11:00 UTC"),
        ({"until": NOW}, "sofia owes Support's word on Beta Release, overdue since Tue 8 Dec, 12:00 UTC"),
        ({"until": None}, "sofia owes Support's word on Beta Release"),
        ({"until": None, "who": ""}, "Support's word on Beta Release is still owed"),
    ],
)
def test_a_debt_says_who_owes_what_until_when(changes: dict[str, object], reason: str) -> None:
    found = evaluate(NOTHING_OWED, case(debts=(debt(stage="beta", **changes),), stage_asked="public"))

    assert (found.reason, found.party, found.evidence) == (reason, "support", ("https://x.example/c7",))


def test_several_debts_await_all_who_owe() -> None:
    owed = (debt(stage="beta"), debt("growth", "internal"))

    found = evaluate(NOTHING_OWED, case(debts=owed, stage_asked="public"))

    assert found.ok is False
    assert [leaf.party for leaf in leaves(found)] == ["support", "growth"]
    assert "sofia owes Growth team's word on Internal Release" in leaves(found)[1].reason


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


# --- the route ------------------------------------------------------------------------------------------------------

FOLLOWS = m.FollowsRoute()
SHORT, LONG = ("internal", "public"), ("internal", "beta", "public")


def proposal(*stages: str) -> Proposed:
    return Proposed(NOW - DAY, "r2", stages, ERIN, "command", "c3", "https://x.example/c3")


def agrees(party: str, by: Person, route: str = "r2") -> Agreed:
    return Agreed(NOW - HOUR, route, party, by, "c4", "https://x.example/c4")


BOTH = (agrees("growth", GUS), agrees("support", SAM))


@pytest.mark.parametrize(
    ("stage", "route", "proposed", "agreements", "ok", "parties"),
    [
        ("public", SHORT, None, (), True, []),
        ("beta", SHORT, None, (), False, [""]),
        ("development", SHORT, None, (), True, []),
        ("beta", SHORT, LONG, (), False, ["growth", "support"]),
        ("beta", SHORT, LONG, BOTH[:1], False, ["support"]),
        ("beta", SHORT, ("public",), (), False, [""]),
        ("public", SHORT, LONG, (), True, []),
        ("public", None, None, (), False, [""]),
        ("development", None, None, (), False, [""]),
        ("public", None, SHORT, (), False, ["growth", "support"]),
        ("public", None, SHORT, BOTH[1:], False, ["growth"]),
        ("public", None, SHORT, (agrees("growth", GUS, "r1"), BOTH[1]), False, ["growth"]),
        ("public", None, SHORT, BOTH, True, []),
        ("beta", None, SHORT, (), False, [""]),
    ],
)
def test_follows_route(
    stage: str,
    route: tuple[str, ...] | None,
    proposed: tuple[str, ...] | None,
    agreements: tuple[Agreed, ...],
    ok: bool,
    parties: list[str],
) -> None:
    wanted = proposal(*proposed) if proposed else None

    found = evaluate(FOLLOWS, case(stage_asked=stage, route=route, proposed=wanted, agreements=agreements))

    assert found.ok is ok
    assert [leaf.party for leaf in leaves(found)] == parties


def test_a_route_names_each_who_has_to_agree_and_who_has() -> None:
    found = evaluate(FOLLOWS, case(stage_asked="public", proposed=proposal(*SHORT), agreements=BOTH[:1]))

    assert found.says == "Public Release is on its agreed route"
    assert [(one.says, one.ok, one.reason) for one in found.parts] == [
        ("Growth team has agreed to the route Internal Release, Public Release", True, "gus on Tue 8 Dec, 11:00 UTC"),
        ("Support has agreed to the route Internal Release, Public Release", False, "not yet"),
    ]


@pytest.mark.parametrize(
    ("route", "proposed", "reason"),
    [
        (None, None, "no route is agreed; /stage route STAGE, STAGE proposes one"),
        (
            SHORT, None,
            "the agreed route is Internal Release, Public Release, without Beta Release; "
            "/stage route internal, beta, public proposes another",
        ),
        (
            None, proposal("public"),
            "the proposed route is Public Release, without Beta Release; /stage route beta, public proposes another",
        ),
    ],
)  # fmt: skip
def test_a_stage_off_the_route_says_what_would_put_it_on(
    route: tuple[str, ...] | None, proposed: Proposed | None, reason: str
) -> None:
    assert evaluate(FOLLOWS, case(stage_asked="beta", route=route, proposed=proposed)).reason == reason


def test_whether_a_party_that_cannot_be_read_agrees_cannot_be_known() -> None:
    asked_there = case(stage_asked="public", proposed=proposal(*SHORT), unreadable={"support": NOW})

    assert evaluate(FOLLOWS, replace(asked_there, agreements=BOTH[:1])).ok is None
    assert evaluate(FOLLOWS, asked_there).ok is False
    assert evaluate(FOLLOWS, replace(asked_there, agreements=BOTH)).ok is True


@pytest.mark.parametrize("asked", [m.Visited(stage="beta"), m.Spent(stage="beta", at_least=length("5 days"))])
def test_a_stage_that_the_agreed_route_leaves_out_is_not_asked_for(asked: m.Requirement) -> None:
    found = evaluate(asked, case(route=SHORT))

    assert (found.ok, found.reason) == (True, "the agreed route leaves out Beta Release")
    assert evaluate(asked, case(route=LONG)).ok is False
    assert evaluate(asked, case(proposed=proposal(*SHORT))).ok is False


@pytest.mark.parametrize(("route", "ok"), [(None, False), (LONG, False), (SHORT, True)])
def test_nobody_has_to_be_told_in_a_stage_that_the_route_leaves_out(route: tuple[str, ...] | None, ok: bool) -> None:
    asked = m.Notified(party="support", within_stage="beta")

    found = evaluate(asked, case(told(), route=route))

    assert found.ok is ok
    assert ("Beta" in found.says) is not ok
    assert evaluate(asked, case(route=route)).ok is False


# --- windows and freezes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "made_at", "ok", "look"),
    [
        (m.Within(window="open"), None, True, None),
        (m.Within(window="gone"), None, False, None),
        (m.Within(window="mondays"), None, False, datetime(2026, 12, 14, 5, 0, tzinfo=UTC)),
        (m.Within(window="mondays"), NOW - DAY, True, None),
        (m.Within(window="mondays"), NOW - 2 * DAY, False, datetime(2026, 12, 14, 5, 0, tzinfo=UTC)),
        (m.Within(window="mornings"), None, True, None),
        (m.Within(window="past"), None, True, None),
        (m.Outside(freeze="year-end"), None, False, datetime(2027, 1, 4, tzinfo=UTC)),
        (m.Outside(freeze="year-end"), NOW - 2 * DAY, True, None),
        (m.Outside(freeze="year-end"), NOW - HOUR, False, datetime(2027, 1, 4, tzinfo=UTC)),
        (m.Outside(freeze="eternal"), None, False, None),
        (m.Outside(freeze="over"), None, True, None),
        (m.Outside(freeze="over"), NOW - 30 * DAY, True, None),
        (m.Outside(freeze="tuesdays"), None, False, datetime(2026, 12, 9, tzinfo=UTC)),
    ],
)
def test_windows_and_freezes(asked: m.Requirement, made_at: datetime | None, ok: bool, look: datetime | None) -> None:
    found = evaluate(asked, case(made_at=made_at))

    assert (found.ok, found.party, found.look_again_at) == (ok, "", look)


@pytest.mark.parametrize(
    ("asked", "made_at", "reason"),
    [
        (m.Within(window="mornings"), None, "an exception: it is labelled bug"),
        (m.Within(window="past"), None, "an exception: contract"),
        (m.Within(window="mondays"), None, "opens on Mon 14 Dec, 00:00 EST"),
        (m.Within(window="mondays"), NOW - DAY, "the move was made in time, on Mon 7 Dec, 07:00 EST"),
        (m.Within(window="gone"), None, "it does not open again"),
        (m.Outside(freeze="year-end"), None, "ends on Mon 4 Jan 2027, 00:00 UTC"),
        (m.Outside(freeze="eternal"), None, "it has no end"),
    ],
)
def test_a_window_says_when_it_opens_and_an_exception_why(
    asked: m.Requirement, made_at: datetime | None, reason: str
) -> None:
    assert evaluate(asked, case(made_at=made_at)).reason == reason


@pytest.mark.parametrize(("site", "number", "ok"), [("main", 7, True), ("eu", 7, True), ("main", 70, False)])
def test_an_issue_of_jira_is_excepted_by_its_key(site: str, number: int, ok: bool) -> None:
    moved = replace(ISSUE, ref=Ref("jira", site, "APP", number))

    assert evaluate(m.Outside(freeze="tuesdays"), case(issue=moved)).ok is ok


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
    ("body", "ok", "reason"),
    [
        ("", False, "missing: Audience"),
        ("## Audience\nTBD", False, "missing: Audience"),
        ("## Audience\nall of them", True, ""),
    ],
)
def test_described_by_a_briefing_names_what_is_missing(body: str, ok: bool, reason: str) -> None:
    found = evaluate(m.Described(briefing="growth"), case(body=body))

    assert (found.ok, found.reason, found.party) == (ok, reason, "")
    assert found.says == "the briefing for Growth team is filled in"


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


def test_a_long_checklist_names_the_first_ones_and_none_of_them_at_length() -> None:
    found = evaluate(m.Checklist(), case(body="\n".join(f"- [ ] {n} {'x' * 5000}" for n in range(1600))))

    first, second, third = (f"{n} {'x' * 117}…" for n in range(3))
    assert found.reason == f"still open: {first}; {second}; {third}, and 1597 more"


def test_an_issue_in_the_way_is_not_named_at_length_and_a_link_without_end_is_not_shown() -> None:
    crash = Related("APP-3", "x" * 5000, "https://x.example/APP-3", Tie.BLOCKING, True)
    page = f"https://docs.example.com/{'x' * 5000}"

    waits = evaluate(m.NoOpen(among=("blocking",)), case(issue=replace(ISSUE, related=(crash,))))
    linked = evaluate(m.Linked(url="https://docs.example.com/*"), case(issue=replace(ISSUE, body=page, related=())))

    assert waits.reason == f"still open: APP-3 {'x' * 113}…"
    assert (linked.ok, linked.evidence) == (True, ())


# --- what is around it ----------------------------------------------------------------------------------------------

DOCS, PATTERN, DOCUMENTED = m.Linked(to="docs"), m.Linked(url="https://docs.example.com/*"), m.Linked(type="Documents")
PAGE = "https://docs.example.com/export"


def tied(key: str = "acme/app#12", tie: Tie = Tie.LINKED, is_open: bool = True, **changes: object) -> Related:
    ref = Ref.parse(key) if "#" in key or "-" in key else None
    found = Related(key, "Crash on save", f"https://x.example/{key}", tie, is_open, ref)
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (PAGE, PAGE),
        (f"See {PAGE}.", PAGE),
        (f"({PAGE})", PAGE),
        (f"**{PAGE}**, and more", PAGE),
        (f"[help]({PAGE})", PAGE),
        (f"[help]({PAGE}_(beta))", f"{PAGE}_(beta)"),
        (f"[help|{PAGE}]", PAGE),
        (f"[{PAGE}|smart-link]", PAGE),
        (f"<{PAGE}>", PAGE),
        (f'<a href="{PAGE}">', PAGE),
        (PAGE.upper(), PAGE.upper()),
        ("https://docs.example.com", None),
        ("https://docs.example.org/export", None),
        ("http://docs.example.com/export", None),
        (f"<!-- {PAGE} -->", None),
        (f"`{PAGE}`", None),
        (f"``a ` {PAGE}``", None),
        (f"```\n{PAGE}\n```", None),
        (f"~~~ text\r\n{PAGE}\r\n~~~\r\nafter", None),
        (f"{{code:java}}\n{PAGE}\n{{code}}", None),
        (f"{{noformat}}{PAGE}{{noformat}}", None),
        (f"{{{{{PAGE}}}}}", None),
        (f"```\ncode\n```\n{PAGE}\n```\ncode\n```", PAGE),
        (f"```\r\ncode\r\n```\r\n{PAGE}", PAGE),
        (f"a ` alone\n\n{PAGE} ` b", PAGE),
        (f"{{code}}x{{code}} {PAGE}", PAGE),
    ],
)
def test_linked_reads_addresses_as_people_write_them(body: str, found: str | None) -> None:
    for asked in (DOCS, PATTERN):
        answer = evaluate(asked, case(body=body, issue=replace(ISSUE, body=body, related=())))
        assert (answer.ok, answer.evidence) == (found is not None, (found,) if found else ())


@pytest.mark.parametrize(
    "body",
    [
        "`" * 65_000,
        " ".join("`" * count for count in range(1, 350)),
        "{{" * 32_000,
        "{code:x" * 9_000,
        PAGE + ")" * 60_000,
        "\n \t" * 20_000,
        "# Undo" + " " * 60_000 + "x",
        "## Undo\n" + "." * 60_000 + "x",
    ],
    ids=lambda body: body[:8],
)
def test_no_text_takes_longer_to_read_than_its_length_deserves(body: str) -> None:
    """Read with care for repetition, each of these takes some milliseconds; without, from seconds to minutes."""
    looked, began = case(issue=replace(ISSUE, body=body, related=())), process_time()

    for asked in (DOCS, m.Described(section="Undo"), m.Checklist()):
        evaluate(asked, looked)

    assert process_time() - began < 1


@pytest.mark.parametrize(
    ("asked", "related", "ok"),
    [
        (DOCS, None, None),
        (DOCS, (), False),
        (DOCS, (tied(tie=Tie.PAGE, url=PAGE),), True),
        (DOCS, (tied(url="https://acme.example/help/1"),), True),
        (DOCS, (tied(via="Is documented by"),), True),
        (DOCS, (tied(via="blocks"), tied("APP-8")), False),
        (PATTERN, (tied(via="is documented by"),), False),
        (PATTERN, (tied(url=PAGE),), True),
        (DOCUMENTED, None, None),
        (DOCUMENTED, (tied(via="documents"),), True),
        (DOCUMENTED, (tied(type="Documents"),), False),
        (DOCUMENTED, (tied(url=PAGE),), False),
    ],
)
def test_linked_counts_what_the_tracker_ties_to_the_issue(
    asked: m.Linked, related: tuple[Related, ...] | None, ok: bool | None
) -> None:
    assert evaluate(asked, case(issue=replace(ISSUE, related=related))).ok is ok


def test_a_link_in_the_text_or_a_field_needs_no_look_at_the_tracker() -> None:
    assert evaluate(DOCS, case(body=PAGE)).ok is True
    assert evaluate(DOCS, case(issue=replace(ISSUE, fields={"Help": f"[x|{PAGE}]"}))).ok is True


def test_a_missing_link_says_what_would_count() -> None:
    found = evaluate(DOCS, case(issue=replace(ISSUE, related=())))

    assert (found.says, found.party) == ("it has a docs link", "")
    assert "https://docs.example.com/* or https://acme.example/help/*" in found.reason
    assert 'a link of the type "is documented by"' in found.reason


def every(**narrowed: Any) -> m.NoOpen:
    return m.NoOpen(among=("sub-issues", "blocking", "linked"), **narrowed)


EVERY = every()
SUB, BLOCKING, LINKED = (m.NoOpen(among=(one,)) for one in ("sub-issues", "blocking", "linked"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "related", "ok"),
    [
        (m.NoOpen(), None, None),
        (m.NoOpen(), (), True),
        (m.NoOpen(), (tied(is_open=False),), True),
        (m.NoOpen(), (tied(),), True),
        (EVERY, (tied(),), False),
        (m.NoOpen(), (tied(tie=Tie.SUB_ISSUE),), False),
        (m.NoOpen(), (tied(tie=Tie.BLOCKING),), False),
        (m.NoOpen(), (tied(tie=Tie.PAGE),), True),
        (SUB, (tied(), tied(tie=Tie.BLOCKING)), True),
        (SUB, (tied(tie=Tie.SUB_ISSUE),), False),
        (BLOCKING, (tied(), tied(tie=Tie.SUB_ISSUE)), True),
        (BLOCKING, (tied(tie=Tie.BLOCKING),), False),
        (LINKED, (tied(tie=Tie.BLOCKING), tied(tie=Tie.SUB_ISSUE)), True),
        (LINKED, (tied(),), False),
        (every(labelled=("Bug", "crash")), (tied(labels=("bug",)),), False),
        (every(labelled=("bug",)), (tied(labels=("docs",)), tied()), True),
        (every(type=("Bug",)), (tied(type="bug"),), False),
        (every(type=("Bug",)), (tied(type="Task"), tied()), True),
        (every(labelled=("bug",), type=("Bug",)), (tied(type="Bug"), tied(labels=("bug",))), True),
        (every(labelled=("bug",), type=("Bug",)), (tied(type="Bug", labels=("bug",)),), False),
    ],
)
def test_no_open(asked: m.NoOpen, related: tuple[Related, ...] | None, ok: bool | None) -> None:
    found = evaluate(asked, case(issue=replace(ISSUE, related=related)))

    assert (found.ok, found.party) == (ok, "")


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        (1, "still open: acme/app#0 Crash on save"),
        (3, "still open: acme/app#0 Crash on save, acme/app#1 Crash on save, acme/app#2 Crash on save"),
        (5, "still open: acme/app#0 Crash on save, acme/app#1 Crash on save, acme/app#2 Crash on save, and 2 more"),
    ],
)
def test_what_is_open_is_named_and_waited_for(count: int, reason: str) -> None:
    related = tuple(tied(f"acme/app#{number}") for number in range(count))

    found = evaluate(EVERY, case(issue=replace(ISSUE, related=(*related, tied("acme/app#9", is_open=False)))))

    assert found.reason == reason
    assert found.evidence == tuple(one.url for one in related[:3])
    assert found.waits_for == tuple(f"github:acme/app#{number}" for number in range(count))


def test_what_no_ref_names_is_open_and_waited_for_by_nobody() -> None:
    found = evaluate(EVERY, case(issue=replace(ISSUE, related=(tied("elsewhere"), tied("APP-8")))))

    assert (found.ok, found.waits_for) == (False, ("jira:main/APP-8",))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (EVERY, "no sub-issue, blocking issue or linked issue is open"),
        (m.NoOpen(), "no sub-issue or blocking issue is open"),
        (SUB, "no sub-issue is open"),
        (m.NoOpen(among=("blocking",), labelled=("bug", "crash")), "no blocking issue labelled bug or crash is open"),
        (m.NoOpen(among=("linked",), type=("Bug",)), "no linked issue of the type Bug is open"),
    ],
)
def test_no_open_says_what_it_looks_at(asked: m.NoOpen, says: str) -> None:
    assert evaluate(asked, case()).says == says


# --- your own -------------------------------------------------------------------------------------------------------

OWN = m.Custom(name="own", options={"limit": 3})


def own(answer: object) -> Case:
    return case(custom={"own": lambda issue, options, now: answer})  # type: ignore[dict-item, return-value]


def test_custom_gets_the_snapshot_its_options_and_the_time() -> None:
    given: list[object] = []

    def check(issue: Issue, options: object, now: datetime) -> Finding:
        given.extend((issue, options, now))
        return Finding("", False, "too many", "support", look_again_at=NOW + DAY)

    found = evaluate(OWN, case(custom={"own": check}))

    assert given == [ISSUE, {"limit": 3}, NOW]
    assert found == Finding("own", False, "too many", "support", look_again_at=NOW + DAY)


def test_custom_that_is_not_installed_says_what_to_do() -> None:
    found = evaluate(OWN, case())

    assert (found.says, found.ok) == ("own", None)
    assert found.reason == (
        "no requirement named own is installed where the workers run; `pip install` the package that has it"
    )


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        "fine",
        Finding("x", 1),  # type: ignore[arg-type]
        Finding("x", "yes"),  # type: ignore[arg-type]
        Finding("x", True, reason=None),  # type: ignore[arg-type]
        Finding("x", True, evidence=["https://x.example"]),  # type: ignore[arg-type]
        Finding("x", False, waits_for=(Ref("github", "", "acme/app", 1),)),  # type: ignore[arg-type]
        Finding("x", False, look_again_at=datetime(2026, 12, 9)),  # noqa: DTZ001
        Finding("x", False, look_again_at="tomorrow"),  # type: ignore[arg-type]
        Finding("x", False, parts=(True,)),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_custom_that_answers_with_no_sound_finding_cannot_be_judged(answer: object) -> None:
    found = evaluate(OWN, own(answer))

    assert (found.says, found.ok, found.party) == ("own", None, "")
    assert found.reason


def test_custom_awaits_only_parties_of_the_file() -> None:
    parts = (Finding("a", False, party="growth"), Finding("b", False, party="the moon"))

    found = evaluate(OWN, own(Finding("x", False, party="mars", parts=parts)))

    assert [found.party, *(part.party for part in found.parts)] == ["", "growth", ""]


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


def test_a_debt_opens_what_any_all_and_none_hold_as_well() -> None:
    owing = case(debts=(debt(),), may_owe=True, stage_asked="public")

    assert evaluate(m.All(items=(SEEN, YES)), owing).ok is True
    assert evaluate(m.Any(items=(SEEN, NO)), owing).ok is True


def test_every_requirement_of_the_file_has_its_function() -> None:
    assert set(CATALOGUE) == set(m.REQUIREMENTS.values())
