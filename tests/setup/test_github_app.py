"""A GitHub App in two clicks: the way is walked over HTTP, as a browser walks it, on the sandbox's GitHub."""

from __future__ import annotations

import html
import json
import re
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from click.testing import CliRunner
from honcho.environ import parse

from integration.cli import main
from integration.sandbox import World, running
from integration.sandbox.serving import Served
from integration.settings import Settings
from integration.setup.app import Uses
from integration.stages.model import Ref
from integration.trackers.github import GitHub
from integration.web import setup as pages
from integration.web.app import bare_app

PUBLIC = "http://stages.acme.example"
CAST_KEY = b"a marker key of these tests"


class Browser:
    """Follows forms and redirects as a browser does: with cookies, and a form only where the page's policy lets it."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.seen: list[str] = []

    def open(self, address: str) -> requests.Response:
        return self._seen(self.session.get(address, allow_redirects=False, timeout=20))

    def submit(self, page: requests.Response, button: str, **typed: str) -> requests.Response:
        """Press a button; whoever is sent on, goes on."""
        form = next(one for one in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if button in one)
        action = html.unescape(re.search(r'action="([^"]+)"', form)[1])  # type: ignore[index]
        address = requests.compat.urljoin(page.url, action)
        allowed = re.search(r"form-action ([^;]+)", page.headers.get("Content-Security-Policy", ""))
        if allowed:
            here = f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}"
            there = f"{urlsplit(address).scheme}://{urlsplit(address).netloc}"
            assert there in allowed[1].replace("'self'", here).split(), "the page's own policy forbids it"
        fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
        fields = {name: html.unescape(value) for name, value in fields.items()} | typed
        if 'method="get"' in form:
            return self._seen(self.session.get(address, params=fields, timeout=20))
        answer = self._seen(self.session.post(address, data=fields, allow_redirects=False, timeout=20))
        while answer.is_redirect:
            answer = self._seen(self.session.get(answer.headers["Location"], allow_redirects=False, timeout=20))
        return answer

    def _seen(self, answer: requests.Response) -> requests.Response:
        self.seen.append(f"{answer.url}\n{answer.headers}\n{answer.text}")
        return answer


@pytest.fixture
def served() -> Iterator[Served]:
    with running(World()) as one:
        yield one


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wanted(served: Served, home: Path) -> pages.Wanted:
    return pages.Wanted(home, CAST_KEY, served.github_url, PUBLIC)


@pytest.fixture
def web(served: Served, home: Path) -> Iterator[str]:
    """The pages alone, as a web process has them."""
    from werkzeug.serving import make_server

    app = bare_app()
    app.register_blueprint(pages.setup(wanted(served, home)))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def begun(browser: Browser, served: Served, home: Path, web: str, **wishes: object) -> requests.Response:
    return browser.open(pages.address(wanted(served, home), web, **wishes))  # type: ignore[arg-type]


def test_two_clicks_make_an_app_whose_credentials_the_service_signs_in_with(
    served: Served, home: Path, web: str
) -> None:
    (home / ".env").write_text("# mine\nPORT=8123\n")
    browser = Browser()
    page = begun(browser, served, home, web, organisation="acme", uses=Uses(pull_requests=True))
    assert page.status_code == 200
    assert "who is in Support" in page.text, "each permission has its reason"
    assert "the same of pull requests" in page.text, "and each event"
    assert "Contents" not in page.text, "repositories add no rules in this file"

    at_github = browser.submit(page, "Make the App")
    assert at_github.url.startswith(f"{served.url}/organizations/acme/settings/apps/new?state=")
    done = browser.submit(at_github, "Create GitHub App", name="Acme stages")

    assert done.url.startswith(f"{web}/setup/github/done?code=")
    assert done.status_code == 200
    assert f"{served.url}/github/apps/release-stages/installations/new" in done.text
    kept = parse((home / ".env").read_text())
    assert (home / ".env").read_text().startswith("# mine\nPORT=8123\n")
    assert kept["GITHUB_API_URL"] == served.github_url
    key = Path(kept["GITHUB_APP_PRIVATE_KEY_FILE"])
    assert {stat.S_IMODE(one.stat().st_mode) for one in (key, home / ".env")} == {0o600}

    settings = Settings.read({**kept, "DATA_DIR": str(home / "var"), "MAPPINGS": "m", "PORT": "8000"})
    assert settings.github
    assert served.world.github.manifests.keys[0].strip() == settings.github.app_private_key.strip()
    (hook,) = served.world.hooks.hooks("github")
    assert settings.github.webhook_secrets == (hook.secret,)
    assert hook.url == f"{PUBLIC}/webhooks/github"
    served.world.github.open_issue("acme/app", "Export", "erin", labels=["stage: beta"])
    assert GitHub(settings.github).fetch(Ref.parse("acme/app#1")).title == "Export"


def test_where_repositories_add_rules_the_app_may_read_their_file_and_is_told_of_pushes(
    served: Served, home: Path, web: str
) -> None:
    browser = Browser()
    page = begun(browser, served, home, web, organisation="acme", uses=Uses(additions=True))
    assert "Repository: Contents" in page.text
    assert "a repository&#39;s own rules have changed" in page.text

    browser.submit(browser.submit(page, "Make the App"), "Create GitHub App")

    assert served.world.github.app_permissions == {
        "issues": "write", "contents": "read", "metadata": "read", "members": "read"
    }  # fmt: skip
    assert "push" in served.world.github.app_events


def test_secrets_that_are_there_already_stay_for_the_webhooks_that_sign_with_them(
    served: Served, home: Path, web: str
) -> None:
    (home / ".env").write_text("GITHUB_TOKEN=t\nGITHUB_WEBHOOK_SECRETS='by hand, older'\n")
    browser = Browser()
    browser.submit(browser.submit(begun(browser, served, home, web), "Make the App"), "Create GitHub App")
    (hook,) = served.world.hooks.hooks("github")
    assert parse((home / ".env").read_text())["GITHUB_WEBHOOK_SECRETS"] == f"{hook.secret},by hand,older"


def test_no_secret_is_on_any_page_and_the_key_of_the_page_goes_nowhere_else(
    served: Served, home: Path, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = Browser()
    page = begun(browser, served, home, web)
    browser.submit(browser.submit(page, "Make the App"), "Create GitHub App")

    planted = [line for key in served.world.github.manifests.keys for line in key.splitlines() if len(line) > 16]
    assert planted
    said = "\n".join(browser.seen) + "".join(capsys.readouterr())
    assert not [one for one in planted if one in said]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    manifest = json.loads(html.unescape(re.search(r'name="manifest" value="([^"]+)"', page.text)[1]))  # type: ignore[index]
    assert "key=" not in json.dumps(manifest)


def test_once_an_app_is_configured_there_is_nothing_here(served: Served, home: Path, web: str) -> None:
    first, second = Browser(), Browser()
    late = second.submit(begun(second, served, home, web), "Make the App")
    first.submit(first.submit(begun(first, served, home, web), "Make the App"), "Create GitHub App")
    kept = (home / ".env").read_text()

    assert begun(Browser(), served, home, web).status_code == 404
    assert second.submit(late, "Create GitHub App").status_code == 404, "who began earlier and ends later is too late"
    assert (home / ".env").read_text() == kept


def test_another_process_that_set_it_up_closes_it_too(served: Served, home: Path, web: str) -> None:
    (home / ".env").write_text("GITHUB_APP_ID=7\n")
    assert begun(Browser(), served, home, web).status_code == 404


@pytest.mark.parametrize("key", ["", "key=", "key=x.y.z", "key=.."])
def test_without_a_key_of_ours_nobody_begins(web: str, key: str) -> None:
    answer = Browser().open(f"{web}/setup/github?{key}")
    assert answer.status_code == 403
    assert "<h1>It is not set up</h1>" in answer.text, "a page, as a person has followed an address"
    assert "The key of this address is missing, wrong or older than an hour." in answer.text
    assert "release-stages setup github --link" in answer.text


def test_a_key_of_another_service_or_an_old_one_is_none(
    served: Served, home: Path, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(wanted(served, home), marker_key=b"another key")
    assert Browser().open(pages.address(other, web)).status_code == 403
    address = pages.address(wanted(served, home), web)
    assert Browser().open(address).status_code == 200
    monkeypatch.setattr(pages, "GOOD_FOR", -1)
    assert Browser().open(address).status_code == 403


def test_another_name_for_this_machine_leads_nowhere(served: Served, home: Path, web: str) -> None:
    """As when somebody's page lets a name of theirs point at 127.0.0.1."""
    address = pages.address(wanted(served, home), web)
    assert requests.get(address, headers={"Host": "rebound.example"}, timeout=20).status_code == 400
    assert requests.get(address, headers={"Host": urlsplit(PUBLIC).netloc}, timeout=20).status_code == 200


