"""`levelform train METHOD`: train a reconstructor, or one of its parts, on data sets."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import JobCancelled, RequestError
from ..contract.streams import is_terminal
from ..ticket import Step, Ticket
from . import parse_count
from ._watched import stoppable

if TYPE_CHECKING:
    from ..reconstructors import Reconstructor
    from ..training.recipes import Recipe

BUNDLED = "bundled"
HELP = "train a method, or its camera or depth network, on data sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("method", metavar="METHOD", help="see `levelform methods`")
    parser.add_argument("--data", nargs="+", required=True, metavar="DIR", help="data sets")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--part", default="main", help="main (default), camera or depth")
    parser.add_argument("--preset", default="compact",
                        help="compact (default) or paper; sdf-srn also has paper-pascal3d, "
                        "disn 3d-cnn, deep-meta-functionals silhouettes")  # fmt: skip
    parser.add_argument(
        "--configuration", help="sizes of the network (default: those of the preset)"
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", dest="changes",
                        help="other entries of the configuration, for ablations")  # fmt: skip
    parser.add_argument("--from", dest="start", metavar="WEIGHTS",
                        help='weights to start from; "bundled": those of this method')  # fmt: skip
    parser.add_argument("--encoder-from", nargs=2, metavar=("METHOD", "WEIGHTS"),
                        help="start from the image encoder of another method's weights, "
                        "in place of the papers' ImageNet weights")  # fmt: skip
    parser.add_argument("--imagenet", metavar="FILE",
                        help="start the image encoder from torchvision's state dict of ResNet-18 "
                        "or VGG-16, as the papers do")  # fmt: skip
    parser.add_argument("--fusion", metavar="RULE", help="fuse the views of an object in the loss: "
                        "max (DISN 4.4), sum (UCLID-Net 4.3)")  # fmt: skip
    parser.add_argument("--modules", nargs="+", metavar="NAME", help="train these parts of the "
                        "network alone, such as network.decoder_3D")  # fmt: skip
    parser.add_argument("--categories", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--steps", type=int, help="length of the whole run")
    parser.add_argument("--batch", type=int, help="objects per step")
    parser.add_argument("--views", type=int, help="images of each object per step")
    parser.add_argument("--rate", type=float, help="learning rate of the last phase")
    parser.add_argument("--points", nargs="+", metavar="NAME=COUNT", help="points of each object")
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument(
        "--accumulate", type=int, default=1, help="micro-batches per step (gradient accumulation)"
    )
    parser.add_argument("--validate-every", type=int, default=2000, metavar="STEPS")
    parser.add_argument("--validation-shapes", type=int, default=104, metavar="COUNT")
    parser.add_argument("--save-every", type=float, default=120, metavar="SECONDS")
    parser.add_argument("--log-every", type=int, default=50, metavar="STEPS")
    parser.add_argument("--patience", type=int, metavar="VALIDATIONS",
                        help="stop after this many validations without improvement")  # fmt: skip
    parser.add_argument(
        "--preview",
        metavar="FILE",
        help="at each validation, write a validation shape's mesh to FILE in the run's folder",
    )
    parser.add_argument(
        "--until-input-ends",
        action="store_true",
        help="stop when standard input is closed (used by Blender's panel)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, help="number of CPU threads")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train to the end or until Ctrl-C; the same command resumes a stopped run."""
    import torch

    from ..geometry.writing import check_place
    from ..memory import keep_freed_memory
    from ..training.imagenet import start_from_imagenet
    from ..training.parts import take_encoder
    from ..training.samples import load_shapes
    from ..training.trainer import RunSettings, Trainer
    from ..training.validation import choose_shapes

    if args.threads:
        torch.set_num_threads(args.threads)
    keep_freed_memory()
    model, lender = _model(args), _lender(args)
    recipe = model.suited(_recipe(args))
    if lender is not None:
        model = take_encoder(model, lender)
    if args.imagenet:
        start_from_imagenet(model, args.imagenet)
    out = Path(args.out)
    if not out.is_dir():
        check_place(out)
        out.mkdir()
    shapes = load_shapes(args.data, "train", categories=args.categories)
    unseen = load_shapes(args.data, "val", categories=args.categories)
    validation = choose_shapes(unseen, args.validation_shapes)
    settings = RunSettings(
        out=out,
        seed=args.seed,
        accumulate=args.accumulate,
        log_every=args.log_every,
        save_every=args.save_every,
        validate_every=args.validate_every,
        baseline=bool(args.start),
        patience=args.patience,
        provenance=_provenance(args, len(shapes), lender),
    )
    watch = _preview(out / args.preview, validation[0]) if args.preview else None
    trainer = Trainer(model, recipe, shapes, validation, settings, part=args.part, watch=watch)
    with _ticket(trainer, until_input_ends=args.until_input_ends) as ticket:
        try:
            return trainer.run(ticket)
        except JobCancelled:
            return json.loads((out / "run.json").read_text()) | {"stopped": True}


def show(result: dict[str, Any]) -> None:
    """Print the run's progress, and how to use its weights."""
    sys.stdout.write(
        f"{result['method']} {result['part']}: step {result['step']} of {result['steps']}, "
        f"{result['seconds']:.0f} s\n"
    )
    for name, value in result["latest"].items():
        sys.stdout.write(f"  {name:20s} {value:.5g}\n")
    if result.get("stopped"):
        sys.stdout.write("stopped; the same command resumes the run\n")
    elif result["done"]:
        sys.stdout.write(
            f"use it with `levelform reconstruct ... --method {result['method']} "
            f"--weights {Path(result['out']) / 'best.safetensors'}`\n"
        )


