"""What `blender --command levelform` understands: the words of the terminal."""
