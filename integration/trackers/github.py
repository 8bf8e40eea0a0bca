"""GitHub, read and written in our words. The only place that knows PyGithub.

PyGithub carries the requests: how we sign in, where the API is, connections that stay open. Which requests there are
is said here, and what their answers mean in github_shapes.py, because its objects hide what we need: the rendered body
of a comment, the headers that say when to come back, whether an answer was lost, and where a moved issue lives now. Two
reads make a snapshot, the issue and its timeline. Nothing here sleeps, and only reads are sent a second time.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from github import Auth
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester
from requests.adapters import HTTPAdapter
from requests.utils import parse_header_links

from integration.settings import GitHubSettings
from integration.stages.model import Comment, Issue, Label, Person, Ref, Related, Tie
from integration.stages.texts.markup import Text
from integration.trackers import EVERYTHING, Gone, Question, Refused, Unavailable, beside
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
    come_back,
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

CONNECT, READ, TOTAL = 5.0, 15.0, 45.0  # seconds: until connected, between two bytes, for one whole method

_FULL = "application/vnd.github.full+json"  # with body_html: what GitHub made of a comment
_PLAIN = "application/vnd.github+json"
_VERSION = "2022-11-28"
_PER_PAGE = 100
_PIECE = 65_536
_HOPS = 3  # a renamed repository of a renamed organisation of a transferred issue
_TRIES = 3  # of reading a snapshot that changes while it is read
_ASKED_MEMBERS = 10
_ASKED_LABELS = 10
_RENEW_BEFORE = timedelta(minutes=5)
_BLIND_WAIT = timedelta(seconds=60)  # what GitHub asks for when it names no time
_BAD_GATEWAY = frozenset({502, 503, 504})

# At DEBUG it writes whole answers, and one of them is the installation's token.
logging.getLogger("github.Requester").setLevel(logging.INFO)


# --- the wire: time-outs that hold, and no redirect that is followed unseen -------------------------------------------


@dataclass(frozen=True, slots=True)
class _Patience:
    connect: float
    read: float
    until: float

    def left(self) -> float:
        return self.until - time.monotonic()


_PATIENCE: ContextVar[_Patience] = ContextVar("_PATIENCE")


class _Elsewhere(requests.RequestException):
    """A redirect: PyGithub would follow it, also with a POST, and lose its query."""

    def __init__(self, location: str) -> None:
        super().__init__("moved")
        self.location = location


class _Punctual(HTTPAdapter):
    """Keeps the time-outs of the method under way, also against a body that arrives one byte at a time."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send it once and read the whole answer. Raises what requests raises, and `_Elsewhere`."""
        patience = _PATIENCE.get()
        left = patience.left()
        if left <= 0:
            raise requests.ConnectTimeout("no time left")
        kwargs |= {"stream": True, "timeout": (min(patience.connect, left), min(patience.read, left))}
        response = super().send(request, *args, **kwargs)
        response.raw = BytesIO(_drained(response, patience))
        if response.is_redirect:
            raise _Elsewhere(response.headers["location"])
        if response.status_code == 202 and request.method == "GET":
            raise requests.ConnectionError("the answer is still being made")  # PyGithub would sleep and ask again
        return response


def _drained(response: requests.Response, patience: _Patience) -> bytes:
    pieces = []
    try:
        while piece := response.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            if patience.left() <= 0:
                response.close()
                raise requests.ReadTimeout("no time left")
    except urllib3.exceptions.ReadTimeoutError:
        raise requests.ReadTimeout("the answer stopped") from None
    except urllib3.exceptions.HTTPError:
        raise requests.ConnectionError("the answer broke off") from None
    return b"".join(pieces)


class _PlainConnection(HTTPRequestsConnectionClass):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session.mount("http://", _Punctual())


class _SecureConnection(HTTPSRequestsConnectionClass):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session.mount("https://", _Punctual())


class _Line(Requester):
    """PyGithub's requester over our connections. Its own hook for them is global and gives up open connections."""

    _Requester__httpConnectionClass = _PlainConnection
    _Requester__httpsConnectionClass = _SecureConnection


