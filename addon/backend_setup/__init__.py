"""Finding and installing the Python that runs the backend, and its packages."""
