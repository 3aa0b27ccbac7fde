"""Examine an interpreter: its Python, torch, devices, libraries, and missing parts.

Any interpreter can run it as a script: `python -I doctor.py` prints one JSON object. It therefore
uses the standard library alone, in syntax that old interpreters can parse.
"""

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys

OLDEST = (3, 11)
# Distribution -> module. These are required:
REQUIRED = {
    "numpy": "numpy",
    "torch": "torch",
    "scipy": "scipy",
    "safetensors": "safetensors",
    "Pillow": "PIL",
}
# Without these, single features do not work:
OPTIONAL = {
    "trimesh": "trimesh",
    "libigl": "igl",
    "fast-simplification": "fast_simplification",
    "tqdm": "tqdm",
    "PyMCubes": "mcubes",
}


def examine(required=None, optional=None, quick=False):
    """Describe this interpreter.

    Parameters
    ----------
    required, optional
        Module by distribution; None: `REQUIRED` and `OPTIONAL`.
    quick
        Only check that the libraries exist (milliseconds); else import each (seconds).

    Returns
    -------
    dict
        JSON-able: `python executable prefix platform python_ok`, `libraries` (version or None by
        distribution), `missing`, `broken` (why an import fails) and `lacking` (optional ones),
        `torch devices threads`, and `problem` and `hint`, both empty when all is well.
    """
    required = REQUIRED if required is None else required
    optional = OPTIONAL if optional is None else optional
    modules = dict(optional, **required)
    missing = [name for name, module in modules.items() if not is_there(module)]
    there = {name: module for name, module in modules.items() if name not in missing}
    broken = {} if quick else find_broken(there)
    report = {
        "python": platform.python_version(),
        "python_ok": sys.version_info >= OLDEST,
        "executable": sys.executable,
        "prefix": sys.prefix,
        "platform": platform.platform(),
        "libraries": {name: version_of(name) for name in modules},
        "missing": [name for name in missing if name in required],
        "broken": broken,
        "lacking": [name for name in optional if name in missing or name in broken],
        "quick": quick,
    }
    usable = "torch" in there and not quick and "torch" not in broken
    report.update(compute() if usable else {"torch": None, "devices": [], "threads": 0})
    report["problem"], report["hint"] = verdict(report, required)
    return report


def add_libraries():
    """Find the libraries that an extension brought, as `launch.add_libraries` does."""
    version, _, folder = os.environ.get("LEVELFORM_LIBRARIES", "").partition(":")
    if version == "{}.{}".format(*sys.version_info[:2]) and folder not in sys.path:
        sys.path.append(folder)


def is_there(module):
    """Return whether a module could be imported, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def version_of(distribution):
    """Return the installed version, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def find_broken(modules):
    """Import every module; return the errors by distribution."""
    broken = {}
    for name, module in modules.items():
        try:
            importlib.import_module(module)
        except Exception as error:  # a broken binary raises anything
            broken[name] = f"{type(error).__name__}: {error}"
    return broken


def compute():
    """Return torch's version, its devices, the fastest first, and its threads."""
    import torch

    if not hasattr(torch, "cuda"):  # an unrelated module of that name
        return {"torch": getattr(torch, "__version__", None), "devices": [], "threads": 0}
    devices = [
        {
            "name": f"cuda:{i}",
            "title": torch.cuda.get_device_name(i),
            "memory": torch.cuda.get_device_properties(i).total_memory,
        }
        for i in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append({"name": "mps", "title": "Metal", "memory": None})
    title = platform.processor() or platform.machine()
    devices.append({"name": "cpu", "title": title, "memory": None})
    return {"torch": torch.__version__, "devices": devices, "threads": torch.get_num_threads()}


def verdict(report, required):
    """Return what is wrong in one sentence, and what to do; both empty when all is well."""
    where = f"Python {report['python']} ({report['executable']})"
    if not report["python_ok"]:
        wanted = ".".join(str(n) for n in OLDEST)
        return f"{where} is too old: {wanted} is needed.", "Choose a newer Python."
    if report["missing"]:
        names = ", ".join(report["missing"])
        return f"{where} lacks {names}.", "Press Install backend, or choose another Python."
    broken = [name for name in report["broken"] if name in required]
    if broken:
        why = report["broken"][broken[0]]
        return f"{where} has a broken {broken[0]} ({why}).", "Repair the backend."
    return "", ""


def main():
    """Print the report of the interpreter that runs this file."""
    parser = argparse.ArgumentParser(description="Describe this interpreter.")
    parser.add_argument("--quick", action="store_true", help="import nothing")
    parser.add_argument(
        "--require", action="append", metavar="DISTRIBUTION=MODULE", help="in place of the usual"
    )
    options = parser.parse_args()
    add_libraries()
    required = optional = None
    if options.require:
        required, optional = dict(entry.split("=") for entry in options.require), {}
    report = examine(required, optional, quick=options.quick)
    # Libraries may print on import: the report is the last line.
    sys.stdout.write("\n" + json.dumps(report) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
