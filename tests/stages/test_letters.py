"""What goes out by time or by agreement: whom it mentions, the one next step, and that it fits on a phone."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from integration.sandbox.jira_wiki import Wiki
from integration.sandbox.rendering import render
from integration.stages.entries import NeedsWork, Owed
from integration.stages.file import mappings as m
from integration.stages.model import Comment, Issue, Person, Ref
from integration.stages.rules.case import Case
from integration.stages.rules.catalogue import evaluate
from integration.stages.texts import letters
from integration.stages.texts.letters import Waiting
from integration.stages.texts.markdown import markdown
from integration.stages.texts.markup import Code, Items, Mention, Piece, Quoted, Text
from integration.stages.texts.wiki import wiki
from integration.stages.texts.words import Voice

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SINCE = datetime(2026, 11, 23, 15, 2, tzinfo=UTC)
EVIL = (
    "@acme/growth <b>x</b> https://evil.example **y** [z](https://evil.example) [~evil] *w* {color:red}u{color} "
    "!https://evil.example/i.png! APP-7 #12 <!-- evil --> `t` ||cell|| :) www.evil.example"
)
ONE, TWO = "https://good.example/1", "https://good.example/2"
PHONE = 600
"""So many letters, of the longest of these texts, can be read on a phone without scrolling."""

TEXT = """
version: 1
time_zone: Europe/London
stages: {internal: Internal Release, beta: Beta Release, public: Public Release}
calendars:
  london: {time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30"}
  berlin: {time_zone: Europe/Berlin, days: mon-fri, hours: "09:00-17:30"}
parties:
  support:
    github: {team: acme/support}
    jira: {users: [sofia]}
    calendar: london
    respond_within: 1 working day
    escalate_to: {github: [support-lead], jira: [lead-7]}
  growth: {github: {users: [gus]}, jira: {users: [gus]}, calendar: berlin}
  docs: {github: {team: acme/docs}, jira: {users: [dora]}, escalate_to: {github: [docs-lead, support-lead]}}
sources:
  - {github: {repositories: ["acme/*"], labels: {beta: "s: beta", public: "s: public"}}}
  - {jira: {projects: [APP], statuses: {beta: [Beta], public: [Released]}}}
rules:
  - id: support-first
    entering: public
    require: [{acknowledged: {party: support}}]
    later: 5 working days
    level: block
    effective: 2026-01-01
"""
FILE = m.read(TEXT)
ERIN = Person("1", "erin", "Erin")
GITHUB, JIRA = Ref("github", "", "acme/app", 12), Ref("jira", "main", "APP", 7)


def a_voice(ref: Ref = GITHUB, stage: str | None = "beta", file: m.Mappings = FILE) -> Voice:
    issue = Issue(
        ref=ref, title="Export", body="", url="", author=ERIN, me=Person("me", "release-stages"),
        created=NOW - timedelta(days=9), watermark=NOW,
    )  # fmt: skip
    on_github = ref.tracker == "github"
    support, docs = ("acme/support", "acme/docs") if on_github else ("sofia", "dora")
    return Voice(Case(issue, file, NOW), stage, {"support": (support,), "growth": ("gus",), "docs": (docs,)})


def when_seen_by(voice: Voice, *evidence: NeedsWork) -> Voice:
    return replace(voice, case=replace(voice.case, evidence=evidence))


def that_blocks_on_debt(file: str = TEXT) -> m.Mappings:
    return m.read(file + "  - {id: paid, entering: public, require: [no_debt], level: block, effective: 2026-01-01}\n")


SUPPORT = Waiting("support", "public", SINCE, "ack", "1 working day", ONE)
GROWTH = Waiting("growth", "public", SINCE + timedelta(hours=1), "approve", "2 working days", TWO)
LEADS = {"support": ("support-lead",), "growth": ("growth-lead",)}
DEBT = Owed(
    SINCE, "support", "public", ERIN, "sofia", datetime(2026, 11, 28, tzinfo=UTC), "ack", "c1", "https://good.example/1"
)  # fmt: skip
ROUTE = ("internal", "public")


@dataclass(frozen=True)
class Letter:
    """One text with whom it mentions; Support is its team on GitHub and Sofia on Jira."""

    write: Callable[[Voice, str], Text]  # the second is a name that somebody else chose
    mentions: frozenset[str]
    step: str  # what the paragraph of the next step begins with, as plain words


def a_letter(write: Callable[[Voice, str], Text], mentions: str, step: str) -> Letter:
    return Letter(write, frozenset(mentions.split()), step)


ALL: dict[str, Letter] = {
    "reminded": a_letter(lambda v, name: letters.reminded(v, name, [SUPPORT]), "SUPPORT", "Support, please look"),
    "reminded, both": a_letter(
        lambda v, name: letters.reminded(v, name, [SUPPORT, GROWTH]), "SUPPORT gus", "Support and Growth, please look"
    ),
    "escalated": a_letter(
        lambda v, name: letters.escalated(v, name, [SUPPORT], LEADS), "SUPPORT support-lead", "@support-lead, you are"
    ),
    "escalated, both": a_letter(
        lambda v, name: letters.escalated(v, name, [SUPPORT, GROWTH], LEADS),
        "SUPPORT gus support-lead growth-lead",
        "@support-lead and @growth-lead, you are",
    ),
    "escalated to nobody": a_letter(
        lambda v, name: letters.escalated(v, name, [GROWTH], {}), "gus", "Growth, please have somebody"
    ),
    "handed over": a_letter(
        lambda v, name: letters.handed_over(v, name, "public", ["support"]), "SUPPORT", "Support, please look again"
    ),
    "handed over, both": a_letter(
        lambda v, name: letters.handed_over(
            when_seen_by(v, NeedsWork(SINCE, "support", "public", ERIN, name, "c2", ONE)), name, "public",
            ["support", "growth"],
        ),
        "SUPPORT gus",
        "Support and Growth, please look again",
    ),
    "voided": a_letter(
        lambda v, name: letters.voided(v, "public", "support", name, [name]), "SUPPORT", "Support, please look again"
    ),
    "route proposed": a_letter(
        lambda v, name: letters.route_proposed(v, name, ROUTE, None, ["support", "growth"], from_text=False),
        "SUPPORT gus",
        "Support and Growth, please answer /stage ack",
    ),
    "route proposed, another": a_letter(
        lambda v, name: letters.route_proposed(v, name, ROUTE, ("beta", "public"), ["growth"], from_text=True),
        "gus",
        "Growth, please answer /stage ack",
    ),
    "route reminded": a_letter(
        lambda v, name: letters.route_reminded(v, ROUTE, [SUPPORT, GROWTH]),
        "SUPPORT gus",
        "Support and Growth, please answer /stage ack",
    ),
    "route escalated": a_letter(
        lambda v, name: letters.route_escalated(v, ROUTE, [SUPPORT], LEADS),
        "SUPPORT support-lead",
        "@support-lead, you are",
    ),
    "debt due": a_letter(
        lambda v, name: letters.debt_due(v, replace(DEBT, by=Person("1", "erin", name))), "sofia", "@sofia, you are"
    ),
    "debt escalated": a_letter(
        lambda v, name: letters.debt_escalated(v, replace(DEBT, by=Person("1", "erin", name)), ["support-lead"]),
        "sofia support-lead",
        "@support-lead, you are",
    ),
    "debt escalated to nobody": a_letter(
        lambda v, name: letters.debt_escalated(v, replace(DEBT, by=Person("1", "erin", name)), []),
        "sofia",
        "@sofia, you are",
    ),
}  # fmt: skip
EACH = pytest.mark.parametrize("letter", ALL.values(), ids=ALL.keys())


def pieces(text: Text) -> Iterator[Piece]:
    for block in text:
        assert not isinstance(block, Items)
        yield from block.line


def mentioned(text: Text) -> set[str]:
    return {piece.handle for piece in pieces(text) if isinstance(piece, Mention)}


def plain(text: Text) -> str:
    """The text as its reader reads it: no addresses, no formats."""
    return re.sub(r"\]\([^)]*\)|[\u2060\\*`\[]", "", markdown(text))


class Everybody:
    """A GitHub on which whatever looks like a name is one."""

    def user(self, login: str) -> str:
        return login

    def team(self, org: str, slug: str) -> bool:
        return True

    def issue(self, place: str, number: int) -> str:
        return "https://github.example/issue"

    def commit(self, sha: str) -> str:
        return "https://github.example/commit"


# --- all of them ----------------------------------------------------------------------------------------------------


def test_every_letter_is_looked_at_here() -> None:
    written = {
        name for name, one in inspect.getmembers(letters, inspect.isfunction) if one.__module__ == letters.__name__
    }
    public = {name for name in written if not name.startswith("_")}

    looked_at = {name.split(",")[0].removesuffix(" to nobody").replace(" ", "_") for name in ALL}

    assert looked_at == public


@EACH
def test_on_github_it_mentions_just_whom_it_means_and_a_name_does_nothing(letter: Letter) -> None:
    html = render(markdown(letter.write(a_voice(), EVIL)), Everybody()).html

    found = set(re.findall(r'class="(?:user|team)-mention[^>]*>@([^<]+)<', html))
    assert found == {"acme/support" if one == "SUPPORT" else one for one in letter.mentions}
    hrefs = set(re.findall(r'(?:href|src)="([^"]*)"', html))
    assert all(re.match(r"https://(?:good\.example/\d|github\.com/)", href) for href in hrefs), hrefs
    assert set(re.findall(r"<(\w+)", html)) <= {"a", "p", "strong", "code"}
    assert "evil" not in "".join(re.findall(r"<(?:strong|code)>(.*?)</", html))


@EACH
@pytest.mark.parametrize("cloud", [True, False])
def test_on_jira_it_mentions_just_whom_it_means_and_a_name_does_nothing(letter: Letter, cloud: bool) -> None:
    def mention(name: str) -> str:
        return f'<a class="who">{name.removeprefix("accountid:")}</a>'

    text = wiki(letter.write(a_voice(JIRA), EVIL), cloud)
    html = Wiki(mention, lambda key: f'<a class="issue">{key}</a>').render(text)

    found = set(re.findall(r'<a class="who">([^<]+)<', html))
    assert found == {"sofia" if one == "SUPPORT" else one for one in letter.mentions}
    assert 'class="issue"' not in html
    hrefs = set(re.findall(r'(?:href|src)="([^"]*)"', html))
    assert all(re.fullmatch(r"https://good\.example/\d", href) for href in hrefs), hrefs
    assert set(re.findall(r"<(\w+)", html)) <= {"a", "p", "b", "tt"}


@EACH
def test_a_name_that_is_not_ours_is_quoted_wherever_it_stands(letter: Letter) -> None:
    for piece in pieces(letter.write(a_voice(), EVIL)):
        ours = "" if isinstance(piece, Quoted) else str(piece)
        assert "evil" not in ours, piece


@EACH
def test_it_has_one_next_step_that_begins_with_its_owner_and_names_a_command(letter: Letter) -> None:
    text = letter.write(a_voice(), "Erin")

    (step,) = [one for one in plain(text).split("\n\n") if "Next:" in one]
    assert step.startswith(f"Next: {letter.step}")
    assert [one for one in pieces(text) if isinstance(one, Code)]


@EACH
@pytest.mark.parametrize("ref", [GITHUB, JIRA], ids=["github", "jira"])
def test_it_fits_on_a_phone(letter: Letter, ref: Ref) -> None:
    said = plain(letter.write(a_voice(ref, file=that_blocks_on_debt()), "Erin"))

    assert len(said) <= PHONE
    assert said.count("\n\n") <= 2, "three short paragraphs"


# --- what they say, word for word -----------------------------------------------------------------------------------


def test_a_reminder_says_since_when_what_to_do_and_who_is_asked_next() -> None:
    assert plain(letters.reminded(a_voice(), "Erin", [SUPPORT])) == (
        "@acme/support, a reminder: Erin asked for Public Release, and your answer has been awaited since "
        "Mon 23 Nov, 15:02 GMT (you mean to answer within 1 working day).\n\n"
        "Next: Support, please look at this feature and answer /stage ack (a plain reply will do, too), or "
        "/stage needs-work with what is missing.\n\n"
        "I remind only once. If Support does not answer, I ask support-lead."
    )


def test_an_escalation_asks_those_who_are_named_for_the_party_and_tells_all_of_it() -> None:
    assert plain(letters.escalated(a_voice(), "Erin", [SUPPORT], LEADS)) == (
        "@acme/support: Erin asked for Public Release, and Support has not answered since Mon 23 Nov, 15:02 GMT, "
        "nor after my reminder.\n\n"
        "Next: @support-lead, you are the one to turn to when Support does not answer: please answer, or have "
        "somebody of Support answer, with /stage ack (a plain reply will do, too), or /stage needs-work with what is "
        "missing.\n\n"
        "Without that, the gate to Public Release stays shut. I ask nobody else after this."
    )


def test_a_route_says_what_is_proposed_how_to_agree_and_what_holds_until_then() -> None:
    said = letters.route_proposed(a_voice(), "Erin", ROUTE, ("beta", "public"), ["support", "growth"], from_text=False)

    assert plain(said) == (
        "@acme/support and @gus, Erin proposes that this feature visits Internal Release, then Public Release. "
        "You are asked because a route needs your agreement.\n\n"
        "Next: Support and Growth, please answer /stage ack to agree (a plain reply does not). If you disagree, say so "
        "in a comment; /stage route STAGE, STAGE proposes another.\n\n"
        "Until everybody who is asked has agreed, the route stays Beta Release, then Public Release."
    )


def test_a_debt_says_who_put_it_off_until_when_and_what_pays_it() -> None:
    assert plain(letters.debt_due(a_voice(stage="public", file=that_blocks_on_debt()), DEBT)) == (
        "On Mon 23 Nov, 15:02 GMT Erin put off Support's answer on Public Release, until Fri 27 Nov. "
        "The feature is there now.\n\n"
        "Next: @sofia, you are named to answer for Support: please look at this feature and write /stage ack, which "
        "pays this debt.\n\n"
        "While it is owed, gates that allow no debt stay shut. If Support does not answer, I ask support-lead."
    )


def test_an_approval_that_fell_says_whose_it_was_and_what_has_changed() -> None:
    said = plain(letters.voided(a_voice(), "public", "support", "Sofia", ["docs link", "description"]))

    assert said.startswith("@acme/support, your approval for Public Release, given by Sofia, does not count any more.")
    assert "Changed since then: docs link and description." in said
    assert "answer /stage approve, or /stage needs-work" in said


# --- only what is true ----------------------------------------------------------------------------------------------


def test_where_parties_differ_each_has_its_own_time_word_and_clock() -> None:
    said = plain(letters.reminded(a_voice(), "Erin", [SUPPORT, GROWTH]))

    assert "since Mon 23 Nov, 15:02 GMT (Support) and Mon 23 Nov, 17:02 CET (Growth)" in said
    assert "within" not in said
    assert "/stage ack (Support; a plain reply will do, too) and /stage approve (Growth)" in said


def test_a_plain_reply_is_never_offered_where_approval_is_asked_for() -> None:
    assert "plain reply" not in plain(letters.reminded(a_voice(), "Erin", [GROWTH]))


def test_a_plain_reply_is_not_offered_to_a_party_that_has_handed_it_back() -> None:
    voice = when_seen_by(a_voice(), NeedsWork(SINCE, "support", "public", ERIN, "a test", "c2"))

    assert "plain reply" not in plain(letters.reminded(voice, "Erin", [SUPPORT]))
    assert "plain reply" in plain(letters.reminded(voice, "Erin", [replace(SUPPORT, stage="beta")]))


@pytest.mark.parametrize(("parties", "says"), [
    (["growth"], "I remind only once."),
    (["support"], "I remind only once. If Support does not answer, I ask support-lead."),
    (["growth", "docs"], "I remind only once. If Docs does not answer, I ask docs-lead and support-lead."),
    (["support", "docs"], "I remind only once. If Support does not answer, I ask support-lead; if Docs does not "
                          "answer, I ask docs-lead and support-lead."),
])  # fmt: skip
def test_only_those_whom_the_file_names_are_said_to_be_asked_next(parties: list[str], says: str) -> None:
    waiting = [replace(SUPPORT, party=party) for party in parties]

    assert plain(letters.reminded(a_voice(), "Erin", waiting)).endswith(says)
    assert plain(letters.route_reminded(a_voice(), ROUTE, waiting)).endswith(says)


def test_on_jira_whoever_is_asked_next_goes_by_the_name_that_the_issue_shows_and_never_by_an_account() -> None:
    voice = a_voice(JIRA)
    lead = Comment("1", NOW, Person("lead-7", "lead-7", "Lea"), "Hello")
    known = replace(voice, case=replace(voice.case, issue=replace(voice.case.issue, comments=(lead,))))

    assert "I ask those who are named for that." in plain(letters.reminded(voice, "Erin", [SUPPORT]))
    assert "I ask Lea." in plain(letters.reminded(known, "Erin", [SUPPORT]))


@pytest.mark.parametrize(("rota", "says"), [
    ("rota: {people: [sofia], starts: 2026-01-05}", "I ask support-lead and all of Support."),
    ("", "I ask support-lead."),
])  # fmt: skip
def test_where_only_the_one_on_duty_was_asked_all_of_the_party_is_asked_next(rota: str, says: str) -> None:
    file = m.read(TEXT.replace("{team: acme/support}", f"{{team: acme/support, {rota}}}"))
    voice = replace(a_voice(file=file), handles={"support": ("sofia",)})

    assert plain(letters.reminded(voice, "Erin", [SUPPORT])).endswith(f"If Support does not answer, {says}")


def test_people_who_stand_for_two_parties_are_mentioned_once() -> None:
    text = letters.escalated(a_voice(), "Erin", [SUPPORT, GROWTH], dict.fromkeys(LEADS, ("support-lead",)))

    assert [one for one in pieces(text) if one == Mention("support-lead")] == [Mention("support-lead")]
    assert "Support and Growth have not answered since" in plain(text)
    assert "you are the one to turn to when Support and Growth do not answer" in plain(text)


def test_without_a_route_every_stage_counts_until_one_is_agreed() -> None:
    said = plain(letters.route_proposed(a_voice(), "Erin", ROUTE, None, ["growth"], from_text=True))

    assert said.startswith("@gus, the text of the issue (opened by Erin) proposes that this feature visits")
    assert said.endswith("Until everybody who is asked has agreed, every stage counts.")


def test_a_party_that_nobody_is_known_of_is_named_and_nobody_is_mentioned() -> None:
    text = letters.reminded(replace(a_voice(), handles={}), "Erin", [SUPPORT])

    assert mentioned(text) == set()
    assert plain(text).startswith("Support, a reminder:")


def test_what_was_handed_back_says_when_and_that_the_time_begins_anew_where_there_is_one() -> None:
    asked = NeedsWork(SINCE, "support", "public", ERIN, "a test", "c2", ONE)
    said = plain(letters.handed_over(when_seen_by(a_voice(), asked), "Erin", "public", ["support"]))

    assert (
        "@acme/support, you said that this needs work before Public Release (Mon 23 Nov, 15:02 GMT). "
        "Erin has seen to it" in said
    )
    assert said.endswith("Your time to answer begins anew.")
    assert "begins anew" not in plain(letters.handed_over(a_voice(), "Erin", "public", ["growth"]))


@pytest.mark.parametrize(("until", "says"), [
    (datetime(2026, 11, 28, tzinfo=UTC), "until Fri 27 Nov."),
    (datetime(2026, 11, 27, 16, 30, tzinfo=UTC), "until Fri 27 Nov, 16:30 GMT."),
    (datetime(2027, 7, 2, 23, tzinfo=UTC), "until Fri 2 Jul 2027."),
    (None, "without a date."),
])  # fmt: skip
def test_a_date_is_told_as_it_was_written(until: datetime | None, says: str) -> None:
    assert f"on Public Release, {says}" in plain(letters.debt_due(a_voice(), replace(DEBT, until=until)))


@pytest.mark.parametrize("until", [datetime(2026, 11, 28, tzinfo=UTC), datetime(2026, 11, 27, 16, 30, tzinfo=UTC)])
def test_a_date_reads_the_same_in_a_letter_and_beside_a_tick_box(until: datetime) -> None:
    voice, owed = a_voice(), replace(DEBT, party="growth", stage="beta", until=until)
    asked = replace(voice.case, debts=(owed,), stage_asked="public")

    letter = plain(letters.debt_due(voice, owed))
    reason = evaluate(m.NoDebt(), asked).reason

    assert re.findall("until (Fri 27 Nov.*?)[.]", letter) == re.findall("until (Fri 27 Nov.*)", reason) != []


@pytest.mark.parametrize(("stage", "says"), [
    ("public", "The feature is there now."), ("beta", "The feature is in Beta Release now."), (None, None)
])  # fmt: skip
def test_a_debt_says_where_the_feature_is(stage: str | None, says: str | None) -> None:
    said = plain(letters.debt_due(a_voice(stage=stage), DEBT))

    assert says in said if says else "The feature is" not in said


def test_a_debt_claims_to_shut_gates_only_where_a_rule_blocks_on_it() -> None:
    warns = that_blocks_on_debt(TEXT).rules[-1].model_copy(update={"level": m.Level.WARN})
    warning = FILE.model_copy(update={"rules": (*FILE.rules, warns)})

    assert "stay shut" in plain(letters.debt_due(a_voice(file=that_blocks_on_debt()), DEBT))
    assert "stay shut" not in plain(letters.debt_due(a_voice(file=warning), DEBT))
    assert "stay shut" not in plain(letters.debt_escalated(a_voice(), DEBT, ["support-lead"]))


def test_an_approval_that_is_owed_is_paid_by_an_approval() -> None:
    said = plain(letters.debt_due(a_voice(), replace(DEBT, asks="approve")))

    assert "put off Support's approval" in said
    assert "write /stage approve, which pays this debt." in said


def test_whoever_owes_it_and_is_asked_next_is_mentioned_once() -> None:
    text = letters.debt_escalated(a_voice(), DEBT, ["sofia"])

    assert [one for one in pieces(text) if isinstance(one, Mention)] == [Mention("sofia")]
