"""Training Data Generating Networks: an image becomes the training set of a kernel SVM.

"Training Data Generating Networks: Linking 3D Shapes and Few-Shot Classification", Zhang and Wonka,
submission to ICLR 2021. Figure 1, the pipeline, is `TDGN.forward`.

    paper      here
    lambda     `features` of the feature network, 256 numbers
    D_train    N points x_i with labels y_i, the first half +1 (inside), the second -1: `generate`
    sigma      the kernel's width, one number or one an axis, predicted for each shape (equation 7)
    x~         `warp`: the embedding of space, which depends on the image (section 3.3)
    a, b       `alphas` and `bias` of the solved dual (equation 4)
    S          the decision function sum a_i y_i K(x_i~, x~) + b (equation 5), above 0 inside
    beta       exp(`log_beta`): P(inside) = sigmoid(beta S) (section 3.5)

The paper gives no layer sizes but the feature network's, and no code was published.

Departures
----------
- Our own interior-point layer solves the dual, in float64, instead of a general QP package. Its
  bias is the equality's multiplier, which such packages do not return.
- The embedding is a residual, x~ = x + MLP(x, lambda), that starts as the identity. Its first layer
  is split, so lambda's part is computed once an image.
- The generator starts with positive points near the centre and negative ones around them.
  Coincident points would put every multiplier at its bound, where no gradient passes.
- The paper names neither optimiser nor length: Adam 1e-4, batch 32 and 800,000 steps are those of
  CvxNet, whose points it takes; gradients are clipped at 1. Points near the surface, which it does
  not define, have standard deviations of 0.0025 and 0.025. The feature network starts from
  ImageNet's weights where `--imagenet` names their file, else at random.
- Several views (not in the paper) are fused by the mean of lambda, or by "union": one SVM of all
  views' training sets, embedded by the mean lambda, with C / V and V times the ridge, so V equal
  views are one view.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..encoders import normalize
from ..encoders.resnet import ResNet
from ..fields.svm import RIDGE, gaussian_kernel, solve_svm
from ..fields.svm_field import SVMField
from ..geometry.frames import OBJECT_SIDE, similarity
from ..geometry.views import View
from ..images.alpha import network_input
from ..images.framing import OURS, R2N2, Framing
from ..training.recipes import EQUAL, PLAIN, Recipe, Sampling, adam, small
from .base import Batch, Code, Configuration, MethodSpec, Reconstructor, register
from .configuration import Ranges

SPEC = MethodSpec(
    name="tdgn",
    title="Training Data Generating Networks",
    paper="Zhang and Wonka, Training Data Generating Networks, 2021",
    summary="From an image to a handful of labelled points whose SVM's boundary is the shape.",
    fusions=("mean", "union"),
    level_unit="probability",
)

LEAST_SIGMA = 1e-3  # method frame
FIRST_SIGMA = 0.3  # method frame, where the object's longest side is 1
FIRST_BETA = 5.0
INNER_RADIUS = 0.25  # first positive points lie within
OUTER_RADII = (0.45, 0.55)  # first negative points lie between
NEGLIGIBLE = 1e-7  # a multiplier below this fraction of C moves S by less than float32 resolves

PAPER_FRAMING = replace(R2N2, size=224, background="white")


@dataclass(frozen=True)
class TDGNConfiguration(Configuration):
    """Sizes and switches; the defaults are the paper's where it names them."""

    ranges: ClassVar[Ranges] = {"points": (2, 4096), "c": (1e-6, 1e6), "level": (-1e6, 1e6)}

    framing: Framing = PAPER_FRAMING
    width: int = 64  # channels of the ResNet's first stage
    features: int = 256  # length of lambda
    points: int = 32  # N, even
    anisotropic: bool = True
    c: float = 1.0  # bound of the multipliers
    embedding: bool = True
    level: float = 0.0  # of the baked decision function at the surface; not in the paper
    generator_width: int = 512  # not in the paper
    embedding_width: int = 256  # not in the paper

    @property
    def sigmas(self) -> int:
        """How many widths the kernel has: one an axis, or one."""
        return 3 if self.anisotropic else 1


PAPER = TDGNConfiguration()
COMPACT = TDGNConfiguration(
    framing=replace(OURS, background="white"),
    width=32,
    features=128,
    generator_width=256,
    embedding_width=128,
)


@dataclass(frozen=True)
class SolvedSVM:
    """An SVM and its solution, method frame.

    Attributes
    ----------
    features : (features,) the lambda of the embedding
    points : (N, 3) x_i
    labels : (N,) y_i, +1 inside, -1 outside
    support : (N, 3) x_i~, their images in the embedding space
    sigma : (3,) or (1,)
    alphas : (N,) multipliers in [0, c]; a point at 0 does not matter
    bias : b
    c, ridge : the problem's bound and regularisation
    """

    features: Tensor
    points: Tensor
    labels: Tensor
    support: Tensor
    sigma: Tensor
    alphas: Tensor
    bias: Tensor
    c: float
    ridge: float


