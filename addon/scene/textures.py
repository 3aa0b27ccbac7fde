"""Textures as Blender's images and materials."""

from typing import Any

import bpy
import numpy as np

from .meshes import MATERIAL, color_material

OWN = "levelform"  # custom property of a material that we made


def packed_image(name: str, png: np.ndarray) -> bpy.types.Image:
    """Return a new image, packed into the .blend, of the bytes of a PNG file."""
    image: Any = bpy.data.images.new(name, 8, 8, alpha=False)
    data = png.tobytes()
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    return image


def texture_material(name: str, image: bpy.types.Image) -> bpy.types.Material:
    """Return a new material whose base colour is an image."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:
        material.use_nodes = True  # from 5.0 on it always has nodes, and this would warn
    tree: Any = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.8
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    texture.location = (shader.location.x - 320, shader.location.y - 60)
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    tree.nodes.active = texture  # what Solid shading shows as the texture
    material[OWN] = True
    return material


def use_material(mesh: bpy.types.Mesh, material: bpy.types.Material | None) -> None:
    """Show a material on all of a mesh, in place of one of ours; None: the colours' material.

    Materials of the artist's keep their slots.
    """
    new = material or color_material()
    ours = [i for i, known in enumerate(mesh.materials) if known is None or is_ours(known)]
    if ours:
        mesh.materials[ours[0]] = new
        slot = ours[0]
    else:
        mesh.materials.append(new)
        slot = len(mesh.materials) - 1
    mesh.polygons.foreach_set("material_index", np.full(len(mesh.polygons), slot, np.int32))


def is_ours(material: bpy.types.Material) -> bool:
    """Return whether we made a material."""
    return bool(material.get(OWN)) or material.name.partition(".")[0] == MATERIAL


def remove_unused(material: bpy.types.Material) -> None:
    """Remove a texture's material that nothing uses any more, with its image."""
    if material.users or not material.get(OWN):
        return
    tree: Any = material.node_tree
    images = [node.image for node in tree.nodes if node.type == "TEX_IMAGE" and node.image]
    bpy.data.materials.remove(material)
    for image in images:
        if not image.users:
            bpy.data.images.remove(image)


def texture_of(target: bpy.types.Object) -> bpy.types.Image | None:
    """Return the texture that we gave a mesh object; None if it has none."""
    for material in target.data.materials:
        if material is None or not material.get(OWN):
            continue
        tree: Any = material.node_tree
        for node in tree.nodes:
            if node.type == "TEX_IMAGE" and node.image is not None:
                return node.image
    return None
