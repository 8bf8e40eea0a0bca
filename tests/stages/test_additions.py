"""A repository's own file: what it may say, what each fault of it says, and that it never weakens the organisation's."""

# ruff: noqa: E501  a fault is one line, however long

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from integration.check import check_additions
from integration.stages.entries import Outcome
from integration.stages.file import schema
from integration.stages.file.additions import LARGEST, Additions, Ground, Joined, Unfit, digest_of, join, read_additions
from integration.stages.file.mappings import Faulty, Level, Mappings, may_add, read
from integration.stages.model import Issue, Label, Person, Ref
from integration.stages.rules import gate
from integration.stages.rules.case import Case
from integration.stages.rules.gate import PATIENCE, Ask, CaseFor, Verdict, judge
from tests.security.test_the_file import HOSTILE, SOON
from tests.stages.test_mappings import as_json, misfits

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)
ORG = """\
version: 1
time_zone: Europe/London
stages: {internal: Internal, beta: Beta, public: Public}
parties:
  support: {github: {team: acme/support}, jira: {group: support}}
  growth: {github: {users: [gus]}}
  agents: {jira: {group: agents}}
sources:
  - github: {repositories: ["acme/*"], labels: {internal: i, beta: b, public: p}}
  - jira: {projects: [APP], statuses: {internal: [In], beta: [Be], public: [Pu]}}
links: {docs: {urls: ["https://docs.acme.example/*"]}}
windows: {office-hours: {days: mon-thu}}
freezes: {christmas: {from: 2026-12-19, until: 2027-01-04}}
rules:
  - {id: seen, entering: public, require: [{acknowledged: {party: support}}], level: warn, effective: 2026-12-01, later: 2 days}
  - {id: hard, entering: public, require: [not_on_hold], level: block, effective: 2026-12-01}
  - {id: trial, entering: public, require: [{labelled: ready}], level: observe}
additions: {allowed: true, custom: [acme.budget]}
"""
GROUND = Ground.of(ORG)
RULE = """\
  - id: documented
    entering: public
    require: [{linked: {to: docs}}, {outside: {freeze: christmas}}, {within: {window: office-hours}}]
    level: block
    effective: 2026-12-10
"""
GOOD = f"version: 1\nrules:\n{RULE}raise:\n  seen: block\n  trial: {{level: warn, effective: 2026-12-10}}\n"


def rule(require: str = "[not_on_hold]", more: str = "", id: str = "own") -> str:
    return f"version: 1\nrules:\n  - {{id: {id}, entering: public, require: {require}, level: observe{more}}}\n"


def faults(text: str, org: str = ORG, accepted: bool = False) -> list[str]:
    with pytest.raises(Unfit) as unfit:
        read_additions(text, Ground.of(org), accepted=accepted)
    return [str(one).removeprefix(".github/release-stages.yaml:") for one in unfit.value.faults]


def joined(text: str, org: str = ORG, accepted: bool = False) -> Joined:
    ground = Ground.of(org)
    return join(ground.mappings, read_additions(text, ground, accepted=accepted), digest_of(text))


# --- what is right ----------------------------------------------------------------------------------------------


def test_rules_are_added_and_levels_raised_and_nothing_else_changes() -> None:
    found, org = joined(GOOD), GROUND.mappings
    assert [(one.id, one.level) for one in found.rules] == [
        ("seen", Level.BLOCK), ("hard", Level.BLOCK), ("trial", Level.WARN), ("documented", Level.BLOCK)
    ]  # fmt: skip
    assert found.rules[0].effective == org.rules[0].effective
    assert found.rules[2].effective == datetime(2026, 12, 10, tzinfo=UTC), "in the organisation's time zone"
    assert [found.has_added(one.id) for one in found.rules] == [False, False, False, True]
    assert [found.has_raised(one.id) for one in found.rules] == [True, False, True, False]
    assert found.hash == f"{org.hash}+{digest_of(GOOD)[:12]}"
    rest = set(Mappings.model_fields) - {"rules", "hash"}
    assert {name: getattr(found, name) for name in rest} == {name: getattr(org, name) for name in rest}


