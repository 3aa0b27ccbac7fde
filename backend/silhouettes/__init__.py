"""Check whether views agree with each other and with a result: outlines, residuals, cures."""

from .agreement import Agreement as Agreement
from .agreement import check as check
from .cures import Cured as Cured
from .cures import apply_cures as apply_cures
from .drawing import Coverage as Coverage
from .drawing import cover as cover
from .outlines import Outline as Outline
from .outlines import trace as trace
from .outlines import trace_all as trace_all
from .residual import Residual as Residual
from .residual import Rig as Rig
from .review import Review as Review
