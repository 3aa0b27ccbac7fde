"""How far uv is, by its own words."""

import pytest
from levelform.addon.backend_setup.output import (
    ARRIVED,
    UNPACKING,
    FetchProgress,
    UvProgress,
    parse_size,
    size_words,
    unpacking_bytes,
)

LINES = """\
Using Python 3.11.2 environment at: env1
Resolved 3 packages in 422ms
Downloading torch (180.0MiB)
Downloading numpy (20.0MiB)
 Downloaded numpy
 Downloaded torch
Prepared 3 packages in 1.57s
Installed 3 packages in 87ms
 + numpy==2.4.6
""".splitlines()


def test_progress_follows_the_bytes_and_never_goes_back():
    growing = [0]
    progress = UvProgress(lambda: growing[0])
    seen, words = [], []
    for line in LINES:
        if line.startswith(" Downloaded"):
            growing[0] = 0
        progress.read(line)
        seen.append(progress.fraction)
        words.append(progress.message)
        if line.startswith("Downloading numpy"):
            growing[0] = round(100 * (1 << 20) * UNPACKING)
            seen.append(progress.fraction)
    assert seen[:4] == [0.0] * 4
    assert seen[4] == pytest.approx(100 / 200)
    assert seen[5] == pytest.approx(20 / 200)  # the installation keeps the greatest
    assert seen[6:] == [1.0] * 4
    assert words[3] == "Downloading torch, 189 MB and 1 more"
    assert words[4] == "Downloading torch, 189 MB"
    assert words[-1] == "Copying files"


def test_files_on_their_way_never_count_as_arrived():
    progress = UvProgress(lambda: 1 << 40)
    progress.read("Downloading torch (180.0MiB)")
    assert progress.fraction == pytest.approx(ARRIVED)


def test_of_a_folder_uv_tells_nothing_so_its_files_are_measured():
    progress = UvProgress(lambda: 60_000_000, local=200_000_000)
    progress.read("Resolved 19 packages in 18ms")
    assert progress.fraction == pytest.approx(60 / UNPACKING / 200)
    progress.read("Prepared 19 packages in 14.61s")
    assert progress.fraction == 1.0


def test_what_uv_is_unpacking_is_measured(tmp_path):
    (tmp_path / ".tmpAb12" / "torch").mkdir(parents=True)
    (tmp_path / ".tmpAb12" / "torch" / "x.so").write_bytes(bytes(1000))
    (tmp_path / "archive-v0").mkdir()
    (tmp_path / "archive-v0" / "y.so").write_bytes(bytes(5000))
    assert 1000 <= unpacking_bytes(tmp_path) < 5000 + 1000


def test_the_download_of_uv_itself():
    progress = FetchProgress()
    progress.read("not JSON")
    assert (progress.fraction, progress.message) == (0.0, "")
    progress.read('{"received": 9000000, "bytes": 18000000}')
    assert (progress.fraction, progress.message) == (0.5, "Downloading uv, 18 MB")


@pytest.mark.parametrize(
    ("words", "count"),
    [("33.7MiB", 35337011), ("1.2GiB", 1288490189), ("512.0KiB", 524288), ("7B", 7), ("much", 0)],
)
def test_sizes_as_uv_prints_them(words, count):
    assert parse_size(words) == count


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 MB"), (191_794_682, "192 MB"), (2_850_000_000, "2.9 GB")]
)
def test_sizes_for_a_person(count, words):
    assert size_words(count) == words
