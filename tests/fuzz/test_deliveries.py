"""Deliveries that are signed and yet wrong: each is answered, none is our fault, and the next good one is taken."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.trackers.deliveries import Delivery, Malformed, Unsigned, github, jira, mask
from tests.fuzz.conftest import Web
from tests.fuzz.hostile import GITHUB_SECRET, HOSTILE, JIRA_SECRET, Path_, Told, as_bytes, good, recorded, sign
from tests.whole import some

RECORDED = recorded()
_NUMBERS = count()
EVERY = 199  # of the product of fields and values, the quick test takes each so manieth


def changed(told: Told) -> list[tuple[Path_, int]]:
    """Each field with each hostile value, by the value's place."""
    return [(way, place) for way in told.fields() for place in range(len(HOSTILE))]


def is_answered(web: Web, told: Told, way: Path_, place: int) -> None:
    body = told.with_one(way, HOSTILE[place])
    status = web.ask("POST", told.path, body, told.signed(body))
    assert status in (202, 400), f"{told.name}: {'.'.join(map(str, way))} = {HOSTILE[place]!r:.60}: {status}"


def a_good_one_is_taken(web: Web, told: Told) -> None:
    headers, body = good(told, f"good-{next(_NUMBERS)}")
    assert web.ask("POST", told.path, body, headers) == 202


def test_whatever_stands_in_one_field_it_is_answered_and_the_next_good_delivery_is_taken(web: Web) -> None:
    """Every field at least once, every value many times; the drill does each with each."""
    for told in RECORDED:
        for number, way in enumerate(told.fields()):
            is_answered(web, told, way, number % len(HOSTILE))
        for way, place in changed(told)[::EVERY]:
            is_answered(web, told, way, place)
        a_good_one_is_taken(web, told)
    assert web.process.poll() is None
    assert "unexpected error" not in web.log.read_text()


@pytest.mark.drill
@pytest.mark.parametrize("told", RECORDED, ids=lambda told: f"{told.tracker}-{told.name}")
def test_whatever_stands_in_whichever_field_it_is_answered(web: Web, told: Told) -> None:
    for way, place in changed(told):
        is_answered(web, told, way, place)
    a_good_one_is_taken(web, told)
    assert "unexpected error" not in web.log.read_text()


@pytest.mark.parametrize("depth", [50, 900, 5000, 200_000])
@pytest.mark.parametrize("opens", ["[", '{"a":', '{"issue":{"number":['])
def test_a_body_that_is_nested_without_end_is_the_senders_fault(web: Web, depth: int, opens: str) -> None:
    told = RECORDED[0]
    body = opens.encode() * depth
    assert web.ask("POST", told.path, body, told.signed(body)) == 400
    whole = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    assert web.ask("POST", told.path, whole, told.signed(whole)) in (202, 400)
    a_good_one_is_taken(web, told)


# --- the pure reading, with what Hypothesis thinks of -----------------------------------------------------------------

WORDS = st.text(max_size=40) | st.sampled_from(["issues", "issue_comment", "label", "jira:issue_updated", "ping"])
NAMES = st.sampled_from(
    [
        "X-GitHub-Event", "X-GitHub-Delivery", "X-GitHub-Hook-ID", "Content-Type", "X-Hub-Signature",
        "X-Hub-Signature-256", "X-Atlassian-Webhook-Identifier", "x-github-event",
    ]
)  # fmt: skip
HEADERS = st.dictionaries(NAMES, WORDS | st.just("application/x-www-form-urlencoded"), max_size=8)
KEYS = st.sampled_from(
    ["issue", "key", "number", "repository", "full_name", "changelog", "items", "webhookEvent", "id"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
)
FORMS = st.binary(max_size=60).map(lambda some: b"payload=" + some)
BODIES = st.binary(max_size=200) | JSON.map(as_bytes) | FORMS


def reads(headers: dict[str, str], body: bytes) -> None:
    """Signed right, it is a `Delivery` or `Malformed`; signed wrong, it is `Unsigned`, whatever else is wrong."""
    signed = {"X-Hub-Signature-256": sign(body, GITHUB_SECRET), "X-Hub-Signature": sign(body, JIRA_SECRET)}
    others = {name: value for name, value in headers.items() if name not in signed}
    lower = {name.lower(): value for name, value in {**others, **signed}.items()}
    for read in (
        lambda given: github(given, body, ("old", GITHUB_SECRET)),
        lambda given: jira(given, body, "main", (JIRA_SECRET,), False),
    ):
        try:
            found = read(lower)
        except Malformed as error:
            assert "\n" not in str(error)
        else:
            assert isinstance(found, Delivery)
            assert all(str(hint.ref).isprintable() and len(str(hint.ref)) < 512 for hint in found.hints)
            assert (found.id + found.event).isprintable()
        with pytest.raises(Unsigned):
            read({name.lower(): value for name, value in others.items()})
        with pytest.raises(Unsigned):
            read(lower | dict.fromkeys(("x-hub-signature", "x-hub-signature-256"), sign(body, "another")))


@settings(max_examples=some(150), deadline=None)
@given(HEADERS, BODIES)
def test_any_signed_bytes_are_a_delivery_or_malformed(headers: dict[str, str], body: bytes) -> None:
    reads(headers, body)


@pytest.mark.drill
@settings(max_examples=30_000, deadline=None)
@given(HEADERS, BODIES)
def test_any_signed_bytes_are_a_delivery_or_malformed_at_length(headers: dict[str, str], body: bytes) -> None:
    reads(headers, body)


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["/webhooks/", "/WEBHOOKS//", "//webhooks/"]))
def test_a_path_in_the_log_holds_no_secret_of_an_address(secret: str, rest: str, start: str) -> None:
    for path in (f"jira/main/hunter2{secret}/{rest}", f"jira/hunter2{secret}", f"hunter2{secret}/{rest}"):
        assert "hunter2" not in mask(start + path, ("main",))
