"""The papers' claims, and our own, each with the runs that try it in small.

Published numbers are of whole papers' trainings, on ShapeNet; ours are of a few thousand steps of
the compact networks on procedural chairs. They tell whether a difference has the same sign, and
nothing of its size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..contract.errors import RequestError
from .trials import Measure, TrainingVariant

BOUNDARY = (("near", 930), ("uniform", 94))  # ten boundary points to one, as the paper has it
UNIFORM = (("uniform", 1024),)
PLAIN = Measure()
OPTIMIZE = 100  # steps of test-time optimisation; the paper's 500 take minutes a shape on two cores

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
class Side:
    """One of what a claim compares.

    Attributes
    ----------
    label : what it is
    training : name of a `TrainingVariant`
    how : how the trained network is asked
    published : the paper's number, in its unit; empty where it has none
    """

    label: str
    training: str
    how: Measure = PLAIN
    published: str = ""


@dataclass(frozen=True)
class Comparison:
    """That the side `first` does better than `second` by a measure; or, `alike`, as well."""

    first: str
    second: str
    by: str = "iou"
    alike: bool = False


@dataclass(frozen=True)
class Claim:
    """A claim and how it is tried.

    Attributes
    ----------
    name : as a user types it
    source : paper and place
    sentence : what it says, in our words
    unit : what the published numbers are
    sides, comparisons : see there
    note : how the trial differs from the paper's, where more than in size
    """

    name: str
    source: str
    sentence: str
    unit: str
    sides: tuple[Side, ...]
    comparisons: tuple[Comparison, ...]
    note: str = ""

    @property
    def surface(self) -> bool:
        """Whether distances between surfaces are needed."""
        return any(comparison.by != "iou" for comparison in self.comparisons)

    def side(self, label: str) -> Side:
        """Return a side by its label."""
        return next(side for side in self.sides if side.label == label)

    def trainings(self) -> list[TrainingVariant]:
        """Return the trainings that it needs, each after the one that it starts from."""
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
    """Return a claim of SDF-SRN's table 3: the whole method does better than one without a part."""
    return Claim(
        name,
        source,
        sentence,
        "accuracy / coverage x 10 on chairs, lower is better",
        (
            Side("whole", "srn", published=".352 / .315"),
            Side(without, training, published=published),
        ),
        (Comparison("whole", without, "accuracy"), Comparison("whole", without, "coverage")),
    )


def _idea(name: str, what: str, training: str, sentence: str) -> Claim:
    """Return a claim about one of the ideas in our own network."""
    return Claim(
        name,
        "our own",
        sentence,
        "",
        (Side("whole", "levelform"), Side(f"without {what}", training)),
        (Comparison("whole", f"without {what}"),),
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
        "Training points near the surface teach more than points spread over the volume.",
        "IoU in percent over 13 classes",
        (
            Side("boundary", "dmf-boundary", published="65.8"),
            Side("uniform", "dmf-uniform", published="63.5"),
        ),
        (Comparison("boundary", "uniform"),),
        "Our boundary points are nearer to the surface (deviations 0.01 and 0.05 of a volume whose "
        "side is 2) than the paper's (0.1).",
    )
    views = (1, 2, 4, 8)
    yield Claim(
        "dmf-views",
        "Deep Meta Functionals, section 5.2 and figure 7",
        "The mean of several views' embeddings does better the more views there are, without "
        "training for it.",
        "a curve without numbers",
        tuple(Side(_views(n), "dmf-boundary", Measure(views=n)) for n in views),
        tuple(Comparison(_views(b), _views(a)) for a, b in pairwise(views)),
    )


def _views(count: int) -> str:
    return "1 view" if count == 1 else f"{count} views"


def _disn() -> Iterator[Claim]:
    table = "DISN, table 4 (chairs)"
    unit = "IoU in percent on chairs"
    two = Side("local and global", "disn", published="55.3")
    yield Claim(
        "disn-local",
        table,
        "Features where a point projects, beside the global ones, improve the shape.",
        unit,
        (two, Side("global alone", "disn-global", published="54.8")),
        (Comparison("local and global", "global alone"),),
    )
    yield Claim(
        "disn-regression",
        table,
        "Regressing the signed distance does better than telling inside from outside.",
        unit,
        (two, Side("binary", "disn-binary", published="54.9")),
        (Comparison("local and global", "binary"),),
    )
    estimated = Measure(camera="estimated")
    yield Claim(
        "disn-camera",
        table,
        "The camera network's estimate costs a little against the true camera.",
        unit,
        (
            Side("given camera", "disn-camera", published="55.3"),
            Side("estimated camera", "disn-camera", estimated, published="53.9"),
        ),
        (Comparison("given camera", "estimated camera"),),
    )


