"""Who counts as one of a party, and who could pass for one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from integration import look
from integration.stages.file.mappings import Faulty, read
from integration.stages.model import Person, Ref
from integration.stages.planning.hearing import Doubt

FILE = """
version: 1
stages: {beta: Beta, public: Public}
parties:
  support:
    github: {users: [sam, Kim-Lee]}
    jira: {users: [sam, jörg], fallback: [kim]}
sources:
  - github: {repositories: ["acme/*"], labels: {beta: b, public: p}}
  - jira: {site: dc, projects: [APP], statuses: {beta: [B], public: [P]}}
"""


class NobodyKnows:
    """A tracker that is not to be asked."""

    def answer(self, *_: Any) -> bool:
        raise AssertionError("the file names them")


def is_in(handle: str, ref: str, id: str = "10042") -> bool | None:
    given: Any = SimpleNamespace(issue=SimpleNamespace(ref=Ref.parse(ref)), mappings=read(FILE))
    return look._resolve(NobodyKnows(), given, Doubt(Person(id, handle), "support"))  # type: ignore[arg-type]


@pytest.mark.parametrize("handle", ["sam", "Sam", "SAM"])
@pytest.mark.parametrize("ref", ["acme/app#1", "dc/APP-1"])
def test_capitals_make_no_other_person(handle: str, ref: str) -> None:
    assert is_in(handle, ref)


@pytest.mark.parametrize("handle", ["ſam", "ſAM", "jo\u0308rg", "s\u200bam", "ѕam", "sаm", "ｓam", "sam ", "sam\n"])
def test_a_name_that_only_looks_like_theirs_is_somebody_else(handle: str) -> None:
    """On a Data Center where anybody may sign up, a name is all that the file can go by."""
    assert not is_in(handle, "dc/APP-1")


@pytest.mark.parametrize("display", ["sam", "Sam", "10042"])
def test_what_somebody_calls_themselves_counts_for_nothing(display: str) -> None:
    given: Any = SimpleNamespace(issue=SimpleNamespace(ref=Ref.parse("dc/APP-1")), mappings=read(FILE))
    person = Person("666", "mallory", name=display)
    assert look._resolve(NobodyKnows(), given, Doubt(person, "support")) is False  # type: ignore[arg-type]


@pytest.mark.parametrize("login", ["ѕam", "sаm", "@sam", "sam\u200b", "ſam"])
def test_a_login_or_a_team_with_a_look_alike_in_it_is_a_fault_of_the_file(login: str) -> None:
    for text in (FILE.replace("users: [sam, Kim-Lee]", f'users: ["{login}"]'),
                 FILE.replace("{users: [sam, Kim-Lee]}", f'{{team: "acme/{login}"}}')):  # fmt: skip
        with pytest.raises(Faulty, match=r"is no (GitHub login|team)"):
            read(text)


NO_ISSUES = (
    "acme/app#1\n", "acme/app#١٢", "APP-٧", "acme/app#" + "9" * 30, "APP-" + "9" * 5000, "acme\x1b[2J/app#1",
    "acme/a\u202epp#1", "party:support\n", "a" * 300 + "/app#1",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_ISSUES, ids=map(str, range(len(NO_ISSUES))))
def test_a_name_of_an_issue_that_is_none_is_refused_in_plain_words(text: str) -> None:
    with pytest.raises(ValueError, match="names no issue") as refused:
        Ref.parse(text)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300
