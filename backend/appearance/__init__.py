"""What a mesh looks like: colours from the views, textures, and where nobody looked."""
