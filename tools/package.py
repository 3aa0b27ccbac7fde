"""Build and validate the extension's zip with Blender's own tool, taken from the bpy wheel.

python tools/package.py --out dist

The folder is an extension repository too: put it on any web server, and Blender installs and
updates Levelform from the address of its `index.json`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[1]


def blender_scripts() -> Path:
    """Return Blender's own `scripts` folder."""
    return Path(bpy.utils.resource_path("LOCAL")) / "scripts"


def extension_tool(*words: str) -> None:
    """Run a command of Blender's extension tool; exit if it fails."""
    scripts = blender_scripts()
    tool = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    checked = ["--valid-tags", str(tags)] if words[0] in ("validate", "build") else []
    command = [sys.executable, str(tool), words[0], *checked, *words[1:]]
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"Blender's extension tool refused to {words[0]} the package.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="output folder of the zip")
    out = parser.parse_args().out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for built in build(ROOT, out):
        print(f"{built} ({built.stat().st_size / 2**20:.1f} MiB)")
    make_repository(out)
    print(f"{out / 'index.json'}: a repository for Blender's Get Extensions")


def build(source: Path, out: Path, *options: str) -> list[Path]:
    """Build the zips of an extension's folder, validate them, and return their paths."""
    for old in out.glob("levelform-*.zip"):
        old.unlink()
    extension_tool("validate", str(source))
    extension_tool("build", "--source-dir", str(source), "--output-dir", str(out), *options)
    zips = sorted(out.glob("*.zip"))
    for path in zips:
        extension_tool("validate", str(path))
    return zips


def make_repository(out: Path) -> None:
    """Make a folder of zips a repository: `index.json`, and `index.html` for people."""
    extension_tool("server-generate", "--repo-dir", str(out), "--html")


if __name__ == "__main__":
    main()
