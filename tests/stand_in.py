"""A worker with a stand-in session, run as a script in place of `backend/launch.py`.

Its methods are what the tests of the channel need: `mesh` sends updates, `slow` computes until it
is cancelled, `die` kills its own process, and so on. It imports neither torch nor the real session.
"""

import os
import runpy
import signal
import sys
import time
import types
from pathlib import Path

LAUNCH = runpy.run_path(str(Path(__file__).parents[1] / "backend" / "launch.py"))
LAUNCH["load_package"]()

import numpy as np  # noqa: E402 - the package is there only now
from levelform.backend import worker  # noqa: E402
from levelform.backend.contract import protocol  # noqa: E402
from levelform.backend.contract.errors import WorkError  # noqa: E402


class Session:
    """Does a job as its `method` says."""

    def reconstruct(self, request, ticket):
        yield from getattr(self, f"_{request.method}")(request, ticket)

    def remesh(self, request, ticket):
        raise WorkError("Nothing is kept.", "Reconstruct first.")
        yield

    def estimate_volume(self, request, ticket):
        yield protocol.VolumeEstimate(
            request.job, protocol.Placement(np.diag([2.0, 2, 2, 1]), "estimate")
        )

    def forget(self, keep):
        pass

    def keep_at_most(self, count):
        pass

    def unload(self):
        pass

    def status(self):
        return protocol.Status(1 << 20, ("kept",), ("mesh",))

    def methods(self):
        info = protocol.MethodInfo(
            "mesh", "Mesh", "", "A stand-in.", True, False, 1, None, False, (), ()
        )
        return protocol.Methods((info,))

    def _mesh(self, request, ticket):
        """Send `updates` meshes of `vertices` vertices, all of whose numbers are the update's."""
        count, vertices = request.options.get("updates", 3), request.options.get("vertices", 8)
        ticket.plan({"Encoding": 1, "Meshing": 3})
        with ticket.stage("Encoding"):
            pass
        with ticket.stage("Meshing"):
            for i in range(count):
                ticket.advance(i / count)
                yield self._update(request.job, i, vertices, final=i == count - 1)
        yield protocol.Finished(request.job, {"method": "mesh", "from": protocol.__file__})

    def _update(self, job, number, vertices, *, final):
        points = np.full((vertices, 3), number, np.float32)
        faces = np.full((2 * vertices, 3), number, np.int32)
        return protocol.MeshUpdate(
            job, points, faces, None, None, np.eye(4), 1.0, 32 << number, final
        )

    def _views(self, request, ticket):
        yield protocol.Finished(
            request.job, {"sums": [int(view.image.sum()) for view in request.views]}
        )

    def _slow(self, request, ticket):
        while True:
            time.sleep(0.005)
            ticket.advance(0.5)

    def _improving(self, request, ticket):
        while not ticket.finishing:
            time.sleep(0.005)
            ticket.advance(0.5)
        yield from self._mesh(request, ticket)

    def _deaf(self, request, ticket):
        ticket.advance(0.1)
        time.sleep(60)
        yield

    def _die(self, request, ticket):
        ticket.advance(0.1)
        print("about to die", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        yield

    def _die_at_once(self, request, ticket):
        os.kill(os.getpid(), signal.SIGKILL)
        yield

    def _threads(self, request, ticket):
        """Report the number of threads that the worker was last told, in tenths."""
        torch = sys.modules["torch"] = types.ModuleType("torch")
        told = [0]
        torch.get_num_threads = lambda: 8
        torch.set_num_threads = lambda count: told.__setitem__(0, count % 8)
        while True:
            time.sleep(0.06)  # reports come twenty times a second
            ticket.advance(told[0] / 10)
        yield

    def _chatty(self, request, ticket):
        for _ in range(20):
            print("word " * 20_000, file=sys.stderr, flush=True)
            time.sleep(0.01)
        yield protocol.Finished(request.job, {})

    def _refuse(self, request, ticket):
        raise WorkError("The moon is full.", "Wait two weeks.")
        yield

    def _crash(self, request, ticket):
        raise ZeroDivisionError("seven by zero")
        yield

    def _hungry(self, request, ticket):
        raise RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        )
        yield

    def _nothing(self, request, ticket):
        yield from ()


class Missing:
    """A session whose libraries are not there."""

    def __init__(self):
        import no_such_library_anywhere  # noqa: F401


def ready():
    """Say `Ready` without torch."""
    return protocol.Ready(os.getpid(), "3.11", "none", np.__version__, ("cpu",), 1)


if __name__ == "__main__":
    worker.ready = ready
    LAUNCH["run"](Session)
