"""The whole optimiser on small images of bodies whose shape is known."""

from dataclasses import replace

import pytest
import torch
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.fit import FitOptimiser, FitSettings
from levelform.backend.fit.field import FittedField
from levelform.backend.fit.optimiser import JUDGED
from levelform.backend.fit.running import due_for_a_look, run
from levelform.backend.fit.surface import FittedSurface
from levelform.backend.ticket import Ticket

from .conftest import bowl, camera_at, hull_of, image, iou, sphere

SMALL = FitSettings(stages=((24, 1.0),), rays=512, coarse=24, fine=10, first_colors=10)
# Rates for a deep hollow; the defaults move a good start less.
FAST = replace(SMALL, first_sharpness=60.0, lr_distance=0.02, decay_from=0.5, color=3.0)


def fitted(views, steps, *, seed=0, settings=SMALL):
    fit = FitOptimiser(views, hull_of(views), settings=settings, budget=steps, seed=seed)
    for _ in range(steps):
        fit.step()
    return fit


def same(a, b):
    return all(torch.equal(x, b.tensors()[name]) for name, x in a.tensors().items())


def test_a_ball_gets_rounder_than_its_hull(ball_views):
    hull = hull_of(ball_views)
    field = FittedField(fitted(ball_views, 120).state())
    assert iou(field, sphere) > iou(hull, sphere) + 0.01


def test_the_hollow_of_a_bowl_is_found(bowl_views):
    hull = hull_of(bowl_views)
    field = FittedField(fitted(bowl_views, 300, settings=FAST).state())
    assert iou(field, bowl) > iou(hull, bowl) + 0.07
    side = torch.linspace(-0.6, 0.6, 41)
    points = torch.cartesian_prod(side, side, side)
    hollow = points[(points.norm(dim=1) < 0.58) & (points[:, 2] < 0.08)]
    assert (hull(hollow) < 0).all()
    assert float((field(hollow) > 0).float().mean()) > 0.14


def test_a_dent_that_no_image_shows_stays_as_the_guess_has_it(bowl_views, monkeypatch):
    """Smoothness of the field itself would fill a dent below the bowl."""

    def equally(surface, least):
        return torch.full((len(surface.band),), least)

    def dented(points):
        below = 0.3 - (points - torch.tensor([0.0, 0.0, -0.85])).norm(dim=1)
        return torch.maximum(bowl(points), below)

    side = torch.linspace(-0.4, 0.4, 33)
    points = torch.cartesian_prod(side, side, torch.linspace(-0.75, -0.55, 9))
    dent = points[(bowl(points) < 0) & (dented(points) > 0.03)]
    hull, kept = hull_of(bowl_views), []
    settings = replace(FAST, stages=((32, 1.0),), follow_until=1e-9)
    for by_evidence in (True, False):
        if not by_evidence:
            monkeypatch.setattr(FittedSurface, "_followed", equally)
        fit = FitOptimiser(bowl_views, hull, first=dented, settings=settings, budget=120)
        for _ in range(90):
            fit.step()
        kept.append(float((FittedField(fit.state())(dent) > 0).float().mean()))
    assert kept[0] > 0.7
    assert kept[1] < 0.65


def test_nothing_grows_outside_the_hull(ball_views):
    hull = hull_of(ball_views)
    field = FittedField(fitted(ball_views, 60).state())
    side = torch.linspace(-0.98, 0.98, 48)
    points = torch.cartesian_prod(side, side, side)
    outside = points[hull(points) > SMALL.slack + 0.04]  # a bit of a cell more: interpolation
    assert float(field(outside).min()) > 0


def test_the_same_seed_gives_the_same_numbers(ball_views):
    first, second, other = (fitted(ball_views, 15, seed=s).state() for s in (3, 3, 4))
    assert same(first, second)
    assert not same(first, other)


def test_looking_changes_nothing(ball_views):
    plain = fitted(ball_views, 30)
    watched = FitOptimiser(ball_views, hull_of(ball_views), settings=SMALL, budget=30)
    for _ in range(30):
        watched.step()
        watched.state()
        watched.judge()
    assert same(plain.state(), watched.state())


@pytest.mark.parametrize("stopped", [7, 16, 26])  # a stage begins at 16
def test_going_on_equals_one_go(ball_views, stopped):
    settings = replace(SMALL, stages=((16, 0.4), (24, 1.0)), refresh=6, exposure=True)
    whole = fitted(ball_views, 40, settings=settings)
    part = FitOptimiser(ball_views, hull_of(ball_views), settings=settings, budget=40)
    for _ in range(stopped):
        part.step()
    rest = FitOptimiser(ball_views, hull_of(ball_views), settings=settings, budget=40, seed=9)
    rest.go_on_from(*part.memory())
    for _ in range(40 - stopped):
        rest.step()
    assert same(whole.state(), rest.state())


def test_a_run_returns_the_state_that_predicts_best(ball_views):
    fit = FitOptimiser(ball_views, hull_of(ball_views), settings=SMALL, budget=48)
    shown = list(run(fit, Ticket()))
    assert [s.final for s in shown] == [*[False] * (len(shown) - 1), True]
    best = min(measure for _, measure in shown[-1].curve)
    measured = dict((iteration, m) for iteration, m in shown[-1].curve)
    assert measured[shown[-1].state.iteration] <= best + 1e-3


