"""The builds of torch: which one suits this computer, its size, source and licence. No `bpy`."""

import functools
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ...backend.contract.programs import on_path
from .managed import InstallPlan, TorchBuild, is_partial
from .output import size_words

LINE = 50e6  # bits a second of a usual connection
CUDA_13_DRIVER = 580  # NVIDIA's oldest driver release for CUDA 13
DRIVER_PATIENCE = 3.0  # seconds; Blender's window waits
NVIDIA_DRIVER, AMD_DRIVER = Path("/proc/driver/nvidia/version"), Path("/dev/kfd")
CONTINUES = "An earlier installation did not finish: this one continues where it stopped."
_LICENSES = "uv (MIT or Apache-2.0), PyTorch (BSD-3-Clause) and other free software"


@dataclass(frozen=True)
class Size:
    """Bytes of an installation.

    download : of all files
    disk : of the environment, and of the downloads while it is made
    """

    download: int
    disk: int


# Measured with torch 2.13: "linux" is x86_64. ROCm's is an upper bound.
_SIZES = {
    (TorchBuild.CPU, "linux"): Size(300_000_000, 1_500_000_000),
    (TorchBuild.CPU, "darwin"): Size(220_000_000, 1_000_000_000),
    (TorchBuild.CPU, "win32"): Size(230_000_000, 1_100_000_000),
    (TorchBuild.CUDA, "linux"): Size(2_850_000_000, 7_500_000_000),
    (TorchBuild.CUDA, "win32"): Size(2_000_000_000, 6_000_000_000),
    (TorchBuild.ROCM, "linux"): Size(5_000_000_000, 18_000_000_000),
}
# Backends of uv (`--torch-backend`), which know PyTorch's own index; without one, the index of all
# packages has the build: Metal's on macOS, CUDA's on Linux, the processor's on Windows.
_BACKENDS = {
    (TorchBuild.CPU, "linux"): "cpu",
    (TorchBuild.CUDA, "win32"): "cu130",
    (TorchBuild.ROCM, "linux"): "auto",
}


def suited_build() -> TorchBuild:
    """Return the build for this computer's graphics card; Metal is in macOS's only build."""
    if sys.platform == "darwin":
        return TorchBuild.CPU
    if NVIDIA_DRIVER.exists() or on_path("nvidia-smi"):
        return TorchBuild.CUDA
    return TorchBuild.ROCM if AMD_DRIVER.exists() else TorchBuild.CPU


def build_of(plan: InstallPlan) -> TorchBuild:
    """Return the build that a plan installs."""
    return suited_build() if plan.build is TorchBuild.AUTO else plan.build


def takes_current_cuda(plan: InstallPlan) -> bool:
    """Return whether a plan for CUDA takes the current release, which is locked.

    True where CUDA was chosen by hand; else the driver decides. May start `nvidia-smi`.
    """
    if plan.build is not TorchBuild.AUTO:
        return True
    release = driver_release()
    return release is not None and release >= CUDA_13_DRIVER


@functools.cache
def driver_release() -> int | None:
    """Return the release of NVIDIA's driver, such as 580; None if unknown."""
    try:
        said = NVIDIA_DRIVER.read_text(encoding="utf-8", errors="replace")
    except OSError:
        said = _from_nvidia_smi()
    numbers = re.search(r"\b(\d{3})\.\d+", said)
    return int(numbers[1]) if numbers else None


def _from_nvidia_smi() -> str:
    program = on_path("nvidia-smi")
    if program is None:
        return ""
    words = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DRIVER_PATIENCE,
            check=False,
            creationflags=flags,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def torch_options(plan: InstallPlan) -> list[str]:
    """Return uv's options for the source of torch: a single index. May start `nvidia-smi`."""
    if plan.wheels:
        return []
    if plan.index:
        return ["--default-index", plan.index]
    build = build_of(plan)
    backend = _BACKENDS.get((build, sys.platform), "")
    if build is TorchBuild.CUDA and not takes_current_cuda(plan):
        backend = "auto"  # uv picks the version of CUDA that the driver supports
    return ["--torch-backend", backend] if backend else []


def size_of(plan: InstallPlan) -> Size:
    """Return the bytes that a plan downloads, and those it needs on the disk."""
    if plan.wheels:
        present = sum(path.stat().st_size for path in Path(plan.wheels).glob("*.whl"))
        return Size(0, 4 * present)
    build = build_of(plan)
    return _SIZES.get((build, sys.platform), _SIZES[build, "linux"])


def sources(plan: InstallPlan, *, python: bool) -> list[str]:
    """Return the hosts that a plan downloads from.

    Parameters
    ----------
    python
        Whether a Python is downloaded too.
    """
    if plan.wheels:
        return []
    own_index = (build_of(plan), sys.platform) in _BACKENDS and not plan.index
    return [
        "pypi.org",
        *(["download.pytorch.org"] if own_index else []),
        *(["github.com (Python)"] if python else []),
    ]


def free_bytes(plan: InstallPlan) -> int:
    """Return the free space where a plan installs."""
    place = plan.folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def needs(plan: InstallPlan, *, python: bool = False) -> list[str]:
    """Return sentences about what an installation downloads, needs, takes and is licensed under.

    Parameters
    ----------
    python
        Whether a Python is downloaded too.
    """
    size = size_of(plan)
    room = f"It needs {size_words(size.disk)} of {size_words(free_bytes(plan))} in {plan.folder}."
    licence = f"Licenses: {_LICENSES}"
    begun = [CONTINUES] if is_partial(plan.user_folder) else []
    if build_of(plan) is TorchBuild.CUDA and not plan.wheels:
        licence += ", and CUDA, under NVIDIA's own license"
    if plan.wheels:
        own = f"Installs from {plan.wheels}, without the network."
        return [*begun, own, room, f"{licence}."]
    minutes = size.download * 8 / LINE / 60
    time = f"{minutes:.0f} minutes" if minutes >= 1.5 else "a minute"
    hosts = ", ".join(sources(plan, python=python))
    return [
        *begun,
        f"Downloads {size_words(size.download)} from {hosts}: about {time} at 50 Mbit/s.",
        room,
        f"{licence}.",
    ]
