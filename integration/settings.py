"""The environment, read once, typed. Nothing else in the house looks at `os.environ`."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import quote, urlsplit

from integration import admission
from integration.admission import Admission

PLAIN = (
    "PORT", "HOST", "MAPPINGS", "REDIS_URL", "DATABASE_URL", "DATA_DIR", "WORKERS", "THREADS", "LOG_LEVEL",
    "MARKER_KEY", "SANDBOX", "SANDBOX_PORT", "FORCE_COLOR", "ROTA_HOSTS",
    "PUBLIC_URL", "METRICS_TOKEN", *admission.VARIABLES,
)  # fmt: skip
GITHUB = (
    "GITHUB_API_URL", "GITHUB_TOKEN", "GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE",
    "GITHUB_WEBHOOK_SECRETS",
)  # fmt: skip
JIRA = (  # JIRA_URL, JIRA_EU_URL, …
    "URL", "EMAIL", "API_TOKEN", "PAT", "WEBHOOK_SECRETS", "WEBHOOK_PATH_SECRET", "API_VERSION",
)  # fmt: skip

SANDBOX_TOKEN = "sandbox-service-token"  # noqa: S105 - opens nothing but the sandbox
SANDBOX_SECRET = "sandbox-secret"  # noqa: S105 - lets nobody in elsewhere
SANDBOX_EMAIL = "release-stages@acme.example"

_JIRA_VARIABLE = re.compile(rf"JIRA_(?:(?P<site>[A-Z0-9]+(?:_[A-Z0-9]+)*)_)?(?P<what>{'|'.join(JIRA)})")
_PATH_SECRET = re.compile(r"[A-Za-z0-9._~-]{16,}")
_DIGEST = re.compile(r"DIGEST_(?P<party>[A-Z0-9][A-Z0-9_]*)")
_APPRISE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}|[0-9A-Fa-f:]{2,45}")
_NEAR = 0.86  # how alike a misspelt name is; what build systems set is less alike to any of ours
_LONGEST_SOCKET = 100  # bytes: what a unix socket's path may have, on each system we run on
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: the variable, what is wrong with it, and how to mend it. Never a secret."""

    variable: str
    cause: str
    fix: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.cause}; {self.fix}"


class Misconfigured(Exception):
    """The environment does not make sense. The message lists every fault with its variable and how to mend it."""

    def __init__(self, faults: tuple[Fault, ...], warnings: tuple[str, ...] = ()) -> None:
        self.faults = faults
        self.warnings = warnings
        super().__init__("\n  ".join(("the environment does not make sense:", *map(str, faults), *warnings)))


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """How we reach GitHub: a token, or an App. `repr` hides the secrets."""

    api_url: str = "https://api.github.com"
    token: str = field(default="", repr=False)
    app_id: str = ""
    app_private_key: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class JiraSettings:
    """How we reach one Jira site: e-mail and API token (Cloud), or a personal access token (Data Center)."""

    site: str
    url: str
    email: str = ""
    api_token: str = field(default="", repr=False)
    pat: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)  # for X-Hub-Signature
    path_secret: str = field(default="", repr=False)  # JIRA_WEBHOOK_PATH_SECRET: sites that cannot sign
    api: str = ""  # the REST API's version that comments are written in, 2 or 3; else what the site knows best

    def __post_init__(self) -> None:
        if not self.api:
            object.__setattr__(self, "api", "3" if self.cloud else "2")

    @property
    def cloud(self) -> bool:
        """Cloud signs in with e-mail and API token; Data Center with a PAT."""
        return bool(self.email)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the environment says. `.env.example` documents each variable."""

    data_dir: Path
    mappings: Path
    redis_url: str = field(repr=False)
    database_url: str = field(repr=False)
    marker_key: bytes = field(repr=False)  # MARKER_KEY, else kept in data_dir/marker.key (mode 600)
    port: int = 8000
    host: str = "127.0.0.1"
    github: GitHubSettings | None = None
    jira: tuple[JiraSettings, ...] = ()
    sandbox: bool = False
    sandbox_port: int = 8001
    workers: int = 2  # processes
    threads: int = 16  # of each
    log_level: str = "INFO"
    force_color: bool = False  # log for people, although no terminal is seen
    warnings: tuple[str, ...] = ()  # what makes sense, but is hardly meant so; to be logged at the start
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False, hash=False)  # see below
    public_url: str = ""  # where trackers and people reach us from outside; empty where nobody has said
    rota_hosts: tuple[str, ...] = ()  # hosts in our own network that a rota's url may name
    admission: Admission = field(default_factory=Admission)  # who may see the pages
    metrics_token: str = field(default="", repr=False)  # who asks for /metrics; empty: whoever sits at this machine

    def digest_addresses(self, party: str) -> tuple[str, ...]:
        """The Apprise addresses of the party's digest, which are secrets. `digests` has them by party, `_` as `-`."""
        return self.digests.get(party.replace("_", "-"), ())

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Read them; raises `Misconfigured`. Makes DATA_DIR and the marker key in it where there are none."""
        reading = _Reading(environ)
        settings = reading.settings()
        if reading.faults:
            raise Misconfigured(tuple(reading.faults), tuple(reading.warnings))
        return settings


def digest_variable(party: str) -> str:
    """The variable in which the addresses of a party's digest are."""
    return f"DIGEST_{party.upper().replace('-', '_')}"


