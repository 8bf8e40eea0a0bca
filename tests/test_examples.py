"""The files in examples/: what they run is there, with the options that they use; what they read of it as well."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from integration.cli import main
from integration.settings import GITHUB, JIRA, PLAIN

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / "examples/check-mappings.yml"
_OURS = re.compile(r"^\s*release-stages (\w[\w-]*)(.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    return YAML(typ="safe").load(WORKFLOW.read_text("utf-8"))


def scripts(workflow: dict[str, Any]) -> Iterator[str]:
    for job in workflow["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)


def commands(workflow: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, rest) for script in scripts(workflow) for name, rest in _OURS.findall(script)]


def test_it_runs_where_a_change_is_reviewed_and_can_be_called(workflow: dict[str, Any]) -> None:
    assert set(workflow["on"]) == {"pull_request", "workflow_call"}, "with its secrets it is never run for a fork"
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    (job,) = workflow["jobs"].values()
    assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    assert workflow["on"]["workflow_call"]["inputs"]["mappings"]["default"] == "mappings.yaml"


def test_each_command_that_it_runs_is_there_with_its_options(workflow: dict[str, Any]) -> None:
    found = commands(workflow)
    assert [name for name, _ in found] == ["check", "check", "simulate"]
    for name, rest in found:
        if name == "simulate" and name not in main.commands:
            continue  # it comes with the what-if
        known = {option for each in main.commands[name].params for option in each.opts}
        used = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
        assert used <= known, f"release-stages {name} has no {used - known}"


def test_a_command_that_is_not_there_would_be_found() -> None:
    broken = {"jobs": {"one": {"steps": [{"run": "release-stages chek --live mappings.yaml"}]}}}
    assert commands(broken) == [("chek", " --live mappings.yaml")]
    assert "chek" not in main.commands


def test_what_it_reads_of_the_findings_is_in_them(workflow: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mappings.yaml").write_text("version: 1\nstages: 7\n")
    told = json.loads(CliRunner().invoke(main, ["check", "--json", str(tmp_path / "mappings.yaml")]).stdout)
    for script in scripts(workflow):
        if "jq " in script:
            query = script.partition("jq -r '")[2].partition("'")[0]
            read = set(re.findall(r"\.([a-z]+)", query)) - {"findings"}
            assert read
            assert read <= set(told["findings"][0]), query
            assert set(re.findall(r'level [!=]= "(\w+)"', query)) <= {"ok", "fault", "warning"}


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed; where the workflow runs it is")
def test_each_fault_is_shown_at_its_line(workflow: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mappings.yaml").write_text("version: 1\nstages: 7\n")
    told = CliRunner().invoke(main, ["check", "--json", str(tmp_path / "mappings.yaml")]).stdout
    queries = {script.partition("jq -r '")[2].partition("'")[0] for script in scripts(workflow) if "jq " in script}
    (query,) = queries
    environ = {"MAPPINGS": "mappings.yaml", "PATH": os.environ["PATH"]}
    shown = subprocess.run(["jq", "-r", query], input=told, text=True, capture_output=True, env=environ, timeout=10)
    assert shown.stderr == ""
    assert "::error file=mappings.yaml,line=2::mappings.yaml:2:" in shown.stdout


def test_each_script_is_one_that_a_shell_can_read(workflow: dict[str, Any]) -> None:
    for script in scripts(workflow):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=10)


def test_each_variable_that_it_sets_for_us_is_one_of_ours(workflow: dict[str, Any]) -> None:
    (job,) = workflow["jobs"].values()
    ours = {*PLAIN, *GITHUB, *(f"JIRA_{what}" for what in JIRA)}
    assert set(job["env"]) - {"HAS_ACCESS"} <= ours
    assert set(workflow["env"]) == {"MAPPINGS", "INSTALL"}


def test_the_readme_says_how_to_use_it() -> None:
    assert "examples/check-mappings.yml" in (ROOT / "README.md").read_text("utf-8")
    assert isinstance(main, click.Group)