def _line(api_url: str, auth: Auth.Auth) -> Requester:
    return _Line(
        auth=auth,
        base_url=api_url.rstrip("/"),
        timeout=int(READ),
        user_agent="release-stages",
        per_page=_PER_PAGE,
        verify=True,
        retry=0,
        pool_size=None,
        lazy=True,
        api_version=_VERSION,
    )


# --- answers, and what is wrong with them -----------------------------------------------------------------------------


def _next_page(answer: Answer) -> str:
    links = parse_header_links(answer.headers.get("link", ""))
    return next((link["url"] for link in links if link.get("rel") == "next"), "")


def _come_back(answer: Answer, now: datetime) -> datetime | None:
    """When GitHub lets us ask again; None when the answer is no rate limit."""
    if answer.status not in {403, 429}:
        return None
    if again := come_back(answer.headers, now):
        return again
    limited = answer.status == 429 or "retry-after" in answer.headers or Requester.isRateLimitError(answer.message)
    return now + _BLIND_WAIT if limited else None


def _unanswered(error: Exception, doing: str, effect: bool) -> Unavailable | Refused:
    """The error for a request without an answer. It never quotes `error`, which may quote our token."""
    if isinstance(error, requests.exceptions.InvalidHeader):
        return Refused(f"our GitHub token holds letters that no header may have, while {doing}: set GITHUB_TOKEN anew")
    late = isinstance(error, requests.Timeout)
    words = "GitHub did not answer in time" if late else "the connection to GitHub failed"
    return Unavailable(f"{words} ({type(error).__name__}), while {doing}", unknown=effect and not _never_left(error))


def _never_left(error: Exception) -> bool:
    """Is it certain that the request was not sent?"""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return True
    return "CERTIFICATE_VERIFY_FAILED" in str(reason)


# --- the tracker ------------------------------------------------------------------------------------------------------

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def _still_there(ref: Ref) -> Iterator[None]:
    """Around the rest of an issue that was there a moment ago: whether it still is, the next look tells."""
    try:
        yield
    except Gone as gone:
        raise Unavailable(f"GitHub shows {ref.key}, but not all of it: {gone}") from None


def _in_time(method: Callable[Concatenate[GitHub, P], R]) -> Callable[Concatenate[GitHub, P], R]:
    """All requests of one method have `total` seconds; an answer whose oddness slips through is an error of ours."""

    @functools.wraps(method)
    def timed(self: GitHub, /, *args: P.args, **kwargs: P.kwargs) -> R:
        connect, read, total = self.patience
        mark = _PATIENCE.set(_Patience(connect, read, time.monotonic() + total))
        try:
            return method(self, *args, **kwargs)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as odd:
            what = f"{type(odd).__name__} in {method.__name__}"
            raise Unavailable(f"GitHub gave an answer that we cannot read ({what})", unknown=True) from odd
        finally:
            _PATIENCE.reset(mark)

    return timed


@dataclass(frozen=True, slots=True)
class _Installed:
    """Our App's way into the places of one installation, good until shortly before its token ends."""

    line: Requester
    until: datetime


