"""Bytes and headers of a webhook become hints. Pure: no socket, no clock, so that tests need only bytes.

A delivery proves nothing about the issue but that it is worth a look: of its whole body we keep which issues it is
about and when the tracker last changed them. What it must prove is who sent it: the signature is checked over the raw
bytes before anything is parsed. Whatever stands in the body, the answer is a `Delivery`, `Unsigned` or `Malformed`.

A delivery that somebody caught and sends again is still signed. For four days the inbox knows its id. After that, and
under another id (GitHub signs the body, not the headers), it is one more look at an issue and no more: nothing is
decided from what it says, its time in the past makes no run wait, and a thousand of them for one issue are one run.

Of a body only the fields of the `Struct`s below are made into objects. What else is in it is passed over, which takes a
fifth of the time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NoReturn, Protocol, TypeVar
from urllib.parse import parse_qs

import msgspec

from integration.stages.model import ADDITIONS_FILE, Hint, Ref

FORM = "application/x-www-form-urlencoded"

_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
_ISSUE_KEY = re.compile(r"([A-Z][A-Z0-9_]{0,99})-([0-9]{1,15})")
_COMMENT_OF = re.compile(r"/rest/api/[0-9a-z]{1,10}/issue/([A-Za-z0-9_-]{1,120})/comment(?:/|$)")
_PARENT = re.compile(r"/repos/([A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100})/issues/([0-9]{1,15})$")
_WORD = re.compile(r"[A-Za-z0-9_.:+=/-]{1,200}")
_LARGEST = 10**15  # an issue's number beyond that is none
_ALL_COMMITS = 2048  # of a push GitHub tells of so many, and leaves the others out
_MOST_CHANGES = 100  # of one Jira event; a move between projects is among the first few


class Unsigned(Exception):
    """Nobody proved that the tracker sent it: no signature, a wrong one, or no secret to check it with (401)."""


class Misfit(Unsigned):
    """There is a signature, and a secret; but of another secret, or of another body."""


class Malformed(Exception):
    """It is not what the tracker sends; the reason in one line, without a word of the body (400)."""


class Headers(Protocol):
    """The headers of a delivery, in whatever spelling."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Each name with its value."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery asks for. `id` is the same when it comes again; `dropped` says why there is no hint, if odd."""

    id: str
    event: str
    hints: tuple[Hint, ...] = ()
    dropped: str = ""


# --- what is read of a body -------------------------------------------------------------------------------------

# What may stand in an object's place, as a body may hold anything: it is no object then, and no fault by itself.
_Odd = str | int | float | bool | list[Any] | None | msgspec.UnsetType


class _Repository(msgspec.Struct):
    full_name: Any = None
    default_branch: Any = None


class _GitHubIssue(msgspec.Struct):
    number: Any = None
    updated_at: Any = None
    parent_issue_url: Any = None


class _Changes(msgspec.Struct):
    old_repository: _Repository | _Odd = msgspec.UNSET
    old_issue: _GitHubIssue | _Odd = msgspec.UNSET
    new_repository: _Repository | _Odd = msgspec.UNSET
    new_issue: _GitHubIssue | _Odd = msgspec.UNSET


class _Commit(msgspec.Struct):
    added: Any = None
    modified: Any = None
    removed: Any = None


class _GitHubBody(msgspec.Struct):
    action: Any = None
    ref: Any = None
    forced: Any = None
    commits: list[_Commit | _Odd] | str | int | float | bool | None = None
    repository: _Repository | _Odd = msgspec.UNSET
    issue: _GitHubIssue | _Odd = msgspec.UNSET
    pull_request: _GitHubIssue | _Odd = msgspec.UNSET
    changes: _Changes | _Odd = msgspec.UNSET
    parent_issue: _GitHubIssue | _Odd = msgspec.UNSET
    parent_issue_repo: _Repository | _Odd = msgspec.UNSET
    sub_issue: _GitHubIssue | _Odd = msgspec.UNSET
    sub_issue_repo: _Repository | _Odd = msgspec.UNSET
    blocked_issue: _GitHubIssue | _Odd = msgspec.UNSET
    blocked_issue_repo: _Repository | _Odd = msgspec.UNSET


class _Fields(msgspec.Struct):
    updated: Any = None


class _JiraIssue(msgspec.Struct):
    id: Any = None
    key: Any = None
    fields: _Fields | _Odd = msgspec.UNSET


class _Comment(msgspec.Struct):
    id: Any = None
    self: Any = None


class _Changelog(msgspec.Struct):
    id: Any = None
    items: Any = None


class _JiraBody(msgspec.Struct):
    webhookEvent: Any = None  # noqa: N815 - Jira's name
    timestamp: Any = None
    issue: _JiraIssue | _Odd = msgspec.UNSET
    comment: _Comment | _Odd = msgspec.UNSET
    changelog: _Changelog | _Odd = msgspec.UNSET


_GITHUB_BODY = msgspec.json.Decoder(_GitHubBody)
_JIRA_BODY = msgspec.json.Decoder(_JiraBody)
_Body = TypeVar("_Body", bound=msgspec.Struct)
_Part = TypeVar("_Part", bound=msgspec.Struct)


# --- the two doors ----------------------------------------------------------------------------------------------


def github(headers: Headers, body: bytes, secrets: tuple[str, ...]) -> Delivery:
    """Read a delivery of GitHub (App, organisation or repository webhook; JSON or form-encoded).

    Raises `Unsigned` and `Malformed`. `secrets` are all that are valid during a rotation. The id holds the hook's id,
    because GitHub gives one GUID to all hooks that hear of the same event.
    """
    given = _lower(headers)
    _check(body, given.get("x-hub-signature-256", ""), secrets, "X-Hub-Signature-256", "GITHUB_WEBHOOK_SECRETS")
    event = _word(given, "x-github-event", "X-GitHub-Event")
    guid = _word(given, "x-github-delivery", "X-GitHub-Delivery")
    hook = given.get("x-github-hook-id", "")
    payload = _parse(_unwrap(body) if _is_form(given) else body, _GITHUB_BODY)
    action = payload.action
    name = f"{event}.{action}" if isinstance(action, str) and _WORD.fullmatch(action) else event
    hints = _distinct(_GITHUB[event](payload)) if event in _GITHUB else ()
    return Delivery(f"github:{guid}:{hook if _WORD.fullmatch(hook) else '-'}", name, hints)


def jira(headers: Headers, body: bytes, site: str, secrets: tuple[str, ...], path_secret_ok: bool) -> Delivery:
    """Read a delivery of Jira Cloud or Data Center; `site` is its name in the environment.

    Raises `Unsigned` and `Malformed`. `path_secret_ok` (the secret in the address was right) counts only where the site
    has no signing secret.
    """
    given = _lower(headers)
    if any(secrets) or not path_secret_ok:
        _check(body, given.get("x-hub-signature", ""), secrets, "X-Hub-Signature", "JIRA_WEBHOOK_SECRETS")
    if not body:
        raise Malformed("the body is empty: untick 'Exclude body' in the settings of the webhook")
    payload = _parse(body, _JIRA_BODY)
    event = payload.webhookEvent
    if not isinstance(event, str) or not _WORD.fullmatch(event):
        raise Malformed("'webhookEvent' is missing or not an event's name")
    hints, dropped = _jira_hints(event, payload, site)
    return Delivery(f"jira:{site}:{_jira_id(given, event, payload, body)}", event, hints, dropped)


def mask(path: str, sites: tuple[str, ...] | None = None) -> str:
    """The path as a log may show it: what may be a secret is `***`, also where it stands in the wrong place.

    With `sites`, a segment in a site's place that names none of them is masked too (a secret without its site).
    """
    found = re.match(r"(/*webhooks(?:/+|$))([^/?]*)(/*)([^/?]*)(.*)", path, re.IGNORECASE | re.DOTALL)
    if not found:
        return path
    start, tracker, gap, site, rest = found.groups()
    if tracker.lower() not in ("jira", "github"):
        return start + ("***" if path[len(start) :] else "")
    may_stand = tracker.lower() == "jira" and (sites is None or site.lower() in sites)
    return start + tracker + gap + (site if may_stand or not site else "***") + ("/***" if rest.strip("/") else rest)


# --- who sent it ------------------------------------------------------------------------------------------------


def _check(body: bytes, signature: str, secrets: tuple[str, ...], header: str, variable: str) -> None:
    """Compare `sha256=…` with the HMAC of the raw body under each secret, all of them, in constant time."""
    keys = [secret for secret in secrets if secret]
    if not keys:
        raise Unsigned(f"no secret is configured to check the signature with: set {variable}")
    if not signature:
        raise Unsigned(f"the header {header} is missing: give the webhook a secret")
    method, _, digest = signature.strip().partition("=")
    if method.lower() != "sha256":
        raise Unsigned(f"{header} is not a sha256 signature")
    claimed = digest.lower().encode("utf-8", "replace")  # bytes: comparing str fails on anything but ASCII
    expected = [hmac.digest(_bytes(key), body, "sha256").hex().encode() for key in keys]
    fits = [hmac.compare_digest(each, claimed) for each in expected]  # a list: each of them is compared
    if not any(fits):
        raise Misfit(f"{header} does not fit: the webhook's secret is none of {variable}")


def same_secret(given: str, expected: str) -> bool:
    """Compare the secret of an address in constant time; an empty one is never right."""
    return hmac.compare_digest(_bytes(given), _bytes(expected)) and bool(expected)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# --- reading bodies ---------------------------------------------------------------------------------------------


def _lower(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _is_form(given: Mapping[str, str]) -> bool:
    return given.get("content-type", "").partition(";")[0].strip().lower() == FORM


def _word(given: Mapping[str, str], name: str, shown: str) -> str:
    value = given.get(name, "")
    if not _WORD.fullmatch(value):
        raise Malformed(f"the header {shown} is missing or odd")
    return value


def _unwrap(body: bytes) -> bytes:
    """The field `payload` of a form. The signature was over the whole form as it came."""
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError as error:
        raise Malformed("the form cannot be read") from error
    if len(fields.get("payload", ())) != 1:
        raise Malformed("the form has no field 'payload', or several")
    return fields["payload"][0].encode("utf-8", "surrogatepass")


def _parse(body: bytes, decoder: msgspec.json.Decoder[_Body]) -> _Body:
    """What we read of a JSON object; the whole of it has to be JSON, without NaN, and not nested without end."""
    try:
        try:
            return decoder.decode(body)
        except msgspec.DecodeError:
            # Half a surrogate pair, as of a text that was cut in the middle of a sign, is JSON but not for msgspec.
            whole: _Body = msgspec.convert(json.loads(body.decode("utf-8"), parse_constant=_no_number), decoder.type)
            return whole
    except RecursionError as error:
        raise Malformed("the body is nested too deeply") from error
    except msgspec.ValidationError as error:
        raise Malformed("the body is not a JSON object") from error
    except ValueError as error:  # not UTF-8, not JSON, NaN, a number of thousands of digits
        raise Malformed("the body is not JSON") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _need(part: object, kind: type[_Part], name: str) -> _Part:
    if not isinstance(part, kind):
        raise Malformed(f"'{name}' is missing or not an object")
    return part


def _moment(text: object) -> datetime | None:
    """A time as the trackers write it, in UTC; nothing where it cannot be read: a hint does without a watermark."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return at.astimezone(UTC) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _distinct(hints: Iterator[Hint]) -> tuple[Hint, ...]:
    """Each issue once, in order."""
    return tuple({hint.ref: hint for hint in hints}.values())


