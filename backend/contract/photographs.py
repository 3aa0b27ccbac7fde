"""What a person may choose for the cameras of photographs, for both halves."""

MASKS = ("auto", "use", "ignore")  # of what masks hide; "auto" uses them only where it must
FRAMES = 36  # frames taken from a video by default
MOST_FRAMES = 1000