# ---------------------------------------------------------------- parts of a run


def _recipe(args: argparse.Namespace) -> "Recipe":
    """Return the preset's recipe with the changes of the arguments."""
    from ..training.parts import find_recipe

    recipe = find_recipe(args.method, args.part, args.preset)
    sampling, changes = recipe.sampling, {}
    if args.batch is not None:
        changes["objects"] = args.batch
    if args.views is not None:
        changes["views"] = args.views
    if args.points is not None:
        changes["points"] = tuple(parse_count(word) for word in args.points)
    strays = sorted(changes.keys() - {entry.name for entry in fields(sampling)})
    if strays:
        raise RequestError(
            f"The {args.part} network of {args.method} sets its own number of {strays[0]}.",
            f"Leave --{strays[0]} out.",
        )
    recipe = replace(recipe, sampling=replace(sampling, **changes))
    if args.steps is not None:
        recipe = recipe.with_steps(args.steps)
    if args.rate is not None:
        *before, last = recipe.phases
        recipe = replace(recipe, phases=(*before, replace(last, learning_rate=args.rate)))
    if args.precision is not None:
        recipe = replace(recipe, precision=args.precision)
    if args.fusion is not None:
        recipe = recipe.fused(args.fusion)
    if args.modules:
        recipe = replace(recipe, modules=tuple(args.modules))
    return recipe


def _model(args: argparse.Namespace) -> "Reconstructor":
    """Return the network to train: a new one, or one loaded from `--from`."""
    from ..reconstructors import find_method, pick_device
    from ..training.parts import changed, fresh, with_part

    cls = find_method(args.method)
    device = pick_device(args.device)
    changes = dict(parse_change(word) for word in args.changes)
    if args.start:
        model = changed(_loaded(cls, args.start), changes)
    else:
        sizes = args.configuration or _sizes(cls, args.preset)
        model = fresh(cls, sizes, changes, seed=args.seed)
    return with_part(model, args.part, seed=args.seed).to(device)


def _loaded(cls: "type[Reconstructor]", start: str) -> "Reconstructor":
    """Return the network of a file, or of the weights that the method comes with."""
    from ..reconstructors import bundled_weights

    if start != BUNDLED:
        return cls.load(start)
    path = bundled_weights(cls.spec.name)
    if path is None:
        raise RequestError(
            f"{cls.spec.title} comes without weights to start from.",
            "Name a file of weights, or leave --from out.",
        )
    return cls.load(path, name=BUNDLED)


def _sizes(cls: type["Reconstructor"], preset: str) -> str:
    """Return the configuration of a preset: of its name, else the compact one."""
    return preset if preset in cls.configurations else "compact"


def _lender(args: argparse.Namespace) -> "Reconstructor | None":
    """Return the network that lends its image encoder; None without `--encoder-from`."""
    from ..reconstructors import find_method

    if not args.encoder_from:
        return None
    method, weights = args.encoder_from
    return find_method(method).load(weights)


def parse_change(word: str) -> tuple[str, Any]:
    """Parse NAME=VALUE into a configuration entry and its value; lists become tuples."""
    name, _, value = word.partition("=")
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    return name, tuple(parsed) if isinstance(parsed, list) else parsed


def _provenance(
    args: argparse.Namespace, count: int, lender: "Reconstructor | None"
) -> dict[str, Any]:
    from ..data.format import Dataset

    sources = [Dataset(folder).manifest["provenance"] for folder in args.data]
    chosen = {"categories": args.categories} if args.categories else {}
    lent = {}
    if lender is not None:
        lent["encoder"] = {"method": lender.spec.name, "hash": lender.weights.hash}
    return {"shapes": count, "sources": sources, **chosen, **lent}


def _preview(path: Path, shape: Any) -> Callable[..., None]:
    """Return a callback that writes the mesh of a validation shape."""

    def write(model: "Reconstructor", scores: dict[str, float]) -> None:
        from ..extraction import extract
        from ..geometry.mesh_files import write_mesh
        from ..training.validation import first_images

        field = model.decode(model.encode(first_images(model, shape)))
        try:
            mesh = extract(field, 64, color=False)
        except RequestError:  # an untrained network may have no surface
            return
        write_mesh(mesh, path)

    return write


@contextmanager
def _ticket(trainer: Any, *, until_input_ends: bool) -> Iterator[Ticket]:
    """Yield a ticket with a progress bar; SIGINT and SIGTERM cancel it."""
    from tqdm import tqdm

    quiet = not is_terminal(sys.stderr) or trainer.group.rank != 0
    total = trainer.recipe.steps
    with (
        stoppable(until_input_ends=until_input_ends) as asked,
        tqdm(total=total, disable=quiet, file=sys.stderr, unit="step", leave=False) as bar,
    ):

        def report(step: Step) -> None:
            bar.update(trainer.step - bar.n)
            rows = trainer.table.rows
            if rows and trainer.step % trainer.settings.log_every == 0:
                bar.set_postfix({k: f"{v:.4g}" for k, v in rows[-1].items() if k != "step"})

        yield Ticket(report, asked)
