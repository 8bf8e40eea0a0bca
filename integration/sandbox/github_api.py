"""The sandbox's GitHub over REST: the endpoints that the service uses, answered as the API description says."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from integration.sandbox import github_shapes as shapes
from integration.sandbox import paging
from integration.sandbox.faults import Fault, limited
from integration.sandbox.github import GitHubState
from integration.sandbox.github_deliveries import delivery_routes
from integration.sandbox.github_files import file_routes
from integration.sandbox.github_ground import (
    ROLES,
    ForbiddenError,
    GoneError,
    MovedError,
    NotThereError,
    UnprocessableError,
    via_app,
)
from integration.sandbox.github_manifest import conversion_routes
from integration.sandbox.github_model import Caller, Issue, Label, Repo, Team
from integration.sandbox.github_oauth import may_read_teams, membership_routes, reaches
from integration.sandbox.github_tie_routes import tie_routes
from integration.sandbox.limits import watch
from integration.sandbox.people import ORG, SERVICE, now
from integration.sandbox.world import World

Answer = Response | tuple[Any, int] | dict[str, Any] | list[Any] | tuple[str, int]
View = Callable[..., Answer]
_DOCS = "https://docs.github.com/rest"
_LIMIT = 5000
_NO_CONTENT = ("", 204)


class _SaysError(Exception):
    """An answer that ends the request."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.more = status, message, more

    @property
    def answer(self) -> Response:
        body = {"message": self.message, "documentation_url": _DOCS, "status": str(self.status)} | self.more
        answer = jsonify(body)
        answer.status_code = self.status
        return answer


