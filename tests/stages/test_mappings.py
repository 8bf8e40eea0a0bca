"""mappings.yaml: what is read out of it, and what each fault of it says."""

# ruff: noqa: E501  a fault is one line, however long

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from integration.check import check, load
from integration.sandbox.people import PEOPLE
from integration.stages.calendars import Calendar, Duration
from integration.stages.file import mappings as m
from integration.stages.file import schema
from integration.stages.file.mappings import Faulty, at, read
from integration.stages.model import Carrier, Ref
from tests.whole import some

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "mappings.yaml"
SANDBOX = ROOT / "integration" / "sandbox" / "mappings.yaml"
RULES = ROOT / "docs" / "rules.md"

SMALL = """\
version: 1
time_zone: Europe/London
stages: {beta: Beta, public: Public}
calendars:
  london: {time_zone: Europe/London}
parties:
  support: {github: {team: acme/support}, calendar: london}
  growth: {github: {users: [gus]}}
sources:
  - github: {repositories: ["acme/*"], labels: {beta: "stage: beta", public: "stage: public"}}
rules:
  - id: known
    entering: public
    require:
      - notified: {party: support, ahead: 1 working day}
    level: block
    effective: 2026-07-01
notify:
  - {entering: beta, parties: [support], level: post, effective: 2026-12-01}
waivers: {allowed: [growth]}
"""


def with_(old: str, new: str) -> str:
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def faults(text: str) -> list[str]:
    with pytest.raises(Faulty) as faulty:
        read(text)
    return [str(fault).removeprefix("mappings.yaml:") for fault in faulty.value.faults]


# --- what is right ----------------------------------------------------------------------------------------------


def test_a_file_without_faults_is_read_as_objects() -> None:
    found = read(SMALL)
    rule = found.rules[0]
    assert list(found.stages.items()) == [("beta", "Beta"), ("public", "Public")]
    assert rule.require == (m.Notified(party="support", ahead=Duration(1, "working day")),)
    assert rule.level is m.Level.BLOCK
    assert (rule.when, rule.when_cleared, rule.on_error) == ((), "apply", "closed")
    assert found.calendars["london"] == Calendar(time_zone="Europe/London")
    assert found.hash == hashlib.sha256(SMALL.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-07-01", datetime(2026, 6, 30, 23, 0, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 12, 1, 0, 0, tzinfo=UTC)),
        ('"2026-07-01"', datetime(2026, 6, 30, 23, 0, tzinfo=UTC)),
        ("2026-07-01T09:00", datetime(2026, 7, 1, 8, 0, tzinfo=UTC)),
        ("2026-07-01 09:00:00", datetime(2026, 7, 1, 8, 0, tzinfo=UTC)),
        ("2026-07-01T09:00:00+02:00", datetime(2026, 7, 1, 7, 0, tzinfo=UTC)),
        ("2026-07-01T09:00:00Z", datetime(2026, 7, 1, 9, 0, tzinfo=UTC)),
    ],
)
def test_a_date_means_midnight_in_the_files_time_zone(written: str, meant: datetime) -> None:
    effective = read(with_("2026-07-01", written)).rules[0].effective
    assert effective == meant
    assert effective is not None and effective.tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("not_on_hold", m.NotOnHold()),
        ("{not_on_hold: {}}", m.NotOnHold()),
        ("{not_on_hold: }", m.NotOnHold()),
        ("checklist", m.Checklist()),
        ("{checklist: {section: Launch}}", m.Checklist(section="Launch")),
        ("{labelled: hotfix}", m.Labelled(labels=("hotfix",))),
        ("{labelled: [hotfix, on]}", m.Labelled(labels=("hotfix", "on"))),
        ("{not_labelled: internal-only}", m.NotLabelled(labels=("internal-only",))),
        ("{acknowledged: {party: support, by: 2}}", m.Acknowledged(party="support", by=2)),
        ("{approved: {party: support, not_author: true}}", m.Approved(party="support", not_author=True)),
        ("{visited: {stage: beta}}", m.Visited(stage="beta")),
        ("{spent: {stage: beta, at_least: 5 days}}", m.Spent(stage="beta", at_least=Duration(5, "day"))),
        ("{described: {section: How to undo}}", m.Described(section="How to undo")),
        (
            "{any: [{visited: {stage: beta}}, {none: [{all: [not_on_hold]}]}]}",
            m.Any(items=(m.Visited(stage="beta"), m.None_(items=(m.All(items=(m.NotOnHold(),)),)))),
        ),
    ],
)
def test_each_requirement_is_read_in_the_files_form_also_under_when(written: str, meant: m.Requirement) -> None:
    text = with_("- notified: {party: support, ahead: 1 working day}", f"- {written}")
    assert read(text).rules[0].require == (meant,)
    assert read(with_("    require:\n", f"    when: {written}\n    require:\n")).rules[0].when == (meant,)
    assert read(with_("    require:\n", f"    when: [{written}]\n    require:\n")).rules[0].when == (meant,)


