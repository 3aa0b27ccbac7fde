"""Environment variables that both halves know."""

METHODS_FOLDER = "LEVELFORM_METHODS"
"""Absolute path of the user's own folder of methods, see `reconstructors.registry`."""

WEIGHTS_FOLDER = "LEVELFORM_WEIGHTS"
"""Absolute path of the folder of fetched weights, see `contract.weights`."""

LIBRARIES = "LEVELFORM_LIBRARIES"
"""A version of Python and the folder of the libraries that an extension brought for it."""
