"""The keyboard alone reaches everything on every page, and is seen where it stands."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import ADDRESSES, PAGES, Dashboard, opened

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

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


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_keyboard_alone_reaches_everything(page: Page, bank: Dashboard, address: str) -> None:
    opened(page, bank, address)
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
    assert not missed, "\n".join(missed)


def test_focus_is_seen(page: Page, bank: Dashboard) -> None:
    opened(page, bank, "")
    link = page.get_by_test_id("stSidebar").get_by_role("link", name="Batch")
    plain = link.screenshot()
    for _ in range(2 * len(PAGES)):
        page.keyboard.press("Tab")
        if link.evaluate("e => e === document.activeElement"):
            break
    assert link.screenshot() != plain
