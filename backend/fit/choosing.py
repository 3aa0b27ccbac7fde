"""Which of two first fields a fit goes on from."""

from ..ticket import Ticket
from .optimiser import Fit


def better_start(hull: Fit, guess: Fit, ticket: Ticket) -> Fit:
    """Take the first steps of two fits, those of colours alone; return the better one.

    It is the one that predicts held-out pixels better: a guess with the hollows that the hull
    lacks (bowl: .181 against .373, basket: .324 against .413), and the hull where a network knows
    nothing like the object.
    """
    for fit in (hull, guess):
        while not fit.geometry_begun:
            ticket.check()
            fit.step()
    return guess if guess.judge() <= hull.judge() else hull
