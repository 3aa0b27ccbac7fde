"""Names of the files in a rendered shape's folder, for both halves.

`backend.data.renders` describes the whole layout.
"""

FINISHED = "transforms.json"  # written last: a folder that has one is finished
MESH = "mesh.ply"  # the rendered surface, in the world of the cameras
