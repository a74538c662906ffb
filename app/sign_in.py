"""Who is here: sign-in by OpenID Connect where the secrets ask for it, else whoever is at hand.

Streamlit does the protocol and signs the cookie. Here a sign-in gets its role from its claims, ends
after a time, and leaves its beginning and end on record.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from app import text
from credit_core.errors import RefusedError
from credit_core.oversight import access, events
from credit_core.settings import Role, Settings, get_settings

WHO_KEY = "who"
SIGNED_IN, SIGNED_OUT = "signed in", "signed out"
_LOOKED_BACK = 1_000


@dataclass(frozen=True)
class Who:
    """A person who signed in; ``session`` tells this sign-in from every other."""

    name: str
    role: Role
    session: str
    since: float


NOBODY = Who("nobody signed in", "auditor", "", 0.0)


class Sessions:
    """The sign-ins this process has seen: when each was last used, and which are over."""

    def __init__(self) -> None:
        self.used: dict[str, float] = {}
        self.over: set[str] = set()

    def begin(self, who: Who, settings: Settings) -> None:
        """Record a sign-in, unless the record has it: a restart does not sign anyone in."""
        if who.session in self.used or who.session in self.over:
            return
        known = {
            kind: {
                event.details["session"]
                for event in events.list_events(settings, _LOOKED_BACK, kind)
            }
            for kind in (SIGNED_IN, SIGNED_OUT)
        }
        if who.session in known[SIGNED_OUT]:
            self.over.add(who.session)
        elif who.session not in known[SIGNED_IN]:
            events.record(settings, SIGNED_IN, {"role": who.role, "session": who.session})

    def end(self, who: Who, settings: Settings, why: str) -> None:
        """Record the end of a sign-in; its cookie opens nothing any more."""
        if who.session not in self.over:
            self.over.add(who.session)
            self.used.pop(who.session, None)
            events.record(settings, SIGNED_OUT, {"why": why, "session": who.session})

    def problem(self, who: Who, settings: Settings, now: float) -> str:
        """Return why a sign-in no longer counts, else note that it is in use; '' = it counts."""
        idle = now - self.used.get(who.session, now)
        if who.session in self.over:
            return text.SESSION_OVER
        if now - who.since > settings.session_hours * 3600:
            self.end(who, settings, "time is up")
            return text.SESSION_LONG.format(hours=settings.session_hours)
        if idle > settings.idle_minutes * 60:
            self.end(who, settings, "not used")
            return text.SESSION_IDLE.format(minutes=settings.idle_minutes)
        self.used[who.session] = now
        return ""


def asked_for() -> bool:
    """Return True where Streamlit's secrets have an [auth] section: then people sign in."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def identify(claims: Mapping[str, Any], settings: Settings) -> Who:
    """Return who a sign-in's claims say it is.

    Raises
    ------
    RefusedError
        Where they give no role, or several.
    """
    subject, issued = str(claims.get("sub", "")), float(claims.get("iat") or 0)
    session = hashlib.sha256(f"{claims.get('iss')} {subject} {issued}".encode()).hexdigest()[:16]
    name = str(claims.get("email") or claims.get("preferred_username") or subject)[:200]
    return Who(name, access.role_of(claims, settings.role_claim), session, issued)


def passed() -> bool:
    """Return True where the page may be shown; else draw what to do instead."""
    settings = get_settings()
    if not asked_for():
        address = st.get_option("server.address")
        if address in text.LOOPBACK or settings.trusted_network:
            return True
        with _entrance():
            st.error(text.PUBLIC_REFUSED.format(address=address or "every address"))
        return False
    if not st.user.is_logged_in:
        _door(text.SIGN_IN_MEANS)
        return False
    claims = st.user.to_dict()
    try:
        who = identify(claims, settings)
    except RefusedError as error:
        _turn_away(claims, settings, error)
        return False
    acting = settings.model_copy(update={"actor": who.name, "role": who.role})
    sessions = _sessions()
    sessions.begin(who, acting)
    problem = sessions.problem(who, acting, time.time())
    if problem:
        _door(problem)
        return False
    st.session_state[WHO_KEY] = who
    return True


def leave() -> None:
    """Sign out, on record, here and where the provider offers it."""
    who = st.session_state.pop(WHO_KEY)
    acting = get_settings().model_copy(update={"actor": who.name, "role": who.role})
    _sessions().end(who, acting, "asked to")
    st.logout()


@st.cache_resource
def _sessions() -> Sessions:
    return Sessions()


@contextmanager
def _entrance() -> Iterator[None]:
    _, middle, _ = st.columns([1, 2, 1])
    with middle.container(border=True):
        st.title("Candor")
        yield


def _door(words: str) -> None:
    with _entrance():
        st.write(words)
        if st.button("Sign in", type="primary", icon=":material/login:"):
            try:
                st.login()
            except StreamlitAuthError:
                st.error(text.SIGN_IN_BROKEN, icon=":material/error:")


def _turn_away(claims: Mapping[str, Any], settings: Settings, error: RefusedError) -> None:
    """Say why a sign-in is refused, on record once a session."""
    if not st.session_state.get("turned_away"):
        name = str(claims.get("email") or claims.get("sub"))[:200]
        acting = settings.model_copy(update={"actor": name})
        events.record(acting, access.KIND, {"permission": "sign in", **(error.evidence or {})})
        st.session_state["turned_away"] = True
    with _entrance():
        st.error(str(error), icon=":material/block:")
        st.button("Use another account", icon=":material/logout:", on_click=st.logout)
