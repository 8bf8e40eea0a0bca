"""The first day, and the day on which the ledger is lost: `init` and `import`, and all that they leave alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from integration.check import load
from integration.cli import main
from integration.importing import Import
from integration.look import Desk
from integration.memory.ledger import Ledger
from integration.sandbox.demo import seed
from integration.sandbox.faults import FOR_EVER, Fault
from integration.sandbox.people import SERVICE
from integration.stages.entries import Judged, Noticed, Outcome
from integration.stages.model import Ref
from tests.stories.house import LABELS, House, OnGitHub, OnJira, Team


@pytest.fixture(autouse=True)
def log_again() -> Iterator[None]:
    """The command sets how it logs; the tests behind it want it as it was."""
    yield
    structlog.reset_defaults()


def tell(house: House, *arguments: str, typed: str | None = None, **environ: str) -> Result:
    """The command, as somebody types it on the service's machine."""
    settings = house.settings
    (jira,) = settings.jira
    assert settings.github
    given = {
        "GITHUB_API_URL": settings.github.api_url, "GITHUB_TOKEN": settings.github.token,
        "GITHUB_WEBHOOK_SECRETS": "new",
        "JIRA_URL": jira.url, "JIRA_EMAIL": jira.email, "JIRA_API_TOKEN": jira.api_token, "JIRA_WEBHOOK_SECRETS": "js",
        "DATA_DIR": str(settings.data_dir), "MAPPINGS": str(settings.mappings), "REDIS_URL": settings.redis_url,
        "DATABASE_URL": settings.database_url, "MARKER_KEY": settings.marker_key.decode(),
    }  # fmt: skip
    return CliRunner().invoke(main, list(arguments), input=typed, env=given | environ, catch_exceptions=False)


def new_ledger(house: House, name: str = "new") -> str:
    return f"sqlite:///{house.settings.data_dir / f'{name}.db'}"


def asked(house: House) -> list[str]:
    """Everything that the trackers were asked since the counts were cleared."""
    return [line for calls in (house.world.github.calls, house.world.jira.calls) for line, _ in calls.asked]


def forget_asked(house: House) -> None:
    house.world.github.calls.clear()
    house.world.jira.calls.clear()


def posted(house: House) -> list[str]:
    """All comments of the service, wherever."""
    github, jira = house.world.github, house.world.jira
    on_github = [one.body for repo in github.repos.values() for issue in repo.issues.values()
                 for one in issue.comments if one.by == SERVICE]  # fmt: skip
    return on_github + [one.body for issue in jira.issues.values() for one in issue.comments if one.author == SERVICE]


# --- init -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def seeded(house: House) -> House:
    """An organisation that has used stages for weeks, and this service never."""
    seed(house.world)
    house.restart(database_url=new_ledger(house))
    house.settings.mappings.unlink()
    house.inbox._redis.flushall()
    return house


def test_a_first_file_is_proposed_the_ledger_filled_and_the_picture_shown(seeded: House) -> None:
    told = tell(seeded, "init", "--yes")

    assert told.exit_code == 0, told.output
    mappings = load(seeded.settings.mappings)
    github, jira = mappings.sources[0].github, mappings.sources[1].jira
    assert github and jira
    assert github.labels == {stage: (label,) for stage, label in LABELS.items()}
    assert jira.statuses["public"] == ("Released",)
    assert list(mappings.parties) == ["support", "growth", "docs", "release-managers"]
    assert "10 in the ledger" in told.stdout
    assert "  Internal Release      4" in told.stdout
    assert "  Support      1" in told.stdout, "one in Public of which Support was never told"
    assert "acme/app#1 Export reports as CSV: in Public Release since" in told.stdout
    entries = seeded.desk.ledger.entries(Ref.parse("acme/app#1"))
    assert {one.outcome for one in entries if isinstance(one, Judged)} == {Outcome.ADOPTED}
    assert {line.partition(" ")[0] for line in asked(seeded)} == {"GET"}, "it only reads"


