"""What people and files say, as Hypothesis thinks of it: read, or refused in words, and never stumbled over."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from integration.stages.file.mappings import Faulty, Mappings, read
from integration.stages.model import Ref, Unnamed
from integration.stages.planning.commands import VERBS, Known, is_plain_reply, parse, read_route
from integration.stages.rules import sections
from integration.stages.texts import markers
from integration.stages.texts.adf import adf
from integration.stages.texts.markdown import markdown
from integration.stages.texts.markup import Code, Item, Items, Link, Paragraph, Quoted, Text, fitted
from integration.stages.texts.wiki import wiki

NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
STAGES = {"beta": "Beta Release", "public": "Public Release"}
SIZES = [pytest.param(40, id="few"), pytest.param(20_000, id="many", marks=pytest.mark.drill)]
ANY = st.text(st.characters(), max_size=60)

# --- comments -----------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["support", "public", "beta", "until", "tomorrow", "2026-12-31", "9998-01-01", "by", "@sam", "[~accountid:x:y]",
     "docs-first", "all", ",", "->", "why", ":", "mon"]
)  # fmt: skip
REST = st.lists(WORDS | ANY, max_size=6).map(" ".join)
ORDERS = st.builds(lambda verb, rest: f"/stage {verb} {rest}", st.sampled_from(VERBS) | ANY, REST)
MARKS = st.sampled_from(
    ["```", "~~~", "> ", "<!--", "-->", "<pre>", "</pre>", "{code}", "{quote}", "bq. ", "    ", "\t"]
)  # fmt: skip
COMMENTS = st.lists(st.lists(ORDERS | MARKS | ANY, max_size=3).map("".join), max_size=6).map("\n".join)
KNOWN = Known(STAGES, {"support": "Support"}, ("docs-first",), "Europe/London")


def hears(body: str, jira: bool) -> None:
    for command in parse(body, jira, KNOWN, NOW):
        assert command.wrong or command.verb in VERBS
        assert command.party in ("", "support")
        assert command.until is None or command.until > NOW
        assert set(command.stages) <= set(STAGES)
    if is_plain_reply(body, jira):
        assert not parse(body, jira, KNOWN, NOW)


@pytest.mark.parametrize("examples", SIZES)
def test_any_comment_is_heard_and_every_order_is_whole_or_says_what_is_wrong(examples: int) -> None:
    settings(max_examples=examples, deadline=None)(given(COMMENTS, st.booleans())(hears))()


@pytest.mark.parametrize("examples", SIZES)
def test_any_text_of_an_issue_is_read(examples: int) -> None:
    def reads(body: str, title: str) -> None:
        assert isinstance(sections.section(body, title), str | None)
        assert all(isinstance(one.ticked, bool) for one in sections.boxes(body, title or None))
        sections.is_filled(body)
        assert set(read_route(body, STAGES)[0]) <= set(STAGES)

    headed = st.builds(lambda before, title, text: f"{before}## {title}\n{text}", ANY, ANY, COMMENTS)
    settings(max_examples=examples, deadline=None)(given(COMMENTS | headed, ANY)(reads))()


# --- refs and markers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("examples", SIZES)
def test_whatever_is_taken_for_the_name_of_an_issue_is_written_as_it_is_read(examples: int) -> None:
    near = st.from_regex(r"(github:|jira:|party:)?[A-Za-z0-9._/#-]{0,20}#?[0-9]{0,5}", fullmatch=True)

    def names(text: str) -> None:
        try:
            ref = Ref.parse(text)
        except Unnamed:
            return
        assert Ref.parse(str(ref)) == ref

    settings(max_examples=examples, deadline=None)(given(near)(names))()


@pytest.mark.parametrize("examples", SIZES)
def test_no_token_but_a_whole_one_of_ours_is_believed(examples: int) -> None:
    ours = markers.write(markers.Marker("living", {"to": "public"}), Ref.parse("acme/app#1"), b"key")

    def believes(token: str, place: int, other: str) -> None:
        spoilt = ours[:place] + other + ours[place + 1 :]
        for one in (token, spoilt, f"{token}.{token}", ours.partition(".")[0] + "." + token):
            found = markers.read(one, ["github:acme/app#1"], b"key")
            assert found is None or one.strip() == ours

    signs = st.sampled_from("ABCxyz019-_.=~ ")
    drawn = given(ANY.map(lambda text: text.encode("utf-8", "replace").decode()), st.integers(0, len(ours) - 1), signs)
    settings(max_examples=examples, deadline=None)(drawn(believes))()


# --- the file -----------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    ["version", "stages", "sources", "rules", "parties", "github", "jira", "labels", "repositories", "id", "entering",
     "require", "level", "notified", "party", "ahead", "any", "linked", "url", "rota", "calendar", "effective"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY | st.sampled_from(
    ["public", "beta", "block", "acme/*", "1 working day", "2026-12-01", "not_on_hold", "https://x/*"]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | ANY, inner, max_size=4), max_leaves=15
)
SOUND: dict[str, Any] = {
    "version": 1, "stages": STAGES, "sources": [{"github": {"repositories": ["acme/*"], "labels": {"beta": "b"}}}],
}  # fmt: skip


def is_sound_or_says_why(text: str) -> None:
    try:
        assert isinstance(read(text), Mappings)
    except Faulty as wrong:
        assert wrong.faults
        assert all(fault.line > 0 and fault.message and "\n" not in str(fault) for fault in wrong.faults)


@pytest.mark.parametrize("examples", SIZES)
def test_any_file_is_sound_or_each_of_its_faults_is_named_in_one_line(examples: int) -> None:
    whole = st.dictionaries(KEYS, VALUES, max_size=5).map(lambda more: json.dumps(SOUND | more))
    noise = st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "replace"))
    signs = st.sampled_from(["&a ", "*a", "- ", "k: ", "\n", "  ", "[", "]", "{", "}", "!!", "|\n", "<<: "])
    yaml = st.lists(signs, max_size=30)
    settings(max_examples=examples, deadline=None)(given(whole | noise | yaml.map("".join))(is_sound_or_says_why))()


# --- what we write ------------------------------------------------------------------------------------------------

HOSTILE = st.lists(
    st.sampled_from(
        ["@acme/support", "@gus", "<img src=x onerror=1>", "[a](https://evil.example)", "<!-- x -->", "#1", "APP-1",
         "[~accountid:x]", "{color:red}", "https://evil.example", "`", "```", "**", "\n", "\n\n# ", "\n> ", "\n- ", "|",
         "\\", "&#64;gus", "\u202e", "\u2028", "\x00", "\r", "![x](y)", "acme/app#12", "!x.png!", "h1. "]
    ) | ANY,
    max_size=8,
).map("".join)  # fmt: skip
GFM = MarkdownIt("gfm-like", {"linkify": False})


def texts(words: str, url: str) -> Text:
    line = (Quoted(words), " is ", Code(words), " at ", Link(words, url))
    return (Paragraph(line), Items((Item(line, done=False), Item(("then ", Quoted(words)), depth=1))))


def quotes_safely(words: str, url: str) -> None:
    text = texts(words, url)
    html = GFM.render(markdown(text))
    assert "<img" not in html
    assert "<!--" not in markdown(text).replace("<!-- release-stages", "")
    assert html.count("<a ") <= html.count(" at <a ")
    assert "javascript:" not in html.partition('href="')[2].partition('"')[0]
    for cloud in (True, False):
        assert "[~accountid:x]" not in wiki(text, cloud)
    document = json.dumps(adf(text))
    assert '"mention"' not in document
    assert len(markdown(fitted(text, 3000))) <= 3000


@pytest.mark.parametrize("examples", SIZES)
def test_nothing_that_we_quote_mentions_links_or_formats(examples: int) -> None:
    settings(max_examples=examples, deadline=None)(given(HOSTILE, HOSTILE | ANY)(quotes_safely))()
