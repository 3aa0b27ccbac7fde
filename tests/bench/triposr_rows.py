"""What TripoSR costs at its published size, with random weights, and its mesh, on one thread.

Random weights give the published network's cost, but a random field without a usable surface. The
mesh is therefore of another scene code of the same size: planes and a decoder of the published
shape, fitted for a few seconds to the distances of a drawn object (seeded). Its field is as smooth
and as steep as a network's, and costs the same.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from levelform.backend.extraction import stream
from levelform.backend.fields.triplane import TriplaneField, sample_planes
from levelform.backend.reconstructors.networks.triposr import TriplaneDecoder
from levelform.backend.reconstructors.triposr import PAPER, SURFACE
from rows import Row, at_least, at_most
from timing import interleave, threads
from torch import Tensor

ENCODE_FLOP = 2.960e12  # image encoder, transformer, upsampler
STEPS, BATCH = 250, 8192  # of the fit
STEEPNESS = 30.0  # of the fitted field, values in a volume unit
RESOLUTION = 256
GIB = 2**30

MAKE = """
import sys, torch
from levelform.backend.reconstructors.triposr import PAPER, TripoSR
with torch.device("meta"):
    shapes = {name: tensor.shape for name, tensor in TripoSR(PAPER).state_dict().items()}
generator, state = torch.Generator().manual_seed(0), {}
for name, shape in shapes.items():
    inputs = shape[0] if "upsample" in name else shape[1:].numel()
    state[name] = torch.empty(shape).normal_(0, inputs**-0.5, generator=generator)
    if len(shape) == 1:
        state[name] = 0.02 * state[name] + float("norm" in name and name.endswith("weight"))
torch.save(state, sys.argv[1])
"""
ENCODE = """
import json, resource, sys, time, torch
torch.set_num_threads(1)
from levelform.backend.extraction import stream
from levelform.backend.geometry.views import View
from levelform.backend.memory import resident_memory
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.importing import lit_ball
began = time.process_time()
model = load_reconstructor("triposr", sys.argv[1], "cpu")
loaded = time.process_time()
code = model.encode([View(lit_ball(512), None)])
encoded = time.process_time()
field = model.decode(code)
field(torch.rand(100_000, 3) * 2 - 1)
used, peak = resident_memory(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"load": loaded - began, "encode": encoded - loaded, "peak": peak,
                  "dtype": str(model.computing)}))
"""


def rows(kinds: tuple[str, ...]) -> Iterator[Row]:
    """Yield rows of the mesh, and of the network where times are asked for."""
    field = fitted_field()
    yield from _meshes(field, kinds)
    if "time" in kinds:
        with tempfile.TemporaryDirectory(prefix="levelform-bench-") as folder:
            yield from _network(Path(folder))


# ---------------------------------------------------------------- the network


def _network(folder: Path) -> Iterator[Row]:
    """Yield the cost of a scene code, the memory, and what rounded weights change."""
    checkpoint = folder / "model.ckpt"
    _run(MAKE, str(checkpoint))
    rate = _product_rate()
    for precision in ("float16", "int8"):
        out = folder / f"{precision}.safetensors"
        words = ["import", "triposr", str(checkpoint), "-o", str(out), "--precision", precision]
        facts = _answer([sys.executable, "-m", "levelform.backend", *words, "--json"])
        told = _answer([sys.executable, "-c", ENCODE, str(out)])
        note = f"products in {told['dtype']}, loaded in {told['load']:.1f} s"
        yield at_most(
            f"22 TripoSR {precision}: scene code / its products alone",
            told["encode"],
            ENCODE_FLOP / rate,
            1.5,
            kind="time",
            unit="CPU s",
            note=f"{note}; anchor: 2.96 TFLOP at a float32 product's {rate / 1e9:.0f} GFLOP/s",
        )
        name = f"22 TripoSR {precision}: peak memory"
        yield at_most(name, told["peak"] / GIB, None, 3.0, kind="time", unit="GiB")
        change = facts["change"]
        yield at_most(
            f"22 TripoSR {precision}: change of the field (rms / std)",
            change["rms"],
            change["std"],
            0.1,
            kind="time",
            note=f"{change['swapped']:.2%} of points change sides; {facts['bytes'] / 1e9:.2f} GB",
        )


def _product_rate() -> float:
    """Return FLOP/s of a float32 matrix product of a block's size, on one thread."""
    a, b = torch.rand(3072, 1024), torch.rand(1024, 4096)
    best = interleave({"product": lambda: a @ b}, rounds=3)
    return 2 * a.numel() * b.shape[1] / best["product"]


