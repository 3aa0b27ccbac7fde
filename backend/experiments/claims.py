"""The papers' claims and our own, each with the trainings for a small-scale test.

The published numbers come from full trainings on ShapeNet; ours come from a few thousand steps of
the compact networks on procedural chairs. They show whether a difference has the claimed sign; they
do not reproduce its size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..contract.errors import RequestError
from .trials import Measure, TrainingVariant

BOUNDARY = (("near", 930), ("uniform", 94))  # ten to one, as in the paper
UNIFORM = (("uniform", 1024),)
PLAIN = Measure()
OPTIMIZE = (
    100  # steps of test-time optimisation; the paper's 500 take minutes per shape on two cores
)

TRAININGS = {
    training.name: training
    for training in (
        TrainingVariant("dmf-boundary", "deep-meta-functionals", points=BOUNDARY),
        TrainingVariant("dmf-uniform", "deep-meta-functionals", points=UNIFORM),
        TrainingVariant("disn", "disn"),
        TrainingVariant("disn-global", "disn", {"streams": "global"}),
        TrainingVariant("disn-binary", "disn", {"binary": True}),
        TrainingVariant("disn-camera", "disn", part="camera", start="disn"),
        TrainingVariant("uclid", "uclid-net"),
        TrainingVariant("uclid-depth", "uclid-net", part="depth", start="uclid"),
        TrainingVariant("uclid-camera", "uclid-net", part="camera", start="uclid-depth"),
        TrainingVariant("tdgn", "tdgn"),
        TrainingVariant("tdgn-4-points", "tdgn", {"points": 4}),
        TrainingVariant("tdgn-16-points", "tdgn", {"points": 16}),
        TrainingVariant("tdgn-64-points", "tdgn", {"points": 64}),
        TrainingVariant("tdgn-isotropic", "tdgn", {"anisotropic": False}),
        TrainingVariant("tdgn-no-embedding", "tdgn", {"embedding": False}),
        TrainingVariant("srn", "sdf-srn"),
        TrainingVariant("srn-occupancy", "sdf-srn", {"occupancy": True}),
        TrainingVariant("srn-no-color", "sdf-srn", {"render": 0.0}),
        TrainingVariant("srn-no-importance", "sdf-srn", {"importance": False}),
        TrainingVariant("srn-no-encoding", "sdf-srn", {"frequencies": 0}),
        TrainingVariant("srn-no-sphere", "sdf-srn", pretrained=False),
        TrainingVariant("levelform", "levelform"),
        TrainingVariant("levelform-no-local", "levelform", {"local_features": False}),
        TrainingVariant("levelform-no-camera-axes", "levelform", {"camera_coordinates": False}),
        TrainingVariant("levelform-no-alpha", "levelform", {"alpha": False}),
        TrainingVariant("levelform-no-hyper", "levelform", {"hyper": False}),
        TrainingVariant("levelform-no-symmetry", "levelform", {"symmetry": False}),
        TrainingVariant("levelform-no-confidence", "levelform", {"confidence": False}),
    )
}


@dataclass(frozen=True)
class ClaimSide:
    """One side of a comparison.

    Attributes
    ----------
    label : name in tables
    training : name of a `TrainingVariant`
    how : input of the trained network
    published : the paper's number, in its unit; empty if it has none
    """

    label: str
    training: str
    how: Measure = PLAIN
    published: str = ""


@dataclass(frozen=True)
class Comparison:
    """The statement that side `first` beats `second` by a measure; with `alike`, equals it."""

    first: str
    second: str
    by: str = "iou"
    alike: bool = False


@dataclass(frozen=True)
class Claim:
    """A claim and its test.

    Attributes
    ----------
    name : name on the command line
    source : paper, and section, table or figure
    sentence : the claim in our words
    unit : unit of the published numbers
    sides, comparisons : what the test compares
    note : differences from the paper's experiment besides scale
    """

    name: str
    source: str
    sentence: str
    unit: str
    sides: tuple[ClaimSide, ...]
    comparisons: tuple[Comparison, ...]
    note: str = ""

    @property
    def surface(self) -> bool:
        """Whether it needs distances between surfaces."""
        return any(comparison.by != "iou" for comparison in self.comparisons)

    def side(self, label: str) -> ClaimSide:
        """Return a side by its label."""
        return next(side for side in self.sides if side.label == label)

    def trainings(self) -> list[TrainingVariant]:
        """Return the required trainings, each after its starting point."""
        names: dict[str, None] = {}
        for side in self.sides:
            names |= dict.fromkeys(_chain(side.training))
        return [TRAININGS[name] for name in names]


def _chain(name: str) -> list[str]:
    start = TRAININGS[name].start
    return [*(_chain(start) if start else []), name]


def _ablation(
    name: str, without: str, training: str, published: str, *, sentence: str, source: str
) -> Claim:
    """Return a claim of SDF-SRN's table 3: the full method beats the method without one part."""
    return Claim(
        name,
        source,
        sentence,
        "accuracy / coverage x 10 on chairs, lower is better",
        (
            ClaimSide("full", "srn", published=".352 / .315"),
            ClaimSide(without, training, published=published),
        ),
        (Comparison("full", without, "accuracy"), Comparison("full", without, "coverage")),
    )


