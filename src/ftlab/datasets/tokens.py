"""Texts to token ids, once: the result is cached by content, so the second run with the same rows does not tokenise.

Cache entries are ``.npz`` files read without pickle, written beside their place and renamed into it, so that two
processes, or one that is killed, never leave half an entry. An entry that cannot be read is built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.splits import Rows
from ftlab.errors import DataError
from ftlab.paths import cache_dir as cache_dir

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

log = logging.getLogger(__name__)

FORMAT = 1  # of the cache entries; raise it when their meaning changes
_CHUNK = 2048  # texts tokenised at a time, so that memory stays small beside the rows


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of N rows, end to end in one array."""

    ids: NDArray[np.int32]  # (sum of lengths,)
    offsets: NDArray[np.int64]  # (N + 1,): row i is ids[offsets[i]:offsets[i + 1]]
    types: NDArray[np.int8] | None  # (sum of lengths,) token types, where the tokenizer gives them
    truncated: int  # rows that lost their end at max_length

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens per row, special ones included, (N,)."""
        return np.diff(self.offsets)


def tokenize(rows: Rows, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Tokens:
    """Return the token ids of ``rows``, each cut to ``max_length`` tokens, from the cache where they are there.

    Raises:
        DataError: ``max_length`` leaves no room for text, or a row has no token at all.
    """
    special = tokenizer.num_special_tokens_to_add(pair=rows.pairs is not None)
    least = special + (1 if rows.pairs is None else 2)
    if max_length < least:
        raise DataError(
            f"dataset.max_length={max_length} leaves no room for text beside the {special} special tokens of this "
            f"tokenizer; type dataset.max_length={least} or more"
        )
    path = cache_dir() / "tokens" / f"{_content_key(rows, tokenizer, max_length)}.npz"
    tokens = _load(path, len(rows))
    if tokens is None:
        tokens = _tokenize(rows, tokenizer, max_length)
        _save(path, tokens)
    empty = np.flatnonzero(tokens.lengths == 0)
    if len(empty):
        raise DataError(f"row {rows.ids[empty[0]]} has no token left for this tokenizer; delete it or fill in its text")
    return tokens


def _tokenize(rows: Rows, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Tokens:
    ids, types, lengths, truncated = [], [], [np.zeros(1, np.int64)], 0
    for start in range(0, len(rows), _CHUNK):
        batch = tokenizer(
            rows.texts[start : start + _CHUNK],
            None if rows.pairs is None else rows.pairs[start : start + _CHUNK],
            truncation=True,
            max_length=max_length,
            padding=False,
        )
        assert batch.encodings is not None, "only fast tokenizers say what they cut"
        ids.append(_flat(batch["input_ids"], np.int32))
        if "token_type_ids" in batch:
            types.append(_flat(batch["token_type_ids"], np.int8))
        lengths.append(np.fromiter(map(len, batch["input_ids"]), np.int64))
        truncated += sum(1 for encoding in batch.encodings if encoding.overflowing)
    return Tokens(
        ids=np.concatenate(ids),
        offsets=np.cumsum(np.concatenate(lengths)),
        types=np.concatenate(types) if types else None,
        truncated=truncated,
    )


def _flat(lists: list[list[int]], dtype: type[Any]) -> NDArray[Any]:
    return np.fromiter((value for row in lists for value in row), dtype)


def _content_key(rows: Rows, tokenizer: PreTrainedTokenizerFast, max_length: int) -> str:
    """Return the sha256 over everything the token ids depend on."""
    backend = tokenizer.backend_tokenizer
    # Cutting and padding are left over from the last call, whatever that was; every call sets them anew.
    backend.no_truncation()
    backend.no_padding()
    settings = [FORMAT, max_length, tokenizer.truncation_side, list(tokenizer.model_input_names)]
    digest = hashlib.sha256(json.dumps(settings).encode())
    digest.update(backend.to_str().encode())
    for texts in (rows.texts, rows.pairs or ()):
        digest.update(b"\n%d\n" % len(texts))
        for encoded in (text.encode() for text in texts):
            digest.update(b"%d:" % len(encoded))
            digest.update(encoded)
    return digest.hexdigest()


def _load(path: Path, num_rows: int) -> Tokens | None:
    """Return the entry at ``path``; None where there is none or it is damaged."""
    try:
        # Zip members carry a checksum, tested on reading. Opened here: numpy leaves the file of a damaged one open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as entry:
            tokens = Tokens(
                ids=entry["ids"],
                offsets=entry["offsets"],
                types=entry["types"] if "types" in entry.files else None,
                truncated=int(entry["truncated"]),
            )
        _check(tokens, num_rows)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        log.warning("token cache entry %s is damaged (%s) and is built again", path, error)
        return None
    return tokens


def _check(tokens: Tokens, num_rows: int) -> None:
    """Raise ValueError where an entry that reads well does not fit together."""
    fits = (
        tokens.offsets.shape == (num_rows + 1,)
        and tokens.offsets[0] == 0
        and tokens.offsets[-1] == len(tokens.ids)
        and all(start <= end for start, end in pairwise(tokens.offsets))
        and (tokens.types is None or len(tokens.types) == len(tokens.ids))
    )
    if not fits:
        raise ValueError(f"its arrays are not those of {num_rows} rows")


def _save(path: Path, tokens: Tokens) -> None:
    """Write the entry in one step; a cache that cannot be written costs time, not the run."""
    arrays: dict[str, Any] = {"ids": tokens.ids, "offsets": tokens.offsets, "truncated": np.int64(tokens.truncated)}
    if tokens.types is not None:
        arrays["types"] = tokens.types
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
            partial = Path(file.name)
            np.savez(file, **arrays)
        partial.replace(path)
    except OSError as error:
        log.warning("token cache %s cannot be written (%s); the next run tokenises again", path.parent, error)
        if partial is not None:
            partial.unlink(missing_ok=True)
