"""Where the object stands and where its front looks, from posed images alone.

`box` carves a grid by the silhouettes and takes the box of what they need; `front` has the camera
network's estimates vote on the rotation about +Z; `place` puts both together.
"""
