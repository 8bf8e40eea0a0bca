"""Who gets into the pages: what the environment says of it, as `Admission`, with each fault named.

`settings.py` reads the environment, and asks here what SIGN_IN and its companions mean together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal, cast
from urllib.parse import urlsplit

VARIABLES = (
    "SIGN_IN", "SIGN_IN_CLIENT_ID", "SIGN_IN_CLIENT_SECRET", "SIGN_IN_ALLOW", "SIGN_IN_ADMINS", "SIGN_IN_ISSUER",
    "SIGN_IN_GROUPS_CLAIM", "SIGN_IN_PROXY_USER_HEADER", "SIGN_IN_PROXY_GROUPS_HEADER", "SIGN_IN_PROXY_FROM",
    "SIGN_IN_PER_REPOSITORY", "SIGN_IN_JIRA_PROJECTS",
)  # fmt: skip

Way = Literal["github", "openid", "proxy", "open", "off"]
_WAYS = ("github", "openid", "proxy", "open", "off")
_ONLY_FOR = {  # what a variable is of no use without
    "SIGN_IN_CLIENT_ID": ("github", "openid"),
    "SIGN_IN_CLIENT_SECRET": ("github", "openid"),
    "SIGN_IN_ALLOW": ("github", "openid", "proxy"),
    "SIGN_IN_ADMINS": ("github", "openid", "proxy"),
    "SIGN_IN_ISSUER": ("openid",),
    "SIGN_IN_GROUPS_CLAIM": ("openid",),
    "SIGN_IN_PROXY_USER_HEADER": ("proxy",),
    "SIGN_IN_PROXY_GROUPS_HEADER": ("proxy",),
    "SIGN_IN_JIRA_PROJECTS": ("github",),
}
_USER = r"user:\S.*"
_LOGIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:_[A-Za-z0-9]+)?"
_DOMAIN = r"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_AT_GITHUB = re.compile(rf"{_LOGIN}(?:/[A-Za-z0-9._-]+)?|user:{_LOGIN}")
_ELSEWHERE = re.compile(rf"{_USER}|{_DOMAIN}|[^@\s][^@]*@[^@\s]+|[^@]+")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_PROJECT = re.compile(r"(?:(?P<site>[a-z0-9_]+)/)?(?P<key>[A-Z][A-Z0-9_]*)")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Admission:
    """How people get in, and which of them. `repr` hides the secret."""

    way: Way = "off"
    allow: tuple[str, ...] = ()  # acme, acme/support, @acme.example, user:erin; empty: whom the proxy lets in
    admins: tuple[str, ...] = ()
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    github_api_url: str = "https://api.github.com"
    issuer: str = ""
    groups_claim: str = "groups"
    user_header: str = ""
    groups_header: str = ""
    proxy_from: tuple[Network, ...] = ()  # from where headers of a proxy are believed
    per_repository: bool = False
    jira_projects: frozenset[str] = frozenset()  # "jira:main/APP": shown to everybody who is in, also per repository
    address: str = ""  # our own, as browsers know it

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over https."""
        return self.address.startswith("https://")


