"""A replay: what a history would have come to under a file, and what of the past is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from integration.stages.entries import Outcome
from integration.stages.file.mappings import Mappings, read
from integration.stages.model import ClosedAs, Label, Ref, Related, Tie
from integration.stages.replay.comparing import Compared, Kind, Span, WhatIf
from integration.stages.replay.past import Past
from integration.stages.replay.played import End, Known, Played
from integration.stages.replay.playing import all_along, play
from integration.stages.replay.weighing import Weighing
from tests.stages.histories import LABELS, ME, MONDAY, MemberOf, Story, names
from tests.stories.files import NOTIFY
from tests.stories.files import mappings as text

ROOT = Path(__file__).parent.parent.parent


def file(rules: str, notify: str = "", **more: str) -> Mappings:
    return all_along(read(text(rules, notify, **more)))


def rule(id: str, entering: str, *require: str, level: str = "block", more: str = "") -> str:
    asked = ", ".join(f"{{{one}}}" if ":" in one else one for one in require)
    return f"  - {{id: {id}, entering: {entering}, require: [{asked}], level: {level}, effective: 2030-01-01{more}}}\n"


SEEN = "\n" + rule("seen", "public", "acknowledged: {party: support}")
SEEN_EARLY = "\n" + rule("seen-early", "internal", "acknowledged: {party: support}")


def played(story: Story, mappings: Mappings, days: float = 30) -> Played:
    return play(story.issue(), mappings, Known(names(mappings), MemberOf()), story.at + timedelta(days=days))


def fates(found: Played) -> list[tuple[str | None, str | None, str]]:
    return [(one.move.was, one.move.to, str(one.outcome)) for one in found.weighed.values() if one.is_first]


def ends(found: Played) -> list[End]:
    return [one.end for one in found.requests.values()]


def at_beta(story: Story) -> Story:
    return story.moves("beta").later(days=3)


# --- each move, when and where it was made ------------------------------------------------------------------------


@pytest.mark.parametrize("story", [Story.on_github(), Story.on_jira()], ids=["github", "jira"])
def test_a_move_that_nobody_stopped_is_judged_at_its_own_time(story: Story) -> None:
    at_beta(story).moves("public").later(hours=4).says("/stage ack", "sam").later(days=9)

    found = played(story, file(SEEN))

    assert fates(found) == [(None, "beta", "admitted"), ("beta", "public", "blocked")]
    (request,) = found.requests.values()
    assert (request.end, request.at) == (End.OPENED, MONDAY + timedelta(days=3, hours=4))


def test_effective_is_not_looked_at() -> None:
    dated = read(text(SEEN, ""))
    story = at_beta(Story.on_github()).moves("public")

    assert fates(played(story, dated)) == [(None, "beta", "admitted"), ("beta", "public", "admitted")]
    assert fates(played(story, all_along(dated))) == [(None, "beta", "admitted"), ("beta", "public", "blocked")]


def test_what_went_on_although_it_was_blocked_is_where_the_next_move_begins() -> None:
    story = Story.on_github().moves("development").later(days=1).moves("internal").later(days=2).moves("beta")

    found = played(story, file(SEEN_EARLY))

    assert fates(found) == [
        (None, "development", "admitted"), ("development", "internal", "blocked"), ("internal", "beta", "admitted"),
    ]  # fmt: skip
    assert ends(found) == [End.WENT_ON]


def test_two_quick_moves_are_one_request() -> None:
    story = Story.on_github().moves("development").later(days=1).moves("internal").later(minutes=1).moves("beta")

    found = played(story, file(SEEN_EARLY))

    assert fates(found)[1:] == [("development", "internal", "blocked")]
    assert len(found.requests) == 1


def test_a_request_that_nobody_answers_ends_after_two_weeks() -> None:
    assert ends(played(at_beta(Story.on_github()).moves("public"), file(SEEN))) == [End.OVER]
    assert ends(played(at_beta(Story.on_github()).moves("public"), file(SEEN), days=5)) == [End.OPEN]


def test_gates_that_time_opens_open_in_their_time() -> None:
    soak = file("\n" + rule("soak", "public", "spent: {stage: beta, at_least: 5 days}"))

    (request,) = played(at_beta(Story.on_github()).moves("public"), soak).requests.values()

    assert request.end is End.OPENED
    assert request.at is not None
    assert timedelta() <= request.at - (MONDAY + timedelta(days=5)) < timedelta(seconds=1)


def test_a_plain_reply_counts_after_its_quarter_of_an_hour() -> None:
    story = at_beta(Story.on_github()).moves("public").later(hours=1).says("Fine with us.", "sam").later(days=1)

    (request,) = played(story, file(SEEN)).requests.values()

    assert request.at == MONDAY + timedelta(days=3, hours=1, minutes=15)


def test_a_colleagues_mention_before_the_move_counts() -> None:
    told = file("\n" + rule("told", "public", "notified: {party: support, ahead: 1 working day}"))
    story = at_beta(Story.on_github()).says("@acme/support heads-up", "erin", "acme/support").later(days=2)

    assert fates(played(story.moves("public"), told))[-1] == ("beta", "public", "admitted")


def test_routes_are_proposed_and_agreed_on_as_people_wrote_then() -> None:
    routed = file(
        "\n" + rule("routed", "public", "follows_route") + rule("beta-first", "public", "visited: {stage: beta}"),
        more="routes: {agreed_by: [growth], effective: 2030-01-01}",
    )
    story = Story.on_github().moves("development").later(days=1).says("/stage route internal, public", "erin")
    story.later(hours=1).says("/stage ack", "gus").later(days=1).moves("public")

    assert fates(played(story, routed))[-1] == ("development", "public", "admitted")


# --- where the service was already there ---------------------------------------------------------------------------


def put_back_and_applied() -> Story:
    """Under another file it was put back; Support answered, and it was applied."""
    story = at_beta(Story.on_github()).moves("public").says("needs Support", ME.handle, "acme/support", token="t")
    story.later(seconds=2).moves("beta", ME.handle).later(hours=3).says("/stage ack", "sam")
    return story.moves("public", ME.handle).later(days=1)


def test_what_we_did_then_is_nobodys_move() -> None:
    found = played(put_back_and_applied(), file(SEEN))

    assert fates(found) == [(None, "beta", "admitted"), ("beta", "public", "blocked")]
    assert ends(found) == [End.OPENED]


def test_that_we_tidied_up_after_the_move_ends_no_request() -> None:
    """Under another file it was let in, and the label that it had before was taken off by us."""
    story = Story.on_github().moves("beta").says("entered", ME.handle, token="t").later(days=3)
    story.puts_on(LABELS["public"]).later(seconds=1).takes_off(LABELS["beta"], ME.handle).later(hours=2)

    (request,) = played(story.says("/stage ack", "sam"), file(SEEN)).requests.values()

    assert (request.end, request.at) == (End.OPENED, story.at)


def test_what_this_file_lets_in_is_not_judged_once_more_when_it_is_asked_for_again() -> None:
    """The other file put it back. Here it stood in Public already, so the second request is none."""
    story = at_beta(Story.on_github()).says("hello @acme/support", "erin", "acme/support").later(hours=1)
    story.says("/stage ack", "sam").later(hours=1).moves("public").says("no", ME.handle, token="t").later(seconds=2)
    story.moves("beta", ME.handle).later(days=1).moves("public").later(seconds=2).moves("beta", ME.handle)

    found = played(story.later(days=1), file(SEEN))

    assert fates(found) == [(None, "beta", "admitted"), ("beta", "public", "admitted")]


def test_our_account_is_a_person_where_the_service_was_never_at_work() -> None:
    story = at_beta(Story.on_github()).moves("public", ME.handle)

    assert fates(played(story, file(SEEN)))[-1] == ("beta", "public", "blocked")


def test_put_back_to_a_status_without_a_stage_it_stands_outside() -> None:
    story = Story.on_jira().moves("beta").says("no", ME.handle, token="t").later(seconds=5)
    story.becomes("To Do", ME.handle).later(days=1).moves("beta").later(days=1)
    early = file("\n" + rule("seen", "beta", "acknowledged: {party: support}"))

    found = played(story, early)

    assert fates(found) == [(None, "beta", "blocked")]
    assert len(found.weighed) == 2, "it was asked for twice"


# --- who is asked -----------------------------------------------------------------------------------------------------


def test_who_would_be_asked_and_who_just_told_is_counted() -> None:
    found = played(at_beta(Story.on_github()).moves("public"), file(SEEN, NOTIFY))

    assert [(one.party, one.stage, one.asks) for one in found.asked] == [
        ("support", "beta", False), ("support", "public", True), ("growth", "public", False),
    ]  # fmt: skip


def test_who_may_speak_is_asked_for_where_it_is_not_known_and_counts_as_no_until_then() -> None:
    story = at_beta(Story.on_github()).moves("public").later(hours=1).says("/stage ack", "sam").later(days=1)

    found = play(story.issue(), file(SEEN), Known(), story.at)

    assert {(one.person.handle, one.party) for one in found.doubts} >= {("sam", "support")}
    assert ends(found) == [End.OPEN]


def test_where_nobody_can_be_asked_the_rule_says_what_becomes_of_it() -> None:
    lenient = file("\n" + rule("seen", "public", "acknowledged: {party: support}", more=", on_error: open"))
    story = at_beta(Story.on_github()).says("@acme/support soon", "erin", "acme/support").later(hours=1)
    story.says("/stage ack", "sam").later(days=1).moves("public").later(days=1)

    found = play(story.issue(), lenient, Known(blind=True), story.at)

    assert fates(found)[-1] == ("beta", "public", "warned")


# --- what is known of the past ----------------------------------------------------------------------------------------


def test_labels_and_status_are_those_of_the_moment_and_it_counts_as_open() -> None:
    story = Story.on_github().puts_on("ready").later(days=1).moves("beta").later(days=1).takes_off("ready")
    issue = story.later(days=1).puts_on("late").issue()
    past = Past(issue, file(SEEN), {})

    assert issue.closed is ClosedAs.DONE
    was = past.at(MONDAY + timedelta(days=1))
    assert [one.name for one in was.labels] == ["ready", LABELS["beta"]]
    assert was.closed is ClosedAs.OPEN
    assert [one.name for one in past.at(story.at).labels] == [LABELS["beta"], "late"]


def test_a_label_that_was_on_from_the_start_was_on_before_history_tells_of_it() -> None:
    issue = Story.on_github().moves("beta").issue()
    issue = replace(issue, labels=(*issue.labels, Label("7", "internal-only")))

    was = Past(issue, file(SEEN), {}).at(MONDAY)

    assert {one.name for one in was.labels} == {"internal-only", LABELS["beta"]}


def test_a_label_counts_by_what_it_was_at_the_time_of_the_move() -> None:
    ready = file("\n" + rule("ready", "beta", "labelled: ready"))
    early = Story.on_github().puts_on("ready").later(days=1).moves("beta").later(days=1).takes_off("ready")
    late = Story.on_github().moves("beta").later(days=20).puts_on("ready")

    assert fates(played(early, ready)) == [(None, "beta", "admitted")]
    assert fates(played(late, ready)) == [(None, "beta", "blocked")]


@pytest.mark.parametrize(
    ("require", "hangs"),
    [
        ("described: {section: What changes}", True),
        ("no_open: {among: [blocking]}", True),
        ("acknowledged: {party: support}", False),
        ("any: [{checklist: {section: Launch}}, {acknowledged: {party: support}}]", True),
        ("all: [{checklist: {section: Launch}}, {acknowledged: {party: support}}]", False),
        ("none: [{labelled: ready}]", False),
    ],
)
def test_a_verdict_that_hangs_on_what_the_issue_shows_today_says_so(require: str, hangs: bool) -> None:
    mappings = file("\n" + rule("one", "public", require))
    story = at_beta(Story.on_github()).moves("public")
    blocker = Related("acme/app#9", "A bug", "", Tie.BLOCKING, True, Ref.parse("acme/app#9"))
    issue = replace(story.issue(), related=(blocker,))

    found = play(issue, mappings, Known({}, MemberOf()), story.at)

    gates = [gate for one in found.weighed.values() for gate in one.gates]
    assert [Weighing(mappings).is_by_today(gate) for gate in gates] == [hangs]


# --- two files ------------------------------------------------------------------------------------------------------


def compared(story: Story, old: str | None, new: str) -> Compared:
    span = Span(MONDAY - timedelta(days=1), story.at + timedelta(days=30))
    files = [read(text(one, "")) if one is not None else None for one in (old, new)]
    assert files[1]
    known = Known(names(files[1]), MemberOf())
    return WhatIf(files[0], files[1], span).compare(story.issue(), known, known)


def test_with_no_old_file_everything_was_let_through() -> None:
    found = compared(at_beta(Story.on_github()).moves("public"), None, SEEN)

    (change,) = found.changes
    assert (change.kind, change.rules) == (Kind.BLOCKED, ("seen",))
    assert change.reasons == ("Support has seen it: not yet",)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("", SEEN, Kind.BLOCKED),
        (SEEN, "", Kind.FREED),
        ("", SEEN.replace("block", "warn"), Kind.WARNED),
        (SEEN.replace("block", "warn"), "", Kind.UNWARNED),
        (SEEN, SEEN.replace("block", "observe"), Kind.FREED),
        (SEEN, SEEN + rule("and-growth", "public", "acknowledged: {party: growth}"), Kind.LONGER),
        (SEEN + rule("and-growth", "public", "acknowledged: {party: growth}"), SEEN, Kind.SHORTER),
        (SEEN, SEEN, None),
    ],
)
def test_how_a_move_fares_otherwise_has_a_name(old: str, new: str, kind: Kind | None) -> None:
    story = at_beta(Story.on_github()).moves("public").later(hours=2).says("/stage ack", "sam").later(days=1)

    assert [one.kind for one in compared(story, old, new).changes] == ([kind] if kind else [])


def test_moves_before_the_time_that_is_asked_about_are_not_told() -> None:
    story = at_beta(Story.on_github()).moves("public").later(days=1)
    mappings = read(text(SEEN, ""))
    span = Span(MONDAY + timedelta(days=20), MONDAY + timedelta(days=40))

    found = WhatIf(None, mappings, span).compare(story.issue(), Known(), Known({}, MemberOf()))

    assert (found.moves, found.changes, found.new.rules, found.new.asked) == (0, [], {}, {})


def test_an_issue_that_shows_no_stage_makes_no_move() -> None:
    found = compared(Story.on_github().puts_on("bug").later(days=2).says("Hm.", "evan"), None, SEEN)

    assert (found.issues, found.moves, found.changes) == (1, 0, [])


def test_the_file_that_ships_can_be_tried_on_any_history() -> None:
    mappings = read((ROOT / "mappings.yaml").read_text("utf-8"))
    story = at_beta(Story.on_github()).moves("public").later(days=1)
    span = Span(MONDAY, story.at)

    found = WhatIf(None, mappings, span).compare(story.issue(), Known(), Known({}, MemberOf()))

    assert [one.kind for one in found.changes] == [Kind.WARNED, Kind.BLOCKED]
    assert found.new.rules["support-before-public"].shut == 1
    assert Outcome.BLOCKED in found.new.outcomes
