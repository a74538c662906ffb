"""How long each page takes in a browser: first paint after a start, warm, from the menu; reruns.

    python benchmarks/pages.py [--home HOME --models MODELS]

Without a store it trains the demo champions into a folder of its own first. First paint is when a
page's heading stands; drawn is when Streamlit's script has ended. Every figure is from the
browser's own clock. It needs a Chromium on the path, and quiet cores, which browser and server
share.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from credit_core.settings import PROJECT_ROOT

PAGES = (
    "transactions", "segments", "label_lab", "train", "compare", "applicant", "batch", "policy",
    "monitoring", "governance",
)  # fmt: skip
CUSTOMER = "C000010"
REPEATS = 3

# Marks, on the browser's clock, when the heading of a page stands, and when its script had ended:
# the last busy moment before a quarter of a second of rest.
WATCH = """() => {
  window.__mark = {};
  const look = () => {
    const mark = window.__mark, now = performance.now();
    const app = document.querySelector('[data-testid=stApp]');
    const heading = document.querySelector('h1');
    if (!app || app.dataset.testScriptState !== 'notRunning') mark.busy = now;
    if (heading && heading.innerText !== window.__old && !mark.painted) mark.painted = now;
    const last = Math.max(mark.busy || 0, mark.painted || 0, window.__from || 0);
    if (mark.painted && now - last > 250) mark.drawn = mark.drawn || last;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


@contextmanager
def server(home: Path, models: Path) -> Iterator[str]:
    """Serve the dashboard over a store on a free port."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "CANDOR_HOME": str(home), "CANDOR_MODELS": str(models)}
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    process = subprocess.Popen(
        [*command, "--port", str(port)], cwd=PROJECT_ROOT, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://localhost:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)  # noqa: S310 - our own
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def marks(page: Page) -> tuple[float, float]:
    """Return seconds to first paint and to the drawn page, since the navigation began."""
    page.wait_for_function("window.__mark && window.__mark.drawn", timeout=60_000)
    found = page.evaluate("window.__mark")
    return found["painted"] / 1000, found["drawn"] / 1000


def opened(browser: Browser, url: str) -> tuple[float, float]:
    """Open an address in a browser that has nothing cached."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(f"({WATCH})()")
    page.goto(url)
    found = marks(page)
    page.context.close()
    return found


def from_menu(page: Page, name: str) -> tuple[float, float]:
    """Go to a page by the menu, in a session that is open."""
    page.evaluate("window.__old = document.querySelector('h1').innerText; window.__mark = {}")
    link = page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True)
    link.evaluate("e => { window.__from = performance.now(); e.click(); }")
    painted, drawn = marks(page)
    start = page.evaluate("window.__from") / 1000
    return painted - start, drawn - start


def rerun(page: Page, press: str) -> float:
    """Press something on a page and return the seconds until it is drawn again."""
    page.wait_for_timeout(500)
    page.evaluate("window.__old = null; window.__mark = {}")
    page.locator(press).first.evaluate("e => { window.__from = performance.now(); e.click(); }")
    _, drawn = marks(page)
    return drawn - page.evaluate("window.__from") / 1000


RERUNS = {
    "Compare": (
        "button[data-variant=segmented_control]:not([data-selected=true])",
        "another sample",
    ),
    "Applicant": ("button[data-variant=pills]", "another band in the list"),
    "Segments": (
        "button[data-variant=segmented_control]:not([data-selected=true])",
        "another view",
    ),
    "Policy": ("[data-testid=stNumberInputStepUp]", "another cut-off"),
}


def measure(home: Path, models: Path, chromium: str) -> None:
    with sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        with server(home, models) as url:
            print(f"first page after the start: {opened(browser, url)[0]:.1f} s to first paint")
        print("page | first visit after a start | visited again | from the menu | drawn")
        with server(home, models) as url:
            opened(browser, url)
            titles = {name: name.replace("_", " ").title() for name in PAGES}
            cold = {name: opened(browser, f"{url}/{address(name)}")[0] for name in PAGES}
            warm = {
                name: [opened(browser, f"{url}/{address(name)}")[0] for _ in range(REPEATS)]
                for name in PAGES
            }
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.add_init_script(f"({WATCH})()")
            page.goto(f"{url}/{address('applicant')}")
            marks(page)
            menu: dict[str, list[tuple[float, float]]] = {name: [] for name in PAGES}
            for _ in range(REPEATS):
                for name in PAGES:
                    menu[name].append(from_menu(page, titles[name]))
            for name in PAGES:
                painted = statistics.median(one for one, _ in menu[name])
                drawn = statistics.median(one for _, one in menu[name])
                print(
                    f"{titles[name]} | {cold[name]:.1f} s | {statistics.median(warm[name]):.1f} s "
                    f"| {painted:.2f} s | {drawn:.2f} s"
                )
            page.goto(f"{url}/applicant")
            marks(page)
            for title, (press, what) in RERUNS.items():
                if page.locator("h1").inner_text() != title:
                    from_menu(page, title)
                took = [rerun(page, press) for _ in range(REPEATS)]
                print(f"rerun, {title}, {what}: {statistics.median(took):.2f} s")
        browser.close()


def address(name: str) -> str:
    return f"{name}?customer={CUSTOMER}" if name == "applicant" else name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--models", type=Path)
    given = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    if chromium is None:
        sys.exit("No Chromium is on the path.")
    if given.home and given.models:
        measure(given.home, given.models, chromium)
        return
    with tempfile.TemporaryDirectory() as folder:
        home, models = Path(folder) / "home", Path(folder) / "models"
        environment = {**os.environ, "CANDOR_HOME": str(home), "CANDOR_MODELS": str(models)}
        subprocess.run(
            [sys.executable, "-m", "app.demo"], cwd=PROJECT_ROOT, env=environment, check=True
        )
        measure(home, models, chromium)


if __name__ == "__main__":
    main()
