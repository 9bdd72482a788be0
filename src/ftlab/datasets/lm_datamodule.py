"""What a language model learns, as Lightning wants it: loaders of token batches, and prompts to write from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.batching import EpochBatches
from ftlab.datasets.examples import Example, LmSplits
from ftlab.datasets.lm_collate import LmCollator, LmDataset
from ftlab.datasets.lm_encode import Encoder
from ftlab.datasets.lm_pieces import Writer
from ftlab.datasets.lm_tokens import LmTokens, tokenize_examples
from ftlab.datasets.loading import ALONE, Loaded, LoadingDataModule, SplitName
from ftlab.datasets.options import step_rows
from ftlab.datasets.packing import PackCollator, pack
from ftlab.datasets.shares import Part
from ftlab.prompts.chat import ChatTemplate
from ftlab.results import DatasetInfo
from ftlab.schema import DatasetConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


class LmDataModule(LoadingDataModule):
    """Renders and tokenises the examples of the splits, and batches them.

    A row is an example, or a block of a plain text. Batches are as ``LmCollator`` gives them, right-padded; with
    ``batching=packed`` those of train are as ``PackCollator`` gives them. ``dataset.batch_size`` counts lines of a
    batch, packed or not, of all processes; ``whole_supervised`` is the number of labels that they predict together, by
    which the sum of each process's losses is divided to have the mean over the whole batch.

    Rows are packed once, for all epochs: the number of steps is then known, and since packed texts do not see each
    other, only the batches in which they meet depend on it.

    Args:
        splits: examples as ``read_lm_splits`` gives them; without train and val, for ``read_lm_test``'s.
        tokenizer: a fast tokenizer with a pad token.
        template: of conversations.
        cfg: batching, sizes, loss_on, samples and max_length are read from it.
        seed: of the training order.
        part: which process this is, of those that share each batch.
        tests_alone: give test batches whole: one process scores them.
        pin_memory: put batches where a CUDA GPU fetches them by itself; no other device does.

    Raises:
        DataError: a template that fails or leaves answers out, or rows in which nothing could be learned.
    """

    def __init__(
        self,
        splits: LmSplits,
        tokenizer: PreTrainedTokenizerFast,
        template: ChatTemplate,
        cfg: DatasetConfig,
        seed: int,
        part: Part = ALONE,
        tests_alone: bool = False,
        pin_memory: bool = False,
    ) -> None:
        super().__init__(cfg, part, tests_alone, pin_memory)
        assert isinstance(tokenizer.pad_token_id, int), "a tokenizer that is loaded for batches has a pad token"
        self.splits = splits
        self.template = template
        self.seed = seed
        self.labels: list[str] = []
        self._tokenizer, self._samples = tokenizer, list(cfg.samples)
        self._tokens: dict[SplitName, LmTokens] = {
            name: tokenize_examples(splits.examples(name), tokenizer, template, cfg.max_length, cfg.loss_on)
            for name in _SPLITS
        }
        tokens = self._tokens.values()
        self.truncated_rows: int = sum(split.truncated for split in tokens)  # lost the left of their history
        self.truncated_answers: int = sum(split.truncated_answers for split in tokens)  # lost the end of their answer
        self.train_tokens: int = len(self._tokens["train"].ids)  # one epoch's, padding left out
        self.supervised_train_tokens: int = int(self._tokens["train"].supervised.sum())
        test, prompts = self._tokens["test"], self._tokens["test"].prompt_lengths
        self.mean_test_tokens: float = float(test.lengths.mean()) if len(test) else 0.0  # padding left out
        self.mean_prompt_tokens: float = float(prompts.mean()) if len(test) else 0.0  # of test
        self._serve(*self._batched(cfg, tokenizer.pad_token_id))

    def _batched(self, cfg: DatasetConfig, pad: int) -> tuple[Mapping[SplitName, Loaded], EpochBatches | None]:
        collate, loaded = LmCollator(pad, self._width), {}
        for name, tokens in self._tokens.items():
            loaded[name] = Loaded(data := LmDataset(tokens), data.lengths, collate)
        train = self._tokens["train"]
        if not len(train):
            return loaded, None
        if cfg.batching == "packed":
            data = LmDataset(train, pack(train.lengths, self._max_length, self.seed))
            loaded["train"] = Loaded(data, data.lengths, PackCollator(pad))
        grouped = cfg.batching == "length_grouped"
        part = self._parts["train"]
        return loaded, EpochBatches(loaded["train"].lengths, step_rows(cfg), self.seed, grouped, part)

    def tokens(self, split: SplitName) -> LmTokens:
        """Return the tokens of a split; ``row_ids`` of its batches are positions in them."""
        return self._tokens[split]

    def ids(self, split: SplitName) -> list[str]:
        """Return the name of each row; of a block, that of its text and the number of the block: ``train:3/2``."""
        names, rows = self.splits.examples(split).ids, self._tokens[split].examples.tolist()
        if self.splits.examples(split).kind != "text":
            return [names[row] for row in rows]
        found, block = [], 0
        for place, row in enumerate(rows):
            block = block + 1 if place and rows[place - 1] == row else 1
            found.append(f"{names[row]}/{block}")
        return found

    def prompts(self, split: SplitName) -> list[NDArray[np.int32]]:
        """Return what the model is given to write from, per row: token ids up to what opens the (last) answer.

        Of a plain text, the first half of each block.
        """
        tokens = self._tokens[split]
        starts = tokens.offsets[:-1]
        return [tokens.ids[a:b] for a, b in zip(starts, starts + tokens.prompt_lengths, strict=True)]

    def shown(self, split: SplitName) -> list[str]:
        """Return ``prompts`` as text, control tokens included."""
        return self._decode(self.prompts(split), control=True)

    def references(self, split: SplitName) -> list[str]:
        """Return what the model should have written, per row: the whole answer, also where it was cut to be learned.

        Of a plain text, the second half of each block.
        """
        tokens, examples = self._tokens[split], self.splits.examples(split)
        if examples.kind != "text":
            return [_answer(examples[row]) for row in tokens.examples.tolist()]
        starts = tokens.offsets[:-1] + tokens.prompt_lengths
        return self._decode([tokens.ids[a:b] for a, b in zip(starts, tokens.offsets[1:], strict=True)], control=False)

    @property
    def raw_prompts(self) -> bool:
        """Whether a text is given to the model as it stands, and not as a question of a conversation."""
        kind = self.splits.test.kind
        return kind == "text" or (kind == "pair" and not self.template.chosen)

    def samples(self) -> list[NDArray[np.int32]]:
        """Return ``dataset.samples`` as prompts: questions of a conversation, else how a text begins."""
        writer = Writer(Encoder(self._tokenizer), self.template)
        return [np.asarray(writer.prompt(text, self.raw_prompts), np.int32) for text in self._samples]

    def ends(self) -> list[int]:
        """Return the ids of the tokens that end an answer: the template's, and the one that ends a text."""
        return Writer(Encoder(self._tokenizer), self.template).ends()

    def _decode(self, rows: list[NDArray[np.int32]], control: bool) -> list[str]:
        found: list[str] = self._tokenizer.batch_decode(
            [row.tolist() for row in rows], skip_special_tokens=not control, clean_up_tokenization_spaces=False
        )
        return found

    def info(self) -> DatasetInfo:
        """Return the record of the data set for result.json; ``truncated_rows`` counts what lost either end."""
        splits = self.splits
        return DatasetInfo(
            name=splits.name,
            digest=splits.digest,
            test_digest=splits.test_digest,
            labels=[],
            train_rows=len(splits.train),
            val_rows=len(splits.val),
            test_rows=len(splits.test),
            max_length=self._max_length,
            truncated_rows=self.truncated_rows + self.truncated_answers,
            duplicate_rows=splits.duplicate_rows,
            leaked_rows=splits.leaked_rows,
        )


def _answer(example: Example) -> str:
    if example.turns:
        return example.turns[-1].content
    assert example.completion is not None, "plain text has no answer"
    return example.completion
