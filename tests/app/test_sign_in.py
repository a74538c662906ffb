"""Who may see the pages, for how long, and what is on record about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import sign_in
from app.cli import main
from app.sign_in import SIGNED_IN, SIGNED_OUT, Sessions, identify
from credit_core.oversight import events
from credit_core.settings import PROJECT_ROOT, Settings, get_settings
from tests.pages import checked, words

CLAIMS = {"iss": "https://id", "sub": "7", "email": "ann@bank.example", "iat": 1_000_000}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", models=tmp_path / "models")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("CANDOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CANDOR_MODELS", str(tmp_path / "models"))
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


def kinds(settings: Settings) -> list[str]:
    return [event.kind for event in reversed(events.list_events(settings))]


def test_a_sign_in_is_recorded_once_also_after_a_restart(settings: Settings) -> None:
    who = identify({**CLAIMS, "candor_role": "auditor"}, settings)
    assert (who.name, who.role) == ("ann@bank.example", "auditor")
    sessions = Sessions()
    for _ in range(3):
        sessions.begin(who, settings)
        assert sessions.problem(who, settings, who.since + 60) == ""
    Sessions().begin(who, settings)  # another process
    assert kinds(settings) == [SIGNED_IN]
    later = identify({**CLAIMS, "candor_role": "auditor", "iat": 1_000_100}, settings)
    sessions.begin(later, settings)
    assert kinds(settings) == [SIGNED_IN, SIGNED_IN]


def test_a_sign_in_ends_when_it_is_not_used_or_too_old(settings: Settings) -> None:
    who = identify({**CLAIMS, "candor_role": "officer"}, settings)
    sessions = Sessions()
    sessions.begin(who, settings)
    now = who.since
    while now < who.since + settings.session_hours * 3600 - 1200:
        now += settings.idle_minutes * 60 - 1
        assert sessions.problem(who, settings, now) == ""
    assert "lasts 8 hours" in sessions.problem(who, settings, now + 1700)
    assert "signed out" in sessions.problem(who, settings, now + 1701)

    other = identify({**CLAIMS, "candor_role": "officer", "iat": 2_000_000}, settings)
    sessions.begin(other, settings)
    assert sessions.problem(other, settings, other.since) == ""
    idle = other.since + settings.idle_minutes * 60 + 1
    assert "Nothing happened for 30 minutes" in sessions.problem(other, settings, idle)
    why = [event.details["why"] for event in events.list_events(settings, kind=SIGNED_OUT)]
    assert why == ["not used", "time is up"]


def test_a_cookie_of_an_ended_sign_in_opens_nothing_after_a_restart(settings: Settings) -> None:
    who = identify({**CLAIMS, "candor_role": "officer"}, settings)
    sessions = Sessions()
    sessions.begin(who, settings)
    sessions.end(who, settings, "asked to")
    sessions.end(who, settings, "asked to")
    restarted = Sessions()
    restarted.begin(who, settings)
    assert restarted.problem(who, settings, who.since + 1) != ""
    assert kinds(settings) == [SIGNED_IN, SIGNED_OUT]


def test_a_public_address_shows_nothing_without_sign_in(
    environment: pytest.MonkeyPatch,
) -> None:
    def opened() -> AppTest:
        get_settings.cache_clear()
        return checked(AppTest.from_file(str(PROJECT_ROOT / "app" / "main.py")).run(timeout=60))

    environment.setattr(sign_in.st, "get_option", lambda _name: "192.0.2.7")
    refused = opened()
    assert "Nothing is shown" in words(refused)
    assert "Overview" not in [title.value for title in refused.title]
    environment.setenv("CANDOR_TRUSTED_NETWORK", "true")
    assert "Overview" in [title.value for title in opened().title]


def test_serve_refuses_a_public_address_without_sign_in(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = tmp_path / "none.toml"
    environment.setenv("CANDOR_SECRETS", str(secrets))
    environment.setattr(sys, "argv", ["candor", "serve", "--host", "192.0.2.7"])
    for content, says in ((None, "nobody has to sign in"), ("[auth\n", "is no TOML file")):
        if content is not None:
            secrets.write_text(content)
        get_settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert says in capsys.readouterr().err


def test_where_people_sign_in_nobody_known_may_do_nothing(
    environment: pytest.MonkeyPatch,
) -> None:
    from app import state

    environment.setattr(sign_in, "asked_for", lambda: True)
    found = state.settings()
    assert (found.role, found.actor) == ("auditor", "nobody signed in")
