"""`python -m levelform.backend`: the same as the command `levelform`."""

import sys

from .cli import main

sys.exit(main())
