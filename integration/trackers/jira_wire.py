"""The way to one Jira site and back: one request, its answer, and what is wrong with it. python-jira carries it.

python-jira signs in and keeps the connections. We read Jira's JSON ourselves: its resource objects cost more calls and
more time, its `add_comment` knows no properties, and its errors print whole answers. It never retries for us, as it
would sleep in a job and could post twice. Which requests there are is for `jira.py` to say.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import jira
import requests
import urllib3
from requests.adapters import HTTPAdapter

from integration.settings import JiraSettings
from integration.trackers import Gone, Refused, TrackerError, Unavailable
from integration.trackers.pace import Bare, Pace, Shelf, Unpaced, Window, allowed, fingerprint, over_budget, window
from integration.trackers.unsaid import unsaid

CONNECT, READ, TOTAL = 5.0, 20.0, 60.0  # seconds: for a connection, for each read, for all of one method's requests
WAIT, LONGEST_WAIT = timedelta(seconds=60), timedelta(days=1)  # after a rate limit that names no time, or a wild one
LARGEST = 64 * 1024 * 1024  # bytes of one answer
PAGE = 100
_EACH_SECOND = {"GET": (100, 1), "POST": (100, 1), "PUT": (50, 1), "DELETE": (50, 1)}  # of Cloud, for one site
_EACH_ISSUE = ((20, 2), (100, 30))  # so many writes in so many seconds
FEW = 5  # of Jira's words about an error, as many are shown to people

P = ParamSpec("P")
T = TypeVar("T")


# --- the wire ---------------------------------------------------------------------------------------------------------


class Bounded(HTTPAdapter):
    """Transport that ends in time, keeps answers within bounds, and leaves of an error only Jira's own words."""

    def __init__(self) -> None:
        super().__init__()
        self._bound = threading.local()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """All requests of this thread inside the block must be over by then; an outer block's end stays."""
        outer = getattr(self._bound, "end", None)
        self._bound.end = outer or time.monotonic() + seconds
        try:
            yield
        finally:
            self._bound.end = outer

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send within what is left of the time, and read the whole answer within it too."""
        left = self._left()
        kwargs["timeout"] = (min(CONNECT, left), min(READ, left))
        response = super().send(request, *args, **kwargs)
        body = self._body(response)
        if response.status_code >= 400:
            told = _words(unsaid(request.headers, response.headers, body))
            body = json.dumps({"errorMessages": told}).encode()
        response.raw = io.BytesIO(body)
        return response

    def _left(self) -> float:
        left = self._end(TOTAL) - time.monotonic()
        if left <= 0:
            raise requests.ConnectTimeout("no time left")
        return left

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        try:
            # Not `stream`, which waits for a whole chunk however slowly it drips.
            while chunk := response.raw.read1(65536, decode_content=True):
                body += chunk
                if len(body) > LARGEST or self._late():
                    raise requests.ReadTimeout("the answer is too long or too slow")
        except (urllib3.exceptions.HTTPError, OSError) as broken:
            response.raw.close()
            if isinstance(broken, requests.RequestException):
                raise
            raise requests.ConnectionError("the answer broke off") from None
        return bytes(body)

    def _late(self) -> bool:
        return self._end(1) <= time.monotonic()

    def _end(self, otherwise: float) -> float:
        """When all must be over; so many seconds from now outside of a block."""
        return getattr(self._bound, "end", None) or time.monotonic() + otherwise


def _words(body: bytes) -> list[str]:
    """What Jira itself says about an error; nothing of any other answer, such as a proxy's page."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, dict):
        return []
    said = [found.get("errorMessage"), found.get("message")]
    if isinstance(messages := found.get("errorMessages"), list):
        said += messages
    if isinstance(errors := found.get("errors"), dict):
        said += [f"{field}: {text}" for field, text in errors.items() if isinstance(text, str)]
    return [" ".join(text.split())[:300] for text in said if isinstance(text, str) and text.strip()][: 2 * PAGE]


class Rejected(Refused):
    """Jira says that the request itself is wrong (400), and in these words, one for each fault."""

    def __init__(self, message: str, said: Sequence[str]) -> None:
        super().__init__(message)
        self.said = said


def _retry_at(headers: Mapping[str, str], otherwise: timedelta | None) -> datetime | None:
    """When `Retry-After` (seconds, or a date) lets us try again; `otherwise` from now where it does not say."""
    now, told = datetime.now(UTC), headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(?:\.\d+)?", told):
        return now + min(timedelta(seconds=float(told)), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, TypeError, IndexError, OverflowError):
        return now + otherwise if otherwise else None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return min(max(at, now), now + LONGEST_WAIT)


def _written_to(method: str, path: str) -> str:
    """The issue that a request changes; empty when it changes none."""
    parts = path.split("/")
    return parts[1] if method != "GET" and parts[0] == "issue" and len(parts) > 1 else ""


