"""The marker by which we recognise our own words: nobody else can make one, and none fits another issue."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.stages.model import Ref
from integration.stages.texts.markers import Marker, _mac, read, write

REF, OTHER = Ref.parse("acme/app#12"), Ref.parse("acme/app#13")
KEY = b"a key of ours"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= "
marks = st.builds(
    Marker, st.text(max_size=40), st.dictionaries(st.text(max_size=8).filter("key".__ne__), st.text(max_size=20))
)


@given(marks)
def test_what_is_written_is_read(marker: Marker) -> None:
    assert read(write(marker, REF, KEY), [str(REF)], KEY) == marker


@given(marks)
def test_a_token_holds_nothing_that_a_tracker_would_change(marker: Marker) -> None:
    assert set(write(marker, REF, KEY)) <= set(ALPHABET) - {"=", " "}


def test_white_space_around_it_does_no_harm() -> None:
    assert read(f" {write(Marker('living'), REF, KEY)}\n", [str(REF)], KEY) == Marker("living")


TOKEN = write(Marker("block:7", {"attempt": "7", "to": "public"}), REF, KEY)


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_no_character_can_be_changed_or_left_out(place: int) -> None:
    for other in ("A", "b", "0", "-", "_", ".", "=", "é"):
        if other != TOKEN[place]:
            assert read(TOKEN[:place] + other + TOKEN[place + 1 :], [str(REF)], KEY) is None
    assert read(TOKEN[:place] + TOKEN[place + 1 :], [str(REF)], KEY) is None


@given(st.text(ALPHABET, max_size=60), st.text(max_size=20))
def test_nothing_that_is_made_up_is_ours(payload: str, mac: str) -> None:
    assert read(f"{payload}.{mac}", [str(REF)], KEY) is None


def test_it_fits_no_other_issue_and_no_other_key() -> None:
    assert read(TOKEN, [str(OTHER)], KEY) is None
    assert read(TOKEN, [], KEY) is None
    assert read(TOKEN, [str(REF)], b"another key") is None


def test_it_still_fits_an_issue_that_has_moved_house() -> None:
    assert read(TOKEN, [str(OTHER), str(REF)], KEY) == Marker("block:7", {"attempt": "7", "to": "public"})


@pytest.mark.parametrize(
    "payload",
    ["", "e30", base64.urlsafe_b64encode(json.dumps({"key": 7}).encode()).decode().rstrip("="), "W10", "MQ", "_w", "*"],
    ids=["empty", "no key", "a key that is no text", "a list", "a number", "no text", "no base64"],
)
def test_what_has_a_good_seal_but_no_sense_is_no_marker(payload: str) -> None:
    assert read(f"{payload}.{_mac(payload, str(REF), KEY)}", [str(REF)], KEY) is None
