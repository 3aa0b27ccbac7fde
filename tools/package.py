"""Build and validate the extension's zip with Blender's own tool, taken from the bpy wheel.

python tools/package.py --out dist
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
    command = [sys.executable, str(tool), words[0], "--valid-tags", str(tags), *words[1:]]
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"Blender's extension tool refused to {words[0]} the package.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="output folder of the zip")
    out = parser.parse_args().out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("levelform-*.zip"):
        old.unlink()
    extension_tool("validate", str(ROOT))
    extension_tool("build", "--source-dir", str(ROOT), "--output-dir", str(out))
    (built,) = out.glob("levelform-*.zip")
    extension_tool("validate", str(built))
    print(f"{built} ({built.stat().st_size / 2**20:.1f} MiB)")


if __name__ == "__main__":
    main()
