"""Check whether views agree: a residual for each, the view that is wrong, and cures tried."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from ..contract.cures import Parsed, parse_cure
from ..geometry.cameras import Camera
from ..geometry.views import View
from .cures import CONVENTIONS, converted, image_order, same_aspect
from .outlines import Outline, trace_all
from .refitting import refitted
from .residual import CAP, Residual, Rig

DISAGREE = 0.4  # mean residual (pixels of 224) above which a cure that helps is reported
UNEXPLAINED = 1.0  # mean residual above which disagreement is reported even if nothing helps
HELPS = 0.4  # a cure must reduce the residual to this fraction
AGREES = 0.15  # mean residual below which views count as agreeing, whatever it was before
HELPS_ALONE = 0.5  # the same for a cure that is by far the best of its kind
BY_FAR = 0.5  # leaving out the wrong view gives at most this fraction of the residual of any other
CLOSE = 1.5  # cures within this factor of the best one, or within EQUAL of it, explain as much
EQUAL = 0.03  # pixels of 224
MOST = 40_000  # contour points times views of a check
FEWEST = 4  # contour points of a view
STEPS = 8  # largest shift of the images' order tried in either direction
RAYS = 160  # contour points per trial, over all views
SHORTLIST = 8  # with many views: how many are tried for swaps and for leaving out
REFITTED = 5  # minimum number of views to refit poses; fewer agree with nearly any cameras
ROUGHLY, FINALISTS = 12, 4  # swaps that are refitted, and refitted to the end
OTHERS = 2  # other cures that are refitted, of those that keep and leave out views each
LEFT_OUT = 50  # order of cures that leave out a view
# Contour points of a view (of eight) and steps of refits.
ROUGH, FINE, LONG, THOROUGH = (10, 2), (20, 12), (20, 20), (30, 30)
SAME_IMAGE = 1.5 / 255  # mean difference below which two images are one
LIKELY_UP = 0.3  # minimum absolute mean z of the cameras' up for them to be upright or upside down


@dataclass(frozen=True)
class CureTrial:
    """A cure and the mean residual that it leaves."""

    name: str
    residual: float
    order: int  # among cures that explain as much, lower comes first


@dataclass(frozen=True)
class Agreement:
    """Whether views agree.

    Attributes
    ----------
    residuals : one per view, pixels of 224; None without a camera or contour. If a cure singles out
        views, the others are compared among themselves, and the suspects with the others
    mean : over the views as given; None when fewer than two have an outline and a camera
    cures : changes that would make them agree, best first; `residual` is then the largest of a view
    suspects : the views that the best cure changes or leaves out
    twins : of each suspect, a view with the same image
    worst : the view that fits worst, where nothing helps
    refitted : the mean residual after small corrections of all cameras, if these make them agree
    """

    residuals: tuple[float | None, ...]
    mean: float | None = None
    cures: tuple[CureTrial, ...] = ()
    suspects: tuple[int, ...] = ()
    twins: dict[int, int] = field(default_factory=dict)
    worst: int | None = None
    refitted: float | None = None

    @property
    def disagrees(self) -> bool:
        """Whether the person should be informed."""
        return bool(self.cures) or (self.mean is not None and self.mean > UNEXPLAINED)


def check(views: Sequence[View], left_out: Collection[int] = ()) -> Agreement:
    """Measure whether views agree, and search changes that make them agree.

    Parameters
    ----------
    views : cameras posed in the world; None: the view is not checked
    left_out : numbers of views that are not checked either
    """
    return _AgreementCheck(views, left_out).result()


class _AgreementCheck:
    """One check: the outlines of the views that can be compared, and trials of cures."""

    def __init__(self, views: Sequence[View], left_out: Collection[int]) -> None:
        self.views = views
        posed = [i for i, v in enumerate(views) if v.camera is not None and i not in left_out]
        if len(posed) < 2:  # nothing to compare, so the first mesh need not wait for an outline
            posed = []
        traced = trace_all([views[index] for index in posed])
        self.numbers = [i for i, o in zip(posed, traced, strict=True) if o is not None]
        self.outlines = [o for o in traced if o is not None]
        self.cameras = [c for i in self.numbers if (c := views[i].camera) is not None]
        self.complete = len(self.numbers) == len(posed) and not left_out

    def result(self) -> Agreement:
        count = len(self.views)
        if len(self.numbers) < 2:
            return Agreement((None,) * count)
        residuals = residuals_of(self.outlines, self.cameras)
        mean = float(residuals.mean())
        cures, refit = self._explained(mean) if mean > DISAGREE else ([], None)
        suspects = self._suspects(cures[0].name) if cures else []
        worst = None
        if not cures and refit is None and mean > UNEXPLAINED:
            worst = self._worst(residuals)
        if suspects and len(suspects) <= len(self.numbers) - 2:
            residuals = self._against_the_others(suspects)
        told: list[float | None] = [None] * count
        for number, value in zip(self.numbers, residuals.tolist(), strict=True):
            told[number] = value
        twins = {i: j for i in suspects if (j := self._twin(i)) is not None}
        return Agreement(tuple(told), mean, tuple(cures), tuple(suspects), twins, worst, refit)

    # ------------------------------------------------------------ trials

    def _explained(self, before: float) -> tuple[list[CureTrial], float | None]:
        """Return the cures that help, best first, and the residual if refitted poses alone do.

        Stops looking where one cure explains everything.
        """
        tried: list[CureTrial] = []
        for stage in (self._orders, self._conventions, self._alone, self._swaps, self._two_without):
            tried += stage(tried)
            if self._helping(tried, before) and min(t.residual for t in tried) < EQUAL:
                break
        helping, refit = self._helping(tried, before), None
        if min(t.residual for t in tried) > AGREES and len(self.numbers) >= REFITTED:
            helping, refit = self._refitted(tried, before)
        told = [CureTrial(t.name, self._largest_after(t.name), t.order) for t in helping]
        return told, refit

    def _refitted(
        self, tried: list[CureTrial], before: float
    ) -> tuple[list[CureTrial], float | None]:
        """Judge the most likely trials by the residuals that are left after a refit of all poses.

        Cures that keep all views are preferred: fewer views are always easier to refit.
        """
        alone = self._refit("", LONG)
        if AGREES < alone <= DISAGREE:  # nearly: symmetric objects fit in other orders too
            alone = min(alone, self._refit("", THOROUGH))
        if alone <= AGREES:
            return [], alone
        by_kind = sorted(tried, key=lambda t: t.residual)
        swaps = [t for t in by_kind if parse_cure(t.name).kind == "swap"][:ROUGHLY]
        rough = [replace(t, residual=self._refit(t.name, ROUGH)) for t in swaps]
        finalists = sorted(rough, key=lambda t: t.residual)[:FINALISTS]
        finalists += [t for t in by_kind if t.order < LEFT_OUT and t not in swaps][:OTHERS]
        finalists += [t for t in by_kind if t.order == LEFT_OUT][:OTHERS]
        final = [replace(t, residual=self._refit(t.name, FINE)) for t in finalists]
        helping = (
            self._helping([t for t in final if t.order < LEFT_OUT], alone)
            or self._helping(final, alone)
            or self._helping(tried, alone)
        )
        if not helping:
            helping, alone = self._last_word(min(final, key=lambda t: t.residual), alone)
        slight = not helping and alone <= min(HELPS * before, DISAGREE)
        return helping, alone if slight else None

    def _last_word(self, best: CureTrial, alone: float) -> tuple[list[CureTrial], float]:
        """Refit the best cure, and no cure, thoroughly; return the cure if it helps by far."""
        if best.residual >= alone or best.order >= LEFT_OUT:
            return [], alone
        alone = min(alone, self._refit("", THOROUGH))
        best = replace(best, residual=self._refit(best.name, THOROUGH))
        helps = best.residual <= min(AGREES, HELPS_ALONE * alone)
        return [best] if helps else [], alone

    def _refit(self, name: str, effort: tuple[int, int]) -> float:
        """Return the mean residual after a cure, if any, and a refit of all poses."""
        _, outlines, cameras = self._after(name)
        points = max(effort[0] * 8 // len(cameras), FEWEST)
        return refitted(outlines, cameras, points=points, steps=effort[1])

    def _helping(self, tried: list[CureTrial], before: float) -> list[CureTrial]:
        """Return the trials that explain the disagreement, most plausible first.

        Trials of one kind stand or fall together: leaving out two swapped views is better than
        the swap, but says less, since it is hardly better than leaving out others.
        """
        helpful = []
        for kind in {parse_cure(t.name).kind for t in tried}:
            alike = [t for t in tried if parse_cure(t.name).kind == kind]
            least = min(t.residual for t in alike)
            far = len(alike) > 1 and self._by_far(alike, least)
            limit = HELPS_ALONE if far else HELPS
            if least <= limit * before and (least <= AGREES or self._by_far(alike, least)):
                helpful += alike
        best = min((t.residual for t in helpful), default=CAP)
        close = [t for t in helpful if t.residual <= max(CLOSE * best, best + EQUAL)]
        return sorted(close, key=lambda t: (t.order, t.residual))[:3]

    def _by_far(self, alike: list[CureTrial], best: float) -> bool:
        """Return whether no other trial of its kind comes near the best one."""
        residuals = sorted(t.residual for t in alike)
        return len(residuals) < 2 or best <= BY_FAR * residuals[1]

    def _orders(self, _tried: list[CureTrial]) -> Iterator[CureTrial]:
        """Reversed and shifted order: the usual mistakes."""
        count = len(self.numbers)
        if count < 3 or not self.complete or not self._exchangeable(range(count)):
            return
        for shift in sorted(range(1 - (count + 1) // 2, count // 2 + 1), key=abs)[: 2 * STEPS + 1]:
            if shift:
                yield self._try(f"shift={shift}", 1)
        if count > 3:  # of three, it is a swap
            yield self._try("reverse", 0)
            for last in range(min(count - 1, 2 * STEPS)):
                yield self._try(f"reverse={last}", 2)

    def _conventions(self, _tried: list[CureTrial]) -> Iterator[CureTrial]:
        for order, (name, convention) in enumerate(CONVENTIONS.items()):
            up = [
                -float(c.world_from_camera[2, 1])
                for camera in self.cameras
                if (c := converted(camera, convention)) is not None
            ]
            unlikely = sum(up) / len(up) < -LIKELY_UP
            yield self._try(f"convention={name}", 3 + order + 20 * unlikely)

    def _without(self) -> Iterator[CureTrial]:
        if len(self.numbers) >= 3:
            for place in self._shortlist(2 * SHORTLIST):
                yield self._try(f"leave-out={self.numbers[place]}", LEFT_OUT)

    def _swaps(self, _tried: list[CureTrial]) -> Iterator[CureTrial]:
        chosen = sorted(self._shortlist(SHORTLIST + 2))
        for index, a in enumerate(chosen):
            for b in chosen[index + 1 :]:
                if self._exchangeable((a, b)):
                    yield self._try(f"swap={self.numbers[a]},{self.numbers[b]}", 0)

    def _alone(self, _tried: list[CureTrial]) -> Iterator[CureTrial]:
        """Leave out each view; rotate or mirror the image of the wrong one."""
        without = list(self._without())
        yield from without
        if without:
            number = parse_cure(min(without, key=lambda t: t.residual).name).numbers[0]
            yield self._try(f"upside-down={number}", 30)
            yield self._try(f"mirror={number}", 31)

    def _two_without(self, tried: list[CureTrial]) -> Iterator[CureTrial]:
        """Leave out a second view besides the worst one."""
        alone = [t for t in tried if t.name.startswith("leave-out=")]
        if len(self.numbers) < 6 or not alone:
            return
        first = parse_cure(min(alone, key=lambda t: t.residual).name).numbers[0]
        for place in self._shortlist(SHORTLIST):
            other = self.numbers[place]
            if other != first:
                low, high = sorted((first, other))
                yield self._try(f"leave-out={low},{high}", 60)

    def _try(self, name: str, order: int) -> CureTrial:
        kept, outlines, cameras = self._after(name)
        if len(kept) < 2:
            return CureTrial(name, CAP, order)
        points = max(RAYS // len(kept), FEWEST)
        return CureTrial(name, float(residuals_of(outlines, cameras, points=points).mean()), order)

    def _largest_after(self, name: str) -> float:
        _, outlines, cameras = self._after(name)
        return float(residuals_of(outlines, cameras).max())

    def _after(self, name: str) -> tuple[list[int], list[Outline], list[Camera]]:
        """Return places, outlines and cameras after a cure; see `apply_cures`."""
        outlines, cameras = list(self.outlines), list(self.cameras)
        places = range(len(self.numbers))
        if not name:
            return list(places), outlines, cameras
        cure = parse_cure(name)
        if cure.kind == "leave-out":
            places = [p for p in places if self.numbers[p] not in cure.numbers]
        elif cure.kind == "convention":
            convention = CONVENTIONS[cure.convention]
            if convention.axes:
                outlines = [o.flipped(convention.axes) for o in outlines]
            cameras = [c for old in cameras if (c := converted(old, convention)) is not None]
        elif cure.kind in ("upside-down", "mirror"):
            axes = (0, 1) if cure.kind == "upside-down" else (1,)
            outlines = [
                o.flipped(axes) if self.numbers[p] in cure.numbers else o
                for p, o in enumerate(outlines)
            ]
        else:
            where = {number: place for place, number in enumerate(self.numbers)}
            order = image_order(cure, self.views)
            outlines = [outlines[where[order[number]]] for number in self.numbers]
        return list(places), [outlines[p] for p in places], [cameras[p] for p in places]

    # ------------------------------------------------------------ who is wrong

    def _shortlist(self, count: int) -> list[int]:
        """Return the places of at most `count` views whose residuals are the largest."""
        if len(self.numbers) <= count:
            return list(range(len(self.numbers)))
        points = max(RAYS // len(self.numbers), FEWEST)
        values = residuals_of(self.outlines, self.cameras, points=points)
        return values.argsort(descending=True)[:count].tolist()

    def _exchangeable(self, places: Sequence[int]) -> bool:
        """Return whether every one of these images fits every one of these cameras."""
        return all(
            same_aspect(self.cameras[p], *self.outlines[q].size) for p in places for q in places
        )

    def _suspects(self, name: str) -> list[int]:
        """Return the numbers of the views that a cure singles out."""
        cure: Parsed = parse_cure(name)
        return (
            list(cure.numbers)
            if cure.kind in ("leave-out", "swap", "upside-down", "mirror")
            else []
        )

    def _worst(self, residuals: torch.Tensor) -> int:
        """Return the view without which the others disagree least."""
        if len(self.numbers) < 3:
            return self.numbers[int(residuals.argmax())]
        return parse_cure(min(self._without(), key=lambda t: t.residual).name).numbers[0]

    def _against_the_others(self, suspects: Sequence[int]) -> torch.Tensor:
        """Return each view's residual against those that are not suspects."""
        good = [p for p, number in enumerate(self.numbers) if number not in suspects]
        result = torch.zeros(len(self.numbers))
        result[good] = residuals_of(
            [self.outlines[p] for p in good], [self.cameras[p] for p in good]
        )
        for place, number in enumerate(self.numbers):
            if number in suspects:
                chosen = [place, *good]
                values = residuals_of(
                    [self.outlines[p] for p in chosen], [self.cameras[p] for p in chosen]
                )
                result[place] = values[0]
        return result

    def _twin(self, number: int) -> int | None:
        """Return the view that has the same image; None if there is none."""
        for other in range(len(self.views)):
            if other != number and same_image(self.views[number], self.views[other]):
                return other
        return None


def residuals_of(
    outlines: Sequence[Outline], cameras: Sequence[Camera], *, points: int | None = None
) -> torch.Tensor:
    """Return (V,) each view's mean residual, pixels of 224.

    Parameters
    ----------
    points : about how many contour points of each view to use; None: all, unless there are many
        views
    """
    residual = Residual(outlines)
    residual = residual.thinned(points or max(MOST // max(len(outlines), 1) ** 2, FEWEST))
    with torch.no_grad():
        return residual(Rig.of(cameras)).mean(1)


def same_image(one: View, other: View) -> bool:
    """Return whether two views show the same image, even if it was saved again in between."""
    if one.image.shape != other.image.shape:
        return False
    step = max(min(one.image.shape[:2]) // 64, 1)
    a, b = one.image[::step, ::step], other.image[::step, ::step]
    seen = torch.maximum(a[..., 3:], b[..., 3:])
    color = (a[..., :3] * a[..., 3:] - b[..., :3] * b[..., 3:]).abs().mean(2, keepdim=True)
    difference = torch.maximum(color, (a[..., 3:] - b[..., 3:]).abs())
    return float(difference.sum()) <= SAME_IMAGE * max(float(seen.sum()), 1.0)