@pytest.mark.parametrize(
    "text", ["version: 1\n", "version: 1\nrules: []\nraise: {}\n", "version: 1\nraise: {hard: block}\n"]
)
def test_what_adds_nothing_is_no_fault(text: str) -> None:
    assert joined(text).rules == GROUND.mappings.rules


@pytest.mark.parametrize(
    "require",
    [
        "[{custom: {name: acme.budget}}]", "[{any: [{visited: {stage: beta}}, {approved: {party: growth}}]}]",
        "[{described: {section: Risks}}]", "[{no_debt: {party: support}}]", "[{no_open: {labelled: bug}}]",
        "[{linked: {url: 'https://x.example/*'}}]",
    ],
)  # fmt: skip
def test_every_requirement_can_be_asked_of_what_the_organisation_knows(require: str) -> None:
    assert len(joined(rule(require)).rules) == 4


# --- what is wrong ----------------------------------------------------------------------------------------------

WRONG = [
    ("raise: {hard: warn}", '2:15 raise.hard: "hard" is at block already; a repository may raise a level, and never lower it'),
    ("raise: {seen: observe}", '2:15 raise.seen: "seen" is at warn already; a repository may raise a level, and never lower it'),
    ("raise: {trial: observe}", "2:16 raise.trial: nothing is below observe; raise it to warn, or to block"),
    ("raise: {trial: warn}", '2:16 raise.trial: "trial" does not say from when on; write {level: warn, effective: 2026-12-01}'),
    ("raise: {seen: {level: block, effective: 2027-01-01}}", '2:30 raise.seen.effective: "seen" says from when on itself; leave it out'),
    ("raise: {sen: block}", '2:9 raise.sen: no rule "sen"; did you mean "seen"?'),
    ("raise: {seen: blok}", '2:15 raise.seen: "blok" is not possible here; did you mean "block"?'),
    ("raise: [seen]", '2:8 raise: a mapping of names to values is needed here, not a list'),
    ("parties: {support: {github: {users: [eve]}}}", '2:1 parties: "parties" is for the organisation\'s mappings.yaml alone; here: version, rules, raise'),
    ("notify: []", '2:1 notify: "notify" is for the organisation\'s mappings.yaml alone; here: version, rules, raise'),
    ("waivers: {allowed: [growth]}", '2:1 waivers: "waivers" is for the organisation\'s mappings.yaml alone; here: version, rules, raise'),
    ("additions: {allowed: true}", '2:1 additions: "additions" is for the organisation\'s mappings.yaml alone; here: version, rules, raise'),
    ("rulez: []", '2:1 rulez: no such key "rulez"; did you mean "rules"?'),
    ("hash: x", '2:1 hash: no such key "hash"; allowed: version, rules, raise'),
]  # fmt: skip
WRONG_RULES = [
    ("id: hard", '"hard" is a rule of this file, or of the organisation\'s; take another name'),
    ("id: hold", '"hold" is a rule of this file, or of the organisation\'s; take another name'),
    ("require: [{acknowledged: {party: suport}}]", 'no party "suport"; did you mean "support"?'),
    ("require: [{acknowledged: {party: agents}}]", '"agents" is nobody on GitHub'),
    ("require: [{approved: {party: growth, by: 2}}]", 'can never be met: "growth" is 1 there, and 2 are asked for'),
    ("entering: publik", 'no stage "publik"; did you mean "public"?'),
    ("require: [{linked: {to: dosc}}]", 'no kind of link "dosc"; did you mean "docs"?'),
    ("require: [{within: {window: nights}}]", 'no window "nights"; allowed: office-hours'),
    ("require: [{outside: {freeze: easter}}]", 'no freeze "easter"; allowed: christmas'),
    ("require: [{described: {field: Audience}}]", "can never be met: only Jira has such fields, and no source is on Jira"),
    ("require: [{visited: {stage: public}}]", 'can never be met: "public" does not come before "public"'),
    ("require: [{custom: {name: acme.other}}]", 'no check "acme.other" is for repositories; allowed: acme.budget'),
    ("require: [{none: [{any: [{custom: {name: os.system}}]}]}]", 'no check "os.system" is for repositories; allowed: acme.budget'),
    ("later: 100 days", "what may be put off, and for how long, only the organisation's file says"),
    ("level: block", '"effective" is missing; a rule that blocks says from when on: effective: 2026-12-01'),
    ("require: []", "is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "fault"), WRONG, ids=lambda one: one[:40])
def test_a_fault_names_its_line_and_its_mending(line: str, fault: str) -> None:
    assert faults(f"version: 1\n{line}\n") == [fault]


@pytest.mark.parametrize(("part", "fault"), WRONG_RULES, ids=lambda one: one[:40])
def test_a_fault_of_an_added_rule_names_its_line_and_its_mending(part: str, fault: str) -> None:
    parts = {"id": "own", "entering": "public", "require": "[not_on_hold]", "level": "observe"}
    name, _, value = part.partition(": ")
    lines = [f"{key}: {each}" for key, each in (parts | {name: value}).items()]
    text = "version: 1\nrules:\n  - " + "\n    ".join(lines) + "\n"
    (found,) = faults(text)
    place, _, says = found.partition(": ")
    assert says == fault
    line = 3 if "is missing" in fault else 3 + list(parts | {name: value}).index(name)
    assert place.startswith(f"{line}:"), place
    assert "rules[0]" in place


def test_all_faults_come_at_once() -> None:
    text = (
        "version: 2\nrules:\n" + RULE + RULE.replace("docs", "dosc") + "raise: {hard: warn, nope: block}\nstages: {}\n"
    )
    found = faults(text)
    assert [one.partition(":")[0] for one in found] == ["1", "8", "10", "13", "13", "14"]


def test_too_much_is_refused() -> None:
    assert "larger than 32 KB" in faults("version: 1\n" + "#" * LARGEST)[0]
    many = "version: 1\nrules:\n" + "".join(rule(id=f"r{n}").partition("rules:\n")[2] for n in range(51))
    assert faults(many) == ["2:1 rules: 51 rules; a repository adds 50 at most"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_soon_and_in_words(text: str) -> None:
    began = time.process_time()
    assert faults(text)
    assert time.process_time() - began < SOON


# --- when the organisation's file changes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("level: warn", "level: block", Level.BLOCK),
        ("- {id: seen, entering", "- {id: heard, entering", None),
        ("level: observe}", "level: block, effective: 2026-12-01}", Level.BLOCK),
    ],
)
def test_a_file_that_counted_goes_on_where_the_organisation_has_come_as_far(
    old: str, new: str, level: Level | None
) -> None:
    text, org = GOOD, ORG.replace(old, new)
    assert org != ORG
    found = joined(text, org, accepted=True)
    assert next((one.level for one in found.rules if one.id == "seen"), None) in (level, Level.BLOCK)
    assert found.rules[-1].id == "documented"


def test_where_the_organisation_has_gone_further_its_own_level_stays() -> None:
    org = ORG.replace("level: observe}", "level: block, effective: 2026-12-01}")
    assert [one.level for one in joined(GOOD, org, accepted=True).rules][2] is Level.BLOCK
    assert "never lower it" in faults(GOOD, org)[0], "but as a new text it would be refused"


@pytest.mark.parametrize(
    ("old", "new"),
    [("{id: hard,", "{id: documented,"), ("links: {docs:", "links: {help:"), ("public: Public", "launch: Public")],
)
def test_a_file_that_counted_and_fits_no_more_is_out_as_a_whole(old: str, new: str) -> None:
    org = ORG.replace(old, new).replace(
        "entering: public", "entering: launch" if "launch" in new else "entering: public"
    )
    org = org.replace("public: p}", "launch: p}").replace("public: [Pu]", "launch: [Pu]") if "launch" in new else org
    assert faults(GOOD, org, accepted=True)


# --- whom it is for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("additions", "ref", "may"),
    [
        ("", "acme/app#1", False), ("{allowed: false}", "acme/app#1", False), ("{allowed: true}", "acme/app#1", True),
        ("{allowed: true}", "other/app#1", False), ("{allowed: true}", "APP-1", False),
        ("{allowed: true, repositories: [acme/web, acme/lib-*]}", "acme/app#1", False),
        ("{allowed: true, repositories: [acme/web, acme/lib-*]}", "Acme/Lib-one#1", True),
    ],
)  # fmt: skip
def test_a_repository_may_add_where_the_organisation_says_so_and_shows_stages(
    additions: str, ref: str, may: bool
) -> None:
    org = ORG.partition("additions:")[0] + (f"additions: {additions}\n" if additions else "")
    assert may_add(read(org), Ref.parse(ref)) is may


