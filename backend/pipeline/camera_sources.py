"""Write files of cameras for drawings and photographs: from a request to its answer."""

from ..contract import protocol
from ..drawings import make_drawings
from ..drawings.writing import write_drawings, write_preview
from ..geometry.writing import check_place
from ..photographs import find_cameras
from ..ticket import Ticket


def drawings_event(request: protocol.PlaceDrawings, ticket: Ticket) -> protocol.Finished:
    """Cut, name and place drawings; return the facts, with the file that was written as `out`.

    Raises
    ------
    RequestError
        As `make_drawings` and `write_drawings`.
    """
    for path in filter(None, (request.out, request.preview)):
        check_place(path)
    drawings = make_drawings(
        request.paths,
        request.background,
        names=request.names,
        size=request.side,
        ticket=ticket,
    )
    if request.preview:
        write_preview(drawings, request.paths[0], request.preview)
    return protocol.Finished(request.job, write_drawings(drawings, request.out))


def photographs_event(request: protocol.PlacePhotographs, ticket: Ticket) -> protocol.Finished:
    """Find the cameras of photographs; return the facts, with the file that was written as `out`.

    Raises
    ------
    LevelformError
        As `find_cameras`.
    """
    facts = find_cameras(
        request.paths,
        request.out,
        masks=request.masks,
        distortion=request.distortion,
        size=request.side,
        frames=request.frames,
        frames_folder=request.frames_folder,
        seed=request.seed,
        ticket=ticket,
    )
    return protocol.Finished(request.job, facts)
