"""`python -m integration.sandbox`: the sandbox as a process of its own."""

from __future__ import annotations

import click

from integration.sandbox.people import GITHUB_SECRET, JIRA_SECRET
from integration.sandbox.serving import serve


@click.command()
@click.option("--port", default=8001, show_default=True, help="Where the sandbox listens, on 127.0.0.1.")
@click.option("--hooks", default="", help="The service's root, such as http://127.0.0.1:8000; it gets the webhooks.")
@click.option("--github-secret", default=GITHUB_SECRET, show_default=True, help="Signs GitHub's webhooks.")
@click.option("--jira-secret", default=JIRA_SECRET, show_default=True, help="Signs Jira's webhooks.")
@click.option("--demo/--no-demo", default=True, show_default=True, help="Seed some features, and play a short scene.")
@click.option(
    "--scene/--no-scene", default=True, show_default=True, help="Without: the features alone; it is your turn."
)
def main(port: int, hooks: str, github_secret: str, jira_secret: str, demo: bool, scene: bool) -> None:
    """Serve a small GitHub and a small Jira, in memory."""
    if not scene:
        click.echo(f"A small GitHub and a small Jira: http://127.0.0.1:{port}/")
    try:
        serve(port, hooks, github_secret, jira_secret, demo, scene)
    except KeyboardInterrupt:
        click.echo("The sandbox is gone, and all that was in it.")


if __name__ == "__main__":
    main()