def test_a_run_can_be_cancelled_and_finished_early(ball_views):
    fit = FitOptimiser(ball_views, hull_of(ball_views), settings=SMALL, budget=1000)
    with pytest.raises(JobCancelled):
        list(run(fit, Ticket(cancelled=lambda: fit.iteration >= 3)))
    assert fit.iteration == 3
    (last,) = (s for s in run(fit, Ticket(finishing=lambda: fit.iteration >= 12)) if s.final)
    assert fit.iteration == 12
    assert last.state.iteration <= 12


def needle(points):
    """A ball with a needle through it, along z, that lies between the nodes of a coarse grid."""
    body = points.norm(dim=1) - 0.5
    away = (points[:, :2] - torch.tensor([0.013, 0.021])).norm(dim=1) - 0.04
    return torch.minimum(body, torch.maximum(away, points[:, 2].abs() - 0.85))


def test_a_part_too_thin_for_the_first_grid_comes_back(ball_views):
    settings = replace(SMALL, stages=((10, 0.5), (60, 1.0)), first_colors=100, slack=10.0)
    fit = FitOptimiser(ball_views, hull_of(ball_views), first=needle, settings=settings, budget=4)
    tip = torch.tensor([[0.013, 0.021, 0.75]])
    assert float(FittedField(fit.state())(tip)) > 0
    for _ in range(3):
        fit.step()
    assert float(FittedField(fit.state())(tip)) < 0


def test_tiny_images_are_judged_too():
    views = [image(sphere, camera_at(90.0 * i, 20.0, size=16)) for i in range(3)]
    fit = fitted(views, 12)
    assert 0.0 < fit.judge() < float("inf")


def test_without_held_out_rays_all_train_and_are_judged(bowl_views):
    held, every = (
        FitOptimiser(bowl_views, hull_of(bowl_views), settings=setting, budget=10)
        for setting in (SMALL, replace(SMALL, hold_out=False))
    )
    assert len(every.rays) > len(held.rays)
    assert len(every.held) == min(len(every.rays), JUDGED)
    assert len(held.rays) + len(held.held) == len(every.rays)


def test_an_unchanged_state_is_as_sharp_as_its_hull_on_the_last_grid(ball_views):
    hull = hull_of(ball_views)
    settings = replace(SMALL, stages=((12, 0.9), (48, 1.0)))
    fit = FitOptimiser(ball_views, hull, settings=settings, budget=100)
    fine = fit.refined(fit.state())
    _, first = fit._at(fine.grid)
    near = first.abs() < 0.05
    assert fine.grid.spacing < fit.state().grid.spacing / 3
    assert (fine.distances - first)[near].abs().max() < 0.02
    assert fit.refined(fine) is fine
    assert fit.refined(fit.state(), 12).grid == fit.state().grid


def test_the_exposure_of_a_darker_image_is_found(ball_views):
    dark = ball_views[1].image.clone()
    dark[..., :3] *= 0.6 ** (1 / 2.2)
    views = [replace(v, image=dark) if i == 1 else v for i, v in enumerate(ball_views)]
    fit = fitted(views, 80, settings=replace(SMALL, exposure=True, lr_gains=0.02))
    gains = fit.gains.mean(1).exp()
    assert int(gains.argmin()) == 1
    assert float(gains[1] / gains[[0, 2, 3]].mean()) < 0.8
    assert torch.equal(fitted(views, 3).gains, torch.zeros(4, 3))


def test_drawings_in_one_flat_colour_keep_their_hull():
    cameras = [camera_at(90.0 * i, 0.0, size=48, orthographic=True) for i in range(4)]
    views = [image(bowl, camera) for camera in cameras]
    for view in views:
        view.image[..., :3] = torch.tensor([0.8, 0.5, 0.2])
    fit = fitted(views, 20)
    assert fit.flat
    fine = fit.refined(fit.state())
    _, first = fit._at(fine.grid)
    near = first.abs() < 0.05
    assert (fine.distances - first)[near].abs().max() < 1e-3


def test_the_guard_waits_while_the_first_grid_cannot_hold_the_first_field(ball_views):
    settings = replace(SMALL, stages=((10, 0.5), (60, 1.0)), first_colors=2, slack=10.0)
    thin = FitOptimiser(ball_views, hull_of(ball_views), first=needle, settings=settings, budget=12)
    thick = FitOptimiser(ball_views, hull_of(ball_views), settings=settings, budget=12)
    looks = {"thin": [], "thick": []}
    for _ in range(12):
        for name, fit in (("thin", thin), ("thick", thick)):
            fit.step()
            if due_for_a_look(fit, 2):
                looks[name].append(fit.iteration)
    assert looks["thin"] == [2, 8, 10, 12]
    assert looks["thick"] == [2, 4, 6, 8, 10, 12]


def test_a_hollow_with_a_thin_wall_is_not_filled_while_the_surface_is_soft():
    def thin(points):
        away = points.norm(dim=1)
        return torch.stack([away - 0.7, 0.65 - away, points[:, 2] - 0.1]).amax(0)

    views = [image(thin, camera_at(60.0 * i, 38.0)) for i in range(6)]
    settings = replace(SMALL, stages=((48, 1.0),), color=0.0, first_sharpness=60.0)
    fit = FitOptimiser(views, hull_of(views), first=thin, settings=settings, budget=400)
    for _ in range(45):
        fit.step()
    side = torch.linspace(-0.6, 0.6, 41)
    points = torch.cartesian_prod(side, side, side)
    hollow = points[(points.norm(dim=1) < 0.6) & (points[:, 2] < 0.05)]
    assert float((FittedField(fit.state())(hollow) < 0).float().mean()) < 0.045
