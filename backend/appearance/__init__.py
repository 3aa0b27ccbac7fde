"""Appearance of a mesh: colours from the views, textures, and filled unseen parts."""
