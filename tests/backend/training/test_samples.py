"""What a step sees: the same for the same seed, framed for the network, true to the shape."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.format import DatasetWriter
from levelform.backend.data.records import Contents, record_of_shape
from levelform.backend.fusion import project_points
from levelform.backend.images.framing import OURS
from levelform.backend.reconstructors import Batch
from levelform.backend.training.samples import (
    BatchSampler,
    Sampling,
    framed_depths,
    load_shapes,
    mirror,
)

FRAMING = replace(OURS, size=32, background="rgba")
POINTS = (("uniform", 40), ("near", 30))
PLAIN = Sampling(objects=6, views=2, points=POINTS, mirror=0.0, augment=())


def tensors(batch):
    return {n: v for n, v in vars(batch).items() if isinstance(v, torch.Tensor)}


def same(first, second):
    a, b = tensors(first), tensors(second)
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def test_the_same_seed_and_step_give_the_same_batch(data):
    shapes = load_shapes([str(data)], "train")
    sampling = Sampling(objects=6, points=POINTS, surface=50, depth=True, crops=0.5)
    first, second = (BatchSampler(shapes, FRAMING, sampling, seed=3) for _ in range(2))
    assert same(first.sample(7), second.sample(7))
    assert not same(first.sample(7), first.sample(8))
    assert not same(first.sample(7), BatchSampler(shapes, FRAMING, sampling, seed=4).sample(7))


def test_parts_of_a_batch_make_the_whole(data):
    names = ("background", "colors", "blur", "noise", "soft-mask")
    sampling = replace(PLAIN, mirror=0.5, crops=0.5, augment=names)
    sampler = BatchSampler(load_shapes([str(data)], "train"), FRAMING, sampling, seed=0)
    whole, parts = sampler.sample(2), [sampler.sample(2, part=slice(i, i + 2)) for i in (0, 2, 4)]
    for name, tensor in tensors(whole).items():
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), tensor)


def silhouettes_agree(batch, *, tolerance=1.5):
    """Whether points of the surface project onto the mask, by the batch's own cameras."""
    pixels, depth = project_points(batch.surface, batch.camera_from_volume, batch.intrinsics)
    assert (depth > 0).all()
    alpha = batch.images[:, :, 3]
    wide = torch.nn.functional.max_pool2d(alpha, 3, 1, 1) > 0.3  # the mask and a pixel around it
    size = alpha.shape[-1]
    inside = ((pixels > tolerance) & (pixels < size - tolerance)).all(-1)
    index = pixels.long().clamp(0, size - 1)
    b, v = torch.meshgrid(torch.arange(len(alpha)), torch.arange(alpha.shape[1]), indexing="ij")
    hit = wide[b[..., None], v[..., None], index[..., 1], index[..., 0]]
    return hit[inside].float().mean().item()


@pytest.mark.parametrize("crops", [0.0, 1.0])
@pytest.mark.parametrize("mirrored", [0.0, 1.0])
def test_cameras_belong_to_the_framed_images(data, crops, mirrored):
    sampling = replace(PLAIN, surface=150, crops=crops, mirror=mirrored)
    batch = BatchSampler(load_shapes([str(data)], "train"), FRAMING, sampling, seed=1).sample(0)
    assert batch.images.shape == (6, 2, 4, 32, 32)
    assert silhouettes_agree(batch) > 0.999


def test_canonical_cameras_see_nearly_the_cropped_image(data):
    sampling = replace(PLAIN, surface=150, crops=1.0, canonical=True)
    batch = BatchSampler(load_shapes([str(data)], "train"), FRAMING, sampling, seed=1).sample(0)
    intrinsics = batch.intrinsics.new_tensor([FRAMING.focal * 32, FRAMING.focal * 32, 16, 16])
    assert torch.allclose(batch.intrinsics, intrinsics.expand_as(batch.intrinsics))
    assert silhouettes_agree(batch) > 0.97


def test_crops_fill_the_image_to_its_margin(data):
    sampling = replace(PLAIN, crops=1.0)
    batch = BatchSampler(load_shapes([str(data)], "train"), FRAMING, sampling, seed=1).sample(0)
    mask = batch.images[:, :, 3].flatten(0, 1) > 0.5
    for one in mask:
        rows, columns = one.any(1).nonzero(), one.any(0).nonzero()
        longest = max(int(np.ptp(rows.numpy())), int(np.ptp(columns.numpy()))) + 1
        assert abs(longest - 32 * (1 - 2 * FRAMING.margin)) <= 2


def test_labels_are_the_sign_of_the_distance_and_near_points_are_marked(data):
    batch = BatchSampler(load_shapes([str(data)], "train"), FRAMING, PLAIN, seed=1).sample(0)
    assert torch.equal(batch.inside > 0, batch.distances < 0)
    assert torch.equal(batch.near[0], torch.arange(70) >= 40)
    assert batch.distances[:, 40:].abs().mean() < 0.3 * batch.distances[:, :40].abs().mean()


