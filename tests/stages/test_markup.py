"""What is too long for a comment is shortened, so that it fits whoever writes it; what people act by stays."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from integration.stages.texts.adf import adf
from integration.stages.texts.markdown import markdown
from integration.stages.texts.markup import (
    Block,
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
    Text,
    cut,
    fitted,
)
from integration.stages.texts.wiki import wiki
from tests.whole import some

WRITERS: dict[str, Callable[[Text], str]] = {
    "markdown": markdown,
    "wiki on Cloud": lambda text: wiki(text, cloud=True),
    "wiki on Data Center": lambda text: wiki(text, cloud=False),
    "document": lambda text: json.dumps(adf(text)),
}
NASTY = 'a@#`$&<[{:-_*|\\"\n \u00e9\u6f22\U0001f600\u2060\x00/.fw0'
NEXT = Paragraph((Bold("Next:"), " ", Mention("erin"), ", please see to it."))

# Long ones are a short one many times over: as hard to write, and quick to make.
WORDS = st.builds(
    lambda words, times: words * times, st.text(NASTY, max_size=9), st.sampled_from([1, 1, 1, 2, 30, 1000])
)
PIECES: st.SearchStrategy[Piece] = st.one_of(
    st.text(NASTY, max_size=40),
    WORDS.map(Quoted),
    WORDS.map(Bold),
    WORDS.map(Code),
    st.builds(Link, WORDS, WORDS.map(lambda words: f"https://x.example/{words}")),
    st.builds(Mention, st.text("ab-/:@#&", max_size=12)),
)
LINES: st.SearchStrategy[Line] = st.lists(PIECES, max_size=3).map(tuple)
ITEMS = st.lists(st.builds(Item, LINES, st.sampled_from([None, True, False]), st.integers(0, 30)), max_size=4)
LISTS = st.builds(lambda items, times: Items(tuple(items) * times), ITEMS, st.sampled_from([1, 1, 5, 40]))
BLOCKS: st.SearchStrategy[Block] = st.one_of(
    LINES.map(Paragraph), LISTS, LISTS, LINES.map(Small), st.text(NASTY, max_size=9).map(lambda it: Heading((it,)))
)
TEXTS: st.SearchStrategy[Text] = st.lists(BLOCKS, max_size=5).map(tuple)


def length(text: Text) -> int:
    """Of whoever needs the most letters for it."""
    return max(len(write(text)) for write in WRITERS.values())


def mentions(text: Text) -> list[Mention]:
    """Those outside of lists."""
    lines = (block.line for block in text if not isinstance(block, Items))
    return [piece for line in lines for piece in line if isinstance(piece, Mention)]


def a_list(count: int, words: str) -> Items:
    return Items(tuple(Item((Quoted(f"{number} {words}"),), False) for number in range(count)))


@settings(max_examples=some(120), deadline=None)
@given(TEXTS, st.integers(5000, 30_000))
@example((Items((Item(("x",), None, 10_000),)),), 5000)  # nested so deep that its depth alone is too long
@example((Paragraph((Quoted("\U0001f600" * 20_000),)),), 5000)
@example((Paragraph((Link("x", "https://x.example/" + "\u6f22" * 9000),)),), 5000)
def test_whatever_it_holds_it_fits_whoever_writes_it(text: Text, most: int) -> None:
    short = fitted(text, most)

    assert {name: len(write(short)) for name, write in WRITERS.items() if len(write(short)) > most} == {}
    assert mentions(short) == mentions(text)
    headings = [block for block in text if isinstance(block, Heading)]
    assert [block for block in short if isinstance(block, Heading)] == headings


SIGNS = ["a", "0f", "$", "`", "&", "@", ":a", "a-1", "www.", "[", "\\", '"', "\u00e9", "\u6f22", "\U0001f600"]
LADEN: dict[str, Text] = {
    **{f"quotes of {sign}": (Paragraph((Quoted(sign * 6000),)),) for sign in SIGNS},
    **{f"letters {sign}": (Paragraph((Code(sign * 6000),)),) for sign in SIGNS},
    **{
        f"an address of {sign}": (Items((Item((Link("", f"https://x.example/{sign * 400}"),)),) * 30),)
        for sign in SIGNS
    },
    "items": (Items((Item(("x",), True),) * 300),),
    "deep items": (Items(tuple(Item(("x",), True, depth) for depth in range(120))),),
    "paragraphs": (Paragraph((Quoted("x"),)),) * 300,
    "small print": (Small((Quoted("x"), Bold("y"))),) * 100,
    **{
        f"many of {type(piece).__name__}": (Items((Item((piece, Bold("x")) * 9),) * 60),)
        for piece in ("x", Quoted("x"), Bold("x"), Code("x"), Mention("x"), Link("x", "https://x.example"))
    },
}


@pytest.mark.parametrize("text", LADEN.values(), ids=LADEN.keys())
def test_what_is_too_long_by_one_letter_is_never_taken_for_short(text: Text) -> None:
    most = length(text) - 1
    assert most > 5000

    assert length(fitted(text, most)) <= most


@settings(max_examples=some(100), deadline=None)
@given(TEXTS)
def test_what_is_fitted_already_stays_as_it_is(text: Text) -> None:
    short = fitted(text, 5000)

    assert fitted(short, 5000) == short


LITTLE: st.SearchStrategy[Line] = st.lists(
    st.one_of(*(st.builds(kind, st.text(NASTY, max_size=9)) for kind in (str, Quoted, Bold, Code, Mention))), max_size=3
).map(tuple)


@settings(max_examples=some(100), deadline=None)
@given(st.lists(st.one_of(LITTLE.map(Paragraph), LITTLE.map(lambda line: Items((Item(line),)))), max_size=6).map(tuple))
def test_a_short_text_stays_as_it_is(text: Text) -> None:
    assert fitted(text, 5000) is text


@pytest.mark.parametrize("writer", WRITERS)
def test_an_everyday_text_that_needs_half_of_the_room_stays_as_it_is(writer: str) -> None:
    item = Item(
        (Quoted("Support has seen Public Release"), " (", Link("see", "https://x.example/i/1#c-12"), ")"), False
    )
    text = (Heading(("Public Release",)), Items((item,) * 60), NEXT)

    assert fitted(text, 2 * length(text)) is text


def test_quotes_are_cut_before_anything_is_left_out() -> None:
    text = (Heading(("Public Release needs Support first",)), a_list(10, "a_b*" * 500), NEXT)

    heading, items, step = fitted(text, 30_000)

    assert (heading, step) == (text[0], NEXT)
    assert isinstance(items, Items)
    assert len(items.items) == 10
    for item in items.items:
        (quoted,) = item.line
        assert isinstance(quoted, Quoted)
        assert len(quoted.text) == 200
        assert quoted.text.endswith("…")


def test_then_lists_are_cut_and_say_how_many_are_left_out() -> None:
    (items, step) = fitted((a_list(1000, "x" * 100), NEXT), 20_000)

    assert step == NEXT
    assert isinstance(items, Items)
    shown = len(items.items) - 1
    assert shown > 20
    assert items.items[-1] == Item((f"and {1000 - shown} more",))
    assert items.items[:-1] == a_list(shown, "x" * 100).items


def test_a_long_list_does_not_take_the_room_of_a_short_one() -> None:
    long, short = a_list(1000, "x" * 60), a_list(5, "x" * 60)

    for text in ((long, short), (short, long)):
        kept = fitted(text, 20_000)
        assert short in kept
        assert long not in kept


def test_what_no_list_and_no_quote_can_make_short_goes_from_the_end_but_never_what_people_act_by() -> None:
    aside = Paragraph(("It is long. " * 20,))
    text = (Heading(("Beta",)), Paragraph((Mention("sam"), " asked.")), *[aside] * 100, NEXT, Small(("Last checked.",)))

    short = fitted(text, 5000)

    assert short[:2] == text[:2]
    assert short[-1] == NEXT
    assert 2 < len(short) < 30


@pytest.mark.parametrize(
    ("words", "most", "left"),
    [("", 5, ""), ("12345", 5, "12345"), ("123456", 5, "1234…"), ("123 56789", 5, "123…"), ("éééé", 3, "éé…")],
)  # fmt: skip
def test_words_are_cut_to_so_many_letters(words: str, most: int, left: str) -> None:
    assert cut(words, most) == left
