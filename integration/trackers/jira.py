"""Jira, Cloud and Data Center, as a `Tracker`: one site, reached with python-jira, spoken to in its REST API.

Everything is read in v2, which shows bodies one way on both: as wiki markup. Cloud's own form is a document (ADF, v3),
in which quoted text is never parsed: comments are written in it there, unless the settings say 2.

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
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

import jira
import requests
import urllib3
from requests.adapters import HTTPAdapter

from integration.settings import JiraSettings
from integration.stages.model import Comment, Issue, Label, Person, Ref, Related
from integration.stages.texts.adf import adf
from integration.stages.texts.markup import Text
from integration.stages.texts.wiki import wiki
from integration.trackers import EVERYTHING, Gone, Question, Refused, TrackerError, Unavailable, beside
from integration.trackers.jira_shapes import (
    TIED,
    TIES,
    Reading,
    by_name,
    comment,
    linked_page,
    marked,
    named,
    person,
    stands,
    ties,
    unknown_keys,
    way,
    whole,
)

CONNECT, READ, TOTAL = 5.0, 20.0, 60.0  # seconds: for a connection, for each read, for all of one method's requests
WAIT, LONGEST_WAIT = timedelta(seconds=60), timedelta(days=1)  # after a rate limit that names no time, or a wild one
LARGEST = 64 * 1024 * 1024  # bytes of one answer
PAGE = 100
MEMBERS = 10
SEARCHES, READS = 3, 10  # at most: for one page of tied issues; of single ones, where no search is answered
FEW = 5  # of Jira's words about an error, as many are shown to people

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
    return [" ".join(text.split())[:300] for text in said if isinstance(text, str) and text.strip()][: 2 * PAGE]


class _Rejected(Refused):
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
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as odd:
                what = f"{type(odd).__name__} in {method.__name__}"
                raise Unavailable(f"{self} answered in a shape that we cannot read ({what})", unknown=True) from odd

    return bounded


# --- the tracker ------------------------------------------------------------------------------------------------------

_BLIND = "our account may not look up people: it needs the global permission 'Browse users and groups'"


class Jira:
    """One Jira site. Fulfils `Tracker`; may be shared by threads."""

    def __init__(self, settings: JiraSettings, total: float = TOTAL) -> None:
        self.site = settings.site
        self.url = settings.url.rstrip("/")
        self.cloud, self.api = settings.cloud, settings.api
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
        self._told: tuple[Ref, datetime, Mapping[str, Any]] | None = None  # by the last snapshot, until somebody asks

    def __str__(self) -> str:
        return f"Jira ({self.site})"

    @_bounded
    def fetch(self, ref: Ref) -> Issue:
        """Read one whole snapshot. Raises `Gone` with `now` when the issue lives elsewhere."""
        me = self._me()
        raw = self._get(self._issue(ref), f"read {ref}", expand="changelog,names", fields="*all,-attachment,-worklog")
        if raw["key"] != ref.key:
            raise self._moved(ref, raw["key"])
        try:
            comments = self._comments(ref, raw["fields"].get("comment") or {}, me)
            log = self._histories(ref, raw)
        except Gone as gone:  # it was there a moment ago: whether it still is, the next look tells
            raise Unavailable(f"{self} shows {ref}, but not all of it: {gone}") from None
        issue = Reading(self.url, ref, me, raw, log, comments).issue()
        self._told = (ref, issue.watermark, {name: raw["fields"].get(name) for name in TIES})
        return issue

    @_bounded
    def say(self, ref: Ref, text: Text, token: str) -> Comment:
        """Post a comment that carries `token` in a property; the answer tells whom it mentions."""
        sent = self._written(text, token)
        posted = self._post(f"{self._issue(ref)}/comment", f"comment on {ref}", sent, self.api)
        said = comment(self.url, ref, {**sent, **posted, "properties": sent["properties"]})
        return said if said.body else replace(said, body=wiki(text, self.cloud))

    @_bounded
    def edit(self, ref: Ref, comment_id: str, text: Text, token: str) -> None:
        """Replace the text of a comment of our own. Raises `Gone` when somebody deleted it."""
        path = f"{self._issue(ref)}/comment/{quote(comment_id, safe='')}"
        quiet = {"notifyUsers": "false"} if self.cloud else {}
        try:
            self._put(path, f"edit our comment on {ref}", self._written(text, token), self.api, **quiet)
        except Refused:
            # Data Center answers 400 for a comment that was deleted: asking for it tells.
            self._get(path, f"read our comment on {ref}")
            raise

    def _written(self, text: Text, token: str) -> dict[str, Any]:
        return marked(adf(text) if self.api == "3" else wiki(text, self.cloud), token)

    def react(self, ref: Ref, comment_id: str, sign: str) -> None:
        """Nothing: Jira's REST API knows no reactions."""

    def pin(self, ref: Ref, comment_id: str) -> None:
        """Nothing: Jira's REST API pins no comments."""

    @_bounded
    def related(self, ref: Ref, issue: Issue, wanted: frozenset[str] = EVERYTHING) -> tuple[Related, ...]:
        """Its sub-tasks and linked issues, its linked pages, or both. Right after `fetch` the issue is not read again.

        An embedded issue has no labels: all that are open are looked up by one search. One that we may not see stays as
        it is embedded. Raises `Gone` with `now` when the issue lives elsewhere.
        """
        doing = f"read what {ref} is tied to"
        told, self._told = self._told, None
        found: list[Related] = []
        if "issues" in wanted:
            fields = told[2] if told and told[:2] == (ref, issue.watermark) else self._ties(ref, doing)
            tied = ties(self.url, self.site, fields)
            seen = self._looked_up(list(dict.fromkeys(one.key for one in tied if one.ref and one.is_open)), doing)
            found += (whole(one, seen.get(one.key)) for one in tied)
        if "pages" in wanted:
            with beside():
                found += map(linked_page, self._glance(f"{self._issue(ref)}/remotelink", doing))
        return tuple(found)

    def _ties(self, ref: Ref, doing: str) -> Mapping[str, Any]:
        raw = self._get(self._issue(ref), doing, fields=",".join(TIES))
        if raw["key"] != ref.key:
            raise self._moved(ref, raw["key"])
        fields: Mapping[str, Any] = raw["fields"]
        return fields

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
        doing = f"move {ref} to {by_name(to)}"
        raw = self._get(self._issue(ref), doing, fields="*all,-comment,-attachment,-worklog")
        if raw["key"] != ref.key:
            raise self._moved(ref, raw["key"])
        fields = raw["fields"]
        now = fields["status"]
        if any(stands(now, wanted) for wanted in to):
            return
        path = f"{self._issue(ref)}/transitions"
        offered = self._get(path, doing, expand="transitions.fields")["transitions"]
        chosen = way(offered, fields, to)
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
            with beside():
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
                somebody = person(raw)
                if raw.get("active", True) and not somebody.bot and somebody.handle not in found:
                    found.append(somebody.handle)
                if len(found) == MEMBERS:
                    break
        except Gone:
            raise Refused(f"{self} has no group '{group}', or hides it from our account") from None
        except Refused as no:
            raise Refused(f"{no}; name the party's users in mappings.yaml instead") from None
        return tuple(found)

    @_bounded
    def called(self, ref: Ref, handle: str) -> str:
        """The display name of this account; the handle itself where Jira does not show it to us."""
        try:
            raw = self._glance("user", f"ask who {handle} is", **self._known_as(handle))
        except (Gone, Refused):
            return handle
        return str(raw.get("displayName") or handle)

    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        """Nothing: Jira's labels are only names, and are not kept apart from the issues."""
        return ()

    # --- people

    def _me(self) -> Person:
        if self._myself is None:
            me = person(self._get("myself", "ask who we are"))
            if not me.id:
                raise Unavailable(f"{self} does not say who we are; is {self._variable('URL')} right?")
            self._myself = me
        return self._myself

    def _known_as(self, handle: str) -> dict[str, str]:
        return {"accountId": handle} if self.cloud else {"username": handle}

    def _in_group(self, handle: str, group: str) -> bool:
        try:
            raw = self._get("user", f"ask for the groups of {handle}", expand="groups", **self._known_as(handle))
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
            **self._known_as(handle),
            **params,
        )
        return any(person(raw).handle.casefold() == handle.casefold() for raw in found)

    def _unreached(self, ref: Ref, comment: Comment, handle: str) -> str:
        """Why it cannot have reached them; empty if it has."""
        if handle.lower() not in comment.mentions:
            return "the comment does not mention them in a way that Jira turns into a link"
        try:
            raw = self._get("user", f"look up {handle}", **self._known_as(handle))
        except Gone:
            return f"{self} knows no such account"
        except Refused:
            return _BLIND
        if not raw.get("active", True):
            return "their account is not active"
        return "it is the account of an app, which nobody reads" if person(raw).bot else self._shut_out(ref, handle)

    def _shut_out(self, ref: Ref, handle: str) -> str:
        """Why they cannot read what they were told; empty if they can."""
        try:
            if self._who_may(ref, "user/viewissue/search", handle):
                return ""
            blind = not self._who_may(ref, "user/viewissue/search", self._me().handle)
        except Gone as gone:
            return f"we cannot tell whether they may see {ref.key}: {gone}"
        except Refused:
            blind = True
        return _BLIND if blind else f"they may not see {ref.key}"

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
        if not whole or any(person(one.get("author")).id == me.id for one in found):
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

    # --- looking up issues

    def _looked_up(self, keys: Sequence[str], doing: str) -> dict[str, dict[str, Any]]:
        """The issues of these keys that we may see; where no search is answered, the first few of them."""
        found: dict[str, dict[str, Any]] = {}
        left: list[str] = []
        for start in range(0, len(keys), PAGE):
            some, unsaid = self._searched(keys[start : start + PAGE], doing)
            found |= some
            left += unsaid
        return found | self._one_by_one(left[:READS], doing)

    def _searched(self, keys: Sequence[str], doing: str) -> tuple[dict[str, dict[str, Any]], Sequence[str]]:
        """The issues of these keys that a search finds, and the keys for which none was answered.

        A key that is not there, or not for us, spoils the whole search: it is named, and left out of the next one.
        """
        for _ in range(SEARCHES):
            if not keys:
                break
            try:
                return {str(raw["key"]): raw for raw in self._search(f"key in ({', '.join(keys)})", doing)}, ()
            except _Rejected as no:
                unknown = unknown_keys(keys, no.said)
            if not unknown:
                break
            keys = [key for key in keys if key not in unknown]
        return {}, keys

    def _search(self, jql: str, doing: str) -> Iterator[dict[str, Any]]:
        """What a search finds, page by page: Cloud goes on from a token, Data Center from a number."""
        path, onward = ("search/jql", {}) if self.cloud else ("search", {"validateQuery": "false", "startAt": "0"})
        read = 0
        while True:
            page = self._get(path, doing, jql=jql, fields=TIED, maxResults=str(PAGE), **onward)
            yield from page["issues"]
            read += len(page["issues"])
            onward |= {"nextPageToken": page.get("nextPageToken") or ""} if self.cloud else {"startAt": str(read)}
            if not page["issues"] or not (onward["nextPageToken"] if self.cloud else read < page["total"]):
                return

    def _one_by_one(self, keys: Sequence[str], doing: str) -> dict[str, dict[str, Any]]:
        found = {}
        for key in keys:
            with contextlib.suppress(Gone, Refused):
                found[key] = self._glance(f"issue/{quote(key, safe='')}", doing, fields=TIED)
        return found

    # --- asking

    def _issue(self, ref: Ref) -> str:
        return f"issue/{quote(ref.key, safe='')}"

    def _get(self, path: str, doing: str, **params: str) -> Any:
        return self._ask("GET", path, doing, params)

    def _glance(self, path: str, doing: str, **params: str) -> Any:
        """The same where little depends on it: when it is not there, we do not ask whether our token is still good."""
        return self._ask("GET", path, doing, params, quick=True)

    def _post(self, path: str, doing: str, body: Mapping[str, Any], api: str = "2") -> Any:
        return self._ask("POST", path, doing, {}, body, api)

    def _put(self, path: str, doing: str, body: Mapping[str, Any], api: str = "2", **params: str) -> Any:
        return self._ask("PUT", path, doing, params, body, api)

    def _ask(
        self,
        method: str,
        path: str,
        doing: str,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        api: str = "2",
        quick: bool = False,
    ) -> Any:
        """One request, once. `doing` completes "could not …". Raises only errors that hold nothing of the wire."""
        answer: requests.Response | TrackerError | None
        try:
            answer = self._client._session.request(
                method, f"{self.url}/rest/api/{api}/{path}", params=params, allow_redirects=False,
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
            self._fail(answer, path, doing, method != "GET", quick)
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

    def _fail(self, response: requests.Response, path: str, doing: str, writes: bool, quick: bool) -> None:
        """Raise what an answer that is no success means."""
        status, said = response.status_code, _words(response.content)
        because = f": {'; '.join(said[:FEW])}" if said else ""
        if status == 404 and path == "myself":
            raise Refused(f"there is no Jira at the address of {self}: mend {self._variable('URL')}")
        if status == 404:
            if not quick:
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
        if status == 400:
            raise _Rejected(f"{self} refused to {doing} (HTTP 400){because}", said)
        raise Refused(f"{self} refused to {doing} (HTTP {status}){because}")

    def _variable(self, cloud: str, otherwise: str = "") -> str:
        """The environment's variable to mend."""
        prefix = "JIRA" if self.site == "main" else f"JIRA_{self.site.upper()}"
        return f"{prefix}_{cloud if self.cloud or not otherwise else otherwise}"

    def _moved(self, ref: Ref, key: str) -> Gone:
        return Gone(f"{ref} is called {key} today", named(self.site, key))
