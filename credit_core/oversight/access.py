"""Who may do what: roles, and the permission that every verb which changes something asks for.

What refuses is here, on every way in; pages show its sentence. Looking needs no permission, nor
does having a dossier made, which is a way of looking; that somebody did is on record.
"""

from __future__ import annotations

from typing import Literal, get_args

from credit_core.errors import RefusedError
from credit_core.oversight import events
from credit_core.settings import Role, Settings

KIND = "refused"

Permission = Literal["bring in data", "train", "promote", "set policy", "decide", "report", "erase"]
ROLES: tuple[Role, ...] = get_args(Role)
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
_ALLOWED: dict[Role, frozenset[Permission]] = {
    "officer": frozenset({"bring in data", "decide", "report"}),
    "risk_manager": frozenset({"bring in data", "train", "promote", "set policy", "report"}),
    "auditor": frozenset(),
    "admin": frozenset(PERMISSIONS),
}
"""An auditor sees everything and changes nothing; nobody both decides and sets policy but admin."""


def may(role: Role, permission: Permission) -> bool:
    """Return True where a role has a permission.

    >>> may("auditor", "promote"), may("officer", "decide")
    (False, True)
    """
    return permission in _ALLOWED[role]


def require(settings: Settings, permission: Permission) -> None:
    """Raise a RefusedError, and record it, where who acts may not do this."""
    if not may(settings.role, permission):
        events.record(settings, KIND, {"role": settings.role, "permission": permission})
        able = ", ".join(role for role in ROLES if may(role, permission))
        raise RefusedError(
            f"The role {settings.role} may not {permission}; {able} may. Ask one of them.",
            {"role": settings.role, "permission": permission},
        )
