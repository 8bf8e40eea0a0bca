"""The ten minutes of docs/getting-started.md, step by step: what one types, and what is told then.

A step is typed by the test as a new user types it, in an empty folder, against a sandbox; its output is what stands in
the docs. To add one, put it where it belongs in `STEPS`.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Any

from click.testing import CliRunner

from integration.cli import main
from integration.look import Desk
from integration.memory.inbox import Inbox
from integration.sandbox import World
from integration.settings import Settings
from integration.stages.model import Ref
from workers import jobs

DOC = Path(__file__).parents[2] / "docs/getting-started.md"
COMMAND = ".venv/bin/release-stages"
PORT, SANDBOX, WIDTH = 8000, 8001, 120


class _Terminal(CliRunner):
    """Somebody sits there, and can be asked; what they type and nobody is to see is not shown."""

    @contextmanager
    def isolation(self, *args: Any, **more: Any) -> Iterator[Any]:
        with super().isolation(*args, **more) as streams:
            sys.stdin.isatty = lambda: True  # type: ignore[method-assign]
            yield streams


@dataclass
class Newcomer:
    """Somebody with an empty folder and a sandbox; `told` is what the last step has shown."""

    folder: Path
    world: World
    redis_url: str
    traveller: Any
    env: dict[str, str] = field(default_factory=dict)

    def types(self, line: str, typed: str | None = None) -> str:
        """A command of ours, as it is typed; what is told, with the sandbox's address as everybody has it."""
        words = shlex.split(line)
        assert words[0] == COMMAND, line
        ran = _Terminal().invoke(main, words[1:], input=typed, env=self.env, catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        return self.as_everybody_sees(ran.output)

    def as_everybody_sees(self, text: str) -> str:
        """The address of the sandbox is the usual one, and no folder is named."""
        seen = text.replace(self.world.url, f"http://127.0.0.1:{SANDBOX}").replace(f"{self.folder}/", "")
        return re.sub(r"(?m) +$", "", seen).rstrip("\n")

    def writes(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text.replace(f"http://127.0.0.1:{SANDBOX}", self.world.url))

    def starts_the_service(self) -> None:
        """From now on there is a Redis, and a worker looks at what is told to it."""
        self.env["REDIS_URL"] = self.redis_url

    def service_looks_at(self, ref: str) -> None:
        """A worker of ours does its work."""
        from integration.cli.asking import environment

        settings = Settings.read(environment() | self.env)
        desk, inbox = Desk.open(settings), Inbox.connect(settings.redis_url)
        inbox.hint(Ref.parse(ref))
        jobs.run_one(desk, inbox, Ref.parse(ref))
        desk.ledger.close()


@dataclass(frozen=True)
class Step:
    """One step: a heading, what is said of it, what is typed, and what that shows.

    `typed` stands in a code block; lines that begin with our command are run by the test. `before` happens in the
    world, where the newcomer does it elsewhere; `answers` are what is typed when the command asks. `file`: what is
    typed is no command, but the content of this file.
    """

    name: str
    says: str
    typed: str = ""
    file: str = ""
    before: Callable[[Newcomer], Any] | None = None
    answers: str | None = None
    shows: bool = True
    then: str = ""


ENV = f"""GITHUB_API_URL=http://127.0.0.1:{SANDBOX}/api/v3
JIRA_URL=http://127.0.0.1:{SANDBOX}/jira
JIRA_EMAIL=release-stages@acme.example
JIRA_API_TOKEN=sandbox-service-token
JIRA_WEBHOOK_SECRETS=sandbox-secret
PUBLIC_URL=http://127.0.0.1:{PORT}
MAPPINGS=stages.yaml
"""


def raise_support_to_block(one: Newcomer) -> None:
    now = (one.folder / "stages.yaml").read_text()
    (one.folder / "next.yaml").write_text(now.replace("    level: observe\n", "    level: block\n", 1))


def put_it_in_force(one: Newcomer) -> None:
    (one.folder / "next.yaml").rename(one.folder / "stages.yaml")


def erin_moves(one: Newcomer, number: int = 4) -> None:
    github = one.world.github
    github.label("acme/app", number, "stage: public", "erin")
    one.service_looks_at(f"acme/app#{number}")


STEPS = (
    Step(
        "Install it",
        "Python 3.11 or newer and `make` are enough; from step 9 on a `redis-server` on the PATH is needed, too.",
        "make install",
        shows=False,
    ),
    Step(
        "A GitHub and a Jira to try it with",
        "In a second terminal start the sandbox: a small GitHub and a small Jira with ten features at various stages. "
        f"Open <http://127.0.0.1:{SANDBOX}/>, and be anybody there. With trackers of your own, leave this step out.",
        ".venv/bin/python -m integration.sandbox --no-scene",
        shows=False,
    ),
    Step(
        "Say where they are",
        "A file `.env` in this folder holds all that the service must know of its surroundings; "
        "[.env.example](../.env.example) explains each variable. These are the sandbox's; with trackers of your own "
        "put in what the [README](../README.md#set-it-up) tells you to make. The secret is one that you make up: Jira "
        "signs with it what it tells us.",
        ENV,
        file=".env",
        shows=False,
    ),
    Step(
        "Let GitHub tell us of every move",
        "`setup github` does what is to be done there, and writes what comes of it into `.env`. With `--token` it "
        "makes a webhook, and asks for the token of the service's own account: here `sandbox-service-token`. At your "
        "own GitHub leave `--token` out, and a browser leads you through making an App, which is better: two clicks, "
        "and no more rights than are needed. Add `--dry-run` to see first what would be done.",
        f"{COMMAND} setup github --token --org acme",
        answers="sandbox-service-token\n",
    ),
    Step(
        "A first mappings.yaml, and where everything stands today",
        "`init` reads labels, statuses and teams, and proposes a file. Without `--yes` it asks, and Enter takes each "
        "guess. Then it reads every issue that shows a stage into the ledger. It posts nothing, and neither does the "
        "file: its rules observe.",
        f"{COMMAND} init --yes",
        then="Look into `stages.yaml`: it is short, and says what each part is for. One feature is in Public of which "
        "Support and Growth never heard: that is what this service is for.",
    ),
    Step(
        "Let Jira tell us, too",
        "Only an admin may do that. The command asks for a login that it uses now and keeps nowhere; here be Rhea, "
        "`rhea@acme.example`, with the token `sandbox-rhea-token`. It also looks for moves that a workflow would not "
        "let us take back.",
        f"{COMMAND} setup jira",
        answers="rhea@acme.example\nsandbox-rhea-token\n",
        then="Run either of them again, and nothing is done twice.",
    ),
    Step(
        "Does every repository have the labels?",
        "`labels sync` says which labels of the file a repository lacks. It makes them only with `--apply`, and never "
        "deletes or renames one.",
        f"{COMMAND} labels sync",
    ),
    Step(
        "Is everything there that it needs?",
        "`check --live` compares the file with the trackers, and the trackers with what the service needs. Each fault "
        "and each warning has its mending.",
        f"{COMMAND} check --live",
        then="No fault. The warnings tell of a private repository that Support, Growth and Docs may not read: what to "
        "do about it is yours to say. The same is compared when the service starts, and once a day.",
    ),
    Step(
        "Start it",
        "In a third terminal. It tells when it is ready. From now on it hears of every move, judges it, and writes "
        "down what it thinks; nobody on an issue is told. Move a feature on "
        f"<http://127.0.0.1:{SANDBOX}/github/acme/app>: nothing happens there.",
        f"{COMMAND} run",
        shows=False,
    ),
    Step(
        "What would it say?",
        "`explain` shows why an issue stands where it stands, and what your rules would say of its next move.",
        f"{COMMAND} explain acme/app#4",
        before=Newcomer.starts_the_service,
    ),
    Step(
        "Raise a rule, on paper",
        "Copy `stages.yaml` to `next.yaml`, and there write `level: block` in place of `level: observe` under "
        "`support-before-public`. `simulate` reads the histories of the last half year and judges every move by both "
        "files; it changes nothing at a tracker. [what-if.md](what-if.md) says how to read it.",
        f"{COMMAND} simulate --mappings next.yaml --against stages.yaml",
        before=raise_support_to_block,
        then="Of all moves one would have been blocked, until Support had answered: the one that escaped.",
    ),
    Step(
        "Raise it",
        "Is that what you want? Then put it in the place of the other: `mv next.yaml stages.yaml`. A file is checked "
        "before it takes effect; the running service takes it without a restart.",
        f"{COMMAND} check stages.yaml",
        before=put_it_in_force,
    ),
    Step(
        "See it hold the door",
        f"Be Erin at <http://127.0.0.1:{SANDBOX}/github/acme/app/issues/4> and put `stage: public` on *Dark mode*. A "
        "second later it is back in Beta, and one comment says what is missing and who can give it. Sam of Support "
        "answers `/stage ack`, and the service sets the stage that was asked for.",
        f"{COMMAND} explain acme/app#4",
        before=erin_moves,
    ),
    Step(
        "Whenever you like",
        "`import` reads all of it into the ledger again: after you have lost it, or to look at today's picture. It "
        "says nothing on any issue, and may run beside the service.",
        f"{COMMAND} import",
    ),
)

HEAD = """# Getting started: ten minutes

From nothing to a rule that holds the door, against a GitHub and a Jira that come along: no account is needed. Every
output below is what the commands print; `make words` writes it anew, and a test keeps it current.
"""
TAIL = """## And then

Raise one rule after the other: `observe`, `warn`, `block`; under `notify` write `level: post`. The file that ships,
[mappings.yaml](../mappings.yaml), is the tutorial for all that can be said; [rules.md](rules.md) has each requirement
with an example, and [things-that-go-wrong.md](things-that-go-wrong.md) what to do when something does. Where changes of
the file are reviewed, [check-mappings.yml](../examples/check-mappings.yml) checks them.
"""


def play(one: Newcomer) -> str:
    """All steps in order; the whole text of docs/getting-started.md."""
    made = [HEAD]
    for number, step in enumerate(STEPS, 1):
        one.traveller.shift(60)  # as long as one reads
        if step.before:
            step.before(one)
        if step.file:
            one.writes(step.file, step.typed)
        made.append(f"## {number}. {step.name}\n\n{fill(step.says, WIDTH, break_on_hyphens=False)}\n")
        made.append(f"```{'ini' if step.file else 'console'}\n{step.typed.strip()}\n```\n")
        if step.shows and not step.file:
            told = one.types(step.typed, step.answers)
            assert told, step.name
            made.append(f"```text\n{told}\n```\n")
        if step.then:
            made.append(f"{fill(step.then, WIDTH, break_on_hyphens=False)}\n")
    return "\n".join([*made, TAIL])


def without_surroundings() -> list[str]:
    """The variables of this machine that would change what the service believes."""
    ours = re.compile(r"(GITHUB|JIRA)_.*|MAPPINGS|PUBLIC_URL|REDIS_URL|DATABASE_URL|DATA_DIR|MARKER_KEY|SANDBOX.*|PORT")
    return [name for name in os.environ if ours.fullmatch(name)]
