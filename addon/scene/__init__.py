"""What Levelform reads from a scene (cameras, pictures, volume) and writes into it (meshes)."""
