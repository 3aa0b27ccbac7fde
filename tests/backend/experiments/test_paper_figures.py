"""The figures of each paper: every show is one that its method has, and a row of tiles each."""

import numpy as np
import pytest
from levelform.backend.contract.errors import WorkError
from levelform.backend.data.format import Dataset
from levelform.backend.experiments import paper_figures
from levelform.backend.experiments.paper_figures import FIGURES, GAP, MORPH, TILE
from levelform.backend.experiments.protocol import method_of
from levelform.backend.experiments.published import PUBLISHED
from levelform.backend.reconstructors import find_method
from levelform.backend.shows import offered
from PIL import Image


def test_every_protocol_has_figures_of_its_own_methods_shows():
    assert FIGURES.keys() == PUBLISHED.keys()
    for paper, figures in FIGURES.items():
        known = {spec.name for spec in offered(find_method(method_of(paper)))} | {MORPH}
        for figure in figures:
            assert set(figure.shows) <= known, figure


def test_a_row_has_the_image_and_what_is_shown(data, network, tmp_path, monkeypatch):
    monkeypatch.setitem(FIGURES, "tdgn", (FIGURES["tdgn"][1],))
    shape = Dataset(data, "test").shapes[0]
    (path,) = paper_figures.write_paper_figures("tdgn", network("tdgn"), [shape], tmp_path)
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    tiles = (pixels.shape[1] - GAP) // (TILE + GAP)
    assert tiles >= 3  # the image, training points, and what lies in the embedding
    for index in range(tiles):
        left = GAP + index * (TILE + GAP)
        assert pixels[GAP + 16 :, left : left + TILE].std() > 1, index


def test_what_cannot_be_shown_says_why(data, network, tmp_path, monkeypatch):
    monkeypatch.setitem(FIGURES, "tdgn", (FIGURES["tdgn"][2],))

    def refuse(*_):
        raise WorkError("There is no surface to show.")
        yield

    monkeypatch.setattr(paper_figures, "shown", refuse)
    shape = Dataset(data, "test").shapes[0]
    (path,) = paper_figures.write_paper_figures("tdgn", network("tdgn"), [shape], tmp_path)
    with Image.open(path) as image:
        assert image.width == GAP + 2 * (TILE + GAP)
        assert np.asarray(image.convert("L"))[GAP + 16 :, GAP * 2 + TILE :].min() < 200


@pytest.mark.parametrize("count", [1, 2])
def test_a_morph_lies_between_its_two_images(data, network, tmp_path, monkeypatch, count):
    monkeypatch.setitem(FIGURES, "tdgn", (FIGURES["tdgn"][0],))
    shapes = Dataset(data, "test").shapes[:count]
    (path,) = paper_figures.write_paper_figures("tdgn", network("tdgn"), shapes, tmp_path)
    with Image.open(path) as image:
        assert (image.width - GAP) // (TILE + GAP) == len(paper_figures.FACTORS) + count