def test_the_way_back_is_for_the_browser_that_began_it(served: Served, home: Path, web: str) -> None:
    """Somebody else's code, sent to an admin as a link, would make their App ours."""
    theirs = Browser()
    at_github = theirs.submit(begun(theirs, served, home, web), "Make the App")
    number = re.search(r"/settings/apps/manifest/([\w-]+)", at_github.text)[1]  # type: ignore[index]
    sent_back = requests.post(
        f"{served.url}/settings/apps/manifest/{number}", data={"name": "x"}, allow_redirects=False, timeout=20
    ).headers["Location"]

    admin = Browser()
    assert admin.open(sent_back).status_code == 403, "who has not begun"
    begun(admin, served, home, web)
    assert admin.open(sent_back).status_code == 403, "who has begun another"
    code = parse_qs(urlsplit(sent_back).query)["code"][0]
    assert theirs.open(f"{web}/setup/github/done?code={code}").status_code == 403, "without the state"
    assert not (home / ".env").exists()


@pytest.mark.parametrize("code", ["0" * 40, "", "../../user", "a/b", "x" * 300])
def test_a_code_that_github_does_not_know_changes_nothing(served: Served, home: Path, web: str, code: str) -> None:
    browser = Browser()
    page = begun(browser, served, home, web)
    state = html.unescape(re.search(r"apps/new\?state=([^\"]+)", page.text)[1])  # type: ignore[index]
    answer = browser.session.get(f"{web}/setup/github/done", params={"code": code, "state": state}, timeout=20)
    assert answer.status_code == 502
    assert "begin anew" in answer.text
    assert not (home / ".env").exists()


