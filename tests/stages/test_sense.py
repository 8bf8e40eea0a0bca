"""The people's side of mappings.yaml: rotas, briefings, routes, links, windows, debts; and what each fault of it says."""

# ruff: noqa: E501  a fault is one line, however long

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.check import notes
from integration.stages.calendars import Duration
from integration.stages.file import mappings as m
from integration.stages.file import schema
from integration.stages.file.mappings import Faulty, read
from tests.stages.test_mappings import as_json, misfits
from tests.whole import some

WHOLE = """\
version: 1
time_zone: Europe/London
stages: {beta: Beta, public: Public}
parties:
  support:
    github: {team: acme/support, rota: {people: [sam, sofia], starts: 2026-12-07, turn: 3 days}}
    respond_within: 1 working day
    escalate_to: {github: [lead]}
    briefing:
      - What changes
      - {title: How to undo, section: Rollback, field: Undo}
      - {title: Who to ask, otherwise: asker}
    digest: {days: [mon, thu], at: "9:30", issue: acme/desk#1}
  docs: {github: {users: [dora], rota: {url: "https://duty.example/docs"}}}
sources:
  - github: {repositories: ["acme/*"], labels: {beta: "stage: beta", public: "stage: public"}}
routes: {agreed_by: support, effective: 2026-12-01}
links: {docs: {urls: ["https://docs.example/*"], types: documented by}}
windows: {launch: {days: mon-thu, hours: "09:00-15:00"}}
freezes:
  christmas: {from: 2026-12-19, until: 2027-01-04, unless_labelled: hotfix, unless: {acme/app#4: Taxes, ONE-5: Law}}
rules:
  - id: beta
    entering: beta
    level: observe
    later: 5 working days
    require:
      - acknowledged: {party: docs}
  - id: public
    entering: public
    level: observe
    require:
      - approved: {party: support, voided_by: [title, docs link, {section: Rollback}]}
      - follows_route
      - no_debt
      - linked: {to: docs}
      - no_open: {among: blocking, labelled: bug}
      - within: {window: launch}
      - outside: {freeze: christmas}
      - described: {briefing: support}
      - custom: {name: acme.budget, options: {most: 5000, days: [1, 2]}}
"""

NO_JIRA = "can never be met: only Jira has types of links, and no source is on Jira"
TO_FOLLOW = "who agrees to a route? Add routes: {agreed_by: [support], effective: 2026-12-01}"


def changed(old: str, new: str) -> str:
    assert WHOLE.count(old) == 1, old
    return WHOLE.replace(old, new)


def placed(text: str) -> list[str]:
    with pytest.raises(Faulty) as faulty:
        read(text)
    return [str(fault).removeprefix("mappings.yaml:") for fault in faulty.value.faults]


# --- what is right ----------------------------------------------------------------------------------------------


