"""Model cards: one page for each file of weights, from what its header says."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from ..reconstructors import WEIGHTS_FOLDER, Reconstructor, find_method
from ..reconstructors.storage import SCALE, read_tensors
from . import markdown

LICENSE = "GPL-3.0-or-later, as Levelform itself"
USE = (
    "Meshes from one picture of a single object, or from several, inside Blender or from a "
    "terminal: `levelform reconstruct PICTURE -o OUT.glb --method {method}`. The object should be "
    "cut out, by its alpha or by a plain background, and seen whole."
)
LIMITS = (
    "The network knows the kinds of objects in the data below and answers anything else with what "
    "is nearest to them; shapes that grow or flow (people, animals, plants) are not among them.",
    "What the picture does not show is guessed. Parts thinner than a few hundredths of the object "
    "are often lost.",
    "It was trained on rendered pictures, most of all of generated shapes. Photographs with strong "
    "shadows, cluttered backgrounds or parts cut off lie outside of that.",
    "Measures come from the same generator of shapes and pictures as the training data; other "
    "data gives lower ones.",
)
SILHOUETTES = {
    "sdf-srn": "Trained on single pictures and silhouettes without any 3D truth, one category a "
    "file: other categories come out as that one."
}


def write_cards(files: Sequence[Path], folder: Path) -> list[Path]:
    """Write a page for each file; return the pages.

    Raises
    ------
    RequestError
        If a file is damaged or holds no weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = []
    for path in files:
        page = folder / f"{path.stem}.md"
        markdown.write(page, card(path))
        pages.append(page)
    return pages


def bundled() -> list[Path]:
    """Return all files of weights that come with Levelform."""
    paths = sorted(WEIGHTS_FOLDER.glob("*.safetensors"))
    if not paths:
        raise RequestError("No weights come with this copy.", "Name files with --weights.")
    return paths


def card(path: Path) -> list[str]:
    """Return the paragraphs of a file's page."""
    tensors, header, digest = read_tensors(path)
    if header.get("kind") != "weights":
        raise RequestError(f"{path} holds {header.get('kind', 'something else')}, no weights.")
    cls = find_method(header["method"])
    model = cls.load(path)
    parts: Mapping[str, Mapping[str, Any]] = header["training"].get("parts", {})
    facts = [
        ["method", f"`{cls.spec.name}`" + (f", {cls.spec.paper}" if cls.spec.paper else "")],
        ["file", f"`{path.name}`, {path.stat().st_size / 2**20:.2f} MiB, {_stored(tensors)}"],
        ["hash", f"`{digest}`"],
        ["parameters", f"{sum(p.numel() for p in model.parameters()):,}"],
        ["pictures", f"{model.framing.size} x {model.framing.size}"],
        ["licence", LICENSE],
    ]
    limits = [*LIMITS, *([SILHOUETTES[cls.spec.name]] if cls.spec.name in SILHOUETTES else [])]
    return [
        f"# {cls.spec.title}: `{path.stem}`",
        cls.spec.summary,
        markdown.table(["fact", ""], facts, numbers=False),
        "## Use",
        USE.format(method=cls.spec.name),
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
    """Return how the numbers are stored, those of scales left aside."""
    kinds = {str(t.dtype).removeprefix("torch.") for n, t in tensors.items() if SCALE not in n}
    kinds -= {"int64"}  # counters
    for kind in ("int8", "float16"):
        if kind in kinds:
            return f"matrices and kernels in {kind}"
    return ", ".join(sorted(kinds))


def _part(model: Reconstructor, part: str, facts: Mapping[str, Any]) -> list[str]:
    """Return what is known of the training of one part, the run it went on from first."""
    before = _part(model, part, facts["after"]) if "after" in facts else []
    data = facts.get("data", {})
    rows = [
        ["steps", f"{facts['steps']:,} of {facts['planned_steps']:,} planned"],
        ["objects a step", str(facts["batch"])],
        ["time", _duration(facts["seconds"])],
        ["hardware", _hardware(facts)],
        ["seed", str(facts["seed"])],
        ["schedule", facts["recipe"]],
        ["shapes learned from", f"{data.get('shapes', 0):,}"],
    ]
    if "categories" in data:
        rows.append(["categories", ", ".join(data["categories"])])
    if "encoder" in data:
        encoder = data["encoder"]
        rows.append(["picture encoder", f"from `{encoder['method']}` weights `{encoder['hash']}`"])
    if "precision" in facts:
        rows.append(["precision of the encoders", facts["precision"]])
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
    """Return what else a header says of the training, as it stands there."""
    rest = {name: value for name, value in training.items() if name != "parts"}
    return [f"Also: `{json.dumps(rest, sort_keys=True)}`"] if rest else []


def _results(results: Mapping[str, Any]) -> str:
    if not results:
        return "The file names none."
    rows = [
        [name, f"{value:.4f}" if isinstance(value, float) else str(value)]
        for name, value in results.items()
    ]
    return markdown.table(["measure", "value"], rows)
