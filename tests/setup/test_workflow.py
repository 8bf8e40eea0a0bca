"""What is changed in a Jira workflow, and what is left: on documents as Cloud shows them."""

from __future__ import annotations

from typing import Any

import pytest

from integration.setup.workflow import Guard, Way, Workflow, payload

STATUSES = [
    {"id": str(number), "name": name, "statusReference": f"ref-{name}", "statusCategory": "TODO", "scope": {}}
    for number, name in enumerate(("To Do", "Internal", "Beta", "Released"), 1)
]
RANKS = {"Internal": 0, "beta": 1, "4": 2}
GUARD = Guard("public", "Public Release", ("Released",), "customfield_1", "not yet")
WAY = Way("9", "group")


def transition(number: str, to: str = "", *starts: str, **more: Any) -> dict[str, Any]:
    links = [{"fromStatusReference": f"ref-{one}", "fromPort": 0, "toPort": 1} for one in starts]
    made = {"id": number, "name": f"to {to}", "type": "DIRECTED" if starts else "GLOBAL", "links": links}
    return made | ({"toStatusReference": f"ref-{to}"} if to else {}) | more


def workflow(*transitions: dict[str, Any]) -> Workflow:
    raw = {"id": "w", "name": "W", "version": {}, "isEditable": True, "transitions": list(transitions), "scope": {},
           "statuses": [{"statusReference": one["statusReference"]} for one in STATUSES]}  # fmt: skip
    return Workflow(raw, STATUSES, RANKS)


def guarded(*transitions: dict[str, Any]) -> list[str]:
    new, _ = workflow(*transitions).held([GUARD], WAY)
    return [one["id"] for one in new["transitions"] if one.get("validators")]


@pytest.mark.parametrize(
    ("one", "is_guarded"),
    [
        (transition("11", "Released"), True),
        (transition("11", "Released", "Beta"), True),
        (transition("11", "Released", "To Do"), True),
        (transition("11", "Released", "Released"), False),
        (transition("11", "Beta", "Released"), False),
        (transition("1", "Released", type="INITIAL"), False),
        (transition("11", "Released", "Released", "Beta"), True),
    ],
)
def test_each_way_forward_to_the_stage_is_guarded_and_no_other(one: dict[str, Any], is_guarded: bool) -> None:
    assert guarded(one) == (["11"] if is_guarded else [])


def test_what_is_as_it_should_be_is_no_change() -> None:
    once, changes = workflow(transition("11", "Released")).held([GUARD], WAY)
    assert len(changes) == 2
    again, changes = Workflow(once, STATUSES, RANKS).held([GUARD], WAY)
    assert (again, changes) == (once, [])


OTHERS = {"ruleKey": "system:restrict-issue-transition", "parameters": {"groupIds": "jira-users"}}


@pytest.mark.parametrize(
    "conditions",
    [
        None,
        {"operation": "ALL", "conditions": [OTHERS], "conditionGroups": []},
        {"operation": "ANY", "conditions": [OTHERS, WAY.restriction], "conditionGroups": []},
        {"operation": "ALL", "conditions": [{**OTHERS, "parameters": {**WAY.restriction["parameters"],
                                                                      "permissionKeys": "EDIT_ISSUES"}}]},
    ],
)  # fmt: skip
def test_our_own_way_is_for_our_account_alone_whatever_somebody_has_made_of_it(conditions: Any) -> None:
    once, _ = workflow(transition("11", "Released")).held([GUARD], WAY)
    once["transitions"][-1]["conditions"] = conditions
    again, (change,) = Workflow(once, STATUSES, RANKS).held([GUARD], WAY)
    assert "is for our account alone again" in change.says
    assert again["transitions"][-1]["conditions"] == WAY.conditions


def test_conditions_that_narrow_our_way_further_stay() -> None:
    once, _ = workflow(transition("11", "Released")).held([GUARD], WAY)
    once["transitions"][-1]["conditions"]["conditions"].append(OTHERS)
    again, changes = Workflow(once, STATUSES, RANKS).held([GUARD], WAY)
    assert (again, changes) == (once, [])