class _Reading:
    """One pass over the environment, which notes every fault and goes on."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.set = {name: value.strip() for name, value in environ.items() if value.strip()}  # empty is not set
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def settings(self) -> Settings:
        """All of it; worth nothing when there are faults."""
        port, sandbox_port = self.number("PORT", 8000, 65535), self.number("SANDBOX_PORT", 8001, 65535)
        sandbox = self.sandbox()
        if sandbox and port == sandbox_port:
            self.fault("SANDBOX_PORT", f"{port} is PORT, too", "give the sandbox a port of its own")
        data_dir = Path(self.set.get("DATA_DIR", "var")).expanduser().absolute()
        if sandbox:
            data_dir /= "sandbox"  # apart from what is in earnest: a trial is forgotten when the next one begins
        github, jira = _sandboxed(sandbox_port) if sandbox else (self.github(), self.jira())
        digests = self.digests()
        admitted = self.admission(port, sandbox, github)
        self.near_misses()
        return Settings(
            data_dir=data_dir,
            mappings=Path(self.set.get("MAPPINGS") or (_sandbox_mappings() if sandbox else "mappings.yaml")),
            redis_url=self.redis_url(data_dir),
            database_url=self.database_url(data_dir),
            port=port,
            host=self.set.get("HOST", "127.0.0.1"),
            github=github,
            jira=jira,
            sandbox=sandbox,
            sandbox_port=sandbox_port,
            workers=self.number("WORKERS", 2, 64),
            threads=self.number("THREADS", 16, 64),
            log_level=self.log_level(),
            force_color="FORCE_COLOR" in self.set,
            rota_hosts=self.rota_hosts(),
            admission=admitted,
            metrics_token=self.metrics_token(),
            public_url=self.public_url(f"http://127.0.0.1:{port}" if sandbox else ""),
            marker_key=self.marker_key(data_dir),  # last: with a fault before it, nothing is made
            warnings=tuple(self.warnings),
            digests=digests,
        )

    def fault(self, variable: str, cause: str, fix: str) -> None:
        """Note one."""
        self.faults.append(Fault(variable, cause, fix))

    # plain ones

    def number(self, variable: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`."""
        said = self.set.get(variable, str(default))
        if said.isascii() and said.isdigit() and 1 <= int(said[:9]) <= most:
            return int(said)
        self.fault(variable, f"'{said}' is no number that fits", f"write a whole number from 1 to {most}")
        return default

    def log_level(self) -> str:
        """How much is logged."""
        level = self.set.get("LOG_LEVEL", "INFO").upper()
        if level not in _LEVELS:
            self.fault("LOG_LEVEL", f"there is no level '{level}'", f"write one of {', '.join(_LEVELS)}")
        return level

    def sandbox(self) -> bool:
        """Whether the sandbox stands in for the trackers: as said, else when none is configured."""
        said = self.set.get("SANDBOX")
        named = sorted(name for name in self.set if _names_a_tracker(name))
        if said is None:
            return not named
        if said not in {"0", "1"}:
            self.fault("SANDBOX", f"'{said}' is neither 0 nor 1", "write 1 to try without trackers, else 0")
        if said == "0" and not named:
            fix = "set GITHUB_TOKEN (or GITHUB_APP_ID) or JIRA_URL, or SANDBOX=1 to try without a tracker"
            self.fault("SANDBOX", "it is 0 and no tracker is configured", fix)
        if said == "1" and named:
            self.warnings.append(f"SANDBOX=1: the sandbox stands in for the trackers; not used: {', '.join(named)}")
        return said == "1"

    def digests(self) -> dict[str, tuple[str, ...]]:
        """Each party's Apprise addresses. A fault does not repeat them."""
        found: dict[str, tuple[str, ...]] = {}
        for name in sorted(self.set):
            if party := _DIGEST.fullmatch(name):
                addresses = tuple(dict.fromkeys(self.set[name].split()))
                if not all(map(_APPRISE.fullmatch, addresses)):
                    fix = "write one such as mailtos://USER:PASSWORD@acme.example, several with a blank between"
                    self.fault(name, "there is something in it that is no Apprise address", fix)
                found[party["party"].lower().replace("_", "-")] = addresses
        return found

    def public_url(self, otherwise: str) -> str:
        """Our own address, as the webhooks at the trackers name it."""
        if "PUBLIC_URL" not in self.set:
            return otherwise
        return self._web_address("PUBLIC_URL", "", "https://stages.acme.example", with_token=False)

    def rota_hosts(self) -> tuple[str, ...]:
        """The hosts that a rota's url in mappings.yaml may lead to although they are not on the open internet."""
        hosts = self._listed("ROTA_HOSTS")
        if not all(map(_HOST.fullmatch, hosts)):
            self.fault("ROTA_HOSTS", "there is something in it that is no host", "write names alone, comma-separated")
        return hosts

    def admission(self, port: int, sandbox: bool, github: GitHubSettings | None) -> Admission:
        """Who may see the pages. Signing in with GitHub does not need GitHub as a tracker."""
        public = "https://api.github.com"
        signs_in = self.set.get("SIGN_IN", "").lower() == "github" and not github
        asked = (
            self._web_address("GITHUB_API_URL", public, "https://github.acme.example/api/v3") if signs_in else public
        )
        around = admission.Around(
            self.set.get("HOST", "127.0.0.1"), port, self.set.get("PUBLIC_URL", "").rstrip("/"),
            github.api_url if github else asked, sandbox,
        )  # fmt: skip
        return admission.read(self.set, around, self.fault, self.warnings.append)

    def metrics_token(self) -> str:
        """What a monitor shows to be told /metrics."""
        said = self.set.get("METRICS_TOKEN", "")
        if said and (len(said) < 16 or not said.isascii() or not said.isprintable() or " " in said):
            self.fault(
                "METRICS_TOKEN", "it is too short to be a secret, or no plain word", "use 16 or more letters and digits"
            )
            return ""
        return said

    # where things are kept

    def redis_url(self, data_dir: Path) -> str:
        """Where the inbox is; by default a socket in DATA_DIR, where `run` starts a Redis."""
        if url := self.set.get("REDIS_URL"):
            self._scheme(
                "REDIS_URL", url, ("redis", "rediss", "unix"), "redis://HOST:6379/0 or unix:///path/redis.sock"
            )
            return url
        socket = data_dir / "redis.sock"
        if len(os.fsencode(socket)) > _LONGEST_SOCKET:
            cause = f"the path of a socket in it would be longer than {_LONGEST_SOCKET} bytes"
            self.fault("DATA_DIR", cause, "choose a shorter path, or set REDIS_URL")
        return f"unix://{quote(str(socket))}"

    def database_url(self, data_dir: Path) -> str:
        """Where the ledger is; by default a SQLite file in DATA_DIR."""
        if url := self.set.get("DATABASE_URL"):
            schemes = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")
            self._scheme(
                "DATABASE_URL", url, schemes, "postgresql://USER:PASSWORD@HOST/NAME or sqlite:////path/ledger.db"
            )
            return url
        return f"sqlite:///{data_dir / 'ledger.db'}"

    def _scheme(self, variable: str, url: str, allowed: tuple[str, ...], example: str) -> None:
        scheme, colon, _ = url.partition("://")
        if scheme not in allowed or not colon:
            self.fault(
                variable, f"it does not begin with {' or '.join(f'{each}://' for each in allowed)}", f"write {example}"
            )

    def marker_key(self, data_dir: Path) -> bytes:
        """The key that our marks on comments are made with: as said, else kept in DATA_DIR and made once."""
        if said := self.set.get("MARKER_KEY"):
            if len(said) < 16:
                self.fault("MARKER_KEY", "it is too short to be a secret", "use 32 random letters or more")
            return said.encode()
        if self.faults:
            return b""
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = _kept_key(data_dir / "marker.key")
        except OSError as error:
            cause = f"nothing can be kept in {data_dir} ({error.strerror or error})"
            self.fault("DATA_DIR", cause, "choose a directory that this account may write to")
            return b""
        if len(key) < 16:
            fix = "restore it from a copy; if there is none, delete it: our older comments are then not recognised"
            self.fault("DATA_DIR", f"{data_dir / 'marker.key'} is damaged", fix)
        return key

    # trackers

    def github(self) -> GitHubSettings | None:
        """GitHub, when it is configured."""
        if not any(_names_a_tracker(name) for name in self.set if name.startswith("GITHUB_")):
            return None
        app_id, key, token = self.set.get("GITHUB_APP_ID", ""), self._private_key(), self.set.get("GITHUB_TOKEN", "")
        said_key = {"GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE"} & self.set.keys()
        if app_id and not said_key:
            self.fault(
                "GITHUB_APP_PRIVATE_KEY", "it is missing", "set it, or GITHUB_APP_PRIVATE_KEY_FILE, to the App's key"
            )
        if said_key and not app_id:
            self.fault("GITHUB_APP_ID", "it is missing", "set it to the id that the App's page shows")
        if not app_id and not said_key and not token:
            self.fault("GITHUB_TOKEN", "it is missing", "set it, or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY")
        if app_id and token:
            self.warnings.append("GITHUB_TOKEN: it is not used, because GITHUB_APP_ID is set")
        hooks = self._listed("GITHUB_WEBHOOK_SECRETS")
        if not hooks:
            fix = (
                "set it to the webhook's secret (several, comma-separated, while you change it), or try with SANDBOX=1"
            )
            self.fault("GITHUB_WEBHOOK_SECRETS", "it is missing; no delivery could be trusted", fix)
        url = self._web_address("GITHUB_API_URL", "https://api.github.com", "https://github.acme.example/api/v3")
        return GitHubSettings(url, "" if app_id else token, app_id, key, hooks)

    def _private_key(self) -> str:
        """The App's key, from a variable or a file."""
        variable, file_variable = "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE"
        key, file = self.set.get(variable, ""), self.set.get(file_variable, "")
        if key and file:
            self.fault(file_variable, f"{variable} is set, too", "keep one of them")
        if not key and file:
            variable = file_variable
            try:
                key = Path(file).expanduser().read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "not a text"
                self.fault(variable, f"the file cannot be read ({why})", "name the .pem file that GitHub gave you")
                return ""
        key = key.replace("\\n", "\n")  # as tools write it that keep a variable on one line
        if (key or file) and not (key.startswith("-----BEGIN ") and "PRIVATE KEY-----" in key):
            self.fault(variable, "it is no private key", "use the whole .pem, from -----BEGIN to the last dash")
        return key

    def jira(self) -> tuple[JiraSettings, ...]:
        """Each Jira site that is configured, `main` first."""
        sites: dict[str, dict[str, str]] = {}  # site -> what -> the variable's name
        for name in sorted(self.set):
            if not (found := _JIRA_VARIABLE.fullmatch(name)):
                continue
            site = (found["site"] or "main").lower()
            if other := sites.setdefault(site, {}).get(found["what"]):
                self.fault(name, f"{other} means the same", "keep one of them")
            sites[site][found["what"]] = name
        return tuple(
            self._jira_site(site, sites[site]) for site in sorted(sites, key=lambda site: (site != "main", site))
        )

    def _jira_site(self, site: str, names: Mapping[str, str]) -> JiraSettings:
        said = {what: self.set[name] for what, name in names.items()}
        variable = {what: names.get(what) or _jira_name(site, what) for what in JIRA}
        url = ""
        if "URL" in said:
            url = self._web_address(variable["URL"], "", "https://acme.atlassian.example")
        else:
            self.fault(
                variable["URL"],
                f"it is missing, but {sorted(names.values())[0]} is set",
                "set it to the site's address",
            )
        self._jira_login(variable, said)
        hooks = self._listed(variable["WEBHOOK_SECRETS"])
        path_secret = said.get("WEBHOOK_PATH_SECRET", "")
        if path_secret and not _PATH_SECRET.fullmatch(path_secret):
            fix = "use 16 or more of the letters, digits and - . _ ~"
            self.fault(variable["WEBHOOK_PATH_SECRET"], "it is too short, or does not fit into an address", fix)
        if path_secret and hooks:
            self.warnings.append(
                f"{variable['WEBHOOK_PATH_SECRET']}: it is not used, because the site signs its deliveries"
            )
        if not path_secret and not hooks:
            fix = f"set it to the webhook's secret; for a site that cannot sign, set {variable['WEBHOOK_PATH_SECRET']}"
            self.fault(variable["WEBHOOK_SECRETS"], "it is missing; no delivery could be trusted", fix)
        return JiraSettings(
            site, url, said.get("EMAIL", ""), said.get("API_TOKEN", ""), said.get("PAT", ""), hooks, path_secret,
            self._jira_api(variable["API_VERSION"], said),
        )  # fmt: skip

    def _jira_api(self, variable: str, said: Mapping[str, str]) -> str:
        """The version of the REST API to write comments in; empty where nothing fitting is said."""
        api = said.get("API_VERSION", "")
        if api not in ("", "2", "3"):
            self.fault(variable, "it is no version of Jira's REST API that we know", "write 2 or 3, or leave it out")
        elif api == "3" and "PAT" in said:
            self.fault(variable, "Data Center has no version 3 of the REST API", "write 2, or leave it out")
        else:
            return api
        return ""

    def _jira_login(self, variable: Mapping[str, str], said: Mapping[str, str]) -> None:
        """E-mail and API token, or a PAT: one of the two, whole."""
        if "PAT" in said:
            if extra := [variable[what] for what in ("EMAIL", "API_TOKEN") if what in said]:
                fix = "keep it for Data Center; for Cloud keep e-mail and API token"
                self.fault(variable["PAT"], f"{' and '.join(extra)} is set, too", fix)
            return
        for what, kind in (("EMAIL", "the e-mail of the account"), ("API_TOKEN", "the account's API token")):
            if what not in said:
                self.fault(
                    variable[what], "it is missing", f"set it to {kind}, or, on Data Center, set {variable['PAT']}"
                )

    def _listed(self, variable: str) -> tuple[str, ...]:
        """Secrets, comma-separated: several are valid while one is being changed."""
        listed = (each.strip() for each in self.set.get(variable, "").split(","))
        return tuple(dict.fromkeys(each for each in listed if each))

    def _web_address(self, variable: str, default: str, example: str, with_token: bool = True) -> str:
        """An http(s) address without a user in it. It is not repeated in a fault: there might be a secret in it."""
        url = self.set.get(variable, default)
        try:
            parts = urlsplit(url)
            fits = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            fits = None
        if not fits:
            self.fault(variable, "it is no web address", f"write one such as {example}")
            return ""
        if "@" in parts.netloc or parts.query or parts.fragment:
            self.fault(variable, "there is more in it than an address", f"write only one such as {example}")
        if with_token and parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
            self.warnings.append(f"{variable}: over http everybody on the way can read the token; use https")
        return url.rstrip("/")

    def near_misses(self) -> None:
        """Warn of names that are almost ours. Build systems set many GITHUB_… of their own: those are left alone."""
        sites = {found["site"] for name in self.set if (found := _JIRA_VARIABLE.fullmatch(name))}
        ours = [
            *GITHUB,
            *(_jira_name(site or "main", what) for site in sorted(sites | {None}, key=str) for what in JIRA),
            *admission.VARIABLES,
        ]
        for name in sorted(self.set):
            if not name.startswith(("GITHUB_", "JIRA_", "SIGN_IN_")) or name in ours or _JIRA_VARIABLE.fullmatch(name):
                continue
            if near := get_close_matches(name, ours, n=1, cutoff=_NEAR):
                self.warnings.append(f"{name}: nobody reads it; did you mean {near[0]}?")


