"""A repository adds rules of its own: they count there alone, never weaken the organisation's, and are whole or not."""

from __future__ import annotations

import pytest

from integration.explain import explain
from integration.failed import Record, lines
from integration.memory.breaker import MOST
from integration.sandbox.world import Fault
from integration.stages.entries import Judged
from integration.stages.file.additions import digest_of
from integration.stages.file.mappings import read
from integration.stages.model import ADDITIONS_FILE, Ref
from integration.web.readiness import Readiness
from tests.stories.files import RULES
from tests.stories.house import House, OnGitHub, bare
from tests.stories.test_war import many
from workers import sweep

ALLOWED = "additions: {allowed: true}"
DOCS = """\
version: 1
rules:
  - id: docs-before-public
    entering: public
    require: [{acknowledged: {party: docs}}]
    level: block
    effective: 2026-12-01
    because: Our users read the manual @acme/growth.
"""
WATCHED = """
  - id: seen-in-internal
    entering: public
    require: [{visited: {stage: internal}}]
    level: warn
    effective: 2026-12-01
    because: We look at it ourselves first.
"""
LOWERED = "version: 1\nraise: {support-before-public: warn}\n"


class OnWeb(OnGitHub):
    """An issue of acme/web."""

    repo = "acme/web"


@pytest.fixture
def open_house(house: House) -> House:
    """An organisation that lets repositories add rules, and has none that would keep a feature from Public."""
    house.put_in_force("", notify="", more=ALLOWED)
    return house


def pushed(house: House, text: str | bytes | None, repo: str = "acme/app", by: str = "erin", **more: object) -> None:
    house.world.github.push(repo, {ADDITIONS_FILE: text}, by, **more)  # type: ignore[arg-type]


def standing_in_beta(house: House, kind: type[OnGitHub] = OnGitHub) -> OnGitHub:
    team = kind(house)
    team.stand_in("beta")
    return team


def judged(team: OnGitHub) -> Judged:
    """Its last verdict."""
    return [one for one in team.house.desk.ledger.entries(team.ref) if isinstance(one, Judged)][-1]


def test_a_rule_that_a_repository_adds_blocks_there_and_nowhere_else(open_house: House) -> None:
    pushed(open_house, DOCS)
    app, web = standing_in_beta(open_house), standing_in_beta(open_house, OnWeb)

    app.ask_for("public")
    web.ask_for("public")

    assert app.stage == "beta"
    assert "public" in web.stages
    (block,) = app.told
    assert block.mentions == {"acme/docs", "erin"}, "whom the rule's own words name is nobody to mention"
    assert "The rule `docs-before-public` of this repository says" in block.body
    org = read(open_house.settings.mappings.read_text()).hash
    assert judged(app).mappings == f"{org}+{digest_of(DOCS)[:12]}"
    assert judged(web).mappings == org
    assert open_house.desk.ledger.versions.own_text(digest_of(DOCS)) == DOCS

    app.says("/stage ack", by="dora")
    assert app.stage == "public"


def test_explain_tells_by_which_versions_it_is_judged_and_whose_a_rule_is(open_house: House) -> None:
    pushed(open_house, DOCS)
    app = standing_in_beta(open_house)
    app.ask_for("public")
    told = explain(app.ref.key, open_house.settings)
    assert f"Judged by: {judged(app).mappings}" in told
    assert "docs-before-public (block, of acme/app itself): shut" in told


def test_a_repository_raises_a_level(house: House) -> None:
    house.put_in_force(WATCHED, notify="", more=ALLOWED)
    pushed(house, "version: 1\nraise: {seen-in-internal: block}\n")
    app, web = standing_in_beta(house), standing_in_beta(house, OnWeb)

    app.ask_for("public")
    web.ask_for("public")

    assert app.stage == "beta"
    assert "public" in web.stages
    assert "It stays there" in web.told[-1].body
    assert "seen-in-internal (block, raised by acme/app): shut" in explain(app.ref.key, house.settings)


def test_a_file_that_would_weaken_anything_is_refused_as_a_whole_and_told_to_admin_and_people(house: House) -> None:
    house.put_in_force(RULES, more=ALLOWED)
    pushed(house, DOCS + LOWERED.removeprefix("version: 1\n"))
    app = standing_in_beta(house)

    app.ask_for("public")
    app.says("/stage ack", by="sam")
    app.later(days=1, hours=1)

    assert app.stage == "public", "the organisation's rule counts, and the added one does not"
    assert not any(one.mentions & {"acme/docs"} for one in app.said)
    assert "This repository's own rules" in app.living.body
    assert "release-stages.yaml:9:" in bare(app.living.body)
    assert "never lower it" in app.living.body

    failed = "\n".join(lines(Record(house.desk.ledger, house.inbox).found()))
    assert "additions:acme/app" in failed
    assert "acme/app/.github/release-stages.yaml:9:" in failed
    assert "the people of acme/app mend .github/release-stages.yaml" in failed
    ready = Readiness(house.settings)()
    assert ready["additions"].startswith("One repository cannot have the rules of its own as they stand")
    assert "failing" not in ready, "no issue has failed"
    assert "acme/app" not in ready["additions"], "the page is open to all"


