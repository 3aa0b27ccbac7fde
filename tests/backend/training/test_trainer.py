"""The loop: it learns, it goes on exactly where it was stopped, it says what went wrong."""

import copy
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from levelform.backend.contract.errors import JobCancelled, RequestError, WorkError
from levelform.backend.contract.folder_lock import FolderLock
from levelform.backend.data.format.shards import read_header
from levelform.backend.reconstructors.deep_meta_functionals import DeepMetaFunctionals
from levelform.backend.reconstructors.sdf_srn import SDFSRN
from levelform.backend.reconstructors.storage import read_tensors
from levelform.backend.ticket import Ticket
from levelform.backend.training.recipes import Phase, Recipe
from levelform.backend.training.samples import Sampling, load_shapes
from levelform.backend.training.trainer import NORM_BATCHES, NORM_STEP, RunSettings, Trainer

RECIPE = Recipe(
    (Phase(steps=12, learning_rate=3e-3, warm_up=2),),
    Sampling(objects=4, points=(("uniform", 100), ("near", 100)), crops=0.5),
)
WORDS = ["--set", "width=4", "blocks=2", "framing.size=32", "--batch", "4", "--points",
         "uniform=100", "near=100", "--log-every", "1", "--save-every", "0", "--device", "cpu",
         "--validation-shapes", "2", "--threads", "1"]  # fmt: skip


def trainer(model, data, out, recipe=RECIPE, **settings):
    out.mkdir(exist_ok=True)
    shapes, unseen = (load_shapes([str(data)], split) for split in ("train", "val"))
    chosen = {"log_every": 1, "validate_every": 5, "save_every": 1e9} | settings
    return Trainer(model, recipe, shapes, unseen[:2], RunSettings(out=out, **chosen))


def test_a_run_learns_validates_and_leaves_weights_that_load(model, data, tmp_path):
    recipe = replace(RECIPE, phases=(Phase(steps=60, learning_rate=5e-3, warm_up=5),))
    seen = []
    model.weights = replace(model.weights, results={"level": 0.3, "seen": 1})
    run = trainer(model, data, tmp_path / "run", recipe, validate_every=30)
    run.watch = lambda network, scores: seen.append((network.training, scores["iou"]))
    done = run.run()
    losses = [value for _, value in run.table.column("loss")]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    assert [training for training, _ in seen] == [False, False]
    assert done["done"]
    assert done["best"] == max(iou for _, iou in seen)
    best = DeepMetaFunctionals.load(tmp_path / "run" / "best.safetensors")
    part = best.weights.training["parts"]["main"]
    assert (part["steps"], part["seed"], part["batch"]) in [(30, 0, 4), (60, 0, 4)]
    assert best.weights.results["validation main iou"] == done["best"]
    assert "level" not in best.weights.results  # of the surface before the training
    assert best.weights.results["seen"] == 1
    assert (tmp_path / "run" / "curve.svg").read_text().startswith("<svg")


def test_the_run_says_while_it_validates(model, data, tmp_path):
    seen = []
    recipe = replace(RECIPE, phases=(Phase(steps=4),))
    run = trainer(model, data, tmp_path / "run", recipe, validate_every=2)

    def look(*_):
        seen.append(json.loads((tmp_path / "run" / "run.json").read_text())["validating"])

    run.watch = look
    run.run()
    assert seen == [True, True]
    assert not json.loads((tmp_path / "run" / "run.json").read_text())["validating"]


def test_the_best_weights_are_never_worse_than_those_that_a_run_starts_from(model, data, tmp_path):
    """Stopped before the first step, a run does not measure them again."""
    recipe = replace(RECIPE, phases=(Phase(steps=3, learning_rate=0.3, warm_up=1),))
    first = trainer(copy.deepcopy(model), data, tmp_path / "run", recipe, baseline=True)
    with pytest.raises(JobCancelled):
        first.run(Ticket(cancelled=lambda: True))
    assert [step for step, _ in first.table.column("validation_iou")] == [0.0]
    again = trainer(copy.deepcopy(model), data, tmp_path / "run", recipe, baseline=True)
    again.run()
    scores = dict(again.table.column("validation_iou"))
    assert list(scores) == [0.0, 3.0]
    assert again.best == pytest.approx(max(scores.values()))
    kept = DeepMetaFunctionals.load(tmp_path / "run" / "best.safetensors")
    assert scores[kept.weights.training["parts"]["main"]["steps"]] == pytest.approx(again.best)


