"""People sign in at a real OpenID provider; what a role may not do, neither page nor core does."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from credit_core.oversight import events
from credit_core.settings import Settings
from tests.browser.conftest import Dashboard, free_port, no_error, screenshot, serving
from tests.conftest import Store

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
PEOPLE = {
    "ann": {"candor_role": "auditor"},
    "olga": {"candor_role": "officer"},
    "rita": {"candor_role": ["staff", "risk_manager"]},
    "eve": {},
}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """An OpenID provider on loopback that knows four people."""
    import oidc_provider_mock

    with oidc_provider_mock.run_server_in_thread() as server:
        url = f"http://localhost:{server.server_port}"
        for name, claims in PEOPLE.items():
            body = json.dumps({"sub": name, "email": f"{name}@bank.example", **claims}).encode()
            request = urllib.request.Request(
                f"{url}/users/{name}",
                body,
                {"Content-Type": "application/json"},
                method="PUT",
            )
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 204
        yield url


@contextmanager
def guarded(root: Path, store: Store, provider: str, **settings: str) -> Iterator[Dashboard]:
    """Serve a copy of the bank to people who sign in."""
    shutil.copytree(store.settings.home, root / "home")
    shutil.copytree(store.settings.models, root / "models")
    port, secrets = free_port(), root / "secrets.toml"
    secrets.write_text(
        f"""[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "{"0123456789abcdef" * 2}"
client_id = "candor"
client_secret = "not a secret here"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""
    )
    with serving(root, port, CANDOR_SECRETS=str(secrets), **settings) as started:
        yield started


def enter(page: Page, url: str, name: str) -> None:
    """Sign in as somebody the browser does not know, and come back to the address asked for."""
    page.goto("about:blank")
    page.context.clear_cookies()
    page.goto(url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_placeholder("sub").fill(name)
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(re.compile(re.escape(url)))


def open_page(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def test_each_role_does_what_it_may_and_nobody_else_gets_in(
    page: Page, store: Store, provider: str, tmp_path: Path
) -> None:
    with guarded(tmp_path, store, provider) as bank:
        settings = Settings(home=bank.home, models=bank.models)
        before = events.count(settings)

        # Without signing in no page shows anything, whatever its address.
        page.goto(f"{bank.url}/governance")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        expect(page.get_by_text("Models", exact=True)).to_have_count(0)
        assert events.count(settings) == before

        # An auditor sees the models and the record, and changes nothing.
        enter(page, bank.url, "ann")
        open_page(page, "Governance")
        expect(page.get_by_text("ann@bank.example: auditor")).to_be_visible()
        page.get_by_role("tab", name="Record").click()
        page.get_by_role("button", name="Verify the record").click()
        expect(page.get_by_text("Whole:")).to_be_visible()
        open_page(page, "Compare")
        promote = page.get_by_role("button", name="Promote", exact=False)
        expect(promote.first).to_be_disabled()
        said = page.get_by_text("The role auditor may not promote; risk_manager, admin may.")
        expect(said.first).to_be_visible()
        no_error(page)
        screenshot(page, "auditor", tmp_path)

        # A risk manager may promote, and decides on nobody.
        enter(page, bank.url, "rita")
        open_page(page, "Compare")
        expect(page.get_by_role("button", name="Promote", exact=False).first).to_be_enabled()
        page.goto(f"{bank.url}/applicant?customer=C000010")
        expect(page.get_by_text("The role risk_manager may not decide")).to_be_visible()
        expect(page.get_by_role("button", name="Record the decision")).to_be_disabled()

        # An officer follows a link, signs in on the way, and decides under their own name.
        enter(page, f"{bank.url}/applicant?customer=C000010", "olga")
        page.get_by_role("button", name="Record the decision").click()
        expect(page.get_by_text("Recorded as event")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(re.compile("end_session"))
        page.goto(f"{bank.url}/applicant?customer=C000010")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()

        # An account without a role is turned away, and told why.
        enter(page, bank.url, "eve")
        expect(page.get_by_text("names no role in its claim 'candor_role'")).to_be_visible()
        expect(page.get_by_role("button", name="Use another account")).to_be_visible()
        screenshot(page, "turned-away", tmp_path)

        record = events.list_events(settings, limit=None)[::-1]
        made = [(event.kind, event.actor) for event in record[before:]]
        assert made == [
            ("signed in", "ann@bank.example"),
            ("signed in", "rita@bank.example"),
            ("signed in", "olga@bank.example"),
            ("decided", "olga@bank.example"),
            ("signed out", "olga@bank.example"),
            ("refused", "eve@bank.example"),
        ]
        assert events.verify(settings) is None


def test_a_sign_in_times_out(page: Page, store: Store, provider: str, tmp_path: Path) -> None:
    with guarded(tmp_path, store, provider, CANDOR_IDLE_MINUTES="0.15") as bank:
        enter(page, bank.url, "ann")
        expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
        page.wait_for_timeout(10_000)
        page.get_by_test_id("stSidebar").get_by_role("link", name="Governance").click()
        expect(page.get_by_text("your sign-in ended")).to_be_visible()
        page.reload()  # the cookie is still there, and opens nothing
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        settings = Settings(home=bank.home, models=bank.models)
        (ended,) = events.list_events(settings, kind="signed out")
        assert ended.details["why"] == "not used"
