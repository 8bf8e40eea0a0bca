"""Commands that set the service up at the trackers: a GitHub App or webhooks, labels, a Jira site.

Each says what it does, finds what is there, and does nothing twice. No secret is printed, or taken as an argument.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from integration.cli.asking import environment, fail, for_people, hush, keep, settings_from, show

if TYPE_CHECKING:
    from integration.setup.app import Event, Permission
    from integration.setup.github import Hooks, Labels, Wanted
    from integration.setup.steps import Step
    from integration.stages.file.mappings import Mappings

_API = "https://api.github.com"
_DRY = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


@click.group("setup")
def set_up() -> None:
    """Set the service up at a tracker: `setup github`, `setup jira`."""
    hush()


@set_up.command()
@click.option("--organisation", "--org", metavar="NAME", help="Who is to own the App. Else the owner in mappings.yaml.")
@click.option("--personal", is_flag=True, help="The App is to be your own account's.")
@click.option("--url", metavar="ADDRESS", help="Where GitHub reaches this service. Else PUBLIC_URL.")
@click.option("--port", default=0, help="The port on 127.0.0.1 that GitHub sends you back to. Else a free one.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option(
    "--link", is_flag=True, help="Print an address of the running service at which to do it, good for an hour."
)
@click.option("--token", is_flag=True, help="No App: webhooks, by the token of an account that nobody else uses.")
@click.option(
    "--repository", "repositories", multiple=True, metavar="OWNER/NAME", help="With --token: where; repeat it."
)
@_DRY
def github(
    organisation: str | None, personal: bool, url: str | None, port: int, no_browser: bool, link: bool, token: bool,
    repositories: tuple[str, ...], dry_run: bool,
) -> None:  # fmt: skip
    """Make a GitHub App in two clicks, with the least permissions that work; or, with --token, webhooks without one.

    Its id, key and secret are written to `.env` here and a .pem file beside it, for this account alone (mode 600).
    """
    environ = environment()
    address = _public_url(url, environ)
    mappings = _mappings(environ)
    if token:
        _hooks(environ, address, repositories or ((organisation,) if organisation else ()), mappings, dry_run)
        return
    owner = "" if personal else organisation or _owner(mappings)
    if link:
        _link(environ, owner, mappings)
    else:
        _app(environ, address, owner, mappings, _Opening(port, not no_browser, dry_run))


@set_up.command()
@click.option(
    "--site", default="main", show_default=True, metavar="NAME", help="Which site, as the environment names it."
)
@click.option("--url", metavar="ADDRESS", help="Where Jira reaches this service. Else PUBLIC_URL.")
@click.option("--group", default="release-stages", show_default=True, help="The group that our account is alone in.")
@click.option("--apply", is_flag=True, help="Change the workflows, too. Without it, their change is only said.")
@click.option("--take-away", is_flag=True, help="Instead, take what is ours out of the workflows.")
@_DRY
def jira(site: str, url: str | None, group: str, apply: bool, take_away: bool, dry_run: bool) -> None:
    """Register the webhook, check that what is put back finds its way, and let the workflow refuse moves by itself.

    It takes a Jira admin's login, which is used now and kept nowhere: SETUP_JIRA_EMAIL and SETUP_JIRA_API_TOKEN in the
    environment (Data Center: SETUP_JIRA_PAT), or typed in. docs/prevention.md tells what the workflow is changed to.
    """
    from integration.cli.setup_jira import set_up as set_up_jira

    environ = environment()
    address = _public_url(url, environ)
    failed = set_up_jira(environ, site, address, group, dry_run, apply, take_away)
    if not dry_run:
        _kept(environ, address)
    sys.exit(1 if failed else 0)


class _Opening:
    """How the page is opened."""

    def __init__(self, port: int, browser: bool, dry_run: bool) -> None:
        self.port, self.browser, self.dry_run = port, browser, dry_run

    def tell(self, address: str) -> None:
        """Print the address, and open it where there is a browser."""
        click.echo(f"Open this address, and follow it to GitHub:\n\n  {address}\n")
        click.echo("It is answered on this machine alone, for an hour. Ctrl-C ends it.")
        seen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin"
        if self.browser and seen:
            click.launch(address)


def _app(environ: Mapping[str, str], address: str, owner: str, mappings: Mappings | None, opening: _Opening) -> None:
    from integration.setup import app as asked_for
    from integration.setup.github import uses
    from integration.setup.registering import SetupFailed
    from integration.web import setup as pages

    if environ.get("GITHUB_APP_ID"):
        fail(SetupFailed("a GitHub App is configured already: take GITHUB_APP_ID out of the environment, and of .env"))
    used = uses(mappings)
    for line in _asks(asked_for.permissions(used), asked_for.events(used), address):
        click.echo(line)
    if opening.dry_run:
        return
    wanted = pages.Wanted(Path.cwd(), secrets.token_bytes(32), _api_url(environ), address)
    made = for_people(
        lambda: pages.on_loopback(
            wanted, opening.port, lambda root: pages.address(wanted, root, owner, used), opening.tell
        )
    )
    if made is None:
        fail(SetupFailed("an hour is over, and no App was made; begin anew"))
    _kept(environ, address)
    click.echo(
        f"\nThe App {made.slug} is made; its credentials are in .env and {made.slug}.private-key.pem (mode 600)."
    )
    click.echo(f"Two things are left:\n  install it on your repositories: {made.install_at}\n  start the service anew")
    for name in sorted({"GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY_FILE", "GITHUB_WEBHOOK_SECRETS"} & set(environ)):
        if not _in_file(name):
            click.echo(f"  take {name} out of the environment: it is stronger than what .env says")


def _asks(permissions: Iterable[Permission], events: Iterable[Event], address: str) -> Iterable[str]:
    yield "The App asks for no more than this:"
    for one in permissions:
        yield f"  {one.called:26} {one.allows:15} {one.why}"
    yield "  told of:"
    for event in events:
        yield f"    {event.called:40} {event.why}"
    yield f"  delivers to: {address}/webhooks/github"
    yield ""


def _link(environ: Mapping[str, str], owner: str, mappings: Mappings | None) -> None:
    from integration.setup.github import uses
    from integration.setup.registering import SetupFailed
    from integration.web import setup as pages

    settings = settings_from(environ)
    if settings.github and settings.github.app_id:
        fail(SetupFailed("a GitHub App is configured already, so /setup/github is closed"))
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - it is only compared
    wanted = pages.Wanted(Path.cwd(), settings.marker_key, _api_url(environ), environ.get("PUBLIC_URL", ""))
    used = uses(mappings)
    roots = [environ["PUBLIC_URL"]] if environ.get("PUBLIC_URL") else []
    for root in (*roots, f"http://{host}:{settings.port}"):
        click.echo(pages.address(wanted, root, owner, used))
    click.echo("Each is good for an hour, and for whoever has it: give it to nobody else.", err=True)


# --- webhooks by a token ----------------------------------------------------------------------------------------------


def _hooks(
    environ: Mapping[str, str], address: str, named: tuple[str, ...], mappings: Mappings | None, dry_run: bool
) -> None:  # fmt: skip
    from integration.settings import GitHubSettings
    from integration.setup import github as places
    from integration.setup.registering import SetupFailed
    from integration.setup.steps import carried_out
    from integration.trackers.github_wire import Wire

    where = named or (places.places(mappings) if mappings else ())
    if not where:
        fail(SetupFailed("no repository is named: write --repository OWNER/NAME, or a source in mappings.yaml"))
    token = environ.get("SETUP_GITHUB_TOKEN") or environ.get("GITHUB_TOKEN") or _asked("The token (not shown)")
    known = [one.strip() for one in environ.get("GITHUB_WEBHOOK_SECRETS", "").split(",") if one.strip()]
    secret = known[0] if known else secrets.token_hex(32)
    hook = places.Hook.of(address, secret, places.uses(mappings), not known)
    hooks = places.Hooks(Wire(GitHubSettings(_api_url(environ), token)), hook)
    click.echo(f"As {for_people(hooks.account)}, at {_api_url(environ)}:")
    if not dry_run:
        new = {} if known else {"GITHUB_WEBHOOK_SECRETS": secret}
        new |= {} if environ.get("GITHUB_TOKEN") or environ.get("SETUP_GITHUB_TOKEN") else {"GITHUB_TOKEN": token}
        keep(new)  # before anything is delivered that is signed with it
        _kept(environ, address)
    sys.exit(1 if show(carried_out(_each(hooks, where), not dry_run)) else 0)


def _each(hooks: Hooks, places: Iterable[str]) -> Iterator[Step]:
    """What there is to do at each place; one that we may not see is told like one where something failed."""
    from integration.setup.steps import Step

    for place in places:
        try:
            yield from list(hooks.steps(place))
        except _tracker_errors() as error:
            yield Step.failed(place, error)


# --- labels -----------------------------------------------------------------------------------------------------------


@click.group()
def labels() -> None:
    """The labels by which GitHub shows stages."""


@labels.command()
@click.option("--apply", is_flag=True, help="Do it. Without it, only what would be done is said.")
@click.option("--restyle", is_flag=True, help="Give labels that are there our colours and descriptions, too.")
def sync(apply: bool, restyle: bool) -> None:
    """Make the stage labels of mappings.yaml in every repository that its sources name.

    What would be done is shown first; nothing is done without --apply. Nothing is ever deleted or renamed, and what is
    there stays as it looks.
    """
    environ = environment()
    settings = settings_from(environ)
    from integration.check import load
    from integration.setup import github as places
    from integration.setup.registering import SetupFailed
    from integration.setup.steps import carried_out
    from integration.trackers.github import GitHub

    if settings.github is None:
        fail(SetupFailed("GitHub is not configured: run `release-stages setup github`"))
    mappings, tracker = for_people(lambda: load(settings.mappings)), GitHub(settings.github)
    steps = for_people(
        lambda: [
            (place, places.wanted(source, mappings))
            for source in places.sources(mappings)
            for place in tracker.places(source.repositories)
        ]
    )
    failed = show(carried_out(_labels(places.Labels(tracker.wire), steps, restyle), apply))
    if not apply:
        click.echo("Nothing was changed; with --apply it is done.")
    sys.exit(1 if failed else 0)


def _labels(labels: Labels, wanted: Iterable[tuple[str, Sequence[Wanted]]], restyle: bool) -> Iterator[Step]:
    from integration.setup.steps import Step

    for place, those in wanted:
        try:
            yield from list(labels.steps(place, those, restyle))
        except _tracker_errors() as error:
            yield Step.failed(place, error)


def _tracker_errors() -> type[Exception]:
    from integration.trackers import TrackerError

    return TrackerError


# --- what all of them need --------------------------------------------------------------------------------------------


def _public_url(said: str | None, environ: Mapping[str, str]) -> str:
    """Our own address, without a slash at its end."""
    from integration.setup.registering import SetupFailed

    url = (said or environ.get("PUBLIC_URL") or "").rstrip("/")
    if not url:
        fail(SetupFailed("trackers must know where to deliver: give --url https://… or set PUBLIC_URL"))
    if not url.startswith(("http://", "https://")) or "@" in url or "?" in url:
        fail(SetupFailed("PUBLIC_URL is no web address: write one such as https://stages.acme.example"))
    return url


def _api_url(environ: Mapping[str, str]) -> str:
    return (environ.get("GITHUB_API_URL") or _API).rstrip("/")


def _mappings(environ: Mapping[str, str]) -> Mappings | None:
    """The file, where there is one; a broken one ends it here."""
    path = Path(environ.get("MAPPINGS") or "mappings.yaml")
    if not path.is_file():
        return None
    from integration.check import load

    return for_people(lambda: load(path))


def _owner(mappings: Mappings | None) -> str:
    from integration.setup.github import owner_of

    return owner_of(mappings) if mappings else ""


def _asked(prompt: str) -> str:
    """A secret, typed in: an argument would be seen by others."""
    if not sys.stdin.isatty():
        from integration.setup.registering import SetupFailed

        fail(SetupFailed(f"{prompt}: there is nobody to ask; set it in the environment"))
    return str(click.prompt(prompt, hide_input=True))


def _kept(environ: Mapping[str, str], address: str) -> None:
    """Our address, which others must know, too."""
    if environ.get("PUBLIC_URL", "").rstrip("/") != address:
        keep({"PUBLIC_URL": address})


def _in_file(name: str) -> bool:
    from integration.setup import dotenv

    return dotenv.sets(dotenv.HERE, name)


COMMANDS = (set_up, labels)
