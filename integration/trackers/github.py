"""GitHub, read and written in our words. The only place that knows PyGithub.

PyGithub carries the requests: how we sign in, where the API is, connections that stay open. Which requests there are
and what their answers mean is said here, because its objects hide what we need: the rendered body of a comment, the
headers that say when to come back, whether an answer was lost, and where a moved issue lives now. Two reads make a
snapshot, the issue and its timeline. Nothing here sleeps, and only reads are sent a second time.
"""

from __future__ import annotations

import functools
import json
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

import requests
import urllib3
from github import Auth
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester
from requests.adapters import HTTPAdapter
from requests.utils import parse_header_links

from integration.settings import GitHubSettings
from integration.stages.markdown import markdown
from integration.stages.markup import Text
from integration.stages.model import Carrier, ClosedAs, Comment, Happened, Issue, Label, Person, Ref, Sighting
from integration.trackers import Gone, Question, Refused, Unavailable

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
_SLACK = timedelta(seconds=1)
_BLIND_WAIT = timedelta(seconds=60)  # what GitHub asks for when it names no time
_BAD_GATEWAY = frozenset({502, 503, 504})
_MAY_TRIAGE = frozenset({"triage", "write", "maintain", "admin"})
_GHOST = Person("", "ghost", "ghost")  # how GitHub shows an account that was deleted
_MARKER = re.compile(r"(?:\A|\n)<!-- release-stages: (?P<token>\S+) -->\s*\Z")

Raw = dict[str, Any]

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


@dataclass(frozen=True, slots=True)
class _Answer:
    """What GitHub said to one request; `doing` is what we wanted, `effect` whether asking changes something there."""

    doing: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    effect: bool = False

    def one(self) -> Raw:
        """The answer as one object. Raises `Unavailable`."""
        said = self._json()
        if not isinstance(said, dict):
            raise self.odd()
        return said

    def many(self) -> list[Raw]:
        """The answer as a list. Raises `Unavailable`."""
        said = self._json()
        if not isinstance(said, list):
            raise self.odd()
        return [entry for entry in said if isinstance(entry, dict)]

    def _json(self) -> object:
        try:
            return json.loads(self.text)
        except ValueError:
            raise self.odd() from None

    def odd(self) -> Unavailable:
        """For an answer that is not what the API promises."""
        return Unavailable(f"GitHub gave an answer that we cannot read, while {self.doing}", unknown=self.effect)

    @property
    def next(self) -> str:
        links = parse_header_links(self.headers.get("link", ""))
        return next((link["url"] for link in links if link.get("rel") == "next"), "")

    @property
    def message(self) -> str:
        """GitHub's own words about what is wrong."""
        try:
            said = json.loads(self.text)
        except ValueError:
            return ""
        if not isinstance(said, dict):
            return ""
        faults = [fault for fault in said.get("errors") or () if isinstance(fault, dict)]
        more = [str(fault.get("message") or f"{fault.get('field')} {fault.get('code')}") for fault in faults]
        return "; ".join([str(said.get("message") or ""), *more])[:300]


def _fault(answer: _Answer, now: datetime) -> Unavailable | Refused | Gone:
    """The error for an answer that is no success."""
    if again := _come_back(answer, now):
        return Unavailable(f"GitHub asks us to wait until {again:%H:%M:%S} UTC, while {answer.doing}", retry_at=again)
    if answer.status >= 500 or answer.status == 408:
        seconds = answer.headers.get("retry-after", "")
        later = now + timedelta(seconds=int(seconds)) if seconds.isdecimal() else None
        words = f"GitHub answered {answer.status}, while {answer.doing}"
        return Unavailable(words, retry_at=later, unknown=answer.effect)
    if answer.status in {404, 410, 451}:
        words = f"GitHub answered {answer.status}, while {answer.doing}"
        return Gone(f"{words}: it is not there, or not for our account to see")
    said = f" ({answer.message})" if answer.message else ""
    if answer.status == 401:
        return Refused(
            f"GitHub does not accept how we sign in, while {answer.doing}{said}: renew GITHUB_TOKEN, or compare "
            "GITHUB_APP_ID with GITHUB_APP_PRIVATE_KEY"
        )
    return Refused(f"GitHub refused{said}, while {answer.doing}{_needed(answer)}")