@pytest.mark.parametrize("log_every", [1, 3])
def test_stopping_anywhere_changes_nothing(model, data, tmp_path, log_every):
    twin = copy.deepcopy(model)
    trainer(model, data, tmp_path / "whole", log_every=log_every).run()
    asked = iter([False] * 7 + [True])
    cut = trainer(copy.deepcopy(twin), data, tmp_path / "cut", log_every=log_every)
    with pytest.raises(JobCancelled):
        cut.run(Ticket(cancelled=lambda: next(asked)))
    assert 0 < cut.step < 12
    assert cut.step % 3
    trainer(twin, data, tmp_path / "cut", log_every=log_every).run()
    rows = [(tmp_path / n / "curve.csv").read_text() for n in ("whole", "cut")]
    assert rows[0] == rows[1]
    assert_same_network(tmp_path / "whole", tmp_path / "cut")


def test_norms_of_the_running_mean_know_its_own_statistics(model, data, tmp_path):
    model.unused = torch.nn.BatchNorm2d(3)  # no loss passes it
    model.unused.running_mean.fill_(0.5)
    run = trainer(model, data, tmp_path / "run")
    run.run()
    mean = run._mean
    assert torch.equal(mean.unused.running_mean, torch.full((3,), 0.5))
    first = mean.encoder.blocks[0][0].norm1
    seen = []
    first.register_forward_pre_hook(lambda _, given: seen.append(given[0].mean((0, 2, 3))))
    with torch.no_grad():
        for index in range(NORM_BATCHES):
            mean.loss(run.sampler.sample(NORM_STEP + index))
    assert torch.stack(seen).std(0).max() > 1e-3  # batches differ
    torch.testing.assert_close(first.running_mean, torch.stack(seen).mean(0), rtol=0, atol=1e-5)
    assert first.momentum == 0.1
    assert not any(module.training for module in mean.modules())
    assert int(first.num_batches_tracked) == 12


def test_norms_settle_under_a_loss_that_takes_slopes_of_the_field(data, tmp_path):
    config = replace(SDFSRN.configurations["compact"], latent=8, encoder_width=4, width=8, hidden=8)
    model = SDFSRN(replace(config, framing=replace(config.framing, size=32)))
    phase = Phase(steps=1, options={"rays": 8, "eikonal_points": 8})  # Eq. 11: |grad f| = 1
    run = trainer(model, data, tmp_path / "run", replace(RECIPE, phases=(phase,)))
    norm = next(m for m in run._mean.modules() if isinstance(m, torch.nn.BatchNorm2d))
    assert run.run()["done"]
    assert norm.running_mean.abs().max() > 1e-3


def assert_same_network(first, second):
    a, b = (read_tensors(folder / "last.safetensors")[0] for folder in (first, second))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_best_network_is_that_of_the_least_loss_however_great(model, data, tmp_path):
    run = trainer(model, data, tmp_path / "run", validate_every=3)
    losses, kept = iter([5.0, 3.0, 4.0, 6.0]), []
    run._scores = lambda: {"validation_loss": next(losses)}
    run.watch = lambda *_: kept.append((run.settings.out / "best.safetensors").read_bytes())
    assert run.run()["best"] == -3.0
    assert kept[0] != kept[1] == kept[2] == kept[3]


def test_what_breaks_a_step_leaves_the_last_whole_state(model, data, tmp_path):
    run = trainer(model, data, tmp_path / "run", save_every=0.0)
    step = run._optimizer.step
    run._optimizer.step = lambda: step() if run.step < 4 else 1 / 0
    with pytest.raises(ZeroDivisionError):
        run.run()
    before = read_tensors(tmp_path / "run" / "state.safetensors")[1]
    assert before["step"] == 4


