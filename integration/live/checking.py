"""The whole check: the file's own faults, and what it names compared with each tracker, in one go.

`release-stages check --live` prints it; at the start and once a day the workers log what is not as it should be.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from integration.check import notes, text_of
from integration.live import github, jira
from integration.live.asking import Asking, Silent, Wait
from integration.live.findings import Findings, near
from integration.live.github import OfGitHub
from integration.live.jira import OfJira
from integration.settings import JiraSettings, Settings
from integration.stages.file.mappings import Faulty, read
from integration.stages.file.named import Named, names_in
from integration.trackers import Tracker
from integration.trackers.world import World, Worldly


def never(again: datetime | None) -> bool:
    """Nobody waits: a tracker that asks us to come back later is asked no more."""
    return False


@dataclass(frozen=True, slots=True)
class Check:
    """What it looks at. `arrived` tells when each tracker's last delivery came; None where our inbox is away."""

    settings: Settings
    trackers: Mapping[tuple[str, str], Tracker]
    variables: Collection[str] | None = None
    arrived: Mapping[str, datetime] | None = None
    wait: Wait = never
    ends: float = math.inf
    only: str = ""  # one tracker alone: `github`, `jira/main`
    file: Path = field(default=Path("mappings.yaml"))
    text: str = ""  # what the file says, where it is not what lies on this machine's disk

    def run(self) -> Findings:
        """Look now."""
        found = Findings(self.file.name or str(self.file))
        for warning in self.settings.warnings:
            where, _, cause = warning.partition(": ")
            found.warning(where, cause or warning)
        named = _read(self.file, self.variables, found, self.text)
        if not self.only or self.only == "github":
            self._of_github(named, found)
        for site in self.settings.jira:
            if not self.only or self.only == f"jira/{site.site}":
                self._of_jira(site, named, found)
        self._unconfigured(named, found)
        return found

    def _of_github(self, named: Named, found: Findings) -> None:
        settings = self.settings.github
        if settings is None or not named.github:
            return
        account = "GITHUB_APP_ID" if settings.app_id else "GITHUB_TOKEN"
        _until_silent(OfGitHub(account=account, access=github.ACCESS, **self._common("github", "", named, found)))

    def _of_jira(self, site: JiraSettings, named: Named, found: Findings) -> None:
        sources = tuple(one for one in named.jira if one.site.text.casefold() == site.site)
        if not sources:
            return
        common = self._common("jira", site.site, named, found)
        account = _variable(site.site, "EMAIL" if site.cloud else "PAT")
        secrets = _variable(site.site, "WEBHOOK_SECRETS")
        check = OfJira(
            account=account, access=jira.ACCESS, site=site.site, sources=sources, secrets=secrets, **common
        )  # fmt: skip
        _until_silent(check)

    def _common(self, tracker: str, site: str, named: Named, found: Findings) -> dict[str, Any]:
        """What every comparison knows."""
        world, address = world_of(self.trackers[tracker, site]), self.settings.public_url
        last, known = self._last(f"{tracker}:{site}" if site else tracker)
        return {
            "named": named, "world": world, "found": found,
            "ask": Asking(found, str(world), self.wait, self.ends),
            "address": f"{address}/webhooks/{tracker}" if address else "",
            "last": last, "knows_last": known, "trusted": self.settings.rota_hosts,
        }  # fmt: skip

    def _last(self, tracker: str) -> tuple[datetime | None, bool]:
        return (self.arrived or {}).get(tracker), self.arrived is not None

    def _unconfigured(self, named: Named, found: Findings) -> None:
        """Sources on trackers that the environment does not know; and the other way round."""
        if named.github and self.settings.github is None:
            for source in named.github:
                for name in source.repositories[:1]:
                    fix = "set GITHUB_APP_ID and its key, or GITHUB_TOKEN; or take the source out"
                    found.fault(name, "no GitHub is configured in the environment", fix)
        sites = [one.site for one in self.settings.jira]
        for site in (one.site for one in named.jira if one.site.text.casefold() not in sites):
            variable = _variable(site.text, "URL")
            said, otherwise = near(site.text, sites, ""), f"set {variable}, or take the source out"
            fix = f"{said} Else {otherwise}" if said.startswith("did you mean") else otherwise
            found.fault(site, f'no Jira site "{site}" is configured in the environment', fix)
        for tracker, called in _unused(named, self.settings):
            found.warning(called, f"{tracker} is configured, and mappings.yaml has no source there", "add one")


def world_of(tracker: Tracker) -> World:
    """What can be asked of this tracker beside its issues."""
    return cast(Worldly, tracker).world()


def of_file(file: Path, variables: Collection[str] | None = None) -> Findings:
    """The file alone: no tracker is asked."""
    found = Findings(file.name or str(file))
    _read(file, variables, found)
    return found


def _read(file: Path, variables: Collection[str] | None, found: Findings, text: str = "") -> Named:
    """The file's own faults and notes, and what it names: all that is sound of it."""
    try:
        text = text or text_of(file)
    except Faulty as wrong:
        found.of_file(wrong.faults)
        return Named()
    try:
        mappings = read(text, file.name)
    except Faulty as wrong:
        found.of_file(wrong.faults)
    else:
        found.ok(found.file, f"the file ({mappings.hash}) has no fault of its own")
        for note in notes(mappings, variables):
            found.warning(found.file, note)
    return names_in(text, file.name)


def _until_silent(check: OfGitHub | OfJira) -> None:
    try:
        check.check()
    except Silent:
        return


def _unused(named: Named, settings: Settings) -> Iterable[tuple[str, str]]:
    if settings.github and not named.github:
        yield "GitHub", "GITHUB_APP_ID" if settings.github.app_id else "GITHUB_TOKEN"
    named_sites = {one.site.text.casefold() for one in named.jira}
    for site in settings.jira:
        if site.site not in named_sites:
            yield f"Jira ({site.site})", _variable(site.site, "URL")


def _variable(site: str, what: str) -> str:
    """The variable of the environment that says it of this site."""
    return f"JIRA_{what}" if site == "main" else f"JIRA_{site.upper()}_{what}"
