"""The backend is found in its order, and built by the real uv without a network."""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from levelform.addon.backend_setup import builds, candidates, install, managed, requirements, uv
from levelform.addon.backend_setup.candidates import InterpreterSource
from levelform.addon.backend_setup.checkup import check
from levelform.addon.backend_setup.install import Installation, InstallPlan, InstallState
from levelform.addon.backend_setup.locks import platform_name
from levelform.backend.contract.errors import RequestError, WorkError

UV = pytest.importorskip("uv").find_uv_bin()
REQUIRED = {"torch": "torch", "numpy": "numpy", "fast-thing": "fast_thing"}


def make_wheel(folder, name, text="", version="1.0", needs=()):
    """Write a wheel with one module."""
    stem = name.replace("-", "_")
    record = f"{stem}-{version}.dist-info"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    contents = {
        f"{stem}.py": f"__version__ = {version!r}\n{text}\n",
        f"{record}/METADATA": "\n".join(lines) + "\n",
        f"{record}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    rows = []
    for path, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=")
        rows.append(f"{path},sha256={digest.decode()},{len(content)}")
    contents[f"{record}/RECORD"] = "\n".join([*rows, f"{record}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(folder / f"{stem}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in contents.items():
            wheel.writestr(path, content)


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, "torch", needs=["helper"])
    make_wheel(folder, "helper")
    make_wheel(folder, "numpy")
    make_wheel(folder, "fast-thing")
    return folder


@pytest.fixture
def plan(tmp_path, wheels, monkeypatch):
    """Return a maker of plans that install the small wheels into a fresh user folder."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# what is needed\ntorch==1.0\nnumpy==1.0\nfast-thing==1.0\n")

    def make(**changes):
        settings = {
            "user_folder": tmp_path / "user",
            "wheels": str(wheels),
            "base": sys.executable,
            "uv": UV,
            "requirements": requirements,
            "required": REQUIRED,
        }
        return InstallPlan(**{**settings, **changes})

    return make


def poll_until(installation, condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, installation.log()
        installation.poll()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment that one installation has made, and that installation; not to be changed."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "wheels").mkdir()
    for name in REQUIRED:
        make_wheel(folder / "wheels", name)
    (folder / "requirements.txt").write_text("".join(f"{name}==1.0\n" for name in REQUIRED))
    installation = Installation(
        InstallPlan(
            folder / "user",
            wheels=str(folder / "wheels"),
            base=sys.executable,
            uv=UV,
            requirements=folder / "requirements.txt",
            required=REQUIRED,
        )
    )
    installation.start()
    progress = [installation.progress]
    while installation.poll():
        progress.append(installation.progress)
        time.sleep(0.01)
    return folder / "user", installation, progress


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The folder of an installation that failed when its environment was made, and empty."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "requirements.txt").write_text("no-such-thing==1.0\n")
    make_wheel(folder, "other")
    plan = InstallPlan(
        folder / "user",
        wheels=str(folder),
        base=sys.executable,
        uv=UV,
        requirements=folder / "requirements.txt",
    )
    with pytest.raises(WorkError, match="no-such-thing was not found in the provided package"):
        Installation(plan).run()
    return plan.folder


@pytest.fixture
def begun(plan, bare):
    """Return a maker of plans like `plan`, with an existing but empty environment."""
    shutil.copytree(bare, plan().folder, symlinks=True, copy_function=os.link)
    return plan


class TestFinding:
    def fake(self, path, *, good=True):
        """Write an interpreter that answers the doctor's question as told."""
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = {
            **{"python": "3.11", "python_ok": True, "libraries": {}, "missing": [], "broken": {}},
            **{"lacking": [], "devices": [], "torch": None, "hint": ""},
            "problem": "" if good else "It lacks torch.",
        }
        path.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
        path.chmod(0o755)
        return str(path)

    @pytest.fixture
    def four(self, tmp_path, monkeypatch):
        """Four interpreters, in the order in which they are to be tried."""
        user = tmp_path / "user"
        paths = [tmp_path / name / "python" for name in ("environment", "preference")]
        paths += [managed.managed_python(user), tmp_path / "blender" / "python"]
        for path in paths:
            self.fake(path)
        monkeypatch.setenv(candidates.VARIABLE, str(paths[0]))
        monkeypatch.setattr(sys, "executable", str(paths[3]))
        return [str(path) for path in paths], str(paths[1]), user

    def test_the_order_is_kept_and_unusable_candidates_are_skipped(self, four):
        paths, preference, user = four

        def usable():
            looks = candidates.candidates(preference, user)
            return [(look.source, look.python) for look in looks if look.report.usable]

        expected = list(zip(InterpreterSource, paths, strict=True))
        while expected:
            assert usable() == expected
            self.fake(Path(expected.pop(0)[1]), good=False)
        assert usable() == []

    def test_every_candidate_says_what_it_lacks(self, four):
        paths, preference, user = four
        self.fake(Path(paths[0]), good=False)
        os.unlink(paths[1])
        Path(paths[3]).write_text("#!/bin/sh\necho Segmentation fault; exit 139\n")
        problems = [c.report.problem for c in candidates.candidates(preference, user)]
        assert problems[0] == "It lacks torch."
        assert "can't be run" in problems[1]
        assert problems[2] == ""
        assert "does not work (Segmentation fault)" in problems[3]

    def test_unset_places_are_not_candidates(self, tmp_path, monkeypatch):
        monkeypatch.delenv(candidates.VARIABLE, raising=False)
        assert candidates.places("", tmp_path) == [(InterpreterSource.BLENDER, sys.executable)]

    def test_an_interpreter_that_hangs_is_given_up(self, tmp_path, monkeypatch):
        monkeypatch.setattr("levelform.addon.backend_setup.checkup._QUICK_PATIENCE", 0.2)
        path = tmp_path / "python"
        path.write_text("#!/bin/sh\nexec sleep 60\n")
        path.chmod(0o755)
        assert "did not answer" in check(str(path), quick=True).problem

    def test_this_interpreter_is_checked_thoroughly(self):
        report = check(sys.executable, quick=True, required={"dream": "no_such_module"})
        assert report.missing == ("dream",)
        assert not report.usable
        assert check(sys.executable, quick=True, required={"json": "json"}).usable


def ends(group, seconds=20.0):
    """Whether a group of processes is gone before the time is up; a killed one dies in a moment."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


class TestInstalling:
    def test_it_runs_to_its_end_and_reports_progress(self, installed):
        user, installation, progress = installed
        assert installation.state is InstallState.DONE
        assert installation.failure is None
        assert installation.report.usable
        assert progress == sorted(progress)
        assert progress[0] < 0.1
        assert installation.progress == 1.0
        assert "+ fast-thing==1.0" in installation.log(50)
        assert not managed.is_partial(user)
        assert builds.CONTINUES not in builds.needs(installation.plan)
        assert not installation.plan.cache.exists()  # nothing is kept twice

    def test_the_environment_has_the_requirements_and_is_separate(self, installed):
        user, _, _ = installed
        python = str(managed.managed_python(user))
        done = subprocess.run(
            [python, "-I", "-c", "import torch, fast_thing, sys; print(torch.__file__)"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(str(user))

    def test_a_failure_is_explained_and_the_next_attempt_continues(self, begun, wheels):
        (wheels / "numpy-1.0-py3-none-any.whl").unlink()
        first = Installation(begun())
        with pytest.raises(WorkError, match="numpy was not found in the provided"):
            first.run()
        assert first.state is InstallState.FAILED
        assert managed.is_partial(begun().user_folder)
        assert builds.CONTINUES in builds.needs(begun())
        make_wheel(wheels, "numpy")
        made = managed.managed_python(begun().user_folder).lstat().st_mtime_ns
        second = Installation(begun())
        second.run()
        assert second.state is InstallState.DONE
        assert managed.managed_python(begun().user_folder).lstat().st_mtime_ns == made

    def test_cancel_stops_uv_and_can_be_resumed(self, begun):
        first = Installation(begun())
        first.start()
        poll_until(first, lambda: first._process is not None and "pip" in first._waiting.words)
        group = first._process.pid
        os.kill(group, signal.SIGSTOP)  # so that it can't be over before it is cancelled
        first.cancel()
        os.kill(group, signal.SIGCONT)
        poll_until(first, lambda: not first.active)
        assert first.state is InstallState.CANCELLED
        assert ends(group)
        second = Installation(begun())
        second.run()
        assert second.state is InstallState.DONE

    def test_repair_reinstalls_broken_libraries(self, begun):
        Installation(begun()).run()
        python = str(managed.managed_python(begun().user_folder))
        (module,) = Path(python).parents[1].glob("lib/python*/site-packages/numpy.py")
        module.write_text("raise OSError('bad sector')")
        with pytest.raises(WorkError, match="broken numpy"):
            Installation(begun()).run()
        Installation(begun(repair=True)).run()
        assert check(python, required=REQUIRED).usable

    def test_repair_remakes_an_environment_whose_python_is_gone(self, begun):
        managed.managed_python(begun().user_folder).unlink()
        Installation(begun(repair=True)).run()
        python = str(managed.managed_python(begun().user_folder))
        assert check(python, required=REQUIRED).usable

    def test_a_library_that_is_installed_but_broken_fails_it(self, begun, wheels):
        make_wheel(wheels, "torch", "raise ImportError('libcudart.so: cannot open')")
        with pytest.raises(WorkError, match="libcudart"):
            Installation(begun()).run()

    def test_the_network_needs_leave(self, plan):
        installation = Installation(plan(wheels=""))
        with pytest.raises(RequestError, match="not allowed to use the network"):
            installation.start()
        assert installation.state is InstallState.IDLE
        assert not Path(plan().user_folder).exists()

    def test_a_folder_without_wheels_is_refused(self, plan, tmp_path):
        with pytest.raises(RequestError, match="no wheels"):
            Installation(plan(wheels=str(tmp_path / "nowhere"))).start()

    def test_a_missing_or_too_old_base_is_refused(self, plan, tmp_path):
        with pytest.raises(WorkError, match="can't be used"):
            Installation(plan(base=str(tmp_path / "python"))).run()

    def test_wheels_for_another_python_say_which_one_is_missing(self, plan, wheels):
        old = wheels / "torch-1.0-py3-none-any.whl"
        old.rename(wheels / "torch-1.0-cp312-cp312-linux_x86_64.whl")
        with pytest.raises(WorkError, match=r"can't be used. Choose a Python 3\.12"):
            Installation(plan(base=sys.executable)).run()

    def test_a_folder_of_wheels_brings_uv(self, plan, wheels):
        """Its binary is unpacked, and makes the environment without a Python that has pip."""
        name = uv.pinned().file.replace(uv.pinned().file.split("-")[1], "0.0.1")
        with zipfile.ZipFile(wheels / name, "w") as wheel:
            wheel.write(UV, f"uv-0.0.1.data/scripts/{uv.BINARY}")
        Installation(plan(uv="")).run()
        assert uv.binary_of(plan()).is_file()

    def test_a_python_that_cannot_be_downloaded_can_be_installed(self, plan, monkeypatch):
        monkeypatch.setattr(requirements, "known_pythons", lambda _: [])
        monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9")
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        online = plan(wheels="", online_access=True, base="")
        with pytest.raises(WorkError, match=r"127\.0\.0\.1 can't be reached. Install Python 3"):
            Installation(online).run()

    def test_a_folder_without_uv_is_told(self, plan, monkeypatch):
        monkeypatch.setenv("PATH", "")
        with pytest.raises(RequestError, match=r"has no wheel of uv.*Add uv-"):
            Installation(plan(uv="")).start()

    def test_a_full_disk_is_reported_before_any_download(self, plan, monkeypatch):
        huge = builds.Size(0, 1 << 60)
        monkeypatch.setattr(builds, "size_of", lambda _: huge)
        for source in ({"wheels": "", "online_access": True}, {}):
            with pytest.raises(WorkError, match=r"GB free, but 1152921504\.6 GB are needed"):
                Installation(plan(**source)).start()

    def test_a_folder_that_cannot_be_written_is_named(self, plan, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(WorkError, match="can't be written"):
            Installation(plan(user_folder=tmp_path / "file" / "user")).start()


@pytest.mark.skipif(not platform_name(), reason="there are no locks for this platform")
class TestLocked:
    """Two indexes in folders: one for the libraries, one for torch; each file by its hash."""

    def index(self, folder, wheels, *, hashed=True):
        for wheel in wheels:
            name = wheel.name.split("-")[0].replace("_", "-")
            (folder / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(wheel, folder / name)
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            link = f"{wheel.name}#sha256={digest}" if hashed else wheel.name
            (folder / name / "index.html").write_text(f'<a href="{link}">{wheel.name}</a>')
        return folder.as_uri()

    @pytest.fixture
    def locked(self, begun, tmp_path, wheels, monkeypatch):
        """Return a maker of plans with locked libraries."""
        everything = sorted(wheels.glob("*.whl"))
        torch = [wheel for wheel in everything if wheel.name.startswith("torch")]
        others = [wheel for wheel in everything if wheel not in torch]
        monkeypatch.setenv("UV_DEFAULT_INDEX", self.index(tmp_path / "index", others))
        text = ""
        for wheel in others:
            name = wheel.name.split("-")[0].replace("_", "-")
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            text += f"{name}==1.0 \\\n    --hash=sha256:{digest}\n"
        (tmp_path / "locks").mkdir()
        (tmp_path / "locks" / f"{platform_name()}.txt").write_text(text)
        index = self.index(tmp_path / "torch-index", torch)
        return lambda **changes: begun(wheels="", online_access=True, index=index, **changes)

    def test_each_package_comes_from_its_one_index(self, locked):
        installation = Installation(locked())
        installation.run()
        assert installation.report.usable
        commands = [line for line in installation.log(500).splitlines() if line.startswith("$")]
        libraries, torch = [line for line in commands if " install " in line][-2:]
        assert "--require-hashes" in libraries
        assert "index" not in libraries
        assert "--default-index file:" in torch

    def test_an_index_that_states_no_hash_is_used_too(self, locked, tmp_path, wheels):
        self.index(tmp_path / "torch-index", wheels.glob("torch*.whl"), hashed=False)
        installation = Installation(locked())
        installation.run()
        assert installation.report.usable

    def test_a_build_without_a_lock_is_checked_by_the_hash_that_its_index_states(
        self, locked, tmp_path, monkeypatch
    ):
        (wheel,) = (tmp_path / "torch-index" / "torch").glob("*.whl")
        stated = hashlib.sha256(wheel.read_bytes()).hexdigest()
        command = uv.install_command

        def changed(*words):
            if (locked().folder / "torch.txt").exists():  # after the index was asked for the hash
                make_wheel(wheel.parent, "torch", "evil = True", needs=["helper"])
            return command(*words)

        monkeypatch.setattr(uv, "install_command", changed)
        with pytest.raises(WorkError, match="differs from the one in Levelform's lock"):
            Installation(locked()).run()
        lock = (locked().folder / "torch.txt").read_text()
        assert lock.split() == ["torch==1.0", "\\", f"--hash=sha256:{stated}"]

    def test_a_file_with_another_hash_is_not_installed(self, locked, tmp_path):
        (wheel,) = (tmp_path / "index" / "numpy").glob("*.whl")
        make_wheel(wheel.parent, "numpy", "evil = True")
        with pytest.raises(WorkError, match="differs from the one in Levelform's lock"):
            Installation(locked()).run()

    def test_a_repair_takes_the_locked_file_again(self, locked):
        Installation(locked()).run()
        python = managed.managed_python(locked().user_folder)
        (module,) = python.parents[1].glob("lib/python*/site-packages/numpy.py")
        module.write_text("raise ImportError('broken')")
        Installation(locked(repair=True)).run()
        assert check(str(python), required=REQUIRED).usable


class TestRemoving:
    def test_it_removes_what_it_made(self, begun):
        assert managed.is_partial(begun().user_folder)
        install.remove(begun().user_folder)
        assert list(Path(begun().user_folder).iterdir()) == []
        install.remove(begun().user_folder)

    def test_a_folder_without_our_marker_is_not_changed(self, plan):
        folder = Path(plan().user_folder, "backend")
        folder.mkdir(parents=True)
        (folder / "thesis.txt").write_text("years of work")
        with pytest.raises(WorkError, match="not made by Levelform"):
            install.remove(plan().user_folder)
        with pytest.raises(WorkError, match="not made by Levelform"):
            Installation(plan()).start()
        assert (folder / "thesis.txt").read_text() == "years of work"

    def test_a_link_to_somewhere_else_is_left_alone(self, begun, tmp_path):
        elsewhere = tmp_path / "elsewhere"
        Path(begun().folder).rename(elsewhere)
        Path(begun().folder).symlink_to(elsewhere)
        with pytest.raises(WorkError, match="not made by Levelform"):
            install.remove(begun().user_folder)
        assert (elsewhere / "env").is_dir()


def test_the_camera_finder_is_added_on_request(plan, wheels, tmp_path):
    (tmp_path / "requirements-photographs.txt").write_text("# extra\nfinder==1.0\n")
    make_wheel(wheels, "finder")
    Installation(plan()).run()
    environment = plan().environment
    assert not list(environment.rglob("finder.py"))
    Installation(plan(photographs=True)).run()
    assert len(list(environment.rglob("finder.py"))) == 1
    assert check(plan().python, required=REQUIRED).usable