def test_who_cannot_keep_anything_does_not_begin(
    served: Served, home: Path, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("integration.setup.dotenv.write", full)
    answer = begun(Browser(), served, home, web)
    assert answer.status_code == 502
    assert "Permission denied" in answer.text


def test_credentials_that_could_not_be_kept_are_told_with_what_to_do(
    served: Served, home: Path, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser()
    at_github = browser.submit(begun(browser, served, home, web), "Make the App")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("integration.setup.dotenv.keep", full)
    answer = browser.submit(at_github, "Create GitHub App")
    assert answer.status_code == 502
    assert "generate a key" in answer.text
    assert "Do not begin anew: that would make a second App" in answer.text
    assert not [line for one in served.world.github.manifests.keys for line in one.splitlines() if line in answer.text]


def test_an_organisation_can_be_changed_and_a_strange_one_is_refused(served: Served, home: Path, web: str) -> None:
    browser = Browser()
    page = begun(browser, served, home, web, organisation="other")
    page = browser.submit(page, "Change", organisation="acme")
    assert "/organizations/acme/settings/apps/new" in page.text
    assert browser.submit(page, "Change", organisation="a/../b").status_code == 400


# --- the command ------------------------------------------------------------------------------------------------------


def environ(served: Served, home: Path, **more: str) -> dict[str, str]:
    return {"GITHUB_API_URL": served.github_url, "PUBLIC_URL": PUBLIC, "DATA_DIR": str(home / "var"), **more}


def command(served: Served, home: Path, *arguments: str, **more: str) -> tuple[int, str]:
    said = CliRunner().invoke(main, ["setup", "github", *arguments], env=environ(served, home, **more))
    if said.exception and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said.exit_code, said.output


def test_the_command_serves_the_page_and_ends_when_the_app_is_made(
    served: Served, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_LAST_LOOK", 0)
    walked: list[requests.Response] = []

    def walk(address: str) -> None:
        browser = Browser()
        walked.append(browser.submit(browser.submit(browser.open(address), "Make the App"), "Create GitHub App"))

    def tell(self: object, address: str) -> None:
        threading.Thread(target=walk, args=(address,), daemon=True).start()

    monkeypatch.setattr("integration.cli.setup._Opening.tell", tell)
    (home / "mappings.yaml").write_text((Path(__file__).parent.parent.parent / "mappings.yaml").read_text())

    code, said = command(served, home)

    assert code == 0, said
    assert "Repository: Issues" in said
    assert "labels and comments" in said
    assert "installations/new" in said
    assert walked[0].status_code == 200
    (draft,) = served.world.github.manifests.drafts.values()
    assert draft.owner == "acme", "who owns the repositories in mappings.yaml"
    kept = parse((home / ".env").read_text())
    assert kept["GITHUB_APP_ID"] == "1"
    planted = [line for key in served.world.github.manifests.keys for line in key.splitlines() if len(line) > 16]
    assert not [one for one in planted if one in said]
    assert command(served, home, GITHUB_APP_ID="1")[0] == 2, "and once there is one, no second is made"


def test_a_dry_run_says_what_would_be_asked_for_and_makes_nothing(served: Served, home: Path) -> None:
    code, said = command(served, home, "--dry-run")
    assert code == 0
    assert f"delivers to: {PUBLIC}/webhooks/github" in said
    assert "Contents" not in said
    assert "Push" not in said
    assert list(home.iterdir()) == []


def test_a_file_that_lets_repositories_add_rules_makes_the_app_ask_for_more(served: Served, home: Path) -> None:
    shipped = (Path(__file__).parent.parent.parent / "mappings.yaml").read_text()
    (home / "mappings.yaml").write_text(shipped.replace("  allowed: false  ", "  allowed: true  "))
    code, said = command(served, home, "--dry-run")
    assert code == 0, said
    assert re.search(r"Repository: Contents +read +a repository's own rules", said)
    assert re.search(r"Push +a repository's own rules have changed", said)


def test_a_link_to_the_running_service_opens_it_there(served: Served, home: Path, web: str) -> None:
    code, said = command(served, home, "--link", MARKER_KEY=CAST_KEY.decode(), SANDBOX="1")
    assert code == 0
    links = re.findall(r"^(http\S+)$", said, re.MULTILINE)
    assert [urlsplit(one).netloc for one in links] == [urlsplit(PUBLIC).netloc, "127.0.0.1:8000"]
    key = urlsplit(links[0]).query
    assert Browser().open(f"{web}/setup/github?{key}").status_code == 200


@pytest.mark.parametrize("url", ["", "ftp://x", "https://u@x.example"])
def test_an_address_that_github_could_not_deliver_to_is_told(served: Served, home: Path, url: str) -> None:
    code, said = command(served, home, PUBLIC_URL=url)
    assert code == 2
    assert "PUBLIC_URL" in said