def test_mirroring_twice_changes_nothing(data):
    sampling = replace(PLAIN, surface=20, depth=True)
    batch = BatchSampler(load_shapes([str(data)], "train"), FRAMING, sampling, seed=1).sample(0)
    one = Batch(**{n: v[0] for n, v in tensors(batch).items()})
    twice = mirror(mirror(one))
    for name, tensor in tensors(one).items():
        assert torch.allclose(getattr(twice, name), tensor, atol=1e-5)
    assert not torch.equal(mirror(one).images, one.images)


@pytest.mark.parametrize(("fraction", "least", "most"), [(0.0, 0, 0), (0.5, 2, 9), (1.0, 8, 12)])
def test_augmentations_are_applied_to_a_fraction_of_the_images(data, fraction, least, most):
    shapes = load_shapes([str(data)], "train")
    plain = BatchSampler(shapes, FRAMING, PLAIN, seed=0).sample(0).images
    sampling = replace(PLAIN, augment=("channels",), augmented=fraction)
    images = BatchSampler(shapes, FRAMING, sampling, seed=0).sample(0).images
    changed = int((images != plain).flatten(2).any(-1).sum())
    assert least <= changed <= most


def test_augmented_images_stay_images(data):
    sampling = replace(PLAIN, augment=("colors", "blur", "noise", "soft-mask"))
    shapes = load_shapes([str(data)], "train")
    changed = BatchSampler(shapes, FRAMING, sampling, seed=1).sample(0).images
    plain = BatchSampler(shapes, FRAMING, PLAIN, seed=1).sample(0).images
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed - plain).abs().flatten(2).amax(-1).gt(0.02).float().mean() > 0.6


def test_no_shapes_too_few_views_and_an_unknown_split(data):
    with pytest.raises(RequestError, match="no shapes of spoon"):
        load_shapes([str(data)], "train", categories=["spoon"])
    with pytest.raises(RequestError, match="no split 'dev'"):
        load_shapes([str(data)], "dev")
    many = BatchSampler(load_shapes([str(data)], "train"), FRAMING, replace(PLAIN, views=5), seed=0)
    with pytest.raises(RequestError, match="2 images, not 5"):
        many.sample(0)


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """Return the folders of two data sets: orthographic images alone, and one beside others."""
    folders = {}
    for kind, flags in (("all", [1, 1]), ("some", [1, 0])):
        folders[kind] = tmp_path_factory.mktemp("flat") / kind
        with DatasetWriter(folders[kind], provenance={"source": "a test"}) as writer:
            contents = Contents(points={"uniform": 50, "near": 50}, surface=0, views=2, size=32)
            record = record_of_shape("table", 0, contents)
            arrays = {**record.arrays, "views.orthographic": np.array(flags, np.uint8)}
            writer.add(replace(record, arrays=arrays, split="train"))
    return folders


def test_orthographic_images_only_where_there_are_no_others(data, flat):
    perspective, all_orthographic, some_orthographic = (
        load_shapes([str(folder)], "train") for folder in (data, flat["all"], flat["some"])
    )
    one = replace(PLAIN, views=1)
    assert BatchSampler(all_orthographic, FRAMING, one, seed=0).sample(0).orthographic
    assert not BatchSampler(some_orthographic, FRAMING, one, seed=0).sample(0).orthographic
    with pytest.raises(RequestError, match="1 images, not 2"):
        BatchSampler(some_orthographic, FRAMING, PLAIN, seed=0).sample(0)
    with pytest.raises(RequestError, match="others only orthographic"):
        BatchSampler([*perspective[:1], *all_orthographic], FRAMING, one, seed=0).sample(0)
    with pytest.raises(RequestError, match="learns perspective"):
        BatchSampler(all_orthographic, FRAMING, replace(one, canonical=True), seed=0).sample(0)


def test_images_kept_in_memory_change_nothing(data, monkeypatch):
    from levelform.backend.training import samples

    shapes = load_shapes([str(data)], "train")
    sampling = replace(PLAIN, depth=True, crops=0.5, augment=("blur", "noise"))
    keeping = BatchSampler(shapes, FRAMING, sampling, seed=0)
    first = [keeping.sample(step) for step in range(3)]
    monkeypatch.setattr(samples, "MEMORY", 0)
    forgetting = BatchSampler(shapes, FRAMING, sampling, seed=0)
    assert all(same(forgetting.sample(step), batch) for step, batch in enumerate(first))
    assert all(same(keeping.sample(step), batch) for step, batch in enumerate(first))
    assert not forgetting._kept


def test_depth_to_validate_with_is_that_which_is_learned_from(data):
    shapes = load_shapes([str(data)], "train")[:1]
    sampling = replace(PLAIN, objects=1, views=2, depth=True, fixed_view=True)
    batch = BatchSampler(shapes, FRAMING, sampling, seed=0).sample(0)
    depths = framed_depths(shapes[0], 2, FRAMING)
    assert torch.equal(torch.stack(depths), batch.depth[0])
    assert torch.isfinite(depths[0]).any()
    assert torch.isinf(depths[0]).any()