def test_nothing_is_posted_by_it_nor_when_the_service_then_runs_on_it(seeded: House) -> None:
    tell(seeded, "init", "--yes")
    forget_asked(seeded)

    seeded.settle()
    seeded.later(minutes=10)
    github, jira = seeded.world.github, seeded.world.jira
    github.label("acme/app", 4, LABELS["public"], "erin")  # the file's rules would have wanted Support to know
    github.unlabel("acme/app", 4, LABELS["beta"], "erin")
    jira.transition("APP-1", "Released", "erin")
    github.comment("acme/app", 4, "@acme/support heads-up", "erin")
    github.open_issue("acme/web", "Brand new", "evan", labels=[LABELS["beta"]])
    seeded.settle()
    jira.transition("APP-1", "Internal", "erin")
    seeded.later(hours=7)
    seeded.later(days=8)

    assert posted(seeded) == []
    assert {line for line in asked(seeded) if not line.startswith("GET ")} == set(), "and nothing was moved or labelled"
    judged = [one for one in seeded.desk.ledger.entries(Ref.parse("acme/app#4")) if isinstance(one, Judged)]
    assert (judged[-1].outcome, [gate.ok for gate in judged[-1].gates][:1]) == (Outcome.ADMITTED, [False])


def test_once_a_rule_is_raised_to_block_the_next_move_is_put_back(seeded: House) -> None:
    tell(seeded, "init", "--yes")
    text = seeded.settings.mappings.read_text()
    seeded.settings.mappings.write_text(text.replace("    level: observe\n", "    level: block\n", 1))
    seeded.settle()
    seeded.later(seconds=30)

    seeded.world.github.label("acme/app", 4, LABELS["public"], "erin")
    seeded.settle()

    assert len([one for one in posted(seeded) if "Public Release needs Support first" in one]) == 1
    assert seeded.world.github.label_names("acme/app", 4) == [LABELS["beta"]]
    assert seeded.world.github.label_names("acme/app", 1) == [LABELS["public"]], "what stood there is adopted"


def test_a_file_that_is_there_is_not_overwritten_without_a_word(seeded: House) -> None:
    seeded.settings.mappings.write_text("mine")
    told = tell(seeded, "init", "--yes")
    assert told.exit_code == 2
    assert "is there already; --overwrite replaces it, --output names another" in told.stderr
    declined = tell(seeded, "init", typed="n\n" + "\n" * 30)
    assert declined.exit_code == 2
    assert "Which labels" not in declined.output, "nothing else is asked then"
    assert seeded.settings.mappings.read_text() == "mine"

    other = seeded.settings.data_dir / "other.yaml"
    beside = tell(seeded, "init", "--yes", "--output", str(other))
    assert beside.exit_code == 0
    assert f"Next: set MAPPINGS={other}; then release-stages import" in beside.stdout.replace("\n", "")
    assert load(other)
    assert Ledger.open(seeded.settings.database_url).refs() == (), "the service judges by another file"

    assert tell(seeded, "init", "--yes", "--overwrite").exit_code == 0
    assert load(seeded.settings.mappings)


def test_it_asks_and_takes_what_is_answered(seeded: House) -> None:
    answers = [
        "acme/app, acme/web", "APP",  # repositories; projects of main
        "-", "", "", "",  # labels: development shown by none
        "In Progress", "", "", "",  # statuses
        "acme/docs", "", "-", "-",  # teams: Support is Docs here
        "", "", "-", "-",  # groups
    ]  # fmt: skip
    told = tell(seeded, "init", typed="\n".join(answers) + "\n")

    assert told.exit_code == 0, told.output
    mappings = load(seeded.settings.mappings)
    github, jira = mappings.sources[0].github, mappings.sources[1].jira
    assert github and jira
    assert github.repositories == ("acme/app", "acme/web")
    assert list(github.labels) == ["internal", "beta", "public"]
    assert jira.projects == ("APP",)
    assert jira.statuses["development"] == ("In Progress",)
    assert mappings.parties["support"].github and mappings.parties["support"].github.team == "acme/docs"
    assert list(mappings.parties) == ["support", "growth"]


