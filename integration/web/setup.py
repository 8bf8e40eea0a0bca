"""/setup/github: a GitHub App in two clicks, while none is configured.

Whoever finishes it decides which App the service is. So it takes a key, which `release-stages setup github` makes on
this machine, for an hour; where a request comes from proves nothing behind a proxy. The way to GitHub and back is tied
to the browser that began it, by a cookie and a state that only it has. Once there is an App, there is nothing here.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, abort, make_response, render_template, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException

from integration import loopback
from integration.setup import app as asked_for
from integration.setup import dotenv
from integration.setup.app import Uses
from integration.setup.registering import NewApp, NotKept, SetupFailed, exchange, keep
from integration.web.app import bare_app

PATH = "/setup/github"
NOTHING_MORE = Uses()
GOOD_FOR = 3600  # seconds: of the key, and of the way to GitHub and back, which GitHub gives as long
_COOKIE = "release-stages-setup"
_HERE = ("127.0.0.1", "localhost", "::1")
_LAST_LOOK = 1.0  # seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which GitHub, where it is to deliver, and the directory in which the credentials are kept."""

    home: Path
    marker_key: bytes
    api_url: str
    public_url: str

    @property
    def kept_api_url(self) -> str:
        """GITHUB_API_URL, where it is another than the default."""
        return "" if self.api_url == "https://api.github.com" else self.api_url

    def sealed(self, what: str, said: object) -> str:
        """What only we can have written, and when."""
        return str(URLSafeTimedSerializer(self.marker_key, salt=f"setup github {what}").dumps(said))

    def unsealed(self, what: str, said: str) -> object:
        """What we sealed within the last hour; None where it was not us, or is too old."""
        try:
            found: object = URLSafeTimedSerializer(self.marker_key, salt=f"setup github {what}").loads(said, GOOD_FOR)
        except BadData:
            return None
        return found


def address(wanted: Wanted, root: str, organisation: str = "", uses: Uses = NOTHING_MORE) -> str:
    """The page's address, with a key that is good for an hour and tells what is wished.

    `root` is where this service is opened.
    """
    key = wanted.sealed("key", {"organisation": organisation, **asdict(uses)})
    return f"{root.rstrip('/')}{PATH}?key={key}"


def setup(wanted: Wanted, finished: Callable[[NewApp], None] = lambda made: None) -> Blueprint:
    """The pages. `finished` is told of the App that was made."""
    routes = Blueprint("setup", __name__)
    setting_up = _SettingUp(wanted, finished)
    routes.add_url_rule(PATH, "begin", setting_up.begin, methods=["GET"])
    routes.add_url_rule(f"{PATH}/done", "done", setting_up.done, methods=["GET"])
    routes.before_request(setting_up.look_who_asks)
    routes.register_error_handler(SetupFailed, _failed)
    for code in (400, 403):
        routes.register_error_handler(code, _refused)
    return routes


