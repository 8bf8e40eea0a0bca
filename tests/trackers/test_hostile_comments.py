"""A comment that anybody may write, as long as Jira allows, is read in no time, whatever it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integration.stages.model import Ref
from integration.stages.planning import commands
from integration.trackers import jira_shapes

LONGEST = 32_767  # signs of a comment on Jira
UNNOTICED = 0.1  # seconds, in which there is nothing to compare
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KNOWN = commands.Known({"public": "Public"}, {"support": "Support"}, ("docs",), "UTC")
HOSTILE = (
    "{", "}", "{{", "{{ }", " {{", "{code:", "{code:x ", "{code}", "{code:}", "{quote:", "{noformat:x", "{{{code:",
    "[~", "[~a", "\\", "bq. ", "\nbq.", "\t", "\n", "\n\t", "{code:\n", "{{\n",
)  # fmt: skip


def mentioned(body: str) -> frozenset[str]:
    raw: dict[str, Any] = {"id": "1", "body": body, "created": "2026-03-02T09:00:00.000+0000"}
    return jira_shapes.comment("https://jira.acme.example", Ref.parse("APP-7"), raw).mentions


READERS: dict[str, Callable[[str], object]] = {
    "mentions": mentioned,
    "commands": lambda body: commands.parse(body, True, KNOWN, NOW),
    "a plain reply": lambda body: commands.is_plain_reply(body, True),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_comment_of_anything_costs_by_its_length_and_not_by_the_square_of_it(
    pattern: str, reader: Callable[[str], object]
) -> None:
    body = (pattern * LONGEST)[:LONGEST]
    whole, quarter = seconds(reader, body), seconds(reader, body[: LONGEST // 4])
    assert whole < UNNOTICED or whole < 10 * quarter, "four times as long may cost four times as much; a square is 16"


def seconds(reader: Callable[[str], object], body: str) -> float:
    """The least of three: what else the machine does only adds."""
    taken = []
    for _ in range(3):
        began = time.thread_time()
        reader(body)
        taken.append(time.thread_time() - began)
        if taken[-1] < UNNOTICED:
            break
    return min(taken)


PIECES = ("{", "}", "{{", "}}", "\n", "bq.", " ", "{code}", "{code:", "{quote}", "{noformat:x}", "[~sam]", "x", "\\")


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
@example("{code:{{}}[~sam]{code}")
@example("{{{code}[~sam]}}")
def test_a_mention_counts_if_and_only_if_no_code_or_quote_that_began_before_it_is_still_open(body: str) -> None:
    assert mentioned(body) == (frozenset({"sam"}) if _said(body) else frozenset())


def _said(body: str) -> bool:
    """Is `[~sam]` there, unescaped, outside of code and quotes? Read sign by sign, with no thought of time."""
    place = 0
    while place < len(body):
        rest = body[place:]
        line, starts_line = rest.split("\n")[0], "\n" in body[:place][-1:] or not place
        name = next((one for one in ("noformat", "code", "quote") if rest.startswith("{" + one)), "")
        head = rest[len(name) + 1 :]
        if name and head.startswith("}"):
            skipped, end = len(name) + 2, f"{{{name}}}"
        elif name and head.startswith(":") and "}" in line:
            skipped, end = rest.index("}") + 1, f"{{{name}}}"
        elif rest.startswith("{{") and "}}" in line[2:]:
            skipped, end = 2, "}}"
        elif starts_line and line.lstrip(" \t").startswith("bq."):
            place += len(line)
            continue
        else:
            escaped = (len(body[:place]) - len(body[:place].rstrip("\\"))) % 2
            if rest.startswith("[~sam]") and not escaped:
                return True
            place += 1
            continue
        closed = rest.find(end, skipped)
        place += closed + len(end) if closed >= 0 else len(rest)
    return False


def test_what_is_in_code_with_long_parameters_is_no_mention() -> None:
    assert mentioned("{code:title=" + "x" * 20_000 + "}\n[~sam]\n{code}[~gus]") == {"gus"}