def _names_a_tracker(variable: str) -> bool:
    """Whether setting it means that a tracker is to be used. GITHUB_API_URL alone does not: build systems set it."""
    return (variable in GITHUB and variable != "GITHUB_API_URL") or bool(_JIRA_VARIABLE.fullmatch(variable))


def _jira_name(site: str, what: str) -> str:
    return f"JIRA_{what}" if site == "main" else f"JIRA_{site.upper()}_{what}"


def _sandboxed(port: int) -> tuple[GitHubSettings, tuple[JiraSettings, ...]]:
    """The trackers that the sandbox plays."""
    address, hooks = f"http://127.0.0.1:{port}", (SANDBOX_SECRET,)
    github = GitHubSettings(f"{address}/api/v3", token=SANDBOX_TOKEN, webhook_secrets=hooks)
    return github, (JiraSettings("main", f"{address}/jira", SANDBOX_EMAIL, SANDBOX_TOKEN, webhook_secrets=hooks),)


def _sandbox_mappings() -> Path:
    return Path(__file__).parent / "sandbox" / "mappings.yaml"


def _kept_key(path: Path) -> bytes:
    """Read the key; make it when there is none. Of processes that start at once, all get the one that came first."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another was quicker; a rename would replace its key
                path.hardlink_to(draft)
        finally:
            draft.unlink()
    return path.read_bytes().strip()
