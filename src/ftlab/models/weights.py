"""Networks with any output: loaded, random, or without storage for checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from ftlab.errors import ModelError
from ftlab.models.architecture import Task, model_class
from ftlab.models.attention import attention_of
from ftlab.models.digest import file_digest, tensor_digest
from ftlab.models.embedded import check_package
from ftlab.models.folder import Reference, weight_files
from ftlab.models.load_options import LoadOptions
from ftlab.models.quantization import quantize_base
from ftlab.models.quiet import quiet
from ftlab.models.source import Origin, Source, checkpoint_reference, find_source
from ftlab.schema import ModelConfig

_AS_IS = LoadOptions()
_AUTO: dict[Task, Any] = {"classification": AutoModelForSequenceClassification, "causal_lm": AutoModelForCausalLM}


@dataclass(frozen=True, slots=True)
class LoadedNet:
    """A network ready for an adapter."""

    net: PreTrainedModel  # in train mode, fp32 but for what is quantised, on the CPU
    revision: str | None  # commit of the hub repository; None: not from the hub
    weights_digest: str  # sha256 of the checkpoint's file, or of the random base's tensors; before quantisation
    origin: Origin
    load: LoadOptions = _AS_IS

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the base as it is held: what was trained on it fits no other."""
        return self.load.fingerprint(self.weights_digest)


def load_net(
    cfg: ModelConfig, config: PretrainedConfig, task: Task, load: LoadOptions = _AS_IS
) -> tuple[LoadedNet, Source | None]:
    """Return the network of this configuration, its base held as ``load`` says, and where its files lie.

    None: it is random.

    Raises:
        ModelError: the weights cannot be had, cannot be read, or do not fit the configuration.
    """
    if cfg.init == "random":
        net = _build(cfg, config, task)
        digest = tensor_digest(net.base_model.state_dict())
        quantize_base(net, load)
        return LoadedNet(_ready(net, ""), None, digest, "random", load), None
    reference = checkpoint_reference(cfg)
    source = find_source(cfg, "weights")
    paths = weight_files(source.folder, reference)
    digest = check_package(cfg, source.folder) if source.origin == "embedded" else file_digest(paths)
    net = _load(cfg, config, _read_tensors(paths, reference), reference, task)
    quantize_base(net, load)
    return LoadedNet(_ready(net, reference.value), source.revision, digest, source.origin, load), source


def meta_net(cfg: ModelConfig, config: PretrainedConfig, task: Task) -> PreTrainedModel:
    """Return the same network on the meta device: parameters have shapes and no storage. For checks, in a moment.

    Raises:
        ModelError: it does not build.
    """
    with torch.device("meta"):
        net = _build(cfg, config, task)
    net.train()
    return net


def _build(cfg: ModelConfig, config: PretrainedConfig, task: Task) -> PreTrainedModel:
    try:
        with quiet():
            attention = attention_of(cfg, config, task)
            net: PreTrainedModel = _AUTO[task].from_config(
                config, attn_implementation=attention, dtype=torch.float32, trust_remote_code=False
            )
    except (ValueError, TypeError, KeyError, AssertionError, ZeroDivisionError, RuntimeError) as error:
        # What transformers and torch raise for sizes that do not go together; the sizes are the user's.
        shaped = cfg.init == "random" and cfg.architecture
        given = "model.architecture" if shaped else f"model.checkpoint={cfg.checkpoint}"
        why = " ".join(str(error).split())[:300]
        raise ModelError(f"{given} does not build a {config.model_type} ({why}); correct that number") from error
    return net


def _load(
    cfg: ModelConfig, config: PretrainedConfig, tensors: dict[str, torch.Tensor], reference: Reference, task: Task
) -> PreTrainedModel:
    # The class is told the tensors, not the folder: in a folder transformers would also look for adapters, pickles and
    # distributed checkpoints.
    loader: Any = model_class(config, task)
    with quiet():
        net, report = loader.from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            attn_implementation=attention_of(cfg, config, task),
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            local_files_only=True,
        )
    assert isinstance(net, PreTrainedModel)
    wrong_size = [entry[0] for entry in report["mismatched_keys"]]
    whole = task == "causal_lm"  # which is nothing without the output it was trained with
    _check_base(net, wrong_size, reference, "are of another size than config.json says", whole=whole)
    _check_base(net, report["missing_keys"], reference, "are missing", whole=whole)
    return net


def _check_base(net: PreTrainedModel, names: Iterable[str], reference: Reference, what: str, *, whole: bool) -> None:
    """Only a classifier's head may be new; the pooler too, which masked-language-model checkpoints lack."""
    prefix = f"{net.base_model_prefix}."
    bad = sorted(name for name in names if whole or (name.startswith(prefix) and "pooler" not in name.split(".")))
    if bad:
        shown = ", ".join(bad[:3]) + (", ..." if len(bad) > 3 else "")
        raise ModelError(
            f"{reference}: {len(bad)} weights of the {net.config.model_type} {what} ({shown}); give a complete "
            "checkpoint, or type model.init=random"
        )


def _read_tensors(paths: Sequence[Path], reference: Reference) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for path in paths:
        try:
            with safe_open(path, framework="pt") as file:
                names = list(file.keys())
            for name in names:
                # Opened for each, so that only one tensor's part of the file counts as the process's memory at a time.
                with safe_open(path, framework="pt") as file:
                    # Copied out of the mapping, whose odd addresses change the last bit of results: a saved net must
                    # compute what it did before, and the file may be written anew.
                    tensors[name] = file.get_tensor(name).clone()
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{reference}: {path.name} cannot be read ({error}); copy or download it again") from error
    return tensors


def _ready(net: PreTrainedModel, name: str) -> PreTrainedModel:
    # from_pretrained returns eval mode, and Lightning's fit would keep it so: no dropout in training.
    net.train()
    net.name_or_path = net.config.name_or_path = name  # peft writes it into an adapter's folder as the base
    return net
