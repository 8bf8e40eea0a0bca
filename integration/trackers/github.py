"""GitHub, read and written in our words: which requests there are. How one is carried is in `github_wire.py`.

What their answers mean is said in github_shapes.py: PyGithub's own objects hide what we need, the rendered body of a
comment, whether an answer was lost, and where a moved issue lives now. Two reads make a snapshot, the issue and its
timeline. Nothing here sleeps, and only reads are sent a second time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import partial
from urllib.parse import parse_qsl, urlencode, urlsplit

from integration.settings import GitHubSettings
from integration.stages.model import Carrier, Comment, Issue, Label, Person, Ref, Related, Tie
from integration.stages.texts.markup import Text
from integration.trackers import EVERYTHING, Gone, Question, Refused, Unavailable, beside
from integration.trackers.changes import Listed, Page
from integration.trackers.github_hooks import Hooks
from integration.trackers.github_kept import Kept, Stored
from integration.trackers.github_shapes import (
    GHOST,
    Answer,
    Raw,
    Ties,
    as_comment,
    as_issue,
    as_person,
    as_related,
    as_ties,
    as_time,
    comment_path,
    fault,
    in_path,
    issue_path,
    lives_at,
    marked,
    may_triage,
    missing_labels,
    place_path,
    reading,
    strongest,
    team_path,
    torn,
)
from integration.trackers.github_wire import CONNECT, PER_PAGE, READ, TOTAL, Wire, in_time
from integration.trackers.github_world import GitHubWorld
from integration.trackers.pace import FACTS_FOR, Pace, Shelf, keep, kept

_TRIES = 3  # of reading a snapshot that changes while it is read
_ASKED_MEMBERS = 10
_ASKED_LABELS = 10
_GONE = frozenset({404, 410})
_TO_READ_FILES = "the repository permission contents: read (or, of an App, single file: read for that path)"
_AT_HAND = 32  # snapshots of the last runs; a run has one
_KEPT_FOR = timedelta(days=3)
_A_MOMENT = 10.0  # seconds: so long what an answer showed of an issue is what the same run need not read


@contextmanager
def _still_there(ref: Ref) -> Iterator[None]:
    """Around the rest of an issue that was there a moment ago: whether it still is, the next look tells."""
    try:
        yield
    except Gone as gone:
        raise Unavailable(f"GitHub shows {ref.key}, but not all of it: {gone}") from None


@dataclass(slots=True)
class _Read:
    """The last snapshot of an issue, as it was read: what it tells beside counts until somebody asks."""

    kept: Kept
    watermark: datetime
    raw: Raw | None
    ties: Ties | None
    labels: list[Raw] | None = None  # as the answer to a change of ours has just shown them
    labelled_at: float = 0.0

    def label(self, labels: list[Raw]) -> None:
        """We have changed its labels: these are all that it has now."""
        self.labels, self.labelled_at = labels, time.monotonic()

    def told_of_labels(self) -> list[Raw] | None:
        """The labels after a change of ours a moment ago; None when there was none, or when it was asked before."""
        told, self.labels = self.labels, None
        return told if time.monotonic() - self.labelled_at < _A_MOMENT else None

    def told_of_pin(self) -> Raw | None:
        """The issue as it was read, which tells whether a comment is pinned; None when it was asked before."""
        told, self.raw = self.raw, None
        return told

    def told_once(self) -> Ties | None:
        """The ties; None when the history was not read for it, or when it was asked before."""
        told, self.ties = self.ties, None
        return told


def _by_age(comment: Comment) -> tuple[datetime, int, str]:
    return comment.at, len(comment.id), comment.id


class GitHub:
    """The `Tracker` of github.com or of an Enterprise server, for one account: a token's owner, or an App.

    `patience` is the seconds until connected, between two bytes, and for one whole method; `clock` tells the time;
    `pace` and `shelf` are what it shares with all other workers.
    """

    def __init__(
        self,
        settings: GitHubSettings,
        *,
        patience: tuple[float, float, float] = (CONNECT, READ, TOTAL),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pace: Pace | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self.wire = Wire(settings, patience=patience, clock=clock, pace=pace, shelf=shelf)
        self._me: Person | None = None
        self._last: dict[Ref, _Read] = {}

    # --- reading

    @in_time
    def fetch(self, ref: Ref, fresh: bool = False) -> Issue:
        """Read one whole snapshot, issue first; read again when its history is newer. Raises `Gone` with `now`.

        One call where an earlier snapshot still holds, or where all that happened is that we changed a label a moment
        ago; two where it does not, however long the history is.
        """
        if not fresh and (issue := self._relabelled(ref)):
            return issue
        return self._read(ref, None if fresh else Kept.unpacked(kept(self.wire.shelf, self._on_shelf(ref))))

    @in_time
    def recheck(self, ref: Ref, issue: Issue) -> Issue:
        """The issue as it is now: one call when nothing has happened since `fetch` but what we said ourselves."""
        last = self._last.get(ref)
        return replace(self._read(ref, last.kept if last else None), related=issue.related)

    def _read(self, ref: Ref, known: Kept | None) -> Issue:
        for _ in range(_TRIES):
            answer = self._issue(ref, known)
            raw = known.raw if known and answer.status == 304 else answer.one()
            with _still_there(ref), reading(answer):
                if known and known.still_holds(raw):
                    return self._snapshot(ref, raw, known, None)
                timeline, whole = self._timeline(ref, known)
                if not torn(raw, timeline):
                    return self._taken(ref, answer, raw, timeline, whole, known)
            known = None
        soon = self.wire.clock() + timedelta(seconds=5)
        raise Unavailable(f"{ref.key} changes faster than we can read it", retry_at=soon)

    def _relabelled(self, ref: Ref) -> Issue | None:
        """The issue right after we changed its labels: the answer has shown them, and the history tells the rest.

        None where that is long ago, or where the two do not agree: then all of it is to be read.
        """
        last = self._last.get(ref)
        labels = last.told_of_labels() if last else None
        if last is None or labels is None or not last.kept.sure:
            return None
        timeline, whole = self._timeline(ref, last.kept)
        now = last.kept.relabelled(labels, self._rendered(ref, timeline))
        if not now.sure:
            return None
        keep(self.wire.shelf, self._on_shelf(ref), now.packed(), _KEPT_FOR, soon=True)
        return self._snapshot(ref, now.raw, now, as_ties(ref, now.raw, timeline) if whole else None)

    def _timeline(self, ref: Ref, known: Kept | None) -> tuple[list[Raw], bool]:
        """The history, and whether all of it was read: the pages before the last may be known, if it fits on."""
        path, doing = f"{issue_path(ref)}/timeline", f"reading the history of {ref.key}"
        if known and (first := known.last_page) > 1:
            new = [entry for page in self.wire.pages(ref, path, doing, full=True, first=first) for entry in page]
            if (before := known.before(first, new)) is not None:
                return before + new, False
        return self.wire.all(ref, path, doing, full=True), True

    def _taken(
        self, ref: Ref, answer: Answer, raw: Raw, timeline: list[Raw], whole: bool, known: Kept | None
    ) -> Issue:  # fmt: skip
        """A snapshot of what was read, which is kept."""
        timeline = self._rendered(ref, timeline)
        deleted = self._deleted(ref, raw, timeline, known)
        now = Kept.of(answer.headers.get("etag", ""), raw, timeline, deleted)
        if now.etag:
            keep(self.wire.shelf, self._on_shelf(ref), now.packed(), _KEPT_FOR, soon=True)
        return self._snapshot(ref, raw, now, as_ties(ref, raw, timeline) if whole else None)

    def _snapshot(self, ref: Ref, raw: Raw, now: Kept, ties: Ties | None) -> Issue:
        """The issue as it is; what else it has told stays at hand for the rest of the run."""
        history, me = now.history, self._who_we_are(ref)
        said = sorted((as_comment(entry) for entry in history if entry.get("event") == "commented"), key=_by_age)
        issue = as_issue(ref, raw, history, me, tuple(said), frozenset(now.deleted))
        self._last.pop(ref, None)
        self._last[ref] = _Read(now, issue.watermark, raw, ties)
        for old in list(self._last)[:-_AT_HAND]:
            self._last.pop(old, None)
        return issue

    def _on_shelf(self, ref: Ref) -> str:
        return f"{self.wire.account}:issue:{ref}"

    @in_time
    def room(self, ref: Ref, comments: int = 0, writes: int = 0) -> None:
        """Raises `Unavailable`, unsent, when so many new comments and other changes are too much at this moment."""
        self.wire.room(ref, f"what is to be done on {ref.key}", comments, writes)

    def _issue(self, ref: Ref, known: Kept | None = None) -> Answer:
        """The issue's answer; 304 when it is as we know it."""
        answer = self.wire.ask(
            ref, "GET", issue_path(ref), f"reading {ref.key}", etag=known.etag if known and known.sure else ""
        )
        if answer.status == 304:
            return answer
        with reading(answer):
            now = lives_at(answer.one(), ref)
        if now != ref:
            raise Gone(f"{ref.key} lives at {now.key} now", now=now)
        return answer

    def _rendered(self, ref: Ref, timeline: list[Raw]) -> list[Raw]:
        """The timeline; its comments are read once more where it lacks how a mention was rendered."""
        said = [entry for entry in timeline if entry.get("event") == "commented"]
        if not any("body_html" not in entry and "@" in (entry.get("body") or "") for entry in said):
            return timeline
        listed = self.wire.all(ref, f"{issue_path(ref)}/comments", f"reading the comments of {ref.key}", full=True)
        rendered = {entry["id"]: entry for entry in listed}
        more = {entry["id"]: rendered.get(entry["id"], {}) for entry in said}
        return [{**entry, **more[entry["id"]]} if entry.get("event") == "commented" else entry for entry in timeline]

    def _deleted(self, ref: Ref, raw: Raw, timeline: list[Raw], known: Kept | None) -> frozenset[str]:
        """Labels that nobody took off but that are gone, because the place has them no more."""
        missing = missing_labels(raw, timeline)[-_ASKED_LABELS:]
        doing = f"looking for a label in {ref.place}"
        before = known.deleted if known else ()
        return frozenset(
            name
            for name in missing
            if name in before
            or self.wire.ask(ref, "GET", f"{place_path(ref)}/labels/{in_path(name)}", doing, fine={404}).status == 404
        )

    @in_time
    def related(self, ref: Ref, issue: Issue, wanted: frozenset[str] = EVERYTHING) -> tuple[Related, ...]:
        """The sub-issues, what blocks the issue, and the issues that mention it. Asks only for what there is.

        GitHub knows no linked pages: where only those are wanted, there is nothing to ask for.

        Right after `fetch` the snapshot's two answers are not read again: they tell the links, and which of the others
        there are none of. Raises `Refused` where GitHub tells of some and does not show them.
        """
        if "issues" not in wanted:
            return ()
        last = self._last.get(ref)
        ties = last.told_once() if last and last.watermark == issue.watermark else None
        ties = ties or self._ties(ref)
        parts = self._tied(ref, Tie.SUB_ISSUE, "sub_issues", ties.parts)
        blockers = self._tied(ref, Tie.BLOCKING, "dependencies/blocked_by", ties.blockers)
        return strongest(parts, blockers, ties.linked)

    def _ties(self, ref: Ref) -> Ties:
        answer = self._issue(ref)
        with beside(), reading(answer):
            timeline = self.wire.all(ref, f"{issue_path(ref)}/timeline", f"reading the history of {ref.key}")
            return as_ties(ref, answer.one(), timeline)

    def _tied(self, ref: Ref, tie: Tie, path: str, count: int | None) -> list[Related]:
        """The issues of one kind; `count` is how many GitHub tells of, None on a server that knows no such ties."""
        if count == 0:
            return []
        what = "sub-issues" if tie is Tie.SUB_ISSUE else "issues that block it"
        try:
            listed = self.wire.all(ref, f"{issue_path(ref)}/{path}", f"reading the {what} of {ref.key}")
        except Gone:
            if count is None:
                return []
            raise Refused(
                f"GitHub tells of {count} {what} for {ref.key}, and does not show them to us: give our account or App "
                "the permission issues: read where they live"
            ) from None
        return [as_related(entry, tie) for entry in listed]

    def called(self, ref: Ref, handle: str) -> str:
        """The login itself: it is what people go by."""
        return handle

    @in_time
    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        """All labels of the repository as they are called now."""
        with beside():
            listed = self.wire.all(ref, f"{place_path(ref)}/labels", f"reading the labels of {ref.place}")
        return tuple(Label(str(label.get("id", "")), str(label.get("name", ""))) for label in listed)

    @in_time
    def file(self, ref: Ref, path: str) -> bytes | None:
        """A file in the repository's default branch as it is now; None where there is none.

        What was read before is asked for by its tag, so that an unchanged one costs nothing.
        """
        on_shelf = f"{self.wire.account}:file:{ref.place}:{path}"
        known = Stored.unpacked(kept(self.wire.shelf, on_shelf))
        where, doing = f"{place_path(ref)}/contents/{in_path(path)}", f"reading {path} of {ref.place}"
        with beside():
            answer = self.wire.ask(ref, "GET", where, doing, fine={403, 404}, etag=known.etag if known else "")
        if answer.status == 404:
            return None
        if answer.status == 403:
            raise Refused(f"{path} of {ref.place} is closed to us: give our App or token {_TO_READ_FILES}")
        if answer.status == 304 and known:
            return known.raw
        if answer.text.startswith("["):
            raise Refused(f"there is a folder in place of a file, while {doing}")
        with reading(answer):
            now = Stored.of(answer.headers.get("etag", ""), answer.one(), doing)
        if now.etag:
            keep(self.wire.shelf, on_shelf, now.packed(), _KEPT_FOR)
        return now.raw

    # --- lists, for sweeps

    @in_time
    def places(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """The repositories that fit: those named as they are; of the others all that our account takes part in."""
        globs = [pattern for pattern in patterns if set(pattern) & set("*?[")]
        found = {pattern: None for pattern in patterns if pattern not in globs}
        if globs:
            for place in self._our_places():
                if any(fnmatchcase(place.casefold(), pattern.casefold()) for pattern in globs):
                    found[place] = None
        return tuple(found)

    def _our_places(self) -> list[str]:
        """Where our App is installed, or our token's account takes part; what is archived cannot be written to."""
        doing = "listing our repositories"
        if not self.wire.app:
            listed = self.wire.all(Ref("github", "", "", 0), "/user/repos", doing)
        else:
            listed = self.wire.installed(doing)
        return [str(raw["full_name"]) for raw in listed if not raw.get("archived") and raw.get("has_issues", True)]

    @in_time
    def changed(self, place: str, since: datetime, onward: str = "") -> Page:
        """The issues of a repository that changed since then, pull requests among them, in the order of that.

        A page goes on from the time of the last one's last issue: by its number alone, an issue that changes meanwhile
        would let another slip. Only where all of a page are of one second the number counts.
        """
        told, _, number = onward.partition(" ")
        begins = told or f"{since:%Y-%m-%dT%H:%M:%SZ}"
        page = self._listed(place, {"since": begins, "sort": "updated"}, number)
        if not page.onward or not page.found:
            return page
        last = f"{page.found[-1].updated:%Y-%m-%dT%H:%M:%SZ}"
        return replace(page, onward=f"{last} 1" if last > begins else f"{begins} {page.onward}")

    @in_time
    def carrying(self, place: str, carrier: Carrier, names: Sequence[str], onward: str = "") -> Page:
        """The issues of a repository that carry this one label, open or not, the oldest first."""
        return self._listed(place, {"labels": names[0], "sort": "created"}, onward)

    def _listed(self, place: str, asked: Mapping[str, str], onward: str) -> Page:
        """One page. GitHub goes beyond ten thousand by its own link alone: `onward` is what that adds, or a number."""
        ref, at = Ref("github", "", place, 0), {"page": onward} if onward.isdecimal() else dict(parse_qsl(onward))
        params = {"state": "all", "direction": "asc", "per_page": PER_PAGE, **asked, **at}
        with beside():
            answer = self.wire.ask(ref, "GET", f"{place_path(ref)}/issues", f"listing issues of {place}", params=params)
        there = parse_qsl(urlsplit(self.wire.next_page(answer)).query)
        with reading(answer):
            found = tuple(_as_listed(raw, ref) for raw in answer.many())
        return Page(found, urlencode([one for one in there if one[0] in ("page", "after")]))

    def hooks(self, address: str, places: Sequence[str]) -> Hooks:
        """The webhooks that tell us: our App's, or those of these places and their owners that lead to our address."""
        return Hooks(self.wire, address, places)

    def world(self) -> GitHubWorld:
        """What is asked before one goes live."""
        return GitHubWorld(self)

    def _who_we_are(self, ref: Ref) -> Person:
        """Our own account, asked once by one of us all."""
        if self._me is None:
            self._me = self._asked_before() or self._asked_who_we_are(ref)
        return self._me

    def _asked_before(self) -> Person | None:
        known = kept(self.wire.shelf, f"{self.wire.account}:me")
        return as_person(known) if isinstance(known, dict) else None

    def _asked_who_we_are(self, ref: Ref) -> Person:
        with beside():
            answer = self._own_account(ref)
        with reading(answer):
            said = answer.one()
            me = as_person(said)
        shown = {"id": said["id"], "login": said["login"], "type": said.get("type")}
        keep(self.wire.shelf, f"{self.wire.account}:me", shown, _KEPT_FOR)
        return me

    def _own_account(self, ref: Ref) -> Answer:
        if not self.wire.app:
            return self.wire.ask(ref, "GET", "/user", "asking which account our token belongs to")
        app = self.wire.as_app("GET", "/app", "asking which App we are", ref=ref)
        login = f"{app.one().get('slug', '')}[bot]"
        return self.wire.ask(ref, "GET", f"/users/{in_path(login)}", "asking for our App's account")

    # --- writing

    @in_time
    def say(self, ref: Ref, text: Text, token: str) -> Comment:
        """Post a comment, once. `Unavailable.unknown` when it may be there all the same."""
        doing = f"commenting on {ref.key}"
        body = {"body": marked(text, token)}
        answer = self.wire.ask(ref, "POST", f"{issue_path(ref)}/comments", doing, body=body, full=True)
        with reading(answer):
            posted = answer.one()
            said = as_comment(posted)
            self._spoken(ref, partial(Kept.say, posted=posted))
            return said

    @in_time
    def edit(self, ref: Ref, comment_id: str, text: Text, token: str) -> None:
        """Replace the text of a comment of our own."""
        body = {"body": marked(text, token)}
        doing = f"editing our comment on {ref.key}"
        answer = self.wire.ask(ref, "PATCH", comment_path(ref, comment_id), doing, body=body, full=True)
        with suppress(Unavailable), reading(answer):
            self._spoken(ref, partial(Kept.edit, changed=answer.one()))

    def _spoken(self, ref: Ref, note: Callable[[Kept], None]) -> None:
        """Remember what we said ourselves: an issue to which nothing else happened need not be read anew.

        What lies on the shelf since another of us has read it knows nothing of our words: it goes.
        """
        last, name = self._last.get(ref), self._on_shelf(ref)
        on_shelf = Kept.unpacked(kept(self.wire.shelf, name))
        with suppress(LookupError, TypeError, ValueError):  # an odd answer: then it is read anew
            if last:
                note(last.kept)
                if on_shelf and on_shelf.etag == last.kept.etag:
                    keep(self.wire.shelf, name, last.kept.packed(), _KEPT_FOR)
                    return
        self.wire.shelf.drop(name)

    @in_time
    def remove(self, ref: Ref, comment_id: str) -> None:
        """Delete a comment of our own; fine if it is gone already."""
        self.wire.ask(ref, "DELETE", comment_path(ref, comment_id), f"deleting our comment on {ref.key}", fine=_GONE)

    @in_time
    def react(self, ref: Ref, comment_id: str, sign: str) -> None:
        """Answer a comment with a reaction; GitHub keeps one of a kind, so twice is once."""
        path = f"{comment_path(ref, comment_id)}/reactions"
        self.wire.ask(ref, "POST", path, f"reacting to a comment on {ref.key}", body={"content": sign})

    @in_time
    def pin(self, ref: Ref, comment_id: str) -> None:
        """Pin a comment to the top of the issue where none is pinned: GitHub keeps one, and a person may want it.

        Pull requests have no pins: `Refused`.
        """
        if not self._has_pin(ref):
            self.wire.ask(ref, "PUT", f"{comment_path(ref, comment_id)}/pin", f"pinning our comment on {ref.key}")

    def _has_pin(self, ref: Ref) -> bool:
        """Is any comment of the issue pinned? The issue tells; on a server where it does not, its comments do."""
        last = self._last.get(ref)
        raw = (last.told_of_pin() if last else None) or self._issue(ref).one()
        if "pinned_comment" in raw:
            return raw["pinned_comment"] is not None
        listed = self.wire.all(ref, f"{issue_path(ref)}/comments", f"looking for a pin on {ref.key}")
        return any(entry.get("pin") for entry in listed)

    @in_time
    def put_label(self, ref: Ref, name: str) -> None:
        """Put one label on; fine if it is on already."""
        doing = f"putting the label '{name}' on {ref.key}"
        answer = self.wire.ask(ref, "POST", f"{issue_path(ref)}/labels", doing, body={"labels": [name]})
        self._labelled(ref, answer)

    @in_time
    def take_label(self, ref: Ref, name: str) -> None:
        """Take one label off; fine if it is not on."""
        doing = f"taking the label '{name}' off {ref.key}"
        answer = self.wire.ask(ref, "DELETE", f"{issue_path(ref)}/labels/{in_path(name)}", doing, fine={404})
        if answer.status == 404 and "label does not exist" not in answer.message.lower():
            raise fault(answer, self.wire.clock(), None)
        self._labelled(ref, answer)

    def _labelled(self, ref: Ref, answer: Answer) -> None:
        if answer.status == 200 and ref in self._last:
            with suppress(Unavailable), reading(answer):
                self._last[ref].label(answer.many())

    def transition(self, ref: Ref, to: Sequence[str]) -> None:
        """GitHub has no workflow: always `Refused`."""
        raise Refused(f"{ref.key} has no status to change: on GitHub a stage is a label")

    def fill(self, ref: Ref, field: str, text: str) -> None:
        """GitHub has no workflow that could ask for a field: always `Refused`."""
        raise Refused(f"{ref.key} has no field {field}: on GitHub nothing can hold a label before it is set")

    # --- people

    @in_time
    def answer(self, ref: Ref, question: Question) -> bool:
        """Is this person in the team; or may they triage? Asked now. Raises `Refused` where we may not know."""
        login = question.person.handle
        if not login or question.person == GHOST:
            return False
        with beside():
            if question.team and self._in_team(ref, question.team, login):
                return True
            return question.triage and self._may_triage(ref, login)

    def _in_team(self, ref: Ref, team: str, login: str) -> bool:
        doing = f"asking whether {login} is in {team}"
        path = f"{team_path(team)}/memberships/{in_path(login)}"
        answer = self.wire.ask(ref, "GET", path, doing, fine={404})
        if answer.status == 404:
            self._team(ref, team)  # else a team that we cannot see would say no for everybody
            return False
        return bool(answer.one().get("state") == "active")

    def _team(self, ref: Ref, team: str) -> Raw:
        answer = self.wire.ask(ref, "GET", team_path(team), f"reading the team {team}", fine={404})
        if answer.status == 404:
            raise Refused(
                f"the team {team} is not there, or our account cannot see it: compare mappings.yaml with GitHub, and "
                "give our App the organisation permission members: read (a token: the scope read:org)"
            )
        return answer.one()

    def _may_triage(self, ref: Ref, login: str) -> bool:
        doing = f"asking what {login} may do in {ref.place}"
        path = f"{place_path(ref)}/collaborators/{in_path(login)}/permission"
        answer = self.wire.ask(ref, "GET", path, doing, fine={404})
        if answer.status == 404:
            if "is not a user" in answer.message:
                return False
            raise Refused(f"we may not know who may triage in {ref.place}, while {doing}: GitHub answered 404")
        said = answer.one()
        with reading(answer):
            return may_triage(said)

    @in_time
    def unreached(self, ref: Ref, comment: Comment, handles: Iterable[str]) -> dict[str, str]:
        """Of `handles`, those that this comment cannot have reached, each with the reason in words."""
        return {handle: reason for handle in handles if (reason := self._unreached(ref, comment, handle.lower()))}

    def _unreached(self, ref: Ref, comment: Comment, handle: str) -> str:
        name = handle.removeprefix("@")
        if name not in comment.mentions:
            return f"GitHub made no link of @{name}: there is no such account or team for us to mention"
        reached = f"{self.wire.account}:reached:{ref.place}:{name}"
        if kept(self.wire.shelf, reached):
            return ""
        try:
            deaf = self._deaf_team(ref, name) if "/" in name else self._shut_out(ref, name)
        except (Refused, Gone) as unknown:
            return f"we cannot tell whom @{name} reaches: {unknown}"
        if not deaf:  # what is wrong is asked again each time: somebody may be mending it
            keep(self.wire.shelf, reached, True, FACTS_FOR)
        return deaf

    def _deaf_team(self, ref: Ref, team: str) -> str:
        """Why a mention of the team reaches nobody; empty when it does."""
        known = self._team(ref, team)
        if known.get("notification_setting") == "notifications_disabled":
            return f"the notifications of @{team} are turned off in the team's settings"
        if not (known["members_count"] if "members_count" in known else self._first_members(ref, team)):
            return f"nobody is in @{team}"
        if not self._is_private(ref) or self._team_may_read(ref, team):
            return ""
        members = self._first_members(ref, team)
        if any(self._may_read(ref, str(member.get("login", ""))) for member in members):
            return ""
        who = "none of the first ten people" if len(members) == _ASKED_MEMBERS else "nobody"
        return f"{who} in @{team} may read {ref.place}"

    def _first_members(self, ref: Ref, team: str) -> list[Raw]:
        asked = {"per_page": _ASKED_MEMBERS}
        path = f"{team_path(team)}/members"
        return self.wire.ask(ref, "GET", path, f"reading the members of {team}", params=asked).many()[:_ASKED_MEMBERS]

    def _shut_out(self, ref: Ref, login: str) -> str:
        """Why a mention of one person reaches nobody; empty when it does."""
        return f"@{login} may not read {ref.place}" if self._is_private(ref) and not self._may_read(ref, login) else ""

    def _is_private(self, ref: Ref) -> bool:
        public = f"{self.wire.account}:public:{ref.place}"
        if kept(self.wire.shelf, public):
            return False
        said = self.wire.ask(ref, "GET", place_path(ref), f"reading {ref.place}").one()
        private = bool(said.get("private")) and said.get("visibility") != "internal"
        if not private:
            keep(self.wire.shelf, public, True, FACTS_FOR)
        return private

    def _team_may_read(self, ref: Ref, team: str) -> bool:
        path = f"{team_path(team)}/repos/{in_path(ref.place)}"
        return self.wire.ask(ref, "GET", path, f"asking whether {team} may read {ref.place}", fine={404}).status != 404

    def _may_read(self, ref: Ref, login: str) -> bool:
        path = f"{place_path(ref)}/collaborators/{in_path(login)}"
        return self.wire.ask(ref, "GET", path, f"asking whether {login} may read {ref.place}", fine={404}).status != 404

    def members(self, ref: Ref, group: str) -> tuple[str, ...]:
        """Nothing: on GitHub a team is mentioned as a whole."""
        return ()


def _as_listed(raw: Raw, place: Ref) -> Listed:
    """An issue of a list of its repository's, which may be called otherwise by now."""
    ref = lives_at(raw, Ref("github", "", "", int(raw["number"])))  # as GitHub writes it, whatever the file's case
    ref = ref if ref.place else replace(place, number=ref.number)
    labels = tuple(str(label["name"]) for label in raw.get("labels") or ())
    return Listed(ref, as_time(raw["updated_at"]), labels, is_pull_request="pull_request" in raw)
