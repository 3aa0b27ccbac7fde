"""Recognise that memory ran out, and tell the person."""

NOT_ENOUGH = "There is not enough memory for this."
MAY_HAVE_RUN_OUT = "The computer may have run out of memory."
REMEDY = "Lower the resolution, or use fewer or smaller images."
# Messages of PyTorch, CUDA, Metal and the C library.
_PHRASES = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that memory of the computer or a device ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in words for phrase in _PHRASES)