def test_anchors_aliases_and_merges_are_for_use() -> None:
    text = with_("  growth: {github: {users: [gus]}}", "  growth: {<<: *s, name: Growth}").replace(
        "support: {github", "support: &s {github"
    )
    found = read(text)
    assert found.parties["growth"] == found.parties["support"].model_copy(update={"name": "Growth"})


# --- what is wrong ------------------------------------------------------------------------------------------------

LENGTH = 'write a number and a unit, such as "1 working day"'
REQUIRE = "      - notified: {party: support, ahead: 1 working day}\n"
WRONG = [
    # references
    ("party: support, ahead", "party: suport, ahead", ['15:27 rules[0].require[0].notified.party: no party "suport"; did you mean "support"?']),
    ("party: support, ahead", "party: x, ahead", ['15:27 rules[0].require[0].notified.party: no party "x"; allowed: support, growth']),
    ("entering: public", "entering: publik", ['13:15 rules[0].entering: no stage "publik"; did you mean "public"?']),
    ("calendar: london", "calendar: lodnon", ['7:53 parties.support.calendar: no calendar "lodnon"; did you mean "london"?']),
    ("labels: {beta:", "labels: {betta:", ['10:49 sources[0].github.labels.betta: no stage "betta"; did you mean "beta"?']),
    ("parties: [support]", "parties: [support, docs]", ['19:41 notify[0].parties[1]: no party "docs"; allowed: support, growth']),
    ("allowed: [growth]", "allowed: growht", ['20:20 waivers.allowed: no party "growht"; did you mean "growth"?']),
    # keys
    ("    level: block", "    levle: block", ['12:5 rules[0]: "level" is missing', '16:5 rules[0].levle: no such key "levle"; did you mean "level"?']),
    ("ahead: 1 working day", "before: 1 day", ['15:36 rules[0].require[0].notified.before: no such key "before"; allowed: party, ahead, within_stage']),
    ("time_zone: Europe/London}", "zone: UTC}", ['5:12 calendars.london.zone: no such key "zone"; did you mean "time_zone"?']),
    ("    level: block", "    level: warn\n    level: block", ['17:5 rules[0]: "level" is already there, in line 16; keep one']),
    ("version: 1\n", "version: 1\nhash: abc\n", ['2:1 hash: no such key "hash"; it is worked out from the text']),
    ("    level: block", "    from_: beta\n    level: block", ['16:5 rules[0].from_: no such key "from_"; did you mean "from"?']),
    # kinds of values
    ("version: 1\n", "version: 2\n", ['1:10 version: "2" is not possible here; allowed: 1']),
    ("version: 1\n", "", ['1:1 "version" is missing']),
    ("public: Public}", "public: true}", ['3:30 stages.public: true is true or false here, not a text; put it in quotes: "true"']),
    ("beta: Beta", "1: Beta", ['3:10 stages: the key 1 is no text; put it in quotes: "1"', '10:49 sources[0].github.labels.beta: no stage "beta"; allowed: 1, public', '19:16 notify[0].entering: no stage "beta"; allowed: 1, public']),
    ('"stage: beta"', "7", ['10:55 sources[0].github.labels.beta: 7 is a number here, not a text; put it in quotes: "7"']),
    ('"stage: beta"', "[]", ['10:55 sources[0].github.labels.beta: is empty']),
    ('["acme/*"]', "[acme]", ['10:29 sources[0].github.repositories[0]: "acme" names no repository; write owner/name, or owner/* for all']),
    ("users: [gus]", 'users: ["@gus"]', ['8:29 parties.growth.github.users[0]: "@gus" is no GitHub login; write it without @, such as support-lead']),
    ("team: acme/support", "team: support", ['7:28 parties.support.github.team: "support" is no team; write organisation/team, without @']),
    ("level: block", "level: blok", ['16:12 rules[0].level: "blok" is not possible here; did you mean "block"?']),
    ("id: known", "id: Known To All", ['12:9 rules[0].id: "Known To All" is no name; use small letters, digits and -, such as support-before-public']),
    ("time_zone: Europe/London\n", "time_zone: Europe/Londn\n", ['2:12 time_zone: no time zone "Europe/Londn"; did you mean "Europe/London"?']),
    ("rules:\n", "rules: later\nlater:\n", ['11:8 rules: a list is needed here, not "later"', '12:1 later: no such key "later"; allowed: version, time_zone, raise_after, stages, calendars, parties, sources, rules, notify, routes, links, windows, freezes, waivers, additions']),
    ("{github: {users: [gus]}}", "[gus]", ["8:11 parties.growth: a mapping of keys to values is needed here, not a list"]),
    # lengths of time and dates
    ("1 working day", "1 wokring day", ['15:43 rules[0].require[0].notified.ahead: "1 wokring day" is no length of time; did you mean "1 working day"?']),
    ("1 working day", "5", [f'15:43 rules[0].require[0].notified.ahead: "5" is no length of time; {LENGTH}']),
    ("2026-07-01", "2026-02-30", ['17:16 rules[0].effective: "2026-02-30" is no date; write it as 2026-12-01, or with a time as 2026-12-01T09:00']),
    ("2026-07-01", "0001-01-01T00:00:00+10:00", ['17:16 rules[0].effective: "0001-01-01 00:00:00+10:00" is out of bounds']),
    ("    effective: 2026-07-01\n", "", ['12:5 rules[0]: "effective" is missing; a rule that blocks says from when on: effective: 2026-12-01']),
    (", effective: 2026-12-01", "", ['19:5 notify[0]: "effective" is missing; what is posted says from when on: effective: 2026-12-01']),
    # requirements
    ("- notified:", "- notifed:", ['15:9 rules[0].require[0].notifed: no requirement "notifed"; did you mean "notified"?']),
    (REQUIRE, "      - notified\n", ['15:9 rules[0].require[0]: "party" is missing']),
    (REQUIRE, "      - acknowledged:\n        party: support\n", ["15:9 rules[0].require[0]: indent what belongs to acknowledged deeper than acknowledged itself"]),
    (REQUIRE, "      - {not_on_hold: {}, checklist: {}}\n", ["15:9 rules[0].require[0]: one requirement at a time; write \"not_on_hold\", \"checklist\" as entries of their own"]),
    (REQUIRE, "      - labelled:\n", ["15:9 rules[0].require[0].labelled: is empty; name at least one"]),
    (REQUIRE, "      - described: {}\n", ["15:20 rules[0].require[0].described: described takes exactly one of section (a heading), field (of Jira) and briefing (of a party)"]),
    (REQUIRE, "      - described: {section: A, field: B}\n", ["15:20 rules[0].require[0].described: described takes exactly one of section (a heading), field (of Jira) and briefing (of a party)"]),
    (REQUIRE, "      - acknowledged: {party: support, by: 0}\n", ['15:44 rules[0].require[0].acknowledged.by: "0" is too small; at least 1']),
    (REQUIRE, "      - acknowledged: {party: support, by: true}\n", ['15:44 rules[0].require[0].acknowledged.by: a whole number is needed here, not "True"']),
    (REQUIRE, "      - approved: {party: growth, by: 2}\n", ['15:39 rules[0].require[0].approved.by: can never be met: "growth" is 1 on GitHub, and 2 are asked for']),
    (REQUIRE, "      - visited: {stage: public}\n", ['15:26 rules[0].require[0].visited.stage: can never be met: "public" does not come before "public"']),
    (REQUIRE, "      - any: [{visited: {stage: pub}}, not_on_hold]\n", ['15:33 rules[0].require[0].any[0].visited.stage: no stage "pub"; did you mean "public"?']),
    (REQUIRE, "      - any: []\n", ["15:14 rules[0].require[0].any: is empty"]),
    # which moves
    ("    entering: public\n", "", ["12:5 rules[0]: entering or leaving is missing; say which stage the rule guards"]),
    ("    entering: public\n", "    entering: public\n    leaving: beta\n", ["14:5 rules[0].leaving: a rule has entering or leaving, not both; make it two rules"]),
    ("    entering: public\n", "    leaving: public\n", ['13:14 rules[0].leaving: never fires: "public" is the last stage, and moves back are free']),
    ("    entering: public\n", "    leaving: beta\n    from: beta\n", ["14:5 rules[0].from: from belongs to entering; leaving already says where from"]),
    ("    entering: public\n", "    entering: beta\n    from: public\n", ['14:11 rules[0].from: never fires: "public" is not before "beta", and moves back are free']),
    ("{entering: beta, parties", "{parties", ["19:5 notify[0]: exactly one is needed: entering: STAGE, or backward: true"]),
    ("{entering: beta, parties", "{entering: beta, backward: true, parties", ["19:5 notify[0]: exactly one is needed: entering: STAGE, or backward: true"]),
    ("stages: {beta: Beta, public: Public}", "stages: {public: Public}", ['3:9 stages: at least 2 are needed', '10:49 sources[0].github.labels.beta: no stage "beta"; allowed: public', '19:16 notify[0].entering: no stage "beta"; allowed: public']),
    # sources and parties
    ('public: "stage: public"', 'public: "Stage: Beta"', ['10:78 sources[0].github.labels.public: "Stage: Beta" already shows "beta"; one name shows one stage']),
    ("rules:\n", '  - github: {repositories: acme/app*, labels: {beta: ["stage: public"]}}\nrules:\n', ['11:55 sources[1].github.labels.beta[0]: "stage: public" already shows "public" in sources[0], which covers some of the same places; one name is for one source']),
    ("rules:\n", "  - {}\nrules:\n", ["11:5 sources[1]: a source is exactly one of github and jira; neither is here"]),
    ("  - github: {repositories", "  - jira: {projects: [app]}\n    github: {repositories", [
        "7:3 parties.support: nobody on Jira, where sources[0] shows stages and rules[0] needs them; add jira: {users: [account id], group: name}",
        "10:5 sources[0]: a source is exactly one of github and jira; make it two sources",
        "10:11 sources[0].jira: statuses are missing (or labels); say in what this source shows stages",
        '10:23 sources[0].jira.projects[0]: "app" is no project key; keys are in capitals, such as APP',
    ]),
    ("{github: {users: [gus]}}", "{name: Growth}", ["8:3 parties.growth: nobody is named; add github: {team: organisation/team}, or jira: {users: [account id], group: name}"]),
    ("{github: {users: [gus]}}", "{github: }", ["8:3 parties.growth: nobody is named; add github: {team: organisation/team}, or jira: {users: [account id], group: name}"]),
    ("{users: [gus]}", "{fallback: [gus]}", ["8:12 parties.growth.github: nobody is named; add github: {team: organisation/team}"]),
    ("notify:\n", "  - {id: known, entering: public, require: [not_on_hold], level: observe}\nnotify:\n", ['18:10 rules[1].id: "known" is already the id of rules[0]']),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "says"), WRONG, ids=[f"{n}: {row[1].strip()[:40]}" for n, row in enumerate(WRONG)]
)
def test_each_fault_names_its_place_and_what_is_allowed(old: str, new: str, says: list[str]) -> None:
    assert faults(with_(old, new)) == says