@pytest.mark.parametrize(
    ("additions", "fault"),
    [
        ("{allowed: true, repositories: [other/*]}", 'never read: no source shows stages in "other/*"'),
        ("{repositories: [acme/*]}", '"allowed" is missing'),
        ("{allowed: sometimes}", "true or false is needed here"),
    ],
)
def test_a_fault_of_the_organisations_own_section_is_named(additions: str, fault: str) -> None:
    with pytest.raises(Faulty, match=fault.replace("*", r"\*")):
        read(ORG.partition("additions:")[0] + f"additions: {additions}\n")


def test_the_rules_of_a_repository_have_a_name_among_the_refs_and_no_issue_has_the_same() -> None:
    rules = Ref.of_additions("acme/app")
    assert (str(rules), rules.key, Ref.parse(str(rules))) == ("additions:acme/app", "acme/app", rules)
    for text in ("additions:acme", "additions:", "additions:acme/app#1", "additions:APP-7"):
        with pytest.raises(ValueError, match="names no issue"):
            Ref.parse(text)


# --- it never weakens ---------------------------------------------------------------------------------------------

ISSUE = Issue(
    ref=Ref("github", "", "acme/app", 1), title="", body="", url="", author=Person("e", "erin"), me=Person("m", "me"),
    created=NOW, watermark=NOW, labels=(Label("1", "ready"),),
)  # fmt: skip
STRICT = [Outcome.ADMITTED, Outcome.WARNED, Outcome.BLOCKED]
CHECKS = st.sampled_from(
    [
        "{labelled: ready}",
        "{labelled: other}",
        "{acknowledged: {party: support}}",
        "{no_open: {labelled: x}}",
        "no_debt",
        "not_on_hold",
    ]
)
LEVELS = st.sampled_from(list(Level))
RULES = st.lists(
    st.tuples(CHECKS, LEVELS, st.sampled_from(["open", "closed"]), st.sampled_from(["apply", "tell"])), max_size=4
)


