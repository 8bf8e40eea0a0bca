"""Jira as the file has it, and as it is: each thing that can be wrong, and how it is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.sandbox import World
from integration.sandbox.people import PEOPLE
from integration.sandbox.serving import Served
from integration.settings import JiraSettings
from integration.trackers.jira_hooks import EVENTS
from tests.live.conftest import ADDRESS, Live, faults, fine, warnings

ONLY = "jira/main"


def test_where_all_is_well_it_says_what_was_looked_at(live: Live) -> None:
    found = live(only=ONLY)

    assert faults(found) == []
    assert warnings(found) == []
    assert "JIRA_EMAIL: we are signed in to Jira (main) as Release Stages" in fine(found)
    assert "Jira (main) APP: our account has every permission that it needs" in fine(found)


def test_data_center_is_compared_likewise(live: Live, served: Served, world: World) -> None:
    world.jira.flavour = "server"
    site = JiraSettings("main", served.jira_url, pat=PEOPLE["release-stages[bot]"].token, webhook_secrets=("s",))
    world.jira.create_issue("APP", "Out", "erin", status="Released")
    found = live(only=ONLY, jira=(site,), words={"{group: support-agents}": "{users: [sam, samm]}"})

    assert faults(found) == [
        '6: there is no account "samm" → write the account id (on Data Center: a user name) that the person has today'
    ]
    assert "JIRA_PAT: we are signed in to Jira (main) as Release Stages" in fine(found)
    assert "Jira (main) APP: ways lead back from Released (seen on APP-1)" in fine(found)


def test_a_project_that_is_not_there_is_named_with_the_nearest_that_is(live: Live) -> None:
    (fault,) = faults(live(words={"[APP]": "[APP, ONEE]"}, only=ONLY))
    assert fault.startswith("16: there is no project ONEE, or it is not for our account to see")
    assert 'did you mean "ONE"?' in fault


def test_a_status_that_no_project_has_is_a_fault_with_the_nearest_and_one_by_its_id_is_fine(live: Live) -> None:
    assert faults(live(words={"beta: [Beta]": "beta: [Betta]"}, only=ONLY)) == [
        '17: APP has no status "Betta", so that nothing shows this stage by it → did you mean "Beta"?'
    ]
    assert faults(live(words={"beta: [Beta]": 'beta: ["10003"]'}, only=ONLY)) == []


def test_a_site_that_the_environment_does_not_know_is_a_fault(live: Live) -> None:
    (fault,) = faults(live(words={"      projects: [APP]": "      site: mian\n      projects: [APP]"}, only=ONLY))
    assert fault == (
        '16: no Jira site "mian" is configured in the environment'
        ' → did you mean "main"? Else set JIRA_MIAN_URL, or take the source out'
    )


@pytest.mark.parametrize(
    ("permission", "says"),
    [
        ("BROWSE_PROJECTS", "there is no project APP"),
        ("ADD_COMMENTS", "our account lacks Add comments: nothing can be said there"),
        ("TRANSITION_ISSUES", "our account lacks Transition issues: nothing can be put back there"),
        ("USER_PICKER", "our account lacks User picker: who is in a group"),
    ],
)
def test_a_permission_that_is_missing_is_a_fault_with_what_does_not_work(
    live: Live, world: World, permission: str, says: str
) -> None:
    world.jira.denied.add(("release-stages[bot]", permission))
    assert any(says in one for one in faults(live(only=ONLY)))


@pytest.mark.parametrize("permission", ["EDIT_OWN_COMMENTS", "DELETE_OWN_COMMENTS", "ADMINISTER_PROJECTS"])
def test_a_permission_that_is_pleasant_to_have_is_a_warning(live: Live, world: World, permission: str) -> None:
    world.jira.denied.add(("release-stages[bot]", permission))
    found = live(only=ONLY)
    assert faults(found) == []
    assert len(warnings(found)) == 1


# --- the way back -----------------------------------------------------------------------------------------------------


def test_a_way_back_is_seen_on_an_issue_that_stands_there(live: Live, world: World) -> None:
    unseen = "Jira (main) APP: no issue of APP stands in Released now"
    assert any(one.startswith(unseen) for one in fine(live(only=ONLY)))
    world.jira.create_issue("APP", "Out", "erin", status="Released")
    assert "Jira (main) APP: ways lead back from Released (seen on APP-1)" in fine(live(only=ONLY))


def test_a_workflow_without_a_way_back_is_a_fault(live: Live, world: World) -> None:
    world.jira.create_issue("ONE", "Out", "erin", status="Released")
    (fault,) = faults(live(words={"[APP]": "[ONE]"}, only=ONLY))
    assert fault.startswith("17: nothing leads back from Released in ONE (seen on ONE-1): no transition leads back")


def test_a_way_back_that_asks_for_a_field_is_none(live: Live, world: World) -> None:
    for status in ("In Progress", "In Review", "Internal", "Beta"):
        world.jira.require("APP", status, "customfield_10102")
    world.jira.create_issue("APP", "Out", "erin", status="Released")
    (fault,) = faults(live(only=ONLY))
    assert "wants Reason for going back filled in" in fault


def test_where_only_some_ways_are_missing_it_is_a_warning_that_names_them(live: Live, world: World) -> None:
    world.jira.hide("APP", "Beta")
    world.jira.create_issue("APP", "Out", "erin", status="Released")
    found = live(only=ONLY)
    assert faults(found) == []
    assert any("from Released in APP no way leads back to Beta Release" in one for one in warnings(found))


def test_no_way_back_is_looked_for_where_no_rule_blocks(live: Live, world: World) -> None:
    world.jira.create_issue("ONE", "Out", "erin", status="Released")
    observing = {"level: block": "level: observe", "[APP]": "[ONE]"}
    assert faults(live(words=observing, only=ONLY)) == []


# --- people, fields ---------------------------------------------------------------------------------------------------


def test_groups_that_are_not_there_empty_or_too_large(live: Live, world: World) -> None:
    assert faults(live(words={"support-agents": "suport-agents"}, only=ONLY)) == [
        '6: there is no group "suport-agents", or our account cannot see it → did you mean "support-agents"?'
    ]
    world.jira.groups["support-agents"] = []
    assert "nobody is in it" in faults(live(only=ONLY))[0]
    world.jira.groups["support-agents"] = [one for one in PEOPLE if not one.endswith("[bot]")] + ["sam", "sofia"]
    (warning,) = warnings(live(only=ONLY))
    assert warning.startswith(
        "6: more than 10 people are in support-agents; Jira mentions no group, and we the first 10"
    )


def test_people_that_are_not_there_not_active_or_may_not_browse(live: Live, world: World) -> None:
    sam, gus, mallory = (PEOPLE[one].account_id for one in ("sam", "gus", "mallory"))
    world.jira.deactivate("gus")
    world.jira.forbid("mallory", "APP")
    named = f'{{users: [{sam}, {gus}, {mallory}, "0123"]}}'
    found = live(words={"{group: support-agents}": named}, only=ONLY)
    assert [one.partition(" →")[0] for one in faults(found)] == [
        "6: Gus cannot be asked: the account is not active",
        '6: there is no account "0123"',
    ]
    assert [one.partition(" →")[0] for one in warnings(found)] == [
        "6: Mallory may not read APP, and would not be reached there"
    ]


def test_fields_that_jira_does_not_have(live: Live) -> None:
    asked = {"- acknowledged: {party: support}": "x", "require: [acknowledged: {party: support}]": (
        "require: [acknowledged: {party: support}, described: {field: Release note}]")}  # fmt: skip
    asked.pop("- acknowledged: {party: support}")
    briefed = {"{team: acme/support}": "{team: acme/support}\n    briefing: [{title: Who, field: Audience}]"}
    found = live(words=asked | briefed, only=ONLY)
    assert faults(found) == ['22: Jira (main) has no field "Release note" → did you mean "Release notes"?']
    assert any('7: Jira (main) has no field "Audience"'.partition(":")[2] in one for one in warnings(found))


def test_a_field_that_is_to_hold_the_way_must_be_there_as_it_is_written(live: Live, world: World) -> None:
    asked = {"projects: [APP]": "projects: [APP]\n      prevent: {public: Cleared}"}
    assert [one for one in warnings(live(words=asked, only=ONLY)) if "Cleared" in one] == [
        '17: Jira (main) has no field "Cleared": nothing is prevented there, moves are put back as ever'
        " → `release-stages setup jira --apply` makes it, or write one that is there"
    ]
    world.jira.make_field("Cleared")
    assert not any("Cleared" in one for one in warnings(live(words=asked, only=ONLY)))


def test_webhooks_of_data_center_are_where_it_has_them(live: Live, served: Served, world: World) -> None:
    world.jira.flavour = "server"
    world.jira.admins.add("release-stages[bot]")
    site = JiraSettings("main", served.jira_url, pat=PEOPLE["release-stages[bot]"].token, webhook_secrets=("s",))
    world.hooks.register(f"{ADDRESS}/webhooks/jira/main", "s", "jira", events=EVENTS[1:], name="Ours")
    said = faults(live(jira=(site,), only=ONLY))
    assert any("webhook Ours: it does not tell of jira:issue_created" in one for one in said)


def test_an_account_that_people_use_is_a_fault(live: Live, served: Served, world: World) -> None:
    site = JiraSettings("main", served.jira_url, PEOPLE["erin"].email, PEOPLE["erin"].token, webhook_secrets=("s",))
    assert not any("people use the account" in one for one in faults(live(jira=(site,), only=ONLY)))
    world.jira.create_issue("APP", "By hand", "erin")
    said = faults(live(jira=(site,), only=ONLY))
    assert any("JIRA_EMAIL: people use the account Erin, too: it has reported issues, APP-1" in one for one in said)


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_webhooks_are_compared_where_our_account_may_see_them(live: Live, world: World) -> None:
    hidden = live(only=ONLY)
    assert any("only an administrator of Jira may see its webhooks" in one for one in fine(hidden))

    world.jira.admins.add("release-stages[bot]")
    assert any("no webhook at Jira (main) that we can see" in one for one in faults(live(only=ONLY)))

    hook = world.hooks.register(
        f"{ADDRESS}/webhooks/jira/main", "", "jira", events=("jira:issue_updated",), name="Release Stages"
    )
    said = faults(live(only=ONLY))
    assert [one.partition(" →")[0] for one in said] == [
        "Jira (main) webhook Release Stages: it has no secret: what it delivers is not signed, and is refused",
        "Jira (main) webhook Release Stages: it does not tell of jira:issue_created, jira:issue_deleted,"
        " comment_created, comment_updated, comment_deleted",
    ]
    hook.__dict__.update(secret="s", events=EVENTS)
    assert faults(live(only=ONLY)) == []


def test_a_webhook_that_leads_to_where_another_site_delivers_is_none_of_this_one(live: Live, world: World) -> None:
    world.jira.admins.add("release-stages[bot]")
    hook = world.hooks.register(f"{ADDRESS}/webhooks/jira/eu", "s", "jira", events=EVENTS, name="Release Stages")
    assert any("no webhook at Jira (main) that we can see" in one for one in faults(live(only=ONLY)))
    for address in ("jira", "jira/main", "jira/main/a-secret", "jira/"):
        hook.__dict__.update(url=f"{ADDRESS}/webhooks/{address}")
        assert faults(live(only=ONLY)) == [], address


def test_what_our_own_inbox_has_accepted_is_told_by_site(live: Live) -> None:
    at = datetime(2026, 12, 7, 10, 30, tzinfo=UTC)
    found = live(only=ONLY, arrived={"jira:main": at})
    assert "Jira (main): the last delivery was accepted, 2026-12-07 10:30Z" in fine(found)


def test_a_sign_in_that_is_not_accepted_is_the_one_fault(live: Live, settings) -> None:
    (site,) = settings.jira
    (fault,) = faults(live(jira=(replace(site, api_token="wrong"),), only=ONLY))
    assert "does not accept our sign-in: renew JIRA_API_TOKEN" in fault
