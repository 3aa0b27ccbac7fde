"""Measurements survive interruptions and are found again by all that they depend on."""

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.experiments.store import Store


def test_numbers_are_found_again_in_any_order_of_the_key(tmp_path):
    store = Store(tmp_path / "numbers.jsonl")
    store.add({"shape": "a", "views": 1}, {"iou": 0.1 + 0.2})
    again = Store(tmp_path / "numbers.jsonl")
    assert again.get({"views": 1, "shape": "a"}) == {"iou": 0.1 + 0.2}
    assert again.get({"views": 2, "shape": "a"}) is None


def test_a_line_that_was_cut_is_measured_again_and_spoils_nothing(tmp_path):
    path = tmp_path / "numbers.jsonl"
    store = Store(path)
    store.add({"shape": "a"}, {"iou": 0.5})
    store.add({"shape": "b"}, {"iou": 0.25})
    path.write_bytes(path.read_bytes()[:-7])
    cut = Store(path)
    assert (cut.get({"shape": "a"}), cut.get({"shape": "b"})) == ({"iou": 0.5}, None)
    cut.add({"shape": "b"}, {"iou": 0.75})
    assert Store(path).get({"shape": "b"}) == {"iou": 0.75}
    assert len(Store(path)) == 2


@pytest.mark.parametrize("content", [b"my notes\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n"])
def test_another_file_is_not_written_over(tmp_path, content):
    path = tmp_path / "notes.jsonl"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="does not hold measurements"):
        Store(path)
    assert path.read_bytes() == content