def on_loopback(host: str) -> bool:
    """Is this name or address one that only this machine leads to?"""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _named(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""  # PUBLIC_URL's own fault tells


@dataclass(frozen=True, slots=True)
class Around:
    """What else the environment says that matters here."""

    host: str
    port: int
    public_url: str  # as it was set, not as it follows from the rest
    github_api_url: str
    sandbox: bool


def read(
    said: Mapping[str, str], around: Around, fault: Callable[[str, str, str], None], warn: Callable[[str], None]
) -> Admission:
    """What is said, together; worth nothing where there was a fault."""
    return _Reading(said, around, fault, warn).admission()


class _Reading:
    def __init__(
        self,
        said: Mapping[str, str],
        around: Around,
        fault: Callable[[str, str, str], None],
        warn: Callable[[str], None],
    ) -> None:
        self.said, self.around, self.fault, self.warn = said, around, fault, warn

    def admission(self) -> Admission:
        way = self.way()
        self.unused(way)
        if way in ("open", "off"):
            return Admission(way, address=self.address(way), github_api_url=self.around.github_api_url)
        return Admission(
            way,
            allow=self.people("SIGN_IN_ALLOW", way),
            admins=self.people("SIGN_IN_ADMINS", way),
            client_id=self.needed("SIGN_IN_CLIENT_ID", way, "the client id that the provider shows"),
            client_secret=self.needed("SIGN_IN_CLIENT_SECRET", way, "the client secret that the provider made"),
            github_api_url=self.around.github_api_url,
            issuer=self.issuer(way),
            groups_claim=self.said.get("SIGN_IN_GROUPS_CLAIM", "groups"),
            user_header=self.header("SIGN_IN_PROXY_USER_HEADER", way),
            groups_header=self.header("SIGN_IN_PROXY_GROUPS_HEADER", way),
            proxy_from=self.proxy_from(way),
            per_repository=self.per_repository(way),
            jira_projects=self.jira_projects(),
            address=self.address(way),
        )

    def way(self) -> Way:
        """As said. Else open for a trial with the sandbox that nobody but this machine can reach, else off.

        Not open wherever HOST is loopback: behind a proxy it is, too, and there are proxies that leave no trace.
        """
        said = self.said.get("SIGN_IN", "").lower()
        if not said:
            others = [name for name in VARIABLES if name in self.said]
            if others:
                self.warn(f"SIGN_IN is not set, so {', '.join(others)} is not used, and there are no pages")
            public = self.around.public_url
            alone = on_loopback(self.around.host) and (not public or on_loopback(_named(public)))
            return "open" if self.around.sandbox and alone and not others else "off"
        if said not in _WAYS:
            self.fault("SIGN_IN", f"there is no way '{said}' to get in", f"write one of {', '.join(_WAYS)}")
            return "off"
        if said == "open" and not on_loopback(self.around.host):
            cause = f"the pages would be open to everybody who reaches {self.around.host}"
            self.fault("SIGN_IN", cause, "set up github, openid or proxy (docs/signing-in.md), or HOST=127.0.0.1")
        return cast(Way, said)

    def unused(self, way: Way) -> None:
        for name, ways in _ONLY_FOR.items():
            if name in self.said and way not in ways and "SIGN_IN" in self.said:
                self.warn(f"{name}: it is not used, because SIGN_IN is {way}")

    def needed(self, variable: str, way: Way, what: str) -> str:
        if variable not in self.said and way in _ONLY_FOR.get(variable, (way,)):
            self.fault(variable, f"it is missing, and SIGN_IN is {way}", f"set it to {what}")
        return self.said.get(variable, "")

    def people(self, variable: str, way: Way) -> tuple[str, ...]:
        """Who is meant, comma-separated."""
        listed = [each.strip() for each in self.said.get(variable, "").split(",") if each.strip()]
        if not listed and variable == "SIGN_IN_ALLOW" and way != "proxy":
            example = "acme or acme/support" if way == "github" else "@acme.example or the name of a group"
            self.fault(
                variable, "it is missing: everybody in the world would get in", f"write who may, such as {example}"
            )
        for each in listed:
            if not (_AT_GITHUB if way == "github" else _ELSEWHERE).fullmatch(each):
                fits = (
                    "an organisation (acme), a team (acme/support) or an account (user:erin)"
                    if way == "github"
                    else "a group, an e-mail domain (@acme.example), an e-mail or an account (user:erin)"
                )
                self.fault(variable, f"'{each}' cannot be compared with what is known of a visitor", f"write {fits}")
        own_case = way != "github"  # there keys of accounts may differ in nothing else
        return tuple(dict.fromkeys(each if own_case and each.startswith("user:") else each.lower() for each in listed))

    def issuer(self, way: Way) -> str:
        issuer = self.needed("SIGN_IN_ISSUER", way, "the provider's address, such as https://id.acme.example")
        if not issuer:
            return ""
        try:
            parts = urlsplit(issuer)
            plain = parts.hostname and not (parts.query or parts.fragment or "@" in parts.netloc)
            safe = parts.scheme == "https" or (parts.scheme == "http" and on_loopback(parts.hostname or ""))
        except ValueError:
            plain = safe = False
        if not (plain and safe):
            cause = "it is no https address that an OpenID provider could have"
            self.fault("SIGN_IN_ISSUER", cause, "write it as the provider's discovery document has it")
        return issuer

    def header(self, variable: str, way: Way) -> str:
        if variable == "SIGN_IN_PROXY_USER_HEADER":
            self.needed(variable, way, "the header in which the proxy says who it is, such as X-Forwarded-User")
        name = self.said.get(variable, "")
        if name and not _HEADER.fullmatch(name):
            self.fault(variable, f"'{name}' is no name of a header", "use letters, digits and -")
        return name

    def proxy_from(self, way: Way) -> tuple[Network, ...]:
        if way == "proxy":  # elsewhere it is for counting tries, and may be left out
            self.needed("SIGN_IN_PROXY_FROM", way, "the proxy's address, such as 10.0.0.7")
        found = []
        for each in self.said.get("SIGN_IN_PROXY_FROM", "").split(","):
            try:
                if each.strip():
                    found.append(ip_network(each.strip()))
            except ValueError:
                cause, fix = f"'{each.strip()}' is no address", "write addresses or networks: 10.0.0.7, 10.1.0.0/24"
                self.fault("SIGN_IN_PROXY_FROM", cause, fix)
        if any(not each.prefixlen for each in found):
            cause = "everybody could say that they are whom they like"
            self.fault("SIGN_IN_PROXY_FROM", cause, "name the proxy's address, and no other")
        return tuple(found)

    def per_repository(self, way: Way) -> bool:
        said = self.said.get("SIGN_IN_PER_REPOSITORY", "no").lower()
        if said not in ("yes", "no"):
            self.fault("SIGN_IN_PER_REPOSITORY", f"'{said}' is neither yes nor no", "write yes or no")
        if said == "yes" and way != "github":
            cause = "only GitHub can tell which repositories somebody may read"
            self.fault("SIGN_IN_PER_REPOSITORY", cause, "write no, or SIGN_IN=github")
        return said == "yes"

    def jira_projects(self) -> frozenset[str]:
        found = set()
        for each in filter(None, map(str.strip, self.said.get("SIGN_IN_JIRA_PROJECTS", "").split(","))):
            if not (project := _PROJECT.fullmatch(each)):
                self.fault(
                    "SIGN_IN_JIRA_PROJECTS", f"'{each}' is no project", "write keys: APP, or eu/APP of a further site"
                )
                continue
            found.add(f"jira:{project['site'] or 'main'}/{project['key']}")
        return frozenset(found)

    def address(self, way: Way) -> str:
        """Our own address, to which a provider sends people back: never taken from what a browser says."""
        if public := self.around.public_url:
            if way in ("github", "openid") and public.startswith("http://") and not on_loopback(_named(public)):
                self.warn("PUBLIC_URL: over http everybody on the way can take over who is signed in; use https")
            return public
        if way in ("github", "openid") and not on_loopback(self.around.host):
            self.fault("PUBLIC_URL", f"it is missing, and SIGN_IN is {way}", "set it to the address that people open")
        host = "127.0.0.1" if self.around.host == "localhost" else self.around.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.around.port}"
