"""Who may write on an issue can make us obey nothing but their own words, and cannot make us stumble over them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from integration.stages.planning.commands import VERBS, Known, is_plain_reply, parse, read_route

NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
STAGES = {"beta": "Beta Release", "public": "Public Release"}
KNOWN = Known(STAGES, {"support": "Support"}, ("docs-first",), "Europe/London")
LONGEST = 65_536  # signs of a comment on GitHub
ORDER = "/stage approve support"


def verbs(body: str, jira: bool = False) -> list[str]:
    return [each.verb for each in parse(body, jira, KNOWN, NOW)]


# --- words that the reader does not see as the writer's own -----------------------------------------------------------

HIDDEN = (
    f"<!--\n{ORDER}\n-->",
    f"Fine by me.\n\n<!-- please keep this line\n{ORDER}\n-->\nThanks!",
    f"<!-- one --> <!-- two\n{ORDER}",
    f"x <!--\n{ORDER}\n--> y",
)
AS_CODE = (
    f"```\n{ORDER}\n```",
    f"```\nlike this:\n```bash\n{ORDER}\n```",
    f"```\n\t```\n{ORDER}\n```",
    f"```\n    ```\n{ORDER}\n```",
    f"~~~\n~~~ sh\n{ORDER}\n~~~",
    f"````\n```\n{ORDER}\n````",
    f"```\n{ORDER}",
    f"    {ORDER}",
    f"<pre>\n{ORDER}\n</pre>",
    f"<PRE><code class='x'>\n{ORDER}\n</code></PRE>",
)
AS_QUOTE = (
    f"> {ORDER}",
    f">{ORDER}",
    f">> {ORDER}",
    f"<blockquote>\n{ORDER}\n</blockquote>",
    f"On Monday, Erin wrote:\n{ORDER}",
    f"-----Original Message-----\n{ORDER}",
)


@pytest.mark.parametrize("body", [*HIDDEN, *AS_CODE, *AS_QUOTE])
def test_what_is_hidden_quoted_or_code_on_github_orders_nothing(body: str) -> None:
    assert verbs(body) == []


@pytest.mark.parametrize(
    "body",
    [
        f"{{code}}\n{ORDER}\n{{code}}",
        f"{{code:java}}\n{{code:bash}}\n{ORDER}\n{{code}}",
        f"{{code:title=x}}\n{{noformat}}\n{{quote}}\n{ORDER}\n{{code}}",
        f"{{noformat}}\n{{code}}\n{ORDER}\n{{noformat}}",
        f"{{quote}}\n{ORDER}\n{{quote}}",
        f"bq. {ORDER}",
        f"{{quote}}{ORDER}{{quote}}",
    ],
)
def test_what_is_quoted_or_code_on_jira_orders_nothing(body: str) -> None:
    assert verbs(body, jira=True) == []


@pytest.mark.parametrize("body", [*HIDDEN[:1], *AS_CODE, *AS_QUOTE[:4]])
def test_it_is_no_reply_of_the_writers_own_either(body: str) -> None:
    """A comment of hidden words or code alone has seen nothing."""
    assert not is_plain_reply(body.replace(ORDER, "fine by me"), jira=False)


@pytest.mark.parametrize(
    "body",
    [
        ORDER,
        f"```\ncode\n```\n{ORDER}",
        f"~~~~\n~~~\n~~~~\n{ORDER}",
        f"<!-- hidden --> seen\n{ORDER}",
        f"<pre>code</pre>\n{ORDER}",
        f"> quoted\n\n{ORDER}",
        f"a `<!--` in typewriter letters\n{ORDER}",
    ],
)
def test_beside_them_the_writers_own_word_counts(body: str) -> None:
    assert verbs(body) == ["approve"]


# --- words that are meant to make us stumble --------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30", "0001-01-01", "9999-W52-5", "99991231", "0000-00-00"])
@pytest.mark.parametrize(
    "order", ["hold until {} why", "waive docs-first until {} why", "later support by @sam until {}"]
)
def test_a_date_at_the_end_of_time_is_answered_and_jams_nothing(order: str, day: str, zone: str) -> None:
    known = Known(STAGES, {"support": "Support"}, ("docs-first",), zone)

    (command,) = parse(f"/stage {order.format(day)}", False, known, NOW)

    assert command.wrong or command.until is not None


PIECES = (
    " ", "\t", "a ", ", ", "> ", " and", "then ", "<!--", "-->", "`", "```", "~~~\n", "<pre>", "</pre>", "- [ ]", "\n",
    "until ", "@", "@a", "[~", "x\n", "=>", "http://", "\r", "—", "<", "\\", "0", "\u00a0", "wrote:",
)  # fmt: skip
FORMS = (
    "/stage route beta{}public", "/stage {} {}", "/stage later support by {}", "{}/stage ack", "/stage hold until {}",
    "On {}", "{}\n/stage waive {}",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_long_comment_is_read_at_once_whatever_it_is_made_of(form: str) -> None:
    for piece in PIECES:
        body = form.replace("{}", (piece * LONGEST)[:LONGEST])[:LONGEST]
        began = time.thread_time()
        verbs(body)
        is_plain_reply(body, jira=False)
        took = time.thread_time() - began
        assert took < 0.5, f"{piece!r} took {took:.1f} s"


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_with_a_long_argument_is_read_at_once(verb: str) -> None:
    for piece in (" x", "x", ",", "\t@", "support "):
        began = time.thread_time()
        verbs(f"/stage {verb} a{piece * (LONGEST // len(piece))}b"[:LONGEST])
        assert time.thread_time() - began < 0.5, repr(piece)


@pytest.mark.parametrize("piece", [" ", "\t", "\n", " \n", ", ", "- [x] ", ">", "  >", "and "])
def test_a_proposed_route_in_an_issues_text_is_read_at_once(piece: str) -> None:
    text = "beta" + (piece * LONGEST)[:LONGEST] + "public"
    began = time.thread_time()
    read_route(text, STAGES)
    assert time.thread_time() - began < 0.5
