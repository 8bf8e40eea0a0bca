"""Webhooks by a token, and labels: said first, made once, mended where they are wrong, nothing taken away."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from honcho.environ import parse

from integration.cli import main
from integration.sandbox import World, running
from integration.sandbox.faults import Fault
from integration.sandbox.hooks import Hook
from integration.sandbox.people import SERVICE_TOKEN
from integration.sandbox.serving import Served
from integration.setup import steps

ROOT = Path(__file__).parent.parent.parent
PUBLIC = "https://stages.acme.example"
EVENTS = ("issues", "issue_comment", "label", "sub_issues", "issue_dependencies")
FILE = """
version: 1
stages: {internal: Internal Release, public: Public Release}
sources:
  - github:
      repositories: [%s]
      labels: {internal: "stage: internal", public: ["stage: public", shipped]}
"""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(steps, "PAUSE", 0)
    with running(World()) as one:
        yield one


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mappings.yaml").write_text(FILE % '"acme/app", "acme/web"')
    return tmp_path


def ask(served: Served, *arguments: str, **more: str) -> tuple[int, str]:
    environ = {"GITHUB_API_URL": served.github_url, "GITHUB_TOKEN": SERVICE_TOKEN, "PUBLIC_URL": PUBLIC, **more}
    said = CliRunner().invoke(main, arguments, env={name: value for name, value in environ.items() if value})
    if said.exception and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said.exit_code, said.output


def hooks(served: Served) -> dict[str, Hook]:
    return {one.place: one for one in served.world.hooks.hooks("github")}


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_webhooks_are_made_where_the_file_has_repositories_and_a_second_run_changes_nothing(
    served: Served, home: Path
) -> None:
    code, said = ask(served, "setup", "github", "--token")
    assert code == 0, said
    made = hooks(served)
    assert set(made) == {"acme/app", "acme/web"}
    kept = parse((home / ".env").read_text())
    for hook in made.values():
        assert (hook.url, hook.events, hook.form, hook.insecure) == (f"{PUBLIC}/webhooks/github", EVENTS, False, False)
        assert hook.secret == kept["GITHUB_WEBHOOK_SECRETS"]
    assert len(kept["GITHUB_WEBHOOK_SECRETS"]) >= 32
    assert stat.S_IMODE((home / ".env").stat().st_mode) == 0o600
    assert kept["GITHUB_WEBHOOK_SECRETS"] not in said
    assert SERVICE_TOKEN not in said

    env = (home / ".env").read_text()
    code, said = ask(served, "setup", "github", "--token", **kept)
    assert code == 0
    assert said.count("  ok  ") == 2
    assert hooks(served) == made
    assert (home / ".env").read_text() == env


def test_where_repositories_add_rules_a_webhook_tells_of_pushes_too_and_one_that_is_there_is_mended(
    served: Served, home: Path
) -> None:
    ask(served, "setup", "github", "--token")
    (home / "mappings.yaml").write_text(FILE % '"acme/app", "acme/web"' + "additions: {allowed: true}\n")

    code, said = ask(served, "setup", "github", "--token")

    assert code == 0, said
    assert "it is not told of push" in said
    assert {hook.events for hook in hooks(served).values()} == {(*EVENTS, "push")}


def test_a_pattern_of_repositories_means_the_organisations_webhook(served: Served, home: Path) -> None:
    (home / "mappings.yaml").write_text(FILE % '"acme/*"')
    assert ask(served, "setup", "github", "--token")[0] == 0
    assert set(hooks(served)) == {"acme"}


def test_a_dry_run_says_what_it_would_do_and_does_nothing(served: Served, home: Path) -> None:
    code, said = ask(served, "setup", "github", "--token", "--dry-run")
    assert code == 0
    assert "would   acme/app: make a webhook to https://stages.acme.example/webhooks/github" in said
    assert "release-stages[bot]" in said, "as whom"
    assert not hooks(served)
    assert not (home / ".env").exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"events": ("issues",)}, "it is not told of issue_comment"),
        ({"active": False}, "it is switched off"),
        ({"secret": ""}, "it has no secret"),
        ({"form": True}, "it does not send JSON"),
        ({"insecure": True}, "certificate"),
        ({"url": f"{PUBLIC}/webhooks/github/"}, ""),
    ],
)
def test_one_that_is_there_is_mended_and_no_second_one_made(
    served: Served, home: Path, wrong: dict[str, Any], says: str
) -> None:
    right: dict[str, Any] = {"url": f"{PUBLIC}/webhooks/github", "secret": "theirs", "events": (*EVENTS, "star")}
    hook = served.world.hooks.register(style="github", place="acme/app", **right | wrong)
    code, said = ask(served, "setup", "github", "--token", "--repository", "acme/app", GITHUB_WEBHOOK_SECRETS="theirs")
    assert code == 0, said
    assert says in said
    (now,) = [one for one in served.world.hooks.hooks("github") if one.id == hook.id]
    assert set(EVENTS) <= set(now.events)
    assert (now.active, now.secret, now.form, now.insecure) == (True, "theirs", False, False)
    assert len(hooks(served)) == 1
    assert ("mend" in said) is bool(says)


def test_somebody_elses_webhook_is_left_alone(served: Served, home: Path) -> None:
    theirs = served.world.hooks.register(
        "https://other.example/hook", "x", "github", place="acme/app", events=("push",)
    )
    assert ask(served, "setup", "github", "--token", "--repository", "acme/app")[0] == 0
    assert theirs in served.world.hooks.hooks("github")


def test_what_the_token_may_not_is_told_with_the_scope_that_it_takes_and_the_rest_is_done(
    served: Served, home: Path
) -> None:
    code, said = ask(served, "setup", "github", "--token", "--repository", "acme/nowhere", "--repository", "acme/app")
    assert code == 1
    assert "FAILED  acme/nowhere" in said
    assert "admin:repo_hook" in said
    assert set(hooks(served)) == {"acme/app"}


def test_the_token_that_may_set_up_is_another_one_and_is_not_kept(served: Served, home: Path) -> None:
    served.world.github.hook_readers = {"rhea"}
    assert ask(served, "setup", "github", "--token")[0] == 1
    code, said = ask(served, "setup", "github", "--token", SETUP_GITHUB_TOKEN=served.world.people["rhea"].token)
    assert code == 0, said
    assert served.world.people["rhea"].token not in (home / ".env").read_text()


def test_a_dead_token_is_told_in_words(served: Served, home: Path) -> None:
    code, said = ask(served, "setup", "github", "--token", GITHUB_TOKEN="ghp_dead")
    assert code == 2
    assert "Traceback" not in said
    assert "ghp_dead" not in said
    code, said = ask(served, "setup", "github", "--token", GITHUB_TOKEN="")
    assert (code, "set it in the environment" in said) == (2, True)


def test_a_webhook_that_signs_with_a_secret_that_we_have_lost_gets_the_new_one(served: Served, home: Path) -> None:
    ask(served, "setup", "github", "--token")
    (home / ".env").unlink()
    code, said = ask(served, "setup", "github", "--token")
    assert code == 0, said
    assert "mend its webhook: its secret is not the one in .env" in said
    kept = parse((home / ".env").read_text())["GITHUB_WEBHOOK_SECRETS"]
    assert {hooks(served)[place].secret for place in ("acme/app", "acme/web")} == {kept}


# --- labels -----------------------------------------------------------------------------------------------------------


def labels(served: Served, place: str) -> dict[str, tuple[str, str | None]]:
    return {one.name: (one.color, one.description) for one in served.world.github.repo(place).labels.values()}


SIGNED_IN = {"GITHUB_WEBHOOK_SECRETS": "s"}


def bare(served: Served, *places: str) -> None:
    """Repositories without any stage label."""
    for place in places:
        for name in [one for one in labels(served, place) if one.startswith("stage:")]:
            served.world.github.delete_label(place, name, "rhea")


def test_nothing_is_made_before_somebody_says_apply(served: Served, home: Path) -> None:
    bare(served, "acme/app", "acme/web")
    before = labels(served, "acme/app")
    code, said = ask(served, "labels", "sync", **SIGNED_IN)
    assert code == 0
    assert said.count("would   acme/app: make the label 'stage: ") == 2
    assert "with --apply it is done" in said
    assert labels(served, "acme/app") == before


def test_the_stage_labels_are_made_in_every_repository_with_colour_and_description(served: Served, home: Path) -> None:
    bare(served, "acme/app", "acme/web")
    code, said = ask(served, "labels", "sync", "--apply", **SIGNED_IN)
    assert code == 0, said
    for place in ("acme/app", "acme/web"):
        assert labels(served, place)["stage: internal"] == ("c5def5", "Release stage: Internal Release")
        assert labels(served, place)["stage: public"] == ("0e8a16", "Release stage: Public Release")
        assert "shipped" not in labels(served, place), "another name for the same stage is theirs to make"
    made = labels(served, "acme/app")
    code, said = ask(served, "labels", "sync", "--apply", **SIGNED_IN)
    assert (code, "done" in said, labels(served, "acme/app")) == (0, False, made)


def test_a_label_that_is_there_keeps_its_looks_and_its_case_unless_restyled(served: Served, home: Path) -> None:
    bare(served, "acme/app")
    served.world.github.create_label("acme/app", "Stage: Internal", "rhea", "ffffff", "ours")
    ask(served, "labels", "sync", "--apply", **SIGNED_IN)
    assert labels(served, "acme/app")["Stage: Internal"] == ("ffffff", "ours")
    assert "stage: internal" not in labels(served, "acme/app")
    ask(served, "labels", "sync", "--apply", "--restyle", **SIGNED_IN)
    assert labels(served, "acme/app")["Stage: Internal"] == ("c5def5", "Release stage: Internal Release")


def test_no_label_is_ever_taken_away_or_renamed(served: Served, home: Path) -> None:
    served.world.github.create_label("acme/app", "stage: beta-ish", "rhea")
    before = set(labels(served, "acme/app"))
    ask(served, "labels", "sync", "--apply", "--restyle", **SIGNED_IN)
    assert before <= set(labels(served, "acme/app"))


def test_a_repository_that_refuses_is_told_and_the_others_are_done(served: Served, home: Path) -> None:
    bare(served, "acme/app", "acme/web")
    served.world.github.repo("acme/app").people["release-stages[bot]"] = "triage"
    code, said = ask(served, "labels", "sync", "--apply", **SIGNED_IN)
    assert code == 1
    assert "FAILED  acme/app: make the label" in said
    assert "stage: public" in labels(served, "acme/web")


def test_where_github_asks_us_to_wait_we_wait_and_go_on(served: Served, home: Path) -> None:
    bare(served, "acme/app")
    served.world.faults.add(Fault("POST .*/labels", "secondary_rate_limit", seconds=1))
    code, said = ask(served, "labels", "sync", "--apply", **SIGNED_IN)
    assert code == 0, said
    assert {"stage: internal", "stage: public"} <= set(labels(served, "acme/app"))
