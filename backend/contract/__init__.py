"""What both halves share: Blender's side and the worker's; numpy and the standard library alone.

Messages and how they travel, camera files and camera maths, colour curves, declared options. The
add-on imports from here and from nothing else of the backend.
"""