def test_a_file_that_breaks_keeps_its_last_good_version_until_it_is_mended(open_house: House) -> None:
    pushed(open_house, DOCS)
    app = standing_in_beta(open_house)
    app.ask_for("public")
    assert app.stage == "beta"

    pushed(open_house, DOCS.replace("party: docs", "party: dosc"))
    open_house.settle()
    open_house.later(seconds=12)
    assert app.stage == "beta"
    assert 'did you mean "docs"?' in app.living.body, "on what is open it is said soon"
    assert "the last good version counts" in app.living.body
    other = standing_in_beta(open_house)
    other.ask_for("public")
    assert other.stage == "beta", "the last good version counts for what is asked for now, too"

    pushed(open_house, DOCS)
    open_house.settle()
    open_house.later(seconds=12)
    assert "own rules" not in app.living.body
    assert Record(open_house.desk.ledger, open_house.inbox).found().is_well
    pushed(open_house, None)
    open_house.settle()
    open_house.later(seconds=12)
    assert [app.stage, other.stage] == ["public", "public"], "without a file there are no rules of its own"


def test_a_push_to_the_default_branch_is_heard_of_at_once_and_what_is_open_is_judged_anew(open_house: House) -> None:
    pushed(open_house, DOCS)
    app = standing_in_beta(open_house)
    app.ask_for("public")

    pushed(open_house, "version: 1\n", branch="try-it")
    pushed(open_house, "version: 1\n# nothing yet\n", branch="try-it")
    open_house.settle()
    open_house.later(seconds=12)
    assert app.stage == "beta"

    pushed(open_house, "version: 1\n")
    open_house.settle()
    open_house.later(seconds=12)
    assert app.stage == "public"
    open_house.later(minutes=1)
    assert open_house.inbox.depth() == 0


def test_a_push_that_github_does_not_show_at_once_is_waited_for(open_house: House) -> None:
    pushed(open_house, DOCS)
    app = standing_in_beta(open_house)
    app.ask_for("public")
    repo = open_house.world.github.repo("acme/app")
    was = dict(repo.files)

    pushed(open_house, None)
    repo.files.update(was)  # what is read is still the old branch
    open_house.settle()
    assert open_house.inbox.depth() == 1
    repo.files.clear()
    open_house.later(seconds=11)
    open_house.later(seconds=11)
    assert app.stage == "public"


def test_without_the_push_event_a_move_is_judged_by_a_file_that_is_at_most_ten_minutes_old(
    open_house: House,
) -> None:
    app = standing_in_beta(open_house)
    with open_house.world.github.quietly():
        pushed(open_house, DOCS)
    open_house.later(minutes=11)
    app.ask_for("public")
    assert app.stage == "beta"

    before = reads(open_house)
    app.says("what now?", by="evan")
    assert reads(open_house) == before, "it was read a moment ago"


def reads(house: House) -> list[int]:
    """How each request for a file was answered."""
    return [status for line, status in house.world.github.calls.asked if "/contents/" in line]


def test_a_file_that_has_not_changed_costs_nothing_to_read_again(open_house: House) -> None:
    pushed(open_house, DOCS)
    app = standing_in_beta(open_house)
    open_house.world.github.calls.clear()
    open_house.later(minutes=11)
    app.ask_for("public")
    assert app.stage == "beta"
    assert reads(open_house) == [304]


def test_without_any_event_the_sweep_hears_of_it_and_what_is_open_is_judged_anew(open_house: House) -> None:
    pushed(open_house, DOCS)
    app = standing_in_beta(open_house)
    app.ask_for("public")
    with open_house.world.github.quietly():
        pushed(open_house, None)
    open_house.later(minutes=11)
    open_house.inbox.hint(Ref.of_round(sweep.LIGHT, "github"))
    open_house.settle()
    open_house.later(seconds=12)
    assert app.stage == "public"


def test_what_was_admitted_is_never_judged_by_a_rule_that_is_added_later(open_house: House) -> None:
    app = standing_in_beta(open_house)
    app.ask_for("public")
    assert "public" in app.stages

    pushed(open_house, DOCS)
    open_house.settle()
    app.says("what now?", by="evan")
    open_house.later(hours=7)

    assert "public" in app.stages
    assert app.verdicts[-1] == ("beta", "public", "admitted")