class _SettingUp:
    """From the first click to the credentials in `.env`."""

    def __init__(self, wanted: Wanted, finished: Callable[[NewApp], None]) -> None:
        self.wanted, self.finished = wanted, finished
        self.lock, self.over = Lock(), False

    def look_who_asks(self) -> None:
        """Nothing is here once an App is configured; and no other name leads here than those that we go by."""
        if self.over or dotenv.sets(self.wanted.home / ".env", "GITHUB_APP_ID"):
            abort(404)
        if _host() not in (*_HERE, urlsplit(self.wanted.public_url).hostname):
            abort(400, "open this page at PUBLIC_URL, or at 127.0.0.1")

    def begin(self) -> Response:
        """Shows what GitHub is asked for, and why; the button leads there."""
        wished = self.wanted.unsealed("key", request.args.get("key", ""))
        if not isinstance(wished, dict):
            abort(403, "the key of this address is missing, wrong or older than an hour")
        if not self.wanted.public_url:
            raise SetupFailed("GitHub must know where to deliver: set PUBLIC_URL to our address, and start anew")
        if why := dotenv.why_not(self.wanted.home):
            raise SetupFailed(f"{why}; mend that, or run release-stages setup github where it may write")
        organisation = request.args.get("organisation", wished["organisation"])
        if organisation and not asked_for.ORGANISATION.fullmatch(organisation):
            abort(400, "that is no organisation's name")
        return self._page(organisation, Uses(bool(wished["pull_requests"]), bool(wished["additions"])))

    def _page(self, organisation: str, uses: Uses) -> Response:
        ticket = secrets.token_urlsafe(32)
        answer = make_response(render_template("setup_github.html", **self._shown(ticket, organisation, uses)))
        answer.headers["Content-Security-Policy"] = self._policy()
        secure = urlsplit(self.wanted.public_url).scheme == "https" and _host() not in _HERE
        answer.set_cookie(
            _COOKIE, self.wanted.sealed("cookie", ticket), max_age=GOOD_FOR, path=PATH, httponly=True, samesite="Lax",
            secure=secure,
        )  # fmt: skip
        return answer

    def _shown(self, ticket: str, organisation: str, uses: Uses) -> dict[str, object]:
        one, state = self.wanted, self.wanted.sealed("state", ticket)
        root = f"http://{request.host}" if _host() in _HERE else one.public_url.rstrip("/")
        manifest = asked_for.manifest(one.public_url, f"{root}{PATH}/done", uses)
        return {
            "action": asked_for.new_app(one.api_url, organisation, state),
            "manifest": json.dumps(manifest),
            "permissions": asked_for.permissions(uses),
            "events": asked_for.events(uses),
            "organisation": organisation,
            "github": urlsplit(asked_for.web_address(one.api_url)).netloc,
            "hook": asked_for.hook_address(one.public_url),
            "home": one.home,
            "key": request.args["key"],
        }

    def _policy(self) -> str:
        """The one page whose form leads elsewhere: to GitHub, and to nobody else."""
        there = urlsplit(asked_for.web_address(self.wanted.api_url))
        return (
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action 'self' {there.scheme}://{there.netloc}"
        )

    def done(self) -> Response:
        """GitHub sends the browser back with a code; only the one that began has the other half of the state."""
        begun = self.wanted.unsealed("cookie", request.cookies.get(_COOKIE, ""))
        asked = self.wanted.unsealed("state", request.args.get("state", ""))
        if begun is None or begun != asked:
            abort(403, "this is not the way that was begun in this browser, or it took longer than an hour")
        with self.lock:
            self.look_who_asks()
            made = exchange(self.wanted.api_url, request.args.get("code", ""))
            keep(made, self.wanted.home, self.wanted.kept_api_url)
            self.over = True
        log.info("a GitHub App was set up", app=made.slug, id=made.id)
        answer = make_response(render_template("setup_done.html", made=made, home=self.wanted.home))
        answer.delete_cookie(_COOKIE, path=PATH)
        self.finished(made)
        return answer


def _host() -> str:
    """The host that the browser asked for, without its port."""
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _failed(error: SetupFailed) -> tuple[str, int]:
    log.warning("a GitHub App could not be set up", reason=str(error))
    return render_template("setup_failed.html", reason=str(error), made=isinstance(error, NotKept)), 502


def _refused(error: HTTPException) -> tuple[str, int]:
    """A page and not a line of JSON: it is a person who has followed an address."""
    return render_template("setup_failed.html", reason=str(error.description), made=False), error.code or 400


# --- on this machine alone, for the command ---------------------------------------------------------------------------


def on_loopback(
    wanted: Wanted, port: int, begins: Callable[[str], str], opened: Callable[[str], None], patience: float = GOOD_FOR
) -> NewApp | None:
    """Serve the pages on 127.0.0.1 until the App is made; None where that takes longer than `patience` seconds.

    `begins` makes the address to open of our root, and `opened` is told it. Port 0 takes a free one.
    """
    made: list[NewApp] = []
    over = Event()

    def finished(one: NewApp) -> None:
        made.append(one)
        over.set()

    app = bare_app()
    app.register_blueprint(setup(wanted, finished))
    server = loopback.server(app, port)
    Thread(target=server.serve_forever, args=(0.05,), name="setup", daemon=True).start()
    try:
        opened(begins(f"http://{loopback.HOST}:{server.server_port}"))
        over.wait(patience)
        time.sleep(_LAST_LOOK if made else 0)  # the browser still fetches the last page's style
    finally:
        server.shutdown()
        server.server_close()
    return made[0] if made else None