def test_all_faults_of_a_file_come_at_once_in_its_order() -> None:
    text = SMALL
    for old, new, _ in (WRONG[0], WRONG[3], WRONG[7], WRONG[13]):
        text = text.replace(old, new)
    assert [line.split(" ")[0] for line in faults(text)] == ["1:10", "7:53", "12:5", "15:27", "16:5"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1:1 the file is empty; begin with the mappings.yaml that ships"),
        ("# nothing but a comment\n", "1:1 the file is empty; begin with the mappings.yaml that ships"),
        ("- a\n- b\n", "1:1 the file is no mapping; begin with `version: 1`"),
        ("version: 1\nstages: {a: b\n", "3:1 this is not YAML: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'"),
        ("a: b: c\n", "1:5 this is not YAML: mapping values are not allowed here"),
        ("a: [1\n---\n", None),
        ("a: \0\n", None),
        ("a: 1\n---\nb: 2\n", "2:1 a second document begins here; the file is one document"),
        ("a: *nobody\n", None),
        ("[" * 50, "1:41 nested deeper than 40 levels"),
        ("a: " + "x" * 300_000, "1:1 the file is larger than 256 KB"),
        ("a: &a [*a]\n", None),
        ("a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 8)}]\n" for n in range(8)
        ), None),
    ],
    ids=["empty", "comment", "list", "open", "two colons", "cut", "nul", "two", "alias", "deep", "large", "circle", "bomb"],
)  # fmt: skip
def test_what_is_no_yaml_of_a_sensible_size_is_one_fault(text: str, says: str | None) -> None:
    (fault,) = faults(text)
    assert says is None or fault == says