def _idea(name: str, what: str, training: str, sentence: str) -> Claim:
    """Return a claim about one of the ideas in our own network."""
    return Claim(
        name,
        "our own",
        sentence,
        "",
        (ClaimSide("full", "levelform"), ClaimSide(f"without {what}", training)),
        (Comparison("full", f"without {what}"),),
    )


def _all() -> Iterator[Claim]:
    yield from _deep_meta()
    yield from _disn()
    yield from _uclid()
    yield from _tdgn()
    yield from _srn()
    yield from _own()


def _deep_meta() -> Iterator[Claim]:
    yield Claim(
        "dmf-sampling",
        "Deep Meta Functionals, section 5.4 and figure 8",
        "Training points near the surface give a better shape than uniform points.",
        "IoU in percent over 13 classes",
        (
            ClaimSide("boundary", "dmf-boundary", published="65.8"),
            ClaimSide("uniform", "dmf-uniform", published="63.5"),
        ),
        (Comparison("boundary", "uniform"),),
        "Our boundary points lie closer to the surface (standard deviations 0.01 and 0.05 in a "
        "volume of side 2) than the paper's (0.1).",
    )
    views = (1, 2, 4, 8)
    yield Claim(
        "dmf-views",
        "Deep Meta Functionals, section 5.2 and figure 7",
        "Averaging the embeddings of more views improves the shape, without training on several "
        "views.",
        "a curve without numbers",
        tuple(ClaimSide(_views(n), "dmf-boundary", Measure(views=n)) for n in views),
        tuple(Comparison(_views(b), _views(a)) for a, b in pairwise(views)),
    )


def _views(count: int) -> str:
    return "1 view" if count == 1 else f"{count} views"


def _disn() -> Iterator[Claim]:
    table = "DISN, table 4 (chairs)"
    unit = "IoU in percent on chairs"
    two = ClaimSide("local and global", "disn", published="55.3")
    yield Claim(
        "disn-local",
        table,
        "Local features at a point's projection, in addition to global ones, improve the shape.",
        unit,
        (two, ClaimSide("global only", "disn-global", published="54.8")),
        (Comparison("local and global", "global only"),),
    )
    yield Claim(
        "disn-regression",
        table,
        "Regressing the signed distance is better than classifying inside and outside.",
        unit,
        (two, ClaimSide("binary", "disn-binary", published="54.9")),
        (Comparison("local and global", "binary"),),
    )
    estimated = Measure(camera="estimated")
    yield Claim(
        "disn-camera",
        table,
        "The estimated camera gives slightly worse results than the true camera.",
        unit,
        (
            ClaimSide("given camera", "disn-camera", published="55.3"),
            ClaimSide("estimated camera", "disn-camera", estimated, published="53.9"),
        ),
        (Comparison("given camera", "estimated camera"),),
    )


def _uclid() -> Iterator[Claim]:
    given = Measure(depth="given")
    yield Claim(
        "uclid-views",
        "UCLID-Net, section 4.3 and figure 8",
        "A second view, lifted into the same grid, improves the shape.",
        "images without numbers",
        (
            ClaimSide("1 view", "uclid", given),
            ClaimSide("2 views", "uclid", Measure(views=2, depth="given")),
        ),
        (Comparison("2 views", "1 view", "chamfer_l2"),),
        "Views are averaged, not summed, so no fine-tuning is needed; cameras and depth are the "
        "ground truth.",
    )
    yield Claim(
        "uclid-inferred",
        "UCLID-Net, figure 9a (cars)",
        "Inferring depth costs almost nothing; inferring the camera as well costs a little.",
        "Chamfer-L2 x 1000 on cars, lower is better",
        (
            ClaimSide("both given", "uclid-camera", given, published="3.80"),
            ClaimSide(
                "depth inferred", "uclid-camera", Measure(depth="estimated"), published="3.83"
            ),
            ClaimSide(
                "both inferred",
                "uclid-camera",
                Measure(camera="estimated", depth="estimated"),
                published="4.08",
            ),
        ),
        (
            Comparison("both given", "depth inferred", "chamfer_l2", alike=True),
            Comparison("depth inferred", "both inferred", "chamfer_l2"),
        ),
        "Chairs instead of cars; our network learns from true depth, the paper's from inferred.",
    )


