"""What a provider says of somebody, and what our settings make of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from integration.admission import Admission

How = Literal["github", "openid", "proxy"]


class Unreadable(Exception):
    """It could not be told; that is no yes, and no no either. The message is for the visitor."""


class Withdrawn(Exception):
    """A session or its token is good for nothing any more: they have to sign in again."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, as they have proved to be. `groups` are in lower case: organisations, teams (acme/support), groups."""

    how: How
    key: str  # GitHub's number, the provider's `sub`, the proxy's name for them; never changes
    handle: str
    name: str
    email: str = ""  # only a verified one
    groups: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The same person's for ever, among all ways to sign in."""
        return f"{self.how}:{self.key}"

    def kept(self, names: Collection[str]) -> dict[str, Any]:
        """As a session keeps it; of the groups those that mean something, as a cookie has room for little."""
        return {
            "how": self.how, "key": self.key, "handle": self.handle, "name": self.name, "email": self.email,
            "groups": sorted(self.groups & frozenset(names)),
        }  # fmt: skip

    @classmethod
    def found(cls, kept: Mapping[str, Any]) -> Identity:
        """What `kept` has written."""
        how = cast(How, kept["how"])
        return cls(how, kept["key"], kept["handle"], kept["name"], kept["email"], frozenset(kept["groups"]))


def is_listed(identity: Identity, listed: Collection[str]) -> bool:
    """Is this person among those whom SIGN_IN_ALLOW or SIGN_IN_ADMINS lists?"""
    return bool(_names(identity) & set(listed))


def is_let_in(identity: Identity, admission: Admission) -> bool:
    """Whom the settings let in. Without a list it was the proxy's to decide."""
    if not admission.allow and identity.how == "proxy":
        return True
    return is_listed(identity, admission.allow) or is_listed(identity, admission.admins)


def _names(identity: Identity) -> set[str]:
    """All that may be written for this person in a list.

    Of an account that is chosen freely (a login at GitHub is its own, elsewhere a name may be anybody's) only the
    provider's own key counts. An account and an organisation of GitHub have never the same name; elsewhere a user may
    be called like a group, so a bare name is a group.
    """
    found = set(identity.groups)
    if identity.how == "github":
        handle = identity.handle.lower()
        return found | {f"user:{handle}", handle}
    found = {one for one in found if not one.startswith(("@", "user:")) and "@" not in one}
    found.add(f"user:{identity.key}")
    if identity.email.count("@") == 1:
        email = identity.email.lower()
        found |= {email, f"@{email.partition('@')[2]}"}
    return found