def test_answers_of_which_no_sound_file_can_be_made_are_asked_for_once_more(seeded: House) -> None:
    first = ["acme/app", "-", "", "stage: beta", "", "", "support", "", "", ""]
    then = ["", "-", "", "", "acme/support", "", "", ""]
    told = tell(seeded, "init", typed="\n".join([*first, *then]) + "\n")

    assert told.exit_code == 0, told.output
    assert "That makes no sound file, and nothing was written:" in told.stdout
    assert 'parties.support.github.team: "support" is no team; write organisation/team' in told.stdout
    (source,) = load(seeded.settings.mappings).sources
    assert source.github and list(source.github.labels) == ["development", "beta", "public"]


def test_where_nothing_can_be_written_nothing_is_asked(seeded: House) -> None:
    told = tell(seeded, "init", "--output", "no/such/folder/stages.yaml")
    assert told.exit_code == 2
    assert "nothing can be written in no/such/folder" in told.stderr
    assert "Repositories" not in told.output


def test_the_file_that_is_replaced_stays_until_the_new_one_is_whole(
    seeded: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded.settings.mappings.write_text("mine")

    def full(path: Path, text: str, *_: object) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    told = tell(seeded, "init", "--yes", "--overwrite")
    assert (told.exit_code, "No space left" in told.stderr) == (2, True)
    assert seeded.settings.mappings.read_text() == "mine"
    assert not list(seeded.settings.mappings.parent.glob(".*.yaml.*"))


def test_ctrl_c_in_the_middle_is_told_and_the_next_run_goes_on(seeded: House, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(seeded, "init", "--yes")
    database, looked_at = new_ledger(seeded, "again"), Import._looked_at

    def stops(self: Import, ref: Ref) -> None:
        looked_at(self, ref)
        if self.tally.written == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Import, "_looked_at", stops)
        told = tell(seeded, "import", DATABASE_URL=database)
    assert told.exit_code == 130
    assert "interrupted; what was read is kept, and `import` goes on from there" in told.stderr
    again = tell(seeded, "import", DATABASE_URL=database)
    assert "6 in the ledger\n4 had been looked at since this import began" in again.stdout


def test_flags_choose_and_leave_the_other_tracker_out(seeded: House) -> None:
    assert tell(seeded, "init", "--yes", "--jira", "main", "APP").exit_code == 0
    (source,) = load(seeded.settings.mappings).sources
    assert source.jira and source.jira.projects == ("APP",)
    assert all(ref.tracker == "jira" for ref in seeded.desk.ledger.refs())


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--github", "acme/ap"], 'our account sees no repository "acme/ap"; did you mean "acme/app"?'),
        (["--jira", "main", "AP"], 'our account sees no project "AP"; did you mean "APP"?'),
        (["--jira", "eu", "APP"], 'no Jira site "eu" is configured in the environment'),
    ],
)
def test_what_is_not_there_is_said_with_what_is(seeded: House, flags: list[str], says: str) -> None:
    told = tell(seeded, "init", "--yes", *flags)
    assert (told.exit_code, says in told.stderr) == (2, True), told.stderr
    assert not seeded.settings.mappings.exists()


# --- import -----------------------------------------------------------------------------------------------------------


def test_after_a_lost_ledger_an_open_request_is_taken_up_and_all_else_adopted(team: Team) -> None:
    house = team.house
    another = OnGitHub(house) if isinstance(team, OnGitHub) else OnJira(house)
    house.put_in_force("", notify="")
    another.stand_in("public", "Already out")
    house.put_in_force(house.rules)
    team.stand_in("beta")
    team.ask_for("public")
    said = [one.id for one in team.said]
    house.restart(database_url=new_ledger(house))
    forget_asked(house)

    told = tell(house, "import")

    assert told.exit_code == 0, told.output
    assert "2 in the ledger, 1 with an open request" in told.stdout
    assert {line.partition(" ")[0] for line in asked(house)} == {"GET"}
    assert [one.id for one in team.said] == said
    assert team.remembered.attempt and team.remembered.attempt.to == "public"
    assert {outcome for _, _, outcome in another.verdicts} <= {"adopted"}

    house.traveller.shift(2)
    team.says("/stage ack", by="sam")
    team.later(days=1, hours=1)
    assert "public" in team.stages
    assert [one.id for one in team.said][: len(said)] == said, "nothing is said twice"


