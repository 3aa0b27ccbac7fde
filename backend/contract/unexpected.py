"""The error to report for an exception that nobody foresaw, in the same words everywhere."""

from . import memory
from .errors import WorkError


def internal_error(error: Exception, hint: str) -> WorkError:
    """Return the error to show for an unexpected exception.

    Parameters
    ----------
    hint
        What to do; lack of memory has a hint of its own.
    """
    if memory.is_out_of_memory(error):
        return WorkError(memory.NOT_ENOUGH, memory.REMEDY)
    return WorkError(f"Internal error of Levelform: {type(error).__name__}: {error}.", hint)
