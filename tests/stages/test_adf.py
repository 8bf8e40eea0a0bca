"""What we write on Jira Cloud: documents that keep to the schema; only what we mean mentions, links or formats."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integration.sandbox import jira_adf
from integration.stages.texts.adf import adf
from integration.stages.texts.markup import (
    Bold,
    Code,
    Heading,
    Item,
    Items,
    Link,
    Mention,
    Paragraph,
    Piece,
    Quoted,
    Small,
    Text,
)

SAM = "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077"
GREY = {"type": "textColor", "attrs": {"color": "#6b778c"}}
STRONG, CODE = {"type": "strong"}, {"type": "code"}


def word(text: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"marks": list(marks)} if marks else {})


def link(url: str) -> dict[str, Any]:
    return {"type": "link", "attrs": {"href": url}}


def paragraph(*inside: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(inside)}


def entry(*inside: dict[str, Any]) -> dict[str, Any]:
    return {"type": "listItem", "content": list(inside)}


def bullets(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"type": "bulletList", "content": list(entries)}


def line(*pieces: Piece) -> list[dict[str, Any]]:
    """The nodes of a paragraph."""
    blocks = adf((Paragraph(pieces),))["content"]
    return list(blocks[0]["content"]) if blocks else []


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All of them, in the order in which they are read."""
    yield node
    for child in node.get("content", ()):
        yield from nodes(child)


def plain(document: dict[str, Any]) -> str:
    """What a reader sees, without mentions."""
    return "".join(node.get("text", "") for node in nodes(document))


# --- what we mean to say ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "written"),
    [
        (("Told", " of it"), [word("Told of it")]),
        (("Told ", Mention(SAM), ", too"), [word("Told "), {"type": "mention", "attrs": {"id": SAM}}, word(", too")]),
        (("in ", Bold(" Beta "), "."), [word("in "), word("Beta", STRONG), word(".")]),
        (("write ", Code("/stage ack")), [word("write "), word("/stage ack", CODE)]),
        ((Link("the rule", "https://acme.example/a_b?x=1#c"),), [word("the rule", link("https://acme.example/a_b?x=1#c"))]),
        ((Link("", "http://acme.example/"),), [word("http://acme.example/", link("http://acme.example/"))]),
        ((Link("a", "https://acme.example/ü b"),), [word("a", link("https://acme.example/%C3%BC%20b"))]),
        ((" a ", "", Quoted(" *b* "), " "), [word("a *b*")]),
        (("a", Bold("b"), "c"), [word("a"), word("b", STRONG), word("c")]),
        ((Bold("a"), Bold("b")), [word("ab", STRONG)]),
        ((" ", Bold(" "), Code("\u200b"), Quoted("\n")), []),
        ((Mention(SAM),), [{"type": "mention", "attrs": {"id": SAM}}]),
    ],
)  # fmt: skip
def test_each_piece_has_its_node(pieces: tuple[Piece, ...], written: list[dict[str, Any]]) -> None:
    assert line(*pieces) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ((), []),
        ((Paragraph(("",)), Items(()), Heading((" ",)), Small(())), []),
        ((Heading(("Beta",)),), [{"type": "heading", "attrs": {"level": 3}, "content": [word("Beta")]}]),
        (
            (Small(("seen ", Bold("b"), Code("c"), Link("l", "https://acme.example"), Link("x", "no"), Mention(SAM))),),
            [paragraph(
                word("seen ", GREY), word("b", STRONG, GREY), word("c", CODE), word("l", link("https://acme.example")),
                word("x", GREY), {"type": "mention", "attrs": {"id": SAM}},
            )],
        ),
        (
            (Items((Item(("a",), True), Item(("b",), False), Item(("c",)), Item((Bold("d"),), True))),),
            [bullets(
                entry(paragraph(word("☑ a"))), entry(paragraph(word("☐ b"))), entry(paragraph(word("c"))),
                entry(paragraph(word("☑ "), word("d", STRONG))),
            )],
        ),
        (
            (Items((Item(("a",)), Item(("b",), depth=1), Item(("c",), depth=2), Item(("d",), depth=1), Item(("e",)))),),
            [bullets(
                entry(
                    paragraph(word("a")),
                    bullets(
                        entry(paragraph(word("b")), bullets(entry(paragraph(word("c"))))), entry(paragraph(word("d"))),
                    ),
                ),
                entry(paragraph(word("e"))),
            )],
        ),
        (
            (Items((Item(("a",), depth=3), Item(("b",), depth=9), Item(("c",), depth=-1))),),
            [bullets(entry(paragraph(word("a")), bullets(entry(paragraph(word("b"))))), entry(paragraph(word("c"))))],
        ),
        ((Items((Item(()), Item((), False))),), [bullets(entry(paragraph()), entry(paragraph(word("☐"))))]),
    ],
)  # fmt: skip
def test_each_block_has_its_node_and_empty_ones_are_left_out(text: Text, written: list[dict[str, Any]]) -> None:
    assert adf(text) == {"version": 1, "type": "doc", "content": written}
    assert jira_adf.fault(adf(text)) == ""