class GitHub:
    """The `Tracker` of github.com or of an Enterprise server, for one account: a token's owner, or an App.

    `patience` is the seconds until connected, between two bytes, and for one whole method; `clock` tells the time.
    """

    def __init__(
        self,
        settings: GitHubSettings,
        *,
        patience: tuple[float, float, float] = (CONNECT, READ, TOTAL),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.patience = patience
        self._clock = clock
        self._api_url = settings.api_url
        self._app = bool(settings.app_id) and not settings.token
        self._ours = _line(settings.api_url, _auth(settings))
        self._installations: dict[str, int] = {}
        self._installed: dict[int, _Installed] = {}
        self._me: Person | None = None
        self._told: tuple[Ref, datetime, Ties] | None = None  # by the last snapshot, until somebody asks

    # --- reading

    @_in_time
    def fetch(self, ref: Ref) -> Issue:
        """Read one whole snapshot, issue first; read again when its history is newer. Raises `Gone` with `now`."""
        for _ in range(_TRIES):
            answer = self._issue(ref)
            raw = answer.one()
            with _still_there(ref), reading(answer):
                timeline = self._all(ref, f"{issue_path(ref)}/timeline", f"reading the history of {ref.key}", full=True)
                if not torn(raw, timeline):
                    issue = self._snapshot(ref, raw, timeline)
                    self._told = (ref, issue.watermark, as_ties(ref, raw, timeline))
                    return issue
        soon = self._clock() + timedelta(seconds=5)
        raise Unavailable(f"{ref.key} changes faster than we can read it", retry_at=soon)

    def _issue(self, ref: Ref) -> Answer:
        answer = self._ask(ref, "GET", issue_path(ref), f"reading {ref.key}")
        with reading(answer):
            now = lives_at(answer.one(), ref)
        if now != ref:
            raise Gone(f"{ref.key} lives at {now.key} now", now=now)
        return answer

    def _snapshot(self, ref: Ref, raw: Raw, timeline: list[Raw]) -> Issue:
        me, said, deleted = self._who_we_are(ref), self._comments(ref, timeline), self._deleted(ref, raw, timeline)
        return as_issue(ref, raw, timeline, me, said, deleted)

    def _comments(self, ref: Ref, timeline: list[Raw]) -> tuple[Comment, ...]:
        """The comments of the timeline, read once more where it lacks how a mention was rendered."""
        said = [entry for entry in timeline if entry.get("event") == "commented"]
        if any("body_html" not in entry and "@" in (entry.get("body") or "") for entry in said):
            listed = self._all(ref, f"{issue_path(ref)}/comments", f"reading the comments of {ref.key}", full=True)
            rendered = {entry["id"]: entry for entry in listed}
            said = [{**entry, **rendered.get(entry["id"], {})} for entry in said]
        comments = [as_comment(entry) for entry in said]
        return tuple(sorted(comments, key=lambda comment: (comment.at, len(comment.id), comment.id)))

    def _deleted(self, ref: Ref, raw: Raw, timeline: list[Raw]) -> frozenset[str]:
        """Labels that nobody took off but that are gone, because the place has them no more."""
        missing = missing_labels(raw, timeline)[-_ASKED_LABELS:]
        doing = f"looking for a label in {ref.place}"
        return frozenset(
            name
            for name in missing
            if self._ask(ref, "GET", f"{place_path(ref)}/labels/{in_path(name)}", doing, fine={404}).status == 404
        )

    @_in_time
    def related(self, ref: Ref, issue: Issue, wanted: frozenset[str] = EVERYTHING) -> tuple[Related, ...]:
        """The sub-issues, what blocks the issue, and the issues that mention it. Asks only for what there is.

        GitHub knows no linked pages: where only those are wanted, there is nothing to ask for.

        Right after `fetch` the snapshot's two answers are not read again: they tell the links, and which of the others
        there are none of. Raises `Refused` where GitHub tells of some and does not show them.
        """
        if "issues" not in wanted:
            return ()
        told, self._told = self._told, None
        ties = told[2] if told and told[:2] == (ref, issue.watermark) else self._ties(ref)
        parts = self._tied(ref, Tie.SUB_ISSUE, "sub_issues", ties.parts)
        blockers = self._tied(ref, Tie.BLOCKING, "dependencies/blocked_by", ties.blockers)
        return strongest(parts, blockers, ties.linked)

    def _ties(self, ref: Ref) -> Ties:
        answer = self._issue(ref)
        with beside(), reading(answer):
            timeline = self._all(ref, f"{issue_path(ref)}/timeline", f"reading the history of {ref.key}")
            return as_ties(ref, answer.one(), timeline)

    def _tied(self, ref: Ref, tie: Tie, path: str, count: int | None) -> list[Related]:
        """The issues of one kind; `count` is how many GitHub tells of, None on a server that knows no such ties."""
        if count == 0:
            return []
        what = "sub-issues" if tie is Tie.SUB_ISSUE else "issues that block it"
        try:
            listed = self._all(ref, f"{issue_path(ref)}/{path}", f"reading the {what} of {ref.key}")
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

    @_in_time
    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        """All labels of the repository as they are called now."""
        with beside():
            listed = self._all(ref, f"{place_path(ref)}/labels", f"reading the labels of {ref.place}")
        return tuple(Label(str(label.get("id", "")), str(label.get("name", ""))) for label in listed)

    def _who_we_are(self, ref: Ref) -> Person:
        """Our own account, asked once."""
        if self._me is None:
            with beside():
                answer = self._own_account(ref)
            with reading(answer):
                self._me = as_person(answer.one())
        return self._me

    def _own_account(self, ref: Ref) -> Answer:
        if not self._app:
            return self._ask(ref, "GET", "/user", "asking which account our token belongs to")
        app = self._good(self._send(self._ours, "GET", "/app", "asking which App we are", ref))
        login = f"{app.one().get('slug', '')}[bot]"
        return self._ask(ref, "GET", f"/users/{in_path(login)}", "asking for our App's account")

    # --- writing

    @_in_time
    def say(self, ref: Ref, text: Text, token: str) -> Comment:
        """Post a comment, once. `Unavailable.unknown` when it may be there all the same."""
        doing = f"commenting on {ref.key}"
        body = {"body": marked(text, token)}
        answer = self._ask(ref, "POST", f"{issue_path(ref)}/comments", doing, body=body, full=True)
        with reading(answer):
            return as_comment(answer.one())

    @_in_time
    def edit(self, ref: Ref, comment_id: str, text: Text, token: str) -> None:
        """Replace the text of a comment of our own."""
        body = {"body": marked(text, token)}
        self._ask(ref, "PATCH", comment_path(ref, comment_id), f"editing our comment on {ref.key}", body=body)

    @_in_time
    def react(self, ref: Ref, comment_id: str, sign: str) -> None:
        """Answer a comment with a reaction; GitHub keeps one of a kind, so twice is once."""
        path = f"{comment_path(ref, comment_id)}/reactions"
        self._ask(ref, "POST", path, f"reacting to a comment on {ref.key}", body={"content": sign})

    @_in_time
    def pin(self, ref: Ref, comment_id: str) -> None:
        """Pin a comment to the top of the issue where none is pinned: GitHub keeps one, and a person may want it.

        Pull requests have no pins: `Refused`.
        """
        if not self._has_pin(ref):
            self._ask(ref, "PUT", f"{comment_path(ref, comment_id)}/pin", f"pinning our comment on {ref.key}")

    def _has_pin(self, ref: Ref) -> bool:
        """Is any comment of the issue pinned? The issue tells; on a server where it does not, its comments do."""
        raw = self._issue(ref).one()
        if "pinned_comment" in raw:
            return raw["pinned_comment"] is not None
        listed = self._all(ref, f"{issue_path(ref)}/comments", f"looking for a pin on {ref.key}")
        return any(entry.get("pin") for entry in listed)

    @_in_time
    def put_label(self, ref: Ref, name: str) -> None:
        """Put one label on; fine if it is on already."""
        doing = f"putting the label '{name}' on {ref.key}"
        self._ask(ref, "POST", f"{issue_path(ref)}/labels", doing, body={"labels": [name]})

    @_in_time
    def take_label(self, ref: Ref, name: str) -> None:
        """Take one label off; fine if it is not on."""
        doing = f"taking the label '{name}' off {ref.key}"
        answer = self._ask(ref, "DELETE", f"{issue_path(ref)}/labels/{in_path(name)}", doing, fine={404})
        if answer.status == 404 and "label does not exist" not in answer.message.lower():
            raise fault(answer, self._clock(), None)

    def transition(self, ref: Ref, to: Sequence[str]) -> None:
        """GitHub has no workflow: always `Refused`."""
        raise Refused(f"{ref.key} has no status to change: on GitHub a stage is a label")

    # --- people

    @_in_time
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
        answer = self._ask(ref, "GET", path, doing, fine={404})
        if answer.status == 404:
            self._team(ref, team)  # else a team that we cannot see would say no for everybody
            return False
        return bool(answer.one().get("state") == "active")

    def _team(self, ref: Ref, team: str) -> Raw:
        answer = self._ask(ref, "GET", team_path(team), f"reading the team {team}", fine={404})
        if answer.status == 404:
            raise Refused(
                f"the team {team} is not there, or our account cannot see it: compare mappings.yaml with GitHub, and "
                "give our App the organisation permission members: read (a token: the scope read:org)"
            )
        return answer.one()

    def _may_triage(self, ref: Ref, login: str) -> bool:
        doing = f"asking what {login} may do in {ref.place}"
        path = f"{place_path(ref)}/collaborators/{in_path(login)}/permission"
        answer = self._ask(ref, "GET", path, doing, fine={404})
        if answer.status == 404:
            if "is not a user" in answer.message:
                return False
            raise Refused(f"we may not know who may triage in {ref.place}, while {doing}: GitHub answered 404")
        said = answer.one()
        with reading(answer):
            return may_triage(said)

    @_in_time
    def unreached(self, ref: Ref, comment: Comment, handles: Iterable[str]) -> dict[str, str]:
        """Of `handles`, those that this comment cannot have reached, each with the reason in words."""
        return {handle: reason for handle in handles if (reason := self._unreached(ref, comment, handle.lower()))}

    def _unreached(self, ref: Ref, comment: Comment, handle: str) -> str:
        name = handle.removeprefix("@")
        if name not in comment.mentions:
            return f"GitHub made no link of @{name}: there is no such account or team for us to mention"
        try:
            return self._deaf_team(ref, name) if "/" in name else self._shut_out(ref, name)
        except (Refused, Gone) as unknown:
            return f"we cannot tell whom @{name} reaches: {unknown}"

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
        return self._ask(ref, "GET", path, f"reading the members of {team}", params=asked).many()[:_ASKED_MEMBERS]

    def _shut_out(self, ref: Ref, login: str) -> str:
        """Why a mention of one person reaches nobody; empty when it does."""
        return f"@{login} may not read {ref.place}" if self._is_private(ref) and not self._may_read(ref, login) else ""

    def _is_private(self, ref: Ref) -> bool:
        said = self._ask(ref, "GET", place_path(ref), f"reading {ref.place}").one()
        return bool(said.get("private")) and said.get("visibility") != "internal"

    def _team_may_read(self, ref: Ref, team: str) -> bool:
        path = f"{team_path(team)}/repos/{in_path(ref.place)}"
        return self._ask(ref, "GET", path, f"asking whether {team} may read {ref.place}", fine={404}).status != 404

    def _may_read(self, ref: Ref, login: str) -> bool:
        path = f"{place_path(ref)}/collaborators/{in_path(login)}"
        return self._ask(ref, "GET", path, f"asking whether {login} may read {ref.place}", fine={404}).status != 404

    def members(self, ref: Ref, group: str) -> tuple[str, ...]:
        """Nothing: on GitHub a team is mentioned as a whole."""
        return ()

    # --- asking

    def _all(self, ref: Ref, path: str, doing: str, *, full: bool = False) -> list[Raw]:
        """All pages of a list."""
        entries: list[Raw] = []
        params: Mapping[str, object] = {"per_page": _PER_PAGE}
        while path:
            page = self._ask(ref, "GET", path, doing, params=params, full=full)
            entries += page.many()
            path, params = _next_page(page), {}
        return entries

    def _ask(
        self,
        ref: Ref,
        verb: str,
        path: str,
        doing: str,
        *,
        params: Mapping[str, object] | None = None,
        body: Raw | None = None,
        full: bool = False,
        fine: Collection[int] = (),
    ) -> Answer:
        """One request as the account that works at this place. Raises for all but a success and what is `fine`."""
        line = self._installed_line(ref) if self._app else self._ours
        answer = self._send(line, verb, path, doing, ref, params=params, body=body, full=full, effect=verb != "GET")
        if answer.status == 401:
            self._forget(ref)
        return self._good(answer, fine)

    def _good(self, answer: Answer, fine: Collection[int] = ()) -> Answer:
        if answer.status < 400:
            return answer
        now = self._clock()
        again = _come_back(answer, now)
        if answer.status not in fine or again:
            raise fault(answer, now, again)
        return answer

    def _send(
        self,
        line: Requester,
        verb: str,
        path: str,
        doing: str,
        ref: Ref,
        *,
        params: Mapping[str, object] | None = None,
        body: Raw | None = None,
        full: bool = False,
        effect: bool = False,
        hops: int = _HOPS,
    ) -> Answer:
        """One request and its answer, whatever its status. A read that failed at once is sent once more, at once."""
        headers = {"Accept": _FULL if full else _PLAIN}
        for again in (False, True) if verb == "GET" else (True,):
            try:
                status, said, text = line.requestJson(verb, path, dict(params or {}), dict(headers), body)
            except _Elsewhere as moved:
                where = self._followed(line, moved.location, doing, hops)
                if verb == "GET":
                    return self._send(line, verb, where, doing, ref, full=full, hops=hops - 1)
                raise self._moved(line, ref, doing) from None
            except (requests.RequestException, ValueError) as error:
                if again or isinstance(error, requests.Timeout | requests.exceptions.InvalidHeader):
                    raise _unanswered(error, doing, effect) from None
                continue
            if again or status not in _BAD_GATEWAY or "retry-after" in said:
                break
        return Answer(doing, status, said, text, effect)

    def _followed(self, line: Requester, location: str, doing: str, hops: int) -> str:
        """The address that a redirect names, if it is one of the same API."""
        parts = urlsplit(location)
        if hops < 1 or (parts.netloc and (parts.scheme, parts.hostname) != (line.scheme, line.hostname)):
            where = f"{parts.scheme}://{parts.hostname}" if parts.netloc else "itself"
            raise Refused(
                f"GitHub sends us on to {where}, while {doing}: compare GITHUB_API_URL with the server's address"
            )
        if parts.netloc:
            return location
        return f"{line.base_url}{location.removeprefix(urlsplit(line.base_url).path)}"

    def _moved(self, line: Requester, ref: Ref, doing: str) -> Gone | Refused:
        """For a write that was sent on: nothing is written where the issue was not judged."""
        answer = self._good(self._send(line, "GET", issue_path(ref), f"looking where {ref.key} lives now", ref))
        with reading(answer):
            now = lives_at(answer.one(), ref)
        if now == ref:
            return Refused(f"GitHub sends us on, while {doing}: compare GITHUB_API_URL with the server's address")
        return Gone(f"{ref.key} lives at {now.key} now", now=now)

    # --- signing in as an App

    def _installed_line(self, ref: Ref) -> Requester:
        """Our App's way into this place, with a token that still holds for a while."""
        number = self._installations.get(ref.place)
        if number is None:
            number = self._installations[ref.place] = self._find_installation(ref)
        held = self._installed.get(number)
        if held is None or held.until <= self._clock():
            held = self._installed[number] = self._sign_in(ref, number)
        return held.line

    def _find_installation(self, ref: Ref) -> int:
        doing = f"looking for our App's installation in {ref.place}"
        answer = self._good(self._send(self._ours, "GET", f"{place_path(ref)}/installation", doing, ref))
        with reading(answer):
            return int(answer.one()["id"])

    def _sign_in(self, ref: Ref, number: int) -> _Installed:
        path, doing = f"/app/installations/{number}/access_tokens", f"signing in to {ref.place} as our App"
        answer = self._send(self._ours, "POST", path, doing, ref, body={})
        if answer.status == 404:
            self._forget(ref)
        said = self._good(answer).one()
        with reading(answer):
            line = _line(self._api_url, Auth.Token(said["token"]))
            return _Installed(line, as_time(said["expires_at"]) - _RENEW_BEFORE)

    def _forget(self, ref: Ref) -> None:
        """The App may have been installed anew: find its installation again on the next request."""
        self._installed.pop(self._installations.pop(ref.place, 0), None)


def _auth(settings: GitHubSettings) -> Auth.Auth:
    if settings.token or not settings.app_id:
        if not settings.token.strip():
            raise Refused("we have nothing to sign in to GitHub with: set GITHUB_TOKEN, or GITHUB_APP_ID and its key")
        return Auth.Token(settings.token.strip())
    try:
        auth = Auth.AppAuth(settings.app_id, settings.app_private_key)
        auth.create_jwt()
    except Exception:  # whatever the library that signs may raise; its words may quote the key
        raise Refused(
            "GITHUB_APP_PRIVATE_KEY cannot sign: it must be the PEM file that GitHub gave for the App"
        ) from None
    return auth