# --- GitHub's events --------------------------------------------------------------------------------------------


def _github_ref(repository: _Repository, number: object) -> Ref:
    place = repository.full_name
    if not isinstance(place, str) or not _REPOSITORY.fullmatch(place):
        raise Malformed("'repository.full_name' is missing or not OWNER/NAME")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _LARGEST:
        raise Malformed("the issue's number is missing or not a number")
    return Ref("github", "", place, number)


def _github_hint(repository: object, issue: object, name: str = "issue") -> Hint:
    told = _need(issue, _GitHubIssue, name)
    ref = _github_ref(_need(repository, _Repository, "repository"), told.number)
    if not ref.number:
        raise Malformed("the issue's number is 0")
    return Hint(ref, _moment(told.updated_at))


def _issue(payload: _GitHubBody) -> Iterator[Hint]:
    """The issue; the one that it is a part of, whose gates may wait for it; after a transfer the one elsewhere, too."""
    yield _github_hint(payload.repository, payload.issue)
    if payload.action in _OF_THE_WHOLE:
        yield from _parent(payload.issue)
    changes = payload.changes
    if not isinstance(changes, _Changes):
        return
    if payload.action == "opened" and msgspec.UNSET not in (changes.old_repository, changes.old_issue):
        yield _github_hint(changes.old_repository, changes.old_issue, "old_issue")
    if payload.action == "transferred" and msgspec.UNSET not in (changes.new_repository, changes.new_issue):
        yield _github_hint(changes.new_repository, changes.new_issue, "new_issue")