def test_the_peoples_side_is_read_as_objects() -> None:
    found = read(WHOLE)
    support, docs = found.parties["support"], found.parties["docs"]
    assert support.github is not None and docs.github is not None
    assert support.github.rota == m.Rota(people=("sam", "sofia"), starts=date(2026, 12, 7), turn=Duration(3, "day"))
    assert docs.github.rota == m.Rota(url="https://duty.example/docs")
    assert support.briefing == (
        m.BriefingItem(title="What changes"),
        m.BriefingItem(title="How to undo", section="Rollback", field="Undo"),
        m.BriefingItem(title="Who to ask", otherwise="asker"),
    )
    assert [item.heading for item in support.briefing] == ["What changes", "Rollback", "Who to ask"]
    assert support.digest == m.Digest(days=(0, 3), at=time(9, 30), issue="acme/desk#1")
    assert found.routes == m.Routes(agreed_by=("support",), effective=datetime(2026, 12, 1, tzinfo=UTC))
    assert found.routes.section == "Release stages"
    assert found.links["docs"] == m.Links(urls=("https://docs.example/*",), types=("documented by",))
    assert found.windows["launch"] == m.Window(days=(0, 1, 2, 3), hours=(time(9), time(15)))
    christmas = found.freezes["christmas"]
    assert (christmas.from_, christmas.until) == (datetime(2026, 12, 19, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC))
    assert (christmas.unless_labelled, christmas.unless) == (("hotfix",), {"acme/app#4": "Taxes", "ONE-5": "Law"})
    assert (found.rules[0].later, found.rules[1].later) == (Duration(5, "working day"), None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("follows_route", m.FollowsRoute()),
        ("{follows_route: }", m.FollowsRoute()),
        ("no_debt", m.NoDebt()),
        ("{no_debt: {party: docs}}", m.NoDebt(party="docs")),
        ("no_open", m.NoOpen()),
        ("{no_open: {among: [linked], type: [Bug, Risk]}}", m.NoOpen(among=("linked",), type=("Bug", "Risk"))),
        ("{linked: {url: 'https://x.example/*'}}", m.Linked(url="https://x.example/*")),
        ("{within: {window: launch}}", m.Within(window="launch")),
        ("{outside: {freeze: christmas}}", m.Outside(freeze="christmas")),
        ("{custom: {name: budget}}", m.Custom(name="budget")),
        ("{described: {briefing: support}}", m.Described(briefing="support")),
        (
            "{approved: {party: docs, voided_by: docs   link}}",
            m.Approved(party="docs", voided_by=(m.Fact(link="docs"),)),
        ),
        (
            "{approved: {party: docs, voided_by: [description, {title: true}, {field: Audience}, {link: docs}]}}",
            m.Approved(
                party="docs",
                voided_by=(m.Fact(description=True), m.Fact(title=True), m.Fact(field="Audience"), m.Fact(link="docs")),
            ),
        ),
    ],
)
def test_each_form_of_a_requirement_is_read_and_fits_the_schema(written: str, meant: m.Requirement) -> None:
    text = changed("      - follows_route\n", f"      - {written}\n")
    assert read(text).rules[1].require[1] == meant
    assert read(
        changed("    require:\n      - approved", f"    when: {written}\n    require:\n      - approved")
    ).rules[1].when == (meant,)
    whole = schema.schema()
    assert list(misfits(as_json(text), whole, whole["$defs"])) == []


