"""The format on disk: round trips, resuming, full disks, damage, splits, memory."""

import errno
import hashlib
import json

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.data.format import (
    Dataset,
    DatasetWriter,
    Record,
    pack_voxels,
    shards,
    split_of,
    unpack_voxels,
    verify,
)

SETTINGS = {"seed": 1}


def record(index, *, size=16, views=3, count=50):
    rng = np.random.default_rng(index)
    pose = np.tile(np.eye(4), (views, 1, 1))
    pose[:, 2, 3] = -3
    arrays = {
        "uniform.points": rng.uniform(-1, 1, (count + index, 3)).astype(np.float32),
        "uniform.distance": rng.normal(size=count + index).astype(np.float32),
        "voxels": pack_voxels(rng.random((32, 32, 32)) > 0.5),
        "views.images": rng.integers(0, 256, (views, size, size, 4), np.uint8),
        "views.poses": pose,
        "views.intrinsics": np.tile([20.0, 21.0, 7.5, 8.5], (views, 1)),
        "views.orthographic": np.array([0] * (views - 1) + [1], np.uint8),
    }
    return Record(f"thing/{index:03d}", ["chair", "lamp"][index % 2], arrays, info={"n": index})


def fill(root, count=12, *, start=0, shard_bytes=30_000, **options):
    with DatasetWriter(root, provenance=SETTINGS, shard_bytes=shard_bytes, **options) as writer:
        for index in range(start, count):
            writer.add(record(index))
        writer.skip("thing/bad", "it is flat")