def test_an_alias_bomb_is_named_as_such() -> None:
    (fault,) = faults("a: &a [*a]\n")
    assert "the aliases make the file too large, or go round in a circle" in fault


def test_tags_and_keys_that_are_no_words_are_faults() -> None:
    says = faults(with_("waivers:", "? [a]\n: 1\nwaivers:") + "x: !!python/name:os.system 1\n")
    assert [re.sub(r"^\S+ ", "", line) for line in says[:1]] == ["a key is a single word, not a list or a mapping"]
    assert any('the tag "tag:yaml.org,2002:python/name:os.system" has no meaning here' in line for line in says)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("!!set {beta: , public: }", 'the tag "tag:yaml.org,2002:set" has no meaning here'),
        ("!mine {beta: Beta, public: Public}", 'the tag "!mine" has no meaning here'),
        ("{beta: !mine Beta, public: Public}", 'the tag "!mine" has no meaning here'),
        (f"{{beta: 0x{'f' * 9000}, public: Public}}", "is out of bounds"),
        (f"{{beta: {'9' * 9000}, public: Public}}", "cannot be read"),
        ('{beta: "\\ud800", public: !!int x}', "cannot be read"),
        ("{beta: !!bool maybe, public: Public}", "cannot be read"),
        ('{beta: !!int "", public: Public}', "cannot be read"),
        ("{beta: Beta, public: Public, <<: 1}", "<< takes a mapping, such as *name of one"),
    ],
)
def test_values_that_yaml_knows_and_we_do_not_are_faults(new: str, says: str) -> None:
    assert any(says in line for line in faults(with_("{beta: Beta, public: Public}", new)))


