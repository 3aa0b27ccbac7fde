"""The job type for Flamenco, compiled against a stand-in of its API: what would run on a farm.

Flamenco runs a job type in goja, which has no modules and nothing of Node; QuickJS has as little.
"""

import json
import shlex
from pathlib import Path

import pytest

quickjs = pytest.importorskip("quickjs")

SCRIPT = Path(__file__).parents[2] / "assets" / "flamenco" / "levelform_batch.js"
TYPES = {"string": str, "int32": int, "float": float, "bool": bool}
# What Flamenco's API knows of a setting.
FIELDS = {"key", "type", "subtype", "choices", "propargs", "description", "label", "default"} | {
    *("eval", "evalInfo", "visible", "required", "editable"),
}
STAND_IN = """
const printed = [], job = {tasks: []};
const author = {
    Task: (name, type) => ({
        name, type, commands: [], dependencies: [],
        addCommand(command) { this.commands.push(command); },
        addDependency(task) { this.dependencies.push(task.name); },
    }),
    Command: (name, parameters) => ({name, parameters}),
};
job.addTask = task => job.tasks.push(task);
const print = (...words) => printed.push(words.join(" "));
const shellSplit = words => JSON.parse(pythonSplit(words));
const path = {join: (...parts) => parts.join("/")};
"""


@pytest.fixture
def context():
    """Load the job type as the manager does."""
    context = quickjs.Context()
    context.add_callable("pythonSplit", lambda words: json.dumps(shlex.split(words)))
    context.eval(STAND_IN)
    context.eval(SCRIPT.read_text(encoding="utf-8"))
    return context


@pytest.fixture
def job_type(context):
    return json.loads(context.eval("JSON.stringify(JOB_TYPE)"))


def compiled(context, job_type, **settings):
    """Return the tasks of a job with defaults for the other settings."""
    defaults = {entry["key"]: entry.get("default") for entry in job_type["settings"]}
    job = json.dumps({**defaults, **settings})
    context.eval(f"job.tasks = []; job.settings = {job}; compileJob(job)")
    return json.loads(context.eval("JSON.stringify(job.tasks)"))


def arguments(task):
    """Return the arguments of Blender that a worker makes of a task."""
    (command,) = task["commands"]
    assert command["name"] == "blender-render"
    words = command["parameters"]
    assert words.keys() == {"exe", "exeArgs", "argsBefore", "blendfile", "args"}
    assert (words["exe"], words["exeArgs"]) == ("{blender}", "{blenderArgs}")
    assert all(isinstance(word, str) for word in words["args"])
    blendfile = [words["blendfile"]] if words["blendfile"] else []
    return ["-b", "-y", *words["argsBefore"], *blendfile, *words["args"]]


def test_the_settings_are_what_flamenco_takes(job_type):
    assert job_type["label"]
    keys = [entry["key"] for entry in job_type["settings"]]
    assert len(set(keys)) == len(keys)
    for entry in job_type["settings"]:
        assert set(entry) <= FIELDS
        assert entry["description"]
        kind = TYPES[entry["type"]]
        assert entry.get("required") or type(entry["default"]) is kind
        assert entry.get("visible", "visible") in ("visible", "hidden", "submission", "web")
        if "choices" in entry:
            assert entry["type"] == "string"
            assert entry["default"] in entry["choices"]


def test_its_choices_are_those_of_levelform(job_type):
    pytest.importorskip("torch")
    from levelform.backend.geometry.mesh_files import check_format
    from levelform.backend.reconstructors import methods

    choices = {entry["key"]: entry.get("choices") for entry in job_type["settings"]}
    assert set(choices["method"]) <= set(methods())
    assert all(check_format(f"mesh{suffix}") == suffix for suffix in choices["format"])


def test_a_task_for_each_part_and_none_waits(context, job_type):
    tasks = compiled(context, job_type, sources="/in", output="/out", tasks=3)
    assert [task["name"] for task in tasks] == ["batch-1-of-3", "batch-2-of-3", "batch-3-of-3"]
    assert {task["type"] for task in tasks} == {"blender"}
    assert not any(task["dependencies"] for task in tasks)
    parts = [arguments(task)[-1] for task in tasks]
    assert parts == ["1/3", "2/3", "3/3"]


@pytest.mark.bpy
def test_the_commands_are_ours_and_make_every_object_once(context, job_type, tmp_path):
    pytest.importorskip("bpy")
    from levelform.addon.commands.cli import _parser
    from levelform.backend.contract.batch import find_items, name_items

    folder = tmp_path / "two words"
    for name in [*(f"{i}.png" for i in range(10)), "set/0.png", "set/1.png", "Stühle.png"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("image")
    alone = tmp_path / "alone.png"
    alone.write_text("image")
    tasks = compiled(
        context,
        job_type,
        **{"sources": f"{folder} ; {alone};", "output": str(tmp_path / "out put"), "tasks": 4},
        **{"method": "disn", "resolution": 64, "format": ".ply", "fuse": True, "again": True},
        more="--seed 3 --no-color --option 'fill_voids=true'",
    )
    made = []
    for task in tasks:
        words = arguments(task)
        assert words[2:4] == ["--command", "levelform"]
        args = _parser().parse_args(words[4:])
        assert args.source == [str(folder), str(alone)]
        assert (args.out, args.suffix) == (str(tmp_path / "out put"), ".ply")
        assert (args.method, args.resolution, args.seed, args.color) == ("disn", 64, 3, False)
        assert (args.fuse, args.again, args.option) == (True, True, ["fill_voids=true"])
        plan = find_items(args.source, out=args.out, scenes=True, find_cameras=lambda _: None)
        made += [item.source for item in name_items(plan, lambda *_: None).part(args.part).items]
    wanted = [*folder.glob("*.png"), folder / "set", alone]
    assert sorted(made) == sorted(wanted)


def test_tasks_differ_in_their_part_alone(context, job_type):
    words = [arguments(t) for t in compiled(context, job_type, sources="/a;/b", output="/o")]
    assert len({tuple(entry[:-1]) for entry in words}) == 1
    assert [entry[-1] for entry in words] == [f"{number}/10" for number in range(1, 11)]
    assert not {"--fuse", "--again"} & set(words[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sources": " ; ", "output": "/out"}, "No source is given"),
        ({"sources": "/in", "output": ""}, "No output folder is given"),
        ({"sources": "/in", "output": "/out", "tasks": 0}, "The number of tasks is 0"),
    ],
)
def test_a_job_that_can_not_run_is_refused(context, job_type, settings, message):
    with pytest.raises(quickjs.JSException, match=message):
        compiled(context, job_type, **settings)
