"""Review a job's views: check that they agree before it, and how the result fits them after it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..contract.checks import told
from ..contract.errors import RequestError
from ..contract.protocol import ViewsChecked
from ..geometry.views import View
from ..geometry.volume import Box
from ..ticket import Ticket
from . import report
from .agreement import check
from .cures import Cured
from .drawing import cover


class Review:
    """The remarks on a job's views.

    Parameters
    ----------
    cured : the views after the cures that were asked for, cameras posed in the world

    Attributes
    ----------
    remark : about views that do not agree; empty: they do
    """

    def __init__(self, cured: Cured) -> None:
        self._cured = cured
        names = report.labels(cured.views)
        agreement = check(cured.views, cured.left_out)
        self._checks = report.view_checks(agreement, cured, names)
        self._cures = report.cures_told(agreement, names)
        self.remark = report.agreement_remark(agreement, names)

    def event(self, job: str) -> ViewsChecked:
        """Return the event sent to Blender before the job."""
        return ViewsChecked(job, self._checks, self._cures, self.remark)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Add the findings about the views to an error about them."""
        try:
            yield
        except RequestError as error:
            if not self.remark:
                raise
            raise RequestError(error.message, self.remark) from error

    def stats(
        self,
        views: Sequence[View],
        vertices: np.ndarray,
        faces: np.ndarray,
        *,
        box: Box,
        volume_from: str,
        hull: bool,
        ticket: Ticket | None = None,
    ) -> dict[str, Any]:
        """Return the part of `--json` about the views of a result, with its remarks.

        Parameters
        ----------
        views : those used, in order, posed in the volume's frame
        vertices, faces : (N, 3), (F, 3) of the result, volume frame
        box : the part of the volume that was reconstructed
        volume_from : who placed it, see `protocol.Placement`
        hull : the result is the visual hull
        """
        covers, ticket = {}, ticket or Ticket()
        for done, (index, view) in enumerate(zip(self._cured.numbers, views, strict=True)):
            ticket.advance(done / len(views))
            if view.camera is not None and (coverage := cover(view, vertices, faces)) is not None:
                covers[index] = coverage
        checks = report.with_covers(self._checks, covers, hull=hull)
        remarks = report.result_remarks(
            checks,
            vertices,
            faces,
            box=box,
            volume_from=volume_from,
            cropped=report.cropped_views(views),
            agree=not self.remark,
        )
        before = [self.remark] if self.remark else []
        return {**told(checks, self._cures), "remarks": [*before, *remarks]}
