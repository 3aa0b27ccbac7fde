"""Watches whether a worker reacts to the cancellation of its job. Does not use `bpy`."""

import time

from .client import Client

_PATIENCE = 5.0  # seconds after which a worker that has not stopped is given up
_STILL_PATIENCE = 0.8  # the same for a worker that neither computes nor answers
_PING_INTERVAL = 0.25  # seconds between two pings


class CancelWatch:
    """Pings the worker from the cancel on, and follows its answers and its processor time."""

    def __init__(self, client: Client) -> None:
        now = time.monotonic()
        self._client = client
        self._cancelled_at = self._computed_at = self._pinged_at = now
        self._cpu = client.cpu_seconds()
        client.ping()

    def expired(self) -> bool:
        """Ping the worker if it is time; return whether it should be killed."""
        now, cpu = time.monotonic(), self._client.cpu_seconds()
        if cpu != self._cpu:
            self._cpu, self._computed_at = cpu, now
        if now - self._pinged_at > _PING_INTERVAL:  # messages sent before it stopped may come late
            self._pinged_at = now
            self._client.ping()
        active_at = max(self._computed_at, self._client.heard_at)
        still = cpu is not None and now - active_at > _STILL_PATIENCE
        return still or now - self._cancelled_at > _PATIENCE
