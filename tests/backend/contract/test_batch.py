"""A batch: which objects its sources make, what they are called, and which are made again."""

import itertools
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from levelform.backend.contract import batch_words
from levelform.backend.contract.batch import (
    RECORD_SUFFIX,
    BatchPlan,
    Item,
    ItemKind,
    check_cameras,
    find_items,
    name_items,
    parse_part,
    safe_name,
)
from levelform.backend.contract.batch_run import Made, Shelf, run_batch
from levelform.backend.contract.errors import RequestError, WorkError


def cameras_in(folder):
    path = folder / "transforms.json"
    return path if path.is_file() else None


def write(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def find(*sources, out="out", scenes=True):
    return find_items(sources, out=out, scenes=scenes, find_cameras=cameras_in)


def named(plan):
    return [item.name for item in name_items(plan, lambda item, name: None).items]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder with every kind of object, and with other files."""
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        *("in/view10.png", "in/view2.JPG", "in/view2_mask.png", "in/masks/view10.png"),
        *("in/many/a.png", "in/many/b.png", "in/posed/images/0.png", "in/posed/transforms.json"),
        *("in/empty/notes.txt", "in/.hidden/a.png", "in/scene.blend", "in/readme.txt"),
        "in/out/old.png",
    )
    return tmp_path


# ---------------------------------------------------------------- sources


def test_a_folder_gives_an_object_for_each_image_sub_folder_and_blend(tree):
    plan = find("in", out="in/out")
    assert [
        (item.kind, item.source.relative_to(tree / "in").as_posix()) for item in plan.items
    ] == [
        (ItemKind.IMAGES, "many"),
        (ItemKind.CAMERAS, "posed"),
        (ItemKind.SCENE, "scene.blend"),
        (ItemKind.IMAGE, "view2.JPG"),
        (ItemKind.IMAGE, "view10.png"),
    ]
    assert list(plan.left_out) == [str(tree / "in" / "empty")]


def test_a_folder_with_cameras_is_one_object_and_a_source_counts_once(tree):
    plan = find("in/posed", "in/posed/transforms.json", "in/many/a.png", "in/many/../many/a.png")
    assert [item.kind for item in plan.items] == [ItemKind.CAMERAS, ItemKind.IMAGE]
    assert plan.items[0].source == tree / "in" / "posed"


def test_a_source_of_images_is_an_object_each_or_one_when_they_are_to_be_fused(tree):
    assert [item.source.name for item in find("in/many").items] == ["a.png", "b.png"]
    plan = find_items(["in/many"], out="o", scenes=True, fuse=True, find_cameras=cameras_in)
    assert [(item.kind, item.source.name) for item in plan.items] == [(ItemKind.IMAGES, "many")]


def test_a_terminal_names_blender_for_a_blend(tree):
    with pytest.raises(RequestError, match=r"scene\.blend is a \.blend file.*--command levelform"):
        find("in/scene.blend", scenes=False)
    plan = find("in", scenes=False)
    assert ItemKind.SCENE not in {item.kind for item in plan.items}
    assert "Only Blender" in plan.left_out[str(tree / "in" / "scene.blend")]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("gone.png", r"gone\.png does not exist"),
        ("in/readme.txt", "not an image, a camera file or a .blend file"),
        ("in/empty", "holds no images, no cameras"),
    ],
)
def test_what_is_no_source_is_refused(tree, source, words):
    with pytest.raises(RequestError, match=words):
        find("in/view10.png", source)


def test_a_model_of_colmap_is_named_by_a_file_of_it(tree):
    write(tree, "in/shot/sparse/0/images.bin")
    (item,) = find("in/shot/sparse/0/images.bin").items
    assert (item.kind, item.source.name) == (ItemKind.CAMERAS, "images.bin")


def test_a_method_that_needs_cameras_is_refused_where_no_source_has_any(tree):
    with pytest.raises(
        RequestError, match="visual-hull needs a camera for every image, but none of"
    ):
        check_cameras(find("in/many"), "visual-hull", needs_camera=True)
    check_cameras(find("in/many"), "levelform", needs_camera=False)
    check_cameras(find("in/many", "in/posed"), "visual-hull", needs_camera=True)


# ---------------------------------------------------------------- names


def test_names_follow_the_sources(tree):
    write(tree, "in/posed/transforms_train.json", "in/posed/lamp.json")
    plan = find("in/posed/transforms_train.json", "in/posed/lamp.json")
    assert named(plan) == ["posed", "lamp"]
    plan = find("in", "in/posed/transforms_train.json", out="in/out")
    assert named(plan) == [
        *("many", "in-posed", "scene", "view2", "view10", "posed-transforms_train"),
    ]


def test_sources_of_one_name_get_more_of_their_paths(tmp_path):
    names = ["a/chair.png", "b/chair.png", "b/Chair.jpg", "c/x/lamp.png", "d/x/lamp.png", "e.png"]
    write(tmp_path, *names)
    plan = find(*(tmp_path / name for name in names))
    assert named(plan) == ["a-chair", "b-chair", "Chair-jpg", "c-x-lamp", "d-x-lamp", "e"]


def test_names_are_unique_and_safe_whatever_the_sources(tmp_path):
    parts = ["x", "X", "x y", "con", "a:b", "é", "e\u0301", "-", "..a"]
    suffixes = [".png", ".jpg", ".png.png"]
    paths = [tmp_path / a / f"{b}{s}" for a, b, s in itertools.product(parts, parts, suffixes)]
    plan = BatchPlan(tuple(Item(ItemKind.IMAGE, path) for path in paths))
    names = named(plan)
    assert len({name.casefold() for name in names}) == len(paths)
    assert all(safe_name(name) == name for name in names)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("a/b\\c:d*?", "a_b_c_d__"),
        ("con", "con_"),
        ("LPT1.old", "LPT1_.old"),
        (" . ", "object"),
        ("..x.", "x"),
        ("Stu\u0308hle", "Stühle"),
        ("\u0000\n", "__"),
    ],
)
def test_a_name_is_safe_on_every_system(words, name):
    assert safe_name(words) == name


def test_a_long_name_is_cut_to_what_file_systems_take():
    assert len(safe_name("ü" * 300).encode()) <= 120


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_parts_are_the_whole_and_nothing_twice(count):
    plan = BatchPlan(tuple(Item(ItemKind.IMAGE, Path(f"/{i}.png")) for i in range(11)))
    parts = [plan.part(f"{i}/{count}").items for i in range(1, count + 1)]
    assert sorted(itertools.chain(*parts), key=str) == sorted(plan.items, key=str)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("words", ["0/2", "3/2", "1", "a/b", "-1/2", "1/0", ""])
def test_what_is_no_part_is_refused(words):
    with pytest.raises(RequestError, match="not a part"):
        parse_part(words)


# ---------------------------------------------------------------- making them


@dataclass
class Maker:
    """Stands in for a method: a result is its source's content; `broken` sources fail."""

    made: list[str] = field(default_factory=list)
    broken: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __call__(self, item, path, title):
        self.made.append(item.name)
        path.write_text(f"{item.source.name} {title}")
        if item.name in self.broken:
            raise WorkError("It has no surface.", "Check it.")
        return Made({"faces": 4, "seconds": 0.1}, self.files)


@pytest.fixture
def batch(tmp_path):
    """Run a batch of a folder of three images; return what was made, and the lines."""
    write(tmp_path, "in/a.png", "in/b.png", "in/c.png")

    def run(sources=("in",), settings=None, maker=None, **words):
        maker = maker or Maker()
        plan = find(*(tmp_path / source for source in sources))
        shelf = Shelf(tmp_path / "out", ".glb")
        lines = list(run_batch(plan, shelf, maker, settings or {}, **words))
        return maker.made, lines

    return run


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_line_for_each_object_and_one_that_counts_them(batch, tmp_path):
    made, lines = batch()
    assert made == ["a", "b", "c"]
    for number, (line, name) in enumerate(zip(lines, "abc", strict=False), 1):
        out = tmp_path / "out" / f"{name}.glb"
        assert line == {
            **{"object": name, "state": "done", "number": number, "count": 3},
            **{"source": str(tmp_path / "in" / f"{name}.png"), "out": str(out)},
            **{"faces": 4, "seconds": 0.1},
        }
        assert out.read_text() == f"{name}.png Model {number} of 3"
    last = lines[-1]
    assert (last["count"], last["done"], last["kept"], last["failed"], last["status"]) == (
        3,
        3,
        0,
        0,
        0,
    )


def test_a_second_run_makes_only_what_is_missing(batch, tmp_path):
    batch()
    (tmp_path / "out" / "b.glb").unlink()
    made, second = batch()
    assert made == ["b"]
    assert [line["state"] for line in second[:3]] == ["kept", "done", "kept"]
    assert all(line["faces"] == 4 for line in second[:3])
    assert batch(again=True)[0] == ["a", "b", "c"]


def test_what_changed_is_made_again(batch, tmp_path):
    batch()
    (tmp_path / "in" / "b.png").write_text("more of it")
    assert batch()[0] == ["b"]
    (tmp_path / "in" / "c_mask.png").write_text("its mask")
    assert batch()[0] == ["c"]
    (tmp_path / "out" / "a.glb").write_text("cut")
    assert batch()[0] == ["a"]
    assert batch(settings={"resolution": 64})[0] == ["a", "b", "c"]
    assert batch(settings={"resolution": 64})[0] == []


def test_files_that_only_the_work_knows_count_too(batch, tmp_path):
    write(tmp_path, "elsewhere.png")
    words = {"maker": Maker(files=(str(tmp_path / "elsewhere.png"),))}
    batch(**words)
    assert batch()[0] == []
    write(tmp_path, "elsewhere.png.")
    os.utime(tmp_path / "elsewhere.png", ns=(1, 1))
    assert batch()[0] == ["a", "b", "c"]


def test_a_failure_stops_no_other_and_is_tried_again(batch, tmp_path):
    made, lines = batch(maker=Maker(broken=("b",)))
    assert made == ["a", "b", "c"]
    assert (lines[1]["state"], lines[1]["error"], lines[1]["out"]) == (
        "failed",
        "It has no surface.",
        None,
    )
    assert (lines[-1]["failed"], lines[-1]["status"]) == (1, 1)
    assert "b.glb" not in files(tmp_path / "out")
    assert batch()[0] == ["b"]


def test_an_unforeseen_error_is_a_failure_in_words(batch):
    def broken(*_):
        raise ZeroDivisionError("by zero")

    broken.made = []
    _, lines = batch(maker=broken)
    assert [line.get("error") for line in lines[:3]] == [
        "Internal error of Levelform: ZeroDivisionError: by zero."
    ] * 3


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, GeneratorExit])
def test_an_interruption_leaves_what_was_there_and_nothing_half(batch, tmp_path, stopped):
    batch()
    (tmp_path / "in" / "b.png").write_text("changed")
    before = (tmp_path / "out" / "b.glb").read_text()

    def interrupted(item, path, title):
        path.write_text("half")
        raise stopped

    interrupted.made = []
    with pytest.raises(stopped):
        batch(maker=interrupted)
    names = [f"{name}.glb{suffix}" for name in "abc" for suffix in ("", RECORD_SUFFIX)]
    assert files(tmp_path / "out") == sorted(names)
    assert (tmp_path / "out" / "b.glb").read_text() == before
    assert batch()[0] == ["b"]