class _RedirectError(Exception):
    """Where the repository or the issue is now: 301 for reading, 307 for writing."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class GitHubApi:
    """The endpoints of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.state: GitHubState = world.github
        self.tokens: dict[str, datetime] = {}  # an installation's tokens, and until when they count
        self.used: dict[tuple[str, int], int] = {}
        self.blueprint = Blueprint("github_api", __name__)
        world.faults.around(self.blueprint)
        self.blueprint.before_request(self._sign_in)
        watch(self.blueprint, world.github.calls, world.github.limits, self._charged)
        self.blueprint.after_request(self._with_headers)
        self.blueprint.register_error_handler(Exception, self._failed)
        self._account_routes()
        self._app_routes()
        self._issue_routes()
        self._lock_routes()
        self._comment_routes()
        self._labels_on_issues()
        self._labels_of_places()
        self._place_routes()
        self._team_routes()
        tie_routes(self)
        file_routes(self)
        delivery_routes(self)
        conversion_routes(self)
        membership_routes(self)

    # -- who asks, and what every answer carries -----------------------------------------------------------------

    def _sign_in(self) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        via_app.set(False)
        if not token:
            if request.path.endswith(("/meta", "/rate_limit", "/conversions")):
                g.caller = Caller("")
                return
            raise _SaysError(401, "Requires authentication")
        g.caller = self._caller(kind.lower(), token)
        via_app.set(g.caller.app)

    def _caller(self, kind: str, token: str) -> Caller:
        if kind in ("token", "bearer"):
            if token in self.tokens:
                if self.tokens[token] <= now():
                    raise _SaysError(401, "Bad credentials")
                return Caller(SERVICE, app=True)
            if grant := self.state.oauth.tokens.get(token):
                return Caller(grant.login, scopes=grant.scopes)
            for one in self.world.people.values():
                if secrets.compare_digest(one.token.encode(), token.encode()):
                    return Caller(one.login)
            if kind == "bearer" and token.count(".") == 2:
                return Caller("", jwt=True)
        raise _SaysError(401, "Bad credentials")

    def _with_headers(self, response: Response) -> Response:
        caller: Caller = g.get("caller") or Caller("")
        hour = int(now().timestamp()) // 3600
        key = (caller.login, hour)
        if request.method == "GET" and response.status_code == 200:
            self._tag(response)
        free = request.path.endswith("/rate_limit") or response.status_code == 304
        with self.world.lock:
            self.used[key] = used = self.used.get(key, 0) + (not free)
        limits = {"Limit": _LIMIT, "Remaining": max(0, _LIMIT - used), "Used": used, "Reset": (hour + 1) * 3600}
        for name, value in limits.items():
            response.headers.setdefault(f"X-RateLimit-{name}", str(value))
        response.headers.setdefault("X-RateLimit-Resource", "core")
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        response.headers["X-GitHub-Request-Id"] = secrets.token_hex(8).upper()
        if needs := g.get("needs"):
            response.headers["X-Accepted-GitHub-Permissions"] = needs
        if caller.login and not caller.app and self.state.token_scopes is not None:
            response.headers["X-OAuth-Scopes"] = ", ".join(self.state.token_scopes)
        return response

    def _tag(self, response: Response) -> None:
        """A weak tag for what was shown, to whom, in which form; and 304 without a body where the caller has it."""
        shown = [request.headers.get(name, "").encode() for name in ("Authorization", "Accept")]
        digest = hashlib.sha256(b"\n".join([*shown, response.get_data()])).hexdigest()
        response.set_etag(digest, weak=True)
        response.headers["Vary"] = "Accept, Authorization"
        response.make_conditional(request)

    def _charged(self) -> Response | None:
        """What a caller is refused with who asks more than GitHub allows."""
        who, reads = g.caller.login, request.method == "GET"
        charges = {"points": (who, 1 if reads else 5)}
        if request.method == "POST" and request.path.endswith("/comments"):
            charges |= {"new": (who, 1), "new hourly": (who, 1)}
        if not self.state.limits.spend(charges):
            return None
        return limited(Fault("", "secondary_rate_limit", status=403))

    def _failed(self, error: Exception) -> Response:
        if isinstance(error, _RedirectError):
            return _redirect(error.url)
        if isinstance(error, MovedError):
            return _redirect(f"{self._root(error.repo)}/issues/{error.number}")
        if isinstance(error, GoneError):
            error = _SaysError(410, "This issue was deleted")
        elif isinstance(error, NotThereError):
            error = _SaysError(404, "Label does not exist" if str(error).startswith("label ") else "Not Found")
        elif isinstance(error, ForbiddenError):
            error = _SaysError(403, str(error))
        elif isinstance(error, UnprocessableError):
            error = _refusal(error)
        elif isinstance(error, HTTPException) and error.code:
            error = _SaysError(error.code, "Problems parsing JSON" if error.code == 400 else error.name)
        if isinstance(error, _SaysError):
            return error.answer
        raise error

    # -- making routes -------------------------------------------------------------------------------------------

    def route(self, method: str, rule: str, needs: str = "metadata=read") -> Callable[[View], View]:
        """A route of the API; an App needs one of the permissions that `needs` names."""

        def wrap(view: View) -> View:
            def answered(**parts: Any) -> Any:
                g.needs = needs
                self._may_app(needs)
                with self.world.lock:
                    return _as_response(view(**parts))

            self.blueprint.add_url_rule(rule, f"{method} {rule}", answered, methods=[method])
            return view

        return wrap

    def in_repo(self, method: str, rule: str, needs: str, role: str = "read") -> Callable[[View], View]:
        """A route inside a repository, by its name and by its id; the view gets the repository as `repo`."""

        def wrap(view: View) -> View:
            def by_name(owner: str, name: str, **parts: Any) -> Answer:
                return view(repo=self._open(f"{owner}/{name}", role), **parts)

            def by_id(repo_id: int, **parts: Any) -> Answer:
                return view(repo=self._may(self.state.repos.get(repo_id), role), **parts)

            self.route(method, f"/repos/<owner>/<name>{rule}", needs)(by_name)
            self.route(method, f"/repositories/<int:repo_id>{rule}", needs)(by_id)
            return view

        return wrap

    def _open(self, full_name: str, role: str) -> Repo:
        try:
            return self._may(self.state.repo(full_name), role)
        except NotThereError:
            repo = self.state.renamed_to(full_name)
            if repo is None:
                raise
        self._may(repo, "read")
        rest = request.path.partition(full_name)[2]
        raise _RedirectError(self._root(repo) + rest + (f"?{request.query_string.decode()}" if request.args else ""))

    def _root(self, repo: Repo) -> str:
        return f"{shapes.api(self.state)}/repositories/{repo.id}"

    def _may(self, repo: Repo | None, role: str) -> Repo:
        if g.caller.jwt:
            raise _SaysError(401, "A JSON web token could not be decoded")
        has = self.state.role(repo, g.caller.login) if repo and reaches(g.caller, repo) else "none"
        if repo is None or has == "none":
            raise _SaysError(404, "Not Found")
        if ROLES.index(has) < ROLES.index(role):
            raise _SaysError(403, f"Must have {role} rights to Repository.")
        return repo

    def _may_app(self, needs: str) -> None:
        """An App may do what its permissions say: one of those that the endpoint names is enough."""
        if not g.caller.app or not needs:
            return
        levels = ("none", "read", "write", "admin")
        for need in needs.split("; "):
            name, _, level = need.partition("=")
            if levels.index(self.state.app_permissions.get(name, "none")) >= levels.index(level):
                return
        raise _SaysError(403, "Resource not accessible by integration")

    def _own(self, repo: Repo, by: str, role: str = "write") -> None:
        """One's own words, or the right to change others'."""
        if g.caller.login != by:
            self._may(repo, role)

    def page(self, entries: Sequence[Any], repo: Repo | None = None, by_cursor: bool = False) -> Response:
        """One page of a list, with the links to the others."""
        path = request.base_url
        if repo and f"/repos/{repo.full_name}" in path:
            path = self._root(repo) + path.partition(f"/repos/{repo.full_name}")[2]
        return paging.page(entries, path, by_cursor)

    # -- the App and the account ---------------------------------------------------------------------------------

    def _account_routes(self) -> None:
        @self.route("GET", "/meta", "")
        def meta() -> Answer:
            return {
                "verifiable_password_authentication": True,
                "hooks": ["127.0.0.1/32"],
                "installed_version": "3.20.0",
            }

        @self.route("GET", "/rate_limit", "")
        def rate_limit() -> Answer:
            hour = int(now().timestamp()) // 3600
            used = self.used.get((g.caller.login, hour), 0)
            core = {"limit": _LIMIT, "remaining": _LIMIT - used, "reset": (hour + 1) * 3600, "used": used}
            return {"resources": {"core": core, "search": core}, "rate": core}

        @self.route("GET", "/user", "")
        def user() -> Answer:
            if g.caller.app or g.caller.jwt:
                raise _SaysError(403, "Resource not accessible by integration")
            name = self.world.people[g.caller.login].name
            return shapes.user(self.state, g.caller.login) | {"name": name, "email": None}

        @self.route("GET", "/users/<login>", "")
        def somebody(login: str) -> Answer:
            one = self.world.people.get(login)
            if one is None and login not in self.state.other_users:
                raise _SaysError(404, "Not Found")
            return shapes.user(self.state, login) | {"name": one.name if one else login, "email": None}

    def _app_routes(self) -> None:
        @self.route("GET", "/app", "")
        def app() -> Answer:
            self.jwt_only()
            return shapes.app(self.state)

        @self.route("GET", "/repos/<owner>/<name>/installation", "")
        def installation(owner: str, name: str) -> Answer:
            self.jwt_only()
            full = f"{owner}/{name}"
            if self.state.renamed_to(full) is None:
                self.state.repo(full)
            return shapes.installation(self.state)

        @self.route("POST", "/app/installations/<int:number>/access_tokens", "")
        def access_tokens(number: int) -> Answer:
            self.jwt_only()
            if number != shapes.INSTALLATION_ID:
                raise _SaysError(404, "Not Found")
            signed = ".".join(secrets.token_urlsafe(48) for _ in range(3))  # longer than 40 letters, as of 2026
            token, until = f"ghs_{shapes.APP_ID}_{signed}", now() + timedelta(hours=1)
            self.tokens[token] = until
            shown = {"token": token, "expires_at": shapes.stamp(until), "repository_selection": "all"}
            return shown | {"permissions": dict(self.state.app_permissions)}, 201

    def jwt_only(self) -> None:
        """Refuse whoever is not the App itself."""
        if not g.caller.jwt:
            raise _SaysError(401, "A JSON web token could not be decoded")

    # -- issues --------------------------------------------------------------------------------------------------

    def _issue_routes(self) -> None:
        state = self.state

        @self.in_repo("GET", "/issues", "issues=read")
        def issues(repo: Repo) -> Answer:
            wanted, since = request.args.get("state", "open"), request.args.get("since", "")
            labels = {name.lower() for name in request.args.get("labels", "").split(",") if name}
            creator = request.args.get("creator", "").lower()
            found = [
                issue
                for issue in repo.issues.values()
                if wanted in ("all", issue.state)
                and creator in ("", issue.by.lower())
                and (shapes.stamp(issue.updated) or "") >= since.replace("+00:00", "Z")
                and labels <= {repo.labels[label].name.lower() for label in issue.labels}
            ]
            key = {"updated": "updated", "created": "created"}.get(request.args.get("sort", "created"), "created")
            found.sort(key=lambda issue: (getattr(issue, key), issue.number))
            if request.args.get("direction", "desc") == "desc":
                found.reverse()
            if paging.is_too_deep():
                raise _SaysError(422, paging.TOO_DEEP)
            return self.page([shapes.issue(state, repo, issue) for issue in found], repo, by_cursor=True)

        @self.in_repo("POST", "/issues", "issues=write")
        def open_issue(repo: Repo) -> Answer:
            asked = _asked()
            labels = [one["name"] if isinstance(one, dict) else str(one) for one in asked.get("labels", ())]
            body, title = asked.get("body") or "", str(asked.get("title") or "")
            if labels and ROLES.index(state.role(repo, g.caller.login)) < ROLES.index("triage"):
                labels = []  # GitHub drops them without a word
            made = state.open_issue(repo, title, g.caller.login, body, labels)
            if asked.get("type"):
                state.set_type(repo, made.number, asked["type"], g.caller.login)
            return shapes.issue(state, repo, made), 201

        @self.in_repo("GET", "/issues/<int:number>", "issues=read; pull_requests=read")
        def issue(repo: Repo, number: int) -> Answer:
            found = state.issue(repo, number)
            shape, media = shapes.issue(state, repo, found), _media()
            if media in ("full", "html"):
                shape["body_html"] = state.rendered(repo, found.body, found.by).html
            if media in ("full", "text"):
                shape["body_text"] = state.rendered(repo, found.body, found.by).text
            return shape

        @self.in_repo("PATCH", "/issues/<int:number>", "issues=write; pull_requests=write")
        def change(repo: Repo, number: int) -> Answer:
            self._own(repo, state.issue(repo, number).by, "triage")
            return shapes.issue(state, repo, self._change(repo, number, _asked()))

        @self.in_repo("GET", "/issues/<int:number>/timeline", "issues=read; pull_requests=read")
        def timeline(repo: Repo, number: int) -> Answer:
            found, media = state.issue(repo, number), _media()
            seen = [entry for entry in found.history if state.shows(entry, g.caller.login)]
            return self.page([shapes.timeline(state, repo, found, entry, media) for entry in seen], repo)

    def _lock_routes(self) -> None:
        state = self.state

        @self.in_repo("PUT", "/issues/<int:number>/lock", "issues=write; pull_requests=write", role="write")
        def lock(repo: Repo, number: int) -> Answer:
            asked = _asked() if request.get_data() else {}
            state.lock(repo, number, g.caller.login, asked.get("lock_reason"))
            return _NO_CONTENT

        @self.in_repo("DELETE", "/issues/<int:number>/lock", "issues=write; pull_requests=write", role="write")
        def unlock(repo: Repo, number: int) -> Answer:
            state.unlock(repo, number, g.caller.login)
            return _NO_CONTENT

    def _change(self, repo: Repo, number: int, asked: dict[str, Any]) -> Issue:
        state, by = self.state, g.caller.login
        issue = state.edit(repo, number, by, asked.get("title"), asked.get("body"))
        if "type" in asked:
            self._may(repo, "triage")
            issue = state.set_type(repo, number, asked["type"], by)
        if asked.get("state") == "closed":
            issue = state.close(repo, number, by, asked.get("state_reason") or "completed")
        elif asked.get("state") == "open":
            issue = state.reopen(repo, number, by)
        elif "state" in asked:
            raise UnprocessableError("Issue", "state", "invalid")
        return issue

    # -- comments ------------------------------------------------------------------------------------------------

    def _comment_routes(self) -> None:
        state = self.state

        @self.in_repo("GET", "/issues/<int:number>/comments", "issues=read; pull_requests=read")
        def comments(repo: Repo, number: int) -> Answer:
            found, since = state.issue(repo, number), request.args.get("since", "").replace("+00:00", "Z")
            shown = [one for one in found.comments if (shapes.stamp(one.updated) or "") >= since]
            return self.page([shapes.comment(state, repo, found, one, _media()) for one in shown], repo)

        @self.in_repo("GET", "/issues/comments", "issues=read; pull_requests=read")
        def every_comment(repo: Repo) -> Answer:
            found = sorted(
                ((one.created, one.id, issue, one) for issue in repo.issues.values() for one in issue.comments),
                key=lambda each: each[:2],
                reverse=request.args.get("direction", "asc") == "desc",
            )
            return self.page([shapes.comment(state, repo, issue, one, _media()) for _, _, issue, one in found], repo)

        @self.in_repo("POST", "/issues/<int:number>/comments", "issues=write; pull_requests=write")
        def say(repo: Repo, number: int) -> Answer:
            made = state.comment(repo, number, _text(_asked(), "body"), g.caller.login)
            answer = jsonify(shapes.comment(state, repo, state.issue(repo, number), made, _media()))
            answer.status_code = 201
            answer.headers["Location"] = answer.json["url"]  # type: ignore[index]
            return answer

        @self.in_repo("GET", "/issues/comments/<int:number>", "issues=read; pull_requests=read")
        def comment(repo: Repo, number: int) -> Answer:
            return shapes.comment(state, repo, *state.find_comment(repo, number), _media())

        @self.in_repo("PATCH", "/issues/comments/<int:number>", "issues=write; pull_requests=write")
        def edit(repo: Repo, number: int) -> Answer:
            issue, found = state.find_comment(repo, number)
            self._own(repo, found.by)
            made = state.edit_comment(repo, number, _text(_asked(), "body"), g.caller.login)
            return shapes.comment(state, repo, issue, made, _media())

        @self.in_repo("DELETE", "/issues/comments/<int:number>", "issues=write; pull_requests=write")
        def delete(repo: Repo, number: int) -> Answer:
            self._own(repo, state.find_comment(repo, number)[1].by)
            state.delete_comment(repo, number, g.caller.login)
            return _NO_CONTENT

        @self.in_repo("GET", "/issues/comments/<int:number>/reactions", "issues=read; pull_requests=read")
        def reactions(repo: Repo, number: int) -> Answer:
            content = request.args.get("content")
            given = state.find_comment(repo, number)[1].reactions
            return self.page([shapes.reaction(state, one) for one in given if content in (None, one.content)], repo)

        @self.in_repo("POST", "/issues/comments/<int:number>/reactions", "issues=write; pull_requests=write")
        def react(repo: Repo, number: int) -> Answer:
            made, new = state.react(repo, number, _text(_asked(), "content"), g.caller.login)
            return shapes.reaction(state, made), 201 if new else 200

    # -- labels --------------------------------------------------------------------------------------------------

    def _labels_on_issues(self) -> None:
        state, both = self.state, "issues=write; pull_requests=write"

        def on(repo: Repo, number: int) -> list[Any]:
            return [shapes.label(state, repo, repo.labels[label]) for label in state.issue(repo, number).labels]

        @self.in_repo("GET", "/issues/<int:number>/labels", "issues=read; pull_requests=read")
        def labels_of_issue(repo: Repo, number: int) -> Answer:
            return self.page(on(repo, number), repo)

        @self.in_repo("POST", "/issues/<int:number>/labels", both, role="triage")
        def put(repo: Repo, number: int) -> Answer:
            asked = request.get_json(force=True)
            names = asked.get("labels") if isinstance(asked, dict) else asked
            if not isinstance(names, list) or not names:
                raise UnprocessableError("Label", "labels", "missing_field")
            for name in names:
                state.label(repo, number, name["name"] if isinstance(name, dict) else str(name), g.caller.login)
            return on(repo, number)

        @self.in_repo("DELETE", "/issues/<int:number>/labels/<path:label>", both, role="triage")
        def take(repo: Repo, number: int, label: str) -> Answer:
            state.unlabel(repo, number, label, g.caller.login)
            return on(repo, number)

    def _labels_of_places(self) -> None:
        state, both = self.state, "issues=write; pull_requests=write"

        @self.in_repo("GET", "/labels", "issues=read; pull_requests=read")
        def labels(repo: Repo) -> Answer:
            return self.page([shapes.label(state, repo, label) for label in repo.labels.values()], repo)

        @self.in_repo("POST", "/labels", both, role="write")
        def create(repo: Repo) -> Answer:
            asked = _asked()
            color, words = str(asked.get("color", "ededed")), asked.get("description")
            return shapes.label(
                state, repo, state.create_label(repo, _text(asked, "name"), g.caller.login, color, words)
            ), 201

        @self.in_repo("GET", "/labels/<path:label>", "issues=read; pull_requests=read")
        def one_label(repo: Repo, label: str) -> Answer:
            return shapes.label(state, repo, _found(repo, label))

        @self.in_repo("PATCH", "/labels/<path:label>", both, role="write")
        def change(repo: Repo, label: str) -> Answer:
            found, asked = _found(repo, label), _asked()
            if asked.get("new_name"):
                state.rename_label(repo, label, asked["new_name"], g.caller.login)
            found.color = str(asked.get("color", found.color)).lstrip("#")
            found.description = asked.get("description", found.description)
            return shapes.label(state, repo, found)

        @self.in_repo("DELETE", "/labels/<path:label>", both, role="write")
        def delete(repo: Repo, label: str) -> Answer:
            state.delete_label(repo, label, g.caller.login)
            return _NO_CONTENT

    # -- repositories and their people ---------------------------------------------------------------------------

    def _place_routes(self) -> None:
        state = self.state

        @self.in_repo("GET", "", "metadata=read")
        def repository(repo: Repo) -> Answer:
            return shapes.repository(state, repo, g.caller.login)

        @self.in_repo("PATCH", "", "administration=write", role="admin")
        def change(repo: Repo) -> Answer:
            asked = _asked()
            if "archived" in asked:
                (state.archive if asked["archived"] else state.unarchive)(repo, g.caller.login)
            if asked.get("name"):
                state.rename_repo(repo, asked["name"], g.caller.login)
            return shapes.repository(state, repo, g.caller.login)

        @self.in_repo("GET", "/collaborators/<login>", "metadata=read")
        def collaborator(repo: Repo, login: str) -> Answer:
            if not state.is_collaborator(repo, login):
                raise _SaysError(404, "Not Found")
            return _NO_CONTENT

        @self.in_repo("GET", "/collaborators/<login>/permission", "metadata=read")
        def permission(repo: Repo, login: str) -> Answer:
            if login not in self.world.people and login not in state.other_users:
                raise _SaysError(404, f"{login} is not a user")
            role = state.role(repo, login)
            legacy = {"maintain": "write", "triage": "read"}.get(role, role)
            who = shapes.user(state, login) | {"permissions": shapes.permissions(role), "role_name": role}
            return {"permission": legacy, "role_name": role, "user": who}

    # -- teams ---------------------------------------------------------------------------------------------------

    def _team_routes(self) -> None:
        @self.route("GET", f"/orgs/{ORG}", "")
        def organization() -> Answer:
            return shapes.organization(self.state)

        @self.route("GET", f"/orgs/{ORG}/teams", "members=read")
        def teams() -> Answer:
            seen = [team for team in self.state.teams.values() if team.privacy != "secret" or g.caller.app]
            return self.page([shapes.team(self.state, team) for team in seen])

        @self._in_team("/repos")
        def places(team: Team) -> Answer:
            read = [repo for repo in self.state.repos.values() if team.slug in repo.teams]
            return self.page([shapes.repository(self.state, repo, g.caller.login) for repo in read])

        @self._in_team("")
        def team(team: Team) -> Answer:
            return shapes.team(self.state, team)

        @self._in_team("/members")
        def members(team: Team) -> Answer:
            active = [login for login in team.members if login not in team.pending]
            return self.page([shapes.user(self.state, login) for login in active])

        @self._in_team("/memberships/<login>")
        def membership(team: Team, login: str) -> Answer:
            if login not in team.members and login not in team.pending:
                raise _SaysError(404, "Not Found")
            return shapes.membership(self.state, team, login)

        @self._in_team("/repos/<owner>/<name>")
        def access(team: Team, owner: str, name: str) -> Answer:
            repo = self._open(f"{owner}/{name}", "read")
            if team.slug not in repo.teams:
                raise _SaysError(404, "Not Found")
            if "repository" not in request.headers.get("Accept", ""):
                return _NO_CONTENT
            role = repo.teams[team.slug]
            rights = {"permissions": shapes.permissions(role), "role_name": role}
            return shapes.repository(self.state, repo) | rights

    def _in_team(self, rule: str) -> Callable[[View], View]:
        """A route inside a team, by its slug and by the ids that its own address has; the view gets it as `team`."""

        def wrap(view: View) -> View:
            def by_slug(slug: str, **parts: Any) -> Answer:
                return view(team=self._team(slug), **parts)

            def by_id(team_id: int, **parts: Any) -> Answer:
                slug = next((team.slug for team in self.state.teams.values() if team.id == team_id), "")
                return view(team=self._team(slug), **parts)

            self.route("GET", f"/orgs/{ORG}/teams/<slug>{rule}", "members=read")(by_slug)
            self.route("GET", f"/organizations/{shapes.ORG_ID}/team/<int:team_id>{rule}", "members=read")(by_id)
            return view

        return wrap

    def _team(self, slug: str) -> Team:
        may_read_teams(g.caller)
        team, who = self.state.teams.get(slug), self.world.people.get(g.caller.login)
        if team is None or who is None or not (who.in_org or who.bot):
            raise _SaysError(404, "Not Found")
        if team.privacy == "secret" and not (who.bot or who.login in team.members):
            raise _SaysError(404, "Not Found")
        return team