def _never_sent(error: requests.RequestException) -> bool:
    """Whether the request cannot have left us: no connection was made for it."""
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), urllib3.exceptions.NewConnectionError)


def _root(api: str) -> str:
    return api if "/" in api else f"api/{api}"


class _Wired(Protocol):
    wire: Wire


W = TypeVar("W", bound=_Wired)


def bounded(method: Callable[Concatenate[W, P], T]) -> Callable[Concatenate[W, P], T]:
    """Give one method its total time, and turn an answer of an unknown shape into an error of ours."""

    @functools.wraps(method)
    def timed(self: W, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.wire.transport.within(self.wire.total):
            try:
                return method(self, *args, **kwargs)
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as odd:
                what = f"{type(odd).__name__} in {method.__name__}"
                raise Unavailable(
                    f"{self.wire} answered in a shape that we cannot read ({what})", unknown=True
                ) from odd

    return timed


# --- asking -----------------------------------------------------------------------------------------------------------


class Wire:
    """Our account's way to one site. All methods raise `Unavailable`, `Refused` or `Gone`, and nothing else."""

    def __init__(
        self, settings: JiraSettings, total: float = TOTAL, pace: Pace | None = None, shelf: Shelf | None = None,
        login: str = "",
    ) -> None:  # fmt: skip
        """`login` names the variable that we are signed in by, where it is not the site's own."""
        self.site, self.url, self.cloud = settings.site, settings.url.rstrip("/"), settings.cloud
        self.total, self.login = total, login
        self.pace: Pace = pace or Unpaced()
        self.shelf: Shelf = shelf or Bare()
        self.account = f"jira:{fingerprint(self.url, settings.email, settings.api_token, settings.pat)}"
        self.tenant = f"jira:{settings.site}"
        self.transport = Bounded()
        signed_in: dict[str, Any] = (
            {"basic_auth": (settings.email, settings.api_token)} if settings.cloud else {"token_auth": settings.pat}
        )
        self._client = jira.JIRA(
            self.url, options={"rest_api_version": "2"}, timeout=(CONNECT, READ), max_retries=0,
            get_server_info=False, logging=False, **signed_in,
        )  # fmt: skip
        self._client.deploymentType = "Cloud" if settings.cloud else "Data Center"
        self._client._session.mount("https://", self.transport)
        self._client._session.mount("http://", self.transport)

    def __str__(self) -> str:
        return f"Jira ({self.site})"

    def get(self, path: str, doing: str, *, api: str = "2", **params: str) -> Any:
        """Read."""
        return self.ask("GET", path, doing, params, api=api)

    def glance(self, path: str, doing: str, **params: str) -> Any:
        """The same where little depends on it: when it is not there, we do not ask whether our token is still good."""
        return self.ask("GET", path, doing, params, quick=True)

    def post(self, path: str, doing: str, body: Mapping[str, Any], api: str = "2") -> Any:
        """Make something, or do it."""
        return self.ask("POST", path, doing, {}, body, api)

    def put(self, path: str, doing: str, body: Mapping[str, Any], api: str = "2", **params: str) -> Any:
        """Change something."""
        return self.ask("PUT", path, doing, params, body, api)

    def delete(self, path: str, doing: str) -> None:
        """Delete something."""
        self.ask("DELETE", path, doing, {}, quick=True)

    def pages(self, path: str, field: str, doing: str, first: int = 0, **params: str) -> Iterator[dict[str, Any]]:
        """The entries of a list, page by page, from the `first` wanted one on."""
        read = first
        while True:
            page = self.get(path, doing, startAt=str(read), maxResults=str(PAGE), **params)
            yield from page[field]
            read += len(page[field])
            if not page[field] or page.get("isLast") or read >= page.get("total", read + 1):
                return

    def ask(
        self,
        method: str,
        path: str,
        doing: str,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        api: str = "2",
        quick: bool = False,
    ) -> Any:
        """One request, once. `doing` completes "could not …". Raises only errors that hold nothing of the wire.

        `api` is the version of the REST API, or the name and version of another one (`webhooks/1.0`).
        """
        answer: requests.Response | TrackerError | None
        rests, windows = self._budget(method, path)
        try:
            with allowed(self.pace, str(self), f"to {doing}", rests, windows):
                answer = self._client._session.request(
                    method, f"{self.url}/rest/{_root(api)}/{path}", params=params, allow_redirects=False,
                    data=None if body is None else json.dumps(body),
                )  # fmt: skip
        except jira.JIRAError as error:
            answer = error.response
        except requests.RequestException as error:
            answer = self._unanswered(error, doing, method != "GET")
        except ValueError:  # a header that cannot be sent; the error holds it
            answer = Refused(f"{self}: {self.variable('API_TOKEN', 'PAT')} holds a sign that cannot be sent")
        # Raised down here, so that no error that holds the answer or our headers comes along as its context.
        if isinstance(answer, TrackerError):
            raise answer
        assert answer is not None  # noqa: S101  (python-jira puts one into each of its errors)
        if answer.status_code >= 300:
            self._fail(answer, path, doing, method != "GET", quick)
        return self._json(answer, doing, method != "GET")

    def room(self, key: str, doing: str, comments: int, writes: int) -> None:
        """Raises `Unavailable`, unsent, when so many new comments and other writes to an issue do not fit now."""
        rests, each = self._budget("POST", f"issue/{key}/comment")
        wanted = [one._replace(cost=comments + writes) for one in each]
        if wait := self.pace.enter(rests, wanted, look=True):
            raise over_budget(str(self), doing, wait)

    def _budget(self, method: str, path: str) -> tuple[Sequence[str], Sequence[Window]]:
        """Who must not be resting for this request, and what it uses up. Data Center's limits are its admin's own."""
        issue = _written_to(method, path)
        rests = [self.tenant, *([f"{self.tenant}:{issue}"] if issue else [])]
        if not self.cloud:
            return rests, ()
        windows = [window(f"{self.tenant}:{method}", 1, *_EACH_SECOND[method])]
        if issue:
            windows += [window(f"{self.tenant}:{issue}:{seconds}", 1, most, seconds) for most, seconds in _EACH_ISSUE]
        return rests, windows

    def _rested(self, headers: Mapping[str, str], path: str) -> datetime:
        """When to try again; until then all of us leave alone what Jira says is asked too much: the issue, or all."""
        now, told = datetime.now(UTC), _retry_at(headers, None)
        one_issue = "per-issue" in headers.get("RateLimit-Reason", "") and _written_to("PUT", path)
        name = f"{self.tenant}:{one_issue}" if one_issue else self.tenant
        rested = self.pace.rest(name, (told - now).total_seconds() if told else None)
        return told or now + timedelta(seconds=rested)

    def _json(self, answer: requests.Response, doing: str, writes: bool) -> Any:
        with contextlib.suppress(ValueError):
            return answer.json() if answer.content else None
        raise Unavailable(
            f"{self} answered with a page instead of JSON when we tried to {doing}; is {self.variable('URL')} right?",
            unknown=writes,
        )

    def _unanswered(self, error: requests.RequestException, doing: str, writes: bool) -> TrackerError:
        if isinstance(error, ValueError):  # of requests' own errors these are: an address or a header that is none
            mend = f"{self.variable('URL')} and {self.variable('API_TOKEN', 'PAT')}"
            return Refused(f"{self} cannot be asked as it is set up: check {mend}")
        how = "did not answer in time" if isinstance(error, requests.Timeout) else "could not be reached"
        return Unavailable(f"{self} {how} when we tried to {doing}", unknown=writes and not _never_sent(error))

    def _fail(self, response: requests.Response, path: str, doing: str, writes: bool, quick: bool) -> None:
        """Raise what an answer that is no success means."""
        status, said = response.status_code, _words(response.content)
        because = f": {'; '.join(said[:FEW])}" if said else ""
        if status == 404 and path == "myself":
            raise Refused(f"there is no Jira at the address of {self}: mend {self.variable('URL')}")
        if status == 404:
            if not quick:
                self.get("myself", "sign in")  # with a dead token Cloud says 404 to everything; this says 401
            raise Gone(f"could not {doing}: it is not there, or not for our account on {self}{because}")
        if status == 401:
            renewed = self.login or self.variable("API_TOKEN", "PAT")
            raise Refused(f"{self} does not accept our sign-in: renew {renewed}")
        if status in (409, 423, 425):
            raise Unavailable(f"{self} is busy with another change; could not {doing}{because}")
        if status == 408:
            raise Unavailable(f"{self} asks us to wait before we {doing}", _retry_at(response.headers, WAIT))
        if status == 429:
            raise Unavailable(f"{self} asks us to wait before we {doing}", self._rested(response.headers, path))
        if status >= 500:
            at = _retry_at(response.headers, None)
            raise Unavailable(f"{self} failed (HTTP {status}) when we tried to {doing}", at, unknown=writes)
        if status < 400:
            raise Refused(f"{self} sends us to another address (HTTP {status}): mend {self.variable('URL')}")
        if status == 400:
            raise Rejected(f"{self} refused to {doing} (HTTP 400){because}", said)
        raise Refused(f"{self} refused to {doing} (HTTP {status}){because}")

    def variable(self, cloud: str, otherwise: str = "") -> str:
        """The environment's variable to mend."""
        prefix = "JIRA" if self.site == "main" else f"JIRA_{self.site.upper()}"
        return f"{prefix}_{cloud if self.cloud or not otherwise else otherwise}"
