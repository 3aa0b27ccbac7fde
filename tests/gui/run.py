"""Drive the extension in a real Blender window, and say how it went; started by `make gui-test`.

`$BLENDER` is a command that opens a window on `$DISPLAY`, with any arguments of its own; without it
there is nothing to do. `$LEVELFORM_PYTHON` runs the backend, by default the Python that runs this.
`$LEVELFORM_ZIP` installs the built extension instead of using the checkout, `$LEVELFORM_GUI_OUT`
keeps the report, Blender's log and images of the window. What happens in the window is in
`inside.py` and `walk.py`; a row is printed for each check, then the clicks and seconds of each step
of the walk, and the exit status tells whether all hold. `$LEVELFORM_GUI_WALK` takes the walk alone;
with it, `$LEVELFORM_WHEELS`, a folder of wheels, adds the installation of the backend to it.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSIDE = Path(__file__).with_name("inside.py")
PATIENCE = 3600.0  # seconds; software rendering is slow
# Simulated events come at an exact time, and none of a real mouse come between.
ARGUMENTS = ("--factory-startup", "--enable-event-simulate", "--python", str(INSIDE))


def main() -> int:
    """Return the exit status: 0 if every check holds, or there is no Blender to drive."""
    blender = os.environ.get("BLENDER")
    if not blender:
        print("gui-test: skipped, $BLENDER is not set to a command that opens a Blender window.")
        return 0
    with tempfile.TemporaryDirectory(prefix="levelform-gui-") as folder:
        report = drive(shlex.split(blender), Path(folder))
    for row in report["rows"]:
        print(f"{'ok  ' if row['holds'] else 'FAIL'}  {row['name']}: {row['measured']}")
    for entry in report.get("walk", ()):
        print(f"      {entry['step']}: {entry['clicks']} clicks, {entry['seconds']} s")
    failed = sum(not row["holds"] for row in report["rows"])
    print(f"gui-test: {len(report['rows']) - failed} hold, {failed} fail ({report['blender']})")
    return 1 if failed else 0


def drive(command: list[str], folder: Path) -> dict:
    """Run Blender with the driver inside, and return its report."""
    out = Path(os.environ.get("LEVELFORM_GUI_OUT", folder)).resolve()
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").unlink(missing_ok=True)
    environment = {
        **({} if os.environ.get("LEVELFORM_WHEELS") else {"LEVELFORM_PYTHON": sys.executable}),
        **os.environ,
        "LEVELFORM_GUI_OUT": str(out),
        "LEVELFORM_CHECKOUT": str(ROOT),
        "BLENDER_USER_RESOURCES": str(folder / "user"),
    }
    with open(out / "blender.log", "w") as log:
        process = subprocess.Popen(
            [*command, *ARGUMENTS], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        report = wait_for(out / "report.json", process, out)
    # The command may have returned long ago, leaving Blender in the background; it quits by itself.
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.terminate()
    report["rows"].append(worker_row(report["worker"]))
    return report


def wait_for(path: Path, process: subprocess.Popen, out: Path) -> dict:
    """Return the report once it is there; one row that fails if it never comes."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if path.exists():
            return json.loads(path.read_text())
        if (out / "photograph").exists():
            photograph(out)
        if process.poll() not in (None, 0):
            break
        time.sleep(0.2)
    log = (out / "blender.log").read_text()[-2000:]
    row = {"name": "Blender reports", "measured": f"nothing came; its log: {log}", "holds": False}
    return {"rows": [row], "blender": "?", "worker": None}


def photograph(out: Path) -> None:
    """Take the image that the driver inside asks for, where ImageMagick is installed."""
    tool = shutil.which("import")
    if tool and os.environ.get("DISPLAY"):
        name = (out / "photograph").read_text()
        subprocess.run([tool, "-window", "root", str(out / name)], check=False)
    (out / "photograph").unlink()


def worker_row(pid: int | None) -> dict:
    """Tell whether the worker ended with Blender."""
    deadline = time.monotonic() + 10.0
    alive = pid is not None
    while alive and time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            time.sleep(0.1)
        except ProcessLookupError:
            alive = False
    measured = f"process {pid} {'is still there' if alive else 'has gone'}"
    return {"name": "the worker ends with Blender", "measured": measured, "holds": not alive}


if __name__ == "__main__":
    sys.exit(main())
