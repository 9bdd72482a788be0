"""Pieces of text to token ids, so that they can be joined, and so that no text of a row becomes a control token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftlab.prompts.special import begin_id, control_names, control_pattern, end_id, special_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_MARK = "\ufdd0"  # no character, by Unicode's own word: behind the first letter of a control token meant as text
_LONG = 100_000  # characters encoded at once: what a tokenizer notes of each token would fill the memory for a book
_SEAM = re.compile(r"(?<=\w)(?= [^\W\d_])")  # before " word": no token of a byte-level vocabulary goes across


class Encoder:
    """Encodes pieces of texts that are read one after the other.

    ``bos`` and ``eos`` are the ids that begin and end a text; of a tokenizer that has neither, those that frame texts
    for an encoder ([CLS], [SEP]). None: it has none of these either. ``begins``: the tokenizer puts bos before texts
    by itself.

    Args:
        tokenizer: a fast one.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        names = control_names(tokenizer)
        self.control = control_pattern(tokenizer)
        self._marked = re.compile("|".join(re.escape(name[0] + _MARK + name[1:]) for name in names) or r"(?!)")
        self.bos, self.eos = begin_id(tokenizer), end_id(tokenizer)
        framed: list[int] = tokenizer("a", split_special_tokens=False)["input_ids"]
        self.begins = self.bos is not None and framed[:1] == [self.bos]
        newline, letters = self._encode(["\n", "ab"])
        # SentencePiece and some others put a blank before each text; behind a newline they do not.
        self._newline = None if self._encode(["\nab"])[0] == newline + letters else newline

    def special_tokens(self) -> dict[str, str]:
        """Return what templates know as ``bos_token``, ``eos_token`` and so on."""
        return special_tokens(self._tokenizer)

    def token_id(self, token: str) -> int:
        """Return the id of a control token."""
        return int(self._tokenizer.added_tokens_encoder[token])

    def as_text(self, text: str) -> str:
        """Return a text of a row in which the names of control tokens are marked as text, which ``encode`` reads."""
        return self.control.sub(lambda found: found[0][0] + _MARK + found[0][1:], text.replace(_MARK, ""))

    def encode(self, texts: Sequence[str], continued: bool = False) -> list[list[int]]:
        """Return the ids of each text, no special token added.

        Args:
            texts: with marks where ``as_text`` set them.
            continued: each stands behind another text.
        """
        found = self._behind(texts) if continued else self._encode(texts)
        for number, text in enumerate(texts):
            if _MARK in text:
                found[number] = self._encode_marked(text, continued)
        return found

    def encode_long(self, text: str) -> list[int]:
        """Return the ids of a document, of any length."""
        if len(text) <= _LONG:
            return self.encode([self.as_text(text)])[0]
        ids: list[int] = []
        start = 0
        while start < len(text):
            seam = _SEAM.search(text, start + _LONG)
            end = seam.start() if seam else len(text)
            ids += self.encode([self.as_text(text[start:end])], continued=start > 0)[0]
            start = end
        return ids

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        found = self._tokenizer(
            list(texts),
            add_special_tokens=False,
            split_special_tokens=False,
            padding=False,
            truncation=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = found["input_ids"]
        return ids

    def _behind(self, texts: Sequence[str]) -> list[list[int]]:
        if self._newline is None:
            return self._encode(texts)
        width = len(self._newline)
        found = self._encode([f"\n{text}" for text in texts])
        # A newline that melted into the text, which byte fallback rules out, leaves nothing better than the text alone.
        alone = iter(self._encode([t for t, ids in zip(texts, found, strict=True) if ids[:width] != self._newline]))
        return [ids[width:] if ids[:width] == self._newline else next(alone) for ids in found]

    def _encode_marked(self, text: str, continued: bool) -> list[int]:
        """Encode a text piece by piece: what is marked without control tokens, the rest with them."""
        ids: list[int] = []
        start = 0
        for found in [*self._marked.finditer(text), None]:
            plain = text[start : found.start() if found else len(text)].replace(_MARK, "")
            if plain:
                ids += (self._behind if ids or continued else self._encode)([plain])[0]
            if found:
                ids += self._without_control(found[0].replace(_MARK, ""))
                start = found.end()
        return ids

    def _without_control(self, text: str) -> list[int]:
        backend = self._tokenizer.backend_tokenizer
        if backend.normalizer is not None:
            text = backend.normalizer.normalize_str(text)
        words = [text]
        if backend.pre_tokenizer is not None:
            words = [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(text)]
        return [token.id for word in words for token in backend.model.tokenize(word)]
