"""GitHub as the file has it, and as it is: each thing that can be wrong, and how it is said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from integration.sandbox import World
from integration.sandbox.faults import Fault
from integration.sandbox.people import PEOPLE
from integration.sandbox.serving import Served
from integration.settings import GitHubSettings
from tests.live.conftest import ADDRESS, Live, faults, fine, warnings

NO_JIRA = {
    """  - jira:
      projects: [APP]
      statuses: {development: [In Progress, In Review], internal: [Internal], beta: [Beta], public: [Released]}
""": ""
}


@pytest.fixture(autouse=True)
def hooked(world: World) -> None:
    """A webhook that leads to us: all that is wrong beside it shows alone."""
    world.hooks.register(f"{ADDRESS}/webhooks/github", "s", "github", place="acme")


@pytest.fixture(scope="session")
def key() -> str:
    """A key as GitHub gives it to an App."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, shape = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return made.private_bytes(encoding, shape, serialization.NoEncryption()).decode()


@pytest.fixture
def app(served: Served, world: World, key: str) -> GitHubSettings:
    """Signed in as an App, which has a webhook of its own."""
    world.hooks.register(f"{ADDRESS}/webhooks/github", "s", "github")
    return GitHubSettings(served.github_url, app_id="1", app_private_key=key, webhook_secrets=("s",))


def as_person(served: Served, login: str) -> GitHubSettings:
    return GitHubSettings(served.github_url, PEOPLE[login].token, webhook_secrets=("s",))


def test_where_all_is_well_it_says_what_was_looked_at(live: Live) -> None:
    found = live(only="github")

    assert faults(found) == []
    assert "GITHUB_TOKEN: we are signed in to GitHub as release-stages[bot]" in fine(found)
    assert "GitHub: 4 labels were looked for in 1 repositories" in fine(found)
    assert found.is_sound


def test_a_repository_that_is_not_there_is_named_with_the_nearest_that_is(live: Live) -> None:
    (fault,) = faults(live(words={"[acme/app]": "[acme/app, acme/wep]"}, only="github"))
    assert fault.startswith("9: there is no repository acme/wep, or it is not for our account to see")
    assert 'did you mean "acme/web"?' in fault
    assert "give our token's account access" in fault


def test_a_pattern_that_fits_nothing_is_a_fault(live: Live) -> None:
    (fault,) = faults(live(words={"acme/app": "umbrella/*"}, only="github"))
    assert fault.startswith('9: no repository that our account sees fits "umbrella/*"')


def test_a_repository_that_has_another_name_today_is_a_warning(live: Live, world: World) -> None:
    world.github.rename_repo("acme/app", "application", "rhea")
    assert warnings(live(only="github")) == [
        "9: the repository acme/app is called acme/application today → write acme/application"
    ]


def test_nothing_can_be_done_in_an_archived_repository_unless_a_pattern_covers_others_too(
    live: Live, world: World
) -> None:
    world.github.repo("acme/app").archived = True
    assert faults(live(only="github")) == [
        "9: nothing can be done in acme/app: it is archived → mend that, or take it out"
    ]
    assert faults(live(words={"[acme/app]": '["acme/*"]'}, only="github")) == []


def test_a_label_that_no_repository_has_is_a_fault_with_the_nearest(live: Live) -> None:
    (fault,) = faults(live(words={'"stage: beta"': '"stage: betta"'}, only="github"))
    assert fault == (
        '13: acme/app has no label "stage: betta", so that nothing shows this stage by it → did you mean "stage: beta"?'
    )


def test_a_label_that_some_repositories_lack_is_a_warning_that_names_them(live: Live, world: World) -> None:
    with world.github.quietly():
        world.github.delete_label("acme/web", "stage: beta", "rhea")
    found = live(words={"[acme/app]": '["acme/*"]'}, only="github")
    assert faults(found) == []
    assert any(
        one.startswith('13: the label "stage: beta" is missing in acme/web: no move to its stage')
        for one in warnings(found)
    )


