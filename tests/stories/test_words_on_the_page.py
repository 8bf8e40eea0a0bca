"""A party answers on its page: the word is posted on the issue in the person's name, recorded as theirs, and counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html import unescape
from ipaddress import ip_network
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.stages.entries import Acknowledged, Approved, NeedsWork
from integration.web.app import create_app
from integration.web.entrance.of_file import InForce, PartiesOfFile
from tests.stories.house import House, OnGitHub, Team, unhurried

PROXY = Admission(
    "proxy", user_header="X-User", groups_header="X-Groups", proxy_from=(ip_network("127.0.0.0/8"),)
)  # fmt: skip
RULES = """
  - id: support-before-public
    entering: public
    require: [acknowledged: {party: support}]
    level: block
    effective: 2026-12-01
    because: Support answers our customers.
"""


@dataclass
class Visiting:
    """Somebody before the pages. `form` is what the last page's first form would send."""

    client: FlaskClient
    user: str
    groups: str
    form: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"X-User": self.user, "X-Groups": self.groups}

    def looks(self, party: str = "support") -> str:
        page = self.client.get(f"/party/{party}", headers=self.headers).get_data(as_text=True)
        fields = re.findall(r'name="(csrf_token|ref|stage|once)"[^>]*value="([^"]*)"', page)
        self.form = {name: unescape(value) for name, value in reversed(fields)}
        return page

    def answers(self, word: str, note: str = "", party: str = "support", **changes: str) -> TestResponse:
        form = {**self.form, "word": word, "note": note, **changes}
        return self.client.post(f"/party/{party}", data=form, headers=self.headers)


Visit = Callable[..., Visiting]


@pytest.fixture
def visit(house: House) -> Visit:
    def come(user: str = "sam", groups: str = "support", inbox: Inbox | None = None) -> Visiting:
        settings = replace(house.settings, admission=PROXY)
        parties = PartiesOfFile(InForce(settings))
        app = create_app(settings, inbox or unhurried(settings.redis_url), dict, parties=parties)
        return Visiting(app.test_client(), user, groups)

    return come


@pytest.fixture
def asked(team: Team) -> Team:
    """Erin has asked for Public, and it waits for Support."""
    team.house.put_in_force(RULES, notify="")
    team.stand_in("beta")
    team.ask_for("public")
    assert team.stage == "beta"
    return team


def test_a_member_acknowledges_on_the_page_and_the_gate_opens(asked: Team, visit: Visit) -> None:
    sam = visit()
    assert "Export as PDF" in sam.looks()
    told = len(asked.told)

    assert sam.answers("ack", "Read it: <b>@erin</b> fine with us").status_code == 303
    assert "on its way" in sam.looks()
    asked.settle()

    assert asked.stage == "public"
    [posted] = [one for one in asked.said if "signed in at Release Stages" in one.body]
    assert "sam" in posted.body
    assert "has seen this for Support" in posted.body
    assert "fine with us" in posted.body
    assert not posted.mentions, "what is quoted mentions nobody"
    [word] = [one for one in asked.remembered.evidence if isinstance(one, Acknowledged)]
    assert (word.by.id, word.by.handle, word.party, word.stage) == ("web:proxy:sam", "sam", "support", "public")
    assert word.comment == posted.id
    assert word.url
    assert len(asked.told) >= told
    page = sam.looks()
    assert "Nothing waits" in page
    assert "on its way" not in page


def test_the_same_form_sent_twice_and_a_second_click_are_one_word(asked: Team, visit: Visit) -> None:
    sam, again = visit(), visit()
    sam.looks()
    again.looks()
    assert {sam.answers("ack").status_code, sam.answers("ack").status_code} == {303}
    again.answers("ack")
    asked.settle()
    assert len([one for one in asked.said if "signed in at" in one.body]) == 1

    assert sam.answers("ack").status_code == 409, "nothing waits for it any more"
    asked.settle()
    assert len([one for one in asked.said if "signed in at" in one.body]) == 1


def test_who_is_not_of_the_party_sees_no_buttons_and_is_refused(asked: Team, visit: Visit) -> None:
    gus = visit("gus", "growth")
    assert 'name="word"' not in gus.looks()
    sam = visit()
    sam.looks()
    form = {name: sam.form[name] for name in ("ref", "stage", "once")}
    assert gus.answers("ack", **form).status_code == 400, "without the form's own key"
    assert visit("gus", "growth").client.get("/party/support").status_code == 401, "not through the proxy's headers"
    page = gus.client.get(f"/feature/{quote(str(asked.ref))}", headers=gus.headers).get_data(as_text=True)
    [key] = set(re.findall(r'name="csrf_token"[^>]*value="([^"]*)"', page))
    answer = gus.answers("ack", csrf_token=key, **form)
    assert answer.status_code == 403
    assert "do not speak for Support" in answer.get_data(as_text=True)
    asked.settle()
    assert asked.stage == "beta"


def test_who_asked_for_it_cannot_answer_for_themselves(asked: Team, visit: Visit) -> None:
    erin = visit("erin", "support")
    erin.looks()
    assert erin.answers("ack").status_code == 303
    asked.settle()

    assert asked.stage == "beta"
    assert not [one for one in asked.said if "signed in at" in one.body]
    assert "nobody answers for what they have asked for themselves" in erin.looks()