def _run(script: str, *words: str) -> None:
    subprocess.run([sys.executable, "-c", script, *words], check=True)


def _answer(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


# ---------------------------------------------------------------- the mesh


def fitted_field() -> TriplaneField:
    """Return the field of planes and a decoder of the published sizes, fitted to `distances`."""
    sizes = PAPER
    with threads(1), torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        planes = 0.1 * torch.randn(3, sizes.features, 2 * sizes.side, 2 * sizes.side)
        planes.requires_grad_(True)
        decoder = TriplaneDecoder(3 * sizes.features, sizes.decoder_width, sizes.decoder_layers)
        optimiser = torch.optim.Adam([planes, *decoder.parameters()], 1e-2)
        for _ in range(STEPS):
            points = torch.rand(4 * BATCH, 3) * 2 - 1
            near = distances(points).abs().argsort()[: BATCH // 2]
            points = torch.cat([points[near], points[: BATCH // 2]])
            wanted = (STEEPNESS * distances(points)).clamp(-8, 8)
            actual = SURFACE - decoder(sample_planes(planes, points))[:, 0]
            loss = (actual - wanted).abs().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            optimiser.param_groups[0]["lr"] *= 0.99
    layers = [(layer.weight.detach(), layer.bias.detach()) for layer in decoder.linear]
    frame = torch.eye(4).numpy()
    return TriplaneField(planes.detach(), layers, plane_from_volume=frame, surface=SURFACE)


def distances(points: Tensor) -> Tensor:
    """Return approximate distances of (N, 3) points to a table with a ball and a ring on it."""
    x, y, z = points.unbind(1)
    plate = _box(points - torch.tensor([0.0, 0.0, -0.1]), (0.6, 0.4, 0.05))
    legs = [
        _box(points - torch.tensor([sx * 0.52, sy * 0.32, -0.45]), (0.05, 0.05, 0.3))
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    ball = (points - torch.tensor([-0.25, 0.0, 0.15])).norm(dim=1) - 0.2
    ring = ((((x - 0.25) ** 2 + y**2).sqrt() - 0.2) ** 2 + (z - 0.03) ** 2).sqrt() - 0.07
    return torch.stack([plate, *legs, ball, ring]).amin(0)


def _box(points: Tensor, half: tuple[float, float, float]) -> Tensor:
    beyond = points.abs() - torch.tensor(half)
    return beyond.clamp(min=0).norm(dim=1) + beyond.amax(1).clamp(max=0)


def _meshes(field: TriplaneField, kinds: tuple[str, ...]) -> Iterator[Row]:
    """Yield evaluations of the finest mesh against the dense grid's, and seconds to each mesh."""
    dense = RESOLUTION**3
    with threads(1), torch.no_grad():
        began, seconds, last = time.process_time(), {}, None
        for last in stream(field, RESOLUTION, color=False):
            seconds.setdefault(last.resolution, time.process_time() - began)
    assert last is not None
    yield at_most(
        f"22 TripoSR: evaluations of a {RESOLUTION} mesh / dense {RESOLUTION}^3",
        last.stats.evaluations,
        dense,
        0.06,
        note=f"{len(last.mesh.faces):,} triangles, watertight: {last.stats.watertight}",
    )
    if "time" not in kinds:
        return
    points = torch.rand(65_536, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    block = field.block or len(points)
    best = interleave({"field": lambda: [field(part) for part in points.split(block)]}, rounds=3)
    whole = best["field"] / len(points) * dense
    listed = ", ".join(f"{n}: {s:.2f} s" for n, s in seconds.items())
    yield at_least(
        f"22 TripoSR: dense {RESOLUTION}^3 / our {RESOLUTION} mesh",
        seconds[RESOLUTION],
        whole,
        10.0,
        kind="time",
        unit="CPU s",
        note=f"after the scene code; {listed}",
    )
