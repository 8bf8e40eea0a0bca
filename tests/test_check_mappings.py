"""examples/check-mappings.yml is run: its own scripts, in its own order, in a repository and against a sandbox.

What a runner of GitHub's does is done here as far as this workflow needs it: expressions, conditions, a shell for each
step. `pip` and `gh` are stand-ins that write down how they were called; `release-stages` is ours.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from integration.sandbox import World, running
from integration.sandbox.people import SERVICE_EMAIL, SERVICE_TOKEN
from tests.stories.files import mappings

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed; where the workflow runs it is")

BEFORE = """
  - {id: a, entering: beta, require: [labelled: ready], level: warn, effective: 2026-01-01}
"""
AFTER = (
    BEFORE
    + """
  - {id: b, entering: public, require: [acknowledged: {party: support}], level: block, effective: 2026-01-01}
"""
)
_EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")
_STATUS = re.compile(r"\b(?:cancelled|always|failure)\(\)")


class Known(dict[str, Any]):
    """What an expression may name; what is not there is empty."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name, "")


@dataclass
class Ran:
    """What became of the steps: the exit code of each that was run, and what it said."""

    codes: dict[str, int] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return any(self.codes.values())


@dataclass
class Runner:
    """A machine with a clone of the repository, in which the change is checked out."""

    home: Path
    world: World
    url: str
    secrets: Known
    variables: Known
    event: str = "pull_request"

    @property
    def clone(self) -> Path:
        return self.home / "clone"

    def git(self, *words: str) -> None:
        name = ["-c", "user.name=Rhea", "-c", "user.email=rhea@acme.example"]
        subprocess.run(["git", *name, *words], cwd=self.clone, check=True, capture_output=True, timeout=30)

    def has(self, before: str | None, after: str) -> None:
        """The file on the branch that the pull request is for, and as it would be."""
        self.clone.mkdir()
        self.git("init", "--quiet")
        if before:
            (self.clone / "mappings.yaml").write_text(before)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "before")
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        (self.clone / "mappings.yaml").write_text(after)

    def run(self, *only: str) -> Ran:
        """All steps whose condition holds, or of those the ones that are named."""
        workflow = YAML(typ="safe").load((ROOT / "examples/check-mappings.yml").read_text("utf-8"))
        (job,) = workflow["jobs"].values()
        ran, known = Ran(), self._known()
        known["env"] = Known(self._each(workflow["env"], known))
        known["env"].update(self._each(job["env"], known))
        for step in job["steps"]:
            wanted = "run" in step and (not only or step["name"] in only)
            outcome = "skipped"
            if wanted and self._applies(step.get("if", ""), known, ran):
                own = self._each(step.get("env", {}), known)
                self._step(step, {**known["env"], **own}, ran)
                outcome = "failure" if ran.codes[step["name"]] else "success"
            known["steps"][step.get("id", "")] = Known(outcome=outcome)
        return ran

    def _step(self, step: Mapping[str, Any], environ: Mapping[str, str], ran: Ran) -> None:
        script = self.home / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "-e", str(script)], cwd=self.clone, env={**self._machine(), **environ}, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip
        ran.codes[step["name"]], ran.said[step["name"]] = done.returncode, done.stdout + done.stderr

    def _machine(self) -> dict[str, str]:
        """What is set on a runner before any workflow says something."""
        return {
            "PATH": f"{self._tools()}:{os.environ['PATH']}", "HOME": str(self.home), "CI": "true",
            "GITHUB_API_URL": f"{self.url}/api/v3", "GITHUB_BASE_REF": "main", "GITHUB_REPOSITORY": "acme/rules",
            "GITHUB_STEP_SUMMARY": str(self.home / "summary.md"),
        }  # fmt: skip

    def _tools(self) -> Path:
        tools = self.home / "bin"
        tools.mkdir(exist_ok=True)
        ours = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m integration.cli "$@"'
        noted = 'printf "%s\\n" "$@" > "{}"'
        scripts = {
            "release-stages": ours,
            "pip": noted.format(self.home / "pip"),
            "gh": noted.format(self.home / "gh") + f'; cp simulated.md "{self.home / "posted.md"}"',
        }
        for name, script in scripts.items():
            (tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (tools / name).chmod(0o755)
        return tools

    # --- expressions

    def _known(self) -> Known:
        event = Known(pull_request=Known(number=7))
        return Known(
            secrets=self.secrets, vars=self.variables, inputs=Known(), steps=Known(), env=Known(),
            github=Known(event_name=self.event, event=event, token="of-the-run", ref="refs/pull/7/merge"),
        )  # fmt: skip

    def _each(self, named: Mapping[str, Any], known: Known) -> dict[str, str]:
        return {name: self._filled(str(value), known) for name, value in named.items()}

    def _filled(self, text: str, known: Known) -> str:
        return _EXPRESSION.sub(lambda found: _as_text(self._value(found[1], known)), text)

    def _applies(self, condition: str, known: Known, ran: Ran) -> bool:
        """Where no status is asked for, a step runs only while all before it went well."""
        inner = condition.removeprefix("${{ ").removesuffix(" }}")
        if ran.failed and not _STATUS.search(inner):
            return False
        return not inner or bool(self._value(inner, known))

    def _value(self, expression: str, known: Known) -> Any:
        python = re.sub(r"!(?!=)", " not ", expression).replace("&&", " and ").replace("||", " or ")
        return eval(python.strip(), {"__builtins__": {}}, {**known, "cancelled": lambda: False})


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with running(World()) as served:
        secrets = Known(RELEASE_STAGES_GITHUB_TOKEN=SERVICE_TOKEN, RELEASE_STAGES_JIRA_TOKEN=SERVICE_TOKEN)
        variables = Known(RELEASE_STAGES_JIRA_URL=served.jira_url, RELEASE_STAGES_JIRA_EMAIL=SERVICE_EMAIL)
        yield Runner(tmp_path, served.world, served.url, secrets, variables)


def went_out_untold(world: World) -> None:
    at = datetime.now(UTC) - timedelta(days=9)
    number = world.github.open_issue("acme/app", "Export as PDF", "erin", labels=["stage: beta"], at=at).number
    world.github.label("acme/app", number, "stage: public", "erin", at=at + timedelta(days=2))


def test_a_sound_change_passes_and_what_it_would_have_done_is_said_on_the_pull_request(runner: Runner) -> None:
    runner.has(mappings(BEFORE), mappings(AFTER))
    went_out_untold(runner.world)

    ran = runner.run()

    assert ran.codes == dict.fromkeys(
        ("Install Release Stages", "The file by itself", "Against the trackers", "What it would have done",
         "Say so on the pull request"), 0,
    ), ran.said  # fmt: skip
    assert "::error" not in "".join(ran.said.values())
    called = (runner.home / "gh").read_text().split()
    assert " ".join(called) == ("pr comment 7 --repo acme/rules --edit-last --create-if-none --body-file simulated.md")
    posted = (runner.home / "posted.md").read_text()
    assert "| newly blocked | 1 |" in posted
    assert "Export as PDF" in posted
    assert "before.yaml" in posted, "it is compared with the file of the branch that it is for"
    assert (runner.home / "summary.md").read_text() == posted


def test_a_broken_file_fails_at_its_line_and_no_word_is_said_of_what_it_would_have_done(runner: Runner) -> None:
    runner.has(mappings(BEFORE), mappings(AFTER).replace("party: support}]", "party: suport}]"))

    ran = runner.run()

    assert ran.codes["The file by itself"] == 1
    assert re.search(r"^::error file=mappings\.yaml,line=\d+::mappings\.yaml:\d+", ran.said["The file by itself"], re.M)
    assert "support" in ran.said["The file by itself"]
    assert "Against the trackers" not in ran.codes
    assert ran.codes["What it would have done"] == 2
    assert "Say so on the pull request" not in ran.codes
    assert not (runner.home / "gh").exists()


def test_without_secrets_as_in_a_fork_the_file_alone_is_checked(runner: Runner) -> None:
    runner.has(None, mappings(AFTER))
    runner.secrets, runner.variables = Known(), Known()

    assert runner.run().codes == {"Install Release Stages": 0, "The file by itself": 0}


def test_what_no_tracker_has_fails_the_step_that_asks_them_and_only_pull_requests_are_commented(runner: Runner) -> None:
    runner.has(mappings(BEFORE), mappings(AFTER).replace('"stage: public"', '"stage: pubic"'))
    runner.event = "push"

    ran = runner.run()

    assert ran.codes == {"Install Release Stages": 0, "The file by itself": 0, "Against the trackers": 1}
    assert re.search(r"^::error file=mappings\.yaml,line=\d+::.*pubic", ran.said["Against the trackers"], re.M)


def test_a_file_that_is_new_is_compared_with_no_rules_at_all(runner: Runner) -> None:
    runner.has(None, mappings(AFTER))
    went_out_untold(runner.world)

    ran = runner.run("What it would have done", "Say so on the pull request")

    assert list(ran.codes.values()) == [0, 0], ran.said
    assert "| newly blocked | 1 |" in (runner.home / "posted.md").read_text()