def test_a_label_that_a_rule_looks_at_and_nobody_has_is_a_warning_unless_it_may_be_one_of_jira(live: Live) -> None:
    looks = {"    entering: public\n": "    entering: public\n    when: {not_labelled: internal-onyl}\n"}
    (warning,) = warnings(live(words=looks | NO_JIRA, jira=()))
    assert 'a rule looks at the label "internal-onyl", which no repository has' in warning
    assert 'did you mean "internal-only"?' in warning
    assert warnings(live(words=looks, only="github")) == []


def test_teams_that_are_not_there_or_reach_nobody(live: Live, world: World) -> None:
    assert faults(live(words={"acme/support": "acme/suport"}, only="github")) == [
        '5: there is no team "acme/suport", or our account cannot see it → did you mean "acme/support"?'
    ]
    world.github.teams["support"].notification_setting = "notifications_disabled"
    (fault,) = faults(live(only="github"))
    assert fault.startswith("5: a mention of acme/support reaches nobody: its notifications are turned off")
    with_fallback = live(words={"team: acme/support": "team: acme/support, fallback: [sam]"}, only="github")
    assert faults(with_fallback) == []
    assert any("reaches nobody" in one for one in warnings(with_fallback))


def test_an_empty_team_and_a_secret_one_reach_nobody(live: Live, world: World) -> None:
    world.github.teams["support"].members.clear()
    assert "nobody is in it" in faults(live(only="github"))[0]
    world.github.teams["support"].members["sam"] = "member"
    world.github.teams["support"].privacy = "secret"
    assert "it is secret" in faults(live(only="github"))[0]


def test_a_team_that_may_not_read_a_private_repository_is_a_warning(live: Live) -> None:
    found = live(words={"[acme/app]": '["acme/*"]'}, only="github")
    assert any("5: acme/support may not read acme/secret" in one for one in warnings(found))


def test_people_that_are_not_there_or_are_apps(live: Live) -> None:
    named = "team: acme/support, users: [sam, nobody-here]"
    found = live(words={"team: acme/support": named}, only="github")
    assert faults(found) == ['5: there is no account "nobody-here" → write the login that the person has today']


def test_what_an_app_was_not_granted_is_said_with_what_does_not_work_without_it(
    live: Live, app: GitHubSettings, world: World
) -> None:
    world.github.app_permissions = {"metadata": "read", "issues": "read", "members": "read"}
    (fault,) = faults(live(github=app, only="github", public_url=""))
    assert fault == (
        "GitHub acme: we were not granted issues: write: nothing can be said or put back"
        " → in the App's settings, under Permissions; then accept them where it is installed"
    )


def test_an_app_that_may_not_see_members_cannot_know_whose_word_counts(
    live: Live, app: GitHubSettings, world: World
) -> None:
    world.github.app_permissions = {"metadata": "read", "issues": "write"}
    said = faults(live(github=app, only="github", public_url=""))
    assert any("not granted members: read" in one for one in said)
    assert any(one.startswith("5: GitHub refused") and "members: read" in one for one in said), "what the API accepted"


def test_pull_requests_need_a_permission_of_their_own(live: Live, app: GitHubSettings, world: World) -> None:
    del world.github.app_permissions["pull_requests"]
    pulls = {'public: "stage: public"\n': 'public: "stage: public"\n      pull_requests: true\n'}
    (fault,) = faults(live(words=pulls, github=app, only="github", public_url=""))
    assert "pull_requests: write" in fault


ADDITIONS = {"rules:": "additions: {allowed: true}\nrules:"}


def test_where_repositories_add_rules_an_app_has_to_read_their_file(
    live: Live, app: GitHubSettings, world: World
) -> None:
    world.github.app_events = [*world.github.app_events, "push"]
    assert faults(live(github=app, only="github", public_url="")) == [], "without additions it is not asked for"
    (fault,) = faults(live(words=ADDITIONS, github=app, only="github", public_url=""))
    assert fault == (
        "GitHub acme: we were not granted contents: read or single_file: read: the rules that repositories add cannot"
        " be read, and do not count → in the App's settings, under Permissions; then accept them where it is installed"
    )
    for one in ("contents", "single_file"):
        world.github.app_permissions = {"metadata": "read", "issues": "write", "members": "read", one: "read"}
        assert faults(live(words=ADDITIONS, github=app, only="github", public_url="")) == []