def test_a_heads_up_from_before_is_evidence_where_the_laws_allow_it(house: House) -> None:
    team = OnGitHub(house)
    with house.world.github.quietly():
        team.open("beta")
        team.write("@acme/support heads-up: this goes out soon", by="erin")
    house.restart(database_url=new_ledger(house))

    tell(house, "import")

    noticed = [one for one in house.desk.ledger.entries(team.ref) if isinstance(one, Noticed)]
    assert [(one.party, one.stage, one.unreached) for one in noticed] == [("support", "public", "")]


def test_what_holds_for_a_whole_repository_is_asked_once_for_many_old_mentions(house: House) -> None:
    github = house.world.github
    with github.quietly():
        for number in range(3):
            issue = github.open_issue("acme/app", f"Feature {number}", "erin", labels=[LABELS["beta"]])
            github.comment("acme/app", issue.number, "@acme/support heads-up", "erin")
    house.restart(database_url=new_ledger(house))
    forget_asked(house)
    nowhere = f"unix://{house.settings.data_dir / 'nothing.sock'}"  # without Redis nothing is shared

    assert tell(house, "import", REDIS_URL=nowhere).exit_code == 0

    assert sum(line.endswith("/teams/support") for line in asked(house)) == 1


def test_a_second_import_changes_nothing(team: Team) -> None:
    house = team.house
    team.stand_in("beta")
    team.ask_for("public")
    house.restart(database_url=new_ledger(house))
    tell(house, "import")
    entries, counts = house.desk.ledger.entries(team.ref), len(house.desk.ledger.refs())

    house.traveller.shift(1)
    told = tell(house, "import")

    assert told.exit_code == 0
    assert house.desk.ledger.entries(team.ref) == entries
    assert len(house.desk.ledger.refs()) == counts
    assert house.desk.ledger.verify(team.ref) is None


def test_interrupted_it_goes_on_where_it_was(house: House) -> None:
    github = house.world.github
    with github.quietly():
        for number in range(6):
            github.open_issue("acme/app", f"Feature {number}", "erin", labels=[LABELS["beta"]])
    house.restart(database_url=new_ledger(house))
    house.world.faults.add(Fault(r"GET /api/v3/repos/acme/app/issues/[456]$", "before", status=503, times=FOR_EVER))

    stopped = tell(house, "import")

    assert stopped.exit_code == 2
    assert "GitHub answered 503" in stopped.stderr
    assert len(house.desk.ledger.refs()) == 3, "what was read is kept"

    house.world.faults.clear()
    forget_asked(house)
    house.traveller.shift(1)
    told = tell(house, "import")

    assert told.exit_code == 0
    assert "3 in the ledger" in told.stdout
    assert "3 had been looked at since this import began" in told.stdout
    assert "  Beta Release          6" in told.stdout, "the picture is of all of them"
    assert len(house.desk.ledger.refs()) == 6
    assert [line for line in asked(house) if line.endswith("/issues/4/timeline")], "read now"


def test_one_issue_that_cannot_be_read_holds_nobody_up_and_is_tried_once_more(house: House) -> None:
    github = house.world.github
    with github.quietly():
        for number in range(4):
            github.open_issue("acme/app", f"Feature {number}", "erin", labels=[LABELS["beta"]])
    house.restart(database_url=new_ledger(house))
    house.world.faults.add(Fault(r"GET /api/v3/repos/acme/app/issues/2$", "before", status=503, times=2))
    assert tell(house, "import").exit_code == 0, "it was there the second time"

    house.restart(database_url=new_ledger(house, "newer"))
    house.world.faults.add(Fault(r"GET /api/v3/repos/acme/app/issues/2$", "before", status=403, times=FOR_EVER))
    told = tell(house, "import")
    assert told.exit_code == 1
    assert "3 in the ledger" in told.stdout
    assert "1 could not be read: GitHub refused" in told.stdout