def test_a_sign_that_json_escapes_in_two_halves_is_one_sign() -> None:
    assert read(with_("beta: Beta,", 'beta: "\\ud83d\\ude80",')).stages["beta"] == "🚀"


def test_what_a_fault_quotes_cannot_break_its_line_or_reach_the_terminal() -> None:
    (fault,) = faults(with_("version: 1\n", '"a\\nb\\e[31m": 1\nversion: 1\n'))
    assert fault == (
        '1:1 "a b�[31m": no such key "a b�[31m"; allowed: '
        "version, time_zone, raise_after, stages, calendars, parties, sources, rules, notify, routes, links, windows, freezes, waivers, additions"
    )


# --- no text breaks the reader ------------------------------------------------------------------------------------


def only_faulty(text: str) -> None:
    try:
        read(text)
    except Faulty as wrong:
        assert wrong.faults
        assert all(fault.line >= 1 and fault.column >= 1 and fault.message for fault in wrong.faults)
        assert all("\n" not in str(fault) for fault in wrong.faults)


@settings(max_examples=some(300), deadline=None)
@given(st.text() | st.text(alphabet=" \n-:[]{}&*!|>'\"%#?,ab1\t<=~@`\\"))
def test_any_text_is_read_or_faulty(text: str) -> None:
    only_faulty(text)


@settings(max_examples=some(60), deadline=None)
@given(st.data())
def test_the_shipped_file_with_a_slip_anywhere_is_read_or_faulty(data: st.DataObject) -> None:
    text = re.sub(r"^ *#.*\n", "", SHIPPED.read_text(), flags=re.MULTILINE)
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(begin + 12, len(text))))
    slip = data.draw(
        st.text(max_size=6) | st.sampled_from(["{}", "[]", "true", "1", "~", "*a", "&a", "<<: 1", "- ", "\n"])
    )
    only_faulty(text[:begin] + slip + text[end:])


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = [
    (), ("stages",), ("parties",), ("parties", "support"), ("parties", "support", "github"), ("sources",), ("sources", 0),
    ("sources", 0, "github"), ("sources", 0, "github", "labels"), ("rules",), ("rules", 0), ("rules", 0, "require"),
    ("rules", 0, "require", 0), ("notify", 0), ("waivers",), ("calendars", "london"),
]  # fmt: skip


@settings(max_examples=some(300), deadline=None)
@given(
    st.sampled_from(PATHS), st.sampled_from(sorted({*m.Rule.model_fields, *m.Mappings.model_fields, "github"})), plain
)
def test_any_value_in_any_place_is_read_or_faulty(path: tuple[str | int, ...], key: str, value: Any) -> None:
    whole = YAML(typ="safe").load(SMALL)
    here = whole
    for step in path:
        here = here[step]
    if isinstance(here, dict):
        here[key] = value
    else:
        here.insert(0, value)
    only_faulty(json.dumps(whole, default=str))


