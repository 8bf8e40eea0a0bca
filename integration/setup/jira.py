"""A Jira site, as its admin sees it: its webhook, its workflows, and whether what is put back finds its way.

It takes an admin's login, which is used here and kept nowhere. What is there already is found and left, or mended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integration.setup.steps import Step, Told
from integration.setup.workflow import Json, Workflow
from integration.stages.file.mappings import JiraSource, Level, Mappings
from integration.stages.model import Carrier, Ref
from integration.stages.planning.preventing import OPEN
from integration.trackers import Gone, Refused
from integration.trackers.jira import Jira
from integration.trackers.jira_hooks import EVENTS, listed
from integration.trackers.jira_wire import Wire, bounded

_NAME, _JQL = "Release Stages", "issue-related-events-section"
ADMIN = "it takes an account with the permission 'Administer Jira': set SETUP_JIRA_EMAIL and SETUP_JIRA_API_TOKEN"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the site is to deliver; a site that cannot sign has a secret in it, which is not shown."""

    url: str
    secret: str = field(default="", repr=False)  # to sign with
    shown: str = ""
    also: tuple[str, ...] = ()  # other addresses that lead to us as well
    is_new: bool = False  # the secret was made just now: whatever a webhook signs with is another one

    def leads_to(self, url: object) -> bool:
        """Is that address ours?"""
        ours = {one.rstrip("/").casefold() for one in (self.url, *self.also)}
        return str(url or "").rstrip("/").casefold() in ours


