"""What we write on GitHub: only what we mean to mention, link or format does so."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from integration.sandbox.rendering import render
from integration.stages.texts.markdown import JOINER, markdown
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
    Quoted,
    Small,
)

_GITHUB = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
_WOULD_LINK = {
    "a mention": re.compile(r"(?:^|[^a-z0-9_`])@[a-z0-9]", re.IGNORECASE),
    "an issue": re.compile(r"#\d|\bgh-\d", re.IGNORECASE),
    "a commit": re.compile(r"[0-9a-f]{7,}", re.IGNORECASE),
    "an address": re.compile(r"(?:https?|ftp)://|\bwww\.|(?:mailto|xmpp):[^\s\u2060]", re.IGNORECASE),
    "an e-mail": re.compile(r"[\w.+-]+@[\w-]"),
    "an emoji": re.compile(r":[a-z0-9_+-]+:", re.IGNORECASE),
}
_DIRECTIONS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


class _Page(HTMLParser):
    """The tags and the visible text of a rendered comment."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.comments: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


class _Everything:
    """A GitHub on which whatever looks like a name is one."""

    def user(self, login: str) -> str:
        return login

    def team(self, org: str, slug: str) -> bool:
        return True

    def issue(self, place: str, number: int) -> str:
        return "https://github.example/issue"

    def commit(self, sha: str) -> str:
        return "https://github.example/commit"


def rendered(source: str) -> _Page:
    return _Page(_GITHUB.render(source))


def line(*pieces: object) -> str:
    return markdown((Paragraph(pieces),))  # type: ignore[arg-type]


def seen(text: str) -> str:
    """What a person sees of a text: one line, no joiners."""
    return " ".join(text.replace(JOINER, "").split())


def expected(text: str) -> str:
    """What a person should see of words that we quote."""
    kept = "".join(
        letter
        for letter in re.sub(r"\s", " ", text)
        if letter not in _DIRECTIONS and unicodedata.category(letter) not in {"Cc", "Cs"}
    )
    return seen(re.sub(r"<!--.*?-->", "", kept))


NASTY = [
    "@sam", "@acme/support", "sam@example.org", "x @sam", "(@sam)", "#12", "GH-12", "acme/app#12", "acme/app@0123abc",
    "0123456789abcdef0123456789abcdef01234567", "1234567", "https://example.org/a_b", "HTTP://X.Y", "ftp://x",
    "www.example.org", "mailto:sam@example.org", ":tada:", "**b**", "__b__", "_i_", "*i*", "~~s~~", "`c`", "``` x",
    "~~~", "- item", "+ item", "* item", "1. item", "1) item", "12345. x", "# head", "### head", "> quote", "---",
    "***", "===", "- - -", "| a | b |", "[x](https://example.org)", "![x](https://example.org)", "[x][y]", "[^1]",
    "[ ] task", "<https://example.org>", "<b>x</b>", "<img src=x onerror=y>", "</sub>", "<script>x</script>", "&lt;",
    "&copy;", "&#64;sam", "\\@sam", "\\", "a\\", "$x$", "$$x$$", "<!-- release-stages: forged -->", "<!-- x", "x -->",
    "<!<!-- -->-- y -->", "<!---->", "a\nb", "a\r\n\r\n- b", "a\u2028# b", "    code", "\tcode", "a  \nb", "\x00\x07",
    "\u202ereversed", "\ud800", "Closes #12", "CVE-2026-1234", "GHSA-aaaa-bbbb-cccc",
    "<!\x00-- release-stages: forged -->", "@\u202esam", "@\x00sam", "www\x00.example.org", "\u2060", "1\u2060. x",
    "",
]  # fmt: skip
words = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(NASTY), st.sampled_from(list(" \n-@#:.`*_<>&![]()/$\\aA0x"))), max_size=8).map(
        "".join
    ),
)


def assert_inert(source: str, shown: str) -> None:
    page = rendered(source)
    assert set(page.tags) <= {"p"}
    assert not page.comments
    for what, pattern in _WOULD_LINK.items():
        assert not pattern.search(page.text), what
    assert "\n" not in source
    assert "<!--" not in source
    assert "$" not in source.replace("&#36;", "")
    assert seen(page.text) == shown


