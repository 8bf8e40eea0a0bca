"""The way to GitHub and back: one request, its answer, and what is wrong with it. PyGithub carries the requests.

How we sign in, connections that stay open, time-outs that hold, redirects that are not followed unseen, pages, and the
budgets of our account are here; which requests there are is for `github.py` to say. Nothing here sleeps, and only reads
are sent a second time.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from github import Auth
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester
from requests.adapters import HTTPAdapter
from requests.utils import parse_header_links

from integration.settings import GitHubSettings
from integration.stages.model import Ref
from integration.trackers import Gone, Refused, Unavailable
from integration.trackers.github_shapes import (
    Answer,
    Raw,
    as_time,
    come_back,
    fault,
    issue_path,
    lives_at,
    place_path,
    reading,
)
from integration.trackers.pace import (
    Bare,
    Pace,
    Shelf,
    Unpaced,
    Window,
    allowed,
    fingerprint,
    keep,
    kept,
    over_budget,
    window,
)
from integration.trackers.unsaid import unsaid

CONNECT, READ, TOTAL = 5.0, 15.0, 45.0  # seconds: until connected, between two bytes, for one whole method

_FULL = "application/vnd.github.full+json"  # with body_html: what GitHub made of a comment
_PLAIN = "application/vnd.github+json"
_VERSION = "2022-11-28"
PER_PAGE = 100
_PIECE = 65_536
_HOPS = 3  # a renamed repository of a renamed organisation of a transferred issue
_RENEW_BEFORE = timedelta(minutes=5)
_BLIND_WAIT = timedelta(seconds=60)  # what GitHub asks for when it names no time
_BAD_GATEWAY = frozenset({502, 503, 504})
_INSTALLED_FOR = timedelta(days=1)  # an App is seldom installed anew, and a 401 or 404 tells of it
_READ_POINTS, _WRITE_POINTS = 1, 5
_AT_ONCE = 90  # of the hundred that GitHub allows
_RESERVE = 50  # one in so many of the hour's requests is left over

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
        body = _drained(response, patience)
        if response.status_code >= 400:
            body = unsaid(request.headers, response.headers, body)
        response.raw = BytesIO(body)
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
        per_page=PER_PAGE,
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
    if again := answer.wait or come_back(answer.headers, now):
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


# --- one method's time ------------------------------------------------------------------------------------------------

P = ParamSpec("P")
R = TypeVar("R")


class _Wired(Protocol):
    wire: Wire


W = TypeVar("W", bound=_Wired)


def in_time(method: Callable[Concatenate[W, P], R]) -> Callable[Concatenate[W, P], R]:
    """All requests of one method have `total` seconds; an answer whose oddness slips through is an error of ours."""

    @functools.wraps(method)
    def timed(self: W, /, *args: P.args, **kwargs: P.kwargs) -> R:
        connect, read, total = self.wire.patience
        mark = _PATIENCE.set(_Patience(connect, read, time.monotonic() + total))
        try:
            return method(self, *args, **kwargs)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as odd:
            what = f"{type(odd).__name__} in {method.__name__}"
            raise Unavailable(f"GitHub gave an answer that we cannot read ({what})", unknown=True) from odd
        finally:
            _PATIENCE.reset(mark)

    return timed


# --- asking -----------------------------------------------------------------------------------------------------------

_NOWHERE = Ref("github", "", "", 0)


@dataclass(frozen=True, slots=True)
class _Way:
    """How we are signed in for a request, and whose budget it uses; `until` is shortly before its token ends."""

    line: Requester
    account: str
    until: datetime | None = None


class Wire:
    """Our account's way to one GitHub: `ask` and `all` as whoever works at a place, `as_app` as the App itself.

    `patience` is the seconds until connected, between two bytes, and for one whole method (see `in_time`); `clock`
    tells the time. All methods raise `Unavailable`, `Refused` or `Gone`, and nothing else.
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
        self.patience, self.clock = patience, clock
        self.pace: Pace = pace or Unpaced()
        self.shelf: Shelf = shelf or Bare()
        self.app = bool(settings.app_id) and not settings.token
        self.account = f"github:{fingerprint(settings.api_url, settings.app_id if self.app else settings.token)}"
        self._api_url, self._lock = settings.api_url, settings.app_private_key
        self._ours = _Way(_line(settings.api_url, _auth(settings)), self.account)
        self._installations: dict[str, int] = {}
        self._installed: dict[int, _Way] = {}

    def ask(
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
        etag: str = "",
    ) -> Answer:
        """One request as the account that works at this place. Raises for all but a success and what is `fine`.

        With the `etag` of an earlier answer the status may be 304: nothing has changed, and there is no body.
        """
        answer = self._send(self._way(ref), verb, path, doing, ref, params=params, body=body, full=full, etag=etag)
        if answer.status == 401:
            self._forget(ref)
        return self._good(answer, fine)

    def all(self, ref: Ref, path: str, doing: str, *, full: bool = False) -> list[Raw]:
        """All pages of a list."""
        return [entry for page in self.pages(ref, path, doing, full=full) for entry in page]

    def pages(self, ref: Ref, path: str, doing: str, *, full: bool = False, first: int = 1) -> Iterator[list[Raw]]:
        """The pages of a list, a hundred entries each, from the `first` wanted one on."""
        params: Mapping[str, object] = {"per_page": PER_PAGE} | ({"page": first} if first > 1 else {})
        while path:
            page = self.ask(ref, "GET", path, doing, params=params, full=full)
            yield page.many()
            path, params = _next_page(page), {}

    def as_app(
        self,
        verb: str,
        path: str,
        doing: str,
        *,
        ref: Ref = _NOWHERE,
        params: Mapping[str, object] | None = None,
        body: Raw | None = None,
        fine: Collection[int] = (),
    ) -> Answer:
        """One request as the App itself, signed with its key: /app and all below it. Only where `app` is True.

        Where it is about a place, `ref` tells of which.
        """
        return self._good(self._send(self._ours, verb, path, doing, ref, params=params, body=body), fine)

    def installed(self, doing: str) -> list[Raw]:
        """All repositories in which our App is installed, whoever owns them."""
        found: list[Raw] = []
        for one in self._paged(self._ours, "/app/installations", doing):
            if not one.get("suspended_at"):
                way = self._within(int(one["id"]), _NOWHERE)
                found += self._paged(way, "/installation/repositories", doing, within="repositories")
        return found

    def _paged(self, way: _Way, path: str, doing: str, within: str = "") -> list[Raw]:
        """All pages of a list, which some answers hold within an object."""
        found: list[Raw] = []
        params: Mapping[str, object] = {"per_page": PER_PAGE}
        while path:
            answer = self._good(self._send(way, "GET", path, doing, _NOWHERE, params=params))
            found += answer.one()[within] if within else answer.many()
            path, params = _next_page(answer), {}
        return found

    def next_page(self, answer: Answer) -> str:
        """The address of the page after this one; empty when it is the last."""
        return _next_page(answer)

    def room(self, ref: Ref, doing: str, comments: int, writes: int) -> None:
        """Raises `Unavailable`, unsent, when so many new comments and other writes do not fit the budget now."""
        account = self._way(ref).account
        wanted = [
            _points(account, _WRITE_POINTS * (comments + writes)),
            *(_creations(account, comments) if comments else ()),
        ]
        if wait := self.pace.enter((account,), wanted, look=True):
            raise over_budget("GitHub", doing, wait)

    def _good(self, answer: Answer, fine: Collection[int] = ()) -> Answer:
        if answer.status < 400:
            return answer
        now = self.clock()
        again = _come_back(answer, now)
        if answer.status not in fine or again:
            raise fault(answer, now, again)
        return answer

    def _send(
        self,
        way: _Way,
        verb: str,
        path: str,
        doing: str,
        ref: Ref,
        *,
        params: Mapping[str, object] | None = None,
        body: Raw | None = None,
        full: bool = False,
        etag: str = "",
        harmless: bool = False,
        hops: int = _HOPS,
    ) -> Answer:
        """One request and its answer, whatever its status. A read that failed at once is sent once more, at once."""
        headers = {"Accept": _FULL if full else _PLAIN} | ({"If-None-Match": etag} if etag else {})
        effect = verb != "GET" and not harmless
        for again in (False, True) if verb == "GET" else (True,):
            try:
                with allowed(self.pace, "GitHub", doing, (way.account,), _windows(way.account, verb, path), _AT_ONCE):
                    status, said, text = way.line.requestJson(verb, path, dict(params or {}), dict(headers), body)
            except _Elsewhere as moved:
                where = self._followed(way.line, moved.location, doing, hops)
                if verb == "GET":
                    return self._send(way, verb, where, doing, ref, full=full, etag=etag, hops=hops - 1)
                raise self._moved(way, ref, doing) from None
            except (requests.RequestException, ValueError) as error:
                if again or isinstance(error, requests.Timeout | requests.exceptions.InvalidHeader):
                    raise _unanswered(error, doing, effect) from None
                continue
            if again or status not in _BAD_GATEWAY or "retry-after" in said:
                break
        return self._heeded(way.account, Answer(doing, status, said, text, effect))

    def _heeded(self, account: str, answer: Answer) -> Answer:
        """The answer, when all of us know what it says of our account's limits."""
        now = self.clock()
        if again := _come_back(answer, now):
            told = come_back(answer.headers, now)
            rested = self.pace.rest(account, (told - now).total_seconds() if told else None)
            return replace(answer, wait=None if told else max(again, now + timedelta(seconds=rested)))
        if left := _reserved(answer.headers, now):
            self.pace.rest(account, left)
        return answer

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

    def _moved(self, way: _Way, ref: Ref, doing: str) -> Gone | Refused:
        """For a write that was sent on: nothing is written where the issue was not judged."""
        answer = self._good(self._send(way, "GET", issue_path(ref), f"looking where {ref.key} lives now", ref))
        with reading(answer):
            now = lives_at(answer.one(), ref)
        if now == ref:
            return Refused(f"GitHub sends us on, while {doing}: compare GITHUB_API_URL with the server's address")
        return Gone(f"{ref.key} lives at {now.key} now", now=now)

    # --- signing in as an App

    def _way(self, ref: Ref) -> _Way:
        """Our way into this place: for an App, with a token that still holds for a while."""
        if not self.app:
            return self._ours
        number = self._installations.get(ref.place)
        if number is None:
            number = self._installations[ref.place] = self._installation(ref)
        return self._within(number, ref)

    def _within(self, number: int, ref: Ref) -> _Way:
        """Our App's way into one installation."""
        held = self._installed.get(number)
        if held is None or held.until is None or held.until <= self.clock():
            held = self._installed[number] = self._shared(number) or self._sign_in(ref, number)
        return held

    def _installation(self, ref: Ref) -> int:
        on_shelf = f"{self.account}:installed:{ref.place}"
        if isinstance(known := kept(self.shelf, on_shelf), int):
            return known
        doing = f"looking for our App's installation in {ref.place}"
        answer = self._good(self._send(self._ours, "GET", f"{place_path(ref)}/installation", doing, ref))
        with reading(answer):
            number = int(answer.one()["id"])
        keep(self.shelf, on_shelf, number, _INSTALLED_FOR)
        return number

    def _shared(self, number: int) -> _Way | None:
        """With the token that another of our processes has got, while it holds."""
        shared = kept(self.shelf, f"{self.account}:token:{number}", self._lock)
        if not isinstance(shared, dict):
            return None
        until = as_time(shared["until"])
        return self._installed_way(number, shared["token"], until) if until > self.clock() else None

    def _sign_in(self, ref: Ref, number: int) -> _Way:
        path, doing = f"/app/installations/{number}/access_tokens", f"signing in to {ref.place} as our App"
        answer = self._send(self._ours, "POST", path, doing, ref, body={}, harmless=True)
        if answer.status == 404:
            self._forget(ref)
        said = self._good(answer).one()
        with reading(answer):
            token, until = str(said["token"]), as_time(said["expires_at"]) - _RENEW_BEFORE
        shown = {"token": token, "until": until.isoformat()}
        if (left := until - self.clock()) > timedelta(0):
            keep(self.shelf, f"{self.account}:token:{number}", shown, left, self._lock)
        return self._installed_way(number, token, until)

    def _installed_way(self, number: int, token: str, until: datetime) -> _Way:
        return _Way(_line(self._api_url, Auth.Token(token)), f"{self.account}:{number}", until)

    def _forget(self, ref: Ref) -> None:
        """The App may have been installed anew: find its installation again on the next request."""
        number = self._installations.pop(ref.place, 0)
        self._installed.pop(number, None)
        self.shelf.drop(f"{self.account}:token:{number}", f"{self.account}:installed:{ref.place}")


# --- budgets ----------------------------------------------------------------------------------------------------------


def _points(account: str, cost: int) -> Window:
    return window(f"{account}:points", cost, 900, 60)


def _creations(account: str, cost: int) -> tuple[Window, ...]:
    return window(f"{account}:new", cost, 80, 60), window(f"{account}:new-hourly", cost, 500, 3600)


def _windows(account: str, verb: str, path: str) -> Sequence[Window]:
    """What a request uses up of what GitHub allows an account."""
    points = _points(account, _READ_POINTS if verb == "GET" else _WRITE_POINTS)
    creates = verb == "POST" and path.endswith("/comments")
    return (points, *_creations(account, 1)) if creates else (points,)


def _reserved(headers: Mapping[str, str], now: datetime) -> float:
    """The seconds until the account's requests are counted anew, where hardly any is left; else 0."""
    numbers = [headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset")]
    if headers.get("x-ratelimit-resource", "core") != "core" or not all(one.isdecimal() for one in numbers):
        return 0
    limit, left, reset = (int(one[:12]) for one in numbers)
    return min(max(reset - now.timestamp(), 0), 3600) + 1 if left * _RESERVE < limit else 0


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
