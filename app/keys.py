"""API keys: made once, shown once, kept as hashes."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from credit_core.data.store import write_atomic
from credit_core.errors import InputError
from credit_core.settings import Settings

_FORM = re.compile(r"candor_([0-9a-f]{8})_([0-9a-f]{64})")
_NAME = re.compile(r"[\w.-]{1,60}", re.ASCII)
_NOBODY = "0" * 64


@dataclass(frozen=True)
class ApiKey:
    """A key as it is kept: whose it is, and the SHA-256 of its secret (256 random bits)."""

    id: str
    name: str
    sha256: str
    created: str
    revoked: str | None = None


def _path(settings: Settings) -> Path:
    return settings.home / "api-keys.json"


def stamp(settings: Settings) -> int:
    """Return a number that changes when the keys do."""
    try:
        return _path(settings).stat().st_mtime_ns
    except OSError:
        return 0


def list_keys(settings: Settings) -> list[ApiKey]:
    """Return every key ever made, oldest first."""
    try:
        content = json.loads(_path(settings).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [ApiKey(**entry) for entry in content]


def create(settings: Settings, name: str) -> str:
    """Make a key for a named client and return it; it cannot be shown again."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:60]!r} is no name for a key; use up to 60 letters, digits, dots and dashes."
        )
    with _locked(settings):
        known = list_keys(settings)
        if any(key.name == name and key.revoked is None for key in known):
            raise InputError(f"There is a key named {name!r} already; revoke it first.")
        identity, secret = secrets.token_hex(4), secrets.token_hex(32)
        _write(settings, [*known, ApiKey(identity, name, _digest(secret), _now())])
    return f"candor_{identity}_{secret}"


def revoke(settings: Settings, name: str) -> None:
    """Make a named client's key worthless from now on."""
    with _locked(settings):
        known = list_keys(settings)
        if not any(key.name == name and key.revoked is None for key in known):
            raise InputError(f"There is no valid key named {name[:60]!r}.")
        _write(
            settings,
            [
                replace(key, revoked=_now()) if key.name == name and key.revoked is None else key
                for key in known
            ],
        )


def find(known: list[ApiKey], given: str) -> ApiKey | None:
    """Return the valid key that was given, None where there is none.

    The secret's hash is compared in constant time, also where there is no such key.
    """
    parts = _FORM.fullmatch(given)
    identity, secret = parts.groups() if parts else ("", "")
    key = next((key for key in known if key.id == identity and key.revoked is None), None)
    same = hmac.compare_digest(_digest(secret), key.sha256 if key else _NOBODY)
    return key if same else None


def _locked(settings: Settings) -> FileLock:
    settings.home.mkdir(parents=True, exist_ok=True)
    return FileLock(str(_path(settings)) + ".lock")


def _write(settings: Settings, keys: list[ApiKey]) -> None:
    path = _path(settings)
    write_atomic(path, json.dumps([asdict(key) for key in keys], indent=1).encode())
    path.chmod(0o600)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
