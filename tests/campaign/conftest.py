"""Lets the tests import what the campaign runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
