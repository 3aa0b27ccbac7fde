"""Code shared by Blender's side and the worker's; uses numpy and the standard library alone.

Messages and how they travel, camera files and camera maths, colour curves, declared options. The
add-on imports this package and nothing else of the backend.
"""
