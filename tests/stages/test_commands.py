"""What people write on issues, read as commands on both trackers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.stages.planning.commands import VERBS, Command, Known, is_plain_reply, own_lines, parse

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)  # a Tuesday
KNOWN = Known(
    stages={"beta": "Beta Release", "public": "Public Release"},
    parties={"support": "Support", "growth": "Growth team", "release-managers": "Release managers"},
    rules=("support-before-public", "beta-soak"),
    time_zone="Europe/London",
)
BOTH = pytest.mark.parametrize("jira", [False, True], ids=["github", "jira"])


def read(body: str, jira: bool = False, known: Known = KNOWN, now: datetime = NOW) -> tuple[Command, ...]:
    return parse(body, jira, known, now)


def one(body: str, jira: bool = False) -> Command:
    (command,) = read(body, jira)
    return command


def verbs(body: str, jira: bool) -> list[str]:
    return [command.verb for command in read(body, jira)]


# --- where a command stands -----------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("/stage ack", ["ack"]),
        ("/stage", ["help"]),
        ("/stage   ack  ", ["ack"]),
        ("/stage\tack", ["ack"]),
        ("/Stage ACK", ["ack"]),
        ("Thanks!\n/stage ack\nbye", ["ack"]),
        ("/stage ack\r\n/stage hold the fair", ["ack", "hold"]),
        (" /stage ack", []),
        ("please /stage ack", []),
        ("/stages ack", []),
        ("/stageack", []),
        ("/stage-ack", []),
        ("", []),
        ("> /stage ack", []),
        (">/stage ack", []),
        ("    /stage ack", []),
        ("\t/stage ack", []),
        ("ok\n\nOn Mon, 7 Dec 2026 at 10:00, Sam <sam@acme.example> wrote:\n/stage ack", []),
        ("ok\n-----Original Message-----\n/stage ack", []),
        ("ok\n________________________________\n/stage ack", []),
        ("ok\n-- \n/stage ack", []),
        ("/stage ack\n-- \nSam\n/stage hold no", ["ack"]),
        ("On the whole fine, he wrote\n/stage ack", ["ack"]),
    ],
)
def test_a_command_stands_at_the_start_of_a_line_that_its_writer_wrote(body: str, found: list[str], jira: bool) -> None:
    assert verbs(body, jira) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("```\n/stage ack\n```", []),
        ("```\n/stage ack\n```\n/stage hold x", ["hold"]),
        ("~~~\n/stage ack\n```\n/stage ack\n~~~\n/stage hold x", ["hold"]),
        ("````\n```\n/stage ack\n````\n/stage hold x", ["hold"]),
        ("   ```sh\n/stage ack", []),
        ("{code}\n/stage ack\n{code}", ["ack"]),
    ],
)
def test_on_github_code_is_not_read(body: str, found: list[str]) -> None:
    assert verbs(body, jira=False) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("{code}\n/stage ack\n{code}", []),
        ("{code:java}\n/stage ack\n{code}\n/stage hold x", ["hold"]),
        ("{noformat}\n/stage ack\n{noformat}", []),
        ("{quote}\n/stage ack\n{quote}\n/stage hold x", ["hold"]),
        ("{quote}\n{code}\n{quote}\n/stage hold x", ["hold"]),
        ("{CODE}\n/stage ack\n{Code}\n/stage hold x", ["hold"]),
        ("bq. /stage ack", []),
        ("```\n/stage ack\n```", ["ack"]),
    ],
)
def test_on_jira_code_and_quotes_are_not_read(body: str, found: list[str]) -> None:
    assert verbs(body, jira=True) == found


@BOTH
@pytest.mark.parametrize(
    ("body", "plain"),
    [
        ("Thanks, we have read it.", True),
        ("", False),
        ("> quoted only", False),
        ("/stage ack", False),
        ("Thanks\n/stage ack", False),
        ("> quoted\nThanks", True),
        ("\n  \n", False),
    ],
)
def test_a_plain_reply_has_words_of_its_writer_and_no_command(body: str, plain: bool, jira: bool) -> None:
    assert is_plain_reply(body, jira) is plain


def test_own_lines_leaves_out_what_others_wrote() -> None:
    assert list(own_lines("a\n> b\nc\n-- \nd", jira=False)) == ["a", "c"]


# --- what it says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/stage help", Command("help")),
        ("/stage status", Command("status")),
        ("/stage recheck now", Command("recheck", "now")),
        ("/stage resume", Command("resume")),
        ("/stage cancel we wait", Command("cancel", "we wait")),
        ("/stage check public", Command("check", stage="public")),
        ("/stage check PUBLIC RELEASE", Command("check", stage="public")),
        ("/stage ack", Command("ack")),
        ("/stage ack support", Command("ack", party="support")),
        ("/stage ack Growth Team", Command("ack", party="growth")),
        ("/stage ack support: looks fine", Command("ack", "looks fine", "support")),
        ("/stage ack looks fine", Command("ack", "looks fine")),
        ("/stage approve support, well done", Command("approve", "well done", "support")),
        ("/stage approve release-managers", Command("approve", party="release-managers")),
        ("/stage needs-work the help page", Command("needs-work", "the help page")),
        ("/stage needs-work support the help page", Command("needs-work", "the help page", "support")),
        ("/stage hold the fair", Command("hold", "the fair")),
        ("/stage waive beta-soak it is urgent", Command("waive", "it is urgent", rule="beta-soak")),
    ],
)
@BOTH
def test_what_each_command_says(body: str, command: Command, jira: bool) -> None:
    assert one(body, jira) == command


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("/stage akc", "there is no command 'akc'; did you mean 'ack'?"),
        ("/stage apprve", "did you mean 'approve'?"),
        ("/stage xyzzy", f"there are: {', '.join(VERBS)}"),
        ("/stage check", "say which stage: beta, public"),
        ("/stage check publik", "there is no stage 'publik'; did you mean 'public'?"),
        ("/stage check nowhere", "there are: beta, public"),
        ("/stage ack suport", "there is no party 'suport'; did you mean 'support'?"),
        ("/stage needs-work", "say what is missing"),
        ("/stage needs-work support", "say what is missing"),
        ("/stage hold", "say why"),
        ("/stage hold until 2026-12-24", "say why"),
        ("/stage hold until Christmas the fair", "write the date as"),
        ("/stage hold until", "write the date as"),
        ("/stage hold until 2026-12-07 the fair", "2026-12-07 is over"),
        ("/stage hold until 2026-13-01 the fair", "write the date as"),
        ("/stage waive", "say which rule"),
        ("/stage waive beta-soka because", "there is no rule 'beta-soka'; did you mean 'beta-soak'?"),
        ("/stage waive beta-soak", "a waiver needs its reason"),
        ("/stage waive beta-soak until 2026-12-24", "a waiver needs its reason"),
    ],
)
def test_a_wrong_command_says_what_is_wrong_with_it(body: str, wrong: str) -> None:
    assert wrong in one(body).wrong


def test_a_reason_can_be_left_out_where_the_file_says_so() -> None:
    (command,) = read("/stage waive beta-soak", known=replace(KNOWN, reason_required=False))

    assert (command.wrong, command.rule) == ("", "beta-soak")


def test_what_is_wrong_in_one_line_does_not_spoil_the_others() -> None:
    assert [(one.verb, bool(one.wrong)) for one in read("/stage akc\n/stage ack")] == [("akc", True), ("ack", False)]


# --- dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "ends"),
    [
        ("2026-12-24", datetime(2026, 12, 25, 0, tzinfo=UTC)),
        ("2027-07-01", datetime(2027, 7, 1, 23, tzinfo=UTC)),
        ("today", datetime(2026, 12, 9, 0, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 12, 10, 0, tzinfo=UTC)),
        ("Tomorrow,", datetime(2026, 12, 10, 0, tzinfo=UTC)),
        ("wed", datetime(2026, 12, 10, 0, tzinfo=UTC)),
        ("Monday:", datetime(2026, 12, 15, 0, tzinfo=UTC)),
        ("tuesday", datetime(2026, 12, 16, 0, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("verb", ["hold", "waive beta-soak"])
def test_until_a_date_means_until_that_day_is_over_in_the_files_zone(verb: str, word: str, ends: datetime) -> None:
    command = one(f"/stage {verb} until {word} the fair is on")

    assert (command.until, command.text, command.wrong) == (ends, "the fair is on", "")


def test_the_day_is_that_of_the_files_zone() -> None:
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)  # in London it is already the second

    (command,) = read("/stage hold until today the fair", now=late)

    assert command.until == datetime(2026, 7, 2, 23, 0, tzinfo=UTC)


def test_until_needs_to_be_the_first_word() -> None:
    assert one("/stage hold we wait until 2026-12-24") == Command("hold", "we wait until 2026-12-24")
