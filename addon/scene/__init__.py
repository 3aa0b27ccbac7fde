"""Reads cameras, images and the volume from Blender's scene, and writes meshes into it."""
