"""The kernel SVM as a differentiable layer: batched duals in float64, implicit gradients.

For each of B problems, with Q = (K + ridge I) * yy' (section 3.4, equation 4 of "Training Data
Generating Networks", ICLR 2021 submission):

    minimise 1/2 a'Qa - 1'a    subject to  y'a = 0,  0 <= a <= C

Mehrotra's predictor-corrector method solves it down to a fixed small barrier, at which all products
l a and u (C - a) are equal. The solution is then a smooth function of the kernel with an exact
gradient; stopping at a tolerance would leave the gradient undefined. Every step factors H = Q +
diag(l / a + u / (C - a)) once and eliminates the equality by its Schur complement; `l` and `u` are
the multipliers of the two bounds. The multiplier of the equality is the bias of the decision
function S(x) = sum a_i y_i K(x_i, x) + b. Where 0 < a_i < C, stationarity gives y_i S(x_i) = 1;
without such a point the bias is the middle of the allowed interval, so it is always defined and
smooth.

The backward pass solves the optimality system once more, for gradients g_a and g_b:
[H y; y' 0] [v; w] = [g_a; g_b], then dL/dQ = -(v a' + a v') / 2.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

RIDGE = 1e-6
BARRIER = 1e-10  # the products l a and u (C - a) at the solution, in units of C
TOLERANCE = 1e-10  # of the residuals
CENTERED = 1e-3  # largest difference of a product from the barrier, as a fraction of it
MAX_STEPS = 40
TO_BOUNDARY = 0.995  # fraction of the way to the nearest bound that a step may go


class DualSolution(NamedTuple):
    """The solution: multipliers a (B, N), and the bias b (B,)."""

    alphas: Tensor
    bias: Tensor


def gaussian_kernel(one: Tensor, two: Tensor, sigma: Tensor) -> Tensor:
    """Return exp(-sum_k ((u_k - v_k) / sigma_k)^2), equation 7; there is no factor 1/2.

    Parameters
    ----------
    one, two : (..., N, D), (..., M, D)
    sigma : (..., D), or (..., 1) for the isotropic kernel

    Returns
    -------
    (..., N, M)
    """
    scaled = one / sigma[..., None, :], two / sigma[..., None, :]
    difference = scaled[0][..., :, None, :] - scaled[1][..., None, :, :]
    return torch.exp(-(difference**2).sum(-1))


def solve_svm(
    kernel: Tensor, labels: Tensor, *, c: float = 1.0, ridge: float = RIDGE
) -> DualSolution:
    """Solve B duals; differentiable with respect to `kernel`.

    Parameters
    ----------
    kernel : (B, N, N) symmetric, of any floating type
    labels : (B, N) or (N,), +1 and -1, both present
    c : upper bound of the multipliers
    ridge : added to the kernel's diagonal, so the problem is strictly convex

    Returns
    -------
    DualSolution
        In the kernel's own type and device. It is computed in float64 (float32 does not converge),
        on the CPU where the device has no float64.
    """
    place = kernel.device if kernel.device.type != "mps" else torch.device("cpu")
    signs = labels.to(place, torch.float64).expand(kernel.shape[:2])
    alphas, bias = _SolvedDual.apply(kernel.to(place, torch.float64), signs, c, ridge)
    return DualSolution(alphas.to(kernel), bias.to(kernel))


class _SolvedDual(torch.autograd.Function):
    """The solver with its implicit gradient; float64 throughout."""

    @staticmethod
    def forward(ctx: Any, kernel: Tensor, labels: Tensor, c: float, ridge: float):
        eye = torch.eye(kernel.shape[1], dtype=kernel.dtype, device=kernel.device)
        quadratic = (kernel + ridge * eye) * labels[:, :, None] * labels[:, None, :]
        state = _interior_point(quadratic, labels, c)
        ctx.save_for_backward(quadratic, labels, state.a, state.lower, state.upper)
        ctx.c = c
        return state.a, state.nu

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor):
        quadratic, labels, a, lower, upper = ctx.saved_tensors
        grad_a, grad_b = gradients
        system = _System(quadratic, labels, a, ctx.c - a, lower, upper)
        v, _ = system.solve(grad_a, -grad_b)
        outer = -v[:, :, None] * a[:, None, :]
        grad_q = (outer + outer.transpose(1, 2)) / 2
        return grad_q * labels[:, :, None] * labels[:, None, :], None, None, None


class _Iterate(NamedTuple):
    a: Tensor  # (B, N) multipliers of the points
    lower: Tensor  # (B, N) multipliers of a >= 0
    upper: Tensor  # (B, N) multipliers of a <= C
    nu: Tensor  # (B,) multiplier of y'a = 0: the bias


class _System:
    """The Newton system [H y; y' 0], factored once: H = Q + diag(l / a + u / s)."""

    def __init__(
        self, quadratic: Tensor, y: Tensor, a: Tensor, s: Tensor, lower: Tensor, upper: Tensor
    ) -> None:
        hessian = quadratic + torch.diag_embed(lower / a + upper / s)
        self.factor = torch.linalg.cholesky_ex(hessian).L
        self.y = y
        self.along_y = torch.cholesky_solve(y[..., None], self.factor)[..., 0]
        self.schur = (y * self.along_y).sum(1)

    def solve(self, right: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
        """Return x (B, N), w (B,) with H x + w y = right and y'x = -residual."""
        x = torch.cholesky_solve(right[..., None], self.factor)[..., 0]
        w = ((self.y * x).sum(1) + residual) / self.schur
        return x - w[:, None] * self.along_y, w


def _interior_point(quadratic: Tensor, y: Tensor, c: float) -> _Iterate:
    """Return the solution of every problem at the barrier, or the state after `MAX_STEPS`."""
    ones, barrier = torch.ones_like(y), BARRIER * c
    state = _Iterate(ones * (c / 2), ones, ones, torch.zeros_like(y[:, 0]))
    for _ in range(MAX_STEPS):
        a, lower, upper, nu = state
        s = c - a
        dual = (quadratic @ a[..., None])[..., 0] - 1 + nu[:, None] * y - lower + upper
        primal = (y * a).sum(1)
        low, high = lower * a, upper * s
        uneven = torch.maximum((low - barrier).abs(), (high - barrier).abs()).amax(1)
        residual = torch.maximum(dual.abs().amax(1), primal.abs())
        open_ = (residual > TOLERANCE) | (uneven > CENTERED * barrier)
        if not bool(open_.any()):
            break
        step = _mehrotra_step(state, quadratic, y, c, dual, primal, (low + high).mean(1) / 2)
        # Converged problems are frozen: more steps would only lose digits.
        state = _Iterate(*(_where(open_, new, old) for new, old in zip(step, state, strict=True)))
    return state


def _mehrotra_step(
    state: _Iterate,
    quadratic: Tensor,
    y: Tensor,
    c: float,
    dual: Tensor,
    primal: Tensor,
    mu: Tensor,
) -> _Iterate:
    """Return the state after one predictor-corrector step."""
    a, lower, upper, nu = state
    s = c - a
    system = _System(quadratic, y, a, s, lower, upper)

    def direction(target: Tensor, low: Tensor, high: Tensor) -> _Iterate:
        """Solve for complementarity products `target`, with second-order terms `low` and `high`."""
        to_low, to_high = target - lower * a - low, target - upper * s + high
        da, dnu = system.solve(-dual + to_low / a - to_high / s, primal)
        return _Iterate(da, (to_low - lower * da) / a, (to_high + upper * da) / s, dnu)

    zero = torch.zeros_like(a)
    predicted = direction(zero + BARRIER * c, zero, zero)
    p, d = _step_lengths(state, predicted, s)
    ahead = a + p * predicted.a, lower + d * predicted.lower, upper + d * predicted.upper
    mu_ahead = (ahead[1] * ahead[0] + ahead[2] * (c - ahead[0])).mean(1) / 2
    target = ((mu_ahead / mu) ** 3 * mu).clamp(min=BARRIER * c)[:, None]
    corrected = direction(target, predicted.a * predicted.lower, predicted.a * predicted.upper)
    p, d = _step_lengths(state, corrected, s)
    return _Iterate(
        a + p * corrected.a,
        lower + d * corrected.lower,
        upper + d * corrected.upper,
        nu + d[:, 0] * corrected.nu,
    )


def _step_lengths(state: _Iterate, step: _Iterate, s: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest steps, (B, 1), at most 1, that keep primal and dual variables positive."""
    primal = torch.maximum(_reach(state.a, step.a), _reach(s, -step.a))
    dual = torch.maximum(_reach(state.lower, step.lower), _reach(state.upper, step.upper))
    return (TO_BOUNDARY / primal).clamp(0, 1), (TO_BOUNDARY / dual).clamp(0, 1)


def _reach(value: Tensor, step: Tensor) -> Tensor:
    """Return, (B, 1), the inverse of the step that takes the first entry to 0; 0 if none does."""
    return (-step / value).amax(1, keepdim=True).clamp(min=0)


def _where(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(mask if new.ndim == 1 else mask[:, None], new, old)
