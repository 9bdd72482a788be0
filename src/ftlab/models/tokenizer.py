"""Tokenizers: the checkpoint's own, another one by name, or ``bytes``, the one that ftlab brings.

``bytes`` lies in the folder beside this file and is never trained again, since results rest on it. It is a byte-level
BPE with 2,048 entries: [PAD] [UNK] [CLS] [SEP] [MASK], the 256 bytes, and 1,787 merges learned with the ``tokenizers``
library (``BpeTrainer``, ``ByteLevel`` without prefix space) from the sentences of the bundled policy_stance data set.
Texts are framed as BERT frames them, ``[CLS] a [SEP] b [SEP]``. Any UTF-8 text comes back from its tokens unchanged:
every byte is an entry, and the name of a special token inside a text is read as text (``split_special_tokens``).
For a causal language model a text ends with [SEP], and the names are read as the tokens, so that a chat template can
write them.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from transformers import AutoTokenizer, PretrainedConfig, PreTrainedTokenizerFast

from ftlab.errors import ModelError
from ftlab.models import hub
from ftlab.models.architecture import Task, model_class, read_config, writes_texts
from ftlab.models.embedded import MINILM, PACKAGES, package_folder
from ftlab.models.family import is_causal
from ftlab.models.folder import Reference, check_tokenizer_files, has_tokenizer, local_folder
from ftlab.models.padding import give_padding
from ftlab.models.quiet import quiet
from ftlab.models.source import checkpoint_reference, find_here, find_source
from ftlab.schema import ModelConfig

BYTES = "bytes"
_BERT_VOCABULARY = 30522  # of bert-base-uncased, which DistilBERT, ELECTRA and MiniLM share
_CONVERTERS = {"sentencepiece": "sentencepiece", "protobuf": "google.protobuf"}


@dataclass(frozen=True, slots=True)
class LoadedTokenizer:
    """A tokenizer, and whether it stands in for another."""

    tokenizer: PreTrainedTokenizerFast
    name: str
    substituted: bool  # True: a random model whose own tokenizer is not on this machine
    note: str | None = None  # what the user should know of its padding


def load_tokenizer(cfg: ModelConfig, name: str | None) -> LoadedTokenizer:
    """Return the tokenizer for the model.

    It pads on the right with a token that it has, gives the inputs that the network takes, and does not warn of texts
    beyond the model's length, which the data room counts.

    Args:
        cfg: the model.
        name: ``bytes``, a hub id or a folder; None: the checkpoint's own. A model with ``init=random`` reaches for no
            network: where its own is not here, the MiniLM package's stands in for BERT's vocabulary, else ``bytes``.

    Raises:
        ModelError: it cannot be had or read.
    """
    if name == BYTES:
        return _finish(cfg, _bytes_folder(), BYTES, substituted=False)
    if name is not None:
        return _load_named(cfg, name)
    if cfg.init != "random":
        reference = checkpoint_reference(cfg)
        source = find_source(cfg, "tokenizer")
        check_tokenizer_files(source.folder, reference, from_hub=source.origin == "hub")
        return _finish(cfg, source.folder, reference.value, substituted=False, own=True)
    here = find_here(cfg, "tokenizer")
    if here is not None and has_tokenizer(here.folder):
        reference = checkpoint_reference(cfg)
        check_tokenizer_files(here.folder, reference, from_hub=here.origin == "hub")
        return _finish(cfg, here.folder, reference.value, substituted=False, own=True)
    minilm = package_folder(MINILM) if _has_bert_vocabulary(cfg) else None
    if minilm is not None:
        return _finish(cfg, minilm, PACKAGES[MINILM].checkpoint, substituted=True)
    return _finish(cfg, _bytes_folder(), BYTES, substituted=True)


def check_vocabulary(loaded: LoadedTokenizer, config: PretrainedConfig) -> None:
    """Raise ModelError if the tokenizer has tokens for which the network has no embedding."""
    size = getattr(config, "vocab_size", None)
    vocabulary = loaded.tokenizer.get_vocab()
    count = max(vocabulary.values()) + 1
    if size is not None and count > size:
        beyond = sorted(word for word, number in vocabulary.items() if number >= size)
        if set(beyond) <= set(loaded.tokenizer.get_added_vocab()):
            raise ModelError(
                f"tokenizer {loaded.name} was given tokens that the model has no embedding for "
                f"({', '.join(beyond[:3])}{', ...' if len(beyond) > 3 else ''}); type model.tokenizer=null for the "
                "model's own, or give a checkpoint that was saved after they were added"
            )
        raise ModelError(
            f"tokenizer {loaded.name} has {count} tokens, but the model only {size} embeddings; type "
            "model.tokenizer=null for the model's own, or model.tokenizer=bytes with model.init=random"
        )


def own_template(tokenizer: PreTrainedTokenizerFast) -> str | None:
    """Return the tokenizer's own chat template as Jinja source, or None. Of several it is the one called default."""
    found = tokenizer.chat_template
    if isinstance(found, dict):
        found = found.get("default")
    return found if isinstance(found, str) and found else None


