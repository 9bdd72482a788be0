"""``ftlab train``: one run, from the configuration to its record. Each line makes what a later line uses."""

from __future__ import annotations

from pathlib import Path

import lightning as L
from omegaconf import DictConfig, OmegaConf

from ftlab.build import (
    build_adapter,
    build_callbacks,
    build_metrics,
    build_module,
    build_optimizer,
    build_scheduler,
    build_trainer,
)
from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.sample import write_sample
from ftlab.datasets.sources import read_splits
from ftlab.metrics import classification
from ftlab.metrics.measures import direction
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.modules.precision import pick_accelerator, pick_device, pick_precision
from ftlab.predictor import TorchPredictor
from ftlab.results import RunResult
from ftlab.schema import TrainConfig
from ftlab.verbs import stages
from ftlab.verbs.finish import Outcome, finish_run
from ftlab.verbs.preflight import check_model
from ftlab.verbs.recording import Recording
from ftlab.verbs.show import show_run, show_start
from ftlab.verbs.untrained import Untrained, measure_untrained


def train(cfg: DictConfig, folder: Path) -> RunResult:
    """Fine-tune, measure and record one model; ``folder`` then holds everything.

    Raises:
        ConfigError, DataError, ModelError: found before a weight is loaded.
    """
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, TrainConfig)
    with Recording(cfg, folder) as recording:
        L.seed_everything(settings.seed, verbose=False)
        accelerator = pick_accelerator(settings.trainer["accelerator"])
        precision = pick_precision(settings.trainer["precision"], accelerator)
        device = pick_device(settings.device, accelerator)

        splits = read_splits(settings.dataset)
        tokenizer = load_tokenizer(settings.model, settings.dataset.tokenizer)
        check_model(settings, splits.labels, tokenizer)
        price = stages.price_here(settings.cost, device)
        own_metrics = build_metrics(settings.metrics)
        mode = direction(settings.monitor, own_metrics)
        metrics = classification.build_metrics(len(splits.labels), own_metrics)
        data = TextDataModule(splits, tokenizer.tokenizer, settings.dataset, settings.seed)
        show_start(splits, data, tokenizer, f"{settings.name} on {device}, {precision}", folder)
        recording.start({"ftlab.dataset_digest": splits.digest})
        if settings.dataset.sample_per_class is not None:
            write_sample(splits, folder, keep_text=settings.predictions.text)

        loaded = load_classifier(settings.model, splits.labels, tokenizer.tokenizer.pad_token_id)
        steps = stages.planned_steps(settings.trainer, len(data.train_dataloader()))
        adapted = build_adapter(settings.adapter, loaded.net, steps)
        module = build_module(
            settings.model._target_,
            adapted.net,
            metrics,
            optimizer=build_optimizer(settings.optimizer, accelerator, precision),
            scheduler=build_scheduler(settings.scheduler),
            param_groups=adapted.param_groups,
            weight_decay=float(settings.optimizer.get("weight_decay", 0.0)),
            class_weights=stages.class_weights(settings.model.class_weights, data.class_counts),
            label_smoothing=settings.model.label_smoothing,
            fingerprint=loaded.weights_digest,
            predictor=lambda net: TorchPredictor(
                net,
                tokenizer.tokenizer,
                splits.labels,
                max_length=settings.dataset.max_length,
                device=device,
                precision=precision,
            ),
        )
        callbacks = build_callbacks(
            settings.callbacks,
            monitor=settings.monitor,
            mode=mode,
            folder=folder,
            data=data,
            latency=settings.latency,
            cost=price,
            device=device,
            seed=settings.seed,
            model_name=settings.model.name,
            architecture=settings.model.architecture,
        )
        trainer = build_trainer(
            settings.trainer,
            precision=precision,
            folder=folder,
            callbacks=[*callbacks, *adapted.callbacks],
            logger=recording.tracker or False,
        )

        trains = any(p.requires_grad for p in module.net.parameters())
        if trains:
            untrained = measure_untrained(trainer, module, data, settings.dataset.samples, recording)
            stages.fit(trainer, module, data, recording.checkpoint)
        tested = stages.test_best(trainer, module, data)
        after = stages.predict_samples(module, settings.dataset.samples)
        if not trains:
            untrained = Untrained(tested.metrics, after)
        outcome = Outcome(untrained.metrics, tested, mode, loaded, tokenizer, device, precision)
        result, notes = finish_run(settings, recording, trainer, module, data, outcome)
        show_run(result, folder, settings.dataset.samples, untrained.samples, after, notes)
    return result
