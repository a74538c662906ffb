"""Every page in both themes: nothing grave for axe-core, and the keyboard alone reaches it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import ADDRESSES, PAGES, Dashboard, no_error, opened, ready, screenshot

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
GRAVE = {"serious", "critical"}
TABBED = ("transactions", "compare", "applicant?customer=C000010", "policy")
TABBED += ("monitoring", "governance")
SHOWN = "[role=tabpanel]:not([hidden])"
"""What a tab shows; around it nothing changes."""

# What a key can reach: everything that a mouse could press, but for what Streamlit draws itself as
# a composite (one stop for the whole group, arrows within).
REACHABLE = """() => {
  const wanted = 'a[href], button, input, textarea, select, summary, [role=tab], [role=slider]';
  const composite = '[role=radiogroup], [role=tablist], [role=group], [role=toolbar]';
  const seen = {checkVisibilityCSS: true, checkOpacity: true};
  window.__wanted = [...document.querySelectorAll(wanted)].filter(e =>
    e.checkVisibility(seen) && !e.disabled && e.type !== 'hidden' && e.type !== 'file' &&
    e.getAttribute('aria-disabled') !== 'true' && !e.closest('[aria-hidden=true], [inert]') &&
    e.getAttribute('tabindex') !== '-1' && !e.closest('[data-testid=stDataFrame]') &&
    !e.closest('.js-plotly-plot'));
  window.__reached = new Set();
  window.__unit = e => e.closest(composite) || e;
  window.addEventListener('focusin', e => window.__reached.add(window.__unit(e.target)), true);
  return window.__wanted.length;
}"""


def violations(
    page: Page, where: str, rules: list[str] | None = None, within: str = "html"
) -> list[str]:
    """Return what axe finds grave, each in a line with the first element it names."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    found = Axe().run(page, context=within, options=options).response["violations"]
    return [
        f"{where}: {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in GRAVE
    ]


def scheme(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.querySelector('.stApp')).colorScheme")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_is_for_everybody(page: Page, bank: Dashboard, tmp_path: Path, address: str) -> None:
    # In the dark theme all but the colours is the same.
    page.emulate_media(color_scheme="dark")
    opened(page, bank, address)
    assert scheme(page) == "dark"
    found = violations(page, f"{address}, dark", ["color-contrast"])
    screenshot(page, "dark", tmp_path)
    page.emulate_media(color_scheme="light")
    ready(page)
    assert scheme(page) == "light"
    found += violations(page, address)
    screenshot(page, "light", tmp_path)
    no_error(page)
    missed = missed_by_the_keyboard(page)
    assert not missed, "\n".join(missed)
    looked = 0
    for tab in page.get_by_role("tab").all():
        if tab.is_visible() and tab.get_attribute("aria-selected") != "true":
            tab.click()
            ready(page)
            found += violations(page, f"{address}, {tab.inner_text()}", within=SHOWN)
            looked += 1
    no_error(page)
    assert not found, "\n".join(found)
    assert (looked > 0) == (address in TABBED)


def missed_by_the_keyboard(page: Page) -> list[str]:
    """Press Tab through a page; return what a mouse could press and no Tab has reached."""
    wanted = page.evaluate(REACHABLE)
    assert wanted > len(PAGES)
    missed = [""]
    for _ in range(10):  # in a table each Tab is a cell, so a page may ask for more than it holds
        for _ in range(wanted):
            page.keyboard.press("Tab")
        missed = page.evaluate(
            "window.__wanted.filter(e => e.isConnected && !window.__reached.has(window.__unit(e)))"
            ".map(e => e.outerHTML.slice(0, 160))"
        )
        if not missed:
            break
    return missed


def test_focus_is_seen(page: Page, bank: Dashboard) -> None:
    opened(page, bank, "")
    link = page.get_by_test_id("stSidebar").get_by_role("link", name="Batch")
    plain = link.screenshot()
    for _ in range(2 * len(PAGES)):
        page.keyboard.press("Tab")
        if link.evaluate("e => e === document.activeElement"):
            break
    assert link.screenshot() != plain
