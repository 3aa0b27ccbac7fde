"""Environment variables that both halves know."""

METHODS_FOLDER = "LEVELFORM_METHODS"
"""Absolute path of the user's own folder of methods, see `reconstructors.registry`."""