def _tdgn() -> Iterator[Claim]:
    source, unit = "TDGN, table 4", "mean IoU over 13 classes"
    base = ClaimSide("32 points", "tdgn", published=".586")
    counts = {4: ".545", 16: ".575", 64: ".585"}
    few, some, many = (
        ClaimSide(f"{n} points", f"tdgn-{n}-points", published=value) for n, value in counts.items()
    )
    yield Claim(
        "tdgn-points",
        source,
        "More generated points improve the shape up to 32; 64 bring no further improvement.",
        unit,
        (few, some, base, many),
        (
            Comparison("16 points", "4 points"),
            Comparison("32 points", "16 points"),
            Comparison("64 points", "32 points", alike=True),
        ),
    )
    yield Claim(
        "tdgn-anisotropic",
        "TDGN, tables 3 and 4",
        "Anisotropic kernels, with one width per axis, are better than isotropic ones.",
        unit,
        (base, ClaimSide("isotropic", "tdgn-isotropic", published=".568")),
        (Comparison("32 points", "isotropic"),),
    )
    yield Claim(
        "tdgn-embedding",
        source,
        "The learned embedding of space lets few points suffice.",
        unit,
        (base, ClaimSide("no embedding", "tdgn-no-embedding", published=".507")),
        (Comparison("32 points", "no embedding"),),
    )


def _srn() -> Iterator[Claim]:
    table = "SDF-SRN, table 3"
    yield _ablation(
        "srn-distance", "occupancy", "srn-occupancy", ".425 / .790", source=table,
        sentence="A signed distance is better than a binary occupancy.",
    )  # fmt: skip
    yield _ablation(
        "srn-color", "without colors", "srn-no-color", ".353 / .554", source=table,
        sentence="Rendering colors in addition to silhouettes improves coverage.",
    )  # fmt: skip
    yield _ablation(
        "srn-importance", "equal weights", "srn-no-importance", ".483 / 1.168", source=table,
        sentence="Giving pixels near the silhouette's edge more weight improves the shape.",
    )  # fmt: skip
    yield _ablation(
        "srn-encoding", "plain coordinates", "srn-no-encoding", ".444 / .351", source=table,
        sentence="Positional encoding of the points adds detail.",
    )  # fmt: skip
    yield _ablation(
        "srn-sphere", "no pretraining", "srn-no-sphere", "", source="SDF-SRN, the authors' code",
        sentence="Pretraining on a sphere keeps training from getting stuck.",
    )  # fmt: skip
    yield Claim(
        "srn-optimization",
        table,
        "Fitting the latent to the image with the training losses improves the shape further.",
        "accuracy / coverage x 10 on chairs, lower is better",
        (
            ClaimSide("encoder only", "srn", published=".352 / .315"),
            ClaimSide("optimised", "srn", Measure(optimize=OPTIMIZE), published=".332 / .303"),
        ),
        (
            Comparison("optimised", "encoder only", "accuracy"),
            Comparison("optimised", "encoder only", "coverage"),
        ),
        f"{OPTIMIZE} optimization steps instead of 500.",
    )


def _own() -> Iterator[Claim]:
    yield _idea(
        "levelform-local", "local features", "levelform-no-local",
        "Local image features at a point's projection improve the shape.",
    )  # fmt: skip
    yield _idea(
        "levelform-camera-axes", "camera coordinates", "levelform-no-camera-axes",
        "Point coordinates in the camera's axes, in addition, improve the shape.",
    )  # fmt: skip
    yield _idea(
        "levelform-alpha", "alpha", "levelform-no-alpha",
        "The mask value at a point's projection improves the shape.",
    )  # fmt: skip
    yield _idea(
        "levelform-hyper", "generated weights", "levelform-no-hyper",
        "Generating all weights of the decoder per object is better than generating biases only.",
    )  # fmt: skip
    yield _idea(
        "levelform-symmetry", "reflections", "levelform-no-symmetry",
        "Evaluating the decoder at a point's reflection as well improves the shape.",
    )  # fmt: skip
    yield _idea(
        "levelform-confidence", "confidence", "levelform-no-confidence",
        "Weighting views and reflections by a predicted confidence improves the shape.",
    )  # fmt: skip


CLAIMS = {claim.name: claim for claim in _all()}


def choose_claims(names: Iterable[str] | None) -> list[Claim]:
    """Return claims by name; None: all.

    Raises
    ------
    RequestError
        If a name is unknown.
    """
    names = list(CLAIMS) if names is None else list(names)
    strays = [name for name in names if name not in CLAIMS]
    if strays:
        raise RequestError(f"{strays[0]!r} is not a claim.", f"Choose among {', '.join(CLAIMS)}.")
    return [CLAIMS[name] for name in names]
