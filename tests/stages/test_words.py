"""Every text that we post, with the worst words in every place that somebody else fills in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from integration.sandbox.jira_wiki import Wiki
from integration.sandbox.rendering import render
from integration.stages.entries import (
    Acknowledged,
    AttemptEnded,
    AttemptOpened,
    Ended,
    Entry,
    Evidence,
    Finding,
    GateResult,
    Held,
    NeedsWork,
    Noticed,
    Outcome,
    Standing,
    Waived,
)
from integration.stages.file import mappings as m
from integration.stages.model import Issue, Label, Person, Ref
from integration.stages.planning.living import life
from integration.stages.planning.scene import Given, Scene
from integration.stages.remembered import Attempt
from integration.stages.rules.case import Case
from integration.stages.rules.gate import Ask, CaseFor, Verdict, judge
from integration.stages.texts import words
from integration.stages.texts.markdown import markdown
from integration.stages.texts.markup import Bold, Code, Item, Items, Link, Mention, Paragraph, Piece, Quoted, Text
from integration.stages.texts.wiki import wiki

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)
EVIL = (
    "@acme/growth <b>x</b> https://evil.example **y** [z](https://evil.example) [~evil] [q|https://evil.example] *w* "
    "_v_ {color:red}u{color} !https://evil.example/i.png! APP-7 #12 <!-- evil --> `t` ||cell|| :) www.evil.example"
)
ERIN = Person("erin", "erin", EVIL)
SAM = Person("sam", "sam", EVIL)
ME = Person("me", "release-stages")
PLACES = ("what changes", "who is affected", "known limits", "help page", "how to undo")
BODY = "\n".join(f"## {place.capitalize()}\n{EVIL}\n" for place in PLACES)

FILE = m.read(
    """
version: 1
stages: {beta: Beta Release, public: Public Release}
parties:
  support: {github: {team: acme/support}, jira: {users: [sam]}}
  growth: {github: {users: [gus]}, jira: {users: [gus]}}
sources:
  - {github: {repositories: ["acme/*"], labels: {beta: "s: beta", public: "s: public"}}}
rules:
  - id: support-before-public
    entering: public
    require: [{acknowledged: {party: support}}, {approved: {party: growth}}, not_on_hold, {checklist: {}}]
    level: block
    effective: 2026-01-01
    because: "EVIL"
  - {id: waived-rule, entering: public, require: [{labelled: ready}], level: block, effective: 2026-01-01}
  - {id: warns, entering: public, require: [{labelled: ready}], level: warn, effective: 2026-01-01}
