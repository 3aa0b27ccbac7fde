"""Random materials of parts: families of colours with some variation, linear RGB."""

import colorsys

import numpy as np

from ...contract.srgb import linear_from_srgb
from .build import Build
from .parts import Material


def _material(b: Build, hue: float, saturation: float, value: float, gloss: float) -> Material:
    color = np.array(
        colorsys.hsv_to_rgb(hue % 1.0, np.clip(saturation, 0, 1), np.clip(value, 0, 1))
    )
    color = np.clip(color + b.rng.normal(0, 0.015, 3), 0.02, 0.98)
    red, green, blue = linear_from_srgb(color)
    return Material((float(red), float(green), float(blue)), float(gloss))


def wood(b: Build) -> Material:
    """Draw a wood, from birch to wenge."""
    value = b.between(0.25, 0.85)
    return _material(b, b.between(0.05, 0.1), b.between(0.35, 0.7), value, b.between(0.05, 0.35))


def metal(b: Build) -> Material:
    """Draw a metal or a grey paint."""
    return _material(
        b, b.between(0.5, 0.65), b.between(0, 0.1), b.between(0.3, 0.85), b.between(0.5, 0.9)
    )


def dark(b: Build) -> Material:
    """Draw an almost black plastic or rubber."""
    return _material(
        b, b.rng.random(), b.between(0, 0.2), b.between(0.05, 0.22), b.between(0.1, 0.6)
    )


def paint(b: Build) -> Material:
    """Draw a paint or a plastic of any colour, white and greys too."""
    if b.chance(0.35):
        return _material(b, 0, b.between(0, 0.05), b.between(0.25, 0.97), b.between(0.1, 0.7))
    return _material(
        b, b.rng.random(), b.between(0.35, 0.95), b.between(0.4, 0.95), b.between(0.1, 0.7)
    )


def white(b: Build) -> Material:
    """Draw a light paint."""
    return _material(
        b, b.rng.random(), b.between(0, 0.08), b.between(0.82, 0.97), b.between(0.2, 0.7)
    )


def fabric(b: Build) -> Material:
    """Draw a cloth."""
    saturation = b.between(0.05, 0.7)
    return _material(b, b.rng.random(), saturation, b.between(0.25, 0.85), b.between(0.0, 0.08))


def leather(b: Build) -> Material:
    """Draw a leather: browns, black, white."""
    if b.chance(0.6):
        return _material(b, b.between(0.03, 0.09), b.between(0.4, 0.75), b.between(0.2, 0.6), 0.35)
    return _material(b, 0, 0.03, b.choice(0.12, 0.2, 0.85), 0.4)


def glass(b: Build) -> Material:
    """Draw a window: dark and glossy (nothing here is transparent)."""
    return _material(b, b.between(0.52, 0.62), b.between(0.1, 0.4), b.between(0.1, 0.35), 0.95)


def screen(b: Build) -> Material:
    """Draw a screen, off or lit."""
    if b.chance(0.6):
        return _material(b, 0.6, b.between(0, 0.4), b.between(0.04, 0.2), 0.9)
    return _material(b, b.rng.random(), b.between(0.1, 0.6), b.between(0.5, 0.9), 0.7)


def glow(b: Build) -> Material:
    """Draw a lamp shade: warm or white."""
    if b.chance(0.3):
        return fabric(b)
    return _material(b, b.between(0.08, 0.16), b.between(0.02, 0.35), b.between(0.8, 0.97), 0.1)


def brass(b: Build) -> Material:
    """Draw a brass, copper or gold."""
    return _material(b, b.between(0.07, 0.13), b.between(0.4, 0.65), b.between(0.55, 0.85), 0.8)


def same_or(b: Build, first: Material, *others) -> Material:
    """Return `first`, or with probability 1/2 a material of one of the other families."""
    return first if b.chance(0.5) else b.choice(*others)(b)