def digests(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_what_is_written_is_read(tmp_path):
    fill(tmp_path)
    dataset = Dataset(tmp_path)
    assert len(dataset) == 12
    assert dataset.categories == ("chair", "lamp")
    for index, shape in enumerate(dataset):
        wanted = record(index)
        assert (shape.id, shape.category, shape.info) == (
            wanted.id,
            wanted.category,
            {"n": index},
        )
        assert set(shape.names) == set(wanted.arrays)
        for name, array in wanted.arrays.items():
            np.testing.assert_array_equal(shape[name], array)
    assert dataset.manifest["skipped"] == {"thing/bad": "it is flat"}
    assert len(dataset.manifest["shards"]) > 1


def test_a_shard_is_a_safetensors_file_for_anyone(tmp_path):
    from safetensors.numpy import load_file

    fill(tmp_path, 3, shard_bytes=1 << 30)
    loaded = load_file(tmp_path / "shards" / "00000.safetensors")
    points = np.concatenate([record(i).arrays["uniform.points"] for i in range(3)])
    np.testing.assert_array_equal(loaded["uniform.points"], points)


def test_arrays_are_mapped_not_loaded_and_start_on_64_bytes(tmp_path):
    fill(tmp_path)
    shape = Dataset(tmp_path)[5]
    base = shape["uniform.points"]
    assert isinstance(base, np.memmap)
    assert not base.flags.writeable
    header = shards.read_header(tmp_path / "shards" / "00000.safetensors")
    assert all(start % 64 == 0 for _, _, start in header.arrays.values())


def test_views_come_with_their_cameras(tmp_path):
    fill(tmp_path, 1)
    shape = Dataset(tmp_path)[0]
    view = shape.view(2)
    assert view.image.shape == (16, 16, 4)
    assert view.camera is not None
    assert (view.camera.fy, view.camera.cx, view.camera.orthographic) == (21.0, 7.5, True)
    np.testing.assert_allclose(
        view.image.numpy() * 255, record(0).arrays["views.images"][2], atol=1e-4
    )


def test_the_same_records_make_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        fill(tmp_path / name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


class FullDisk:
    """A file that takes so many bytes and then has no room."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        if self.room[0] < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room[0] -= len(data)
        return self.file.write(data)


def test_a_full_disk_keeps_what_is_finished_and_the_run_resumes(tmp_path, monkeypatch):
    fill(tmp_path / "whole")
    room = [60_000]
    opened = shards.open_new
    monkeypatch.setattr(shards, "open_new", lambda path: FullDisk(opened(path), room))
    with pytest.raises(WorkError, match="the disk is full") as caught:
        fill(tmp_path / "cut")
    assert "run the same command again" in caught.value.hint
    monkeypatch.undo()

    kept = Dataset(tmp_path / "cut")
    assert 0 < len(kept) < 12
    np.testing.assert_array_equal(kept[0]["voxels"], record(0).arrays["voxels"])
    assert not list((tmp_path / "cut").rglob("*.part"))
    assert "The data set is not finished." in verify(tmp_path / "cut")["problems"]

    fill(tmp_path / "cut")
    assert digests(tmp_path / "cut") == digests(tmp_path / "whole")


def test_an_exception_drops_the_shard_in_the_making_and_nothing_else(tmp_path):

    def interrupted():
        with DatasetWriter(tmp_path / "cut", provenance=SETTINGS, shard_bytes=30_000) as writer:
            for index in range(5):
                writer.add(record(index))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    fill(tmp_path / "cut")
    fill(tmp_path / "whole")
    assert digests(tmp_path / "cut") == digests(tmp_path / "whole")


def test_small_shapes_are_written_before_they_are_many(tmp_path):
    with DatasetWriter(tmp_path, provenance=SETTINGS, shard_shapes=4) as writer:
        for index in range(10):
            writer.add(record(index))
            assert len(list((tmp_path / "shards").iterdir())) == (index + 1) // 4
    assert len(Dataset(tmp_path)) == 10


def test_finished_shapes_are_not_asked_for_again(tmp_path):
    fill(tmp_path)
    with DatasetWriter(tmp_path, provenance=SETTINGS) as writer:
        assert "thing/007" in writer.done
        assert "thing/bad" in writer.done
        writer.add(record(7))  # ignored
    assert len(Dataset(tmp_path)) == 12


def test_other_settings_do_not_resume(tmp_path):
    fill(tmp_path)
    with pytest.raises(RequestError, match="other settings"):
        DatasetWriter(tmp_path, provenance={"seed": 2})


def test_a_truncated_shard_is_named_and_made_again(tmp_path):
    fill(tmp_path)
    before = digests(tmp_path)
    path = tmp_path / "shards" / "00001.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WorkError, match=r"00001\.safetensors is truncated"):
        Dataset(tmp_path)
    assert any("00001" in problem for problem in verify(tmp_path)["problems"])
    fill(tmp_path)
    assert digests(tmp_path) == before


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\xff" * 64])
def test_what_is_no_shard_is_said_to_be_none(tmp_path, damage):
    fill(tmp_path)
    (tmp_path / "shards" / "00000.safetensors").write_bytes(damage)
    with pytest.raises(WorkError, match="not a shard, or its head is damaged"):
        Dataset(tmp_path)


def test_a_head_whose_shape_has_rows_past_the_end_is_refused(tmp_path):
    fill(tmp_path)
    path = tmp_path / "shards" / "00000.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    inner = json.loads(head["__metadata__"]["levelform"])
    name, (start, stop) = next(iter(inner["shapes"][0]["rows"].items()))
    inner["shapes"][0]["rows"][name] = [start, stop + 10**6]
    head["__metadata__"]["levelform"] = json.dumps(inner)
    changed = json.dumps(head).encode()
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + length :])
    with pytest.raises(WorkError, match="not a shard, or its head is damaged"):
        shards.read_header(path)


def test_a_missing_shard_is_named(tmp_path):
    fill(tmp_path)
    (tmp_path / "shards" / "00000.safetensors").unlink()
    with pytest.raises(WorkError, match=r"00000\.safetensors is missing"):
        Dataset(tmp_path)


def test_a_changed_byte_is_found_and_its_array_named(tmp_path):
    fill(tmp_path)
    assert verify(tmp_path)["problems"] == []
    path = tmp_path / "shards" / "00000.safetensors"
    _, _, start = shards.read_header(path).arrays["voxels"]
    content = bytearray(path.read_bytes())
    content[start + 10] ^= 1
    path.write_bytes(content)
    (problem,) = verify(tmp_path)["problems"]
    assert problem == "The checksum of 00000.safetensors is wrong: bytes changed in voxels."


def test_a_split_that_names_a_missing_shape_is_refused(tmp_path):
    fill(tmp_path)
    path = tmp_path / "splits.json"
    splits = json.loads(path.read_text())
    splits["train"].append("thing/999")
    path.write_text(json.dumps(splits))
    with pytest.raises(RequestError, match="'thing/999' first"):
        Dataset(tmp_path, "train")
    assert any("thing/999" in problem for problem in verify(tmp_path)["problems"])
    with pytest.raises(RequestError, match="no split 'dev'"):
        Dataset(tmp_path, "dev")


def test_splits_are_disjoint_complete_and_depend_on_names_alone(tmp_path):
    fill(tmp_path, 60)
    parts = [{s.id for s in Dataset(tmp_path, name)} for name in ("train", "val", "test")]
    assert sum(map(len, parts)) == 60
    assert len(set.union(*parts)) == 60
    fraction = np.mean([split_of(f"x/{i}") == "test" for i in range(20_000)])
    assert fraction == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / 20_000))


@pytest.mark.parametrize("count", range(1, 13))
def test_few_shapes_are_still_trained_and_validated_on(tmp_path, count):
    fill(tmp_path, count)
    train, val, test = (
        {shape.id for shape in Dataset(tmp_path, split)} for split in ("train", "val", "test")
    )
    assert train
    assert val
    assert train | val | test == {f"thing/{index:03d}" for index in range(count)}
    assert not (train & val) or count == 1
    assert not (train | val) & test


def test_a_published_split_is_kept(tmp_path):
    with DatasetWriter(tmp_path, provenance={}) as writer:
        writer.add(Record("a", "c", record(0).arrays, "test"))
        writer.add(Record("b", "c", record(1).arrays, "train"))
    assert [s.id for s in Dataset(tmp_path, "test")] == ["a"]


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"colour": np.zeros(3, np.float32)}, "no array 'colour'"),
        ({"uniform.points": np.zeros((4, 3))}, "is float64, not float32"),
        ({"uniform.points": np.zeros((4, 2), np.float32)}, "has the shape"),
        ({"uniform.points": np.full((4, 3), np.nan, np.float32)}, "not finite"),
        (
            {
                "uniform.points": np.zeros((4, 3), np.float32),
                "uniform.distance": np.zeros(5, np.float32),
            },
            "differ in length",
        ),
        ({}, "without arrays"),
    ],
)
def test_records_that_break_the_rules_are_refused(arrays, sentence):
    with pytest.raises(RequestError, match=sentence):
        Record("a", "b", arrays)


def test_names_and_sizes_must_agree(tmp_path):
    with pytest.raises(RequestError, match="not a valid name"):
        Record("../a b", "c", record(0).arrays)
    writer = DatasetWriter(tmp_path, provenance={})
    writer.add(record(0))
    with pytest.raises(RequestError, match="Two shapes"):
        writer.add(record(0))
    with pytest.raises(RequestError, match="one size"):
        writer.add(record(1, size=17))


def test_voxels_survive_packing():
    grid = np.random.default_rng(0).random((32, 32, 32)) > 0.3
    np.testing.assert_array_equal(unpack_voxels(pack_voxels(grid)), grid)


def anonymous_bytes():
    """Return this process's own memory; pages of mapped files don't count."""
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024


@pytest.mark.slow
def test_memory_is_flat_over_a_hundred_thousand_samples(tmp_path):
    pytest.importorskip("resource")
    with DatasetWriter(tmp_path, provenance={}, shard_bytes=4 << 20) as writer:
        for index in range(200):
            writer.add(record(index, size=32, count=4000))
    dataset, rng = Dataset(tmp_path), np.random.default_rng(0)

    def draw(times):
        for _ in range(times):
            for place in rng.integers(len(dataset), size=50):
                shape = dataset[int(place)]
                assert np.array(shape["views.images"][0]).ndim == 3
                assert len(np.array(shape["uniform.points"][:512]))
        return anonymous_bytes()

    warm = draw(100)
    assert draw(1_900) - warm < 20 << 20  # 95,000 more samples, a few MiB at most


# ---------------------------------------------------------------- damage: found, and made again


def swap(root):
    first, second = (root / "shards" / f"{i:05d}.safetensors" for i in (0, 1))
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


def flip(root, place):
    path = root / "shards" / "00001.safetensors"
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


def cut(root):
    path = root / "shards" / "00001.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


DAMAGE = {
    "cut": cut,
    "swapped": swap,
    "a byte of an array": lambda root: flip(root, -500),
    "a byte of the head": lambda root: flip(root, 300),
    "missing": lambda root: (root / "shards" / "00001.safetensors").unlink(),
    "empty": lambda root: (root / "shards" / "00001.safetensors").write_bytes(b""),
    "no splits": lambda root: (root / "splits.json").unlink(),
    "garbled splits": lambda root: (root / "splits.json").write_text('{"train": [1, {}]}'),
    "half the splits": lambda root: (root / "splits.json").write_text('{"train": ["thi'),
}


def read_all(root):
    """Read as training does: every array of the shapes of a split."""
    for shape in Dataset(root, "train"):
        for name in shape.names:
            shape[name].sum()


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_of_every_kind_is_found_and_made_again(tmp_path, kind):
    fill(tmp_path)
    before = digests(tmp_path)
    DAMAGE[kind](tmp_path)
    assert verify(tmp_path)["problems"]
    with pytest.raises((WorkError, RequestError)) as caught:
        read_all(tmp_path)
    assert "Run the command" in caught.value.hint
    fill(tmp_path)
    assert digests(tmp_path) == before
    read_all(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("shards"),
        lambda m: m.update(shards=3),
        lambda m: m["shards"][0].pop("bytes"),
        lambda m: m["shards"][0].update(file="../../secret"),
        lambda m: m["shards"].append("x"),
        lambda m: m.update(skipped=[]),
        lambda m: m.update(complete="yes"),
        lambda m: m.pop("provenance"),
    ],
)
def test_a_garbled_manifest_is_named(tmp_path, change):
    fill(tmp_path)
    path = tmp_path / "dataset.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    for look in (Dataset, verify):
        with pytest.raises(WorkError, match=r"dataset\.json is damaged") as caught:
            look(tmp_path)
        assert "Delete it and run" in caught.value.hint


def test_what_killed_runs_left_half_written_goes(tmp_path):
    fill(tmp_path)
    for folder in (tmp_path, tmp_path / "shards"):
        (folder / ".00000.safetensors.99999.part").write_bytes(b"half")
    fill(tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_two_runs_do_not_write_one_data_set(tmp_path):
    with DatasetWriter(tmp_path, provenance=SETTINGS) as writer:
        writer.add(record(0))
        with pytest.raises(RequestError, match="in use by a run that makes a data set"):
            DatasetWriter(tmp_path, provenance=SETTINGS)
    fill(tmp_path)
    assert len(Dataset(tmp_path)) == 12
