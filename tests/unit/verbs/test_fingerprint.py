"""Jobs have a fingerprint in common exactly where they score the same before training."""

import dataclasses
from types import SimpleNamespace

import lightning as L
import pytest
from omegaconf import OmegaConf

from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.sources import read_splits
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.verbs.fingerprint import fingerprint
from small import SMALL

ROWS = [f"text number {n} about {'rain' if n % 2 else 'sun'}" for n in range(60)]


@pytest.fixture
def told(cfg, tmp_path):
    """Return the fingerprint of what a job would score: settings changed by dotted name, rows, weights."""
    path = tmp_path / "rows.csv"
    path.write_text("text,label\na,b\n")  # the check looks at its columns
    settings = OmegaConf.to_object(cfg(*SMALL, "dataset=csv", f"dataset.train={path}", "dataset.limit={}"))

    def tell(
        texts=ROWS, flipped=False, changed_weight=False, precision="32-true", device="cpu", prompt="none", **changes
    ):
        kinds = ["dry" if ("rain" in text) == flipped else "wet" for text in texts]
        rows = "".join(f"{text},{kind}\n" for text, kind in zip(texts, kinds, strict=True))
        path.write_text(f"text,label\n{rows}")
        own = dataclasses.replace(settings, **changes)
        L.seed_everything(own.seed, verbose=False)
        splits = read_splits(own.dataset)
        tokenizer = load_tokenizer(own.model, own.dataset.tokenizer).tokenizer
        data = TextDataModule(splits, tokenizer, own.dataset, own.seed)
        net = load_classifier(own.model, splits.labels, tokenizer.pad_token_id).net
        if changed_weight:
            next(net.parameters()).data[0, 0] += 1e-3
        machine = SimpleNamespace(precision=precision, trains_on=device)
        material = SimpleNamespace(splits=splits, data=data, prompt_record={"name": prompt})
        return fingerprint(own, net, material, machine)

    def changed(group, **values):
        return {group: dataclasses.replace(getattr(settings, group), **values)}

    tell.changed = changed
    tell.settings = settings
    return tell


def test_jobs_that_differ_only_in_how_they_train_have_one(told):
    other = {"adapter": {"_target_": "ftlab.adapters.lora.add_lora"}, "optimizer": {"lr": 1.0}, "scheduler": {}}
    assert told() == told(**other, name="b", **told.changed("latency", enabled=False))


def test_whatever_changes_what_is_scored_changes_it(told):
    seen = [
        told(),
        told(texts=[f"{row}!" for row in ROWS]),
        told(flipped=True),
        told(changed_weight=True),
        told(seed=43),
        told(**told.changed("dataset", max_length=6)),
        told(**told.changed("dataset", split_seed=14)),
        told(**told.changed("dataset", eval_batch_size=4)),
        told(**told.changed("dataset", limit=dataclasses.replace(told.settings.dataset.limit, test=5))),
        told(**told.changed("model", dropout=0.3)),
        told(metrics={"recall": {"_target_": "torchmetrics.classification.MulticlassRecall", "num_classes": 2}}),
        told(prompt="zero_shot"),
        told(**told.changed("generation", max_new_tokens=5)),
        told(precision="bf16-mixed"),
        told(device="cuda:0"),
    ]
    assert len(set(seen)) == len(seen)
