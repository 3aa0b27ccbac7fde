"""Write model cards: one page per weights file, from its header."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from ..reconstructors import WEIGHTS_FOLDER, Reconstructor, find_method
from ..reconstructors.storage import SCALE, read_tensors
from . import markdown

LICENSE = "GPL-3.0-or-later, like Levelform"
USE = (
    "Reconstructs a mesh from one or more images of a single object, in Blender or from a "
    "terminal: `levelform reconstruct IMAGE -o OUT.glb --method {method}`. The image should show "
    "the whole object, cut out by an alpha channel or on a plain background."
)
USE_MOVING = (
    "Reconstructs a moving mesh from one image of the beginning of a motion: `levelform animate "
    "{method} IMAGE -o FRAMES --weights {file}`, or *Animate in Time* in Blender. The image "
    "should show the whole object, cut out by an alpha channel or on a plain background."
)
LIMITS = (
    "The network knows only the object categories in the training data below and reconstructs "
    "other objects as the most similar of these. Organic shapes (people, animals, plants) are not "
    "included.",
    "The network guesses the parts hidden in the image. It often loses parts thinner than a few "
    "hundredths of the object.",
    "The training images are renderings, mostly of procedural shapes. Photographs with strong "
    "shadows, cluttered backgrounds or a cropped object differ from them.",
    "The test data comes from the same generator as the training data; results on other data are "
    "lower.",
)
SILHOUETTES = {
    "sdf-srn": "Trained on single images and silhouettes without any 3D truth, one category per "
    "file. It reconstructs objects of other categories as that category."
}


def write_cards(files: Sequence[Path], folder: Path) -> list[Path]:
    """Write one page per file; return the paths of the pages.

    Raises
    ------
    RequestError
        If a file is damaged or does not hold weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = []
    for path in files:
        page = folder / f"{path.stem}.md"
        markdown.write(page, card(path))
        pages.append(page)
    return pages


def bundled() -> list[Path]:
    """Return the bundled weights files."""
    paths = sorted(WEIGHTS_FOLDER.glob("*.safetensors"))
    if not paths:
        raise RequestError(
            "This copy of Levelform has no bundled weights.", "Name files with --weights."
        )
    return paths


def card(path: Path) -> list[str]:
    """Return the paragraphs of a weights file's page."""
    tensors, header, digest = read_tensors(path)
    if header.get("kind") != "weights":
        kind = header.get("kind", "something else")
        raise RequestError(
            f"{path} holds {kind}, not weights.", "Name a weights file with --weights."
        )
    cls = find_method(header["method"])
    model = cls.load(path)
    parts: Mapping[str, Mapping[str, Any]] = header["training"].get("parts", {})
    facts = [
        ["method", f"`{cls.spec.name}`" + (f", {cls.spec.paper}" if cls.spec.paper else "")],
        ["file", f"`{path.name}`, {path.stat().st_size / 2**20:.2f} MiB, {_stored(tensors)}"],
        ["hash", f"`{digest}`"],
        ["parameters", f"{sum(p.numel() for p in model.parameters()):,}"],
        ["image size", f"{model.framing.size} x {model.framing.size}"],
        ["licence", LICENSE],
    ]
    limits = [*LIMITS, *([SILHOUETTES[cls.spec.name]] if cls.spec.name in SILHOUETTES else [])]
    return [
        f"# {cls.spec.title}: `{path.stem}`",
        cls.spec.summary,
        markdown.table(["fact", ""], facts, numbers=False),
        "## Use",
        (USE_MOVING if model.knows_time else USE).format(method=cls.spec.name, file=path.name),
        "## Limits",
        "\n".join(f"- {sentence}" for sentence in limits),
        "## Training",
        *[text for part, facts in parts.items() for text in _part(model, part, facts)],
        *_other_facts(header["training"]),
        "## Results",
        _results(header["results"]),
        "Configuration: `" + json.dumps(header["configuration"], sort_keys=True) + "`",
    ]


def _stored(tensors: Mapping[str, Any]) -> str:
    """Return the storage type of the weights, not counting scales."""
    kinds = {str(t.dtype).removeprefix("torch.") for n, t in tensors.items() if SCALE not in n}
    kinds -= {"int64"}  # counters
    for kind in ("int8", "float16"):
        if kind in kinds:
            return f"matrices and kernels in {kind}"
    return ", ".join(sorted(kinds))


def _part(model: Reconstructor, part: str, facts: Mapping[str, Any]) -> list[str]:
    """Return the training facts of one part, those of the run it continues first."""
    before = _part(model, part, facts["after"]) if "after" in facts else []
    data = facts.get("data", {})
    rows = [
        ["steps", f"{facts['steps']:,} of {facts['planned_steps']:,} planned"],
        ["objects per step", str(facts["batch"])],
        ["time", _duration(facts["seconds"])],
        ["hardware", _hardware(facts)],
        ["seed", str(facts["seed"])],
        ["schedule", facts["recipe"]],
        ["training shapes", f"{data.get('shapes', 0):,}"],
    ]
    if "categories" in data:
        rows.append(["categories", ", ".join(data["categories"])])
    if "encoder" in data:
        encoder = data["encoder"]
        rows.append(["image encoder", f"from `{encoder['method']}` weights `{encoder['hash']}`"])
    if "precision" in facts:
        rows.append(["encoder precision", facts["precision"]])
    title = f"**Part `{part}`{', going on from there' if before else ''}**"
    text = [*before, title, markdown.table(["fact", ""], rows, numbers=False)]
    for source in data.get("sources", ()):
        text.append(f"Data: `{json.dumps(source, sort_keys=True)}`")
    return text


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds} s" if seconds < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def _hardware(facts: Mapping[str, Any]) -> str:
    device, processes = str(facts["device"]), facts["processes"]
    threads = f"{facts['threads']} thread{'' if facts['threads'] == 1 else 's'}"
    words = f"{device}, {threads}" if device == "cpu" else device
    return words if processes == 1 else f"{words}, {processes} processes"


def _other_facts(training: Mapping[str, Any]) -> list[str]:
    """Return the remaining entries of the header on training, unchanged."""
    rest = {name: value for name, value in training.items() if name != "parts"}
    return [f"Other entries: `{json.dumps(rest, sort_keys=True)}`"] if rest else []


def _results(results: Mapping[str, Any]) -> str:
    if not results:
        return "The file lists no results."
    rows = [
        [name, f"{value:.4f}" if isinstance(value, float) else str(value)]
        for name, value in results.items()
    ]
    return markdown.table(["measure", "value"], rows)