def test_an_author_does_not_approve_where_a_rule_wants_somebody_else(asked: Team, visit: Visit) -> None:
    approval = "[approved: {party: support, not_author: true}]"
    asked.house.put_in_force(RULES.replace("[acknowledged: {party: support}]", approval), notify="")
    asked.stand_in("beta", by="sam")
    asked.ask_for("public", by="evan")
    sam = visit()
    sam.looks()
    assert sam.answers("approve", ref=str(asked.ref)).status_code == 303
    asked.settle()
    assert asked.stage == "beta"
    assert "a rule asks for somebody else" in sam.looks()
    sofia = visit("sofia")
    sofia.looks()
    sofia.answers("approve", ref=str(asked.ref))
    asked.settle()
    assert asked.stage == "public"


def test_needs_work_wants_to_be_told_what_and_shuts_the_gate(asked: Team, visit: Visit) -> None:
    sam = visit()
    sam.looks()
    assert sam.answers("needs-work").status_code == 400
    sam.looks()
    assert sam.answers("needs-work", "The help page is missing.").status_code == 303
    asked.settle()
    [word] = [one for one in asked.remembered.evidence if isinstance(one, NeedsWork)]
    assert (word.what, word.by.handle) == ("The help page is missing.", "sam")
    assert asked.stage == "beta"


def test_a_word_for_a_request_that_was_withdrawn_meanwhile_is_not_posted_and_the_page_says_why(
    asked: Team, visit: Visit
) -> None:
    sam = visit()
    sam.looks()
    asked.house.clock_runs = False
    assert sam.answers("approve").status_code == 303
    asked.write("/stage cancel", "erin")
    asked.settle()
    assert not [one for one in asked.remembered.evidence if isinstance(one, Approved)]
    assert not [one for one in asked.said if "signed in at" in one.body]
    assert "nobody asks for that stage any more" in sam.looks()


def test_without_redis_it_was_not_given_and_that_is_said(asked: Team, visit: Visit) -> None:
    sam = visit(inbox=Inbox.connect("redis://127.0.0.1:1"))
    sam.looks()
    answer = sam.answers("ack")
    assert answer.status_code == 503
    assert "Nothing was changed" in answer.get_data(as_text=True)
    asked.settle()
    assert asked.stage == "beta"
    assert asked.house.desk.ledger.spoken.on_their_way(asked.ref) == ()


def test_the_word_counts_on_when_the_ledger_is_lost(asked: Team, visit: Visit) -> None:
    both = RULES.replace(
        "[acknowledged: {party: support}]", "[acknowledged: {party: support}, acknowledged: {party: docs}]"
    )
    asked.house.put_in_force(both, notify="")
    asked.settle()
    sam = visit()
    sam.looks()
    assert sam.answers("ack", "Fine.").status_code == 303
    asked.settle()
    assert asked.stage == "beta"

    asked.house.lose_the_ledger()
    asked.says("/stage recheck", by="erin")
    asked.later(minutes=1)
    words = [one for one in asked.remembered.evidence if isinstance(one, Acknowledged)]
    assert [(one.by.handle, one.party) for one in words] == [("sam", "support")]
    asked.says("/stage ack docs", by="dora")
    assert asked.stage == "public"


def test_a_second_note_from_another_tab_is_no_second_click_and_is_posted_too(asked: Team, visit: Visit) -> None:
    sam, again = visit(), visit()
    sam.looks()
    again.looks()
    assert sam.answers("needs-work", "The help page is missing.").status_code == 303
    assert again.answers("needs-work", "And the price is wrong.").status_code == 303
    asked.settle()
    words = [one.what for one in asked.remembered.evidence if isinstance(one, NeedsWork)]
    assert sorted(words) == ["And the price is wrong.", "The help page is missing."]


def test_a_word_on_its_way_moves_with_its_issue_to_another_repository(house: House, visit: Visit) -> None:
    team = OnGitHub(house)
    house.put_in_force(RULES, notify="")
    team.stand_in("beta")
    team.ask_for("public")
    sam = visit()
    sam.looks()
    house.clock_runs = False
    assert sam.answers("ack", "Fine.").status_code == 303

    there = house.world.github.transfer("acme/app", team.number, "acme/web", "erin")
    team.settle()
    team.repo, team.number = "acme/web", there.number
    team.ref = team.ref_of(there.number)
    team.settle()

    assert team.stage == "public"
    assert [one.by.handle for one in team.remembered.evidence if isinstance(one, Acknowledged)] == ["sam"]
    assert "on its way" not in sam.looks()


def test_a_word_on_an_issue_that_was_deleted_meanwhile_is_refused_and_none_is_taken_after_it(
    asked: Team, visit: Visit
) -> None:
    sam, late = visit(), visit()
    sam.looks()
    late.looks()
    asked.house.clock_runs = False
    assert sam.answers("ack").status_code == 303
    if isinstance(asked, OnGitHub):
        asked.world.github.delete_issue(asked.repo, asked.number, "rhea")
    else:
        asked.world.jira.delete_issue(asked.key)
    asked.settle()
    page = sam.looks()
    assert "the issue is gone" in page
    assert "on its way" not in page
    assert late.answers("approve").status_code == 409
