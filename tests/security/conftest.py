"""Holes that are known and not mended yet: each names its tests, and goes from this table with its mending.

A row is strict: once the hole is closed its tests fail until the row is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Hole:
    """Tests by the function's name and, where not all of its cases fail, by parts of the cases' ids."""

    test: str
    reason: str
    cases: tuple[str, ...] = ()
    ends: bool = True  # False: not run, as it would take minutes

    def is_shown_by(self, item: pytest.Function) -> bool:
        """Whether this case fails because of it."""
        case = item.callspec.id if hasattr(item, "callspec") else ""
        return item.originalname == self.test and (not self.cases or any(each in case for each in self.cases))


_COMMANDS = "stages/planning/commands.py: own_lines and _until; the patch is with the lead"
_BETWEEN = "stages/planning/commands.py: _BETWEEN searches blanks in quadratic time"
_HIDDEN = ("<!--", "bash", "```\\n\\t```", "~~~ sh", "<pre>", "<PRE>", "<blockquote>")
NOT_YET = (
    Hole(
        "test_what_is_hidden_quoted_or_code_on_github_orders_nothing",
        _COMMANDS,
        _HIDDEN,
    ),
    Hole("test_what_is_quoted_or_code_on_jira_orders_nothing", _COMMANDS, ("code:bash",)),
    Hole("test_it_is_no_reply_of_the_writers_own_either", _COMMANDS, _HIDDEN),
    Hole("test_a_date_at_the_end_of_time_is_answered_and_jams_nothing", _COMMANDS, ("9999-12-31", "99991231")),
    Hole("test_a_long_comment_is_read_at_once_whatever_it_is_made_of", _BETWEEN, ("route",), ends=False),
    Hole("test_every_command_with_a_long_argument_is_read_at_once", _BETWEEN, ("route",), ends=False),
    Hole("test_a_proposed_route_in_an_issues_text_is_read_at_once", _BETWEEN, ends=False),
    Hole(
        "test_a_name_that_only_looks_like_theirs_is_somebody_else",
        "look.py _resolve, hearing.py _was_named_for, jira.py _who: casefold() makes ſ an s; lower() does not",
        ("u017f",),
    ),
    Hole(
        "test_a_name_of_an_issue_that_is_none_is_refused_in_plain_words",
        "stages/model.py: Ref.parse takes $ for the end and every digit of Unicode, and has no bounds",
    ),
    Hole(
        "test_a_hostile_file_is_refused_soon_and_in_words",
        "stages/file: forms.GlobOfRepositories has no length, and sense._meet takes the square of it",
        ("long patterns",),
        ends=False,
    ),
    Hole(
        "test_where_a_tracker_repeats_what_we_signed_in_with_it_goes_no_further",
        "trackers/github_wire.py _send, jira_wire.py _fail: a refusal is quoted as it came; mask it before it is read",
    ),
    Hole("test_every_exception_from_bandits_rules_says_why", "sandbox/hooks.py: `noqa: S311` without a word"),
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what fails because of a known hole."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        for hole in NOT_YET:
            if hole.is_shown_by(item):
                item.add_marker(pytest.mark.xfail(strict=hole.ends, run=hole.ends, reason=hole.reason))