def test_only_owners_of_repositories_that_may_add_rules_are_asked_for_it(
    live: Live, app: GitHubSettings, world: World
) -> None:
    def said(pattern: str) -> str:
        both = {"[acme/app]": "[acme/app, umbrella/app]"}
        more = {"rules:": f"additions: {{allowed: true, repositories: ['{pattern}']}}\nrules:"}
        return "\n".join(faults(live(words=both | more, github=app, only="github", public_url="")))

    assert "contents: read" not in said("umbrella/*")
    assert "contents: read" in said("acme/a*")


def test_without_pushes_a_change_of_a_repositorys_own_rules_counts_late(live: Live, world: World) -> None:
    world.hooks.hooks("github")[0].__dict__.update(events=("issues", "issue_comment", "label"))
    assert warnings(live(only="github")) == []
    assert warnings(live(words=ADDITIONS, only="github")) == [
        "GitHub webhook /orgs/acme/hooks/1: it does not tell of push: what a repository changes in its own rules counts"
        " minutes late → tick these events in its settings"
    ]
    world.hooks.hooks("github")[0].__dict__.update(events=("issues", "issue_comment", "label", "push"))
    assert warnings(live(words=ADDITIONS, only="github")) == []


def test_an_app_is_told_of_pushes_where_repositories_add_rules(live: Live, app: GitHubSettings, world: World) -> None:
    world.github.app_permissions["contents"] = "read"
    world.github.app_events = ["issues", "issue_comment", "label"]
    assert any("/app/hook: it does not tell of push:" in one for one in warnings(live(words=ADDITIONS, github=app)))
    world.github.app_events = [*world.github.app_events, "push"]
    assert not any("does not tell of push" in one for one in warnings(live(words=ADDITIONS, github=app)))


@pytest.mark.parametrize(
    ("scopes", "wanting"),
    [
        (("public_repo", "read:org"), []),
        (("read:org",), ["scope repo or scope public_repo"]),
        (("repo",), ["scope read:org"]),
    ],
)
def test_the_scopes_of_a_classic_token_are_compared(
    live: Live, world: World, scopes: tuple[str, ...], wanting: list[str]
) -> None:
    world.github.token_scopes = scopes
    said = faults(live(only="github"))
    assert len(said) == len(wanting)
    for one, wanted in zip(said, wanting, strict=True):
        assert one.startswith(f"GITHUB_TOKEN: we were not granted {wanted}")


def test_of_a_fine_grained_token_it_says_that_nobody_can_tell(live: Live, world: World) -> None:
    world.github.token_scopes = None
    found = live(only="github")
    assert faults(found) == []
    assert any("does not tell what a fine-grained token may do" in one for one in fine(found))
    assert not any("contents: read" in one for one in fine(found))
    assert any("contents: read" in one for one in fine(live(words=ADDITIONS, only="github")))


def test_an_account_that_may_only_read_can_put_nothing_back(live: Live, world: World) -> None:
    world.github.repo("acme/app").people["release-stages[bot]"] = "read"
    assert any("may only read acme/app" in one for one in faults(live(only="github")))


def test_a_token_of_somebody_who_works_with_it_is_a_fault(live: Live, served: Served, world: World) -> None:
    assert any(
        "nothing shows that people use the account erin" in one
        for one in fine(live(github=as_person(served, "erin"), only="github"))
    )
    issue = world.github.open_issue("acme/app", "By hand", "evan")
    world.github.comment("acme/app", issue.number, "I write this myself", "erin")
    said = faults(live(github=as_person(served, "erin"), only="github"))
    assert any(
        one.startswith("GITHUB_TOKEN: people use the account erin, too: it has written comments") for one in said
    )


