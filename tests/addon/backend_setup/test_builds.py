"""What is told before an installation, which build suits a computer, and uv's words for it."""

import json
import sys

import pytest
from levelform.addon.backend_setup import builds, locks, requirements, uv
from levelform.addon.backend_setup.locks import torch_lock_of
from levelform.addon.backend_setup.managed import InstallPlan, TorchBuild

AUTO, CPU, CUDA, ROCM = TorchBuild


@pytest.fixture
def computer(monkeypatch, tmp_path):
    """Say which system and drivers this computer has."""

    def computer(system, *drivers):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(builds.shutil, "which", lambda _: None)
        builds.driver_release.cache_clear()
        for name in ("NVIDIA_DRIVER", "AMD_DRIVER"):
            path = tmp_path / name
            if name in drivers:
                path.touch()
            monkeypatch.setattr(builds, name, path)

    return computer


@pytest.mark.parametrize(
    ("system", "drivers", "build"),
    [
        ("linux", (), CPU),
        ("linux", ("NVIDIA_DRIVER",), CUDA),
        ("linux", ("AMD_DRIVER",), ROCM),
        ("win32", (), CPU),
        ("darwin", ("NVIDIA_DRIVER",), CPU),
    ],
)
def test_the_build_suits_the_graphics_card(computer, system, drivers, build):
    computer(system, *drivers)
    assert builds.build_of(InstallPlan("user")) is build
    assert builds.build_of(InstallPlan("user", build=CPU)) is CPU


@pytest.mark.parametrize(
    ("system", "build", "options"),
    [
        ("linux", CPU, ["--torch-backend", "cpu"]),
        ("linux", CUDA, []),
        ("linux", ROCM, ["--torch-backend", "auto"]),
        ("win32", CPU, []),
        ("win32", CUDA, ["--torch-backend", "cu130"]),
        ("darwin", CPU, []),
    ],
)
def test_each_build_has_one_source(computer, system, build, options):
    computer(system)
    assert builds.torch_options(InstallPlan("user", build=build)) == options
    own = InstallPlan("user", build=build, index="file:///x")
    assert builds.torch_options(own) == ["--default-index", "file:///x"]
    assert builds.torch_options(InstallPlan("user", build=build, wheels="/w")) == []


@pytest.mark.parametrize(
    ("words", "release", "options"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27", 580, []),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  610.43.02", 610, []),
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01", 535, ["auto"]),
        ("", None, ["auto"]),
    ],
)
def test_the_version_of_cuda_follows_the_driver(computer, monkeypatch, words, release, options):
    computer("linux", "NVIDIA_DRIVER")
    monkeypatch.setattr("levelform.addon.backend_setup.locks.platform_name", lambda: "linux_x86_64")
    builds.NVIDIA_DRIVER.write_text(words)
    assert builds.driver_release() == release
    plan = InstallPlan("user")
    assert builds.torch_options(plan)[1:] == options
    assert (torch_lock_of(plan) is None) == bool(options)  # uv's own choice is not locked


def test_the_driver_is_asked_for_its_release_by_its_own_program(computer, monkeypatch, tmp_path):
    computer("win32")
    monkeypatch.setattr(sys, "platform", "linux")  # the stand-in is a script
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 581.29\n")
    program.chmod(0o755)
    monkeypatch.setattr(builds.shutil, "which", lambda _: str(program))
    assert builds.driver_release() == 581
    builds.driver_release.cache_clear()
    monkeypatch.setattr(builds, "DRIVER_PATIENCE", 0.2)
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    assert builds.driver_release() is None  # a program that hangs is given up
    builds.driver_release.cache_clear()


def test_how_much_where_how_long_and_the_licence_are_told(computer, tmp_path):
    computer("linux")
    download, room, licence = builds.needs(InstallPlan(tmp_path / "user"))
    assert download == (
        "Downloads 300 MB from pypi.org, download.pytorch.org: about a minute at 50 Mbit/s."
    )
    assert room.startswith("It needs 1.5 GB of ")
    assert room.endswith(f" in {tmp_path / 'user' / 'backend'}.")
    assert licence.startswith("Licenses: uv (MIT or Apache-2.0), PyTorch (BSD-3-Clause)")
    assert "NVIDIA" not in licence
    big = builds.needs(InstallPlan(tmp_path, build=CUDA), python=True)
    assert (
        big[0]
        == "Downloads 2.9 GB from pypi.org, github.com (Python): about 8 minutes at 50 Mbit/s."
    )
    assert "NVIDIA's own license" in big[2]


def test_a_folder_of_wheels_is_told_and_its_size_counted(tmp_path):
    (tmp_path / "a.whl").write_bytes(bytes(1_000_000))
    told = builds.needs(InstallPlan(tmp_path / "user", wheels=str(tmp_path)))
    assert told[0] == f"Installs from {tmp_path}, without the network."
    assert told[1].startswith("It needs 4 MB of ")