def test_a_batch_of_another_folder_takes_nothing_away(batch, tmp_path):
    batch()
    write(tmp_path, "other/a.png", "other/d.png")
    made, _ = batch(sources=("other",))
    assert made == ["a-png", "d"]
    assert (tmp_path / "out" / "a.glb").read_text().startswith("a.png Model 1 of 3")
    assert batch()[0] == []  # each keeps the name that it has
    assert batch(sources=("other",))[0] == []
    assert batch(sources=("in", "other"))[0] == []


def test_a_file_of_the_artist_is_left_alone(batch, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "A.GLB").write_text("precious")
    (tmp_path / "out" / "u\u0308.glb").write_text("as a Mac writes it")
    write(tmp_path, "in/\u00fc.png")
    made, _ = batch()
    assert made == ["a-png", "b", "c", "\u00fc-png"]
    assert (tmp_path / "out" / "A.GLB").read_text() == "precious"


def test_sources_seen_from_another_machine_are_the_same(batch, tmp_path):
    batch()
    (tmp_path / "in").rename(tmp_path / "mounted")
    assert batch(sources=("mounted",))[0] == []


@pytest.mark.parametrize("garbage", ["", "[]", "{}", "\x00", '{"version": 1, "files": 3}'])
def test_a_garbled_record_makes_the_object_again_but_writes_over_nothing(batch, tmp_path, garbage):
    batch()
    (tmp_path / "out" / f"b.glb{RECORD_SUFFIX}").write_text(garbage)
    made, lines = batch()
    assert made == ["b-png"]
    assert lines[-1]["failed"] == 0


