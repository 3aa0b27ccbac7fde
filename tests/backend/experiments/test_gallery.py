"""The gallery shows what the numbers choose, and stays small."""

from levelform.backend.data.format import Dataset
from levelform.backend.experiments import gallery
from levelform.backend.experiments.gallery import choose, write_gallery
from levelform.backend.experiments.settings import ONE, Setting
from levelform.backend.experiments.table import Row, TableResults, TestSet
from PIL import Image
from setups.analytic import Sphere


class Guess:
    name, title, learned = "guess", "Guess", True

    def field(self, shape, setting):
        return Sphere(0.5)


def test_best_median_and_worst_by_the_numbers():
    values = {"a": 0.3, "b": 0.9, "c": 0.5, "d": 0.1, "e": 0.6}
    rows = [Row("d", "guess", ONE, "chair", name, {"iou": v}) for name, v in values.items()]
    rows.append(Row("d", "guess", Setting(2), "chair", "f", {"iou": 1.0}))
    chosen = choose(TableResults(rows), "d", "guess")
    assert [(word, row.shape) for word, row in chosen] == [
        ("best", "b"),
        ("median", "c"),
        ("worst", "d"),
    ]
    assert choose(TableResults(rows), "d", "another") == []


def test_one_image_each_with_the_result_and_the_truth(data, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "RESOLUTION", 32)
    test = TestSet.of("shapes", Dataset(data, "test"))
    rows = [
        Row("shapes", "guess", ONE, shape.category, shape.id, {"iou": i / 10})
        for i, shape in enumerate(test.shapes)
    ]
    (picked,) = write_gallery(TableResults(rows), [test], [Guess()], tmp_path / "images")
    assert picked.path == tmp_path / "images" / "guess.png"
    assert f"best {test.shapes[-1].id} (0.500)" in picked.caption
    assert picked.path.stat().st_size < 300_000
    with Image.open(picked.path) as sheet:
        pixels = sheet.convert("L")
        step, line = gallery.TILE + gallery.MARGIN, gallery.LINE + gallery.TILE + gallery.MARGIN
        assert sheet.width == gallery.MARGIN + 5 * step
        for row in range(3):
            for column in range(5):  # every tile shows something, and white around it
                left = gallery.MARGIN + column * step
                top = gallery.MARGIN + gallery.LINE + row * line
                tile = pixels.crop((left, top, left + gallery.TILE, top + gallery.TILE))
                dark = sum(tile.histogram()[:200])
                assert 0.01 < dark / gallery.TILE**2 < 0.9