# --- where an issue shows its stage ---------------------------------------------------------------------------------

PLACES = read(
    """\
version: 1
stages: {beta: Beta, public: Public}
sources:
  - github: {repositories: [Acme/app, "acme/lib-*"], labels: {beta: "Stage: Beta", public: [live, "stage: public"]}}
  - jira: {projects: [APP], statuses: {beta: [Beta, "10003"], public: Released}, labels: {public: live}}
  - jira: {site: eu, projects: ["E*"], labels: {beta: beta}}
"""
)


@pytest.mark.parametrize(
    ("ref", "ids"),
    [
        ("acme/app#1", ["labels:0"]),
        ("ACME/Lib-x#1", ["labels:0"]),
        ("acme/lib#1", []),
        ("other/app#1", []),
        ("APP-7", ["statuses:0", "labels:0"]),
        ("eu/APP-7", []),
        ("EU/EMAIL-7", ["labels:0"]),
        ("ONE-1", []),
    ],
)
def test_an_issue_shows_stages_in_the_sources_of_its_place(ref: str, ids: list[str]) -> None:
    assert [shown.id for shown in at(PLACES, Ref.parse(ref))] == ids


@pytest.mark.parametrize(
    ("ref", "index", "name", "value_id", "stage"),
    [
        ("acme/app#1", 0, "STAGE: beta", "", "beta"),
        ("acme/app#1", 0, "live", "99", "public"),
        ("acme/app#1", 0, "bug", "", None),
        ("APP-1", 0, "beta", "1", "beta"),
        ("APP-1", 0, "Renamed since", "10003", "beta"),
        ("APP-1", 0, "Renamed since", "10004", None),
        ("APP-1", 1, "Live", "", "public"),
    ],
)
def test_a_name_or_a_statuss_id_tells_the_stage(
    ref: str, index: int, name: str, value_id: str, stage: str | None
) -> None:
    shown = at(PLACES, Ref.parse(ref))[index]
    assert shown.stage_of(name, value_id) == stage


def test_labels_and_statuses_are_told_apart() -> None:
    assert [shown.carrier for shown in at(PLACES, Ref.parse("APP-1"))] == [Carrier.STATUS, Carrier.LABEL]


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("acme/*", "acme/app", True),
        ("acme/*-app", "acme/app-*", True),
        ("acme/a?p", "acme/app", True),
        ("acme/*x", "acme/*y", False),
        ("acme/app", "acme/api", False),
        ("*/app", "acme/*", True),
        ("acme/?", "acme/??", False),
        ("acme/*", "acme/*", True),
    ],
)
def test_two_patterns_overlap_when_one_place_can_fit_both(one: str, other: str, meet: bool) -> None:
    for first, second in ((one, other), (other, one)):
        text = f"""\
version: 1
stages: {{beta: Beta, public: Public}}
sources:
  - github: {{repositories: "{first}", labels: {{beta: b}}}}
  - github: {{repositories: "{second}", labels: {{beta: b}}}}
"""
        assert bool(not meet or faults(text))
        if not meet:
            read(text)


# --- the files that ship --------------------------------------------------------------------------------------------


def test_the_shipped_file_has_no_fault_and_keeps_the_promise() -> None:
    found = load(SHIPPED)
    public = [rule for rule in found.rules if rule.entering == "public" and rule.level is m.Level.BLOCK]
    told = {part.party for rule in public for part in rule.require if isinstance(part, m.Notified)}
    seen = {part.party for rule in public for part in rule.require if isinstance(part, m.Acknowledged)}
    assert {"support", "growth"} <= told & seen
    assert "stakeholders" in seen
    trial = {rule.id for rule in found.rules if rule.level is m.Level.OBSERVE}
    assert {rule.id for rule in found.rules if rule.effective != datetime(2026, 12, 1, tzinfo=UTC)} == trial
    assert {rule.level for rule in found.rules} == set(m.Level)


def test_the_shipped_file_blocks_only_for_what_can_be_given_or_waited_for() -> None:
    blocking = [rule for rule in load(SHIPPED).rules if rule.level is m.Level.BLOCK]
    plain = (m.Notified, m.Acknowledged, m.Any, m.Visited, m.Spent, m.NotOnHold)
    assert all(isinstance(asked, plain) for rule in blocking for asked in rule.require)