@pytest.mark.parametrize("handle", ["sam]", "x|y", "a\nb", "{code}", "~sam", "", "a b", "@sam", "-"])
def test_a_handle_that_no_account_can_have_mentions_nobody(handle: str) -> None:
    assert [node["type"] for node in line("to ", Mention(handle))] == ["text"]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ftp://acme.example", "//acme.example", "~sam", "https://", "https://sam:pw@acme.example",
     "https://acme.example/\n", " https://acme.example", "https://[::1", "https://acme.example/\u202e", "file:///etc",
     "https://acme.example/\ud800", "mailto:sam@acme.example", ""],
)  # fmt: skip
def test_an_address_that_is_not_plainly_of_the_web_is_no_link(url: str) -> None:
    assert line(Link("here", url)) == [word("here")]


# --- whatever is written ------------------------------------------------------------------------------------------

_NASTY = st.lists(
    st.sampled_from([
        *"[]{}|!*_-+^~?#%@:;()&\\/.<> \n\r\t\u2028\u202e\u2060\u200baZ7\x00\ud800", "https://acme.example", "APP-7",
        "{code}", f"[~accountid:{SAM}]", "h1. ", "* ", ":)", "&lt;", "@sam", "ü", "🙂",
    ])
).map("".join)  # fmt: skip
WORDS = st.one_of(_NASTY, st.text())
PIECES = st.one_of(
    WORDS,
    WORDS.map(Quoted),
    WORDS.map(Bold),
    WORDS.map(Code),
    st.one_of(st.just(SAM), WORDS).map(Mention),
    st.builds(Link, WORDS, st.one_of(WORDS, WORDS.map(lambda tail: f"https://acme.example/{tail}"))),
)
LINES = st.lists(PIECES, max_size=5).map(tuple)
ITEMS = st.builds(Item, LINES, st.sampled_from([None, True, False]), st.integers(-1, 4))
TEXTS = st.lists(
    st.one_of(
        LINES.map(Paragraph),
        LINES.map(Heading),
        LINES.map(Small),
        st.lists(ITEMS, max_size=6).map(lambda items: Items(tuple(items))),
    ),
    max_size=4,
).map(tuple)

_UNSEEN = set("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")


def _letters(text: str) -> str:
    """What of a text is there to be read, but for its blanks."""
    seen = (sign for sign in text if sign not in _UNSEEN and unicodedata.category(sign) not in ("Cc", "Cs"))
    return re.sub(r"\s", "", "".join(seen))


@given(TEXTS)
@example((Small((Link("a", "https://acme.example"), Code("b"))),))
@example((Items((Item((), depth=4), Item((), depth=2))),))
def test_every_document_keeps_to_the_schema(text: Text) -> None:
    document = adf(text)
    assert jira_adf.fault(document) == ""
    assert json.loads(json.dumps(document).encode("utf-8")) == document
    for node in nodes(document):
        if node["type"] == "text":
            assert node["text"]
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", node["text"])
            assert {mark["type"] for mark in node.get("marks", ())} in (
                set(), {"strong"}, {"code"}, {"link"}, {"textColor"}, {"strong", "textColor"},
            )  # fmt: skip


@given(TEXTS)
def test_only_a_mention_mentions_and_only_a_link_links(text: Text) -> None:
    pieces = [piece for block in text for piece in _pieces(block)]
    document = adf(text)
    named = [node["attrs"]["id"] for node in nodes(document) if node["type"] == "mention"]
    assert named == [
        one.handle
        for one in pieces
        if isinstance(one, Mention) and re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z:_-]*", one.handle)
    ]
    linked = [node for node in nodes(document) for mark in node.get("marks", ()) if mark["type"] == "link"]
    assert len(linked) <= sum(isinstance(one, Link) for one in pieces)
    assert all(mark["attrs"]["href"].startswith(("http://", "https://"))
               for node in linked for mark in node["marks"])  # fmt: skip


def _pieces(block: Paragraph | Items | Heading | Small) -> Iterator[Piece]:
    if isinstance(block, Items):
        for item in block.items:
            yield from item.line
    else:
        yield from block.line


@given(WORDS)
@example(f"[~accountid:{SAM}] *b* {{{{c}}}} https://acme.example APP-7 :) &lt;")
def test_a_quoted_text_is_read_as_it_was_typed_and_is_nothing_but_text(text: str) -> None:
    for around in (Paragraph, Heading):
        document = adf((around((Quoted(text),)),))
        assert _letters(plain(document)) == _letters(text)
        assert {node["type"] for node in nodes(document)} <= {"doc", "paragraph", "heading", "text"}
        assert not any("marks" in node for node in nodes(document))
    assert _letters(plain(adf((Items((Item(("of ", Quoted(text)), depth=0),)),)))) == "of" + _letters(text)
