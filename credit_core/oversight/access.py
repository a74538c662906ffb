"""Who may do what: roles, and the permission that every verb which changes something asks for.

What refuses is here, on every way in; pages show its sentence. Looking needs no permission, nor
does having a dossier made, which is a way of looking; that somebody did is on record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

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


def refusal(role: Role, permission: Permission) -> str:
    """Say who may do what a role may not."""
    able = ", ".join(other for other in ROLES if may(other, permission))
    return f"The role {role} may not {permission}; {able} may. Ask one of them."


def require(settings: Settings, permission: Permission) -> None:
    """Raise a RefusedError, and record it, where who acts may not do this."""
    if not may(settings.role, permission):
        events.record(settings, KIND, {"role": settings.role, "permission": permission})
        raise RefusedError(
            refusal(settings.role, permission), {"role": settings.role, "permission": permission}
        )


def role_of(claims: Mapping[str, Any], claim: str) -> Role:
    """Return the role that a sign-in's claims give.

    ``claim`` names it, with dots for claims within claims; its value is a role or a list that
    holds one among other words.

    Raises
    ------
    RefusedError
        Where no role is given, or more than one: nobody both decides and sets policy unseen.

    Examples
    --------
    >>> role_of({"realm_access": {"roles": ["offline_access", "auditor"]}}, "realm_access.roles")
    'auditor'
    """
    found: Any = claims
    for key in claim.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    named = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    given = [role for role in ROLES if role in named]
    if len(given) == 1:
        return given[0]
    said = f"names several roles ({', '.join(given)})" if given else "names no role"
    raise RefusedError(
        f"The sign-in {said} in its claim {claim!r}. Ask whoever manages the accounts to give it "
        f"one of {', '.join(ROLES)}.",
        {"claim": claim, "roles": list(given)},
    )
