"""Prevention at a Jira site: what it takes so that its own workflow refuses a move before it is made.

A text field for each stage that the file names, which is on no screen but one; that screen, on a transition that leads
nowhere and is our account's alone; and each way to the stage asks for the field. Found where it is there already, made
only where that is asked for, and the workflows changed last, and only as Jira itself would take it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from integration.setup.jira import Site
from integration.setup.steps import Told, patiently
from integration.setup.workflow import Change, Guard, Json, Way, Workflow, payload
from integration.trackers import Refused, TrackerError

_NAME = "Release Stages"
_TEXT = "com.atlassian.jira.plugin.system.customfieldtypes:textfield"
_SEARCHER = "com.atlassian.jira.plugin.system.customfieldtypes:textsearcher"
_ABOUT = "Kept by Release Stages: filled while the stage may be entered. Put it on no other screen."
_ODD = (LookupError, TypeError, ValueError, AttributeError)


class Preventing:
    """The fields, the screen, the group and the workflows of one site. `account` is the id of our own account.

    Without `apply` it only tells what it would do.
    """

    def __init__(self, site: Site, group: str, account: str, apply: bool) -> None:
        self.site, self.wire, self.group, self.account, self.apply = site, site.wire, group, account, apply
        self.ids: dict[str, str] = {}  # a field's id, by the name that the file has for it
        self.screen = self.group_id = ""
        self.shown = set[str]()  # the fields on our screen, also of stages that the file names no more
        self.failed = False

    def put(self) -> Iterator[Told]:
        """Make what is missing, and change the workflows last: by then the service can write the fields."""
        for part in (self._the_fields, self._the_screen, self._the_group):
            yield from self._told(part)
        if self.failed:
            yield Told("  FAILED  the workflows stay as they are until this is mended", failed=True)
        else:
            yield from self._told(self._the_workflows)

    def take_away(self) -> Iterator[Told]:
        """Our rules and our transition out of the workflows. The field, the screen and the group stay."""
        yield from self._told(self._taken_away)

    def forgotten(self) -> Iterator[Told]:
        """What is still in the workflows although the file prevents nothing any more."""
        yield from self._told(self._forgotten)

    def _told(self, part: Callable[[], Iterator[Told]]) -> Iterator[Told]:
        try:
            for one in part():
                self.failed = self.failed or one.failed
                yield one
        except TrackerError as error:
            self.failed = True
            yield Told(f"  FAILED  {error}", failed=True)
        except _ODD as odd:
            self.failed = True
            yield Told(f"  FAILED  {self.wire} answered in a shape that we cannot read ({type(odd).__name__})", True)

    def _made(self, says: str, path: str, body: Json, **params: str) -> tuple[Told, Any]:
        """Make it, if that is what was asked for; what Jira answered, else None."""
        if not self.apply:
            return Told(f"  would   {says}"), None
        answer = patiently(lambda: self.wire.ask("POST", path, says, params, body, "3"))
        return Told(f"  done    {says}"), answer

    def _read(self, path: str, doing: str, **params: str) -> Any:
        return self.wire.get(path, doing, api="3", **params)

    # --- one after the other

    def _the_fields(self) -> Iterator[Told]:
        for stage, name in self.site.prevented.items():
            found = self.site.fields(name)
            if len(found) > 1:
                ids = ", ".join(str(one["id"]) for one in found)
                yield Told(f"  FAILED  several fields are called '{name}': name one of {ids} in mappings.yaml", True)
            elif found and (why := self._unfit(found[0])):
                yield Told(f"  FAILED  the field '{name}' {why}; name another for {stage} in mappings.yaml", True)
            elif found:
                yield from self._not_asked(found[0])
                self.ids[name] = str(found[0]["id"])
                yield Told(f"  ok      the field '{name}' is there ({self.ids[name]})")
            else:
                body = {"name": name, "type": _TEXT, "searcherKey": _SEARCHER, "description": _ABOUT}
                told, made = self._made(f"make the field '{name}', which is on no screen", "field", body)
                self.ids |= {name: str(made["id"])} if made else {}
                yield told

    def _unfit(self, field: Json) -> str:
        """Why a field that is there cannot be ours: what it holds would be overwritten."""
        if (field.get("schema") or {}).get("type") != "string":
            return "is no text"
        if not str(field["id"]).startswith("customfield_"):
            return "is one of Jira's own"
        with suppress(Refused):
            if used := self.site.in_use(str(field["id"])):
                return f"is in use, as in {used}: what stands there would be overwritten"
        return ""

    def _not_asked(self, field: Json) -> Iterator[Told]:
        """A field for which Jira has no searcher cannot be looked for."""
        if not field.get("searchable", True):
            says = "cannot be searched for, so nobody knows whether it is in use; what stands there is overwritten"
            yield Told(f"  note    the field '{field['name']}' {says}")

    def _the_screen(self) -> Iterator[Told]:
        found = [one for one in self._read("screens", "read the screens", queryString=_NAME)["values"]
                 if one["name"] == _NAME]  # fmt: skip
        if found:
            self.screen = str(found[0]["id"])
            yield Told(f"  ok      the screen '{_NAME}' is there")
        else:
            told, made = self._made(f"make the screen '{_NAME}'", "screens", {"name": _NAME, "description": _ABOUT})
            self.screen = str(made["id"]) if made else ""
            yield told
        yield from self._shown()
        yield from self._elsewhere()

    def _shown(self) -> Iterator[Told]:
        """The fields on our screen."""
        tab, self.shown = self._tab(self.screen) if self.screen else ("", set())
        for name in self.site.prevented.values():
            if self.ids.get(name) in self.shown or (self.apply and name not in self.ids):
                continue
            says = f"put the field '{name}' on the screen '{_NAME}'"
            path, body = f"screens/{self.screen}/tabs/{tab}/fields", {"fieldId": self.ids.get(name, "")}
            yield self._made(says, path, body)[0]

    def _tab(self, screen: str) -> tuple[str, set[str]]:
        """The one tab of our screen, and the fields on it."""
        tab = str(self._read(f"screens/{screen}/tabs", "read our screen")[0]["id"])
        return tab, {str(one["id"]) for one in self._read(f"screens/{screen}/tabs/{tab}/fields", "read our screen")}

    def _elsewhere(self) -> Iterator[Told]:
        """A field that is on another screen can be written there by whoever may edit an issue."""
        for name, number in self.ids.items():
            shown = self._read(f"field/{number}/screens", f"read where the field {name} is shown")["values"]
            others = [str(one["name"]) for one in shown if str(one["id"]) != self.screen]
            if others:
                says = f"the field '{name}' is on the screen '{others[0]}', too"
                yield Told(f"  note    {says}; whoever may edit issues can write it there: take it off")

    def _the_group(self) -> Iterator[Told]:
        found = [one for one in self._read("group/bulk", "read the groups", groupName=self.group)["values"]
                 if one["name"] == self.group]  # fmt: skip
        if found:
            self.group_id = str(found[0]["groupId"])
        else:
            told, made = self._made(f"make the group '{self.group}'", "group", {"name": self.group})
            self.group_id = str(made["groupId"]) if made else ""
            yield told
        members = self._read("group/member", "read the group", groupId=self.group_id)["values"] if self.group_id else []
        ids = {str(one["accountId"]) for one in members}
        if others := ids - {self.account}:
            says = f"the group '{self.group}' has {len(others)} other member(s), who could write the fields"
            yield Told(f"  FAILED  {says}; take them out, or name another with --group", failed=True)
        elif self.account in ids:
            yield Told(f"  ok      our account is in the group '{self.group}', alone")
        else:
            says, body = f"put our account into the group '{self.group}'", {"accountId": self.account}
            yield self._made(says, "group/user", body, groupId=self.group_id)[0]

    def _guards(self) -> list[Guard]:
        made = []
        for source in self.site.sources:
            for stage, name in source.prevent.items():
                called = self.site.mappings.stages[stage]
                says = (
                    f'{called} is not open for this issue. Comment "/stage request {stage}": Release Stages asks those '
                    "whose word is missing, and moves the issue when all gates are open."
                )
                made.append(Guard(stage, called, source.statuses[stage], self.ids.get(name, f"({name})"), says))
        return made

    def _the_workflows(self) -> Iterator[Told]:
        raws, statuses = self.site.workflows()
        way = Way(self.screen or "(the screen)", self.group_id or "(the group)")
        for raw in raws:
            if why := self._not_ours(raw):
                yield Told(f"  FAILED  {raw['name']}: {why}", failed=True)
                continue
            workflow = Workflow(raw, statuses, self.site.ranks, set(self.ids.values()))
            for name in workflow.also_shown(self.screen):
                says = f"'{name}' shows the screen '{_NAME}', too; whoever may make it can write the fields there"
                yield Told(f"  note    {raw['name']}: {says}: give it another screen")
            new, changes = workflow.held(self._guards(), way)
            new, more = Workflow(new, statuses, self.site.ranks).released(self.shown - set(self.ids.values()), "")
            changes += more
            if not changes:
                yield Told(f"  ok      {raw['name']} refuses what would be put back")
                continue
            for change in changes:
                rule = f"\n          {json.dumps(change.rule)}" if change.rule else ""
                yield Told(f"  {'change' if self.apply else 'would '}  {change.says}{rule}")
            if self.ids.keys() >= set(self.site.prevented.values()) and self.screen and self.group_id:
                yield from self._changed(raw["name"], payload(statuses, [new]))

    def _not_ours(self, raw: Mapping[str, Any]) -> str:
        """Why the workflow cannot be changed for these projects alone; empty where it can."""
        used = {str((one.get("project") or {}).get("id")) for one in raw.get("usages") or ()}
        ours = {str(self._read(f"project/{key}", f"read the project {key}")["id"]) for key in self.site.projects}
        if (raw.get("scope") or {}).get("type") == "PROJECT":
            return "its project is team-managed; docs/prevention.md tells how it is done there by hand"
        if not raw.get("isEditable", True):
            return "Jira does not let it be changed: give the project a copy of it"
        if strangers := used - ours:
            return (
                f"{len(strangers)} other project(s) go by it, too, where nobody would fill the field; give those of "
                "mappings.yaml a workflow of their own"
            )
        return ""

    def _changed(self, name: str, change: Json) -> Iterator[Told]:
        """Asked first whether Jira would take it, and sent only if it would."""
        doing, asked = f"change {name}", {"payload": change, "validationOptions": {"levels": ["ERROR", "WARNING"]}}
        said = self.wire.ask("POST", "workflows/update/validation", doing, {}, asked, "3")["errors"]
        for one in said:
            bad = one.get("level") == "ERROR"
            yield Told(f"  {'FAILED' if bad else 'note  '}  {name}: Jira says: {one.get('message')}", failed=bad)
        if any(one.get("level") == "ERROR" for one in said):
            return
        if self.apply:
            patiently(lambda: self.wire.ask("POST", "workflows/update", doing, {}, change, "3"))
            yield Told(f"  done    {name} is changed")
        else:
            yield Told(f"  ok      {name}: Jira would take this change")

    def _taken_away(self) -> Iterator[Told]:
        statuses, found = self._released()
        for raw, new, changes in found:
            if not changes:
                yield Told(f"  ok      {raw['name']} has nothing of ours")
                continue
            for change in changes:
                yield Told(f"  {'change' if self.apply else 'would '}  {change.says}")
            yield from self._changed(raw["name"], payload(statuses, [new]))

    def _forgotten(self) -> Iterator[Told]:
        for raw, _, changes in self._released()[1]:
            if changes:
                says = "still asks for a field of ours, which nobody fills any more: no issue can enter that stage"
                fix = "name it under `prevent` again, or run this with --take-away --apply"
                yield Told(f"  FAILED  {raw['name']} {says}; {fix}", failed=True)

    def _released(self) -> tuple[list[Json], list[tuple[Json, Json, list[Change]]]]:
        """The statuses, and each workflow as it is and without anything of ours: whatever the file names by now."""
        fields = {str(one["id"]) for name in self.site.prevented.values() for one in self.site.fields(name)}
        screens = self._read("screens", "read the screens", queryString=_NAME)["values"]
        screen = next((str(one["id"]) for one in screens if one["name"] == _NAME), "")
        fields |= self._tab(screen)[1] if screen else set()
        raws, statuses = self.site.workflows()
        return statuses, [(raw, *Workflow(raw, statuses, self.site.ranks).released(fields, screen)) for raw in raws]