""".replace("EVIL", EVIL)
)
ISSUE = Issue(
    ref=Ref("github", "", "acme/app", 1), title=EVIL, body=f"{BODY}\n- [ ] {EVIL}\n", url="", author=ERIN, me=ME,
    created=NOW - timedelta(days=9), watermark=NOW, labels=(Label("1", EVIL), Label("2", "s: beta")),
)  # fmt: skip
HOLD = Held(NOW, SAM, EVIL, "c4", ("support",))
EVIDENCE: tuple[Evidence, ...] = (
    Noticed(NOW, "support", "public", "c1", ERIN, "https://good.example/1", EVIL),
    NeedsWork(NOW, "support", "public", SAM, EVIL, "c2", "https://good.example/2"),
    Waived(NOW, "waived-rule", "public", SAM, EVIL, "c3"),
)
CASE = Case(ISSUE, FILE, NOW, EVIDENCE, hold=HOLD)
STANDING = Standing(NOW, "7", EVIL)
ATTEMPT = Attempt("7", "labels:0", "beta", "public", ERIN, NOW, ("7", "9"), frozenset({"erin"}), STANDING)


def voice(cloud: bool | None) -> words.Voice:
    """On GitHub (None), or on Jira."""
    support = "acme/support" if cloud is None else "sam"
    return words.Voice(CASE, "beta", {"support": (support,), "growth": ("gus",)})


def verdict(case: Case = CASE) -> Verdict:
    return judge(Ask("beta", "public", NOW), FILE, CaseFor(case, "public", {}))


def a_life(past: tuple[Entry, ...]) -> words.Life:
    scene = Scene(Given(ISSUE, FILE, past, NOW, NOW - timedelta(days=99), b"k"))
    scene.verdict = verdict()
    return life(scene)


OPENED = AttemptOpened(NOW, "7", "labels:0", "beta", "public", ERIN, NOW)
LIVES = {
    "open": a_life((OPENED,)),
    "standing": a_life((OPENED, STANDING)),
    "cancelled": a_life((OPENED, AttemptEnded(NOW, "7", "public", Ended.CANCELLED, EVIL))),
    "moved": a_life((OPENED, AttemptEnded(NOW, "7", "public", Ended.MOVED, EVIL))),
    "expired": a_life((OPENED, AttemptEnded(NOW, "7", "public", Ended.EXPIRED))),
}
NESTED = GateResult(
    "r", "public", "block", False,
    (Finding(EVIL, False, EVIL, "support", ("https://good.example/3",), parts=(Finding(EVIL, None, EVIL),)),),
    EVIL, waived="",
)  # fmt: skip


@dataclass(frozen=True)
class Case_:
    write: Callable[[words.Voice], Text]
    mentions: frozenset[str] = frozenset()


def _status(of: words.Life, said: words.Voice) -> Text:
    return words.answer(said, "erin", ["status"], {"status": words.status(said, of)})


SUPPORT, GROWTH = "support", "gus"
ALL: dict[str, Case_] = {
    "blocked": Case_(lambda v: words.blocked(v, ATTEMPT, verdict(), False), frozenset({"erin", GROWTH})),
    "blocked, nested": Case_(
        lambda v: words.blocked(v, ATTEMPT, Verdict(Outcome.BLOCKED, (NESTED,), awaiting=("support",)), True),
        frozenset({"erin", SUPPORT}),
    ),
    "also needed": Case_(lambda v: words.also_needed(v, ATTEMPT, verdict(), ["growth"]), frozenset({GROWTH})),
    "fallback": Case_(lambda v: words.fallback(v, ATTEMPT, "support", ["lead"], EVIL), frozenset({"lead"})),
    "warned": Case_(lambda v: words.warned(v, "erin", "public", verdict()), frozenset({"erin", GROWTH})),
    "entered": Case_(
        lambda v: words.entered(v, "public", ["growth"], words.moved_by(EVIL, True, True)), frozenset({GROWTH})
    ),
    "entered, unasked": Case_(
        lambda v: words.entered(v, "public", ["growth"], words.moved_by(EVIL, False, True)), frozenset({GROWTH})
    ),
    "went back": Case_(lambda v: words.went_back(v, "public", ["support"]), frozenset({SUPPORT})),
    "cleared": Case_(lambda v: words.cleared(v, ATTEMPT, EVIL), frozenset({"erin"})),
    "standing": Case_(lambda v: words.standing(v, ATTEMPT, EVIL, ["lead"]), frozenset({"erin", "lead"})),
    "a mistake": Case_(lambda v: words.answer(v, "erin", [f"mistake:{EVIL}"], {}), frozenset({"erin"})),
    "help": Case_(lambda v: words.answer(v, "erin", ["help"], {}), frozenset({"erin"})),
    "may not": Case_(lambda v: words.answer(v, "erin", ["may-not:ack:support"], {}), frozenset({"erin"})),
    "check": Case_(lambda v: words.checked(v, "public", verdict(), True)),
    **{f"living, {name}": Case_(partial(words.living, life=one)) for name, one in LIVES.items()},
    **{f"status, {name}": Case_(partial(_status, one), frozenset({"erin"})) for name, one in LIVES.items()},
}
EACH = pytest.mark.parametrize("case", ALL.values(), ids=ALL.keys())


def pieces(text: Text) -> Iterator[Piece]:
    for block in text:
        lines = [item.line for item in block.items] if isinstance(block, Items) else [block.line]
        for line in lines:
            yield from line


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


@EACH
def test_words_that_are_not_ours_are_quoted_wherever_they_stand(case: Case_) -> None:
    for piece in pieces(case.write(voice(None))):
        if isinstance(piece, Quoted):
            continue
        ours = piece if isinstance(piece, str) else piece.handle if isinstance(piece, Mention) else piece.text
        assert "evil" not in ours, piece
        assert not isinstance(piece, Link) or piece.url.startswith("https://good.example/")


def test_the_name_of_whoever_holds_it_is_quoted() -> None:
    text = words.living(voice(None), a_life((OPENED, HOLD)))

    assert [piece for piece in pieces(text) if isinstance(piece, str) and "evil" in piece] == []


@EACH
def test_on_github_it_mentions_links_and_formats_just_what_is_meant(case: Case_) -> None:
    html = render(markdown(case.write(voice(None))), Everybody()).html

    mentioned = set(re.findall(r'class="(?:user|team)-mention[^>]*>@([^<]+)<', html))
    assert mentioned == {"acme/support" if one == SUPPORT else one for one in case.mentions}
    hrefs = set(re.findall(r'(?:href|src)="([^"]*)"', html))
    assert all(re.match(r"https://(?:good\.example/\d|github\.com/)", href) for href in hrefs), hrefs
    assert set(re.findall(r"<(\w+)", html)) <= {"a", "p", "h3", "ul", "li", "strong", "code", "sub", "input"}
    assert "evil" not in "".join(re.findall(r"<(?:strong|code|h3)>(.*?)</", html))


@EACH
@pytest.mark.parametrize("cloud", [True, False])
def test_on_jira_it_mentions_links_and_formats_just_what_is_meant(case: Case_, cloud: bool) -> None:
    def mention(name: str) -> str:
        return f'<a class="who">{name.removeprefix("accountid:")}</a>'

    html = Wiki(mention, lambda key: f'<a class="issue">{key}</a>').render(wiki(case.write(voice(cloud)), cloud))

    mentioned = set(re.findall(r'<a class="who">([^<]+)<', html))
    assert mentioned == {"sam" if one == SUPPORT else one for one in case.mentions}
    assert 'class="issue"' not in html
    hrefs = set(re.findall(r'(?:href|src)="([^"]*)"', html))
    assert all(re.fullmatch(r"https://good\.example/\d", href) for href in hrefs), hrefs
    assert set(re.findall(r"<(\w+)", html)) <= {"a", "p", "h3", "ul", "li", "b", "tt", "font"}
    assert "evil" not in "".join(re.findall(r"<(?:b|tt|h3)>(.*?)</", html))


# --- what is said ---------------------------------------------------------------------------------------------------


def plain(text: Text) -> str:
    """The text as its reader reads it, without what trackers need."""
    return re.sub(r"[\u2060\\]", "", markdown(text))


CALM = replace(CASE, issue=replace(ISSUE, title="Export", body="## What changes\nA button"), evidence=(), hold=None)
CALM_VOICE = words.Voice(CALM, "beta", {"support": ("acme/support",), "growth": ("gus",)})
ASKED = replace(ATTEMPT, by=replace(ERIN, name="Erin"), standing=None)


def test_a_block_names_the_rule_what_is_missing_the_next_step_and_its_owner() -> None:
    said = plain(words.blocked(CALM_VOICE, ASKED, verdict(CALM), False))

    assert said.startswith("### Public Release needs Support and Growth first")
    assert "@erin asked for Public Release. It goes back to Beta Release until then." in said
    assert "The rule `support-before-public` says:" in said
    assert "- [ ] Support has seen it — not yet" in said
    assert "- [x] nobody holds it" in said
    assert "**Next:** @acme/support and @gus, please look at this feature and answer `/stage approve`" in said
    assert "When the last point is ticked, I set Public Release myself" in said
    assert "**What changes:** A button" in said


@pytest.mark.parametrize(("was", "stays", "says"), [
    ("beta", False, "It goes back to Beta Release"), (None, False, "It is taken out again"), ("beta", True, None)
])  # fmt: skip
def test_a_block_says_what_becomes_of_the_issue(was: str | None, stays: bool, says: str | None) -> None:
    said = plain(words.blocked(CALM_VOICE, replace(ASKED, was=was), verdict(CALM), stays))

    assert says in said if says else "until then" not in said


def test_a_finding_that_two_gates_share_is_listed_once() -> None:
    finding = Finding("it is labelled ready", False)
    gates = [GateResult(id, "public", "block", False, (finding,)) for id in ("a", "b")]

    (items,) = words.checklist(gates)

    assert items == Items((Item((Quoted("it is labelled ready"),), False, 0),))


def test_a_waived_gate_is_ticked_and_says_by_whom() -> None:
    gate = GateResult("a", "public", "block", False, (Finding("it is ready", False),), waived="waived by rhea: urgent")

    assert plain(words.checklist([gate])) == "- [x] it is ready — waived by rhea: urgent"


def test_a_check_tells_what_would_happen() -> None:
    assert "would not be a step forward" in plain(words.checked(CALM_VOICE, "beta", Verdict(Outcome.ADMITTED), False))
    assert "would be let through" in plain(words.checked(CALM_VOICE, "public", Verdict(Outcome.ADMITTED), True))
    assert "would be put back now" in plain(words.checked(CALM_VOICE, "public", verdict(CALM), True))


def test_the_living_comment_says_that_nothing_is_needed_where_that_is_so() -> None:
    said = plain(words.living(CALM_VOICE, words.Life(checked="Tue 8 Dec, 12:00 GMT")))

    assert said.startswith("### Beta Release")
    assert "Nothing is awaited, and nothing needs to be done." in said
    assert "Last checked Tue 8 Dec, 12:00 GMT." in said


def test_the_living_comment_counts_how_often_it_was_asked_for() -> None:
    seen = Acknowledged(NOW, "support", "public", SAM, "c1")
    shown = words.Life(ASKED, verdict(replace(CALM, evidence=(seen,))), checked="now")

    said = plain(words.living(CALM_VOICE, shown))

    assert "Erin asked for **Public Release**. Asked for 2 times." in said
    assert "**Next:** Growth to answer." in said


def test_an_answer_begins_with_whom_it_answers() -> None:
    first, *_ = words.answer(CALM_VOICE, "erin", ["not-held", "nothing-to-cancel"], {})

    assert isinstance(first, Paragraph)
    assert first.line[0] == Mention("erin")
    assert [type(piece) for piece in pieces(words.answer(CALM_VOICE, "erin", ["help"], {}))].count(Code) == 13
    assert not any(isinstance(piece, Bold) for piece in first.line)
