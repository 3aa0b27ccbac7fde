"""Break the code in known ways, one at a time, and check that the named test fails each time.

python tools/check_faults.py            all faults; prints fault, test, and whether it failed
python tools/check_faults.py clip       those whose description contains a word

Each fault once passed unnoticed. The file is edited in place and restored; it must be committed.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Fault:
    """A wrong edit, and the test that must notice it.

    what : description
    file, right, wrong : the edit, below `backend/`; `right` occurs once
    test : path below `tests/backend/`, with the test's name
    """

    what: str
    file: str
    right: str
    wrong: str
    test: str


FAULTS = (
    Fault(
        "training without EMA",
        "training/trainer.py",
        "mean.lerp_(value, 1 - decay)",
        "mean.copy_(value)",
        "training/test_trainer.py",
    ),
    Fault(
        "no gradient clipping",
        "training/optimization.py",
        "    if phase.clip is None:",
        "    if True:",
        "training/test_trainer.py::test_gradients_are_clipped_together_or_each",
    ),
    Fault(
        "weight decay on vectors",
        "training/optimization.py",
        '{"params": vectors, "weight_decay": 0.0}',
        '{"params": vectors, "weight_decay": phase.weight_decay}',
        "training/test_trainer.py::test_weights_decay_in_matrices_alone",
    ),
    Fault(
        "SDF-SRN's Eq. 4 on foreground rays",
        "reconstructors/sdf_srn.py",
        "self._silhouette(implicit, rays, outside, generator)",
        "self._silhouette(implicit, rays, inside, generator)",
        "reconstructors/test_sdf_srn.py::test_the_bound_of_eq_4_is_asked_of_background_rays_alone",
    ),
    Fault(
        "SDF-SRN's 1/D without its cap",
        "reconstructors/sdf_srn.py",
        "1 / torch.maximum(rays.distance, rays.half_pixel)",
        "1 / rays.distance.clamp_min(1e-8)",
        "reconstructors/test_sdf_srn.py"
        "::test_rays_weigh_one_over_their_distance_but_no_more_than_at_half_a_pixel",
    ),
    Fault(
        "DISN counts views that have the point behind the camera",
        "fields/pixel_aligned.py",
        ".all(-1) & (depth > 0)",
        ".all(-1)",
        "reconstructors/test_disn.py::test_a_view_with_the_point_behind_its_camera_does_not_count",
    ),
    Fault(
        "views count where the point is behind the camera (other methods)",
        "fusion.py",
        ".all(-1) & (depth > 0)",
        ".all(-1)",
        "test_fusion.py",
    ),
    Fault(
        "reprojection without averaging pixels",
        "images/reprojection.py",
        "max(1, math.floor(step / 2 + STEP_NOISE))",
        "1",
        "images/test_reprojection.py",
    ),
    Fault(
        "reprojection with one sample a pixel",
        "images/reprojection.py",
        "samples = 2 if spread else 1",
        "samples = 1",
        "images/test_reprojection.py",
    ),
    Fault(
        "a fraction reaches 1 before the end",
        "extraction/sampler.py",
        "min(done, 0.99)",
        "min(done, 1.0)",
        "extraction/test_sampler.py::test_progress_stays_below_its_end_however_low_the_forecast",
    ),
    Fault(
        "sizes of kept samples left out",
        "pipeline/kept.py",
        "(kept.field, kept.samples, kept.painter, kept.encoded, kept.improvable)",
        "(kept.field, kept.painter, kept.encoded, kept.improvable)",
        "pipeline/test_kept.py::test_the_samples_of_kept_fields_count_too",
    ),
    Fault(
        "the patch field outside a frame that is not the volume's",
        "fields/patches.py",
        "outside / self._scale",
        "outside",
        "fields/test_patches.py::test_the_distance_goes_on_outside_a_frame_of_its_own",
    ),
)


def notices(fault: Fault) -> str:
    """Return the name of the first test that fails under a fault; empty if none does."""
    path = ROOT / "backend" / fault.file
    text = path.read_text(encoding="utf-8")
    if text.count(fault.right) != 1:
        raise SystemExit(f"{fault.file} has changed: {fault.right!r} must occur once. Follow it.")
    if subprocess.run(
        ["git", "-C", str(ROOT), "diff", "--quiet", "HEAD", "--", str(path)]
    ).returncode:
        raise SystemExit(f"{fault.file} is not committed, and would be edited. Commit it first.")
    path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-rf"]
        run = subprocess.run(
            [*command, str(ROOT / "tests" / "backend" / fault.test)],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
    finally:
        path.write_text(text, encoding="utf-8")
    if run.returncode not in (0, 1):  # pytest's: all passed, some failed
        raise SystemExit(f"{fault.test} did not run. Follow it.\n{run.stdout}{run.stderr}")
    failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED ")]
    return failed[0].split(" - ")[0].removeprefix("FAILED tests/backend/") if failed else ""


def main() -> None:
    """Print a line for each fault; exit with 1 if one passed unnoticed."""
    words = sys.argv[1:]
    missed = 0
    for fault in FAULTS:
        if all(word in fault.what for word in words):
            test = notices(fault)
            missed += not test
            sys.stdout.write(f"{fault.what}: {test or 'NO TEST FAILS'}\n")
            sys.stdout.flush()
    sys.exit(int(missed > 0))


if __name__ == "__main__":
    main()