@pytest.mark.parametrize(
    ("platform", "build", "version"),
    [
        ("linux_x86_64", CPU, "2.13.0+cpu"),
        ("linux_aarch64", CPU, "2.13.0+cpu"),
        ("macosx_arm64", CPU, "2.13.0"),
        ("win_amd64", CPU, "2.13.0"),
        ("linux_x86_64", CUDA, "2.13.0"),
        ("win_amd64", CUDA, "2.13.0+cu130"),
    ],
)
def test_each_build_of_torch_has_its_hashes(computer, monkeypatch, platform, build, version):
    computer({"linux": "linux", "macosx": "darwin", "win": "win32"}[platform.split("_")[0]])
    monkeypatch.setattr("levelform.addon.backend_setup.locks.platform_name", lambda: platform)
    lock = torch_lock_of(InstallPlan("user", build=build))
    torch = locks.entries(lock)["torch"]
    assert torch.startswith(f"torch=={version} ")
    assert torch.count("--hash=sha256:") >= 3  # one for each Python; macOS's 3.13 and 3.14


def test_cuda_for_linux_is_locked_with_nvidias_libraries(monkeypatch):
    monkeypatch.setattr("levelform.addon.backend_setup.locks.platform_name", lambda: "linux_x86_64")
    names = locks.entries(torch_lock_of(InstallPlan("user", build=CUDA))).keys()
    assert {"nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-nccl-cu13", "triton"} <= names


# ---------------------------------------------------------------- uv


def test_every_pin_is_a_published_wheel_with_its_hash():
    pins = json.loads(uv.PINS.read_text())
    assert {"linux_x86_64", "linux_aarch64", "macosx_arm64", "win_amd64"} <= pins["wheels"].keys()
    for pin in pins["wheels"].values():
        assert pin["file"].startswith(f"uv-{pins['version']}-py3-none-")
        assert len(pin["sha256"]) == 64
        assert 10 << 20 < pin["bytes"] < 30 << 20


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "linux_x86_64"),
        ("linux", "aarch64", "linux_aarch64"),
        ("darwin", "arm64", "macosx_arm64"),
        ("darwin", "x86_64", "macosx_x86_64"),
        ("win32", "AMD64", "win_amd64"),
        ("win32", "ARM64", "win_arm64"),
    ],
)
def test_platforms_have_their_pins(monkeypatch, system, machine, name):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(uv.platform, "machine", lambda: machine)
    uv.platform_name.cache_clear()
    try:
        assert uv.platform_name() == name
        assert uv.pinned().file.endswith(".whl")
    finally:
        uv.platform_name.cache_clear()


def test_nothing_leads_uv_elsewhere(monkeypatch, tmp_path):
    for name in ("UV_PYTHON", "UV_TARGET", "VIRTUAL_ENV", "PYTHONPATH", "UV_HTTP_TIMEOUT"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror/simple")
    monkeypatch.setenv("PIP_CERT", "/proxy.pem")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    kept = uv.environment_variables(InstallPlan(tmp_path, system_certs=True))
    assert not {"UV_PYTHON", "UV_TARGET", "VIRTUAL_ENV", "PYTHONPATH"} & set(kept)
    assert kept["UV_HTTP_TIMEOUT"] == "x"
    assert kept["UV_DEFAULT_INDEX"] == "https://mirror/simple"
    assert kept["SSL_CERT_FILE"] == "/proxy.pem"
    assert kept["UV_SYSTEM_CERTS"] == "1"
    assert kept["UV_CACHE_DIR"].startswith(str(tmp_path))
    assert "UV_SYSTEM_CERTS" not in uv.environment_variables(InstallPlan(tmp_path))


def test_only_a_python_that_is_missing_is_downloaded(tmp_path):
    plan = InstallPlan(tmp_path)
    given = uv.venv_command("uv", plan, "/usr/bin/python3.13")
    assert "--no-python-downloads" in given
    assert "--managed-python" in uv.venv_command("uv", plan, "3.13")
    offline = uv.venv_command("uv", InstallPlan(tmp_path, wheels="/w"), "3.13")
    assert {"--offline", "--no-python-downloads"} < set(offline)
    assert requirements.version_of([(3, 11), (3, 13), (3, 14)]) == "3.13"
    assert requirements.version_of([(3, 11)]) == "3.11"
    assert requirements.version_of([]) == ""


# ---------------------------------------------------------------- requirements


def test_the_wheels_of_torch_say_which_python_is_needed(tmp_path):
    every = [(3, 11), (3, 12), (3, 13), (3, 14)]
    assert requirements.pythons_of(InstallPlan("user")) == every
    (tmp_path / "torch-2.0-py3-none-any.whl").touch()
    assert requirements.pythons_of(InstallPlan("user", wheels=str(tmp_path))) == every
    (tmp_path / "torch-2.0-py3-none-any.whl").unlink()
    for python in ("311", "314"):
        (tmp_path / f"torch-2.0-cp{python}-cp{python}-win_amd64.whl").touch()
    plan = InstallPlan("user", wheels=str(tmp_path))
    assert requirements.pythons_of(plan) == [(3, 11), (3, 14)]


def test_a_python_is_downloaded_only_where_there_is_none(monkeypatch, tmp_path):
    plan = InstallPlan(tmp_path)
    assert not requirements.needs_download(plan)  # this one will do
    monkeypatch.setattr(requirements, "on_path", lambda _: None)
    monkeypatch.setattr(sys, "executable", "")
    assert requirements.needs_download(plan)
    assert not requirements.needs_download(InstallPlan(tmp_path, wheels="/w"))


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("torch==2.0", "torch"),
        ("fast_thing>=1", "fast-thing"),
        ("Pillow", "pillow"),
        ('PyMCubes==0.1 ; python_version < "3.13"', "pymcubes"),
    ],
)
def test_names_are_compared_in_their_normal_form(requirement, name):
    assert requirements.canonical(requirement) == name
