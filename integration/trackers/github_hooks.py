"""The webhooks that tell us of GitHub, and what became of their deliveries: GitHub never tries a failed one again.

An App has one webhook of its own, which is ours. Those of organisations and repositories are ours when they lead to our
address. A webhook is called by its path in the API: `/app/hook`, `/orgs/acme/hooks/3`, `/repos/acme/app/hooks/12`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

from integration.stages.model import Ref
from integration.trackers import Gone, Refused
from integration.trackers.changes import Attempt
from integration.trackers.github_shapes import Answer, Raw, as_time, in_path, place_path, reading
from integration.trackers.github_wire import PER_PAGE, Wire, in_time
from integration.trackers.pace import fingerprint, keep, kept
from integration.trackers.world import NONE, UNTOLD, Delivered, Hook

APP_HOOK = "/app/hook"
_APP = "GITHUB_APP_ID and its key must fit an App that has a webhook"
_REPOSITORY = "it takes the repository permission webhooks: write (a classic token: the scope admin:repo_hook)"
_ORGANISATION = "it takes the organisation permission webhooks: write (a classic token: the scope admin:org_hook)"
_FOUND_FOR = timedelta(hours=1)
_FINE = "OK"  # the status of a delivery that was answered with a success; a code alone tells nothing of a time-out


class Hooks:
    """Our webhooks at GitHub. `address` is where they lead to, empty where nobody has told us; `places` our issues'."""

    def __init__(self, wire: Wire, address: str, places: Iterable[str] = ()) -> None:
        self.wire = wire
        self.owners: dict[str, list[str]] = {}
        for place in places:
            self.owners.setdefault(place.partition("/")[0], []).append(place)
        self._address = address.rstrip("/").casefold()
        every = sorted(place for places in self.owners.values() for place in places)
        self._on_shelf = f"{wire.account}:hooks:{fingerprint(self._address, *every)}"

    def ours(self, fresh: bool = False) -> tuple[list[str], dict[str, str]]:
        """The webhooks that tell us; and what keeps us from seeing them all, in words that name no place: why.

        Our App's own, else an organisation's, which tells of all its repositories, else each repository's. What was
        found whole holds for an hour, for all our workers, but for whoever wants it `fresh`.
        """
        if not fresh and isinstance(known := kept(self.wire.shelf, self._on_shelf), list):
            return known, {}
        unseen: dict[str, str] = {}
        found = [one] if (one := self._seen(self.of_app, _APP, unseen)) else []
        if not found and not self._address:
            return [], unseen | {UNTOLD: UNTOLD}
        if not found:
            found = [one for owner in self.owners for one in self._of(owner, unseen)]
        if not found and not unseen:
            unseen[NONE] = f"{NONE}: {self._address}"
        if found and not unseen:
            keep(self.wire.shelf, self._on_shelf, found, _FOUND_FOR)
        return found, unseen

    def _of(self, owner: str, unseen: dict[str, str]) -> list[str]:
        """The organisation's webhook, or those of its repositories; where each has its own, nobody needs more."""
        met: dict[str, str] = {}
        if found := self._seen(partial(self.of_owner, owner), _ORGANISATION, met):
            return [found]
        places = self.owners[owner]
        ours = [one for place in places if (one := self._seen(partial(self.of_place, place), _REPOSITORY, met))]
        if len(ours) < len(places):
            unseen |= met
        return ours

    @staticmethod
    def _seen(look: Callable[[], str | None], needs: str, unseen: dict[str, str]) -> str | None:
        try:
            return look()
        except (Refused, Gone) as no:
            unseen.setdefault(f"we may not see all webhooks at GitHub: {needs}", str(no))
            return None

    @in_time
    def of_app(self) -> str | None:
        """Our App's own webhook; None for a token, and where the App's webhook leads elsewhere."""
        if not self.wire.app:
            return None
        if self._address and not self._is_ours({"config": self._as_app("GET", "/app/hook/config", "asking").one()}):
            return None
        return APP_HOOK

    @in_time
    def of_owner(self, owner: str) -> str | None:
        """The organisation's webhook that leads to us; None where there is none. Raises `Refused` or `Gone` else.

        A person's account has no webhooks of this kind.
        """
        path = f"/orgs/{in_path(owner)}/hooks"
        return self._found(self._visited(path), path, f"the webhooks of {owner}")

    @in_time
    def of_place(self, place: str) -> str | None:
        """The repository's webhook that leads to us; None where there is none. Raises `Refused` or `Gone` else."""
        ref = Ref("github", "", place, 0)
        return self._found(ref, f"{place_path(ref)}/hooks", f"the webhooks of {place}")

    def _found(self, ref: Ref, path: str, what: str) -> str | None:
        listed = self.wire.all(ref, path, f"reading {what}")  # who may not see webhooks is told that there are none
        return next((f"{path}/{one['id']}" for one in listed if self._is_ours(one)), None)

    def _is_ours(self, raw: Raw) -> bool:
        return str((raw.get("config") or {}).get("url", "")).rstrip("/").casefold() == self._address

    @in_time
    def attempts(self, hook: str, onward: str = "") -> tuple[Sequence[Attempt], str]:
        """A page of what was delivered, the newest first, and where the next one is; GitHub keeps three days."""
        params: dict[str, object] = {"per_page": PER_PAGE} | ({"cursor": onward} if onward else {})
        answer = self._asked(hook, "GET", f"{hook}/deliveries", "listing what was delivered", params)
        with reading(answer):
            return [_attempt(raw) for raw in answer.many()], _cursor(self.wire.next_page(answer))

    @in_time
    def described(self, hook: str) -> Hook:
        """What a webhook tells of, whether it signs, and what came of its last delivery."""
        if hook == APP_HOOK:
            config = self._as_app("GET", f"{hook}/config", "reading what is set").one()
            app = self.wire.as_app("GET", "/app", "asking which events our App hears of").one()
            events, active = app.get("events") or [], True
        else:
            raw = self._asked(hook, "GET", hook, "reading what is set", {}).one()
            config, events, active = raw.get("config") or {}, raw.get("events") or [], bool(raw.get("active", True))
        verified = str(config.get("insecure_ssl", "0")) == "0"
        return Hook(hook, frozenset(events), active, bool(config.get("secret")), verified, self._last(hook))

    def _last(self, hook: str) -> Delivered | None:
        """The newest delivery of the three days that GitHub lists."""
        answer = self._asked(hook, "GET", f"{hook}/deliveries", "listing what was delivered", {"per_page": 1})
        with reading(answer):
            for raw in answer.many():
                said, code = str(raw.get("status", "")), int(raw.get("status_code") or 0)
                return Delivered(as_time(raw["delivered_at"]), said.upper() == _FINE, code, said)
        return None

    @in_time
    def deliver_again(self, hook: str, delivery: int) -> None:
        """Ask GitHub to try it once more; that happens a moment later, and under the same id for us."""
        path = f"{hook}/deliveries/{delivery}/attempts"
        self._asked(hook, "POST", path, "asking for a delivery that failed", {})

    def _asked(self, hook: str, verb: str, path: str, doing: str, params: dict[str, object]) -> Answer:
        if hook == APP_HOOK:
            return self._as_app(verb, path, doing, params)
        body: Raw | None = {} if verb == "POST" else None
        return self.wire.ask(self._visited(hook), verb, path, f"{doing} by {hook}", params=params, body=body)

    def _visited(self, path: str) -> Ref:
        """The repository as whose visitor we ask: the one that has the webhook, or one of the organisation's."""
        _, kind, owner, *rest = path.split("/")
        place = f"{owner}/{rest[0]}" if kind == "repos" else next(iter(self.owners.get(owner, ())), "")
        return Ref("github", "", place, 0)

    def _as_app(self, verb: str, path: str, doing: str, params: dict[str, object] | None = None) -> Answer:
        doing = f"{doing} by our App's webhook"
        return self.wire.as_app(verb, path, doing, params=params or {}, body={} if verb == "POST" else None)


def needed(hook: str) -> str:
    """What it takes to see what became of a webhook's deliveries, and to ask for them."""
    return _APP if hook == APP_HOOK else _ORGANISATION if hook.startswith("/orgs/") else _REPOSITORY


def _attempt(raw: Raw) -> Attempt:
    ok = str(raw.get("status", "")).upper() == _FINE
    return Attempt(int(raw["id"]), str(raw["guid"]), as_time(raw["delivered_at"]), ok, bool(raw.get("redelivery")))


def _cursor(address: str) -> str:
    """What leads on from a page: GitHub goes through deliveries by a cursor, not by a number."""
    return parse_qs(urlsplit(address).query).get("cursor", [""])[0]
