"""Estimate where the object is and which way it faces, from posed images alone.

`box` carves a grid by the silhouettes and takes the bounding box of the part that they need;
`front` lets the camera network's estimates vote on the rotation about +Z; `place` combines both.
"""
