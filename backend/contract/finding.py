"""The name of the button that finds cameras; the panel draws it beside sentences that name it."""

FIND_CAMERAS = "Find Cameras"
