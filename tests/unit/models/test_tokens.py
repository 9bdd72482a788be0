import numpy as np

from ftlab.models import tokens as module
from ftlab.models.tokenizer import load_tokenizer
from ftlab.models.tokens import Tokens, split_pairs
from ftlab.schema import ModelConfig

ARCHITECTURE = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
TOKENIZER = load_tokenizer(ModelConfig(name="tiny", init="random", architecture=ARCHITECTURE), "bytes").tokenizer
TEXTS = ["short", "a much longer text than the first one", "", "mid size text", "x" * 200]


def test_padded_batches_equal_the_tokenizers_own(monkeypatch):
    monkeypatch.setattr(module, "_SLICE", 2)
    for texts in (TEXTS, [(text, "and a second") for text in TEXTS]):
        tokens = Tokens.of(TOKENIZER, texts, 16)
        for rows in ([0], [1, 3], [4, 2, 0]):
            first, second = split_pairs([texts[row] for row in rows])
            wanted = TOKENIZER(first, second, truncation=True, max_length=16, padding=True, return_tensors="np")
            found = tokens.padded(np.array(rows))
            assert set(found) == set(wanted)
            assert all(np.array_equal(found[name], wanted[name]) and found[name].dtype == np.int64 for name in wanted)


def test_batches_go_from_short_to_long_and_hold_every_row_once():
    tokens = Tokens.of(TOKENIZER, TEXTS * 7, 64)
    for batches in (tokens.batches(4, 0), tokens.batches(None, 50), tokens.batches(None, 1)):
        order = np.concatenate(batches)
        assert sorted(order.tolist()) == list(range(35))
        assert (np.diff(tokens.lengths[order]) >= 0).all()
    assert {len(batch) for batch in tokens.batches(None, 1)} == {1}, "a text longer than the budget goes alone"
