"""The papers' own tables, to print beside measurements by the same protocol.

Numbers are copied from the papers; columns whose headers the papers lost are ordered as
`CATEGORIES` says. All are of ShapeNet, which is not the data at hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

CATEGORIES = (
    "airplane", "bench", "cabinet", "car", "chair", "display", "lamp", "loudspeaker", "rifle",
    "sofa", "table", "telephone", "vessel",
)  # fmt: skip


@dataclass(frozen=True)
class PublishedNumber:
    """What a paper reports for one metric of its protocol.

    Attributes
    ----------
    metric : its name in the protocol's result
    label : as the paper calls it, with its unit
    source : table or figure
    mean : of all classes; None: not reported
    by_class : by category, as far as reported
    setting : what the network was given, where the paper has several rows
    """

    metric: str
    label: str
    source: str
    mean: float | None = None
    by_class: Mapping[str, float] = field(default_factory=dict)
    setting: str = ""


def _row(numbers: str) -> dict[str, float]:
    """Return numbers by category, in the order of `CATEGORIES`."""
    return dict(zip(CATEGORIES, map(float, numbers.split()), strict=True))


def _three(numbers: str) -> dict[str, float]:
    return dict(zip(("airplane", "car", "chair"), map(float, numbers.split()), strict=True))


GIVEN, ESTIMATED = "cameras given", "cameras estimated"
VOLUME = "3D CNN"  # DISN's own baseline
_DISN, _DMF, _TDGN, _ONET = "DISN Table", "Deep Meta Table", "TDGN Table", "TDGN Table 2, column ON"
PUBLISHED: dict[str, tuple[PublishedNumber, ...]] = {
    "deep-meta-functionals": (
        PublishedNumber(
            "iou_32", "IoU at 32^3, %", f"{_DMF} 2", 69.1,
            _row("71.4 65.9 79.3 87.1 60.7 61.7 48.6 73.8 68.0 74.8 62.8 79.1 65.4"),
        ),
        PublishedNumber(
            "iou_256_pooled", "IoU at 256^3, pooled, %", f"{_DMF} 3", 66.2,
            _row("71.3 63.4 75.6 81.5 61.4 56.2 52.0 64.7 65.7 72.3 61.6 75.1 60.2"),
        ),
        PublishedNumber("chamfer_l2", "Chamfer-L2 x 1000", f"{_DMF} 4", 4.35),
    ),
    "disn": (
        PublishedNumber(
            "emd", "EMD x 100", f"{_DISN} 1", 2.71,
            _row("2.45 2.41 2.99 2.52 2.62 2.63 4.11 3.37 1.93 2.55 3.07 2.00 2.55"), GIVEN,
        ),
        PublishedNumber(
            "emd", "EMD x 100", f"{_DISN} 1", 2.84,
            _row("2.67 2.48 3.04 2.67 2.67 2.73 4.38 3.47 2.30 2.62 3.11 2.06 2.77"), ESTIMATED,
        ),
        PublishedNumber(
            "chamfer_l2", "Chamfer-L2 x 1000", f"{_DISN} 1", 10.17,
            _row("9.01 8.32 9.98 4.92 7.54 9.58 22.73 16.70 4.36 8.71 13.29 6.21 10.87"), GIVEN,
        ),
        PublishedNumber(
            "chamfer_l2", "Chamfer-L2 x 1000", f"{_DISN} 1", 10.98,
            _row("9.96 8.98 10.19 5.39 7.71 10.23 25.76 17.90 5.58 9.16 13.59 6.40 11.91"),
            ESTIMATED,
        ),
        PublishedNumber(
            "iou", "IoU, %", f"{_DISN} 1", 59.4,
            _row("61.7 54.2 53.1 77.0 54.9 57.7 39.7 55.9 68.0 67.1 48.9 73.6 60.2"), GIVEN,
        ),
        PublishedNumber(
            "iou", "IoU, %", f"{_DISN} 1", 57.0,
            _row("57.5 52.9 52.3 74.3 54.3 56.4 34.7 54.9 59.2 65.9 47.9 72.9 55.9"), ESTIMATED,
        ),
        *(
            PublishedNumber(f"f_score_{percent}%", f"F-score at {percent} %", f"{_DISN} 2", value,
                            setting=setting)
            for setting, values in (
                (GIVEN, (0.079, 0.327, 0.718, 0.943, 0.984, 0.996)),
                (ESTIMATED, (0.070, 0.307, 0.700, 0.940, 0.986, 0.998)),
                (VOLUME, (0.064, 0.295, 0.691, 0.935, 0.984, 0.997)),
            )
            for percent, value in zip(("0.5", "1", "2", "5", "10", "20"), values, strict=True)
        ),
        PublishedNumber(
            "emd", "EMD x 100", f"{_DISN} 1, 3D CNN", 3.0,
            _row("3.36 2.90 3.06 2.52 3.01 2.85 4.73 3.35 2.71 2.60 3.09 2.10 2.67"), VOLUME,
        ),
        PublishedNumber(
            "chamfer_l2", "Chamfer-L2 x 1000", f"{_DISN} 1, 3D CNN", 12.30,
            _row("10.47 10.94 10.40 5.26 11.15 11.78 35.97 17.97 6.80 9.76 13.35 6.30 9.80"),
            VOLUME,
        ),
        PublishedNumber(
            "iou", "IoU, %", f"{_DISN} 1, 3D CNN", 55.3,
            _row("50.6 44.3 52.3 76.9 52.6 51.5 36.2 58.0 50.5 67.2 50.3 70.9 57.4"), VOLUME,
        ),
        PublishedNumber("d3d", "d3D of the camera", f"{_DISN} 3", 0.047),
        PublishedNumber("d2d", "d2D of the camera, pixels of 137", f"{_DISN} 3", 2.95),
    ),
    "uclid-net": (
        PublishedNumber("chamfer_l2", "Chamfer-L2 x 1000", "UCLID-Net Figure 6", 6.3,
                        setting=ESTIMATED),
        PublishedNumber("emd", "EMD x 100", "UCLID-Net Figure 6", 2.5, setting=ESTIMATED),
        PublishedNumber("shell_iou", "shell IoU, %", "UCLID-Net Figure 6", 37.0, setting=ESTIMATED),
        PublishedNumber("f_score_5%", "F-score at 5 %", "UCLID-Net Figure 6", 96.2,
                        setting=ESTIMATED),
    ),
    "tdgn": (
        PublishedNumber(
            "iou", "IoU", f"{_TDGN} 2", 0.585,
            _row(".607 .477 .733 .733 .502 .520 .373 .647 .508 .678 .519 .754 .547"),
        ),
        PublishedNumber(
            "chamfer_l1", "Chamfer-L1 x 10", f"{_TDGN} 2", 0.189,
            _row(".135 .159 .143 .129 .230 .216 .406 .259 .117 .174 .183 .108 .199"),
        ),
        PublishedNumber(
            "f_score_1%", "F-score", f"{_TDGN} 2", 55.91,
            _row("68.08 64.07 62.65 61.54 44.99 43.14 40.15 43.22 65.99 50.75 61.79 71.98 48.41"),
        ),
    ),
    "sdf-srn": tuple(
        PublishedNumber(metric, f"{metric} x 10", "SDF-SRN Table 1", None, _three(numbers))
        for metric, numbers in (("accuracy", ".193 .141 .352"), ("coverage", ".154 .144 .315"))
    ),
    "sdf-srn-pascal3d": tuple(
        PublishedNumber(metric, f"{metric} x 10", "SDF-SRN Table 4", None, _three(numbers))
        for metric, numbers in (("accuracy", ".582 .391 .478"), ("coverage", ".543 .402 .398"))
    ),
    "pix3d": (
        PublishedNumber("chamfer_l1", "Chamfer-L1 x 100", "UCLID-Net Figure 6", None,
                        {"chair": 7.5}),
        PublishedNumber("emd", "EMD x 100", "UCLID-Net Figure 6", None, {"chair": 8.7}),
    ),
    "occupancy-network": (
        PublishedNumber(
            "iou", "IoU", _ONET, 0.571,
            _row(".571 .485 .733 .737 .501 .471 .371 .647 .474 .680 .506 .720 .530"),
        ),
        PublishedNumber(
            "chamfer_l1", "Chamfer-L1 x 10", _ONET, 0.215,
            _row(".147 .155 .167 .159 .228 .278 .479 .300 .141 .194 .189 .140 .218"),
        ),
        PublishedNumber(
            "f_score_1%", "F-score", _ONET, 51.75,
            _row("62.87 56.91 61.79 56.91 42.41 38.96 38.35 42.48 56.52 48.62 58.49 66.09 42.37"),
        ),
    ),
}  # fmt: skip
