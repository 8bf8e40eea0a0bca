"""`setup jira`: a site's webhook, its ways back, and what lets its own workflow refuse what would be put back."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import click

from integration.cli.asking import fail, for_people, keep, settings_from, show

if TYPE_CHECKING:
    from integration.settings import JiraSettings, Settings
    from integration.setup.jira import Address, Site
    from integration.setup.steps import Told
    from integration.stages.file.mappings import Mappings


def set_up(
    environ: Mapping[str, str], site: str, public_url: str, group: str, dry_run: bool, apply: bool, take_away: bool
) -> bool:  # fmt: skip
    """All of it for one site, told line by line; whether something failed."""
    prefix = "JIRA_" if site == "main" else f"JIRA_{site.upper()}_"
    if not environ.get(f"{prefix}URL"):
        _no_site(site, prefix)
    environ, made = _with_secret(environ, prefix)
    settings, ours, mappings = _known(environ, site)
    one = _site(environ, ours, mappings)
    click.echo(f"{one.wire}, projects {', '.join(one.projects)}:")
    keep({} if dry_run else made)
    from integration.setup.steps import carried_out

    failed = show(carried_out(for_people(lambda: one.webhook(_address(ours, public_url, bool(made)))), not dry_run))
    if ours.webhook_secrets and not ours.cloud:
        click.echo("  note    Data Center takes the secret on the webhook's page alone: enter it there by hand")
    failed = show(_ways_back(one)) or failed
    if not one.prevented and not take_away:
        click.echo("  note    no source here says `prevent`, so moves are put back, not refused: docs/prevention.md")
        return show(_forgotten(one, group)) or failed
    return _prevent(one, settings, group, apply and not dry_run, take_away) or failed


def _ways_back(one: Site) -> Iterable[Told]:
    return for_people(lambda: list(one.ways_back())) if one.wire.cloud else ()


def _forgotten(one: Site, group: str) -> Iterable[Told]:
    from integration.setup.preventing import Preventing

    return Preventing(one, group, "", apply=False).forgotten() if one.wire.cloud else ()


def _prevent(one: Site, settings: Settings, group: str, apply: bool, take_away: bool) -> bool:
    from integration.setup.preventing import Preventing

    if not one.wire.cloud:
        click.echo("  FAILED  only Jira Cloud has rules that read a field: docs/prevention.md tells what to do by hand")
        return True
    preventing = Preventing(one, group, for_people(one.ours.account).id, apply)
    failed = show(preventing.take_away() if take_away else preventing.put())
    if not apply:
        click.echo("The workflows were not changed; with --apply they are.")
    elif not take_away and not failed:
        failed = not _look_at_all(settings, one)
    return failed


def _look_at_all(settings: Settings, one: Site) -> bool:
    """Hint at all issues that show a stage, as their fields are right once each was looked at; could we?"""
    from integration.memory.away import Away
    from integration.memory.inbox import Inbox

    inbox, count = Inbox.connect(settings.redis_url), 0
    try:
        for ref in for_people(lambda: list(one.issues())):
            inbox.hint(ref)
            count += 1
    except Away as away:
        click.echo(
            f"  FAILED  the service could not be told ({away}): until it has looked at an issue, nobody can move it to "
            "such a stage; start it, and run this once more where REDIS_URL is the service's"
        )
        return False
    click.echo(f"  done    the service looks at the {count} issues that show a stage, and fills their fields")
    return True


# --- who we are, and what is known ------------------------------------------------------------------------------------


def _with_secret(environ: Mapping[str, str], prefix: str) -> tuple[dict[str, str], dict[str, str]]:
    """The environment, with a new secret where the site has none; and what is new in it."""
    known = any(environ.get(prefix + what) for what in ("WEBHOOK_SECRETS", "WEBHOOK_PATH_SECRET"))
    if known:
        return dict(environ), {}
    what = "WEBHOOK_PATH_SECRET" if environ.get(f"{prefix}PAT") else "WEBHOOK_SECRETS"
    made = {prefix + what: secrets.token_hex(32)}
    return {**environ, **made}, made


def _known(environ: Mapping[str, str], site: str) -> tuple[Settings, JiraSettings, Mappings]:
    from integration.check import load

    settings = settings_from(environ)
    ours = next((one for one in settings.jira if one.site == site.lower()), None)
    if ours is None:
        _no_site(site, "JIRA_" if site == "main" else f"JIRA_{site.upper()}_")
    return settings, ours, for_people(lambda: load(settings.mappings))


def _no_site(site: str, prefix: str) -> NoReturn:
    from integration.setup.registering import SetupFailed

    fail(SetupFailed(f"there is no Jira site {site!r} in the environment: set {prefix}URL and its login"))


def _site(environ: Mapping[str, str], ours: JiraSettings, mappings: Mappings) -> Site:
    """The site, signed in as an admin."""
    from integration.setup import jira
    from integration.setup.registering import SetupFailed
    from integration.trackers.jira import Jira
    from integration.trackers.jira_wire import Wire

    email, token = environ.get("SETUP_JIRA_EMAIL", ""), environ.get("SETUP_JIRA_API_TOKEN", "")
    if ours.cloud and not token and sys.stdin.isatty():
        email = str(click.prompt("E-mail of a Jira admin (Enter: our own account)", default="", show_default=False))
        token = str(click.prompt("Their API token (not shown)", hide_input=True)) if email else ""
    admin = replace(ours, email=email, api_token=token) if email and token else ours
    admin = replace(ours, pat=environ["SETUP_JIRA_PAT"]) if environ.get("SETUP_JIRA_PAT") else admin
    tracker = Jira(ours)
    projects = for_people(lambda: tracker.places(list(jira.patterns(mappings, ours.site))))
    theirs = "SETUP_JIRA_API_TOKEN, or mend SETUP_JIRA_EMAIL" if admin.cloud and not admin.pat else "SETUP_JIRA_PAT"
    login = "" if admin is ours else theirs
    one = jira.Site(Wire(admin, login=login), tracker, mappings, projects)
    if not projects:
        fail(SetupFailed(f"no source in mappings.yaml names a project of the site {ours.site!r} that our account sees"))
    if not for_people(one.may_administer):
        fail(SetupFailed(f"this account may not set up {one.wire}: {jira.ADMIN}"))
    return one


def _address(ours: JiraSettings, public_url: str, is_new: bool) -> Address:
    """Where the site is to deliver: the signed address, or, where it cannot sign, one with a secret in it."""
    from integration.setup.jira import Address

    plain = f"{public_url}/webhooks/jira" + ("" if ours.site == "main" else f"/{ours.site}")
    if ours.webhook_secrets:
        also = (f"{public_url}/webhooks/jira/{ours.site}",)
        return Address(plain, ours.webhook_secrets[0] if ours.cloud else "", also=also, is_new=is_new)
    hidden = f"{public_url}/webhooks/jira/{ours.site}/"
    return Address(f"{hidden}{ours.path_secret}", shown=f"{hidden}***")
