"""Build zips that carry the backend for the processor, one per platform; they need no network.

python tools/package_offline.py --out dist/offline --platforms linux-x64 --pythons 3.11 3.13

Blender installs the wheels in the zip with the extension, and Levelform runs its backend by
Blender's own Python with them. NumPy is not among them: Blender has its own. A zip takes some
250 MB for each version of Python; Blender 4.2 to 5.0 has 3.11, later ones have 3.13.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import lock_backend
import package

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = {  # Blender's name, and that of the lock
    "linux-x64": "linux_x86_64",
    "windows-x64": "win_amd64",
    "macos-arm64": "macosx_arm64",
}
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # for Linux, whose build there is smaller
LEFT_TO_BLENDER = ("numpy",)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "offline")
    parser.add_argument("--platforms", nargs="+", choices=PLATFORMS, default=list(PLATFORMS))
    parser.add_argument("--pythons", nargs="+", default=["3.11", "3.13"], metavar="VERSION")
    parser.add_argument("--torch", metavar="FOLDER", help="folder with Linux's wheels of torch")
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    stage = out / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    copy_sources(stage)
    for platform in args.platforms:
        for python in args.pythons:
            download(stage / "wheels", platform, python, args.torch)
    write_manifest(stage, args.platforms)
    for built in package.build(stage, out, "--split-platforms"):
        print(f"{built} ({built.stat().st_size / 2**20:.0f} MiB)")
    package.make_repository(out)
    shutil.rmtree(stage)


def copy_sources(stage: Path) -> None:
    """Copy the files of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    for name in filter(None, listed.stdout.decode().split("\0")):
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


def download(folder: Path, platform: str, python: str, torch_folder: str | None) -> None:
    """Download the wheels of one platform and Python, all but torch by their hashes."""
    lock = PLATFORMS[platform]
    wanted = folder.parent / "wanted.txt"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    text = locked_for(lock_backend.LOCKS / f"{lock}.txt", python)
    torch = lock_backend.LOCKS / f"torch-{lock}.txt"
    if torch.exists():
        text += locked_for(torch, python)
    wanted.write_text(text)
    pip(folder, lock, python, "--require-hashes", "-r", str(wanted))
    if not torch.exists():
        (line,) = [w for w in lock_backend.wanted(python, lock) if w.startswith("torch")]
        source = ["--no-index", "--find-links", torch_folder] if torch_folder else []
        source = source or ["--index-url", TORCH_INDEX]
        pip(folder, lock, python, *source, f"{line}+cpu")
    wanted.unlink()


def locked_for(lock: Path, python: str) -> str:
    """Return a lock's entries for one Python, without markers, which pip takes for its own."""
    kept = []
    for entry in re.split(r"\n(?=\S)", lock.read_text()):
        first, _, hashes = entry.partition("\n")
        requirement, _, marker = first.rstrip("\\ ").partition(" ; ")
        name = requirement.partition("==")[0]
        if entry.startswith("#") or name in LEFT_TO_BLENDER:
            continue
        if not marker or f'"{python}"' in marker:
            kept.append(f"{requirement} \\\n{hashes.rstrip()}\n")
    return "".join(kept)


def pip(folder: Path, lock: str, python: str, *words: str) -> None:
    """Run `pip download` for another platform and Python."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary"]
    command += [
        ":all:",
        "--dest",
        str(folder),
        "--python-version",
        python,
        "--implementation",
        "cp",
    ]
    for tag in lock_backend.PLATFORMS[lock]:
        command += ["--platform", tag]
    subprocess.run([*command, *words], check=True, env=lock_backend.environment())


def write_manifest(stage: Path, platforms: list[str]) -> None:
    """List the wheels and the platforms in the manifest of the staged extension."""
    path = stage / "blender_manifest.toml"
    wheels = sorted(wheel.name for wheel in (stage / "wheels").glob("*.whl"))
    lines = [f"platforms = {platforms}".replace("'", '"'), "wheels = ["]
    lines += [f'  "./wheels/{name}",' for name in wheels]
    head, mark, rest = path.read_text().partition("\n[permissions]\n")
    path.write_text("\n".join([head, *lines, "]", mark.lstrip("\n") + rest]))


if __name__ == "__main__":
    main()