def _uclid() -> Iterator[Claim]:
    given = Measure(depth="given")
    yield Claim(
        "uclid-views",
        "UCLID-Net, section 4.3 and figure 8",
        "A second view, lifted into the same grid, improves the shape.",
        "pictures without numbers",
        (
            Side("1 view", "uclid", given),
            Side("2 views", "uclid", Measure(views=2, depth="given")),
        ),
        (Comparison("2 views", "1 view", "chamfer_l2"),),
        "Views are averaged, not added, so that nothing is fine-tuned; cameras and depth are the "
        "true ones.",
    )
    yield Claim(
        "uclid-inferred",
        "UCLID-Net, figure 9a (cars)",
        "Inferring depth costs next to nothing, inferring the camera too costs a little.",
        "Chamfer-L2 x 1000 on cars, lower is better",
        (
            Side("both given", "uclid-camera", given, published="3.80"),
            Side("depth inferred", "uclid-camera", Measure(depth="estimated"), published="3.83"),
            Side(
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
        "Chairs instead of cars; the network learns from true depth, the paper's from inferred.",
    )


def _tdgn() -> Iterator[Claim]:
    source, unit = "TDGN, table 4", "mean IoU over 13 classes"
    base = Side("32 points", "tdgn", published=".586")
    counts = {4: ".545", 16: ".575", 64: ".585"}
    few, some, many = (
        Side(f"{n} points", f"tdgn-{n}-points", published=value) for n, value in counts.items()
    )
    yield Claim(
        "tdgn-points",
        source,
        "More generated points describe the shape better up to 32; 64 bring nothing more.",
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
        "A kernel with a width for each axis does better than one width.",
        unit,
        (base, Side("isotropic", "tdgn-isotropic", published=".568")),
        (Comparison("32 points", "isotropic"),),
    )
    yield Claim(
        "tdgn-embedding",
        source,
        "The learned warp of space is what makes so few points enough.",
        unit,
        (base, Side("no embedding", "tdgn-no-embedding", published=".507")),
        (Comparison("32 points", "no embedding"),),
    )


def _srn() -> Iterator[Claim]:
    table = "SDF-SRN, table 3"
    yield _ablation(
        "srn-distance", "occupancy", "srn-occupancy", ".425 / .790", source=table,
        sentence="A signed distance does better than a binary occupancy.",
    )  # fmt: skip
    yield _ablation(
        "srn-color", "without colours", "srn-no-color", ".353 / .554", source=table,
        sentence="Rendering colours, not silhouettes alone, helps to cover the shape.",
    )  # fmt: skip
    yield _ablation(
        "srn-importance", "equal weights", "srn-no-importance", ".483 / 1.168", source=table,
        sentence="Pixels near the silhouette's edge should count more.",
    )  # fmt: skip
    yield _ablation(
        "srn-encoding", "plain coordinates", "srn-no-encoding", ".444 / .351", source=table,
        sentence="The positional encoding of points is needed for detail.",
    )  # fmt: skip
    yield _ablation(
        "srn-sphere", "no sphere first", "srn-no-sphere", "", source="SDF-SRN, the authors' code",
        sentence="Training begins from a sphere, without which it may get stuck.",
    )  # fmt: skip
    yield Claim(
        "srn-optimization",
        table,
        "Fitting the latent to the picture by the training losses improves the shape further.",
        "accuracy / coverage x 10 on chairs, lower is better",
        (
            Side("encoder alone", "srn", published=".352 / .315"),
            Side("optimised", "srn", Measure(optimize=OPTIMIZE), published=".332 / .303"),
        ),
        (
            Comparison("optimised", "encoder alone", "accuracy"),
            Comparison("optimised", "encoder alone", "coverage"),
        ),
        f"{OPTIMIZE} steps of optimisation, the paper's are 500.",
    )


def _own() -> Iterator[Claim]:
    yield _idea(
        "levelform-local", "local features", "levelform-no-local",
        "The small network should read the picture's features where a point projects.",
    )  # fmt: skip
    yield _idea(
        "levelform-camera-axes", "camera coordinates", "levelform-no-camera-axes",
        "The small network should read the point in the camera's axes too.",
    )  # fmt: skip
    yield _idea(
        "levelform-alpha", "alpha", "levelform-no-alpha",
        "The small network should read the mask where a point projects.",
    )  # fmt: skip
    yield _idea(
        "levelform-hyper", "written weights", "levelform-no-hyper",
        "All weights of the small network should be written for each object, not a shift alone.",
    )  # fmt: skip
    yield _idea(
        "levelform-symmetry", "mirror images", "levelform-no-symmetry",
        "The small network should be asked at the point's mirror image too.",
    )  # fmt: skip
    yield _idea(
        "levelform-confidence", "confidence", "levelform-no-confidence",
        "The small network should tell how sure it is, which weighs views and mirror images.",
    )  # fmt: skip


CLAIMS = {claim.name: claim for claim in _all()}


def choose_claims(names: Iterable[str] | None) -> list[Claim]:
    """Return claims by their names; None: all.

    Raises
    ------
    RequestError
        If there is none by a name.
    """
    names = list(CLAIMS) if names is None else list(names)
    strays = [name for name in names if name not in CLAIMS]
    if strays:
        raise RequestError(
            f"There is no claim {strays[0]!r}.", f"Choose among {', '.join(CLAIMS)}."
        )
    return [CLAIMS[name] for name in names]
