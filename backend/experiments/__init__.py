"""Measure the networks that come with Levelform, show them, and try the papers' claims."""
