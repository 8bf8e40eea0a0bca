"""The files of the sandbox's repositories: what people push, the webhook that tells of it, and one file over REST.

There is no git behind it: a branch is its newest files. Only the default branch is kept.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from integration.sandbox import github_shapes as shapes
from integration.sandbox.github_ground import NotThereError, locked, second
from integration.sandbox.github_model import Repo
from integration.sandbox.github_ties import GitHubTies

if TYPE_CHECKING:
    from integration.sandbox.github_api import Answer, GitHubApi

BRANCH = "main"
_NONE = "0" * 40
_SHOWN = 1024 * 1024  # bytes: what is larger is told of, and not shown


class GitHubFiles(GitHubTies):
    """The acts on files."""

    @locked
    def push(
        self, repo: str | Repo, files: Mapping[str, str | bytes | None], by: str,
        branch: str = BRANCH, message: str = "Change files", forced: bool = False, at: datetime | None = None,
    ) -> None:  # fmt: skip
        """Push one commit: each path with its text, None where the file is removed. A force push tells of no commit."""
        repo, when = self._repo(repo), second(at)
        texts = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        known = repo.files if branch == BRANCH else {}
        change = {
            "added": [path for path, text in texts.items() if text is not None and path not in known],
            "removed": [path for path, text in texts.items() if text is None],
            "modified": [path for path, text in texts.items() if text is not None and path in known],
        }
        before = repo.head or _NONE
        after = hashlib.sha1(f"{before}{sorted(texts.items())}{when}".encode(), usedforsecurity=False).hexdigest()
        if branch == BRANCH:
            repo.head = after
            for path, text in texts.items():
                if text is None:
                    repo.files.pop(path, None)
                else:
                    repo.files[path] = text
        commit = _commit(self, repo, after, by, message, when) | change
        told = {"ref": f"refs/heads/{branch}", "before": before, "after": after, "forced": forced}
        self._tell_push(repo, by, when, told, [] if forced else [commit], commit)

    def _tell_push(
        self, repo: Repo, by: str, when: datetime, told: dict[str, Any], commits: Iterable[Any], head: dict[str, Any]
    ) -> None:  # fmt: skip
        repo.updated = second(None)
        if self._quiet:
            return
        page = f"{self.world.url}/github/{repo.full_name}"
        stamps = {"created_at": 1767603600, "pushed_at": int(when.timestamp()), "master_branch": BRANCH}
        payload = told | {
            "created": told["before"] == _NONE,
            "deleted": False,
            "base_ref": None,
            "compare": f"{page}/compare/{told['before'][:12]}...{told['after'][:12]}",
            "commits": list(commits),
            "head_commit": head,
            "repository": shapes.repository(self, repo) | stamps,
            "pusher": {"name": by, "email": f"{by}@acme.example"},
            "organization": shapes.organization(self),
            "sender": shapes.user(self, by),
            "installation": {"id": 1, "node_id": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uMQ=="},
        }
        self.world.hooks.send("github", "push", payload)


def _commit(state: GitHubFiles, repo: Repo, sha: str, by: str, message: str, when: datetime) -> dict[str, Any]:
    who = {"name": by, "email": f"{by}@acme.example", "username": by}
    return {
        "id": sha,
        "tree_id": hashlib.sha1(sha.encode(), usedforsecurity=False).hexdigest(),
        "distinct": True,
        "message": message,
        "timestamp": when.isoformat(),
        "url": f"{state.world.url}/github/{repo.full_name}/commit/{sha}",
        "author": who,
        "committer": who,
    }


def file_routes(api: GitHubApi) -> None:
    """Add the route to the API's others."""
    state = api.state

    @api.in_repo("GET", "/contents/<path:path>", "contents=read; single_file=read")
    def contents(repo: Repo, path: str) -> Answer:
        if path in repo.files:
            return _shown(state, repo, path)
        below = sorted(name for name in repo.files if name.startswith(f"{path}/"))
        if not below:
            raise NotThereError(path)
        return [_told(state, repo, name) for name in below if "/" not in name.removeprefix(f"{path}/")]


def _told(state: GitHubFiles, repo: Repo, path: str) -> dict[str, Any]:
    """A file as a directory lists it."""
    raw, url = repo.files[path], f"{shapes.api(state)}/repos/{repo.full_name}"
    sha = hashlib.sha1(b"blob %d\0%s" % (len(raw), raw), usedforsecurity=False).hexdigest()
    page = f"{state.world.url}/github/{repo.full_name}/blob/{BRANCH}/{path}"
    links = {"self": f"{url}/contents/{path}?ref={BRANCH}", "git": f"{url}/git/blobs/{sha}", "html": page}
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": len(raw),
        "url": links["self"],
        "html_url": page,
        "git_url": links["git"],
        "download_url": f"{state.world.url}/github/{repo.full_name}/raw/{BRANCH}/{path}",
        "type": "file",
        "_links": links,
    }


def _shown(state: GitHubFiles, repo: Repo, path: str) -> dict[str, Any]:
    """A file with what is in it, in lines of sixty letters; of one that is too large, nothing."""
    raw = repo.files[path]
    if len(raw) > _SHOWN:
        return _told(state, repo, path) | {"content": "", "encoding": "none"}
    packed = base64.b64encode(raw).decode()
    lines = "".join(f"{packed[start : start + 60]}\n" for start in range(0, len(packed), 60))
    return _told(state, repo, path) | {"content": lines, "encoding": "base64"}