def _parent(issue: object) -> Iterator[Hint]:
    """The issue that this one is a part of, without a watermark: nothing changed there."""
    address = issue.parent_issue_url if isinstance(issue, _GitHubIssue) else None
    found = _PARENT.search(address[:2000]) if isinstance(address, str) else None
    if found and int(found[2]):
        yield Hint(Ref("github", "", found[1], int(found[2])))


def _comment(payload: _GitHubBody) -> Iterator[Hint]:
    """The issue; not for a pin, which says nothing, and most of which are our own."""
    if payload.action not in ("pinned", "unpinned"):
        yield _github_hint(payload.repository, payload.issue)


def _pull_request(payload: _GitHubBody) -> Iterator[Hint]:
    if payload.action in ("labeled", "unlabeled"):
        yield _github_hint(payload.repository, payload.pull_request, "pull_request")


def _label(payload: _GitHubBody) -> Iterator[Hint]:
    """The place as a whole: which issues had the label is not told."""
    yield Hint(_github_ref(_need(payload.repository, _Repository, "repository"), 0))


def _sub_issues(payload: _GitHubBody) -> Iterator[Hint]:
    """Both issues; the side whose repository is not named lives in the repository that the webhook is about."""
    yield _github_hint(_named(payload.parent_issue_repo, payload), payload.parent_issue, "parent_issue")
    yield _github_hint(_named(payload.sub_issue_repo, payload), payload.sub_issue, "sub_issue")


