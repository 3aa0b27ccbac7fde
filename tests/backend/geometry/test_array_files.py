"""NumPy's files: whatever is wrong with one ends in a ValueError or an OSError."""

import numpy as np
import pytest
from levelform.backend.geometry.array_files import read_npy, read_npz


def test_good_files_come_back(tmp_path):
    values = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "b.npz", x=values, y=values[0])
    assert np.array_equal(read_npy(tmp_path / "a.npy"), values)
    arrays = read_npz(tmp_path / "b.npz")
    assert arrays.keys() == {"x", "y"}
    assert np.array_equal(arrays["y"], values[0])


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_files_cut_short_are_refused(tmp_path, cut):
    np.save(tmp_path / "a.npy", np.arange(10.0))
    np.savez(tmp_path / "b.npz", x=np.arange(10.0))
    for name, read in (("a.npy", read_npy), ("b.npz", read_npz)):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: min(cut, len(content) - 1)])
        with pytest.raises((ValueError, OSError)):
            read(tmp_path / name)


def test_one_kind_is_not_taken_for_the_other(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    np.savez(tmp_path / "b.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match="one array alone"):
        read_npz(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="several arrays"):
        read_npy(tmp_path / "b.npz")


def test_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_npy(tmp_path / "a.npy")
