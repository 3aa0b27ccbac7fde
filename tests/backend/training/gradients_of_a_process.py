"""Run by `torchrun`: write the gradients of a first step, averaged over the processes."""

import gc
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from levelform.backend.reconstructors.deep_meta_functionals import COMPACT, DeepMetaFunctionals
from levelform.backend.training.recipes import Phase, Recipe
from levelform.backend.training.samples import Sampling, load_shapes
from levelform.backend.training.trainer import RunSettings, Trainer

data, out = sys.argv[1:]
torch.set_num_threads(1)
torch.manual_seed(0)
framing = replace(COMPACT.framing, size=32)
model = DeepMetaFunctionals(replace(COMPACT, framing=framing, width=4, blocks=2, hidden_width=16))
model.encoder.eval()  # statistics over a part of the batch are others
recipe = Recipe((Phase(steps=4),), Sampling(objects=4, points=(("uniform", 100), ("near", 100))))
shapes = load_shapes([data], "train")
trainer = Trainer(model, recipe, shapes, shapes[:1], RunSettings(out=Path(out)))
terms = trainer._gradients(recipe.phases[0])
if os.environ.get("RANK", "0") == "0":
    named = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    torch.save({"gradients": named, "loss": terms["loss"]}, Path(out) / "gradients.pt")
if torch.distributed.is_initialized():  # else its threads may end the process with an abort
    torch.distributed.barrier()
    del trainer, terms  # the wrapped module holds the group's threads
    gc.collect()
    torch.distributed.destroy_process_group()
