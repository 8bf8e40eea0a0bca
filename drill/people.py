"""The people of the drill: they do to the sandbox's issues what the timetable says, as anybody does at a tracker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from drill.stories import Act, Feature
from integration.sandbox import World
from integration.sandbox.github_ground import NotThereError
from integration.sandbox.jira import JiraSaysNo
from integration.sandbox.people import SERVICE
from integration.stages.model import Ref

REPOSITORY = "acme/app"
PROJECT = "APP"
STATUSES = {"development": "In Progress", "internal": "Internal", "beta": "Beta", "public": "Released"}
LABELS = {stage: f"stage: {stage}" for stage in STATUSES}


@dataclass(frozen=True)
class Written:
    """A comment of the service, as the tracker shows it."""

    id: str
    body: str
    created: float


@dataclass
class People:
    """Does the acts; knows which issue each feature became, and how often nothing was to be done."""

    world: World
    refs: dict[int, Ref] = field(default_factory=dict)
    acts: Counter[str] = field(default_factory=Counter)

    def do(self, feature: Feature, act: Act) -> None:
        """Do it. What cannot be done, as things stand by now, is left."""
        self.acts[act.verb] += 1
        with self.world.lock:
            try:
                if feature.tracker == "github":
                    self._on_github(feature, act)
                else:
                    self._on_jira(feature, act)
            except (NotThereError, JiraSaysNo):
                self.acts["left"] += 1

    def _on_github(self, feature: Feature, act: Act) -> None:
        state = self.world.github
        if act.verb == "open":
            issue = state.open_issue(
                REPOSITORY, feature.title, act.by, "### What changes\n\nA lot.", [LABELS[act.what]]
            )
            self.refs[feature.number] = Ref("github", "", REPOSITORY, issue.number)
            return
        number = self.refs[feature.number].number
        names = state.label_names(REPOSITORY, number)
        match act.verb:
            case "move":
                state.label(REPOSITORY, number, LABELS[act.what], act.by)
            case "take back":
                state.unlabel(REPOSITORY, number, LABELS[act.what], act.by)
            case "say":
                state.comment(REPOSITORY, number, act.what, act.by)
            case "close":
                state.close(REPOSITORY, number, act.by, act.what)
            case "reopen":
                state.reopen(REPOSITORY, number, act.by)
            case "describe":
                body = state.issue(REPOSITORY, number).body
                state.edit(REPOSITORY, number, act.by, body=f"{body}\n{act.what}"[-4000:])
            case "rename":
                state.edit(REPOSITORY, number, act.by, title=f"{feature.title} ({self.acts['rename']})")
            case "bug":
                (state.unlabel if "bug" in names else state.label)(REPOSITORY, number, "bug", act.by)
            case _:
                self._clean_up_on_github(number, act.by)

    def _clean_up_on_github(self, number: int, by: str) -> None:
        own = [one for one in self.world.github.issue(REPOSITORY, number).comments if one.by == by]
        if own:
            self.world.github.delete_comment(REPOSITORY, own[-1].id, by)

    def _on_jira(self, feature: Feature, act: Act) -> None:
        state = self.world.jira
        if act.verb == "open":
            key = state.create_issue(PROJECT, feature.title, act.by, "h3. What changes\nA lot.", STATUSES[act.what])
            self.refs[feature.number] = Ref.parse(key)
            return
        key = self.refs[feature.number].key
        issue = state.issue(key)
        match act.verb:
            case "move":
                state.transition(key, STATUSES[act.what], act.by)
            case "take back":
                if issue.status.name == STATUSES[act.what]:
                    state.transition(key, STATUSES[feature.begins], act.by)
            case "say":
                state.comment(key, act.what, act.by)
            case "describe":
                state.edit(key, act.by, description=f"{issue.description}\n{act.what}"[-4000:])
            case "rename":
                state.edit(key, act.by, summary=f"{feature.title} ({self.acts['rename']})")
            case "bug":
                state.set_labels(key, [] if "bug" in issue.labels else ["bug"], act.by)
            case _:
                own = [one for one in issue.comments if one.author == act.by]
                if own:
                    state.delete_comment(str(own[-1].id), act.by)

    # --- what anybody can see in the end ---

    def stages(self, feature: Feature) -> frozenset[str]:
        """All stages that the issue shows."""
        ref = self.refs[feature.number]
        with self.world.lock:
            if ref.tracker == "github":
                names = self.world.github.label_names(REPOSITORY, ref.number)
                return frozenset(stage for stage, label in LABELS.items() if label in names)
            status = self.world.jira.issue(ref.key).status.name
        return frozenset(stage for stage, name in STATUSES.items() if name == status)

    def written(self, feature: Feature) -> list[Written]:
        """The service's comments on it."""
        ref = self.refs[feature.number]
        with self.world.lock:
            if ref.tracker == "github":
                comments = self.world.github.issue(REPOSITORY, ref.number).comments
                return [
                    Written(str(one.id), one.body, one.created.timestamp()) for one in comments if one.by == SERVICE
                ]
            issue = self.world.jira.issue(ref.key)
            return [
                Written(str(one.id), one.body, one.created.timestamp())
                for one in issue.comments
                if one.author == SERVICE
            ]

    def history(self, feature: Feature) -> Iterable[str]:
        """What happened to the issue, line by line, for whoever has to find out why."""
        ref = self.refs[feature.number]
        with self.world.lock:
            if ref.tracker == "github":
                for one in self.world.github.issue(REPOSITORY, ref.number).history:
                    what = getattr(one, "body", "") or f"{getattr(one, 'event', '')} {getattr(one, 'label', '')}"
                    yield f"{one.created:%H:%M:%S} {one.by}: {_short(what)}"
                return
            issue = self.world.jira.issue(ref.key)
            told = [(one.at, one.author, f"{one.items[0].get('field')}: {one.items[0].get('toString')}")
                    for one in issue.history if one.items]  # fmt: skip
            told += [(one.created, one.author, one.body) for one in issue.comments]
            for at, by, what in sorted(told, key=lambda one: one[0]):
                yield f"{at:%H:%M:%S.%f} {by}: {_short(str(what))}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) < 110 else f"{flat[:110]} …"
