"""One version of the rules is in force for all, and whoever waits for something is looked at again when it changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis

from integration.memory.copies import Copies
from integration.memory.ledger import Card, Ledger
from integration.memory.versions import Own, Under
from integration.stages.entries import Frozen
from integration.stages.model import Ref

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = NOON + timedelta(hours=6)
APP, WEB, JIRA = Ref.parse("acme/app#12"), Ref.parse("acme/web#3"), Ref.parse("jira:main/APP-7")
FIRST, SECOND = "a" * 64, "b" * 64


def card(wanted: str | None = "public", under: Under | None = None) -> Card:
    return Card("Export", "u", "beta", look_again_at=LATER, wanted=wanted, looked_under="one", under=under)


def asking(ledger: Ledger, *refs: Ref, wanted: str | None = "public") -> None:
    """Features that want a stage, and are to be looked at again in six hours."""
    for ref in refs:
        ledger.append(ref, [], ledger.read(ref).seq, NOON, card(wanted))


def test_the_version_in_force_is_the_last_that_was_taken_also_when_it_was_taken_before(ledger: Ledger) -> None:
    assert ledger.versions.in_force() == ""
    for hash in ("one", "two", "one"):
        ledger.versions.take(hash, f"version: {hash}\n", NOON)
        assert ledger.versions.in_force() == hash
    assert ledger.versions.text("two") == "version: two\n"
    assert ledger.versions.text("three") is None


def test_a_new_version_wakes_all_that_is_asked_for_and_nothing_else(ledger: Ledger) -> None:
    settled = Ref.parse("acme/app#13")
    asking(ledger, APP, WEB, JIRA)
    asking(ledger, settled, wanted=None)
    ledger.versions.take("one", "1", NOON)
    assert set(ledger.due(NOON, 10)) == {APP, WEB, JIRA}
    asking(ledger, APP, WEB, JIRA)

    ledger.versions.take("one", "1", NOON + MINUTE)
    assert ledger.due(NOON + MINUTE, 10) == (), "it was in force before"
    ledger.versions.take("two", "2", NOON + MINUTE)
    assert set(ledger.due(NOON + MINUTE, 10)) == {APP, WEB, JIRA}


def test_a_frozen_feature_is_not_woken(ledger: Ledger) -> None:
    asking(ledger, APP)
    ledger.append(APP, [Frozen(NOON, "deleted")], 0, NOON)
    ledger.versions.take("one", "1", NOON)
    assert ledger.due(NOON, 10) == ()


@pytest.mark.parametrize(("under", "is_late"), [(Under("one"), True), (Under("two"), False), (None, False)])
def test_a_look_under_a_version_that_is_past_when_it_is_written_down_is_taken_again(
    ledger: Ledger, under: Under | None, is_late: bool
) -> None:
    ledger.versions.take("one", "1", NOON)
    ledger.versions.take("two", "2", NOON + MINUTE)
    ledger.append(APP, [], 0, NOON + MINUTE, card(under=under))
    assert ledger.due(NOON + MINUTE, 10) == ((APP,) if is_late else ())


# --- a repository's own -------------------------------------------------------------------------------------------


def test_the_last_good_version_of_a_repositorys_file_is_kept_beside_what_is_there_now(ledger: Ledger) -> None:
    assert ledger.versions.own("acme/app") is None
    for own in (Own(FIRST, NOON), Own(FIRST, NOON + MINUTE, faulty=True), Own("", NOON + 2 * MINUTE)):
        ledger.versions.keep_own("Acme/App", own, "version: 1\n", NOON)
        assert ledger.versions.own("acme/app") == own
    assert ledger.versions.own_text(FIRST) == "version: 1\n"
    assert ledger.versions.text(FIRST) is None, "it is no mappings.yaml"


def test_of_two_readings_the_later_one_stands(ledger: Ledger) -> None:
    ledger.versions.keep_own("acme/app", Own(SECOND, NOON + MINUTE), "2", NOON)
    ledger.versions.keep_own("acme/app", Own(FIRST, NOON), "1", NOON)
    assert ledger.versions.own("acme/app") == Own(SECOND, NOON + MINUTE)


def test_a_changed_file_wakes_what_is_asked_for_in_its_repository_alone(ledger: Ledger) -> None:
    alike = Ref.parse("acme/app2#1")
    asking(ledger, Ref.parse("Acme/App#12"), WEB, JIRA, alike)
    ledger.versions.keep_own("acme/app", Own("", NOON), "", NOON)
    assert ledger.due(NOON, 10) == (), "there was none, and there is none"
    ledger.versions.keep_own("acme/app", Own(FIRST, NOON + MINUTE), "1", NOON)
    assert ledger.due(NOON, 10) == (Ref.parse("Acme/App#12"),)


def test_a_look_under_another_version_of_the_repositorys_file_is_taken_again(ledger: Ledger) -> None:
    ledger.versions.take("one", "1", NOON)
    ledger.versions.keep_own("acme/app", Own(FIRST, NOON), "1", NOON)
    ledger.append(APP, [], 0, NOON, card(under=Under("one", FIRST)))
    assert ledger.due(NOON, 10) == ()
    ledger.append(APP, [], ledger.read(APP).seq, NOON, card(under=Under("one", "")))
    assert ledger.due(NOON, 10) == (APP,)


def test_a_new_mappings_yaml_has_every_repositorys_file_read_again(ledger: Ledger) -> None:
    ledger.versions.take("one", "1", NOON)
    ledger.versions.keep_own("acme/app", Own(FIRST, NOON), "1", NOON)
    ledger.versions.take("two", "2", NOON + MINUTE)
    assert ledger.versions.own("acme/app") == Own(FIRST, None)
    ledger.versions.keep_own("acme/app", Own(FIRST, NOON), "1", NOON)
    assert ledger.versions.owns() == {"acme/app": Own(FIRST, NOON)}


def test_a_repository_that_may_have_none_any_more_is_forgotten_and_what_it_asked_is_judged_anew(
    ledger: Ledger,
) -> None:
    asking(ledger, APP)
    ledger.versions.keep_own("acme/app", Own("", NOON), "", NOON)
    ledger.versions.forget_own("acme/app", NOON)
    assert (ledger.versions.own("acme/app"), ledger.due(NOON, 10)) == (None, (APP,))


# --- who has which ------------------------------------------------------------------------------------------------


def test_each_machine_tells_what_it_has_and_is_forgotten_when_it_is_silent(redis_client: redis.Redis) -> None:
    copies = Copies(redis_client)
    copies.tell("web-1:/etc/mappings.yaml", "one", NOON)
    copies.tell("web-2:/etc/mappings.yaml", "two", NOON + MINUTE / 2)
    copies.tell("web-1:/etc/mappings.yaml", "three", NOON + MINUTE / 2)
    assert copies.told(NOON + MINUTE) == {"web-1:/etc/mappings.yaml": "three", "web-2:/etc/mappings.yaml": "two"}
    assert copies.told(NOON + 3 * MINUTE) == {}
    assert redis_client.keys("release-stages:copies") == []
