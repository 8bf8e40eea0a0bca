"""GitHub without an App: webhooks on repositories or organisations; and the stage labels, with an App or without.

Found and mended rather than made twice; nothing is ever deleted or renamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration.setup.app import Uses, events, hook_address
from integration.setup.steps import Step
from integration.stages.file.mappings import GitHubSource, Mappings
from integration.stages.model import Ref
from integration.trackers import Gone, Refused
from integration.trackers.github_hooks import needed
from integration.trackers.github_shapes import in_path, place_path
from integration.trackers.github_wire import Wire, in_time

_COLOURS = ("c5def5", "bfd4f2", "fbca04", "0e8a16")  # of four stages, from pale to plain
_GLOB = set("*?[")
_LONGEST = 100  # letters of a label's description


def sources(mappings: Mappings) -> tuple[GitHubSource, ...]:
    """The file's sources on GitHub."""
    return tuple(one.github for one in mappings.sources if one.github)


def uses(mappings: Mappings | None) -> Uses:
    """What the file makes use of; without one, nothing beyond the least."""
    if mappings is None:
        return Uses()
    known = sources(mappings)
    return Uses(any(one.pull_requests for one in known), mappings.additions.allowed and bool(known))


def places(mappings: Mappings) -> tuple[str, ...]:
    """Where webhooks belong: organisations of which the file names a pattern, and the repositories that it names."""
    patterns = [pattern for one in sources(mappings) for pattern in one.repositories]
    owners = {pattern.partition("/")[0] for pattern in patterns if set(pattern) & _GLOB}
    named = [one for one in patterns if not set(one) & _GLOB and one.partition("/")[0] not in owners]
    return tuple(dict.fromkeys((*sorted(owner for owner in owners if not set(owner) & _GLOB), *named)))


def owner_of(mappings: Mappings) -> str:
    """The one owner of all repositories that the file names; empty where there are several, or it cannot be told."""
    owners = {pattern.partition("/")[0] for one in sources(mappings) for pattern in one.repositories}
    return next(iter(owners)) if len(owners) == 1 and not owners & {"*"} else ""


# --- webhooks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hook:
    """The webhook as it should be, wherever it is."""

    url: str
    secret: str
    events: tuple[str, ...]
    is_new: bool = False  # the secret was made just now: whatever a webhook signs with is another one

    @classmethod
    def of(cls, public_url: str, secret: str, uses: Uses, is_new: bool = False) -> Hook:
        """The one that tells this service."""
        return cls(hook_address(public_url), secret, tuple(one.name for one in events(uses)), is_new)

    @property
    def config(self) -> dict[str, str]:
        """As GitHub keeps it. A change of it without the secret would take the secret away."""
        return {"url": self.url, "content_type": "json", "insecure_ssl": "0", "secret": self.secret}