def test_saved_weights_are_the_moving_average_of_the_weights(model, data, tmp_path):
    run = trainer(model, data, tmp_path / "run", replace(RECIPE, ema=0.5), validate_every=100)
    average = {name: p.detach().clone() for name, p in model.named_parameters()}
    step, taken = run._one_step, []

    def followed():
        terms = step()
        decay = min(0.5, (1 + run.step) / (10 + run.step))  # short runs forget their start sooner
        taken.append(decay)
        for name, p in model.named_parameters():
            average[name] = decay * average[name] + (1 - decay) * p.detach()
        return terms

    run._one_step = followed
    run.run()
    assert min(taken) < 0.5 == max(taken)
    saved = DeepMetaFunctionals.load(tmp_path / "run" / "last.safetensors")
    for name, value in saved.named_parameters():
        torch.testing.assert_close(value.detach(), average[name], rtol=0, atol=1e-5)
    apart = [(average[n] - p.detach()).abs().max() for n, p in model.named_parameters()]
    assert max(apart) > 1e-4  # the weights of the last step are others


def test_without_ema_the_last_weights_are_saved(model, data, tmp_path):
    trainer(model, data, tmp_path / "run", replace(RECIPE, ema=0.0)).run()
    saved = DeepMetaFunctionals.load(tmp_path / "run" / "last.safetensors")
    for value, own in zip(saved.parameters(), model.parameters(), strict=True):
        assert torch.equal(value, own)


def gradients_of_a_step(model, data, out, **changes):
    """Return the gradients that the optimiser gets in a first step."""
    phase = replace(RECIPE.phases[0], **changes)
    run = trainer(copy.deepcopy(model), data, out, replace(RECIPE, phases=(phase,)))
    gradients = []
    run._optimizer.step = lambda: gradients.extend(p.grad.clone() for p in run._learning)
    run._one_step()
    return gradients


def norm_of(tensors):
    return torch.stack([t.norm() for t in tensors]).norm()


