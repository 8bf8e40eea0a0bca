"""Jira, Cloud and Data Center, as a `Tracker`: one site, reached with python-jira, spoken to in REST API v2.

python-jira signs in and keeps the connections. We read Jira's JSON ourselves: its resource objects cost more calls and
more time, its `add_comment` knows no properties, and its errors print whole answers. It never retries for us, as it
would sleep in a job and could post twice.

A snapshot is one read, the issue with changelog and comments. A second one reads the comments with their properties
when one of them is ours (an embedded comment comes without properties), and further pages are read on Cloud alone,
where an issue embeds only the newest hundred entries of its changelog.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

import jira
import requests
import urllib3
from requests.adapters import HTTPAdapter

from integration.settings import JiraSettings
from integration.stages.markup import Text
from integration.stages.model import (
    NOBODY,
    Carrier,
    ClosedAs,
    Comment,
    Happened,
    Issue,
    Label,
    Person,
    Ref,
    Sighting,
    Status,
    Unnamed,
)
from integration.stages.wiki import wiki
from integration.trackers import Gone, Question, Refused, TrackerError, Unavailable

PROPERTY = "release-stages"  # the comment property that holds our marker
CONNECT, READ, TOTAL = 5.0, 20.0, 60.0  # seconds: for a connection, for each read, for all of one method's requests
WAIT, LONGEST_WAIT = timedelta(seconds=60), timedelta(days=1)  # after a rate limit that names no time, or a wild one
LARGEST = 64 * 1024 * 1024  # bytes of one answer
PAGE = 100
MEMBERS = 10

_NOT_PLANNED = frozenset({
    "abandoned", "can't reproduce", "cancelled", "canceled", "cannot reproduce", "declined", "duplicate", "invalid",
    "not a bug", "obsolete", "rejected", "withdrawn", "won't do", "won't fix", "wont do", "wont fix",
})  # fmt: skip

P = ParamSpec("P")
T = TypeVar("T")


# --- the wire ---------------------------------------------------------------------------------------------------------


class _Bounded(HTTPAdapter):
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
            body = json.dumps({"errorMessages": _words(body)}).encode()
        response.raw = io.BytesIO(body)
        return response

    def _left(self) -> float:
        left = float(getattr(self._bound, "end", time.monotonic() + TOTAL) - time.monotonic())
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
        return float(getattr(self._bound, "end", time.monotonic() + 1)) <= time.monotonic()


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
    return [" ".join(text.split())[:300] for text in said if isinstance(text, str) and text.strip()][:5]


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


def _never_sent(error: requests.RequestException) -> bool:
    """Whether the request cannot have left us: no connection was made for it."""
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), urllib3.exceptions.NewConnectionError)


def _bounded(method: Callable[Concatenate[Jira, P], T]) -> Callable[Concatenate[Jira, P], T]:
    """Give one method its total time, and turn an answer of an unknown shape into an error of ours."""

    @functools.wraps(method)
    def bounded(self: Jira, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.transport.within(self.total):
            try:
                return method(self, *args, **kwargs)
            except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as odd:
                what = f"{type(odd).__name__} in {method.__name__}"
                raise Unavailable(f"{self} answered in a shape that we cannot read ({what})", unknown=True) from odd

    return bounded


# --- the tracker ------------------------------------------------------------------------------------------------------


class Jira:
    """One Jira site. Fulfils `Tracker`; may be shared by threads."""

    def __init__(self, settings: JiraSettings, total: float = TOTAL) -> None:
        self.site = settings.site
        self.url = settings.url.rstrip("/")
        self.cloud = settings.cloud
        self.total = total
        self.transport = _Bounded()
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
        self._myself: Person | None = None

    def __str__(self) -> str:
        return f"Jira ({self.site})"

    @_bounded
    def fetch(self, ref: Ref) -> Issue:
        """Read one whole snapshot. Raises `Gone` with `now` when the issue lives elsewhere."""
        me = self._me()
        raw = self._get(self._issue(ref), f"read {ref}", expand="changelog,names", fields="*all,-attachment,-worklog")
        if raw["key"] != ref.key:
            raise self._moved(ref, raw["key"])
        comments = self._comments(ref, raw["fields"].get("comment") or {}, me)
        return _Reading(self, ref, me, raw, self._histories(ref, raw), comments).issue()

    @_bounded
    def say(self, ref: Ref, text: Text, token: str) -> Comment:
        """Post a comment that carries `token` in a property; the answer tells whom it mentions."""
        body = wiki(text, self.cloud)
        posted = self._post(f"{self._issue(ref)}/comment", f"comment on {ref}", _marked(body, token))
        return _comment(self, ref, {"body": body, **posted, "properties": _marked(body, token)["properties"]})

    @_bounded
    def edit(self, ref: Ref, comment_id: str, text: Text, token: str) -> None:
        """Replace the text of a comment of our own. Raises `Gone` when somebody deleted it."""
        path = f"{self._issue(ref)}/comment/{quote(comment_id, safe='')}"
        quiet = {"notifyUsers": "false"} if self.cloud else {}
        try:
            self._put(path, f"edit our comment on {ref}", _marked(wiki(text, self.cloud), token), **quiet)
        except Refused:
            # Data Center answers 400 for a comment that was deleted: asking for it tells.
            self._get(path, f"read our comment on {ref}")
            raise

    def react(self, ref: Ref, comment_id: str, sign: str) -> None:
        """Nothing: Jira's REST API knows no reactions."""

    @_bounded
    def put_label(self, ref: Ref, name: str) -> None:
        """Put one label on; fine if it is on already."""
        self._put(self._issue(ref), f"put the label {name} on {ref}", {"update": {"labels": [{"add": name}]}})

    @_bounded
    def take_label(self, ref: Ref, name: str) -> None:
        """Take one label off; fine if it is not on."""
        self._put(self._issue(ref), f"take the label {name} off {ref}", {"update": {"labels": [{"remove": name}]}})

    @_bounded
    def transition(self, ref: Ref, to: Sequence[str]) -> None:
        """Move the issue to the first status of `to` that a transition leads to; fine if it stands in one of them."""
        doing = f"move {ref} to {' or '.join(to)}"
        raw = self._get(self._issue(ref), doing, fields="*all,-comment,-attachment,-worklog")
        if raw["key"] != ref.key:
            raise self._moved(ref, raw["key"])
        fields = raw["fields"]
        now = fields["status"]
        if any(_is(now, wanted) for wanted in to):
            return
        path = f"{self._issue(ref)}/transitions"
        offered = self._get(path, doing, expand="transitions.fields")["transitions"]
        chosen = _way(offered, fields, to)
        self._post(path, doing, {"transition": {"id": str(chosen["id"])}})

    @_bounded
    def answer(self, ref: Ref, question: Question) -> bool:
        """Whether the person is in the group, or may move issues there (`triage`). Asks Jira now.

        The group costs the global permission "Browse users and groups", triage the project permission "Administer
        projects": the least that lets an account ask about somebody else's rights. Raises `Refused` without it.
        """
        who = question.person.handle
        if question.group:
            return self._in_group(who, question.group)
        if not question.triage:
            raise Refused(f"{self} knows groups, not the team '{question.team}'; name a group for the party's jira")
        try:
            able = self._who_may(ref, "user/permission/search", who, permissions="TRANSITION_ISSUES")
        except Refused as no:
            raise Refused(f"{no}; it needs the project permission 'Administer projects' in {ref.place}") from None
        return able

    @_bounded
    def unreached(self, ref: Ref, comment: Comment, handles: Iterable[str]) -> dict[str, str]:
        """Of `handles`, those that this comment cannot have reached, each with the reason in words."""
        reasons = {handle: self._unreached(ref, comment, handle) for handle in dict.fromkeys(handles)}
        return {handle: reason for handle, reason in reasons.items() if reason}

    @_bounded
    def members(self, ref: Ref, group: str) -> tuple[str, ...]:
        """The handles of a group's active people, at most ten."""
        found: list[str] = []
        try:
            for raw in self._pages("group/member", "values", f"list the group {group}", groupname=group):
                person = _person(raw)
                if raw.get("active", True) and not person.bot and person.handle not in found:
                    found.append(person.handle)
                if len(found) == MEMBERS:
                    break
        except Gone:
            raise Refused(f"{self} has no group '{group}', or hides it from our account") from None
        except Refused as no:
            raise Refused(f"{no}; name the party's users in mappings.yaml instead") from None
        return tuple(found)

    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        """Nothing: Jira's labels are only names, and are not kept apart from the issues."""
        return ()

    # --- people

    def _me(self) -> Person:
        if self._myself is None:
            me = _person(self._get("myself", "ask who we are"))
            if not me.id:
                raise Unavailable(f"{self} does not say who we are; is {self._variable('URL')} right?")
            self._myself = me
        return self._myself

    def _named(self, handle: str) -> dict[str, str]:
        return {"accountId": handle} if self.cloud else {"username": handle}

    def _in_group(self, handle: str, group: str) -> bool:
        try:
            raw = self._get("user", f"ask for the groups of {handle}", expand="groups", **self._named(handle))
        except Gone:
            return False
        groups = raw["groups"]["items"]
        wanted = group.casefold()
        if any(wanted in (str(one.get("name")).casefold(), str(one.get("groupId")).casefold()) for one in groups):
            return True
        if raw["groups"].get("size", 0) > len(groups):
            raise Refused(f"{self} shows our account only a part of the groups of {handle}")
        return False

    def _who_may(self, ref: Ref, path: str, handle: str, **params: str) -> bool:
        """Whether a search for this one person among those who may finds them."""
        found = self._get(
            path,
            f"ask what {handle} may do on {ref}",
            issueKey=ref.key,
            maxResults="1000",
            **self._named(handle),
            **params,
        )
        return any(_person(raw).handle.casefold() == handle.casefold() for raw in found)

    def _unreached(self, ref: Ref, comment: Comment, handle: str) -> str:
        """Why it cannot have reached them; empty if it has."""
        if handle.lower() not in comment.mentions:
            return "the comment does not mention them in a way that Jira turns into a link"
        try:
            raw = self._get("user", f"look up {handle}", **self._named(handle))
            if not raw.get("active", True):
                return "their account is not active"
            if _person(raw).bot:
                return "it is the account of an app, which nobody reads"
            if self._who_may(ref, "user/viewissue/search", handle):
                return ""
            blind = not self._who_may(ref, "user/viewissue/search", self._me().handle)
        except Gone:
            return f"{self} knows no such account"
        except Refused:
            blind = True
        if blind:
            return "our account may not look up people: it needs the global permission 'Browse users and groups'"
        return f"they may not see {ref.key}"

    # --- reading in pages

    def _histories(self, ref: Ref, raw: Mapping[str, Any]) -> list[dict[str, Any]]:
        log = raw.get("changelog") or {}
        found: list[dict[str, Any]] = log.get("histories") or []
        whole = log["total"] <= len(found) if "total" in log else len(found) < PAGE
        if self.cloud and not whole:
            found = list(self._pages(f"{self._issue(ref)}/changelog", "values", f"read the history of {ref}"))
        return list({str(one["id"]): one for one in found}.values())

    def _comments(self, ref: Ref, embedded: Mapping[str, Any], me: Person) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = embedded.get("comments") or []
        whole = embedded.get("total", 0) <= len(found)
        if not whole or any(_person(one.get("author")).id == me.id for one in found):
            path = f"{self._issue(ref)}/comment"
            found = list(self._pages(path, "comments", f"read the comments of {ref}", expand="properties"))
        return list({str(one["id"]): one for one in found}.values())

    def _pages(self, path: str, field: str, doing: str, **params: str) -> Iterator[dict[str, Any]]:
        read = 0
        while True:
            page = self._get(path, doing, startAt=str(read), maxResults=str(PAGE), **params)
            yield from page[field]
            read += len(page[field])
            if not page[field] or page.get("isLast") or read >= page.get("total", read + 1):
                return

    # --- asking

    def _issue(self, ref: Ref) -> str:
        return f"issue/{quote(ref.key, safe='')}"

    def _get(self, path: str, doing: str, **params: str) -> Any:
        return self._ask("GET", path, doing, params)

    def _post(self, path: str, doing: str, body: Mapping[str, Any]) -> Any:
        return self._ask("POST", path, doing, {}, body)

    def _put(self, path: str, doing: str, body: Mapping[str, Any], **params: str) -> Any:
        return self._ask("PUT", path, doing, params, body)

    def _ask(
        self, method: str, path: str, doing: str, params: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Any:
        """One request, once. `doing` completes "could not …". Raises only errors that hold nothing of the wire."""
        answer: requests.Response | TrackerError | None
        try:
            answer = self._client._session.request(
                method, self._client._get_url(path), params=params, allow_redirects=False,
                data=None if body is None else json.dumps(body),
            )  # fmt: skip
        except jira.JIRAError as error:
            answer = error.response
        except requests.RequestException as error:
            answer = self._unanswered(error, doing, method != "GET")
        except ValueError:  # a header that cannot be sent; the error holds it
            answer = Refused(f"{self}: {self._variable('API_TOKEN', 'PAT')} holds a sign that cannot be sent")
        # Raised down here, so that no error that holds the answer or our headers comes along as its context.
        if isinstance(answer, TrackerError):
            raise answer
        assert answer is not None  # noqa: S101  (python-jira puts one into each of its errors)
        if answer.status_code >= 300:
            self._fail(answer, path, doing, method != "GET")
        return self._json(answer, doing, method != "GET")

    def _json(self, answer: requests.Response, doing: str, writes: bool) -> Any:
        with contextlib.suppress(ValueError):
            return answer.json() if answer.content else None
        raise Unavailable(
            f"{self} answered with a page instead of JSON when we tried to {doing}; is {self._variable('URL')} right?",
            unknown=writes,
        )

    def _unanswered(self, error: requests.RequestException, doing: str, writes: bool) -> TrackerError:
        if isinstance(error, ValueError):  # of requests' own errors these are: an address or a header that is none
            mend = f"{self._variable('URL')} and {self._variable('API_TOKEN', 'PAT')}"
            return Refused(f"{self} cannot be asked as it is set up: check {mend}")
        how = "did not answer in time" if isinstance(error, requests.Timeout) else "could not be reached"
        return Unavailable(f"{self} {how} when we tried to {doing}", unknown=writes and not _never_sent(error))

    def _fail(self, response: requests.Response, path: str, doing: str, writes: bool) -> None:
        """Raise what an answer that is no success means."""
        status, said = response.status_code, "; ".join(_words(response.content))
        because = f": {said}" if said else ""
        if status == 404 and path == "myself":
            raise Refused(f"there is no Jira at the address of {self}: mend {self._variable('URL')}")
        if status == 404:
            self._get("myself", "sign in")  # with a dead token Cloud says 404 to everything; this says 401
            raise Gone(f"could not {doing}: it is not there, or not for our account on {self}{because}")
        if status == 401:
            raise Refused(f"{self} does not accept our sign-in: renew {self._variable('API_TOKEN', 'PAT')}")
        if status in (409, 423, 425):
            raise Unavailable(f"{self} is busy with another change; could not {doing}{because}")
        if status in (408, 429):
            raise Unavailable(f"{self} asks us to wait before we {doing}", _retry_at(response.headers, WAIT))
        if status >= 500:
            at = _retry_at(response.headers, None)
            raise Unavailable(f"{self} failed (HTTP {status}) when we tried to {doing}", at, unknown=writes)
        if status < 400:
            raise Refused(f"{self} sends us to another address (HTTP {status}): mend {self._variable('URL')}")
        raise Refused(f"{self} refused to {doing} (HTTP {status}){because}")

    def _variable(self, cloud: str, otherwise: str = "") -> str:
        """The environment's variable to mend."""
        prefix = "JIRA" if self.site == "main" else f"JIRA_{self.site.upper()}"
        return f"{prefix}_{cloud if self.cloud or not otherwise else otherwise}"

    def _moved(self, ref: Ref, key: str) -> Gone:
        try:
            now = Ref.parse(f"jira:{self.site}/{key}")
        except Unnamed:
            now = None
        return Gone(f"{ref} is called {key} today", now)


# --- Jira's JSON in our words -----------------------------------------------------------------------------------------


class _Reading:
    """One issue as Jira sent it, read into an `Issue`."""

    def __init__(
        self,
        site: Jira,
        ref: Ref,
        me: Person,
        raw: Mapping[str, Any],
        log: list[dict[str, Any]],
        talk: list[dict[str, Any]],
    ) -> None:
        self.site, self.ref, self.me = site, ref, me
        self.fields: Mapping[str, Any] = raw["fields"]
        self.names: Mapping[str, str] = raw.get("names") or {}
        self.log = sorted(log, key=lambda one: (_when(one["created"]), len(str(one["id"])), str(one["id"])))
        self.talk = talk

    def issue(self) -> Issue:
        """The snapshot."""
        fields = self.fields
        created = _when(fields["created"])
        return Issue(
            ref=self.ref,
            title=fields.get("summary") or "",
            body=_text(fields.get("description")),
            url=f"{self.site.url}/browse/{self.ref.key}",
            author=self._opener(),
            me=self.me,
            created=created,
            watermark=_when(fields.get("updated") or fields["created"]),
            closed=_closed(fields),
            labels=tuple(Label(name, name) for name in fields.get("labels") or ()),
            status=self._status(),
            sightings=(*self._at_birth(created), *(s for one in self.log for s in _sightings(one))),
            comments=tuple(_comment(self.site, self.ref, raw) for raw in self.talk),
            fields=_fields(fields, self.names),
        )

    def _opener(self) -> Person:
        return _person(self.fields.get("creator") or self.fields.get("reporter"))

    def _status(self) -> Status | None:
        raw = self.fields.get("status")
        return Status(str(raw["id"]), raw["name"]) if raw else None

    def _at_birth(self, created: datetime) -> Iterator[Sighting]:
        """Jira's changelog begins after the creation: what stood then is what the first change tells of before."""
        items = [item for one in self.log for item in one.get("items") or ()]
        changed = next((item for item in items if _about(item) == "status"), None)
        now = self._status()
        first = Status(str(changed.get("from") or ""), changed.get("fromString") or "") if changed else now
        if first:
            opener, became = self._opener(), Happened.BECAME
            yield Sighting("created", created, opener, Carrier.STATUS, became, first.name, first.id)
        tagged = next((item for item in items if _about(item) == "labels"), None)
        labels = (tagged.get("fromString") or "").split() if tagged else self.fields.get("labels") or ()
        for n, name in enumerate(labels):
            yield Sighting(f"created-{n}", created, self._opener(), Carrier.LABEL, Happened.ADDED, name, name)


def _sightings(history: Mapping[str, Any]) -> Iterator[Sighting]:
    """What one entry of the changelog tells of status and labels."""
    key, at, actor = str(history["id"]), _when(history["created"]), _person(history.get("author"))
    items = [item for item in history.get("items") or () if _about(item)]
    several = len(items) > 1
    number = 0
    for item in items:
        if _about(item) == "status":
            yield Sighting(
                f"{key}-{number}" if several else key, at, actor, Carrier.STATUS, Happened.BECAME,
                item.get("toString") or "", str(item.get("to") or ""),
                item.get("fromString") or "", str(item.get("from") or ""),
            )  # fmt: skip
            number += 1
            continue
        was, now = (item.get("fromString") or "").split(), (item.get("toString") or "").split()
        changes = [(name, Happened.ADDED) for name in now if name not in was]
        changes += [(name, Happened.REMOVED) for name in was if name not in now]
        for name, what in changes:
            yield Sighting(f"{key}-{number}", at, actor, Carrier.LABEL, what, name, name)
            number += 1


def _about(item: Mapping[str, Any]) -> str:
    """`status` or `labels` when it is Jira's own field of that name, not somebody's custom field; else empty."""
    field = str(item.get("field") or "").lower()
    return field if field in ("status", "labels") and item.get("fieldtype", "jira") != "custom" else ""


def _person(raw: Mapping[str, Any] | None) -> Person:
    """A user as Cloud (account id) or Data Center (name, and a key that stays when the name changes) tells them."""
    if not raw:
        return NOBODY
    handle = raw.get("accountId") or raw.get("name") or raw.get("key") or ""
    stays = raw.get("accountId") or raw.get("key") or handle
    return Person(stays, handle, raw.get("displayName") or "", raw.get("accountType") == "app")


def _comment(site: Jira, ref: Ref, raw: Mapping[str, Any]) -> Comment:
    body, created = _text(raw.get("body")), _when(raw["created"])
    # What only a role or a group may read is no proof that somebody was told.
    named = frozenset[str]() if raw.get("visibility") else _mentions(body)
    return Comment(
        id=str(raw["id"]),
        at=created,
        author=_person(raw.get("author")),
        body=body,
        url=f"{site.url}/browse/{ref.key}?focusedCommentId={raw['id']}#comment-{raw['id']}",
        edited=_when(raw.get("updated") or raw["created"]) > created,
        mentions=named,
        token=_token(raw.get("properties") or ()),
    )


def _marked(body: str, token: str) -> dict[str, Any]:
    return {"body": body, "properties": [{"key": PROPERTY, "value": {"token": token}}]}


def _token(properties: Iterable[Mapping[str, Any]]) -> str:
    for one in properties:
        if one.get("key") == PROPERTY and isinstance(value := one.get("value"), dict):
            return _text(value.get("token"))
    return ""


_MUTE = re.compile(
    r"\{(?P<name>noformat|code|quote)(?::[^}\n]*)?\}.*?(?:\{(?P=name)\}|\Z)|\{\{[^\n]*?\}\}|^[ \t]*bq\.[^\n]*",
    re.DOTALL | re.MULTILINE,
)
_NAMED = re.compile(r"(?<!\\)(?:\\\\)*\[~(?:accountid:)?(?P<handle>[^\]\[|\n]+)\]")


def _mentions(body: str) -> frozenset[str]:
    """Who is mentioned outside code and quotes; the API gives the markup back as Jira understood it."""
    return frozenset(found["handle"].strip().lower() for found in _NAMED.finditer(_MUTE.sub(" ", body)))


def _closed(fields: Mapping[str, Any]) -> ClosedAs:
    category = ((fields.get("status") or {}).get("statusCategory") or {}).get("key")
    resolution = (fields.get("resolution") or {}).get("name")
    if category != "done" or not resolution:
        return ClosedAs.OPEN
    dropped = resolution.replace("’", "'").strip().lower() in _NOT_PLANNED
    return ClosedAs.NOT_PLANNED if dropped else ClosedAs.DONE


def _fields(fields: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, str]:
    """The filled fields that are text or a choice, by id and by name; Jira's own win over custom ones so named."""
    found: dict[str, str] = {}
    for key in sorted(fields, key=lambda one: (one.startswith("customfield_"), one)):
        if words := _chosen(fields[key]):
            found[key] = words
            found.setdefault(names.get(key) or key, words)
    return MappingProxyType(found)


def _chosen(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return ", ".join(words for one in value if (words := _chosen(one)))
    if not isinstance(value, dict):
        return ""
    return _text(value.get("value")) or _text(value.get("name"))


def _is(status: Mapping[str, Any], wanted: str) -> bool:
    return str(status["id"]) == wanted or status["name"].casefold() == wanted.casefold()


def _way(offered: Sequence[Mapping[str, Any]], fields: Mapping[str, Any], to: Sequence[str]) -> Mapping[str, Any]:
    """The transition to take from where an issue with these `fields` stands. Raises `Refused`, in words."""
    missing: list[str] = []
    leading = [(wanted, one) for wanted in to for one in offered if _is(one["to"], wanted)]
    for _, one in leading:
        if not one.get("isAvailable", True):
            continue
        if not (needs := _needs(one, fields)):
            return one
        missing.append(f"the transition '{one['name']}' to {one['to']['name']} wants {' and '.join(needs)} filled in")
    if missing:
        raise Refused("; ".join(missing))
    goal = leading[0][1]["to"]["name"] if leading else " or ".join(to)
    raise Refused(
        f"no transition leads back from {fields['status']['name']} to {goal} that the service's account may use"
    )


def _needs(transition: Mapping[str, Any], filled: Mapping[str, Any]) -> list[str]:
    """The fields that Jira would miss: what is filled in on the issue stays, and what has a default gets it."""
    fields = (transition.get("fields") or {}).items()
    missing = [(key, f) for key, f in fields if f.get("required") and not f.get("hasDefaultValue")]
    return [f.get("name") or key for key, f in missing if not filled.get(key)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
