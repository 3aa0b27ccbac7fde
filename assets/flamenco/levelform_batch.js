// SPDX-License-Identifier: GPL-3.0-or-later
//
// Flamenco job type: many images, folders or files of cameras to mesh files, spread over a farm's
// machines. Copy it to the `scripts` folder beside `flamenco-manager`. Every worker's Blender needs
// Levelform, enabled and with a backend, and all machines must see the same folders.
//
// Each task makes one part of the whole. A task that is run again makes only what is missing.

const JOB_TYPE = {
    label: "Levelform Batch",
    description: "Turn images into mesh files, one object each",
    settings: [
        { key: "sources", type: "string", subtype: "dir_path", required: true, visible: "submission",
          description: "Folder of images, of folders or of .blend files; or several paths, separated by ';'" },
        { key: "output", type: "string", subtype: "dir_path", required: true, visible: "submission",
          description: "Folder for the mesh files, which all machines share" },
        { key: "tasks", type: "int32", default: 10, propargs: {min: 1, max: 10000}, visible: "submission",
          description: "Number of tasks; each loads the network once, and a machine that is done takes the next" },
        { key: "method", type: "string", default: "levelform",
          choices: ["levelform", "visual-hull", "occupancy-network", "deep-meta-functionals", "tdgn", "disn",
                    "uclid-net", "sdf-srn"],
          description: "Method of reconstruction; visual-hull needs cameras" },
        { key: "resolution", type: "int32", default: 128, propargs: {min: 8, max: 1024},
          description: "Cells along the longest side of the object's volume" },
        { key: "format", type: "string", default: ".glb", choices: [".glb", ".ply", ".obj", ".stl", ".npz"],
          description: "Format of the mesh files" },
        { key: "fuse", type: "bool", default: false,
          description: "A source folder of images without cameras shows one object" },
        { key: "again", type: "bool", default: false,
          description: "Also make what is there and has not changed" },
        { key: "more", type: "string", default: "", visible: "submission",
          description: "Further words of `blender --command levelform batch`, such as --seed 3 --no-color" },
    ]
};

function compileJob(job) {
    const settings = job.settings;
    const sources = (settings.sources || "").split(";").map(word => word.trim()).filter(word => word);
    if (sources.length === 0) {
        throw "No source is given: name a folder of images.";
    }
    if (!settings.output) {
        throw "No output folder is given.";
    }
    if (!(settings.tasks >= 1)) {
        throw `The number of tasks is ${settings.tasks}: it must be 1 or more.`;
    }
    for (let number = 1; number <= settings.tasks; number++) {
        const task = author.Task(`batch-${number}-of-${settings.tasks}`, "blender");
        task.addCommand(author.Command("blender-render", {
            exe: "{blender}",
            exeArgs: "{blenderArgs}",
            argsBefore: [],
            blendfile: "", // left out; .blend sources are opened one after the other
            args: ["--command", "levelform", "batch"]
                .concat(sources)
                .concat(batchWords(settings))
                .concat(["--part", `${number}/${settings.tasks}`]),
        }));
        job.addTask(task);
    }
}

function batchWords(settings) {
    const words = ["--out", settings.output, "--suffix", settings.format,
                   "--method", settings.method, "--resolution", String(settings.resolution)];
    if (settings.fuse) {
        words.push("--fuse");
    }
    if (settings.again) {
        words.push("--again");
    }
    return words.concat(shellSplit(settings.more || ""));
}