def test_what_a_push_would_do_to_many_is_held_as_with_any_change_of_the_rules(open_house: House) -> None:
    pushed(open_house, DOCS)
    teams = many(open_house, OnGitHub, MOST + 2)
    for team in teams:
        team.move("public")
    open_house.settle()
    pushed(open_house, None)
    for _ in range(4):
        open_house.later(minutes=2)
    assert [one.cause for one in open_house.inbox.breaker.held()] == ["reload"]


def test_an_organisation_that_has_not_allowed_it_reads_no_file(house: House) -> None:
    house.put_in_force("", notify="")
    pushed(house, DOCS)
    app = standing_in_beta(house)
    house.world.faults.add(Fault("/contents/", "before", status=500, times=-1))
    app.ask_for("public")
    assert "public" in app.stages
    assert house.desk.ledger.versions.owns() == {}
    assert house.inbox.depth() == 0


def test_it_can_be_allowed_for_some_and_taken_back(open_house: House) -> None:
    open_house.put_in_force("", notify="", more="additions: {allowed: true, repositories: [acme/web]}")
    pushed(open_house, DOCS)
    pushed(open_house, DOCS, "acme/web")
    app, web = standing_in_beta(open_house), standing_in_beta(open_house, OnWeb)
    app.ask_for("public")
    web.ask_for("public")
    assert "public" in app.stages
    assert web.stage == "beta"

    open_house.put_in_force("", notify="")
    open_house.later(seconds=12)
    assert web.stage == "public"


def test_rules_that_do_not_fit_a_new_mappings_yaml_any_more_do_not_count_and_it_is_told(open_house: House) -> None:
    pushed(open_house, DOCS)
    app = standing_in_beta(open_house)
    app.ask_for("public")
    clash = DOCS.partition("rules:")[2].replace("because: Our users read the manual @acme/growth.", "because: Ours.")

    open_house.put_in_force(clash, notify="", more=ALLOWED)
    open_house.later(seconds=12)
    open_house.later(minutes=2)

    assert app.stage == "beta", "by the organisation's rule of that name"
    assert "take another name" in app.living.body
    assert "none of them counts" in app.living.body
    assert not Record(open_house.desk.ledger, open_house.inbox).found().is_well
    open_house.put_in_force("", notify="", more=ALLOWED)
    open_house.later(seconds=12)
    open_house.later(minutes=2)
    assert app.stage == "beta"
    assert "own rules" not in app.living.body
    assert "of this repository" not in app.living.body


def test_where_it_may_not_be_read_the_organisations_rules_count_and_the_admin_is_told(house: House) -> None:
    house.put_in_force(RULES, more=ALLOWED)
    pushed(house, DOCS)
    house.world.faults.add(Fault("/contents/", "before", status=403, times=-1))
    app = standing_in_beta(house)
    app.ask_for("public")
    assert app.stage == "beta"
    assert not any(one.mentions & {"acme/docs"} for one in app.said)
    failed = "\n".join(lines(Record(house.desk.ledger, house.inbox).found()))
    assert "contents: read" in failed

    house.world.faults.clear()
    house.later(minutes=11)
    app.says("/stage recheck", by="erin")
    house.later(hours=1)
    assert app.mentioning("acme/docs")
    assert Record(house.desk.ledger, house.inbox).found().is_well


@pytest.mark.parametrize("there", ["a folder", "a huge file", "no text", "half of it", "a bomb"])
def test_whatever_stands_in_its_place_takes_nothing_from_the_organisations_rules(house: House, there: str) -> None:
    house.put_in_force(RULES, more=ALLOWED)
    bomb = "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
    )
    texts: dict[str, dict[str, str | bytes | None]] = {
        "a folder": {f"{ADDITIONS_FILE}/x": "x"},
        "a huge file": {ADDITIONS_FILE: b"#" * 1_100_000},
        "no text": {ADDITIONS_FILE: b"\xff\xfe\x00"},
        "half of it": {ADDITIONS_FILE: DOCS[:80]},
        "a bomb": {ADDITIONS_FILE: bomb},
    }
    house.world.github.push("acme/app", texts[there], "erin")
    app = standing_in_beta(house)
    app.ask_for("public")
    assert app.stage == "beta"
    assert "support-before-public" in app.told[-1].body
    assert "own rules" in app.living.body
    failed = "\n".join(lines(Record(house.desk.ledger, house.inbox).found()))
    assert "additions:acme/app" in failed
