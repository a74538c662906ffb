"""Errors that people read: one sentence that says what is wrong, where, and how to mend it."""


class CandorError(Exception):
    """Something Candor can name. ``str(error)`` is a sentence fit for a screen."""


class InputError(CandorError):
    """The user's file, option or request cannot be used as it is (exit code 2)."""


class RefusedError(InputError):
    """The request is well formed but Candor will not do it, for a reason it states.

    Raised for promotions of circular designs and for actions a role does not allow.
    ``evidence`` holds what the refusal rests on, for callers that show it.
    """

    def __init__(self, message: str, evidence: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.evidence = evidence or {}


class IntegrityError(CandorError):
    """Stored files do not match their recorded hashes or schema; nothing was loaded."""