class TestQuotedWords:
    @pytest.mark.parametrize("text", NASTY)
    def test_show_as_they_were_and_do_nothing(self, text: str) -> None:
        assert_inert(line(Quoted(text)), expected(text))

    @given(words)
    @example("<!-- a --><!-- b -->c")
    def test_do_nothing_whatever_they_are(self, text: str) -> None:
        assert_inert(line(Quoted(text)), expected(text))

    @given(st.lists(words, min_size=2, max_size=4))
    @example(["www", ".example.org"])
    @example(["@", "sam"])
    @example(["https:", "//example.org"])
    @example(["012345", "6789"])
    @example(["1", ". x"])
    @example(["<!-", "- x -->"])
    def test_do_nothing_where_they_meet(self, texts: list[str]) -> None:
        pieces = [Quoted(text) if place % 2 else text for place, text in enumerate(texts)]
        assert_inert(line(*pieces), expected("".join(texts)))

    @given(words)
    def test_start_nothing_inside_a_list_item_a_heading_or_small_print(self, text: str) -> None:
        quoted: Line = ("a ", Quoted(text), " z")
        whole = markdown((Heading(quoted), Items((Item(quoted), Item(quoted, done=True, depth=1))), Small(quoted)))
        page = rendered(whole)
        assert page.tags.count("li") == 2
        assert set(page.tags) == {"h3", "ul", "li", "p", "sub"}
        assert seen(page.text).count(expected(f"a {text} z")) == 4

    @given(words)
    def test_begin_an_item_without_becoming_a_list_of_their_own(self, text: str) -> None:
        page = rendered(markdown((Items((Item((Quoted(text),)), Item(("last",)))),)))
        assert page.tags == ["ul", "li", "li"]

    @pytest.mark.parametrize("text", NASTY)
    def test_link_nothing_where_everything_could_be_linked(self, text: str) -> None:
        html = render(line("a ", Quoted(text), " ", Quoted(text)), _Everything()).html
        assert set(_Page(html).tags) <= {"p"}

    def test_stay_readable_in_the_source(self) -> None:
        assert line(Quoted("Export to CSV, for all plans (finally): 20% faster!")) == (
            "Export to CSV, for all plans (finally): 20% faster!"
        )

    def test_cannot_forge_our_marker_even_in_typewriter_letters(self) -> None:
        forged = "x\n<!-- release-stages: forged -->"
        assert "release-stages" not in line(Quoted(forged), Code(forged), Bold(forged), forged)


class TestMentions:
    @pytest.mark.parametrize("handle", ["sam", "acme/support", "release-stages[bot]", "Sam-2_acme"])
    def test_are_written_bare(self, handle: str) -> None:
        assert line("Ask ", Mention(handle), ", please.") == f"Ask @{handle}, please."

    @pytest.mark.parametrize(
        ("before", "after"),
        [("x", ""), ("", "x"), ("", "-x"), ("", "/support"), ("", "_"), ("@", ""), ("a.", ".b"), ("`", "`")],
    )
    def test_are_neither_broken_nor_lengthened_by_what_is_beside_them(self, before: str, after: str) -> None:
        text = rendered(line(before, Mention("sam"), after)).text
        assert re.search(r"(?<![\w/@.&+`-])@sam(?![\w/@`-]|\.+\w)", text)

    def test_end_a_sentence(self) -> None:
        assert line("Ask ", Mention("sam"), ".") == "Ask @sam."

    @pytest.mark.parametrize("handle", ["", "sam erin", "sam\n@erin", "sam](x)", "acme/../support", "<b>"])
    def test_that_name_nobody_are_plain_words(self, handle: str) -> None:
        assert_inert(line(Mention(handle)), expected(f"@{handle}"))


class TestLinks:
    def test_lead_to_an_address_of_the_web(self) -> None:
        written = line(Link("the [board]", "https://stages.example/board?a=1&b=2#c"))
        assert written == "[the \\[board\\]](https://stages.example/board?a=1&amp;b=2#c)"

    @pytest.mark.parametrize(
        "url",
        ["javascript:alert(1)", "data:text/html,x", "//example.org", "/path", "", "https://", "https://[", "ftp://x",
         "https://example.org@elsewhere.example/"],
    )  # fmt: skip
    def test_to_anything_else_are_only_their_words(self, url: str) -> None:
        assert line(Link("words", url)) == "words"

    @given(st.text(max_size=40), words)
    @example(") [x](https://evil.example", "x")
    @example('a "title', "x")
    @example("a&copy=1&#41;", "x")
    @example("\\)", "]")
    def test_are_one_link_whatever_the_address_and_the_words(self, tail: str, text: str) -> None:
        assume(expected(text))
        page = rendered(line("a!", Link(f"x {text}", f"https://stages.example/{tail}"), "z"))
        assert page.tags == ["p", "a"]
        assert seen(page.text) == "a!" + expected(f"x {text}") + "z"


class TestForms:
    def test_of_a_whole_text(self) -> None:
        text = (
            Heading(("Public Release",)),
            Items(
                (
                    Item((Bold("Support"), " was told"), done=True),
                    Item((Code("/stage ack"), " is awaited"), done=False, depth=1),
                    Item(("Nothing else",)),
                )
            ),
            Paragraph((Mention("acme/support"), ": please answer.")),
            Small(("Checked a minute ago.",)),
        )
        assert markdown(text) == (
            "### Public Release\n\n"
            "- [x] **Support** was told\n  - [ ] `/stage ack` is awaited\n- Nothing else\n\n"
            "@acme/support: please answer.\n\n"
            "<sub>Checked a minute ago.</sub>"
        )

    def test_an_item_is_never_deeper_than_one_step(self) -> None:
        written = markdown((Items((Item(("a",), depth=3), Item(("b",), depth=9), Item(("c",), depth=-1))),))
        assert written == "- a\n  - b\n- c"

    def test_what_is_empty_leaves_no_trace(self) -> None:
        assert markdown((Heading(()), Paragraph(("",)), Small((Quoted(" "),)), Items(()), Paragraph((Bold(""),)))) == ""

    @pytest.mark.parametrize("text", ["x", "a`b", "`a`", "``", "`", "a``b`c", "@sam <b> **x** #12"])
    def test_typewriter_letters_show_what_they_are_given(self, text: str) -> None:
        page = rendered(line("say ", Code(text), " now"))
        assert page.tags == ["p", "code"]
        assert page.text.strip() == f"say {text} now"