def test_a_token_of_a_member_of_a_party_is_a_fault(live: Live, served: Served) -> None:
    said = faults(live(words={"acme/support": "acme/growth"}, github=as_person(served, "gus"), only="github"))
    assert any("our own account is in acme/growth" in one for one in said)


def test_a_token_that_is_not_accepted_is_the_one_fault_of_github(live: Live, served: Served) -> None:
    bad = GitHubSettings(served.github_url, "ghp_wrong", webhook_secrets=("s",))
    (fault,) = faults(live(github=bad, only="github"))
    assert fault.startswith("GITHUB_TOKEN: GitHub does not accept how we sign in")


def test_where_github_falls_silent_it_says_so_and_what_was_found_before_stays(live: Live, world: World) -> None:
    world.faults.add(Fault("GET .*/labels", "before", status=503, times=-1))
    said = faults(live(words={"[acme/app]": "[acme/wep, acme/app]"}, only="github"))
    assert len(said) == 2
    assert said[0].startswith("9: there is no repository acme/wep")
    assert said[1].startswith("GitHub: not all of it could be asked: GitHub answered 503")


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_a_webhook_that_leads_elsewhere_is_none_of_ours(live: Live) -> None:
    (fault,) = faults(live(only="github", public_url="https://elsewhere.acme.example"))
    assert fault.startswith("GitHub webhooks: no webhook at GitHub that we can see leads to PUBLIC_URL")


def test_without_our_own_address_no_webhook_can_be_found(live: Live) -> None:
    assert warnings(live(only="github", public_url="")) == [
        "PUBLIC_URL: our own address is not known, so that no webhook can be found → set it"
    ]


def test_a_webhook_without_a_secret_or_the_right_events(live: Live, world: World) -> None:
    world.hooks.hooks("github")[0].__dict__.update(secret="", events=("issues", "push"))
    asked = {"require: [acknowledged: {party: support}]": "require: [acknowledged: {party: support}, no_open]"}
    found = live(words=asked, only="github")
    assert faults(found) == [
        "GitHub webhook /orgs/acme/hooks/1: it has no secret: what it delivers is not signed, and is refused"
        " → give it a secret, and GITHUB_WEBHOOK_SECRETS the same",
        "GitHub webhook /orgs/acme/hooks/1: it does not tell of issue_comment, label"
        " → tick these events in its settings",
    ]
    assert any("sub_issues, issue_dependencies" in one for one in warnings(found))


@pytest.mark.parametrize(
    ("status", "level", "says"),
    [
        (202, fine, "its last delivery arrived"),
        (401, faults, "its last delivery was refused by us: its secret is none of ours"),
        (0, faults, "its last delivery did not reach us: timed out"),
        (404, faults, "its last delivery did not reach us: Invalid HTTP Response: 404"),
        (503, warnings, "its last delivery found our Redis away"),
    ],
)
def test_what_came_of_the_last_delivery(live: Live, world: World, status: int, level, says: str) -> None:
    world.hooks.drop_next()
    world.github.open_issue("acme/app", "Told of", "erin")
    world.hooks.deliveries[-1].status = status
    assert any(says in one for one in level(live(only="github")))


def test_what_our_own_inbox_has_accepted_proves_address_and_secret(live: Live) -> None:
    never = live(only="github", arrived={})
    assert any("no delivery of GitHub was ever accepted here" in one for one in warnings(never))
    at = datetime(2026, 12, 7, 10, 30, tzinfo=UTC)
    assert "GitHub: the last delivery was accepted, 2026-12-07 10:30Z" in fine(
        live(only="github", arrived={"github": at})
    )


def test_an_app_hears_of_what_its_settings_say(live: Live, app: GitHubSettings, world: World) -> None:
    world.github.app_events = ["issues"]
    (fault,) = faults(live(github=app, only="github"))
    assert fault.startswith("GitHub webhook /app/hook: it does not tell of issue_comment, label")