def _issue_dependencies(payload: _GitHubBody) -> Iterator[Hint]:
    """The blocked issue: its gates may wait for the other. Told from the other's side, its repository is named."""
    if payload.blocked_issue is not msgspec.UNSET:
        yield _github_hint(_named(payload.blocked_issue_repo, payload), payload.blocked_issue, "blocked_issue")


def _named(repository: object, payload: _GitHubBody) -> object:
    return repository if isinstance(repository, _Repository) else payload.repository


def _push(payload: _GitHubBody) -> Iterator[Hint]:
    """The rules that a repository has added, where a push to its default branch may have changed their file."""
    repository = _need(payload.repository, _Repository, "repository")
    place = _github_ref(repository, 0).place
    if payload.ref == f"refs/heads/{repository.default_branch}" and _may_touch(payload, ADDITIONS_FILE):
        yield Hint(Ref.of_additions(place))


def _may_touch(payload: _GitHubBody, path: str) -> bool:
    """Do the commits touch the file; or are there too many of them, or none, as where a branch was set back?"""
    commits = payload.commits
    if not isinstance(commits, list) or not 0 < len(commits) < _ALL_COMMITS or payload.forced is True:
        return True
    told = (one for one in commits if isinstance(one, _Commit))
    lists = (paths for one in told for paths in (one.added, one.modified, one.removed) if isinstance(paths, list))
    return any(path in paths for paths in lists)