class Hooks:
    """The webhooks of the places that are named, looked at and mended."""

    def __init__(self, wire: Wire, hook: Hook) -> None:
        self.wire, self.hook = wire, hook

    @in_time
    def account(self) -> str:
        """Whose token it is. Raises `Refused` where it is nobody's."""
        answer = self.wire.ask(_at(""), "GET", "/user", "asking whose token this is")
        return str(answer.one()["login"])

    def steps(self, place: str) -> Iterator[Step]:
        """What there is to do at a place, which is a repository or an organisation."""
        path = f"{place_path(_at(place))}/hooks" if "/" in place else f"/orgs/{in_path(place)}/hooks"
        found = self._ours(place, path)
        if not found:
            told = ", ".join(self.hook.events)
            body = {"name": "web", "active": True, "events": list(self.hook.events), "config": self.hook.config}
            yield Step(
                f"{place}: make a webhook to {self.hook.url} ({told})", lambda: self._send(place, "POST", path, body)
            )
            return
        changes, why = self._changes(found)
        if not why:
            yield Step(f"{place}: its webhook leads to {self.hook.url}, with the right events and a secret")
            return
        own = f"{path}/{found['id']}"
        yield Step(f"{place}: mend its webhook: {', '.join(why)}", lambda: self._send(place, "PATCH", own, changes))

    @in_time
    def _ours(self, place: str, path: str) -> Mapping[str, Any] | None:
        doing = f"reading the webhooks of {place}"
        try:
            listed = self.wire.all(_at(place), path, doing)
        except (Refused, Gone) as no:
            raise Refused(f"{no}; {needed(path)}") from None
        wanted = _leads_to(self.hook.config)
        return next((one for one in listed if _leads_to(one.get("config") or {}) == wanted), None)

    def _changes(self, found: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """What to send, and in words what that mends."""
        config, has, why, changes = found.get("config") or {}, list(found.get("events") or ()), [], dict[str, Any]()
        lacking = [] if "*" in has else [one for one in self.hook.events if one not in has]
        if lacking:
            changes["events"] = [*has, *lacking]
            why.append(f"it is not told of {', '.join(lacking)}")
        if not found.get("active", True):
            changes["active"] = True
            why.append("it is switched off")
        wrong = [
            (not config.get("secret"), "it has no secret"),
            (bool(config.get("secret")) and self.hook.is_new, "its secret is not the one in .env"),
            (config.get("content_type") != "json", "it does not send JSON"),
            (str(config.get("insecure_ssl", "0")) != "0", "it does not look whose certificate it is"),
        ]
        if bad := [says for is_so, says in wrong if is_so]:
            changes["config"] = self.hook.config
            why += bad
        return changes, why

    @in_time
    def _send(self, place: str, verb: str, path: str, body: Mapping[str, Any]) -> None:
        try:
            self.wire.ask(_at(place), verb, path, f"setting up the webhook of {place}", body=dict(body))
        except (Refused, Gone) as no:
            raise Refused(f"{no}; {needed(path)}") from None


def _leads_to(config: Mapping[str, Any]) -> str:
    return str(config.get("url") or "").rstrip("/").casefold()


# --- labels -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label that a repository needs."""

    name: str
    colour: str
    description: str


def wanted(source: GitHubSource, mappings: Mappings) -> tuple[Wanted, ...]:
    """The labels of a source, lowest stage first: of several names for a stage the first, which we ourselves set."""
    order = list(mappings.stages)
    found = sorted(source.labels.items(), key=lambda one: order.index(one[0]))
    return tuple(
        Wanted(names[0], _colour(order.index(stage), len(order)), f"Release stage: {mappings.stages[stage]}"[:_LONGEST])
        for stage, names in found
    )


def _colour(place: int, of: int) -> str:
    """From the palest for the lowest stage to the plainest for the highest."""
    return _COLOURS[round(place * (len(_COLOURS) - 1) / max(of - 1, 1))]


class Labels:
    """The labels of repositories, compared with what the file wants."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def steps(self, place: str, labels: Sequence[Wanted], restyle: bool) -> Iterator[Step]:
        """What there is to do in a repository. One that is there is left as it is, unless it is to be restyled."""
        has = self._there(place)
        for label in labels:
            known = has.get(label.name.casefold())
            if known is None:
                yield Step(f"{place}: make the label {label.name!r}", self._making(place, label))
            elif (differs := _differs(known, label)) and restyle:
                yield Step(
                    f"{place}: give {known['name']!r} our {differs}", self._restyling(place, known["name"], label)
                )
            else:
                other = f", with {differs} of its own" if differs else ""
                yield Step(f"{place}: {known['name']!r} is there{other}")

    @in_time
    def _there(self, place: str) -> dict[str, Mapping[str, Any]]:
        listed = self.wire.all(_at(place), f"{place_path(_at(place))}/labels", f"reading the labels of {place}")
        return {str(one["name"]).casefold(): one for one in listed}

    def _making(self, place: str, label: Wanted) -> Any:
        body = {"name": label.name, "color": label.colour, "description": label.description}
        return lambda: self._send(place, "POST", f"{place_path(_at(place))}/labels", body)

    def _restyling(self, place: str, name: str, label: Wanted) -> Any:
        body = {"color": label.colour, "description": label.description}
        return lambda: self._send(place, "PATCH", f"{place_path(_at(place))}/labels/{in_path(name)}", body)

    @in_time
    def _send(self, place: str, verb: str, path: str, body: Mapping[str, Any]) -> None:
        self.wire.ask(_at(place), verb, path, f"making labels in {place}", body=dict(body))


def _differs(known: Mapping[str, Any], label: Wanted) -> str:
    has = (("colour", known.get("color"), label.colour), ("description", known.get("description"), label.description))
    return " and ".join(name for name, is_so, should in has if (is_so or "") != should)


def _at(place: str) -> Ref:
    return Ref("github", "", place, 0)
