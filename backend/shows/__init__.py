"""What methods show beside their mesh, for the menu, `levelform show` and scripts.

One module a method; `registry` finds them. A show takes a `Subject`, a model with one object's
code, and yields the exhibits of one figure.
"""

from .registry import offered as offered
from .registry import shown as shown
from .subject import Subject as Subject
