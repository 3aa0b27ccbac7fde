"""Errors that reach a person: one sentence that says what is wrong, one that says what to do.

Imports the standard library alone: Blender's side and the worker's share this file.
"""


class LevelformError(Exception):
    """An error that a person can act on.

    Parameters
    ----------
    message
        One sentence in the person's own terms: what is wrong, with the value seen.
    hint
        One sentence that says what to do next; may be empty.
    """

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class RequestError(LevelformError):
    """The request itself is wrong; no work was started."""

    exit_status = 2


class WorkError(LevelformError):
    """The request is valid, but the work failed."""


class JobCancelled(Exception):  # noqa: N818 - a wish of the user's, no error
    """The user asked for the work to stop; raised by `Ticket.check`."""
