"""Choices for the cameras of photographs, for both halves."""

MASKS = ("auto", "use", "ignore")  # use of masks; "auto" uses them only if necessary
FRAMES = 36  # frames taken from a video by default
MOST_FRAMES = 1000
