"""Arguments for pip, and progress and errors parsed from its output. Does not use `bpy`."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...backend.contract.errors import RequestError
from .environment import clean_environment
from .managed import InstallPlan, TorchBuild

# PyTorch's index of builds, documented on its installation page; see `_label`.
TORCH_INDEX = "https://download.pytorch.org/whl/"
_LABELS = {(TorchBuild.CPU, "linux"): "cpu", (TorchBuild.CUDA, "win32"): "cu130"}
_TORCH_WEIGHT = 20  # the wheel of torch counts as this many others


@dataclass
class PipProgress:
    """Progress of pip, from its output and the number of unpacked distributions.

    Attributes
    ----------
    names : the wheels to install; each has a weight in the first phase, downloading
    message : pip's own description of the current step
    done, current, inner : weight of the finished wheels, weight of the current one, and its
        downloaded fraction
    unpacking, unpacked : number of wheels to unpack in the second phase, and of those unpacked
    """

    names: Sequence[str]
    message: str = ""
    done: float = 0.0
    current: float = 0.0
    inner: float = 0.0
    unpacking: int = 0
    unpacked: int = 0
    _seen: set[str] = field(default_factory=set)

    def read(self, line: str) -> None:
        """Process one line of output."""
        if match := _WHEEL.match(line):
            self._begin(match["name"].lower().replace("_", "-"))
        elif match := _BYTES.match(line):
            self.inner = int(match[1]) / max(int(match[2]), 1)
        elif match := _UNPACKING.match(line):
            self._begin("")
            self.unpacking = match[1].count(",") + 1
        if _DOING.match(line):
            self.message = line.strip()

    def _begin(self, name: str) -> None:
        self.done += self.current
        self.current, self.inner = 0.0, 0.0
        if name in self.names and name not in self._seen:
            self._seen.add(name)
            self.current = _weight(name)

    @property
    def fraction(self) -> float:
        """From 0 to 1; downloading and unpacking count equally."""
        if self.unpacking:
            return 0.5 + 0.5 * min(1.0, self.unpacked / self.unpacking)
        whole = sum(_weight(name) for name in self.names)
        return 0.5 * min(1.0, (self.done + self.current * self.inner) / max(whole, 1.0))


_WHEEL = re.compile(
    r"\s*(?:Downloading|Using cached|Processing) (?:\S*[/\\])?"
    r"(?P<name>[A-Za-z0-9_.]+)-\d[^\s/\\]*\.whl(?!\.metadata)"
)
_BYTES = re.compile(r"\s*Progress (\d+) of (\d+)")
_UNPACKING = re.compile(r"Installing collected packages: (.*)")
_DOING = re.compile(r"\s*(Collecting|Downloading|Using cached|Processing|Installing) ")


def _weight(name: str) -> float:
    return float(_TORCH_WEIGHT if name == "torch" else 1)


def check_source(plan: InstallPlan) -> None:
    """Check that there is a source to install from.

    Raises
    ------
    RequestError
        If the network is needed and not allowed, or the folder has no wheels.
    """
    if plan.wheels:
        if not any(Path(plan.wheels).glob("*.whl")):
            raise RequestError(
                f"There are no wheels in {plan.wheels}.", "Choose the folder that contains them."
            )
    elif not plan.online_access:
        raise RequestError(
            "Blender is not allowed to use the network.",
            "Allow online access in Blender's preferences (System), or choose a folder of wheels.",
        )


def source_options(plan: InstallPlan) -> list[str]:
    """Return pip's options for the source of the wheels: the given folder, or PyPI.

    Each package has a single index: with two, a malicious package in either could be chosen.
    """
    if plan.wheels:
        return ["--no-index", "--find-links", str(Path(plan.wheels).absolute())]
    return []


def torch_options(plan: InstallPlan) -> list[str]:
    """Return pip's options for the source of torch: a single index."""
    label = _label(plan)
    index = plan.index or (TORCH_INDEX + label if label else "")
    if plan.wheels or not index:
        return source_options(plan)
    return ["--index-url", index]


def _label(plan: InstallPlan) -> str:
    """Return PyTorch's label of the build if it is not on PyPI, else an empty text.

    PyPI has the CUDA build for Linux, and the CPU build for the other systems.
    """
    if plan.wheels or plan.index:
        return ""
    return _LABELS.get((plan.build, sys.platform), "")


def environment_variables() -> dict[str, str]:
    """Return the environment variables with proxies and certificates, without install locations."""
    elsewhere = {"PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT"}
    return {name: value for name, value in clean_environment().items() if name not in elsewhere}


def wanted(plan: InstallPlan) -> list[str]:
    """Return the requirements to install, one each.

    That of torch names the build, so that an unreachable index does not fall back to the other,
    larger one.
    """
    lines = plan.requirements.read_text().splitlines()
    requirements = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    label = _label(plan)
    return [
        f"{line}+{label}" if label and canonical(line) == "torch" else line for line in requirements
    ]


def diagnose(log: str) -> tuple[str, str] | None:
    """Return the cause of a failure by network, disk or file, and what to do; None if unknown.

    Parameters
    ----------
    log
        The last lines printed by pip.
    """
    for pattern, words, hint in _DIAGNOSES:
        if re.search(pattern, log, re.IGNORECASE):
            return words, hint
    return None


_WHEELS = "or install from a folder of wheels; then try again."
# The first match counts: pip finally reports a missing network, whatever the cause.
_DIAGNOSES = (
    (
        r"DO NOT MATCH THE HASHES|Hashes are required",
        "a file differs from the one in Levelform's lock, so it was not installed",
        "Try again; if it persists, something between this computer and the index changes files.",
    ),
    (
        r"No space left on device|Errno 28|not enough space on the disk",
        "the disk is full",
        "Free some space, then try again.",
    ),
    (
        r"407 Proxy Authentication|Proxy Authentication Required",
        "the proxy asks for a name and a password",
        f"Put them into HTTPS_PROXY (http://name:password@host:port), {_WHEELS}",
    ),
    (
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed",
        "the proxy can't be reached, or refuses the connection",
        f"Correct HTTPS_PROXY or the system's proxy settings, {_WHEELS}",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLError|SSLCertVerificationError",
        "the received certificate is not trusted, as behind a proxy that inspects connections",
        f"Name that proxy's certificate in PIP_CERT, {_WHEELS}",
    ),
    (
        r"HTTP error 40[13]|40[13] Client Error",
        "the index refuses access to the files",
        f"Ask the administrator of the network or the index, {_WHEELS}",
    ),
    (
        r"WARNING: Retrying|NewConnectionError|Max retries exceeded|timed out",
        "their index can't be reached",
        f"Check the network, {_WHEELS}",
    ),
)


def canonical(requirement: str) -> str:
    """Return the normalized distribution name of a requirement."""
    return re.split(r"[\s=<>!~;\[]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def count_installed(environment: Path) -> int:
    """Return the number of distributions in an environment."""
    return sum(1 for folder in _packages(environment) for _ in folder.glob("*.dist-info"))


def _packages(environment: Path) -> list[Path]:
    folders = environment.glob("lib/python*/site-packages")
    return [*folders, environment / "Lib" / "site-packages"]


def is_there(environment: Path) -> bool:
    """Return whether an environment has pip."""
    return any((folder / "pip" / "__init__.py").exists() for folder in _packages(environment))


def version(environment: Path) -> tuple[int, ...]:
    """Return the version of an environment's pip, from the name of its record."""
    for folder in _packages(environment):
        for record in folder.glob("pip-*.dist-info"):
            return tuple(int(n) for n in re.findall(r"\d+", record.name)[:2])
    return (0,)
