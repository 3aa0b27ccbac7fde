"""Metrics as functions of arrays; `protocols` has each paper's exact definition by name."""

from .alignment import icp
from .cameras import camera_distances
from .clouds import (
    accuracy_and_coverage,
    chamfer_l1,
    chamfer_l2,
    f_score,
    nearest,
    normal_consistency,
    precision_recall,
)
from .grids import pool, shell_iou, silhouette_iou
from .occupancy import iou
from .protocols import PROTOCOLS, Protocol, ProtocolScores, average, evaluate
from .transport import earth_mover, matched_distance

__all__ = [
    "PROTOCOLS",
    "Protocol",
    "ProtocolScores",
    "accuracy_and_coverage",
    "average",
    "camera_distances",
    "chamfer_l1",
    "chamfer_l2",
    "earth_mover",
    "evaluate",
    "f_score",
    "icp",
    "iou",
    "matched_distance",
    "nearest",
    "normal_consistency",
    "pool",
    "precision_recall",
    "shell_iou",
    "silhouette_iou",
]
