"""What pip is told for each build, and how far it is by its own words."""

import pytest
from levelform.addon.backend_setup import pip
from levelform.addon.backend_setup.managed import InstallPlan, TorchBuild

LINES = """\
Collecting torch==2.0 (from -r requirements.txt (line 1))
  Downloading torch-2.0-cp311-cp311-linux_x86_64.whl.metadata (30 kB)
Collecting numpy==1.0
  Using cached numpy-1.0-cp311-cp311-linux_x86_64.whl.metadata (3 kB)
Collecting fast-thing==1.0
Downloading torch-2.0-cp311-cp311-linux_x86_64.whl (180.0 MB)
Progress 0 of 180
Progress 90 of 180
Progress 180 of 180
Using cached numpy-1.0-cp311-cp311-linux_x86_64.whl (18 MB)
Downloading helper-1.0-py3-none-any.whl (1 MB)
Processing /wheels/fast_thing-1.0-py3-none-any.whl
Installing collected packages: helper, numpy, torch, fast-thing
Successfully installed fast-thing-1.0 helper-1.0 numpy-1.0 torch-2.0
""".splitlines()


def test_progress_follows_the_wheels():
    progress = pip.PipProgress(["torch", "numpy", "fast-thing"])
    fractions = []
    for line in LINES:
        progress.read(line)
        fractions.append(progress.fraction)
    whole = 2 * 22  # torch counts as much as 20 others, and their arrival is one half
    assert fractions[:6] == [0.0] * 6
    assert fractions[6:] == pytest.approx(
        [0, 10 / whole, 20 / whole, 20 / whole, 21 / whole, 21 / whole, 0.5, 0.5]
    )
    assert progress.message.startswith("Installing collected packages")
    progress.unpacked = 3
    assert progress.fraction == 0.5 + 0.5 * 3 / 4


@pytest.mark.parametrize(
    ("build", "system", "ending"),
    [
        (TorchBuild.CPU, "linux", "/cpu"),
        (TorchBuild.CUDA, "linux", ""),
        (TorchBuild.CPU, "win32", ""),
        (TorchBuild.CUDA, "win32", "/cu130"),
        (TorchBuild.CPU, "darwin", ""),
        (TorchBuild.CUDA, "darwin", ""),
    ],
)
def test_each_build_has_its_index(monkeypatch, build, system, ending):
    monkeypatch.setattr(pip.sys, "platform", system)
    plan = InstallPlan("user", build=build)
    options = pip.torch_options(plan)
    assert pip.source_options(plan) == []
    if ending:
        assert options[0] == "--index-url"
        assert options[1].endswith(ending)
    else:
        assert options == []


def test_torch_is_pinned_to_its_build(monkeypatch):
    monkeypatch.setattr(pip.sys, "platform", "linux")
    versions = {
        str(plan.build) + plan.index: next(r for r in pip.wanted(plan) if r.startswith("torch"))
        for plan in (
            InstallPlan("user"),
            InstallPlan("user", build=TorchBuild.CUDA),
            InstallPlan("user", index="file:///x"),
        )
    }
    plain = versions["cuda"]
    assert versions == {"cpu": f"{plain}+cpu", "cuda": plain, "cpufile:///x": plain}


def test_an_index_of_ones_own_is_used():
    plan = InstallPlan("user", index="file:///here")
    assert pip.torch_options(plan) == ["--index-url", "file:///here"]
    assert pip.source_options(plan) == []


def test_a_folder_of_wheels_needs_no_network(tmp_path):
    assert pip.source_options(InstallPlan("user", wheels=str(tmp_path))) == [
        *("--no-index", "--find-links"),
        str(tmp_path),
    ]


def test_nothing_leads_pip_elsewhere(monkeypatch):
    for name in ("PIP_TARGET", "PIP_USER", "PYTHONPATH", "PIP_CERT"):
        monkeypatch.setenv(name, "x")
    kept = pip.environment_variables()
    assert "PIP_CERT" in kept
    assert not {"PIP_TARGET", "PIP_USER", "PYTHONPATH"} & set(kept)


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("torch==2.0", "torch"),
        ("fast_thing>=1", "fast-thing"),
        ("Pillow", "pillow"),
        ('PyMCubes==0.1 ; python_version < "3.13"', "pymcubes"),
    ],
)
def test_names_are_compared_as_pip_does(requirement, name):
    assert pip.canonical(requirement) == name


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("WARNING: Retrying (Retry(total=0)) NewConnectionError('Name or service not known')",
         "can't be reached"),
        ("ProxyError('Cannot connect to proxy.', NewConnectionError(...)) Max retries exceeded",
         "proxy can't be reached"),
        ("OSError('Tunnel connection failed: 407 Proxy Authentication Required')",
         "asks for a name and a password"),
        ("WARNING: Retrying SSLError(SSLCertVerificationError(1, 'certificate verify failed'))",
         "is not trusted"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
         "differs from the one in Levelform's lock"),
        ("ERROR: HTTP error 403 while getting https://x/y.whl", "refuses access"),
    ],
)  # fmt: skip
def test_causes_of_failures_are_distinguished(line, words):
    problem, hint = pip.diagnose(f"Looking in indexes\n{line}\nERROR: No matching distribution")
    assert words in problem
    assert hint


def test_unknown_failures_show_pips_own_words():
    assert pip.diagnose("ERROR: No matching distribution found for no-such-thing==1.0") is None
