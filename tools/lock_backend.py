"""Lock every file of the managed backend: exact versions with hashes, one lock per platform.

python tools/lock_backend.py [--platforms linux_x86_64 ...] [--pythons 3.11 ...]
python tools/lock_backend.py --uv 0.13.9

pip itself resolves `backend/requirements.txt` for each platform and Python, without installing
anything, and reports each file's hash; the locks in `backend/locks/` hold its choices. Torch has a
lock for each of its builds: by PyPI, or by the hashes on the page of PyTorch's own index. `--uv`
only pins that version of uv, which installs the backend. Needs the network.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS, LOCKS = ROOT / "backend" / "requirements.txt", ROOT / "backend" / "locks"
PHOTOGRAPHS = ROOT / "backend" / "requirements-photographs.txt"
# pip's tags of each platform's wheels, newest first, by the installer's name of the platform.
PLATFORMS = {
    "linux_x86_64": [f"manylinux_2_{n}_x86_64" for n in (28, 27, 25, 24, 18, 17, 12, 5)]
    + [f"manylinux{year}_x86_64" for year in (2014, 2010, 1)],
    "linux_aarch64": [f"manylinux_2_{n}_aarch64" for n in (28, 27, 24, 17)]
    + ["manylinux2014_aarch64"],
    "macosx_arm64": [
        f"macosx_{n}_0_{kind}" for n in (14, 13, 12, 11) for kind in ("arm64", "universal2")
    ]
    + ["macosx_10_9_universal2"],
    "win_amd64": ["win_amd64"],
}
# Ends of the names of uv's wheels, by `addon.backend_setup.uv`'s name of the platform.
UV_WHEELS = {
    "linux_x86_64": "manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "linux_aarch64": "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
    "macosx_arm64": "macosx_11_0_arm64.whl",
    "macosx_x86_64": "macosx_10_12_x86_64.whl",
    "win_amd64": "win_amd64.whl",
    "win_arm64": "win_arm64.whl",
}
UV_PINS = ROOT / "addon" / "backend_setup" / "uv.json"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# Platforms with torch's CPU build on PyPI; other builds have their own index.
TORCH_THERE = ("macosx_arm64", "win_amd64")
# Builds of PyTorch's own index: the lock's name, the build and the end of its files' names.
TORCH_ELSEWHERE = (
    ("torch-linux_x86_64.txt", "cpu", "manylinux_2_28_x86_64.whl"),
    ("torch-linux_aarch64.txt", "cpu", "manylinux_2_28_aarch64.whl"),
    ("torch-cuda-win_amd64.txt", "cu130", "win_amd64.whl"),
)
CUDA_ON_PYPI = "linux_x86_64"  # PyPI's torch for this platform is the build for CUDA
PAGE = "https://download.pytorch.org/whl/{build}/torch/"
Locked = dict[str, dict[str, dict[str, str]]]  # name -> version -> Python -> hash


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--platforms", nargs="+", choices=PLATFORMS, default=list(PLATFORMS))
    parser.add_argument("--pythons", nargs="+", default=list(PYTHONS))
    parser.add_argument("--uv", metavar="VERSION")
    args = parser.parse_args()
    if args.uv:
        UV_PINS.write_text(json.dumps(uv_pins(args.uv, index_of("uv")), indent=1) + "\n")
        return
    LOCKS.mkdir(exist_ok=True)
    for platform in args.platforms:
        lock_platform(platform, args.pythons)
        lock_photographs(platform, args.pythons)
    lock_elsewhere(args.pythons)
    if CUDA_ON_PYPI in args.platforms:
        lock_cuda(args.pythons)


def lock_photographs(platform: str, pythons: list[str]) -> None:
    """Write the lock of the camera finder (pycolmap), if the platform has its wheels."""
    lines = [line for line in PHOTOGRAPHS.read_text().splitlines() if not line.startswith("#")]
    locked: Locked = defaultdict(lambda: defaultdict(dict))
    try:
        for python in pythons:
            for entry in resolve(lines, platform, python, "--no-deps"):
                note(locked, entry, python)
    except subprocess.CalledProcessError:
        print(f"{platform}: no wheels for photographs")
        return
    folder = LOCKS / "photographs"
    folder.mkdir(exist_ok=True)
    write(folder / f"{platform}.txt", locked, pythons)


def lock_elsewhere(pythons: list[str]) -> None:
    """Write the locks of torch's builds in PyTorch's own index."""
    (torch,) = [line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("torch")]
    version = torch.removeprefix("torch==").strip()
    for name, build, end in TORCH_ELSEWHERE:
        with urllib.request.urlopen(PAGE.format(build=build), timeout=60) as answer:
            page = answer.read().decode()
        sums = sums_on(page, version, build, end)
        if missing := set(pythons) - sums.keys():
            lacking = ", ".join(sorted(missing))
            print(f"{name}: left as it is, for the page has no hash for Python {lacking}")
            continue
        chosen = {python: sums[python] for python in pythons}
        write(LOCKS / name, {"torch": {f"{version}+{build}": chosen}}, pythons)


def sums_on(page: str, version: str, build: str, end: str) -> dict[str, str]:
    """Return the hashes of a build's files on a page of PyTorch's index, by Python version."""
    link = rf"torch-{re.escape(version)}(?:%2B|\+){build}-cp3(\d+)-cp3\d+-{re.escape(end)}"
    return {
        f"3.{minor}": digest
        for minor, digest in re.findall(rf"{link}#sha256=([0-9a-f]{{64}})", page)
    }


def lock_cuda(pythons: list[str]) -> None:
    """Write the lock of PyPI's torch for CUDA and of NVIDIA's libraries, all that it needs."""
    locked: Locked = defaultdict(lambda: defaultdict(dict))
    for python in pythons:
        (torch,) = [line for line in wanted(python, CUDA_ON_PYPI) if line.startswith("torch")]
        plain = {entry["metadata"]["name"] for entry in resolve(
            plain_needs(resolve([torch], CUDA_ON_PYPI, python, "--no-deps")[0], python),
            CUDA_ON_PYPI, python)}  # fmt: skip
        for entry in resolve([torch], CUDA_ON_PYPI, python):
            if entry["metadata"]["name"] not in plain:
                note(locked, entry, python)
    write(LOCKS / f"torch-cuda-{CUDA_ON_PYPI}.txt", locked, pythons)


def index_of(project: str) -> dict:
    """Return PyPI's page of a project."""
    request = urllib.request.Request(
        f"https://pypi.org/simple/{project}/",
        headers={"Accept": "application/vnd.pypi.simple.v1+json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def uv_pins(version: str, index: dict) -> dict:
    """Return the pins of a version of uv: file, hash and size for each platform."""
    files = {entry["filename"]: entry for entry in index["files"]}
    wheels = {}
    for platform, end in UV_WHEELS.items():
        entry = files[f"uv-{version}-py3-none-{end}"]
        wheels[platform] = {
            "file": entry["filename"],
            "sha256": entry["hashes"]["sha256"],
            "bytes": entry["size"],
        }
    return {"version": version, "wheels": wheels}


def lock_platform(platform: str, pythons: list[str]) -> None:
    """Write the locks of one platform."""
    libraries: Locked = defaultdict(lambda: defaultdict(dict))
    torch: Locked = defaultdict(lambda: defaultdict(dict))
    for python in pythons:
        lines = wanted(python, platform)
        (bare,) = resolve([line for line in lines if line.startswith("torch")], platform, python,
                          "--no-deps")  # fmt: skip
        needs = [
            *(line for line in lines if not line.startswith("torch")),
            *plain_needs(bare, python),
        ]
        chosen = resolve(needs, platform, python)
        if platform.startswith("win"):
            more = windows_needs(chosen)
            chosen = resolve([*needs, *more], platform, python) if more else chosen
        for entry in chosen:
            note(libraries, entry, python)
        note(torch, bare, python)
    write(LOCKS / f"{platform}.txt", libraries, pythons)
    if platform in TORCH_THERE:
        write(LOCKS / f"torch-{platform}.txt", torch, pythons)


def wanted(python: str, platform: str) -> list[str]:
    """Return the requirements of one Python version and platform, with markers evaluated."""
    chosen = []
    for line in REQUIREMENTS.read_text().splitlines():
        requirement, _, marker = line.partition(";")
        elsewhere = platform.endswith("aarch64") and 'platform_machine != "aarch64"' in marker
        if line.startswith("#") or elsewhere:
            continue
        if requirement.strip() and holds(marker, python):
            chosen.append(requirement.strip())
    return chosen


def holds(marker: str, python: str) -> bool:
    """Tell whether a marker's conditions on the Python version hold; others are ignored."""
    number = tuple(map(int, python.split(".")))
    for sign, version in re.findall(r'python_version\s*(<|>=)\s*"([\d.]+)"', marker):
        other = tuple(map(int, version.split(".")))
        if not (number < other if sign == "<" else number >= other):
            return False
    return True


def plain_needs(torch: dict, python: str) -> list[str]:
    """Return torch's requirements on every system, without CUDA's libraries."""
    needs = []
    for line in torch["metadata"].get("requires_dist", []):
        requirement, _, marker = line.partition(";")
        if "extra ==" not in marker and "platform" not in marker and holds(marker, python):
            needs.append(requirement.strip())
    return needs


def windows_needs(chosen: list[dict]) -> list[str]:
    """Return Windows-only requirements; pip evaluates markers for the running system."""
    needs = []
    for entry in chosen:
        for line in entry["metadata"].get("requires_dist", []):
            requirement, _, marker = line.partition(";")
            if re.search(r"== *.(Windows|win32)", marker) and "extra" not in marker:
                needs.append(requirement.strip())
    return needs


def resolve(requirements: list[str], platform: str, python: str, *options: str) -> list[dict]:
    """Return pip's report of the files to install: name, version, hash."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        words = [sys.executable, "-I", "-m", "pip", "install", "--dry-run", "--quiet"]
        words += ["--ignore-installed", "--only-binary", ":all:", "--report", str(report)]
        words += ["--target", str(Path(folder, "none")), "--python-version", python]
        words += ["--implementation", "cp", *options]
        for tag in PLATFORMS[platform]:
            words += ["--platform", tag]
        subprocess.run([*words, *requirements], check=True, env=environment())
        return json.loads(report.read_text())["install"]


def environment() -> dict[str, str]:
    """Return the environment with the user's proxies and certificates, and only PyPI as index."""
    kept = ("PIP_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_CACHE_DIR")
    plain = {n: v for n, v in os.environ.items() if not n.startswith("PIP_") or n in kept}
    return {**plain, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def note(locked: Locked, entry: dict, python: str) -> None:
    """Record one entry of pip's report."""
    name = entry["metadata"]["name"].lower().replace("_", "-")
    hashes = entry["download_info"]["archive_info"]["hashes"]
    locked[name][entry["metadata"]["version"]][python] = hashes["sha256"]


def write(path: Path, locked: Locked, pythons: list[str]) -> None:
    """Write a lock as pip's requirements with hashes."""
    lines = ["# Made by tools/lock_backend.py from requirements.txt; not to be edited by hand."]
    for name, versions in sorted(locked.items()):
        for version, hashes in sorted(versions.items()):
            lines.append(f"{name}=={version}{marker_of(sorted(hashes), pythons)} \\")
            sums = sorted(set(hashes.values()))
            lines += [f"    --hash=sha256:{digest} \\" for digest in sums]
            lines[-1] = lines[-1].removesuffix(" \\")
    path.write_text("\n".join(lines) + "\n")
    print(f"{path.relative_to(ROOT)}: {len(locked)} packages")


def marker_of(some: list[str], all_of_them: list[str]) -> str:
    """Return the marker of a version that not every Python uses."""
    if len(some) == len(all_of_them):
        return ""
    return " ; " + " or ".join(f'python_version == "{python}"' for python in some)


if __name__ == "__main__":
    main()