def test_the_shipped_file_shows_every_requirement() -> None:
    text, found = SHIPPED.read_text(), load(SHIPPED)
    used = {name for name, part in m.REQUIREMENTS.items() if any(isinstance(asked, part) for asked in found.asked())}
    assert set(m.REQUIREMENTS) - used == {"all", "none", "custom"}
    assert "custom: {name: " in text


def test_what_the_shipped_file_shows_in_comments_can_be_used() -> None:
    text = SHIPPED.read_text()
    for old, new in (
        (r"# (- custom: .*}) .*", r"\1"),
        (r"described: {section: How to undo} .*({briefing: support}).*", r"described: \1"),
        (r"\[no_debt\] .*(no_debt: {party: docs})", r"[\1]"),
        (r"people: \[sam, sofia\].*\n.*\n.*\n +# (url: \S+).*", r"\1"),
        (r"days: \[mon, thu\] .*(at: \"14:00\").*", r"{days: [mon, thu], \1}"),
        (r"section: Release stages .*(field: Release stages)", r"\1"),
    ):
        assert re.search(old, text), old
        text = re.sub(old, new, text)
    text = re.sub(r"digest:\n +{(.*)}\n +(issue: \S+)", r"digest: {\1, \2}", text)
    found = read(text)
    asked = found.asked()
    assert m.Custom(name="acme.budget", options={"most": 5000}) in asked
    assert m.Described(briefing="support") in asked
    assert m.NoDebt(party="docs") in asked
    support = found.parties["support"]
    assert support.github and support.github.rota == m.Rota(url="https://duty.acme.example/support")
    assert support.digest == m.Digest(days=(0, 3), at=time(14), issue="acme/support#1")
    assert found.routes and found.routes.field == "Release stages"


def test_the_sandboxs_file_has_no_fault_and_names_its_cast() -> None:
    found = load(SANDBOX)
    by_account = {person.account_id: person for person in PEOPLE.values()}
    for name, party in found.parties.items():
        assert party.github is not None and party.jira is not None
        assert party.jira.users, name
        for account in party.jira.users:
            assert party.github.team == f"acme/{by_account[account].teams[0]}"
            assert party.jira.group in by_account[account].groups
        for login in party.github.fallback:
            assert {PEOPLE[login].account_id} == set(party.jira.fallback)
    assert {rule.level for rule in found.rules} == set(m.Level)


def examples() -> dict[str, str]:
    page = RULES.read_text().split("# Requirements\n")[1]
    return dict(re.findall(r"^## (\w+)\n.*?```yaml\n(.*?)```", page, re.MULTILINE | re.DOTALL))


def test_the_rules_page_describes_every_requirement() -> None:
    page = RULES.read_text().split("# Requirements")[1]
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(m.REQUIREMENTS)


@pytest.mark.parametrize("name", m.REQUIREMENTS)
def test_each_example_of_the_rules_page_can_be_used(name: str) -> None:
    example = examples()[name].replace("\n", "\n      ")
    text = SHIPPED.read_text().split("rules:\n")[0]
    text += f"rules:\n  - id: example\n    entering: public\n    level: observe\n    require:\n    - {example}\n"
    if name == "no_debt":  # there must be something that can be owed
        text += (
            "  - {id: owed, entering: beta, level: observe, later: 1 day, require: [acknowledged: {party: support}]}\n"
        )
    (asked,) = read(text).rules[0].require
    assert type(asked) is m.REQUIREMENTS[name]


def test_the_rules_page_begins_with_a_rule_that_can_be_used() -> None:
    first = re.findall(r"```yaml\n(.*?)```", RULES.read_text(), re.DOTALL)[0]
    assert read(SHIPPED.read_text().split("rules:\n")[0] + first).rules[0].id == "support-before-public"


# --- the schema for editors -----------------------------------------------------------------------------------------


