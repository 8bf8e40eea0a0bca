"""Bytes and headers of a webhook become hints. Pure: no socket, no clock, so that tests need only bytes.

A delivery proves nothing about the issue but that it is worth a look: of its whole body we keep which issues it is
about and when the tracker last changed them. What it must prove is who sent it: the signature is checked over the raw
bytes before anything is parsed. Whatever stands in the body, the answer is a `Delivery`, `Unsigned` or `Malformed`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import parse_qs

from integration.stages.model import Hint, Ref

FORM = "application/x-www-form-urlencoded"

_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
_ISSUE_KEY = re.compile(r"([A-Z][A-Z0-9_]{0,99})-([0-9]{1,15})")
_COMMENT_OF = re.compile(r"/rest/api/[0-9a-z]{1,10}/issue/([A-Za-z0-9_-]{1,120})/comment(?:/|$)")
_PARENT = re.compile(r"/repos/([A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100})/issues/([0-9]{1,15})$")
_WORD = re.compile(r"[A-Za-z0-9_.:+=/-]{1,200}")
_LARGEST = 10**15  # an issue's number beyond that is none

Json = Mapping[str, Any]


class Unsigned(Exception):
    """Nobody proved that the tracker sent it: no signature, a wrong one, or no secret to check it with (401)."""


class Malformed(Exception):
    """It is not what the tracker sends; the reason in one line, without a word of the body (400)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery asks for. `id` is the same when it comes again; `dropped` says why there is no hint, if odd."""

    id: str
    event: str
    hints: tuple[Hint, ...] = ()
    dropped: str = ""


# --- the two doors ----------------------------------------------------------------------------------------------


def github(headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...]) -> Delivery:
    """Read a delivery of GitHub (App, organisation or repository webhook; JSON or form-encoded).

    Raises `Unsigned` and `Malformed`. `secrets` are all that are valid during a rotation. The id holds the hook's id,
    because GitHub gives one GUID to all hooks that hear of the same event.
    """
    given = _lower(headers)
    _check(body, given.get("x-hub-signature-256", ""), secrets, "X-Hub-Signature-256", "GITHUB_WEBHOOK_SECRETS")
    event = _word(given, "x-github-event", "X-GitHub-Event")
    guid = _word(given, "x-github-delivery", "X-GitHub-Delivery")
    hook = given.get("x-github-hook-id", "")
    payload = _parse(_unwrap(body) if _is_form(given) else body)
    action = payload.get("action")
    name = f"{event}.{action}" if isinstance(action, str) and _WORD.fullmatch(action) else event
    hints = _distinct(_GITHUB[event](payload, action)) if event in _GITHUB else ()
    return Delivery(f"github:{guid}:{hook if _WORD.fullmatch(hook) else '-'}", name, hints)


def jira(
    headers: Mapping[str, str], body: bytes, site: str, secrets: tuple[str, ...], path_secret_ok: bool
) -> Delivery:
    """Read a delivery of Jira Cloud or Data Center; `site` is its name in the environment.

    Raises `Unsigned` and `Malformed`. `path_secret_ok` (the secret in the address was right) counts only where the site
    has no signing secret.
    """
    given = _lower(headers)
    if any(secrets) or not path_secret_ok:
        _check(body, given.get("x-hub-signature", ""), secrets, "X-Hub-Signature", "JIRA_WEBHOOK_SECRETS")
    if not body:
        raise Malformed("the body is empty: untick 'Exclude body' in the settings of the webhook")
    payload = _parse(body)
    event = payload.get("webhookEvent")
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
    expected = [hmac.new(_bytes(key), body, hashlib.sha256).hexdigest().encode() for key in keys]
    fits = [hmac.compare_digest(each, claimed) for each in expected]  # a list: each of them is compared
    if not any(fits):
        raise Unsigned(f"{header} does not fit: the webhook's secret is none of {variable}")


def same_secret(given: str, expected: str) -> bool:
    """Compare the secret of an address in constant time; an empty one is never right."""
    return hmac.compare_digest(_bytes(given), _bytes(expected)) and bool(expected)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# --- reading bodies ---------------------------------------------------------------------------------------------


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
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


def _parse(body: bytes) -> Json:
    """A JSON object, read strictly: UTF-8, no NaN, not nested without end."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except RecursionError as error:
        raise Malformed("the body is nested too deeply") from error
    except ValueError as error:  # not UTF-8, not JSON, NaN, a number of thousands of digits
        raise Malformed("the body is not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _part(payload: Json, name: str) -> Json:
    value = payload.get(name)
    if not isinstance(value, dict):
        raise Malformed(f"'{name}' is missing or not an object")
    return value


def _optional(payload: Json, name: str) -> Json:
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


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


def _github_ref(repository: Json, number: object) -> Ref:
    place = repository.get("full_name")
    if not isinstance(place, str) or not _REPOSITORY.fullmatch(place):
        raise Malformed("'repository.full_name' is missing or not OWNER/NAME")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _LARGEST:
        raise Malformed("the issue's number is missing or not a number")
    return Ref("github", "", place, number)


def _github_hint(repository: Json, issue: Json) -> Hint:
    ref = _github_ref(repository, issue.get("number"))
    if not ref.number:
        raise Malformed("the issue's number is 0")
    return Hint(ref, _moment(issue.get("updated_at")))


def _issue(payload: Json, action: object) -> Iterator[Hint]:
    """The issue; the one that it is a part of, whose gates may wait for it; after a transfer the one elsewhere, too."""
    yield _github_hint(_part(payload, "repository"), _part(payload, "issue"))
    if action in _OF_THE_WHOLE:
        yield from _parent(_part(payload, "issue"))
    changes = _optional(payload, "changes")
    sides = {"opened": ("old_repository", "old_issue"), "transferred": ("new_repository", "new_issue")}
    repository, issue = sides.get(action, ("", "")) if isinstance(action, str) else ("", "")
    if repository in changes and issue in changes:
        yield _github_hint(_part(changes, repository), _part(changes, issue))


def _parent(issue: Json) -> Iterator[Hint]:
    """The issue that this one is a part of, without a watermark: nothing changed there."""
    address = issue.get("parent_issue_url")
    found = _PARENT.search(address[:2000]) if isinstance(address, str) else None
    if found and int(found[2]):
        yield Hint(Ref("github", "", found[1], int(found[2])))


def _comment(payload: Json, action: object) -> Iterator[Hint]:
    """The issue; not for a pin, which says nothing, and most of which are our own."""
    if action in ("pinned", "unpinned"):
        return
    yield _github_hint(_part(payload, "repository"), _part(payload, "issue"))


def _pull_request(payload: Json, action: object) -> Iterator[Hint]:
    if action in ("labeled", "unlabeled"):
        yield _github_hint(_part(payload, "repository"), _part(payload, "pull_request"))


def _label(payload: Json, _action: object) -> Iterator[Hint]:
    """The place as a whole: which issues had the label is not told."""
    yield Hint(_github_ref(_part(payload, "repository"), 0))


def _sub_issues(payload: Json, _action: object) -> Iterator[Hint]:
    """Both issues; the side whose repository is not named lives in the repository that the webhook is about."""
    for side in ("parent_issue", "sub_issue"):
        repository = _optional(payload, f"{side}_repo") or _part(payload, "repository")
        yield _github_hint(repository, _part(payload, side))


def _issue_dependencies(payload: Json, _action: object) -> Iterator[Hint]:
    """The blocked issue: its gates may wait for the other. Told from the other's side, its repository is named."""
    if "blocked_issue" in payload:
        repository = _optional(payload, "blocked_issue_repo") or _part(payload, "repository")
        yield _github_hint(repository, _part(payload, "blocked_issue"))


_OF_THE_WHOLE = ("closed", "reopened", "deleted", "transferred", "labeled", "unlabeled", "typed", "untyped")
_GITHUB = {
    "issues": _issue,
    "issue_comment": _comment,
    "pull_request": _pull_request,
    "label": _label,
    "sub_issues": _sub_issues,
    "issue_dependencies": _issue_dependencies,
}


# --- Jira's events ----------------------------------------------------------------------------------------------

_JIRA_ISSUE = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted")
_JIRA_COMMENT = ("comment_created", "comment_updated", "comment_deleted")


def _jira_ref(key: object, site: str) -> Ref | None:
    found = _ISSUE_KEY.fullmatch(key) if isinstance(key, str) else None
    return Ref("jira", site, found[1], int(found[2])) if found and int(found[2]) else None


def _jira_hints(event: str, payload: Json, site: str) -> tuple[tuple[Hint, ...], str]:
    """The hints, and why there are none where one would expect some."""
    if event in _JIRA_COMMENT and not isinstance(payload.get("issue"), dict):
        return _jira_bare_comment(_part(payload, "comment"), site)
    if event not in _JIRA_ISSUE + _JIRA_COMMENT:
        return (), ""
    issue = _part(payload, "issue")
    ref = _jira_ref(issue.get("key"), site)
    if not ref:
        raise Malformed("'issue.key' is missing or not an issue's key")
    watermark = _moment(_optional(issue, "fields").get("updated"))
    return _distinct(iter([Hint(ref, watermark), *map(Hint, _jira_old_keys(payload, site))])), ""


def _jira_bare_comment(comment: Json, site: str) -> tuple[tuple[Hint, ...], str]:
    """Jira Server tells of a comment without its issue: the comment's own address names it, by key or by number."""
    address = comment.get("self")
    found = _COMMENT_OF.search(address[:2000]) if isinstance(address, str) else None
    if not found:
        raise Malformed("neither 'issue' nor 'comment.self' says which issue the comment is on")
    if ref := _jira_ref(found[1], site):
        return (Hint(ref),), ""
    # A ref needs the key, and asking Jira for it is not for us. Server tells of each comment a second time.
    return (), "the comment names its issue by number only: let the webhook send 'issue updated' too"


def _jira_old_keys(payload: Json, site: str) -> Iterator[Ref]:
    """The keys that a moved issue had: what was waiting under the old one is to be looked at too."""
    items = _optional(payload, "changelog").get("items")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("field") == "Key" and (ref := _jira_ref(item.get("fromString"), site)):
            yield ref


def _jira_id(given: Mapping[str, str], event: str, payload: Json, body: bytes) -> str:
    """Cloud names its deliveries; for Data Center a name of our own, from what happened to what and when."""
    if _WORD.fullmatch(named := given.get("x-atlassian-webhook-identifier", "")):
        return named
    at = _id(payload.get("timestamp"))
    if at == "-":  # without a time two changes of one thing look the same
        return f"{event}:{hashlib.sha256(body).hexdigest()}"
    issue, comment = _optional(payload, "issue"), _optional(payload, "comment")
    what = _id(comment.get("id")) if event in _JIRA_COMMENT else _id(_optional(payload, "changelog").get("id"))
    return f"{event}:{_id(issue.get('id'))}:{what}:{at}"


def _id(value: object) -> str:
    """An id as text, be it a number or a text; `-` where there is none."""
    text = str(value) if isinstance(value, int) and abs(value) < 10**30 else value
    return text if isinstance(text, str) and _WORD.fullmatch(text) else "-"
