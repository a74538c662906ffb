"""What the tests of pages share: a run that must not throw, and every word on a page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def checked(at: AppTest) -> AppTest:
    """Return the app as it is, after making sure that nothing was thrown."""
    assert not at.exception, at.exception[0].value
    return at


def words(at: AppTest) -> str:
    """Return every text on the page, joined."""
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error")
    found = [element for kind in (*kinds, "success") for element in at.get(kind)]
    return "\n".join(str(element.value) for element in found)
