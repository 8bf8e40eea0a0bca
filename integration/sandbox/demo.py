"""The narrator of `make run`: fills a new world with features, and plays how one of them is blocked and goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from re import sub

import click
import requests

from integration.sandbox.github_model import Comment
from integration.sandbox.people import SERVICE, now
from integration.sandbox.world import World

APP, WEB = "acme/app", "acme/web"
_PATIENCE = 120.0
_STAGES = ("development", "internal", "beta", "public")
_STATUSES = ("In Progress", "Internal", "Beta", "Released")
_BODY = """### What changes

{what}

### Who is affected

{who}

### Known limits

{limits}

### Help page

https://help.acme.example/{page}

### How to undo

{undo}

### Before release

- [x] Works on a phone
- [x] Strings are translated
- [x] Turned on for ourselves
"""


@dataclass(frozen=True)
class _Feature:
    title: str
    by: str
    what: str
    page: str
    stages: int  # how far it has come
    limits: str = "None that we know of."
    extra: tuple[str, ...] = ()
    place: str = APP

    @property
    def body(self) -> str:
        return _BODY.format(
            what=self.what,
            who="Everybody on the Team plan.",
            limits=self.limits,
            page=self.page,
            undo=f"Turn off the flag `{self.page}`; nothing is lost.",
        )


_FEATURES = (
    _Feature(
        "Export reports as CSV", "evan", "Every report gets a button that saves it as a CSV file.", "csv-export", 4
    ),
    _Feature("Sign in with a second factor", "evan", "People may ask for a code at sign-in.", "second-factor", 2),
    _Feature("Edit many tags at once", "erin", "Tags can be changed for all ticked rows.", "bulk-tags", 1),
    _Feature(
        "Dark mode", "erin", "The app follows the system's light or dark mode.", "dark-mode", 3, "Charts stay light."
    ),
    _Feature("Faster search", "evan", "Results appear while one types.", "fast-search", 3, "Attachments come later."),
    _Feature("Job queue dashboard", "erin", "Shows our own queues.", "queues", 2, extra=("internal-only",)),
    _Feature("New start page", "evan", "The start page shows what one did last.", "start-page", 2, place=WEB),
)
_JIRA = (
    _Feature("Share a report by link", "erin", "A report can be read by whoever has the link.", "share-link", 3),
    _Feature("Import from a spreadsheet", "evan", "Rows can be pasted from a spreadsheet.", "import", 2),
    _Feature("Weekly summary by e-mail", "erin", "On Mondays, what changed last week.", "summary", 1),
)
SCENE = "Dark mode"


def seed(world: World) -> None:
    """Fill a new world: features at various stages, with a history of the last weeks, on both trackers."""
    for feature in _FEATURES:
        _seed_github(world, feature)
    world.github.open_issue(WEB, "Update the colour tokens", "erin", "Part of dark mode.", pull_request=True)
    for feature in _JIRA:
        _seed_jira(world, feature)


def _seed_github(world: World, feature: _Feature) -> None:
    start, state, place = now() - timedelta(days=21), world.github, feature.place
    issue = state.open_issue(place, feature.title, feature.by, feature.body, feature.extra, at=start)
    for step in range(feature.stages):
        at = start + timedelta(days=2 + 4 * step)
        state.label(place, issue.number, f"stage: {_STAGES[step]}", feature.by, at=at)
        if step:
            state.unlabel(place, issue.number, f"stage: {_STAGES[step - 1]}", feature.by, at=at)
    if feature.stages == len(_STAGES):
        state.comment(place, issue.number, "Customers like it. Thank you!", "sofia", at=now() - timedelta(days=3))


def _seed_jira(world: World, feature: _Feature) -> None:
    start = now() - timedelta(days=21)
    words = sub(r"(?m)^### ", "h3. ", feature.body).replace("- [x] ", "* (/) ")
    key = world.jira.create_issue("APP", feature.title, feature.by, words, at=start)
    for step in range(feature.stages):
        world.jira.transition(key, _STATUSES[step], feature.by, start + timedelta(days=2 + 4 * step))


def play(world: World, service_url: str = "", say: Callable[[str], object] = click.echo) -> threading.Thread:
    """Seed the world, and play the scene in a thread that is given back; each step is one line, said with `say`."""
    world.hooks.hold()  # until the service is there to hear of it: GitHub does not try again
    seed(world)
    scene = threading.Thread(target=_Scene(world, service_url, say).run, name="sandbox-demo", daemon=True)
    scene.start()
    return scene


class _Scene:
    """Erin moves a feature to Public; the service puts it back; Sam has seen it; the service lets it through."""

    def __init__(self, world: World, service_url: str, say: Callable[[str], object]) -> None:
        self.world, self.service_url, self.tell = world, service_url.rstrip("/"), say
        issues = world.github.repo(APP).issues.values()
        self.number = next(issue.number for issue in issues if issue.title == SCENE)
        self.page = f"{world.url}/github/{APP}/issues/{self.number}"

    def run(self) -> None:
        """Play it; where the service does not answer in time, say so and stop."""
        self._say(f"a small GitHub and a small Jira, with features at every stage: {self.world.url}/")
        came = not self.service_url or self._until(self._is_answered)
        self.world.hooks.release()
        if not came:
            self._say(f"the service does not answer at {self.service_url}; its log should say why")
            return
        self.world.hooks.idle(30)
        time.sleep(3 if self.service_url else 0)  # for whoever watches: time to open the page
        for step in (self._asked, self._put_back, self._seen, self._applied):
            if not step():
                log = f"{self.world.url}/faults"
                self._say(f"the service has not acted within {_PATIENCE:.0f} s; what was sent to it: {log}")
                return
        self._say(f"now it is your turn: be anybody, and move a feature: {self.world.url}/github/{APP}")

    def _asked(self) -> bool:
        self.world.github.label(APP, self.number, "stage: public", "erin")
        self._say(f'erin puts "stage: public" on {APP}#{self.number} "{SCENE}", which stands in Beta: {self.page}')
        return True

    def _put_back(self) -> bool:
        if not self._until(lambda: self._labels() == {"stage: beta"} and self._words() is not None):
            return False
        words = self._words()
        if words:
            line, place = _first_words(self.world, words), f"{self.page}#issuecomment-{words.id}"
            self._say(f"the service puts it back to Beta and says why: “{line}”: {place}")
        return True

    def _seen(self) -> bool:
        self.world.github.comment(APP, self.number, "/stage ack", "sam")
        self._say(f"sam, of Support, answers “/stage ack”; they are to know 20 seconds ahead, so it waits: {self.page}")
        return True

    def _applied(self) -> bool:
        if not self._until(lambda: self._labels() == {"stage: public"}):
            return False
        self._say(f"the last gate is open; the service applies Public, nobody had to relabel: {self.page}")
        return True

    def _labels(self) -> set[str]:
        with self.world.lock:
            names = self.world.github.label_names(APP, self.number)
        return {name for name in names if name.startswith("stage: ")}

    def _words(self) -> Comment | None:
        """The service's comment that mentions Support, once it is there."""
        with self.world.lock:
            comments = self.world.github.issue(APP, self.number).comments
            ours = [one for one in comments if one.by == SERVICE]
        return next((one for one in ours if "@acme/support" in one.body), ours[-1] if ours else None)

    def _is_answered(self) -> bool:
        try:
            return requests.get(f"{self.service_url}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def _until(self, condition: Callable[[], bool]) -> bool:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.25)
        return False

    def _say(self, line: str) -> None:
        self.tell(line)


def _first_words(world: World, comment: Comment) -> str:
    words = " ".join(world.github.rendered(world.github.repo(APP), comment.body, comment.by).text.split())
    return words if len(words) <= 160 else f"{words[:160].rsplit(' ', 1)[0]} …"