def test_records_are_json_that_tells_what_made_a_result(batch, tmp_path):
    batch(settings={"resolution": 64})
    record = json.loads((tmp_path / "out" / f"a.glb{RECORD_SUFFIX}").read_text())
    status = (tmp_path / "in" / "a.png").stat()
    assert record["files"] == {"a.png": [status.st_size, status.st_mtime_ns]}
    assert record["settings"] == {"resolution": 64}
    assert record["source"] == str(tmp_path / "in" / "a.png")


def test_parts_make_the_whole_with_the_names_of_the_whole(batch, tmp_path):
    write(tmp_path, "other/a.png")
    lines = [batch(sources=("in", "other"), part=f"{i}/3")[1] for i in (3, 1, 2)]
    names = [line["object"] for part in lines for line in part[:-1]]
    assert sorted(names) == ["b", "c", "in-a", "other-a"]
    assert batch(sources=("in", "other"))[0] == []


def test_a_folder_that_can_not_be_made_is_refused(tmp_path):
    write(tmp_path, "file")
    with pytest.raises(RequestError, match=r"The folder .*file can't be made"):
        Shelf(tmp_path / "file", ".glb")


# ---------------------------------------------------------------- words


@dataclass(frozen=True)
class Choices:
    method: str
    level: float | None = None
    weights: str | None = None
    options: dict = field(default_factory=dict)