BASE = """rules:
  - {id: base, entering: public, require: [{acknowledged: {party: support}}], level: observe, later: 2 days}
"""


def written(rules: list[tuple[str, Level, str, str]], prefix: str) -> str:
    return "".join(
        f"  - {{id: {prefix}{n}, entering: public, require: [{check}], level: {level}, on_error: {error}, "
        f"when_cleared: {cleared}, effective: 2026-12-01}}\n"
        for n, (check, level, error, cleared) in enumerate(rules)
    )


def verdict(mappings: Mappings, unreadable: bool, ago: timedelta) -> Verdict:
    """What is said when Support's membership cannot be read, and the issues around it are not to be seen."""
    case = Case(
        ISSUE, mappings, NOW, (), unreadable={"support": NOW - ago} if unreadable else {}, doubted_since=NOW - ago
    )
    return judge(Ask("beta", "public", NOW - ago), mappings, CaseFor(case, "public", {}))


def no_milder(
    ours: list[tuple[str, Level, str, str]], theirs: list[tuple[str, Level, str, str]], raised: dict[int, Level],
    unreadable: bool, late: bool,
) -> None:  # fmt: skip
    org = ORG.partition("rules:")[0] + BASE + written(ours, "o") + "additions: {allowed: true}\n"
    order = list(Level)
    fits = {
        n: level
        for n, level in raised.items()
        if n < len(ours) and level is not Level.OBSERVE and order.index(level) >= order.index(ours[n][1])
    }
    text = (
        "version: 1\nrules:\n"
        + (written(theirs, "t") or "  []\n")
        + "raise: {"
        + ", ".join(f"o{n}: {level}" for n, level in fits.items())
        + "}\n"
    )
    ago = 2 * PATIENCE if late else PATIENCE / 2
    alone, together = verdict(read(org), unreadable, ago), verdict(joined(text, org), unreadable, ago)
    if alone.outcome is None:
        assert together.outcome in (None, Outcome.BLOCKED)
    elif alone.outcome is Outcome.BLOCKED:
        assert together.outcome is Outcome.BLOCKED, "not even later"
    else:
        assert together.outcome is None or STRICT.index(together.outcome) >= STRICT.index(alone.outcome)