class Decision(NamedTuple):
    """What the pipeline of figure 1 returns for B images."""

    logits: Tensor  # (B, P) beta S
    alphas: Tensor  # (B, N)
    sigma: Tensor  # (B, 3) or (B, 1)


class Embedding(nn.Module):
    """The warp x~ = x + MLP(x, lambda): points (B, P, 3) and lambda (B, features) to (B, P, 3)."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.point = nn.Linear(3, width, bias=False)
        self.code = nn.Linear(features, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.out = nn.Linear(width, 3)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, points: Tensor, features: Tensor) -> Tensor:
        x = (self.point(points) + self.code(features)[:, None]).relu()
        for layer in self.hidden:
            x = layer(x).relu()
        return points + self.out(x)

    def folded(
        self, features: Tensor, frame: Tensor, inverse: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Return the MLP of one lambda as plain layers, (in, out) weights and biases.

        Parameters
        ----------
        features : (features,) lambda
        frame : (4, 4) method_from_volume, applied before the MLP
        inverse : (3,) 1 / sigma, applied after it
        """
        point = self.point.weight
        first = (point @ frame[:3, :3]).T, self.code(features) + point @ frame[:3, 3]
        hidden = [(layer.weight.T, layer.bias) for layer in self.hidden]
        last = self.out.weight.T * inverse, self.out.bias * inverse
        return [first, *hidden, last]  # pyright: ignore[reportReturnType]


PAPER_RECIPE = Recipe(
    (adam(1e-4, 800_000, clip=1.0),),
    Sampling(points=(("tdgn", 2048),), **PLAIN),
    ema=0.0,
    source="TDGN section 4 (points); optimizer and length are CvxNet's, which it follows",
)


