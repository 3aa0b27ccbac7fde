"""Augmentation of images: backgrounds, noise, blur, soft masks, colour jitter, channels.

Every function takes and returns images (V, H, W, 4), float32, sRGB in [0, 1], straight alpha,
and does not modify its input. It draws from one generator or from one per image; with its own
generator an image's result does not depend on the other images. A background changes only the
colours behind the object; alpha, the mask, stays.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Source = torch.Generator | Sequence[torch.Generator]
Augmentation = Callable[[Tensor, Source], Tensor]


def draw(
    kind: Callable[..., Tensor], shape: Sequence[int], source: Source, **options: Any
) -> Tensor:
    """Draw by `torch.rand` or a similar function, `shape` for each image: (V, *shape).

    `shape` starts with V, the number of images.
    """
    if isinstance(source, torch.Generator):
        return kind(size=tuple(shape), generator=source, **options)
    one = tuple(shape[1:])
    return torch.stack([kind(size=one, generator=own, **options) for own in source])


def _between(count: int, low: float, high: float, generator: Source, like: Tensor) -> Tensor:
    """Draw one number per image, (V, 1, 1, 1)."""
    return (draw(torch.rand, (count, 1, 1, 1), generator) * (high - low) + low).to(like)


def add_background(images: Tensor, generator: Source) -> Tensor:
    """Composite the objects over plain colours, gradients of two colours, or blotches of them.

    Compositing is in sRGB; alpha stays the mask.
    """
    count, height, width = images.shape[:3]
    first, second = draw(torch.rand, (count, 2, 1, 1, 3), generator).to(images).unbind(1)
    coarse = draw(torch.rand, (count, 1, 5, 5), generator).to(images)
    blotches = torch.nn.functional.interpolate(
        coarse, (height, width), mode="bilinear", align_corners=True
    )[:, 0, :, :, None]
    slope = torch.linspace(0, 1, height, device=images.device)[None, :, None, None]
    kind = draw(torch.randint, (count, 1, 1, 1), generator, low=0, high=3).to(images.device)
    weight = torch.where(
        kind == 0, torch.zeros_like(slope), torch.where(kind == 1, slope, blotches)
    )
    behind = torch.lerp(first, second, weight)
    alpha = images[..., 3:]
    return torch.cat([torch.lerp(behind, images[..., :3], alpha), alpha], -1)


def add_noise(images: Tensor, generator: Source, most: float = 0.04) -> Tensor:
    """Add Gaussian noise to the colours, with a std up to `most` drawn for each image."""
    noise = draw(torch.randn, (*images.shape[:3], 3), generator).to(images)
    sigma = _between(len(images), 0, most, generator, images)
    return torch.cat([(images[..., :3] + sigma * noise).clamp(0, 1), images[..., 3:]], -1)


def blur(images: Tensor, generator: Source, most: float = 1.2) -> Tensor:
    """Blur colours and alpha by a Gaussian of up to `most` pixels, drawn for each image.

    Colours are weighted by alpha, so that the background does not bleed into the object.
    """
    sigma = _between(len(images), 0.05, most, generator, images)[:, 0, 0, 0]
    reach = max(1, int(3 * most))
    at = torch.arange(-reach, reach + 1, device=images.device)
    kernel = torch.exp(-0.5 * (at / sigma[:, None]) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    weighted = torch.cat([images[..., :3] * images[..., 3:], images[..., 3:]], -1)
    smooth = weighted.permute(3, 0, 1, 2)  # (4, V, H, W): the images are the channels
    for shape in ((1, -1, 1), (1, 1, -1)):
        pad = (reach, reach, 0, 0) if shape[2] == -1 else (0, 0, reach, reach)
        padded = torch.nn.functional.pad(smooth, pad, mode="replicate")
        weights = kernel.view(len(kernel), *shape)
        smooth = torch.nn.functional.conv2d(padded, weights, groups=len(kernel))
    smooth = smooth.permute(1, 2, 3, 0)
    alpha = smooth[..., 3:].clamp(0, 1)
    return torch.cat(
        [(smooth[..., :3] / alpha.clamp_min(1e-6)).clamp(0, 1) * (alpha > 0), alpha], -1
    )


def soften_mask(images: Tensor, generator: Source, most: float = 1.5) -> Tensor:
    """Move the edge of alpha in or out by up to about `most` pixels and soften it, as in mattes."""
    alpha = images[..., 3][:, None]
    wide = torch.nn.functional.avg_pool2d(alpha, 5, 1, 2, count_include_pad=False)
    level = _between(len(images), 0.5 - most / 5, 0.5 + most / 5, generator, images)
    width = _between(len(images), 0.1, 0.6, generator, images)
    soft = ((wide - level) / width + 0.5).clamp(0, 1)
    return torch.cat([images[..., :3], soft[:, 0, :, :, None]], -1)


def jitter_colors(
    images: Tensor, generator: Source, amount: float = 0.2, hue: float = 0.5
) -> Tensor:
    """Change brightness, contrast and saturation by up to `amount`, hue by up to `hue` turns.

    SDF-SRN's augmentation (brightness, contrast, saturation 0.2, hue 0.5); hue is a
    rotation about the grey axis, which preserves lightness.
    """
    count, color = len(images), images[..., :3]
    light = color.new_tensor([0.299, 0.587, 0.114])
    color = color * _between(count, 1 - amount, 1 + amount, generator, images)
    alpha = images[..., 3:]
    grey = (color * light).sum(-1, keepdim=True)
    middle = (grey * alpha).sum((1, 2), keepdim=True) / alpha.sum((1, 2), keepdim=True).clamp_min(1)
    color = torch.lerp(middle, color, _between(count, 1 - amount, 1 + amount, generator, images))
    grey = (color * light).sum(-1, keepdim=True)
    color = torch.lerp(grey, color, _between(count, 1 - amount, 1 + amount, generator, images))
    angle = _between(count, -hue, hue, generator, images) * (2 * torch.pi)
    turned = color.roll(1, -1) - color.roll(
        -1, -1
    )  # the cross product with the grey axis, times -1
    mean = color.mean(-1, keepdim=True)
    color = mean + angle.cos() * (color - mean) + angle.sin() * turned / 3**0.5
    return torch.cat([color.clamp(0, 1), alpha], -1)


def shuffle_channels(images: Tensor, generator: Source) -> Tensor:
    """Permute red, green and blue at random, as the code of Deep Meta Functionals does.

    The authors draw one permutation for a batch; here each image has its own.
    """
    order = draw(torch.rand, (len(images), 3), generator).argsort(1).to(images.device)
    index = order[:, None, None, :].expand(*images.shape[:3], 3)
    return torch.cat([images[..., :3].gather(-1, index), images[..., 3:]], -1)


def rescale(images: Tensor, generator: Source, amount: float = 0.2) -> Tensor:
    """Scale the crop about its middle by up to `amount`, as SDF-SRN's for PASCAL3D+.

    The cameras stay, so the shape that is learned changes its size with the crop.
    """
    factor = _between(len(images), 1 - amount, 1 + amount, generator, images)[:, 0, 0, 0]
    premultiplied = torch.cat([images[..., :3] * images[..., 3:], images[..., 3:]], -1)
    transform = torch.zeros(len(images), 2, 3, device=images.device)
    transform[:, 0, 0] = transform[:, 1, 1] = factor
    grid = torch.nn.functional.affine_grid(
        transform, [len(images), 4, *images.shape[1:3]], align_corners=False
    )
    moved = torch.nn.functional.grid_sample(
        premultiplied.permute(0, 3, 1, 2), grid, align_corners=False
    ).permute(0, 2, 3, 1)
    alpha = moved[..., 3:]
    return torch.cat([(moved[..., :3] / alpha.clamp_min(1e-3)).clamp(0, 1), alpha], -1)


AUGMENTATIONS: dict[str, Augmentation] = {
    "background": add_background,
    "noise": add_noise,
    "blur": blur,
    "soft-mask": soften_mask,
    "colors": jitter_colors,
    "rescale": rescale,
    "channels": shuffle_channels,
}
