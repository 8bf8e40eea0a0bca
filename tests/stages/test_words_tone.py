"""How we sound: every text that words.py and letters.py write, for typical input, as its reader sees it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import ModuleType

import pytest

from integration.stages.entries import Acknowledged, Evidence, Outcome, Proposed, Standing
from integration.stages.remembered import Attempt
from integration.stages.rules.gate import Ask, CaseFor, Verdict, judge
from integration.stages.texts import letters, words
from integration.stages.texts.markdown import JOINER, markdown
from integration.stages.texts.markup import Paragraph, Quoted, Small, Text
from integration.stages.texts.words import Life, Voice
from tests.stages.test_letters import ALL as LETTERS
from tests.stages.test_letters import DEBT, ERIN, NOW, ROUTE, SINCE, TEXT, a_voice, that_blocks_on_debt

BODY = "## What changes\nA button that exports.\n\n## How to undo\nSwitch the flag off.\n"
FILE = that_blocks_on_debt(
    TEXT.replace("entering: public\n", "entering: public\n    because: Support answers our customers.\n").replace(
        "rules:\n", "routes: {agreed_by: [support, growth], effective: 2026-01-01}\nrules:\n"
    )
)
ATTEMPT = Attempt("7", "labels:0", "beta", "public", ERIN, SINCE, ("7", "9"), frozenset({"1"}))
STANDS = replace(ATTEMPT, standing=Standing(SINCE, "7", "our account may not set labels here"))


def typical(*evidence: Evidence) -> Voice:
    """A feature in Beta with a text of its own, a route in force and another proposed."""
    voice = a_voice(file=FILE)
    issue, proposed = replace(voice.case.issue, body=BODY), Proposed(SINCE, "c9", ("public",), ERIN)
    case = replace(voice.case, issue=issue, route=ROUTE, proposed=proposed, evidence=evidence)
    return replace(voice, case=case, asker="Erin")


def verdict(voice: Voice) -> Verdict:
    return judge(Ask("beta", "public", SINCE), voice.case.mappings, CaseFor(voice.case, "public", {}))


VOICE = typical()
SHUT = verdict(VOICE)
OPEN = verdict(typical(Acknowledged(SINCE, "support", "public", ERIN, "c1")))
WARNED = replace(SHUT, outcome=Outcome.WARNED)
HELD = ("by ", Quoted("Sam"), ": ", Quoted("the exports are empty"))
LIVES = {
    "asked for": Life(ATTEMPT, SHUT, HELD, puts_back=2, checked="Tue 24 Nov, 12:00 GMT", debts=(DEBT,)),
    "standing": Life(STANDS, SHUT, checked="Tue 24 Nov, 12:00 GMT", unknown_in_route="Betta"),
    "at rest": Life(
        checked="Tue 24 Nov, 12:00 GMT", news=("Public Release was asked for, and its gates have opened.",)
    ),
    "blocked there": Life(checked="Tue 24 Nov, 12:00 GMT", stands="Public Release"),
}
REPLIES = {
    "help", "mistake:say which stage: beta, public", "anew", "asker:ack", "which-party:support,docs",
    "no-later:support", "not-of:support:gus", f"too-late:support:{NOW.isoformat()}", "no-routes", "nothing-to-cancel",
    "not-ahead:beta", "not-held", "may-not:ack:support,docs", "may-not:cancel:", "may-not:request:", "something new",
}  # fmt: skip
WORDS: dict[str, Callable[[Voice], Text]] = {
    "blocked": lambda v: words.blocked(v, ATTEMPT, SHUT, stays_put=False),
    "blocked, open": lambda v: words.blocked(v, ATTEMPT, OPEN, stays_put=False),
    "blocked, stays": lambda v: words.blocked(v, STANDS, SHUT, stays_put=True),
    "also_needed": lambda v: words.also_needed(v, ATTEMPT, SHUT, ["support", "docs"]),
    "fallback": lambda v: words.fallback(v, ATTEMPT, "support", ["support-lead"], "it is no link"),
    "warned": lambda v: words.warned(v, "erin", "public", WARNED),
    "entered": lambda v: words.entered(v, "public", ["support", "growth"], words.moved_by("Erin", True, True)),
    "entered, unasked": lambda v: words.entered(v, "public", ["docs"], words.moved_by("Erin", False, False)),
    "went_back": lambda v: words.went_back(v, "public", ["support", "growth"]),
    "went_back, out": lambda v: words.went_back(replace(v, stage=None), "public", ["support"]),
    "cleared": lambda v: words.cleared(v, ATTEMPT),
    "cleared, refused": lambda v: words.cleared(v, ATTEMPT, "there is no such transition"),
    "standing": lambda v: words.standing(v, STANDS, "our account may not set labels here", ["support-lead"]),
    "checked": lambda v: words.checked(v, "public", SHUT, forward=True),
    "checked, open": lambda v: words.checked(v, "public", Verdict(Outcome.ADMITTED), forward=True),
    "checked, back": lambda v: words.checked(v, "internal", OPEN, forward=False),
    "unseen": lambda v: words.unseen("Beta Release", "Tue 24 Nov, 12:00 GMT", "Tue 24 Nov, 11:00 GMT", "nobody"),
    "unseen, admin": lambda v: words.unseen("Beta Release", "Tue 24 Nov, 12:00 GMT", "Tue 24 Nov, 11:00 GMT", "admin"),
    "unseen, people": lambda v: words.unseen("Beta Release", "Tue 24 Nov", "Mon 23 Nov", "people", "it is locked"),
    "answer, status": lambda v: words.answer(v, "erin", ["status"], {"status": words.status(v, LIVES["asked for"])}),
    **{f"status, {name}": partial(words.status, life=life) for name, life in LIVES.items()},
    **{f"living, {name}": partial(words.living, life=life) for name, life in LIVES.items()},
    **{f"answer, {one}": partial(words.answer, to="erin", replies=[one], shown={}) for one in sorted(REPLIES)},
}
SAID = {name: write(VOICE) for name, write in WORDS.items()} | {
    f"letter, {name}": letter.write(VOICE, "Erin") for name, letter in LETTERS.items()
}
EACH = pytest.mark.parametrize("text", SAID.values(), ids=SAID.keys())


def read(text: Text) -> str:
    return markdown(text).replace(JOINER, "")


def texts_of(module: ModuleType) -> set[str]:
    """The functions of a module that write a text."""
    found = inspect.getmembers(module, inspect.isfunction)
    own = {name: one for name, one in found if one.__module__ == module.__name__ and not name.startswith("_")}
    return {name for name, one in own.items() if one.__annotations__.get("return") == "Text"}


def test_every_text_is_heard_here() -> None:
    heard = {name.partition(",")[0] for name in WORDS}

    assert texts_of(words) <= heard, "a new text: add typical input for it to WORDS"
    assert len(texts_of(letters)) == 9, "tests/stages/test_letters.py has one of each"


def test_every_short_answer_is_heard_here() -> None:
    codes = set(re.findall(r'(?:case|code ==) "([\w-]+)"', inspect.getsource(words)))

    assert codes - {reply.partition(":")[0] for reply in REPLIES} == set()


@EACH
def test_blanks_and_stops_stand_where_they_belong(text: Text) -> None:
    for line in read(text).splitlines():
        assert "  " not in line.strip(), line
        assert not re.search(r"\s[.,;:?!](?:\s|$)", line), line
        assert not re.search(r"[.,;:?!]{2}|, *\.|\(\)|\( | \)", line), line


@EACH
def test_every_paragraph_is_a_whole_sentence(text: Text) -> None:
    for block in text:
        if isinstance(block, Paragraph | Small):
            said = read((block,)).removeprefix("<sub>").removesuffix("</sub>")
            caption = re.fullmatch(r"\*\*[^*.]+\*\*", said)
            theirs = isinstance(block.line[-1], Quoted)
            assert caption or theirs or said.rstrip("*").endswith((".", ":", "`")), said


@EACH
def test_it_has_one_next_step_at_most(text: Text) -> None:
    assert read(text).count("Next:") <= 1


JARGON = re.compile(
    r"\b(?:entity|entities|payload|webhook|null|None|True|False|datetime|boolean|parameter|invalid|handle)\b|[{}]",
)


@EACH
def test_it_says_nothing_that_only_its_authors_understand(text: Text) -> None:
    assert JARGON.findall(read(text)) == []


def test_jargon_would_be_found() -> None:
    assert JARGON.findall("an invalid payload: {None}") == ["invalid", "payload", "{", "None", "}"]
