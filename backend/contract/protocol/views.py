"""Messages about views before a reconstruction: their agreement and their masks."""

from dataclasses import dataclass

import numpy as np

from .parts import KEEP_ALPHA, Background, ViewData


@dataclass(frozen=True)
class CheckViews:
    """Ask whether the views agree, before any reconstruction; answered by `ViewsChecked`."""

    job: str
    views: tuple[ViewData, ...]
    background: Background = KEEP_ALPHA
    cures: tuple[str, ...] = ()


@dataclass(frozen=True)
class ViewCheck:
    """Whether a view agrees with the others and with the result.

    name : the view's
    residual : distance of its outline to the others' silhouettes, pixels of 224; None: unknown
    covered : fraction of its silhouette that the result covers; None before there is a result
    iou : IoU of its silhouette and the result's; None before there is a result
    remark : a sentence about a disagreement; empty if it agrees
    """

    name: str
    residual: float | None = None
    covered: float | None = None
    iou: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Cure:
    """A change that makes the views agree.

    name : for `Reconstruct.cures`, such as "leave-out=3", "swap=2,5" or "convention=opencv"
    sentence : description for a person
    residual : the largest residual of a view after it
    """

    name: str
    sentence: str
    residual: float


@dataclass(frozen=True)
class ViewsChecked:
    """A check of each view, in order, and changes that would make views agree, best first.

    Ends a `CheckViews`; in a `Reconstruct` job it comes before the meshes. `remark` says in one or
    two sentences what is wrong and what helps; empty if views agree. `notes` mention unexpected
    ways in which images were read.
    """

    job: str
    views: tuple[ViewCheck, ...]
    cures: tuple[Cure, ...] = ()
    remark: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FindMasks:
    """Ask for the views' masks, before any reconstruction; answered by `ViewMasks`."""

    job: str
    views: tuple[ViewData, ...]
    background: Background = KEEP_ALPHA


@dataclass(frozen=True)
class ViewMask:
    """The mask of one view.

    name : of the view
    mask : (H, W) uint8, row 0 at the top, at most 2048 pixels along the longer side
    shown : (h, w, 3) uint8, the image with the mask's outline, small, for a panel
    source : "file", "alpha", "background" or "network"
    doubt : a clause about why it may be wrong; empty: no doubt
    """

    name: str
    mask: np.ndarray
    shown: np.ndarray
    source: str
    doubt: str = ""


@dataclass(frozen=True)
class ViewMasks:
    """The masks of a `FindMasks`, in order of its views; `notes` as in `ViewsChecked`."""

    job: str
    masks: tuple[ViewMask, ...]
    notes: tuple[str, ...] = ()