SOUND = [
    ("https://duty.example/docs", "http://localhost:8090/docs"),
    ("https://duty.example/docs", "http://127.0.0.1/docs?who=now"),
    ("https://duty.example/docs", "http://[::1]:8090"),
    ("users: [dora], rota: {url: \"https://duty.example/docs\"}", "rota: {people: dora, starts: 2026-12-07}"),
    ("digest: {days: [mon, thu], at: \"9:30\", issue: acme/desk#1}", "digest: {days: mon, issue: other/DESK-1}"),
    ("    escalate_to: {github: [lead]}\n", ""),
    ("    escalate_to: {github: [lead]}\n", "    escalate_to:\n"),
    ("from: 2026-12-19, until: 2027-01-04", "until: 2020-01-04"),
    ("    later: 5 working days\n", "    on_error: open\n"),
    ("windows: {launch: ", "windows: {unused: {days: sat}, launch: "),
    ("links: {docs: ", "links: {unused: {types: blocks}, docs: "),
    ("briefing:\n      - What changes\n", "briefing:\n"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SOUND, ids=[new.strip() or "none" for _, new in SOUND])
def test_what_may_be_is_no_fault_and_fits_the_schema(old: str, new: str) -> None:
    text = changed(old, new)
    read(text)
    whole = schema.schema()
    assert list(misfits(as_json(text), whole, whole["$defs"])) == []


# --- what is wrong ----------------------------------------------------------------------------------------------

ROTA = "rota: {people: [sam, sofia], starts: 2026-12-07, turn: 3 days}"
URL = 'rota: {url: "https://duty.example/docs"}'
DIGEST = 'digest: {days: [mon, thu], at: "9:30", issue: acme/desk#1}'
FACTS = "voided_by: [title, docs link, {section: Rollback}]"
FREEZE = "from: 2026-12-19, until: 2027-01-04"
FOLLOWS = "      - follows_route\n"
ROUTES = "routes: {agreed_by: support, effective: 2026-12-01}"
WRONG: list[tuple[str, str, list[str]]] = [
    # names
    ("to: docs}", "to: dosc}", ['36:22 rules[1].require[3].linked.to: no kind of link "dosc"; did you mean "docs"?']),
    ("window: launch", "window: lunch", ['38:26 rules[1].require[5].within.window: no window "lunch"; did you mean "launch"?']),
    ("freeze: christmas", "freeze: easter", ['39:27 rules[1].require[6].outside.freeze: no freeze "easter"; allowed: christmas']),
    ("freeze: christmas", "freeze: launch", ['39:27 rules[1].require[6].outside.freeze: no freeze "launch"; allowed: christmas']),
    ("briefing: support}", "briefing: suport}", ['40:31 rules[1].require[7].described.briefing: no party "suport"; did you mean "support"?']),
    ("agreed_by: support", "agreed_by: [growth]", ['17:22 routes.agreed_by[0]: no party "growth"; allowed: support, docs']),
    ("- no_debt", "- no_debt: {party: dogs}", ['35:26 rules[1].require[2].no_debt.party: no party "dogs"; did you mean "docs"?']),
    # keys
    ("starts: 2026-12-07, turn", "start: 2026-12-07, turn", [
        '6:40 parties.support.github.rota: "starts" is missing; say on which day the first of the people begins: starts: 2026-12-07',
        '6:63 parties.support.github.rota.start: no such key "start"; did you mean "starts"?',
    ]),
    ("section: Rollback, field", "heading: Rollback, field", ['11:30 parties.support.briefing[1].heading: no such key "heading"; allowed: title, section, field, otherwise']),
    ("{title: Who to ask,", "{titel: Who to ask,", [
        '12:9 parties.support.briefing[2]: "title" is missing',
        '12:10 parties.support.briefing[2].titel: no such key "titel"; did you mean "title"?',
    ]),
    ("days: [mon, thu], at", "day: [mon, thu], at", [
        '13:13 parties.support.digest: "days" is missing', '13:14 parties.support.digest.day: no such key "day"; did you mean "days"?'
    ]),
    ("agreed_by: support", "agreed: support", ['17:9 routes: "agreed_by" is missing', '17:10 routes.agreed: no such key "agreed"; did you mean "agreed_by"?']),
    (", effective: 2026-12-01}\nlinks", "}\nlinks", ['17:9 routes: "effective" is missing']),
    ("{urls: [", "{url: [", ['18:16 links.docs.url: no such key "url"; did you mean "urls"?']),
    ("{days: mon-thu, hours", "{day: mon-thu, hours", ['19:20 windows.launch.day: no such key "day"; did you mean "days"?']),
    ("unless_labelled: hotfix", "unless_labeled: hotfix", ['21:52 freezes.christmas.unless_labeled: no such key "unless_labeled"; did you mean "unless_labelled"?']),
    ("{section: Rollback}]", "{sektion: Rollback}]", ['33:67 rules[1].require[0].approved.voided_by[2].sektion: no such key "sektion"; did you mean "section"?']),
    ("- approved: {party: support, " + FACTS + "}", "- any: [{approved: {party: support, voided_by: {sektion: A}}}]", ['33:55 rules[1].require[0].any[0].approved.voided_by.sektion: no such key "sektion"; did you mean "section"?']),
    ("options: {most", "option: {most", ['41:37 rules[1].require[8].custom.option: no such key "option"; did you mean "options"?']),
    # values
    ("      - What changes\n", "      - 7\n", ['10:9 parties.support.briefing[0]: 7 is a number here, not a text; put it in quotes: "7"']),
    ("otherwise: asker", "otherwise: ask", ['12:40 parties.support.briefing[2].otherwise: "ask" is not possible here; did you mean "asker"?']),
    ('at: "9:30"', 'at: "25:00"', ['13:36 parties.support.digest.at: "25:00" is no time of day; write it as "09:30", in quotes']),
    ("days: [mon, thu], at", "days: [mon, thursdag], at", ['13:20 parties.support.digest.days: no weekday "thursdag"; did you mean "thu"?']),
    ("acme/desk#1", "desk", ['13:51 parties.support.digest.issue: "desk" names no issue; write owner/name#12, or APP-7']),
    ("acme/app#4: Taxes", "app 4: Taxes", ['21:86 freezes.christmas.unless."app 4": "app 4" names no issue; write owner/name#12, or APP-7']),
    ("acme/app#4: Taxes", "acme/app#4: ", ['21:86 freezes.christmas.unless."acme/app#4": is empty; a text is needed, or leave the key out']),
    ('hours: "09:00-15:00"', 'hours: "15:00-09:00"', ['19:42 windows.launch.hours: hours end after they begin, on the same day; "15:00-09:00" do not']),
    ("https://docs.example/*", "docs.example", ['18:23 links.docs.urls[0]: "docs.example" is no pattern of addresses; write https://docs.example.com/*']),
    ("turn: 3 days", "turn: 12 hours", ['6:89 parties.support.github.rota.turn: "12 hours" is no turn; write whole days or weeks, such as 1 week']),
    ("turn: 3 days", "turn: 1 working day", ['6:89 parties.support.github.rota.turn: "1 working day" is no turn; write whole days or weeks, such as 1 week']),
    ("turn: 3 days", "turn: 0 days", ['6:89 parties.support.github.rota.turn: "0 days" is out of bounds; a length of time is more than nothing and at most ten years']),
    ("docs link,", "docz link,", ['33:55 rules[1].require[0].approved.voided_by[1]: no kind of link "docz"; did you mean "docs"?']),
    ("docs link,", "the docs,", ['33:55 rules[1].require[0].approved.voided_by[1]: "the docs" is no fact; write title, description, NAME link (a kind of `links`), {section: HEADING} or {field: NAME}']),
    ("{section: Rollback}]", "{title: false}]", ['33:74 rules[1].require[0].approved.voided_by[2].title: "False" is not possible here; allowed: true']),
    ("among: blocking", "among: blockers", ['37:26 rules[1].require[4].no_open.among: "blockers" is not possible here; did you mean "blocking"?']),
    ("name: acme.budget", 'name: "Acme:budget"', ['41:24 rules[1].require[8].custom.name: "Acme:budget" is no name of a check; use small letters, digits, - and ., such as acme.budget']),
    ("https://duty.example/docs", "duty.example", ['14:46 parties.docs.github.rota.url: "duty.example" is no address; write https://…, without a password']),
    ("https://duty.example/docs", "https://me:secret@duty.example", ['14:46 parties.docs.github.rota.url: "https://…@duty.example" is no address; write https://…, without a password']),
    ("https://duty.example/docs", "https://duty.example:x/", ['14:46 parties.docs.github.rota.url: "https://duty.example:x/" is no address; write https://…, without a password']),
    # rotas and people
    ("https://duty.example/docs", "http://duty.example/docs", ["14:46 parties.docs.github.rota.url: who is asked must not be forged on the way; write https://… (http only for localhost and 127.0.0.1)"]),
    ("https://duty.example/docs", "http://127.0.0.1.example/docs", ["14:46 parties.docs.github.rota.url: who is asked must not be forged on the way; write https://… (http only for localhost and 127.0.0.1)"]),
    (ROTA, "rota: {}", ["6:34 parties.support.github.rota: nobody is on duty; add people and starts, or a url that answers with a name"]),
    (ROTA, "rota: {starts: 2026-12-07}", ["6:34 parties.support.github.rota: nobody is on duty; add people and starts, or a url that answers with a name"]),
    (ROTA, "rota: {people: [sam]}", ['6:40 parties.support.github.rota: "starts" is missing; say on which day the first of the people begins: starts: 2026-12-07']),
    ("turn: 3 days", "url: https://x.example", ["6:83 parties.support.github.rota.url: a rota is either people who take turns, or a url; keep one"]),
    (URL, 'rota: {url: "https://duty.example/docs", turn: 1 week}', ["14:75 parties.docs.github.rota.turn: turn belongs to people; a url says by itself who is on duty"]),
    ("[sam, sofia]", '["@sam", sofia]', ['6:50 parties.support.github.rota.people[0]: "@sam" is no GitHub login; write it without @, such as support-lead']),
    ("users: [dora], rota", "fallback: [dora], rota", ["14:37 parties.docs.github.rota: somebody must be named for when the address does not answer; add team or users beside the rota"]),
    ("users: [dora], " + URL, "rota: {}", [
        "14:10 parties.docs.github: nobody is named; add github: {team: organisation/team}",
        "14:19 parties.docs.github.rota: nobody is on duty; add people and starts, or a url that answers with a name",
    ]),
    ("escalate_to: {github: [lead]}", "escalate_to: {}", ["8:5 parties.support.escalate_to: nobody is named; add github: [login] or jira: [account id], or leave escalate_to out"]),
    ("escalate_to: {github: [lead]}", "escalate_to: {github: []}", ["8:5 parties.support.escalate_to: nobody is named; add github: [login] or jira: [account id], or leave escalate_to out"]),
    # routes
    (ROUTES + "\n", "", [f"33:9 rules[1].require[1]: can never be met: {TO_FOLLOW}"]),
    ("- github: {repositories", "- jira: {projects: [ONE], statuses: {beta: B}}\n  - github: {repositories", [
        "5:3 parties.support: nobody on Jira, where sources[0] shows stages and rules[1] needs them; add jira: {users: [account id], group: name}",
        "14:3 parties.docs: nobody on Jira, where sources[0] shows stages and rules[0] needs them; add jira: {users: [account id], group: name}",
    ]),
    # links
    ("{urls: [\"https://docs.example/*\"], types: documented by}", "{}", ["18:9 links.docs: nothing fits it; add urls: [https://docs.example.com/*], or types (of Jira)"]),
    ("urls: [\"https://docs.example/*\"], types", "types", [f"36:22 rules[1].require[3].linked.to: {NO_JIRA}"]),
    ("linked: {to: docs}", "linked: {type: blocks}", [f"36:24 rules[1].require[3].linked.type: {NO_JIRA}"]),
    ("linked: {to: docs}", "linked: {to: docs, type: blocks}", [
        "36:17 rules[1].require[3].linked: linked takes exactly one of to (a kind of `links`), url (a pattern) and type (of a link in Jira)",
        f"36:34 rules[1].require[3].linked.type: {NO_JIRA}",
    ]),
    ("linked: {to: docs}", "linked", ["36:9 rules[1].require[3]: linked takes exactly one of to (a kind of `links`), url (a pattern) and type (of a link in Jira)"]),
    # windows and freezes
    ("{" + FREEZE + ", unless_", "{unless_", ["21:3 freezes.christmas: no time is named; add days, hours, from or until"]),
    ('{days: mon-thu, hours: "09:00-15:00"}', "{time_zone: UTC}", ["19:11 windows.launch: no time is named; add days, hours, from or until"]),
    (FREEZE, "from: 2026-12-19, until: 2026-12-19", ["21:40 freezes.christmas.until: must come after from; a date means its first moment, so name the first day that is free again"]),
    (FREEZE, "from: 2026-12-19T02:00+01:00, until: 2026-12-19T00:30", ["21:52 freezes.christmas.until: must come after from; a date means its first moment, so name the first day that is free again"]),
    # what can be owed
    ("- no_debt", "- no_debt: {party: support}", ['35:26 rules[1].require[2].no_debt.party: can never find a debt: no rule with `later` (or on_error: open) asks "support" for its word']),
    ("      - acknowledged: {party: docs}\n", "      - notified: {party: docs}\n", ["26:5 rules[0].later: nothing can be put off: the rule asks no party for its word (acknowledged or approved)"]),
    ("      - acknowledged: {party: docs}\n", "      - none: [acknowledged: {party: docs}]\n", ["26:5 rules[0].later: nothing can be put off: the rule asks no party for its word (acknowledged or approved)"]),
    ("    later: 5 working days\n", "", ["34:9 rules[1].require[2]: can never find a debt; say `later: 5 working days` on a rule that asks for a party's word"]),
    # requirements that take one of several
    ("described: {briefing: support}", "described: {field: Audience}", ["40:28 rules[1].require[7].described.field: can never be met: only Jira has such fields, and no source is on Jira"]),
    ("briefing: support}", "briefing: docs}", ['40:31 rules[1].require[7].described.briefing: "docs" has no briefing; add one to the party, such as briefing: [What changes, How to undo]']),
    ("briefing: support}", "briefing: support, section: A}", ["40:20 rules[1].require[7].described: described takes exactly one of section (a heading), field (of Jira) and briefing (of a party)"]),
    ("described: {briefing: support}", "described", ["40:9 rules[1].require[7]: described takes exactly one of section (a heading), field (of Jira) and briefing (of a party)"]),
    ("{section: Rollback}]", "{section: Rollback, field: Undo}]", ["33:66 rules[1].require[0].approved.voided_by[2]: one fact at a time: title, description, NAME link, {section: HEADING} or {field: NAME}"]),
    ("{section: Rollback}]", "{}]", ["33:66 rules[1].require[0].approved.voided_by[2]: one fact at a time: title, description, NAME link, {section: HEADING} or {field: NAME}"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "says"), WRONG, ids=[f"{n}: {row[1].strip()[:40]}" for n, row in enumerate(WRONG)]
)
def test_each_fault_names_its_place_and_what_is_allowed(old: str, new: str, says: list[str]) -> None:
    assert placed(changed(old, new)) == says


DORA = 'users: [dora], rota: {url: "https://duty.example/docs"}'


@pytest.mark.parametrize(
    ("people", "size"),
    [
        ("users: [dora]", 1),
        ("users: [dora], fallback: [lead]", 2),
        ("users: [dora, Lead], fallback: [lead]", 2),
        ("users: dora, fallback: lead, rota: {people: [dora, sam], starts: 2026-12-07}", 3),
        ("rota: {people: [sam, sofia], starts: 2026-12-07}", 2),
        (DORA, 0),
        ("team: acme/docs, fallback: [lead]", 0),
    ],
)
def test_more_people_than_there_are_can_never_be_asked_for(people: str, size: int) -> None:
    def asks(by: int) -> str:
        return changed(DORA, people).replace("acknowledged: {party: docs}", f"acknowledged: {{party: docs, by: {by}}}")

    if not size:
        read(asks(9))
        return
    read(asks(size))
    (fault,) = placed(asks(size + 1))
    assert fault.endswith(f'can never be met: "docs" is {size} on GitHub, and {size + 1} are asked for')


DEBT = "no_debt: {party: support}"


@pytest.mark.parametrize(
    ("asks", "later", "found"),
    [
        ("acknowledged: {party: support}", "later: 1 day", True),
        ("any: [visited: {stage: beta}, approved: {party: support}]", "later: 1 day", True),
        ("notified: {party: support}\n      - acknowledged: {party: docs}", "later: 1 day", False),
        ("notified: {party: support}", "on_error: open", True),
        ("none: [notified: {party: support}]", "on_error: open", False),
        ("acknowledged: {party: docs}", "on_error: open", False),
    ],
)
def test_a_debt_of_one_party_wants_a_rule_by_which_it_can_come_to_owe(asks: str, later: str, found: bool) -> None:
    text = changed("- no_debt", f"- {DEBT}").replace("later: 5 working days", later)
    text = text.replace("- acknowledged: {party: docs}", f"- {asks}")
    if found:
        read(text)
        return
    (fault,) = placed(text)
    assert "no_debt.party: can never find a debt: no rule with `later`" in fault


def test_a_field_of_jira_can_be_described_where_a_source_is_there() -> None:
    text = ON_JIRA.replace("linked: {type: blocks}", "described: {field: Audience}")
    assert read(text).rules[0].require[0] == m.Described(field="Audience")


def test_a_fault_never_repeats_a_password() -> None:
    assert "secret" not in placed(changed("https://duty.example/docs", "https://me:secret@duty.example"))[0]


def test_routes_want_parties_that_can_be_reached_on_every_tracker() -> None:
    text = changed(ROUTES, "routes: {agreed_by: [growth], effective: 2026-12-01}")
    text = text.replace("sources:\n", "  growth: {jira: {group: growth-team}}\nsources:\n")
    assert placed(text) == [
        "15:3 parties.growth: nobody on GitHub, where sources[0] shows stages and routes.agreed_by needs them; "
        "add github: {team: organisation/team}"
    ]


ON_JIRA = """\
version: 1
stages: {beta: Beta, public: Public}
parties:
  support: {jira: {rota: {people: ["557058:f58131cb", "5b10a2844c20"], starts: 2026-12-07}}}
sources:
  - jira: {projects: [APP], statuses: {beta: Beta, public: Released}}
rules:
  - {id: linked, entering: public, level: observe, require: [linked: {type: blocks}, acknowledged: {party: support, by: 2}]}
"""


def test_on_jira_a_rota_names_account_ids_and_links_have_types() -> None:
    found = read(ON_JIRA)
    jira = found.parties["support"].jira
    assert jira is not None and jira.rota is not None
    assert jira.rota.people == ("557058:f58131cb", "5b10a2844c20")
    assert found.rules[0].require[0] == m.Linked(type="blocks")
    assert placed(ON_JIRA.replace("by: 2", "by: 3"))[0].endswith('"support" is 2 on Jira, and 3 are asked for')


# --- the schema for editors -------------------------------------------------------------------------------------

SEEN = [
    ("turn: 3 days", "turn: 12 hours"),
    ("starts: 2026-12-07, turn", "start: 2026-12-07, turn"),
    ("{title: Who to ask,", "{titel: Who to ask,"),
    ("      - What changes\n", "      - 7\n"),
    ("otherwise: asker", "otherwise: ask"),
    ("days: [mon, thu], at", "day: [mon, thu], at"),
    ('at: "9:30"', 'at: "9.30"'),
    ("agreed_by: support", "agreed: support"),
    ("{urls: [", "{url: ["),
    ("unless_labelled: hotfix", "unless_labeled: hotfix"),
    ("docs link,", "the docs,"),
    ("{section: Rollback}]", "{section: Rollback, field: Undo}]"),
    ("among: blocking", "among: blockers"),
    ("to: docs}", "to: docs, type: blocks}"),
    ("described: {briefing: support}", "described: {}"),
    ("- no_debt", "- no_depts"),
    ("{most: 5000, days: [1, 2]}", "[5000]"),
]


@pytest.mark.parametrize(("old", "new"), SEEN, ids=[new.strip() for _, new in SEEN])
def test_what_an_editor_can_see_is_marked_by_the_schema(old: str, new: str) -> None:
    whole = schema.schema()
    assert list(misfits(as_json(changed(old, new)), whole, whole["$defs"])) != []
    with pytest.raises(Faulty):
        read(changed(old, new))


def test_the_whole_example_fits_the_schema() -> None:
    whole = schema.schema()
    assert list(misfits(as_json(WHOLE), whole, whole["$defs"])) == []
    assert whole["$defs"]["Rota"]["properties"]["turn"]["default"] == "1 week"


# --- digests ------------------------------------------------------------------------------------------------------

CALENDARS = {
    "weekdays": "{days: mon-fri}",
    "usual": "{}",
    "one Saturday": '{days: mon-fri, hours_on: {"2026-12-12": "10:00-12:00", fri: "09:00-12:00"}}',
    "gulf": "{days: sun-thu}",
}


@pytest.mark.parametrize(
    ("calendar", "days", "comes"),
    [
        ("weekdays", "mon", True),
        ("weekdays", "fri, sat", True),
        ("weekdays", "sat", False),
        ("weekdays", "[sat, sun]", False),
        ("usual", "sat", False),
        ("one Saturday", "sat", True),
        ("one Saturday", "sun", False),
        ("gulf", "sun", True),
        ("gulf", "fri", False),
        ("", "sat", True),
        ("", "[sat, sun]", True),
    ],
)
def test_a_digest_comes_on_a_day_on_which_its_party_works(calendar: str, days: str, comes: bool) -> None:
    text = changed("days: [mon, thu], at", f"days: {days if days[0] == '[' else repr(days)}, at")
    if calendar:
        text = text.replace("parties:\n  support:\n", "parties:\n  support:\n    calendar: own\n")
        text += f"calendars: {{own: {CALENDARS[calendar]}}}\n"
    if comes:
        read(text)
        return
    with pytest.raises(Faulty, match=r"parties\.support\.digest\.days: never comes"):
        read(text)


# --- notes --------------------------------------------------------------------------------------------------------

LINKED = "linked: {to: docs}"
NOTED: list[tuple[str, str, list[str]]] = [
    ("version: 1", "version: 1", []),
    # what nothing uses
    ("outside: {freeze: christmas}", "not_on_hold", ["no rule looks at the freeze christmas"]),
    ("within: {window: launch}", "not_on_hold", ["no rule looks at the window launch"]),
    ("within: {window: launch}", "none: [any: [within: {window: launch}]]", []),
    ("links: {docs: ", "links: {unused: {types: blocks}, docs: ", ["no rule looks at the kind of link unused"]),
    (LINKED, "not_on_hold", []),  # `voided_by` looks at it
    # what only Jira has
    ("{section: Rollback}]", "{field: Undo}, {field: Undo}]", ["the field Undo never voids an approval of public: only Jira has fields, and no source is there"]),
    ("agreed_by: support", "field: Route, agreed_by: support", ["the field Route never proposes a route: only Jira has fields, and no source is there"]),
    # addresses
    (LINKED, "linked: {url: 'https://a.example/b'}", ["https://a.example/b in public fits just that address; a * in it stands for anything"]),
    (LINKED, "linked: {url: 'https://a.example/b*'}", []),
    ("    level: observe\n    later", "    when: {none: [linked: {url: 'https://a.example/?b'}]}\n    level: observe\n    later", ["https://a.example/?b in beta fits just that address; a * in it stands for anything"]),
    ("https://docs.example/*", "https://docs.example/", ["https://docs.example/ in links.docs fits just that address; a * in it stands for anything"]),
    # people
    ("escalate_to: {github: [lead]}", "escalate_to: {github: [lead], jira: [abc]}", ["escalate_to of support names people on Jira, where no source is; nobody asks them"]),
    # digests
    ("acme/desk#1", "DESK-1", ["the digest of support goes to DESK-1 on the Jira site main, where no source is; may the service write there?"]),
    ("acme/desk#1", "eu/DESK-1", ["the digest of support goes to DESK-1 on the Jira site eu, where no source is; may the service write there?"]),
    ("acme/desk#1", "a:b/desk#1", ["the digest of support goes to a:b/desk#1, which can be no issue"]),
    ("acme/desk#1", "other/desk#1", []),
    (", issue: acme/desk#1", "", ["the digest of support goes nowhere: name an issue under it, or set DIGEST_SUPPORT in the environment"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "says"), NOTED, ids=[f"{n}: {row[1].strip()[:40]}" for n, row in enumerate(NOTED)]
)
def test_what_does_nothing_is_noted(old: str, new: str, says: list[str]) -> None:
    assert list(notes(read(changed(old, new)), variables=())) == says


def test_on_jira_fields_and_sites_of_a_source_are_no_matter_of_a_note() -> None:
    text = ON_JIRA.replace("linked: {type: blocks}", "approved: {party: support, voided_by: {field: Undo}}")
    text = text.replace("2026-12-07}}}", "2026-12-07}}, digest: {days: mon, issue: APP-9}}")
    assert list(notes(read(text))) == []
    assert list(notes(read(text.replace("issue: APP-9", "issue: Main/APP-9")))) == []
    on_github = list(notes(read(text.replace("issue: APP-9", 'issue: "acme/desk#1"'))))
    assert on_github == [
        "the digest of support goes to acme/desk#1 on GitHub, where no source is; may the service write there?"
    ]


def test_where_a_digest_goes_is_noted_as_far_as_it_is_known() -> None:
    found = read(changed(", issue: acme/desk#1", ""))
    assert list(notes(found, {"DIGEST_SUPPORT": "json://x"})) == []
    assert list(notes(found)) == [
        "the digest of support names no issue; it goes nowhere but where DIGEST_SUPPORT in the environment says"
    ]


# --- no value breaks the reader -----------------------------------------------------------------------------------


def places(value: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a value that holds another."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, inner in steps for place in ((*way, step), *places(inner, (*way, step)))]


SLIPS: list[Any] = [None, True, 7, 1.5, "", "x", "http://[", "2026-13-01", [], [None], [["x"]], {}, {"x": None}, [{}]]


@settings(max_examples=some(150), deadline=None)
@given(st.sampled_from(places(as_json(WHOLE))), st.sampled_from(SLIPS))
def test_any_slip_in_any_place_is_read_or_faulty(way: tuple[str | int, ...], slip: Any) -> None:
    text = json.dumps(_with(as_json(WHOLE), way, slip))
    try:
        read(text)
    except Faulty as wrong:
        assert all(fault.line >= 1 and fault.message and "\n" not in str(fault) for fault in wrong.faults)


def _with(value: Any, way: tuple[str | int, ...], slip: Any) -> Any:
    if not way:
        return slip
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = _with(copy[way[0]], way[1:], slip)
    return copy
