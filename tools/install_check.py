"""Install the built extension into a fresh user folder of Blender and reconstruct with it.

    python tools/install_check.py dist

Follows a user's steps: Blender's own installer unpacks the zip, the extension is enabled as
`bl_ext.user_default.levelform`, and a worker starts from the installed files.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = "bl_ext.user_default.levelform"


def check(package: Path, user: Path) -> None:
    """Run the check; call it in a separate process with HOME set to the fresh folder `user`."""
    import bpy  # first: it provides Blender's own modules

    import addon_utils  # isort: skip

    bpy.ops.extensions.package_install_files(
        filepath=str(package), repo="user_default", enable_on_install=True
    )
    installed = Path(sys.modules[MODULE].__file__).parent
    assert user in installed.parents, f"installed to {installed}, outside the fresh folder"

    bpy.ops.wm.open_mainfile(
        filepath=str(installed / "assets" / "sample" / "suzanne" / "suzanne.blend")
    )
    before = set(bpy.data.objects)
    assert bpy.ops.levelform.reconstruct() == {"FINISHED"}
    (made,) = set(bpy.data.objects) - before
    faces = len(made.data.polygons)
    assert faces > 1000, f"only {faces} faces"

    addon_utils.disable(MODULE, default_set=True)
    assert not hasattr(bpy.types, "LEVELFORM_OT_reconstruct"), "disabling left an operator behind"
    print(f"installed to {MODULE}, reconstructed the sample: {faces} faces; disabled cleanly")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the zip is")
    parser.add_argument("--user", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    (package,) = args.folder.resolve().glob("levelform-*.zip")
    if args.user:
        check(package, args.user)
        return
    with tempfile.TemporaryDirectory() as home:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BLENDER", "XDG"))}
        command = [sys.executable, __file__, str(args.folder), "--user", home]
        sys.exit(subprocess.run(command, env={**inherited, "HOME": home}, check=False).returncode)


if __name__ == "__main__":
    main()
