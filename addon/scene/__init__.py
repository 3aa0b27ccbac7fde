"""What Levelform reads from a scene (cameras, images, volume) and writes into it (meshes)."""
