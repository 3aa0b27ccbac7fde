"""The comparison of a mesh with a reference."""

import time
from collections.abc import Iterator

import numpy as np

from ..contract import protocol
from ..metrics import PROTOCOLS, evaluate
from ..ticket import Ticket
from .reading import as_solid

PREPARE, COMPARE, MEASURE = "Prepare meshes", "Compare", "Measure distances"


def evaluate_job(
    request: protocol.Evaluate, ticket: Ticket
) -> Iterator[protocol.Evaluation | protocol.Finished]:
    """Measure a mesh against a reference; see `Session.evaluate`."""
    started = time.perf_counter()
    ticket.plan({PREPARE: 1.0, COMPARE: 3.0, MEASURE: 1.0})
    with ticket.stage(PREPARE):
        reference = as_solid(request.reference, "The reference")
        ticket.check()
        prediction = as_solid(request.prediction, "The mesh to compare")
    with ticket.stage(COMPARE):
        ticket.check()
        measured = evaluate(prediction, reference, request.protocol, seed=request.seed)
    with ticket.stage(MEASURE):
        ticket.check()
        points = request.prediction.vertices.astype(np.float64)
        distances = reference.signed_distance(points).astype(np.float32)
    yield protocol.Evaluation(request.job, distances)
    how = PROTOCOLS[request.protocol]
    stats = {
        "protocol": how.name,
        "definition": how.definition,
        "seed": request.seed,
        "metrics": measured.values,
        "seconds": round(time.perf_counter() - started, 3),
    }
    yield protocol.Finished(request.job, stats)
