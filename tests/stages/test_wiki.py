"""What we write on Jira: only what we mean to mention, link or format does so."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integration.sandbox.jira_wiki import Wiki
from integration.stages.texts.markup import (
    Bold,
    Code,
    Heading,
    Item,
    Items,
    Line,
    Link,
    Mention,
    Paragraph,
    Piece,
    Quoted,
    Small,
)
from integration.stages.texts.wiki import JOINER, wiki

# What Jira's renderers react to, once the escapes (which they take out first) are out of the way.
_ESCAPE = re.compile(r"\\[-#*_+?^~|%{}\[\]()!@]")
_HOLE = "\ue000"  # stands where an escaped sign stood: no letter, no sign of the markup
_SPECIAL = {
    "a mention or a link": re.compile(r"\[[^\]\n]*\]"),
    "a macro": re.compile(r"\{[^}\n]*\}"),
    "an image": re.compile(r"![^\s!][^!\n]*!"),
    "an address": re.compile(r"(?:https?|ftp|file|news|irc)://|mailto:[^\s\u2060]|\bwww\.", re.IGNORECASE),
    "a network path": re.compile(r"\\\\"),
    "an e-mail": re.compile(r"[\w.+-]+@[\w-]"),
    "an issue": re.compile(r"[A-Za-z][A-Za-z0-9_]+-\d"),
    "a format": re.compile(r"(?<!\w)([*_+^~-])(?=\S)[^\n]*?(?<=\S)\1(?!\w)"),
    "a citation": re.compile(r"\?\?"),
    "an emoticon": re.compile(r"[:;][()DPp](?!\w)|\((?:y|n|i|/|x|!|\+|-|\?|on|off|\*|flag)\)"),
    "an entity": re.compile(r"&(?:#\w+|\w+);"),
    "a table": re.compile(r"\|"),
    "the start of a list, heading or quote": re.compile(r"^\s*(?:[*#-]+\s|h[1-6]\.|bq\.|-{4,})", re.MULTILINE),
    "a second line": re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]"),
}
_DIRECTIONS = set("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
_NASTY = st.lists(
    st.sampled_from([
        *"[]{}|!*_-+^~?#%@:;()&\\/.<> \n\r\t\u2028\u202e\u2060aZ7", "http://", "www.", "APP-7", "{code}", "[~sam]",
        "h1. ", "bq. ", "----", "* ", "# ", "||", "mailto:", "sam@acme.example", "(/)", ":)", "&lt;", "!x.png!", "\\\\",
        "accountid:", "ü", "🙂", "٣",
    ])
).map("".join)  # fmt: skip
_ANY = st.one_of(_NASTY, st.text())


def _special(written: str) -> list[str]:
    """What a renderer would make of the text besides plain words."""
    text = _ESCAPE.sub(_HOLE, written)
    return [name for name, pattern in _SPECIAL.items() if pattern.search(text)]


def _shown(written: str) -> str:
    """What a reader sees of it."""
    return _ESCAPE.sub(lambda found: found[0][1], written).replace(JOINER, "")


def _as_typed(text: str) -> str:
    """What a reader should see of a text that we quote."""
    kept = (" " if sign.isspace() else sign for sign in text)
    return " ".join("".join(
        sign for sign in kept if sign not in _DIRECTIONS and unicodedata.category(sign) not in ("Cc", "Cs")
    ).split())  # fmt: skip


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def _rendered(written: str) -> _Page:
    """As the sandbox's Jira shows it, where every name is a person and every key an issue."""
    return _Page(Wiki(lambda name: f"<a>{name}</a>", lambda key: f"<a>{key}</a>").render(written))


def _paragraph(*pieces: Piece, cloud: bool = True) -> str:
    return wiki((Paragraph(pieces),), cloud)


# --- quoting ------------------------------------------------------------------------------------------------------


@given(_ANY, st.booleans())
@example("[~accountid:5b10]", True)
@example("\\[~sam]", False)
@example("\\\\[~sam\\]", False)
@example("{code}{*}x{*}", True)
@example("APP-7 and A_B-12", True)
@example("https://acme.example/x mailto:sam@acme.example", True)
@example("write to mailto: ", True)
@example("&#91;~sam&#93;", False)
@example("-gone- --- ??who?? (y) :)", True)
@example("h1. Title\n* item\n|cell|", True)
@example("C:\\\\share\\x\\", True)
def test_a_quoted_text_mentions_links_and_formats_nothing(text: str, cloud: bool) -> None:
    written = _paragraph(Quoted(text), cloud=cloud)
    assert _special(written) == []
    assert set(_rendered(written).tags) <= {"p"}


@given(_ANY)
@example("Why? Because! (a) 50% - b_c *d* [e] {f} \\g \\\\h i\\")
def test_a_quoted_text_is_read_as_it_was_typed(text: str) -> None:
    assert re.sub(r"\s+", " ", _shown(_paragraph(Quoted(text)))).strip() == _as_typed(text)


@given(_ANY, _ANY)
@example("https:", "//acme.example")
@example("[~sam", "]")
@example("&lt", ";")
def test_two_quoted_texts_side_by_side_complete_nothing(left: str, right: str) -> None:
    assert _special(_paragraph(Quoted(left), Quoted(right))) == []


