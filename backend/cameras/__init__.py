"""Cameras from silhouettes: refined, or found from the images alone."""