@register(SPEC)
class TDGN(Reconstructor):
    """Feature network, point generator, embedding, and the SVM between them."""

    configurations = {"paper": PAPER, "compact": COMPACT}
    configuration_class = TDGNConfiguration
    recipes = {
        "paper": {"main": PAPER_RECIPE},
        "compact": {"main": small(Sampling(points=EQUAL, crops=0.4), learning_rate=5e-4)},
    }
    configuration: TDGNConfiguration
    half_precision = ("feature.forward",)
    image_encoder = "feature"

    def __init__(self, configuration: TDGNConfiguration = COMPACT) -> None:
        super().__init__(configuration)
        sizes = configuration
        if sizes.points < 2 or sizes.points % 2:
            raise RequestError(
                f"The number of points must be even, not {sizes.points}.",
                "Half of them are inside the object, half outside.",
            )
        wide = sizes.generator_width
        self.feature = ResNet(width=sizes.width, outputs=sizes.features)
        self.points = nn.Sequential(
            nn.Linear(sizes.features, wide),
            nn.ReLU(),
            nn.Linear(wide, wide),
            nn.ReLU(),
            nn.Linear(wide, 3 * sizes.points + sizes.sigmas),
        )
        self.embed = Embedding(sizes.features, sizes.embedding_width) if sizes.embedding else None
        self.log_beta = nn.Parameter(torch.tensor(math.log(FIRST_BETA)))
        self._initialize()
        self.set_frame(similarity(scale=1 / OBJECT_SIDE))

    def _initialize(self) -> None:
        """Start the generator with positives near the centre and negatives on a shell around."""
        half = self.configuration.points // 2
        generator = torch.Generator().manual_seed(0)
        device = torch.device("cpu")  # the generator's, whatever device the network is built on
        directions = torch.randn(2 * half, 3, generator=generator, device=device)
        directions = F.normalize(directions, dim=1)
        fraction = torch.rand(2 * half, 1, generator=generator, device=device)
        low, high = OUTER_RADII
        inner = INNER_RADIUS * fraction[:half] ** (1 / 3)
        outer = low + (high - low) * fraction[half:]
        radii = torch.cat([inner, outer])
        sigma = torch.full((self.configuration.sigmas,), math.log(FIRST_SIGMA), device=device)
        last = self.points[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.copy_(torch.cat([(directions * radii).flatten(), sigma]))

    # ---------------------------------------------------------------- network

    def forward(self, images: Tensor, points: Tensor) -> Decision:
        """Return beta S at points, and the SVM's multipliers and widths: figure 1.

        Parameters
        ----------
        images : (B, 4, S, S) RGBA
        points : (B, P, 3) volume frame
        """
        features = self.describe(images)  # lambda: (B, features)
        training, sigma = self.generate(features)  # D_train: (B, N, 3); sigma: (B, 3 or 1), Eq. 7
        support = self.warp(training, features)  # x_i~: (B, N, 3), section 3.3
        queries = self.warp(self.to_method(points), features)  # x~: (B, P, 3)
        kernel = gaussian_kernel(support, support, sigma)  # (B, N, N)
        alphas, bias = solve_svm(kernel, self.labels, c=self.configuration.c)  # a, b: Eq. 4
        seen = gaussian_kernel(queries, support, sigma)  # K(x_i~, x~): (B, P, N)
        values = (seen @ (alphas * self.labels)[..., None])[..., 0] + bias[:, None]  # S: Eq. 5
        return Decision(self.log_beta.exp() * values, alphas, sigma)

    def describe(self, images: Tensor) -> Tensor:
        """Return lambda, (B, features), of images (B, 4, S, S) RGBA."""
        return self.feature(normalize(network_input(images, self.framing.background)))

    def generate(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return D_train's points (B, N, 3), method frame, and sigma (B, 3) or (B, 1)."""
        numbers = self.points(features)
        sigmas = self.configuration.sigmas
        points = numbers[:, :-sigmas].unflatten(1, (self.configuration.points, 3))
        return points, numbers[:, -sigmas:].exp() + LEAST_SIGMA

    @property
    def labels(self) -> Tensor:
        """(N,) +1 for the first half of the points, -1 for the second."""
        half = self.configuration.points // 2
        ones = torch.ones(half, device=self.log_beta.device)
        return torch.cat([ones, -ones])

    def warp(self, points: Tensor, features: Tensor) -> Tensor:
        """Return points (B, P, 3), method frame, in the embedding space."""
        return points if self.embed is None else self.embed(points, features)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean cross-entropy of equations 2, 3 and 6, and quantities to watch."""
        logits, alphas, sigma = self(batch.images[:, 0], batch.points)
        entropy = F.binary_cross_entropy_with_logits(logits, batch.inside)
        c = self.configuration.c
        watch = {
            "beta": self.log_beta.exp(),
            "at_bound": (alphas > c * (1 - 1e-4)).float().mean(),
            "at_zero": (alphas < c * 1e-4).float().mean(),
            "least_sigma": sigma.min(),
            "greatest_sigma": sigma.max(),
        }
        return {"loss": entropy, **{name: value.detach() for name, value in watch.items()}}

    # ---------------------------------------------------------------- inference

    @torch.no_grad()
    def encode(self, views: Sequence[View], *, fusion: str | None = None) -> Code:
        """Return lambda: the mean over the views, (1, features), or one a view for "union"."""
        rule = self.check_fusion(fusion)
        features = self.describe(self.prepare(views).images)
        features = features if rule == "union" else features.mean(0, keepdim=True)
        return Code(SPEC.name, {"features": features})

    @torch.no_grad()
    def decode(self, code: Code, *, keep: Tensor | None = None) -> SVMField:
        """Solve the SVM and bake its decision function.

        Parameters
        ----------
        keep
            (N,) bool: solve with these points of the training set only; None: with all.
        """
        solved = self.solve(code, keep)
        matters = solved.alphas > NEGLIGIBLE * solved.c
        matters = matters if matters.any() else torch.ones_like(matters)
        beta = self.log_beta.exp()
        inverse = 1 / solved.sigma.expand(3)
        frame = torch.from_numpy(self.method_from_volume).to(inverse)
        return SVMField(
            straight=(frame[:3, :3].T * inverse, frame[:3, 3] * inverse),
            warp=[] if self.embed is None else self.embed.folded(solved.features, frame, inverse),
            support=solved.support[matters] * inverse,
            weights=-beta * (solved.alphas * solved.labels)[matters],
            bias=-beta * solved.bias - self.configuration.level,
        )

    @property
    def level_shift(self) -> float:
        """An entry of the configuration, which training does not change."""
        return self.configuration.level

    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`: an entry of the configuration.

        The SVM's bias is solved for each image, so it can't hold it.
        """
        configuration = self.configuration
        self.configuration = replace(configuration, level=configuration.level + level)

    def features_of(self, code: Code) -> Tensor:
        """Return lambda of a code: (1, features), or one a view."""
        self.check_code(code)
        return code.tensors["features"].to(self.device)

    def solve(self, code: Code, keep: Tensor | None) -> SolvedSVM:
        """Return the SVM of a code: of one training set, or of the union of several."""
        features = self.features_of(code)
        sets = len(features)
        points, sigma = self.generate(features)
        points, sigma = points.flatten(0, 1), sigma.mean(0)
        labels = self.labels.repeat(sets)
        if keep is not None:
            points, labels = points[keep.to(self.device)], labels[keep.to(self.device)]
        if not ((labels > 0).any() and (labels < 0).any()):
            raise RequestError("An SVM needs points of both labels.", "Keep at least one of each.")
        shared = features.mean(0)
        support = self.warp(points[None], shared[None])[0]
        c, ridge = self.configuration.c / sets, RIDGE * sets
        kernel = gaussian_kernel(support, support, sigma)
        alphas, bias = solve_svm(kernel[None], labels[None], c=c, ridge=ridge)
        return SolvedSVM(shared, points, labels, support, sigma, alphas[0], bias[0], c, ridge)
