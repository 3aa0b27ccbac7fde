"""What is said when memory runs out, and how to tell that it did."""

NOT_ENOUGH = "There is not enough memory for this."
MAY_HAVE_RUN_OUT = "The computer may have run out of memory."
REMEDY = "Lower the resolution, or use fewer or smaller images."
# Words of PyTorch, CUDA, Metal and the C library.
_PHRASES = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception means that memory ran out, the computer's or a device's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in words for phrase in _PHRASES)