_OF_THE_WHOLE = ("closed", "reopened", "deleted", "transferred", "labeled", "unlabeled", "typed", "untyped")
_GITHUB = {
    "issues": _issue,
    "issue_comment": _comment,
    "pull_request": _pull_request,
    "label": _label,
    "sub_issues": _sub_issues,
    "issue_dependencies": _issue_dependencies,
    "push": _push,
}


# --- Jira's events ----------------------------------------------------------------------------------------------

_JIRA_ISSUE = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted")
_JIRA_COMMENT = ("comment_created", "comment_updated", "comment_deleted")


def _jira_ref(key: object, site: str) -> Ref | None:
    found = _ISSUE_KEY.fullmatch(key) if isinstance(key, str) else None
    return Ref("jira", site, found[1], int(found[2])) if found and int(found[2]) else None


def _jira_hints(event: str, payload: _JiraBody, site: str) -> tuple[tuple[Hint, ...], str]:
    """The hints, and why there are none where one would expect some."""
    if event in _JIRA_COMMENT and not isinstance(payload.issue, _JiraIssue):
        return _jira_bare_comment(_need(payload.comment, _Comment, "comment"), site)
    if event not in _JIRA_ISSUE + _JIRA_COMMENT:
        return (), ""
    issue = _need(payload.issue, _JiraIssue, "issue")
    ref = _jira_ref(issue.key, site)
    if not ref:
        raise Malformed("'issue.key' is missing or not an issue's key")
    watermark = _moment(issue.fields.updated) if isinstance(issue.fields, _Fields) else None
    return _distinct(iter([Hint(ref, watermark), *map(Hint, _jira_old_keys(payload, site))])), ""


def _jira_bare_comment(comment: _Comment, site: str) -> tuple[tuple[Hint, ...], str]:
    """Jira Server tells of a comment without its issue: the comment's own address names it, by key or by number."""
    address = comment.self
    found = _COMMENT_OF.search(address[:2000]) if isinstance(address, str) else None
    if not found:
        raise Malformed("neither 'issue' nor 'comment.self' says which issue the comment is on")
    if ref := _jira_ref(found[1], site):
        return (Hint(ref),), ""
    # A ref needs the key, and asking Jira for it is not for us. Server tells of each comment a second time.
    return (), "the comment names its issue by number only: let the webhook send 'issue updated' too"


def _jira_old_keys(payload: _JiraBody, site: str) -> Iterator[Ref]:
    """The keys that a moved issue had: what was waiting under the old one is to be looked at too."""
    items = payload.changelog.items if isinstance(payload.changelog, _Changelog) else None
    for item in islice(items, _MOST_CHANGES) if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("field") == "Key" and (ref := _jira_ref(item.get("fromString"), site)):
            yield ref


def _jira_id(given: Mapping[str, str], event: str, payload: _JiraBody, body: bytes) -> str:
    """Cloud names its deliveries; for Data Center a name of our own, from what happened to what and when."""
    if _WORD.fullmatch(named := given.get("x-atlassian-webhook-identifier", "")):
        return named
    at = _id(payload.timestamp)
    if at == "-":  # without a time two changes of one thing look the same
        return f"{event}:{hashlib.sha256(body).hexdigest()}"
    issue = _id(payload.issue.id) if isinstance(payload.issue, _JiraIssue) else "-"
    told = payload.comment if event in _JIRA_COMMENT else payload.changelog
    return f"{event}:{issue}:{_id(told.id) if isinstance(told, _Comment | _Changelog) else '-'}:{at}"


def _id(value: object) -> str:
    """An id as text, be it a number or a text; `-` where there is none."""
    text = str(value) if isinstance(value, int) and abs(value) < 10**30 else value
    return text if isinstance(text, str) and _WORD.fullmatch(text) else "-"
