"""Cameras from silhouettes: refined, or estimated from the images alone."""
