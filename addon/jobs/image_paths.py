"""The image files that a person names: one by one, or as a folder."""

import os
from collections.abc import Iterable
from os import PathLike

from ...backend.contract.image_files import list_images, no_images
from .requests import absolute


def image_paths(given: str | PathLike[str] | Iterable[str | PathLike[str]]) -> list[str]:
    """Return absolute paths of images; those of a folder without its masks, in natural order.

    Raises
    ------
    RequestError
        If a folder holds no readable image.
    """
    paths = [given] if isinstance(given, str | PathLike) else list(given)
    files = [absolute(path) for path in paths]
    if len(files) != 1 or not os.path.isdir(files[0]):
        return files
    images = [str(path) for path in list_images(files[0])]
    if not images:
        raise no_images(files[0])
    return images