@given(_ANY)
def test_a_quoted_text_in_a_heading_a_list_and_small_print_stays_there(text: str) -> None:
    line: Line = ("of ", Quoted(text))
    quoted = _paragraph(Quoted(text))
    tail = f" {quoted}" if quoted else ""
    written = wiki((Heading(line), Items((Item(line, done=True), Item(line, depth=1))), Small(line)), cloud=True)
    assert written.split("\n") == [
        f"h3. of{tail}", "", f"* ☑ of{tail}", f"** of{tail}", "", "{color:#6b778c}of" + tail + "{color}",
    ]  # fmt: skip


@given(_ANY)
@example("}}")
@example("{x")
@example("*x*")
def test_code_shows_its_text_and_nothing_else(text: str) -> None:
    written = _paragraph(Code(text))
    if not _as_typed(text):
        assert written == ""
        return
    assert written.startswith("{{") and written.endswith("}}")
    assert [name for name in _special(written[2:-2]) if not name.startswith(("the start", "an entity"))] == []
    assert set(_rendered(written).tags) <= {"p", "tt", "code"}


@pytest.mark.parametrize("text", ["/stage ack", "/stage approve support", "support-before-public", "stage: beta"])
def test_a_command_can_be_copied_out_of_the_comment_as_it_is(text: str) -> None:
    assert _paragraph("Write ", Code(text)) == f"Write {{{{{text}}}}}"


# --- what we mean to say ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handle", "cloud", "written"),
    [
        ("5b10a2844c20165700ede21g", True, "[~accountid:5b10a2844c20165700ede21g]"),
        (
            "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077",
            True,
            "[~accountid:557058:f58131cb-b67d-43c7-b30d-6b58d40bd077]",
        ),
        ("sam", False, "[~sam]"),
        ("sam.o'neil@acme.example", False, "[~sam.o'neil@acme.example]"),
        ("release stages", False, "[~release stages]"),
    ],
)
def test_a_mention_names_the_account_as_the_site_does(handle: str, cloud: bool, written: str) -> None:
    assert _paragraph(Mention(handle), cloud=cloud) == written


@pytest.mark.parametrize("cloud", [True, False])
@pytest.mark.parametrize("handle", ["sam]", "x|y", "a\nb", "{code}", "~sam", "", "a\\"])
def test_a_handle_that_no_site_can_know_mentions_nobody(handle: str, cloud: bool) -> None:
    assert _special(_paragraph(Mention(handle), cloud=cloud)) == []


@pytest.mark.parametrize(
    ("link", "written"),
    [
        (Link("the rule", "https://acme.example/a_b?x=1&y=%20#c"), "[the rule|https://acme.example/a_b?x=1&y=%20#c]"),
        (Link("a|b]c", "http://acme.example/"), "[a¦b)c|http://acme.example/]"),
        (Link("x", "https://acme.example/a|b]c[~sam]"), "[x|https://acme.example/a%7Cb%5Dc%5B~sam%5D]"),
        (Link("", "https://acme.example/"), "[https://acme.example/]"),
    ],
)
def test_a_link_keeps_its_words_and_its_address_apart(link: Link, written: str) -> None:
    assert _paragraph(link) == written


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ftp://acme.example", "//acme.example", "~sam", "https://", "https://sam:pw@acme.example",
     "https://acme.example/\n", " https://acme.example", "https://[::1", "https://acme.example/\u202e", "file:///etc"],
)  # fmt: skip
def test_an_address_that_is_not_plainly_of_the_web_is_no_link(url: str) -> None:
    written = _paragraph(Link("here", url))
    assert _special(written) == []
    assert _shown(written) == "here"


@given(_ANY, _ANY)
def test_whatever_a_link_is_made_of_it_is_one_link_or_none(text: str, path: str) -> None:
    written = _paragraph(Link(text, f"https://acme.example/{path}"))
    tags = _rendered(written).tags
    assert [tag for tag in tags if tag != "p"] in ([], ["a"])


def test_our_own_words_may_name_an_issue_and_hold_signs() -> None:
    assert _paragraph("See APP-7 (done) *now*") == f"See APP-7 ({JOINER}done) \\*now\\*"


def test_a_line_of_our_own_never_starts_a_list_or_a_heading() -> None:
    for text in ("# one", "h1. two", "bq. three", "| four", "---- five"):
        assert "the start of a list, heading or quote" not in _special(_paragraph(text))


def test_bold_stays_bold_between_letters() -> None:
    assert _paragraph("a", Bold("b"), "c") == f"a{JOINER}*b*{JOINER}c"
    assert _rendered(_paragraph("from ", Bold("Beta Release"), " on")).tags == ["p", "b"]


def test_blocks_stand_apart_and_empty_ones_are_left_out() -> None:
    text = (Heading(("Beta",)), Paragraph(("",)), Items((Item(("a",), True), Item(("b",), False), Item(("c",)))))
    assert wiki(text, cloud=True) == "h3. Beta\n\n* ☑ a\n* ☐ b\n* c"