@pytest.mark.parametrize("examples", [20, pytest.param(3000, marks=pytest.mark.drill)], ids=["few", "many"])
def test_whatever_a_repository_adds_no_verdict_is_milder_for_it(examples: int) -> None:
    raised = st.dictionaries(st.integers(0, 3), LEVELS)
    drawn = given(RULES, RULES, raised, st.booleans(), st.booleans())
    unread = ("{no_open: {labelled: x}}", Level.OBSERVE, "closed", "apply")
    shut = ("{labelled: other}", Level.BLOCK, "closed", "apply")
    once_wrong = example([unread, shut], [], {0: Level.BLOCK}, False, False)
    settings(max_examples=examples, deadline=None)(drawn(once_wrong(no_milder)))()


@pytest.mark.parametrize("late", [False, True])
def test_what_nobody_can_know_of_an_added_rule_does_not_put_off_that_the_organisations_blocks(late: bool) -> None:
    org = ORG.replace("[not_on_hold]", "[{labelled: other}]")
    unknown = rule("[{no_open: {labelled: x}}]").replace("level: observe", "level: block, effective: 2026-12-01")
    ago = 2 * PATIENCE if late else PATIENCE / 2
    assert verdict(joined(unknown, org), unreadable=False, ago=ago).outcome is Outcome.BLOCKED
    alone = verdict(joined(unknown), unreadable=False, ago=ago).outcome
    assert alone is (Outcome.BLOCKED if late else None), "where nothing else blocks, it is waited for"


def test_what_breaks_in_an_added_rule_does_not_keep_the_organisations_from_being_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(asked: object, case: Case) -> object:
        if getattr(asked, "section", "") == "Risks":
            raise OverflowError("too far away")
        return real(asked, case)  # type: ignore[arg-type]

    real = gate.evaluate
    monkeypatch.setattr(gate, "evaluate", breaks)
    mappings = joined(
        rule("[{described: {section: Risks}}]", ", when: {described: {section: Risks}}").replace(
            "level: observe", "level: block, effective: 2026-12-01"
        )
    )
    late = verdict(mappings, unreadable=False, ago=2 * PATIENCE)
    (broken,) = [one for one in late.gates if one.rule == "own"]
    assert (broken.ok, late.outcome) == (None, Outcome.BLOCKED)
    assert "OverflowError" in broken.findings[0].reason
    assert {one.rule for one in late.gates} == {"seen", "hard", "trial", "own"}


# --- for editors, and at the terminal -----------------------------------------------------------------------------


def test_a_good_file_fits_the_schema_and_one_that_says_more_does_not() -> None:
    whole = schema.additions()
    assert list(misfits(as_json(GOOD), whole, whole["$defs"])) == []
    for wrong in ("parties: {}\n", "raise: {seen: observe}\n", "rules: [{id: x}]\n"):
        assert list(misfits(as_json("version: 1\n" + wrong), whole, whole["$defs"])), wrong
    assert list(misfits(as_json(rule(more=", later: 2 days")), whole, whole["$defs"]))


def test_check_says_whether_a_file_would_be_taken(tmp_path: Path) -> None:
    own, org = tmp_path / "release-stages.yaml", tmp_path / "mappings.yaml"
    own.write_text(GOOD)
    org.write_text(ORG)
    assert check_additions(own, org) == (
        [f"release-stages.yaml ({digest_of(GOOD)[:12]}) has no fault beside mappings.yaml: 1 rule, 2 raised levels"], True
    )  # fmt: skip
    org.write_text(ORG.replace("allowed: true", "allowed: false"))
    assert (
        check_additions(own, org)[0][1] == "note: it would not be read; mappings.yaml has no additions: {allowed: true}"
    )
    own.write_text(GOOD.replace("trial: {level: warn", "hard: {level: warn"))
    lines, sound = check_additions(own, org)
    assert not sound
    assert lines[0].startswith("release-stages.yaml:10:9 raise.hard: ")
    org.write_text("version: 1\n")
    assert check_additions(own, org)[0][0].startswith("mappings.yaml:1:")


def test_the_form_of_the_file_is_all_that_is_in_it() -> None:
    assert set(Additions.model_fields) == {"version", "rules", "raised"}