def test_where_something_is_to_be_done_it_is_left_to_the_workers_and_the_breaker(team: Team) -> None:
    house = team.house
    team.stand_in("beta")
    team.ask_for("public")
    team.later(days=1, hours=1)
    house.world.hooks.drop_next(2)  # nobody hears of it: on a Data Center a comment is told twice
    team.write("/stage ack", by="sam")
    said = len(team.said)
    house.restart(database_url=new_ledger(house))

    told = tell(house, "import")

    assert "1 left to the workers" in told.stdout
    assert (team.stage, len(team.said)) == ("beta", said), "the gates are open, and the import applies nothing"
    run = house.inbox.begin(team.ref)
    assert run and run.cause == "import"
    house.inbox.put_off(run, house.now())
    house.later(minutes=1)
    assert "public" in team.stages


def test_what_an_import_would_do_is_held_after_twenty_acts(house: House) -> None:
    github = house.world.github
    house.put_in_force(house.rules, notify="")
    with github.quietly():
        issues = [github.open_issue("acme/app", f"Feature {n}", "erin", labels=[LABELS["beta"]]) for n in range(14)]
    house.later(minutes=1)
    tell(house, "import")
    house.later(minutes=10)
    with github.quietly():
        for issue in issues:
            github.label("acme/app", issue.number, LABELS["public"], "erin")

    told = tell(house, "import")
    assert "14 left to the workers" in told.stdout
    house.settle()

    (held,) = house.inbox.breaker.held()
    assert held.cause == "import"
    assert sum("needs Support first" in one for one in posted(house)) < 14


def test_a_worker_that_writes_meanwhile_has_its_way(house: House) -> None:
    team = OnGitHub(house)
    with house.world.github.quietly():
        team.open("beta")
    house.restart(database_url=new_ledger(house))
    other = Desk.open(house.settings)

    def worker() -> None:
        other.write(team.ref, other.look(team.ref, house.now()), house.now())

    house.world.faults.add(Fault(r"GET .*/issues/1/timeline$", "call", call=worker, when="after"))
    told = tell(house, "import")

    assert told.exit_code == 0, told.output
    assert house.desk.ledger.verify(team.ref) is None
    assert [one.kind for one in house.desk.ledger.entries(team.ref)].count("judged") == 1
    other.ledger.close()


def test_without_redis_it_works_as_well(seeded: House) -> None:
    nowhere = f"unix://{seeded.settings.data_dir / 'nothing.sock'}"
    told = tell(seeded, "init", "--yes", REDIS_URL=nowhere)
    assert told.exit_code == 0, told.output
    assert "10 in the ledger" in told.stdout


def test_machines_get_the_whole_picture(seeded: House) -> None:
    tell(seeded, "init", "--yes")
    seeded.traveller.shift(1)
    told: dict[str, Any] = json.loads(tell(seeded, "import", "--json").stdout)

    assert told["written"] == 10
    assert told["stages"] == {"development": 2, "internal": 4, "beta": 3, "public": 1}
    (escaped,) = [one for one in told["features"] if one["escaped"]]
    assert (escaped["ref"], escaped["late"], escaped["never"]) == (
        "acme/app#1",
        ["support", "growth"],
        ["support", "growth"],
    )
    stands = Ledger.open(seeded.settings.database_url).rounds.told()
    assert (stands["import:github"].partition(": ")[2], stands["import:jira/main"].partition(": ")[2]) == (
        "7 looked at, 0 found", "3 looked at, 0 found",
    )  # fmt: skip


def test_a_broken_file_is_said_as_ever(house: House, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 7\n")
    told = tell(house, "import", MAPPINGS=str(broken), DATABASE_URL=new_ledger(house))
    assert told.exit_code == 2
    assert "broken.yaml:1" in told.stderr