def test_a_way_to_a_status_that_shows_our_screen_is_found() -> None:
    screen = {"ruleKey": "system:transition-screen", "parameters": {"screenId": "9"}}
    assert list(workflow(transition("11", "Beta", transitionScreen=screen)).also_shown("9")) == ["to Beta"]
    assert not list(workflow(transition("11", transitionScreen=screen)).also_shown("9"))


def test_other_words_are_put_right_and_what_jira_has_added_to_the_rule_stays() -> None:
    once, _ = workflow(transition("11", "Released")).held([GUARD], WAY)
    once["transitions"][0]["validators"][0]["parameters"] |= {"errorMessage": "old", "theirs": "x"}
    again, (change,) = Workflow(once, STATUSES, RANKS).held([GUARD], WAY)
    assert "says something else" in change.says
    assert again["transitions"][0]["validators"][0]["parameters"]["errorMessage"] == "not yet"
    assert again["transitions"][0]["validators"][0]["parameters"]["theirs"] == "x"


def test_the_document_that_was_read_is_not_touched_and_numbers_are_not_used_twice() -> None:
    one = workflow(transition("11", "Released"), transition("61", "Beta"))
    new, _ = one.held([GUARD], WAY)
    assert "validators" not in one.raw["transitions"][0]
    assert [way["id"] for way in new["transitions"]] == ["11", "61", "71"]


def test_what_was_taken_away_leaves_what_others_made() -> None:
    theirs = {
        "ruleKey": "system:validate-field-value",
        "parameters": {"ruleType": "fieldRequired", "fieldsRequired": "x"},
    }
    loop = transition("12", transitionScreen={"ruleKey": "system:transition-screen", "parameters": {"screenId": "8"}})
    before = [transition("11", "Released", validators=[theirs]), loop]
    new, _ = workflow(*before).held([GUARD], WAY)
    back, changes = Workflow(new, STATUSES, RANKS).released(["customfield_1"], "9")
    assert back["transitions"] == before
    assert len(changes) == 2


def test_a_transition_in_the_old_form_is_sent_in_the_new_one_alone() -> None:
    old = {"id": "11", "name": "x", "type": "DIRECTED", "to": {"statusReference": "ref-Released", "port": 3},
           "from": [{"statusReference": "ref-Beta", "port": 7}]}  # fmt: skip
    new, _ = workflow(old).held([GUARD], WAY)
    sent = new["transitions"][0]
    assert sent["toStatusReference"] == "ref-Released"
    assert sent["links"] == [{"fromStatusReference": "ref-Beta", "fromPort": 7, "toPort": 3}]
    assert not {"to", "from"} & sent.keys()
    assert sent["validators"]


def test_only_what_an_update_takes_is_sent() -> None:
    sent = payload(STATUSES, [workflow(transition("11", "Released")).raw])
    assert set(sent["workflows"][0]) == {"id", "version", "statuses", "transitions"}
    assert set(sent["statuses"][0]) == {"id", "name", "statusCategory", "statusReference"}


@pytest.mark.parametrize(
    ("ways", "faults"),
    [
        ([transition("1", "Released"), transition("2", "Beta"), transition("3", "Internal")], 0),
        ([transition("1", "Released")], 2),
        ([transition("1", "Released", "Beta")], 1),
        ([transition("1", "Released", "Beta"), transition("2", "Beta", "Released")], 0),
        ([transition("1", "Released", "Beta"), transition("2", "Beta", "Internal")], 1),
        ([transition("1", "Released", "To Do")], 0),
    ],
)
def test_a_way_back_is_wanted_to_each_stage_from_which_one_can_come(ways: list[dict[str, Any]], faults: int) -> None:
    assert sum(is_fault for _, is_fault in workflow(*ways).ways_back({2})) == faults
