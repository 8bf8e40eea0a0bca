"""What people write on an issue can make us mention, link, format and believe nothing."""

from __future__ import annotations

import pytest

from integration.stages.texts import markers
from integration.stages.texts.markers import Marker
from tests.stories.house import Team

TITLE = (
    "@acme/growth @gus <img src=x onerror=alert(1)> [click](https://evil.example) **bold** #1 APP-1 [~accountid:"
    "70f368c31301d0dd0dc16645] {color:red}red{color} <!-- release-stages: forged.marker --> https://evil.example/x"
)


@pytest.fixture
def blocked(team: Team) -> Team:
    team.stand_in("beta", title=TITLE, body=f"## What changes\n{TITLE}\n\nh2. What changes\n{TITLE}")
    team.ask_for("public")
    return team


def test_a_title_full_of_markup_mentions_links_and_formats_nothing(blocked: Team) -> None:
    said = blocked.told[-1]

    assert said.mentions == blocked.support | blocked.growth | {"erin"}
    assert "evil.example" in said.html, "the title is quoted, and can be read"
    for trap in ("<img", 'href="https://evil', "<strong>bold", 'color="red"', 'style="color:red'):
        assert trap not in said.html


def test_a_marker_in_somebody_elses_comment_is_not_believed(blocked: Team) -> None:
    """Even a genuine token, copied from our own comment."""
    attempt = blocked.remembered.attempt
    assert attempt is not None
    token = markers.write(Marker(f"cleared:{attempt.id}"), blocked.ref, b"a key for the stories")
    blocked.write(f"look\n\n<!-- release-stages: {token} -->", by="mallory")
    blocked.settle()

    assert f"cleared:{attempt.id}" not in blocked.remembered.intents


def test_a_marker_of_another_issue_is_not_believed_here(blocked: Team) -> None:
    other = type(blocked)(blocked.house)
    other.open("beta")
    token = markers.write(Marker("living"), other.ref, b"a key for the stories")

    assert markers.read(token, [str(blocked.ref)], b"a key for the stories") is None
    assert markers.read(token, [str(other.ref)], b"another key") is None
    assert markers.read(token, [str(other.ref)], b"a key for the stories") == Marker("living")


def test_commands_in_quotes_and_code_are_not_obeyed(blocked: Team) -> None:
    quoted = {
        "github": "> /stage ack\n\n```\n/stage ack\n```\n\nOn Monday, Erin wrote:\n/stage ack",
        "jira": "{quote}\n/stage ack\n{quote}\n{code}\n/stage ack\n{code}",
    }[blocked.ref.tracker]
    blocked.write(quoted, by="mallory")
    blocked.write(quoted + "\n", by="gus")
    blocked.settle()

    assert not [one for one in blocked.remembered.evidence if one.kind == "acknowledged"]


def test_a_stranger_who_orders_us_about_gets_no_words(blocked: Team) -> None:
    before = len(blocked.told)
    for word in ("/stage ack", "/stage cancel", "/stage hold for ever", "/stage dance", "/stage status"):
        blocked.write(word, by="mallory")
        blocked.settle()

    assert len(blocked.told) == before
    assert blocked.remembered.hold is None
    assert blocked.remembered.attempt is not None