def _needed(answer: _Answer) -> str:
    """Which permission would have done, as the answer's headers name it."""
    if answer.status != 403:
        return ""
    if accepted := answer.headers.get("x-accepted-github-permissions", ""):
        ways = [" and ".join(way.strip().replace("=", ": ").split(",")) for way in accepted.split(";")]
        return f": our account or App needs the permission {' or '.join(ways)}"
    if scopes := answer.headers.get("x-accepted-oauth-scopes", ""):
        return f": our token needs one of the scopes {scopes}"
    return ": our account or App lacks a permission"


def _come_back(answer: _Answer, now: datetime) -> datetime | None:
    """When GitHub lets us ask again; None when the answer is no rate limit."""
    if answer.status not in {403, 429}:
        return None
    headers = answer.headers
    if (seconds := headers.get("retry-after", "")).isdecimal():
        return now + timedelta(seconds=int(seconds))
    if headers.get("x-ratelimit-remaining") == "0" and (reset := headers.get("x-ratelimit-reset", "")).isdecimal():
        return max(datetime.fromtimestamp(int(reset), UTC), now) + _SLACK
    limited = answer.status == 429 or "retry-after" in headers or Requester.isRateLimitError(answer.message)
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


@contextmanager
def _reading(answer: _Answer) -> Iterator[None]:
    """Around what takes an answer apart."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise answer.odd() from None


# --- the tracker ------------------------------------------------------------------------------------------------------

P = ParamSpec("P")
R = TypeVar("R")


def _in_time(method: Callable[Concatenate[GitHub, P], R]) -> Callable[Concatenate[GitHub, P], R]:
    """All requests of one method together have `total` seconds."""

    @functools.wraps(method)
    def timed(self: GitHub, /, *args: P.args, **kwargs: P.kwargs) -> R:
        connect, read, total = self.patience
        mark = _PATIENCE.set(_Patience(connect, read, time.monotonic() + total))
        try:
            return method(self, *args, **kwargs)
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

    # --- reading

    @_in_time
    def fetch(self, ref: Ref) -> Issue:
        """Read one whole snapshot, issue first; read again when its history is newer. Raises `Gone` with `now`."""
        for _ in range(_TRIES):
            answer = self._issue(ref)
            raw = answer.one()
            timeline = self._all(ref, f"{_issue_path(ref)}/timeline", f"reading the history of {ref.key}", full=True)
            with _reading(answer):
                if not _torn(raw, timeline):
                    return self._snapshot(ref, raw, timeline)
        soon = self._clock() + timedelta(seconds=5)
        raise Unavailable(f"{ref.key} changes faster than we can read it", retry_at=soon)

    def _issue(self, ref: Ref) -> _Answer:
        answer = self._ask(ref, "GET", _issue_path(ref), f"reading {ref.key}")
        with _reading(answer):
            now = _lives_at(answer.one(), ref)
        if now != ref:
            raise Gone(f"{ref.key} lives at {now.key} now", now=now)
        return answer

    def _snapshot(self, ref: Ref, raw: Raw, timeline: list[Raw]) -> Issue:
        return Issue(
            ref=ref,
            title=raw["title"],
            body=raw.get("body") or "",
            url=raw["html_url"],
            author=_person(raw.get("user")),
            me=self._who_we_are(ref),
            created=_at(raw["created_at"]),
            watermark=_at(raw["updated_at"]),
            closed=_closed(raw),
            labels=tuple(Label(str(label["id"]), label["name"]) for label in raw["labels"]),
            sightings=_sightings(timeline),
            comments=self._comments(ref, timeline),
            is_pull_request=raw.get("pull_request") is not None,
            deleted_labels=self._deleted(ref, raw, timeline),
        )

    def _comments(self, ref: Ref, timeline: list[Raw]) -> tuple[Comment, ...]:
        """The comments of the timeline, read once more where it lacks how a mention was rendered."""
        said = [entry for entry in timeline if entry.get("event") == "commented"]
        if any("body_html" not in entry and "@" in (entry.get("body") or "") for entry in said):
            listed = self._all(ref, f"{_issue_path(ref)}/comments", f"reading the comments of {ref.key}", full=True)
            rendered = {entry["id"]: entry for entry in listed}
            said = [{**entry, **rendered.get(entry["id"], {})} for entry in said]
        comments = [_comment(entry) for entry in said]
        return tuple(sorted(comments, key=lambda comment: (comment.at, len(comment.id), comment.id)))

    def _deleted(self, ref: Ref, raw: Raw, timeline: list[Raw]) -> frozenset[str]:
        """Labels that nobody took off but that are gone, because the place has them no more."""
        missing = _missing_labels(raw, timeline)[-_ASKED_LABELS:]
        doing = f"looking for a label in {ref.place}"
        return frozenset(
            name
            for name in missing
            if self._ask(ref, "GET", f"{_place_path(ref)}/labels/{_in_path(name)}", doing, fine={404}).status == 404
        )

    @_in_time
    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        """All labels of the repository as they are called now."""
        listed = self._all(ref, f"{_place_path(ref)}/labels", f"reading the labels of {ref.place}")
        return tuple(Label(str(label.get("id", "")), str(label.get("name", ""))) for label in listed)

    def _who_we_are(self, ref: Ref) -> Person:
        """Our own account, asked once."""
        if self._me is None:
            if self._app:
                app = self._send(self._ours, "GET", "/app", "asking which App we are", ref)
                login = f"{self._good(app).one().get('slug', '')}[bot]"
                answer = self._ask(ref, "GET", f"/users/{_in_path(login)}", "asking for our App's account")
            else:
                answer = self._ask(ref, "GET", "/user", "asking which account our token belongs to")
            with _reading(answer):
                self._me = _person(answer.one())
        return self._me

    # --- writing

    @_in_time
    def say(self, ref: Ref, text: Text, token: str) -> Comment:
        """Post a comment, once. `Unavailable.unknown` when it may be there all the same."""
        doing = f"commenting on {ref.key}"
        body = {"body": _marked(text, token)}
        answer = self._ask(ref, "POST", f"{_issue_path(ref)}/comments", doing, body=body, full=True)
        with _reading(answer):
            return _comment(answer.one())

    @_in_time
    def edit(self, ref: Ref, comment_id: str, text: Text, token: str) -> None:
        """Replace the text of a comment of our own."""
        body = {"body": _marked(text, token)}
        self._ask(ref, "PATCH", _comment_path(ref, comment_id), f"editing our comment on {ref.key}", body=body)

    @_in_time
    def react(self, ref: Ref, comment_id: str, sign: str) -> None:
        """Answer a comment with a reaction; GitHub keeps one of a kind, so twice is once."""
        path = f"{_comment_path(ref, comment_id)}/reactions"
        self._ask(ref, "POST", path, f"reacting to a comment on {ref.key}", body={"content": sign})

    @_in_time
    def put_label(self, ref: Ref, name: str) -> None:
        """Put one label on; fine if it is on already."""
        doing = f"putting the label '{name}' on {ref.key}"
        self._ask(ref, "POST", f"{_issue_path(ref)}/labels", doing, body={"labels": [name]})

    @_in_time
    def take_label(self, ref: Ref, name: str) -> None:
        """Take one label off; fine if it is not on."""
        doing = f"taking the label '{name}' off {ref.key}"
        answer = self._ask(ref, "DELETE", f"{_issue_path(ref)}/labels/{_in_path(name)}", doing, fine={404})
        if answer.status == 404 and "label does not exist" not in answer.message.lower():
            raise _fault(answer, self._clock())

    def transition(self, ref: Ref, to: Sequence[str]) -> None:
        """GitHub has no workflow: always `Refused`."""
        raise Refused(f"{ref.key} has no status to change: on GitHub a stage is a label")

    # --- people

    @_in_time
    def answer(self, ref: Ref, question: Question) -> bool:
        """Is this person in the team; or may they triage? Asked now. Raises `Refused` where we may not know."""
        login = question.person.handle
        if not login or question.person == _GHOST:
            return False
        if question.team and self._in_team(ref, question.team, login):
            return True
        return question.triage and self._may_triage(ref, login)

    def _in_team(self, ref: Ref, team: str, login: str) -> bool:
        doing = f"asking whether {login} is in {team}"
        path = f"{_team_path(team)}/memberships/{_in_path(login)}"
        answer = self._ask(ref, "GET", path, doing, fine={404})
        if answer.status == 404:
            self._team(ref, team)  # else a team that we cannot see would say no for everybody
            return False
        return bool(answer.one().get("state") == "active")

    def _team(self, ref: Ref, team: str) -> Raw:
        answer = self._ask(ref, "GET", _team_path(team), f"reading the team {team}", fine={404})
        if answer.status == 404:
            raise Refused(
                f"the team {team} is not there, or our account cannot see it: compare mappings.yaml with GitHub, and "
                "give our App the organisation permission members: read (a token: the scope read:org)"
            )
        return answer.one()

    def _may_triage(self, ref: Ref, login: str) -> bool:
        doing = f"asking what {login} may do in {ref.place}"
        path = f"{_place_path(ref)}/collaborators/{_in_path(login)}/permission"
        answer = self._ask(ref, "GET", path, doing, fine={404})
        if answer.status == 404:
            if "is not a user" in answer.message:
                return False
            raise Refused(f"we may not know who may triage in {ref.place}, while {doing}: GitHub answered 404")
        said = answer.one()
        with _reading(answer):
            if (said.get("role_name") or said.get("permission")) in _MAY_TRIAGE:
                return True
            may = ((said.get("user") or {}).get("permissions") or {}).get("triage")
            return bool(may or said.get("permission") in _MAY_TRIAGE)  # a role that the organisation made itself

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
        except Refused as refused:
            return f"we cannot tell whom @{name} reaches: {refused}"

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
        path = f"{_team_path(team)}/members"
        return self._ask(ref, "GET", path, f"reading the members of {team}", params=asked).many()[:_ASKED_MEMBERS]

    def _shut_out(self, ref: Ref, login: str) -> str:
        """Why a mention of one person reaches nobody; empty when it does."""
        return f"@{login} may not read {ref.place}" if self._is_private(ref) and not self._may_read(ref, login) else ""

    def _is_private(self, ref: Ref) -> bool:
        said = self._ask(ref, "GET", _place_path(ref), f"reading {ref.place}").one()
        return bool(said.get("private")) and said.get("visibility") != "internal"

    def _team_may_read(self, ref: Ref, team: str) -> bool:
        path = f"{_team_path(team)}/repos/{_in_path(ref.place)}"
        return self._ask(ref, "GET", path, f"asking whether {team} may read {ref.place}", fine={404}).status != 404

    def _may_read(self, ref: Ref, login: str) -> bool:
        path = f"{_place_path(ref)}/collaborators/{_in_path(login)}"
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
            path, params = page.next, {}
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
    ) -> _Answer:
        """One request as the account that works at this place. Raises for all but a success and what is `fine`."""
        line = self._installed_line(ref) if self._app else self._ours
        answer = self._send(line, verb, path, doing, ref, params=params, body=body, full=full, effect=verb != "GET")
        if answer.status == 401:
            self._forget(ref)
        return self._good(answer, fine)

    def _good(self, answer: _Answer, fine: Collection[int] = ()) -> _Answer:
        if answer.status >= 400 and (answer.status not in fine or _come_back(answer, self._clock())):
            raise _fault(answer, self._clock())
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
    ) -> _Answer:
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
        return _Answer(doing, status, said, text, effect)

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
        answer = self._good(self._send(line, "GET", _issue_path(ref), f"looking where {ref.key} lives now", ref))
        with _reading(answer):
            now = _lives_at(answer.one(), ref)
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
        answer = self._good(self._send(self._ours, "GET", f"{_place_path(ref)}/installation", doing, ref))
        with _reading(answer):
            return int(answer.one()["id"])

    def _sign_in(self, ref: Ref, number: int) -> _Installed:
        path, doing = f"/app/installations/{number}/access_tokens", f"signing in to {ref.place} as our App"
        answer = self._send(self._ours, "POST", path, doing, ref, body={})
        if answer.status == 404:
            self._forget(ref)
        said = self._good(answer).one()
        with _reading(answer):
            line = _line(self._api_url, Auth.Token(said["token"]))
            return _Installed(line, _at(said["expires_at"]) - _RENEW_BEFORE)

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


# --- paths ------------------------------------------------------------------------------------------------------------


def _in_path(name: str) -> str:
    """A name in a path. GitHub wants slashes as they are, unless they would lead the request somewhere else."""
    leads_away = any(part in {"", ".", ".."} for part in name.split("/"))
    return quote(name, safe="" if leads_away else "/")


def _place_path(ref: Ref) -> str:
    return f"/repos/{_in_path(ref.place)}"


def _issue_path(ref: Ref) -> str:
    return f"{_place_path(ref)}/issues/{ref.number}"


def _comment_path(ref: Ref, comment_id: str) -> str:
    return f"{_place_path(ref)}/issues/comments/{quote(comment_id, safe='')}"


def _team_path(team: str) -> str:
    org, _, slug = team.partition("/")
    return f"/orgs/{quote(org, safe='')}/teams/{quote(slug, safe='')}"


# --- GitHub's words in ours -------------------------------------------------------------------------------------------


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _person(raw: Raw | None) -> Person:
    if not raw:
        return _GHOST
    login = raw["login"]
    return Person(id=str(raw["id"]), handle=login, name=login, bot=raw.get("type") == "Bot")


def _lives_at(raw: Raw, asked: Ref) -> Ref:
    """Where the issue that was answered lives: `asked` itself, in whatever case its place was written."""
    parts = urlsplit(raw.get("repository_url") or "").path.rstrip("/").split("/")
    place = "/".join(parts[-2:]) if len(parts) > 1 else asked.place
    number = int(raw["number"])
    same = place.lower() == asked.place.lower() and number == asked.number
    return asked if same else Ref("github", "", place, number)


def _closed(raw: Raw) -> ClosedAs:
    if raw["state"] != "closed":
        return ClosedAs.OPEN
    return ClosedAs.NOT_PLANNED if raw.get("state_reason") in {"not_planned", "duplicate"} else ClosedAs.DONE


def _label_events(timeline: Iterable[Raw]) -> list[Raw]:
    events = [entry for entry in timeline if entry.get("event") in {"labeled", "unlabeled"} and entry.get("label")]
    return sorted(events, key=lambda event: (_at(event["created_at"]), event["id"]))


def _sightings(timeline: Iterable[Raw]) -> tuple[Sighting, ...]:
    return tuple(
        Sighting(
            id=str(event["id"]),
            at=_at(event["created_at"]),
            actor=_person(event.get("actor")),
            carrier=Carrier.LABEL,
            what=Happened.ADDED if event["event"] == "labeled" else Happened.REMOVED,
            name=event["label"]["name"],
            value_id=str(event["label"].get("id") or ""),
            app=str((event.get("performed_via_github_app") or {}).get("id") or ""),
        )
        for event in _label_events(timeline)
    )


def _names_on(raw: Raw) -> set[str]:
    return {label["name"].lower() for label in raw["labels"]}


def _torn(raw: Raw, timeline: Iterable[Raw]) -> bool:
    """Did a label change after the issue was read and before its history was?"""
    read_at = _at(raw["updated_at"])
    newer = {
        event["label"]["name"].lower(): event["event"] == "labeled"
        for event in _label_events(timeline)
        if _at(event["created_at"]) > read_at
    }
    on = _names_on(raw)
    return any((name in on) != put for name, put in newer.items())


def _missing_labels(raw: Raw, timeline: Iterable[Raw]) -> list[str]:
    """Labels that were put on and never taken off, but are not on; the last put on stands last."""
    standing: dict[str, str] = {}
    for event in _label_events(timeline):
        name = event["label"]["name"]
        standing.pop(name.lower(), None)
        if event["event"] == "labeled":
            standing[name.lower()] = name
    on = _names_on(raw)
    return [name for lowered, name in standing.items() if lowered not in on]


def _comment(raw: Raw) -> Comment:
    body = (raw.get("body") or "").replace("\r\n", "\n")
    ours = _MARKER.search(body)
    created = _at(raw["created_at"])
    return Comment(
        id=str(raw["id"]),
        at=created,
        author=_person(raw.get("user") or raw.get("actor")),
        body=body[: ours.start()].rstrip("\n") if ours else body,
        url=raw.get("html_url") or "",
        edited=_at(raw.get("updated_at") or raw["created_at"]) > created + _SLACK,
        mentions=_mentions(raw.get("body_html") or ""),
        token=ours["token"] if ours else "",
    )


def _marked(text: Text, token: str) -> str:
    return f"{markdown(text)}\n\n<!-- release-stages: {token} -->"


class _Mentions(HTMLParser):
    """Finds the mentions that GitHub rendered as links, outside what is quoted from somebody else."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[str] = set()
        self._quotes = 0
        self._inside: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "blockquote":
            self._quotes += 1
        elif tag == "a" and not self._quotes:
            classes = (dict(attrs).get("class") or "").split()
            self._inside = [] if {"user-mention", "team-mention"} & set(classes) else None

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self._inside.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag == "a" and self._inside is not None:
            self.found.add("".join(self._inside).strip().removeprefix("@").lower())
            self._inside = None


def _mentions(html: str) -> frozenset[str]:
    page = _Mentions()
    page.feed(html)
    page.close()
    return frozenset(page.found - {""})
