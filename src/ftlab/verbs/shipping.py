"""The model folder: which form it takes, saved, loaded again as a stranger would, and compared."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
from transformers import PreTrainedModel

from ftlab.artefact import Base, folder_size_mb, is_adapter
from ftlab.callbacks.latency import Latency
from ftlab.errors import ModelError
from ftlab.models.bare import base_changed
from ftlab.models.embedded import is_published
from ftlab.models.merging import is_mergeable, merge_adapter
from ftlab.models.pretrained import LoadedNet
from ftlab.models.quantization import is_quantized
from ftlab.modules.precision import inference_precision
from ftlab.modules.trained import TrainedModule
from ftlab.report.usage import Form
from ftlab.results import Artefact
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Material
from ftlab.verbs.tasks.task import Task
from ftlab.verbs.tested import Tested

# Largest logit difference that is rounding: merging adds the update in another order; half precision has 8 to 11 bits.
# The logits are compared as 32-bit numbers, which 64 bits do not make finer; Apple's kernels are built with fast math.
TOLERANCE = {"32-true": 1e-3, "64-true": 1e-5}
APPLE_TOLERANCE = 1e-2
HALF_TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Shipped:
    """What lies in the model folder."""

    artefact: Artefact
    form: Form
    model: Any  # predictor or generator on the saved weights


def ship(
    task: Task,
    module: TrainedModule,
    machine: Machine,
    material: Material,
    loaded: LoadedNet,
    tested: Tested,
    folder: Path,
) -> Shipped:
    """Save the model folder, load it again as a stranger would, and score test rows with it.

    Merged weights are the network's own, changed in place: a second network is in memory once the folder is loaded.

    Raises:
        RuntimeError: the reloaded model predicts something else.
    """
    settings, place, net = task.settings, folder / "model", module.net
    base, seconds = _base(task, net, material, loaded), None
    # Saved whole, weights are those that a quantised base stands for.
    merges = base is None and (is_adapter(net) or is_quantized(net))
    if merges:
        net, seconds = _merged(net)
    form = task.save(
        net,
        material,
        place,
        base=base,
        base_digest=loaded.weights_digest,
        adapter=str(settings.adapter.get("name")),
        load=loaded.load.to_json(),
    )
    del net
    precision = inference_precision(machine.precision, machine.trains_on.type, machine.device)
    saved = task.load_saved(place, machine, precision)
    saved.merged = merges
    difference = task.difference(saved, material.data, tested)
    if not difference <= tolerance(machine.precision, {machine.trains_on.type, machine.device.type}):
        raise RuntimeError(
            f"the model folder, loaded again, gives logits up to {difference:.3g} away from the tested ones; "
            f"{place} must not be used"
        )
    lies = "none" if base is None else "hub" if base.name else "beside"
    told: dict[str, Any] = {"form": form, "base": lies, "merge_seconds": seconds}
    return Shipped(Artefact("model", folder_size_mb(place), True, difference, **told), form, saved)


def time_merged(callbacks: list[L.Callback], module: TrainedModule, shipped: Shipped) -> Shipped:
    """Time the merged form too, whichever ships; the trained network was timed as it is when it was tested.

    Where the adapter ships, the model loaded from the folder is merged, and cannot be used afterwards.
    """
    meters = [callback for callback in callbacks if isinstance(callback, Latency)]
    if shipped.model.merged:
        for meter in meters:
            meter.measure(shipped.model)  # the merged network is what will be served
    elif meters and is_mergeable(shipped.model.net):
        net, seconds = _merged(shipped.model.net)
        merged = module.predictor(net)
        merged.merged = True
        for meter in meters:
            meter.measure(merged, ships=False)
        return dataclasses.replace(
            shipped, artefact=dataclasses.replace(shipped.artefact, merge_seconds=seconds), model=merged
        )
    return shipped


def tolerance(precision: str, kinds: set[str]) -> float:
    """Return the largest difference of two logits that is rounding, between the devices ``kinds``."""
    exact = TOLERANCE.get(precision, HALF_TOLERANCE)
    return max(exact, APPLE_TOLERANCE) if "mps" in kinds else exact


def _merged(net: Any) -> tuple[PreTrainedModel, float]:  # noqa: ANN401 - a PeftModel, which a module holds as any
    begin = time.perf_counter()
    plain = merge_adapter(net)
    return plain, time.perf_counter() - begin


def _base(task: Task, net: Any, material: Material, loaded: LoadedNet) -> Base | None:  # noqa: ANN401
    """Return where the adapter's folder finds its base; None: save plain or merged weights.

    ``adapter.merge``: true merges; false keeps the adapter; auto keeps it where the base is the hub's own, or where it
    cannot be merged. A base that is not to be had from the hub with the same weights is kept beside the adapter.
    """
    if not is_adapter(net):
        return None
    merge, changed = task.settings.adapter.get("merge", "auto"), bool(base_changed(net))
    here = loaded.origin != "hub" or changed
    if is_mergeable(net) and (merge is True or (merge == "auto" and here)):
        return None
    model = task.settings.model
    if not changed and (loaded.origin == "hub" or (loaded.origin == "embedded" and is_published(model.embedded))):
        return Base(model.checkpoint, loaded.revision)
    return Base(load=lambda: _as_loaded(task, material, loaded))


def _as_loaded(task: Task, material: Material, loaded: LoadedNet) -> PreTrainedModel:
    """Load the base once more, as it was before the adapter and in all its bits; random weights are the same ones."""
    settings = task.settings
    L.seed_everything(settings.seed, verbose=False)
    whole = type(task)(dataclasses.replace(settings, adapter={**settings.adapter, "load": None}))
    again = whole.load(material)
    if again.weights_digest != loaded.weights_digest:
        raise ModelError(
            f"model.checkpoint={settings.model.checkpoint} holds other weights than when the run began, so that "
            "the base cannot be kept beside the adapter; type adapter.merge=true and resume=latest"
        )
    return again.net