def misfits(value: Any, part: dict[str, Any], defs: dict[str, Any], path: str = "") -> Iterator[str]:
    """As much of JSON Schema as ours uses."""
    if "$ref" in part:
        yield from misfits(value, defs[part["$ref"].rpartition("/")[2]], defs, path)
    if "anyOf" in part and all(any(misfits(value, choice, defs)) for choice in part["anyOf"]):
        yield f"{path}: fits none of the choices"
    if ("enum" in part and value not in part["enum"]) or ("const" in part and value != part["const"]):
        yield f"{path}: {value!r} is not possible"
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
    wanted = part.get("type", list(kinds))
    if not any(isinstance(value, kinds[kind]) for kind in ([wanted] if isinstance(wanted, str) else wanted)):
        yield f"{path}: {value!r} is no {wanted}"
    if isinstance(value, str) and not re.search(part.get("pattern", ""), value):
        yield f"{path}: {value!r} is not of the form {part['pattern']}"
    if isinstance(value, dict | list) and len(value) < part.get(
        "minItems" if isinstance(value, list) else "minProperties", 0
    ):
        yield f"{path}: too few"
    for index, each in enumerate(value if isinstance(value, list) else []):
        yield from misfits(each, part.get("items", {}), defs, f"{path}[{index}]")
    if isinstance(value, dict):
        yield from misfits_of_object(value, part, defs, path)


def misfits_of_object(value: dict[str, Any], part: dict[str, Any], defs: dict[str, Any], path: str) -> Iterator[str]:
    if len(value) > part.get("maxProperties", 999):
        yield f"{path}: too many"
    yield from (f"{path}: {key} is missing" for key in part.get("required", ()) if key not in value)
    for key, each in value.items():
        inner = part.get("properties", {}).get(key, part.get("additionalProperties", {}))
        if inner is False:
            yield f"{path}: {key} is not possible"
        elif isinstance(inner, dict):
            yield from misfits(each, inner, defs, f"{path}.{key}")


def as_json(text: str) -> Any:
    def dated(value: Any) -> str:
        assert isinstance(value, date | time)
        return value.isoformat()

    return json.loads(json.dumps(YAML(typ="safe").load(text), default=dated))


def test_the_committed_schemas_are_current() -> None:
    for name, text in schema.texts().items():
        assert (ROOT / "docs" / name).read_text() == text, "write it anew: make schema"


@pytest.mark.parametrize("path", [SHIPPED, SANDBOX], ids=["shipped", "sandbox"])
def test_the_files_that_ship_fit_the_schema(path: Path) -> None:
    whole = schema.schema()
    assert list(misfits(as_json(path.read_text()), whole, whole["$defs"])) == []


@pytest.mark.parametrize("name", m.REQUIREMENTS)
def test_each_example_of_the_rules_page_fits_the_schema(name: str) -> None:
    whole = schema.schema()
    assert list(misfits(as_json(examples()[name]), whole["$defs"]["Requirement"], whole["$defs"])) == []


@pytest.mark.parametrize("row", [7, 8, 9, 11, 13, 14, 18, 22, 27, 33, 34], ids=lambda n: WRONG[n][1].strip()[:40])
def test_what_an_editor_can_see_is_marked_by_the_schema(row: int) -> None:
    whole = schema.schema()
    old, new, _ = WRONG[row]
    assert list(misfits(as_json(with_(old, new)), whole, whole["$defs"])) != []


# --- from the disk ------------------------------------------------------------------------------------------------


def test_check_says_that_a_file_has_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    path.write_text(SMALL)
    lines, found = check(path)
    assert found == read(SMALL)
    assert lines == [f"mappings.yaml ({read(SMALL).hash}) has no fault: 2 stages, 2 parties, 1 source, 1 rule"]


def test_check_prints_every_fault_and_their_number(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(with_("level: block", "level: blok").replace("party: support", "party: suport"))
    assert check(path) == (
        [
            'rules.yaml:15:27 rules[0].require[0].notified.party: no party "suport"; did you mean "support"?',
            'rules.yaml:16:12 rules[0].level: "blok" is not possible here; did you mean "block"?',
            "2 faults; a file with faults never takes effect",
        ],
        None,
    )


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load(path) == read(SMALL)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "m.yaml:1:1 there is no such file as {path}; MAPPINGS names the file to read"),
        (b"version: 1\nname: caf\xe9\n", "m.yaml:2:10 byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b"x" * 300_000, "m.yaml:1:1 the file is larger than 256 KB"),
        (b"", "m.yaml:1:1 the file is empty; begin with the mappings.yaml that ships"),
    ],
    ids=["missing", "latin-1", "large", "empty"],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "m.yaml"
    if content is not None:
        path.write_bytes(content)
    lines, found = check(path)
    assert found is None
    assert lines[0] == says.format(path=path)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    lines, _ = check(tmp_path)
    assert lines[0] == f"{tmp_path.name}:1:1 {tmp_path} cannot be read: Is a directory"
