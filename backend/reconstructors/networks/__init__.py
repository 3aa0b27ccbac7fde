"""Networks that fill a file; each one's `forward` is its paper's figure from top to bottom."""
