"""A running dashboard and a Chromium to look at it with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.main import SECTIONS
from credit_core.settings import PROJECT_ROOT
from tests.conftest import Store

PAGES = [
    "" if name == "overview" else name
    for rows in SECTIONS.values()
    for name, _title, _icon, _hint in rows
]
ADDRESSES = [*PAGES, "applicant?customer=C000010"]
SLOW = 120_000  # milliseconds of patience: other tests share the cores

_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _chromium() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return found
    return None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield a headless Chromium; skipped, and said, where none is installed."""
    path = _chromium()
    if path is None:
        sentence = "No Chromium was found, so the dashboard was not walked through in a browser."
        if os.environ.get("CANDOR_REQUIRE_BROWSER"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    with sync_playwright() as playwright:
        expect.set_options(timeout=SLOW)
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def desk(browser: Browser) -> Iterator[Page]:
    """The one window, as large as a small laptop's: what it has compiled once it keeps."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(SLOW)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(desk: Page) -> Iterator[Page]:
    """That window, empty and light; a page left open would keep the server busy."""
    desk.emulate_media(color_scheme="light")
    yield desk
    desk.goto("about:blank")


def ready(page: Page) -> None:
    """Wait until the page is drawn: Streamlit says so on its outermost element."""
    idle = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    expect(idle).to_be_visible()
    page.wait_for_timeout(300)  # for the last elements to be laid out


@dataclass(frozen=True)
class Dashboard:
    """A dashboard with an empty store, and where it answers."""

    url: str
    home: Path
    models: Path


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def opened(page: Page, bank: Dashboard, address: str) -> None:
    page.goto(f"{bank.url}/{address}")
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_test_id("stSidebar").get_by_role("link")).to_have_count(len(PAGES))
    ready(page)


def screenshot(page: Page, name: str, folder: Path) -> None:
    page.screenshot(path=str(folder / f"{name}.png"))


def no_error(page: Page) -> None:
    """No traceback and no error box may be on the page."""
    assert page.get_by_test_id("stException").count() == 0
    text = page.inner_text("body")
    assert "Traceback" not in text, text


@contextmanager
def serving(root: Path, port: int | None = None, **settings: str) -> Iterator[Dashboard]:
    """Start the dashboard over the stores in ``root``, and stop it afterwards."""
    home, models = root / "home", root / "models"
    port = port or free_port()
    own = {"CANDOR_HOME": str(home), "CANDOR_MODELS": str(models)}
    environment = {**os.environ, **own, **settings}
    with (root / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-c", "from app.cli import main; main()"),
                *("serve", "--port", str(port)),
            ],
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        url = f"http://localhost:{port}"
        try:
            _wait_for(f"{url}/_stcore/health")
            yield Dashboard(url, home, models)
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with nothing stored."""
    with serving(tmp_path_factory.mktemp("dashboard")) as started:
        yield started


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Dashboard]:
    """A dashboard over a copy of the simulated bank and its trained models."""
    root = tmp_path_factory.mktemp("bank")
    shutil.copytree(store.settings.home, root / "home")
    shutil.copytree(store.settings.models, root / "models")
    with serving(root) as started:
        yield started


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer within a minute")