class Site:
    """One site, as its admin sees it: `wire` is signed in as the admin, `ours` as our own account."""

    def __init__(self, wire: Wire, ours: Jira, mappings: Mappings, projects: Sequence[str]) -> None:
        self.wire, self.ours, self.mappings, self.projects = wire, ours, mappings, projects
        self.sources = tuple(one.jira for one in mappings.sources if one.jira and _is_at(one.jira, wire.site))
        self.stages = list(mappings.stages)

    @bounded
    def may_administer(self) -> bool:
        """Does Jira let this account set it up?"""
        said = self.wire.get("mypermissions", "ask what this account may do", permissions="ADMINISTER")
        return bool(said["permissions"]["ADMINISTER"]["havePermission"])

    # --- the webhook

    @bounded
    def webhook(self, address: Address) -> list[Step]:
        """What there is to do about the webhook."""
        api, path, there = self._webhooks()
        wanted = self._wanted(address)
        found = next((one for one in there if address.leads_to(one.get("url"))), None)
        told = f"the webhook to {address.shown or address.url}"
        if found is None:
            make = self._doing(lambda: self.wire.post(path, "make the webhook", wanted, api))
            return [Step(f"make {told}, for {wanted['filters'][_JQL]}", make)]
        why = _differs(found, wanted, address.is_new)
        if not why:
            return [Step(f"{told} is there, with the right events and issues")]
        number = found.get("id") or str(found["self"]).rpartition("/")[2]
        events = list(dict.fromkeys((*(found.get("events") or ()), *EVENTS)))
        body = wanted | {"name": found.get("name") or _NAME, "events": events, "enabled": True, "active": True}
        mend = self._doing(lambda: self.wire.put(f"{path}/{number}", "mend the webhook", body, api))
        return [Step(f"mend {told}: {', '.join(why)}", mend)]

    def _webhooks(self) -> tuple[str, str, list[Json]]:
        """Where the site has its webhooks, and all of them."""
        try:
            return listed(self.wire)
        except Gone:
            raise Refused(f"{self.wire} shows no webhooks; {ADMIN}") from None

    def _wanted(self, address: Address) -> Json:
        projects = ", ".join(json.dumps(one) for one in sorted(self.projects))
        made: Json = {
            "name": _NAME, "url": address.url, "events": list(EVENTS), "excludeBody": False,
            "filters": {_JQL: f"project in ({projects})"},
        }  # fmt: skip
        return made | ({"secret": address.secret} if address.secret else {})

    def _doing(self, do: Callable[[], object]) -> Callable[[], object]:
        """With the words of what it takes, where it is refused."""

        def done() -> object:
            try:
                return do()
            except (Refused, Gone) as no:
                raise Refused(f"{no}; {ADMIN}") from None

        return done

    # --- what the workflows are

    @bounded
    def workflows(self) -> tuple[list[Json], list[Json]]:
        """The workflows of the projects, each with who uses it, and the statuses that they name."""
        pairs = []
        for key in self.projects:
            project = self.wire.get(f"project/{key}", f"read the project {key}")
            pairs += [{"projectId": project["id"], "issueTypeId": one["id"]} for one in project["issueTypes"]]
        asked = {"projectAndIssueTypes": pairs}
        params = {"expand": "workflows.usages"}
        said = self.wire.ask("POST", "workflows", "read the workflows", params, asked, "3")
        return list(said["workflows"]), list(said["statuses"])

    @property
    def ranks(self) -> dict[str, int]:
        """How high the stage of each status is."""
        return {
            name: self.stages.index(stage) for source in self.sources for stage, names in source.statuses.items()
            for name in names
        }  # fmt: skip

    def ways_back(self) -> Iterator[Told]:
        """Whether what is put back out of a gated stage finds its way."""
        gated = {self.stages.index(rule.entering) for rule in self.mappings.rules
                 if rule.entering and rule.level is Level.BLOCK}  # fmt: skip
        raws, statuses = self.workflows()
        known = {one["id"] for name in self.prevented.values() for one in self.fields(name)}
        for raw in raws:
            for words, is_fault in Workflow(raw, statuses, self.ranks, known).ways_back(gated):
                yield Told(f"  {'MISSING' if is_fault else 'ok     '} {words}", is_fault)

    def issues(self) -> Iterator[Ref]:
        """All issues that show a stage by their status."""
        for place in self.projects:
            onward = ""
            while True:
                page = self.ours.carrying(place, Carrier.STATUS, list(self.ranks), onward)
                yield from (one.ref for one in page.found)
                if not (onward := page.onward):
                    break

    @property
    def prevented(self) -> dict[str, str]:
        """The fields that the file names, by stage."""
        return {stage: field for source in self.sources for stage, field in source.prevent.items()}

    @bounded
    def fields(self, name: str) -> list[Json]:
        """The fields of this name, or id."""
        fields = self.wire.get("field", "read the fields")
        return [one for one in fields if name in (one["id"], one["name"])]

    @bounded
    def in_use(self, field: str) -> str:
        """An issue of our projects in which this custom field holds what we have not written; empty where none does."""
        projects = ", ".join(json.dumps(one) for one in sorted(self.projects))
        jql = f"project in ({projects}) AND cf[{field.removeprefix('customfield_')}] is not EMPTY"
        said = self.wire.get("search/jql", "look who uses the field", jql=jql, fields=field, maxResults="100")
        return next((str(one["key"]) for one in said["issues"] if one["fields"].get(field) not in (None, "", OPEN)), "")


def _differs(found: Mapping[str, Any], wanted: Mapping[str, Any], is_new: bool) -> list[str]:
    """What is wrong with a webhook, in words."""
    lacking = [one for one in EVENTS if one not in (found.get("events") or ())]
    has = str((found.get("filters") or {}).get(_JQL) or "")
    wrong = [
        (bool(lacking), f"it is not told of {', '.join(lacking)}"),
        (has != wanted["filters"][_JQL], f"it is for other issues ({has or 'all'})"),
        (not found.get("enabled", found.get("active", True)), "it is switched off"),
        (bool(found.get("excludeBody")), "it leaves out what has happened"),
        (found.get("isSigned") is False and "secret" in wanted, "it has no secret"),
        (found.get("isSigned") is not False and is_new and "secret" in wanted, "its secret is not the one in .env"),
    ]
    return [says for is_so, says in wrong if is_so]


def _is_at(source: JiraSource, site: str) -> bool:
    return source.site.casefold() == site.casefold()


def patterns(mappings: Mappings, site: str) -> Iterable[str]:
    """The projects that the file names on that site, as it names them."""
    return [one for each in mappings.sources if each.jira and _is_at(each.jira, site) for one in each.jira.projects]
