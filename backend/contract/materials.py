"""The material file that stands beside a textured .obj: the same from Blender and the terminal."""


def material_text(name: str, image: str) -> str:
    """Return the text of an .mtl file: one material with an image beside it as base colour."""
    lines = [
        "# Levelform",
        f"newmtl {name}",
        "Ka 1.0 1.0 1.0",
        "Kd 1.0 1.0 1.0",
        "Ks 0.0 0.0 0.0",
        "Pr 0.8",
        "d 1.0",
        "illum 1",
        f"map_Kd {image}",
    ]
    return "\n".join([*lines, ""])