def test_gradients_are_clipped_together_or_each(model, data, tmp_path):
    whole = gradients_of_a_step(model, data, tmp_path / "whole", clip=None)
    limit = 0.1 * float(norm_of(whole))
    together = gradients_of_a_step(model, data, tmp_path / "together", clip=limit)
    assert float(norm_of(together)) == pytest.approx(limit, rel=1e-4)
    for gradient, plain in zip(together, whole, strict=True):  # the direction stays
        torch.testing.assert_close(gradient, 0.1 * plain, rtol=1e-3, atol=1e-6)
    limit = float(torch.stack([g.norm() for g in whole]).median())
    each = gradients_of_a_step(model, data, tmp_path / "each", clip=limit, clip_each=True)
    for gradient, plain in zip(each, whole, strict=True):
        scale = min(1.0, limit / float(plain.norm()))
        torch.testing.assert_close(gradient, scale * plain, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("coupled", [False, True])
def test_weights_decay_in_matrices_alone(model, data, tmp_path, coupled):
    phase = Phase(steps=12, learning_rate=0.1, warm_up=0, decay="constant", weight_decay=0.5)
    recipe = replace(RECIPE, phases=(replace(phase, coupled=coupled),))
    run = trainer(model, data, tmp_path / "run", recipe)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(2.0)

    def no_gradients(phase):
        for parameter in run._learning:
            parameter.grad = torch.zeros_like(parameter)
        return {"loss": 0.0}

    run._gradients = no_gradients
    run._one_step()
    kinds = {parameter.ndim > 1 for parameter in model.parameters()}
    assert kinds == {False, True}
    for name, parameter in model.named_parameters():
        # AdamW shrinks by rate times decay; Adam's first step is the rate, whatever the gradient.
        shrunk = 2.0 - 0.1 if coupled else 2.0 * (1 - 0.1 * 0.5)
        expected = torch.full_like(parameter, shrunk if parameter.ndim > 1 else 2.0)
        torch.testing.assert_close(parameter.detach(), expected, msg=name)


def test_half_precision_learns_too(model, data, tmp_path):
    half = replace(RECIPE, precision="bfloat16")
    done = trainer(model, data, tmp_path / "run", half).run()
    assert done["step"] == 12
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def command(data, out, *words):
    return [sys.executable, "-m", "levelform.backend", "train", "deep-meta-functionals", "--data",
            str(data), "--out", str(out), *WORDS, *words, "--json"]  # fmt: skip


def rows_of(folder):
    path = folder / "curve.csv"
    with path.open() as file:
        return list(csv.DictReader(file))


DIES = """
import os, signal, sys
from levelform.backend import cli
from levelform.backend.training.trainer import Trainer
step = Trainer._one_step
def last(self):
    if self.step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self)
Trainer._one_step = last
cli.main(sys.argv[1:])
"""


def test_killed_with_9_the_curve_continues(data, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    words = ("--steps", "10", "--validate-every", "4")
    subprocess.run(command(data, whole, *words), check=True, env=environment, capture_output=True)
    words_of_command = command(data, cut, *words)[3:]
    killed = subprocess.run([sys.executable, "-c", DIES, *words_of_command], env=environment)
    assert killed.returncode == -signal.SIGKILL
    assert not json.loads((cut / "run.json").read_text())["done"]
    assert rows_of(cut)[-1]["step"] == "5"
    subprocess.run(command(data, cut, *words), check=True, env=environment, capture_output=True)
    assert rows_of(cut) == rows_of(whole)
    assert_same_network(whole, cut)


def test_accumulated_parts_descend_like_the_whole_batch(data, model, tmp_path):
    plain = replace(RECIPE, sampling=replace(RECIPE.sampling, augment=()))
    networks = []
    for parts in (1, 2):
        one = copy.deepcopy(model)
        one.encoder.eval()  # statistics over half a batch are others
        run = trainer(one, data, tmp_path / str(parts), plain, accumulate=parts)
        run._gradients(plain.phases[0])
        networks.append([p.grad.clone() for p in one.parameters() if p.grad is not None])
    for first, second in zip(*networks, strict=True):
        assert torch.allclose(first, second, atol=1e-6 + 1e-4 * first.abs().max())


def test_patience_ends_a_run_that_does_not_get_better(model, data, tmp_path):
    still = replace(RECIPE, phases=(Phase(steps=50, learning_rate=0.0),))
    done = trainer(model, data, tmp_path / "run", still, validate_every=2, patience=2).run()
    assert done["step"] < 12


def test_a_loss_that_is_not_finite_is_said(model, data, tmp_path):
    with torch.no_grad():
        next(model.parameters()).fill_(torch.inf)
    with pytest.raises(WorkError, match="not finite at step 0"):
        trainer(model, data, tmp_path / "run").run()


def test_another_runs_folder_is_refused(model, data, tmp_path):
    trainer(model, data, tmp_path / "run").run()
    longer = replace(RECIPE, phases=(Phase(steps=99),))
    with pytest.raises(RequestError, match="another steps"):
        trainer(model, data, tmp_path / "run", longer).run()


def test_two_trainings_do_not_share_a_folder_and_leftovers_go(model, data, tmp_path):
    out = tmp_path / "run"
    first = trainer(model, data, out)
    (out / ".state.safetensors.99999.part").write_bytes(b"half")
    with FolderLock(out, "a training"), pytest.raises(RequestError, match="in use by a training"):
        first.run()
    first.run()
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]


def test_a_byte_that_changed_in_the_data_ends_the_training_in_a_sentence(model, data, tmp_path):
    shutil.copytree(data, tmp_path / "set")
    shard = tmp_path / "set" / "shards" / "00000.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1000:] = bytes(1000)
    _, _, start = read_header(shard).arrays["near.points"]
    content[start + 100] ^= 255
    shard.write_bytes(content)
    with pytest.raises(WorkError, match=r"00000\.safetensors is damaged: bytes changed in"):
        trainer(model, tmp_path / "set", tmp_path / "run").run()
