"""Signing in with a real browser, at a GitHub and at an OpenID provider: what each role sees, and who is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from integration.admission import Admission
from integration.memory.board import Wanted
from integration.sandbox.serving import Served as Sandbox
from integration.sandbox.serving import running
from tests.browser.conftest import Served, Visit, serving, settings_of, visiting
from tests.browser.test_pages import LOOKS

ADMIN = ("user:rhea",)
SECRET = "sandbox-client-secret"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as one:
        yield one


Opened = Callable[..., Served]


@pytest.fixture
def opened(seeded: Path, redis_url: str) -> Iterator[Opened]:
    """Serves the pages with a door of one's own; its tries to sign in are counted anew."""
    with ExitStack() as stack:

        def make(admission: Callable[[str], Admission]) -> Served:
            made = serving(lambda address: settings_of(seeded, redis_url, admission(address)))
            return stack.enter_context(made)

        yield make


@pytest.fixture
def github(opened: Opened, sandbox: Sandbox) -> Served:
    """Members of acme come in; rhea is an admin."""
    return opened(lambda address: by_github(sandbox, address))


def by_github(sandbox: Sandbox, address: str, per_repository: bool = False) -> Admission:
    return Admission(
        "github", ("acme",), ADMIN, "sandbox-client", SECRET, sandbox.github_url, address=address,
        per_repository=per_repository,
    )  # fmt: skip


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens windows, each with cookies of its own."""
    with ExitStack() as stack:

        def make(served: Served, *look: str) -> Visit:
            return stack.enter_context(visiting(browser, served.address, *(look or ("desktop", "light"))))

        yield make


Window = Callable[..., Visit]


def sign_in(visit: Visit, who: str, path: str = "/") -> Page:
    """From a page that is closed, over the provider, as somebody of the cast, and to where that leads."""
    page = visit.open(path)
    page.get_by_role("link", name="Sign in with").click()
    page.get_by_role("button", name=who, exact=True).click()
    return page


def is_fit(visit: Visit) -> None:
    """For everybody, whatever page it is."""
    assert visit.violations() == [], "axe-core objects"
    assert visit.overflow() <= 0, "it is wider than the screen"
    expect(visit.page.locator("h1")).to_have_count(1)


# --- roles ------------------------------------------------------------------------------------------------------------


def test_a_reader_comes_to_where_they_wanted_and_reads_and_signs_out(github: Served, window: Window) -> None:
    visit = window(github)
    page = sign_in(visit, "erin", "/party/support?from=0")
    expect(page).to_have_url(f"{github.address}/party/support?from=0")
    expect(page.locator(".who")).to_contain_text("Erin")
    expect(page.get_by_role("heading", name="Waits for Support")).to_be_visible()
    expect(page.get_by_role("button", name="We have seen it")).to_have_count(0)
    expect(page.get_by_text("You may read this")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Operations")).to_have_count(0)
    visit.open("/mappings")
    expect(page.get_by_role("link", name="what if")).to_have_count(0)
    for path in ("/operations", "/mappings/what-if"):
        assert page.goto(github.address + path).status == 403  # type: ignore[union-attr]
        expect(page.get_by_role("heading", level=1)).to_have_text("This page is not for you")
        expect(page.get_by_text("ask an admin (rhea)")).to_be_visible()
        is_fit(visit)
    page.get_by_role("button", name="Sign out").first.click()
    expect(page).to_have_url(f"{github.address}/sign-in")
    page.go_back()
    page.goto(f"{github.address}/audit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_who_speaks_for_a_party_answers_for_it_and_for_no_other(github: Served, window: Window) -> None:
    visit = window(github)
    page = sign_in(visit, "sam", "/party/growth")
    expect(page.get_by_role("button", name="We have seen it")).to_have_count(0)
    visit.open("/party/support")
    waits = page.locator(".waits > li")
    first = waits.first.get_by_role("heading").inner_text()
    waits.first.get_by_label(f"A note on {first}").fill("Read it.")
    waits.first.get_by_role("button", name="We have seen it").click()
    expect(page.get_by_role("status")).to_contain_text("on its way to the issue")
    expect(page.locator(".panel", has_text="Sam: “We have seen it”")).to_be_visible()
    expect(page.locator(".waits > li", has_text=first).get_by_role("button")).to_have_count(0)
    assert visit.errors == []
    word = github.ledger.spoken.of_party("support", None, github.ledger.born)[0]
    assert (word.spoken.by.handle, word.spoken.note) == ("sam", "Read it.")
    github.ledger.spoken.take_back(word.spoken.id)


def test_an_admin_is_shown_operations(github: Served, window: Window) -> None:
    visit = window(github)
    page = sign_in(visit, "rhea")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Operations").click()
    expect(page.get_by_role("heading", name="What failed")).to_be_visible()
    is_fit(visit)


def test_a_stranger_is_refused_and_told_as_whom(github: Served, window: Window) -> None:
    visit = window(github)
    page = sign_in(visit, "mallory")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not let in")
    expect(page.get_by_text("signed in there as mallory")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages")).to_have_count(0)
    is_fit(visit)
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_who_cancels_at_the_provider_is_not_signed_in(github: Served, window: Window) -> None:
    visit = window(github)
    page = visit.open("/")
    page.get_by_role("link", name="Sign in with").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    is_fit(visit)


# --- what one may see -------------------------------------------------------------------------------------------------


def test_per_repository_one_sees_the_features_of_what_one_may_read(
    opened: Opened, sandbox: Sandbox, window: Window
) -> None:
    served = opened(lambda address: by_github(sandbox, address, per_repository=True))
    hidden = served.ledger.board.features(Wanted(place="github:acme/mobile"), None, 1)[0]
    everything = sum(served.ledger.board.counts(Wanted(), None).values())
    visit = window(served)
    page = sign_in(visit, "erin", "/?closed=yes")
    keys = page.locator(".card .key")
    assert keys.count() > 0
    assert {one.split("#")[0] for one in keys.all_inner_texts()} <= {"acme/app", "acme/web"}
    assert page.get_by_label("Repository or project").locator("option").all_inner_texts() == [
        "All", "acme/app", "acme/web",
    ]  # fmt: skip
    counts = [int(one) for one in page.locator(".column .count").all_inner_texts()]
    assert 0 < sum(counts) < everything
    assert page.goto(f"{served.address}/feature/{str(hidden.ref).replace('#', '%23')}").status == 404  # type: ignore[union-attr]
    expect(page.get_by_text("or it is not shown to you")).to_be_visible()
    for path in ("/audit", "/reports/stages", "/parties", "/party/support"):
        visit.open(path)
        assert hidden.title not in page.content()
        assert "acme/mobile" not in page.content()

    other = window(served)
    page = sign_in(other, "rhea", f"/?closed=yes&q={hidden.ref.number}")
    assert hidden.title in page.locator(".card h3").all_inner_texts(), "an admin sees all"


def test_with_an_openid_provider_one_speaks_for_the_party_of_ones_group(
    opened: Opened, sandbox: Sandbox, window: Window
) -> None:
    served = opened(
        lambda address: Admission(
            "openid", ("@acme.example",), ("release-managers",), "sandbox-client", SECRET,
            issuer=f"{sandbox.url}/openid", address=address,
        )
    )  # fmt: skip
    visit = window(served, "phone", "dark")
    page = sign_in(visit, "gus", "/parties")
    expect(page).to_have_url(f"{served.address}/parties")
    expect(page.get_by_role("row", name=re.compile("^Growth"))).to_contain_text("you")
    expect(page.get_by_role("row", name=re.compile("^Support"))).not_to_contain_text("you")
    expect(page.get_by_role("link", name="Operations")).to_have_count(0)
    is_fit(visit)
    other = sign_in(window(served), "rhea")
    expect(other.get_by_role("link", name="Operations")).to_be_visible()


# --- the door's own pages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_the_page_to_sign_in_is_fit_for_everybody(github: Served, window: Window, look: tuple[str, str]) -> None:
    visit = window(github, *look)
    page = visit.open("/reports/escapes?party=support")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=/reports/escapes%3Fparty%3Dsupport$"))
    is_fit(visit)
    assert (visit.errors, visit.strangers) == ([], [])


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_pages_that_are_not_served_say_how_to_turn_them_on(
    opened: Opened, window: Window, look: tuple[str, str]
) -> None:
    visit = window(opened(lambda _: Admission("off")), *look)
    page = visit.open("/")
    expect(page.get_by_role("heading", name="To turn them on")).to_be_visible()
    is_fit(visit)
    assert (visit.errors, visit.strangers) == ([], [])
    assert page.goto(f"{visit.address}/audit").status == 404  # type: ignore[union-attr]


def test_by_keyboard_alone_one_signs_in_and_out(github: Served, window: Window) -> None:
    page = window(github).open("/parties")
    tab_to(page, "Sign in with")
    tab_to(page, "erin")
    expect(page.get_by_role("heading", level=1)).to_have_text("Parties")
    tab_to(page, "Sign out")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until that has the focus, and then Enter."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip().startswith(name):
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"no key leads to {name}")


def test_without_javascript_one_signs_in_all_the_same(github: Served, window: Window) -> None:
    page = sign_in(window(github, "phone", "light", "plain"), "sam", "/party/support")
    expect(page.get_by_role("button", name="We have seen it").first).to_be_visible()


def test_a_board_that_is_open_when_the_session_ends_leads_to_signing_in(github: Served, window: Window) -> None:
    visit = window(github)
    visit.page.clock.install()
    page = sign_in(visit, "erin", "/?only=blocked")
    page.context.clear_cookies()
    page.clock.fast_forward(21_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page).to_have_url(re.compile("only%3Dblocked"))
