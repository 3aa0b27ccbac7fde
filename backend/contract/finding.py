"""The name by which sentences offer to find cameras; the panel draws a button beside them."""

FIND_CAMERAS = "Find Cameras"