def test_settings_are_what_is_not_as_by_default(tmp_path):
    assert batch_words.settings_of(Choices("disn"), views=None) == {"method": "disn"}
    weights = tmp_path / "w.safetensors"
    weights.write_text("1")
    settings = batch_words.settings_of(Choices("disn", level=0.5, weights=str(weights)))
    assert settings["level"] == 0.5
    weights.write_text("22")
    assert batch_words.settings_of(Choices("disn", 0.5, str(weights))) != settings


def test_suffixes_are_words_or_refused():
    assert {batch_words.suffix_of(words) for words in ("glb", ".glb", "GLB")} == {".glb"}
    with pytest.raises(RequestError, match="not a suffix"):
        batch_words.suffix_of("a/b")


def test_lines_are_told_in_words(batch):
    _, lines = batch(maker=Maker(broken=("b",)))
    told = [batch_words.in_words(line) for line in lines]
    assert re.fullmatch(r"1/3 a: .*a\.glb, 4 triangles, 0\.1 s", told[0])
    assert told[1] == "2/3 b: It has no surface. Check it."
    assert re.fullmatch(r"3 models: 2 made, 0 there already, 1 failed, \d+\.\d s", told[3])
    assert batch_words.in_words(batch()[1][0]).endswith("a.glb is there already")