def _bytes_folder() -> Path:
    return Path(__file__).parent / BYTES


def _has_bert_vocabulary(cfg: ModelConfig) -> bool:
    if is_causal(cfg):
        return False
    config = read_config(cfg)
    return config.model_type in ("bert", "distilbert", "electra") and config.vocab_size == _BERT_VOCABULARY


def _load_named(cfg: ModelConfig, name: str) -> LoadedTokenizer:
    if name == cfg.checkpoint:
        return load_tokenizer(cfg, None)
    reference = Reference("model.tokenizer", name)
    folder = local_folder(reference)
    from_hub = folder is None
    if folder is None:
        folder = hub.fetch(reference, "tokenizer", "type model.tokenizer=bytes, ")
    check_tokenizer_files(folder, reference, from_hub=from_hub)
    return _finish(cfg, folder, name, substituted=False)


def _finish(cfg: ModelConfig, folder: Path, name: str, *, substituted: bool, own: bool = False) -> LoadedTokenizer:
    _check_converters(folder, name)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        # The formats of a dozen libraries are read here, each with its own errors.
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(
            f"tokenizer {name} cannot be read ({why}); give another with model.tokenizer=<hub id or folder>"
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(
            f"tokenizer {name} has no fast form (tokenizer.json); give another with model.tokenizer=<hub id or folder>"
        )
    if name == BYTES and is_causal(cfg):
        _write_with(tokenizer)
    note = give_padding(tokenizer, name)
    if not (folder / "adapter_config.json").is_file():  # ours: what it was saved with fits
        _fit_inputs(tokenizer, cfg, own=own)
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    return LoadedTokenizer(tokenizer, name, substituted, note)


def _write_with(tokenizer: PreTrainedTokenizerFast) -> None:
    """Let ``bytes`` end what is written, and read its special tokens in rendered templates."""
    tokenizer.bos_token, tokenizer.eos_token = tokenizer.cls_token, tokenizer.sep_token
    tokenizer.split_special_tokens = False
    tokenizer.init_kwargs["split_special_tokens"] = False  # saved with it


def _check_converters(folder: Path, name: str) -> None:
    """Without these packages transformers takes a SentencePiece file for one of tiktoken's, and says so."""
    if (folder / "tokenizer.json").is_file() or not any(folder.glob("*.model")):
        return
    missing = [package for package, module in _CONVERTERS.items() if not _is_here(module)]
    if missing:
        raise ModelError(
            f"tokenizer {name} is a SentencePiece file, which {' and '.join(_CONVERTERS)} convert; type pip install "
            f"{' '.join(missing)}"
        )


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of google.protobuf, where there is no google at all
        return False


def _fit_inputs(tokenizer: PreTrainedTokenizerFast, cfg: ModelConfig, *, own: bool) -> None:
    """Give segment ids to a network that learned two segments, and to no other: DistilBERT refuses them.

    The checkpoint's own tokenizer loses them where the network refuses them or has one segment only, as copies of
    DistilBERT saved with BERT's tokenizer; it is never given any. GPT-2 takes them, and adds words for them.
    """
    task: Task = "causal_lm" if is_causal(cfg) and cfg.head != "classification" else "classification"
    config = read_config(cfg, task=task)
    parameters = inspect.signature(model_class(config, task).forward).parameters
    accepted = "token_type_ids" in parameters and not writes_texts(config)
    segments = getattr(config, "type_vocab_size", 0) or 0
    names: Sequence[str] = tokenizer.model_input_names
    without = [n for n in names if n != "token_type_ids"]
    if own:
        names = names if accepted and segments != 1 else without
    else:
        names = [*without[:1], "token_type_ids", *without[1:]] if accepted and segments > 1 else without
    tokenizer.model_input_names = list(names)
    tokenizer.init_kwargs["model_input_names"] = list(names)  # saved with it