def _found(repo: Repo, name: str) -> Label:
    label = repo.label(name)
    if label is None:
        raise _SaysError(404, "Not Found")
    return label


def _asked() -> dict[str, Any]:
    asked = request.get_json(force=True)
    if not isinstance(asked, dict):
        raise _SaysError(400, "Body should be a JSON object")
    return asked


def _text(asked: dict[str, Any], name: str) -> str:
    text = asked.get(name)
    if not isinstance(text, str):
        needed = f'Invalid request.\n\n"{name}" wasn\'t supplied.'
        raise _SaysError(
            422, needed if text is None else f"Invalid request.\n\nFor '{name}', {text!r} is not a string."
        )
    return text


def _media() -> str:
    accept = request.headers.get("Accept", "")
    return next((kind for kind in ("full", "html", "text", "raw") if f".{kind}" in accept), "")


def _refusal(error: UnprocessableError) -> _SaysError:
    detail = {"resource": error.resource, "code": error.code, "field": error.field}
    if error.message:
        detail["message"] = error.message
    return _SaysError(422, "Validation Failed", errors=[detail])


def _redirect(url: str) -> Response:
    answer = jsonify(message="Moved Permanently", url=url, documentation_url=f"{_DOCS}/guides/best-practices")
    answer.status_code = 301 if request.method in ("GET", "HEAD") else 307
    answer.headers["Location"] = url
    return answer


def _as_response(answer: Answer) -> Response:
    if isinstance(answer, Response):
        return answer
    body, status = answer if isinstance(answer, tuple) else (answer, 200)
    response = Response(status=status) if body == "" else jsonify(body)
    response.status_code = status
    return response
