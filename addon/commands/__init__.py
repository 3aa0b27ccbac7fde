"""The commands of `blender --command levelform`, with the arguments of the terminal's."""
