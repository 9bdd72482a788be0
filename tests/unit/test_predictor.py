import numpy as np
import pytest
import torch

from ftlab.artefact import save_artefact
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.predictor import TorchPredictor, load_predictor
from ftlab.schema import ModelConfig

LABELS = ["no", "yes"]
CONFIG = ModelConfig(
    name="tiny",
    init="random",
    tokenizer="bytes",
    architecture={
        "model_type": "bert",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "vocab_size": 2048,
    },
)
TEXTS = ["short", "a much longer text than the first one, with many words", "mid size text", "x"]


def make(precision="32-true", max_length=32):
    torch.manual_seed(1)
    net = load_classifier(CONFIG, LABELS).net
    tokenizer = load_tokenizer(CONFIG, "bytes").tokenizer
    return TorchPredictor(
        net, tokenizer, LABELS, max_length=max_length, device=torch.device("cpu"), precision=precision
    )


def test_scores_keep_the_order_of_the_texts_whatever_the_batch_size():
    predictor = make()
    alone = np.concatenate([predictor.score([text]) for text in TEXTS])
    for size in (1, 2, 3, 32):
        np.testing.assert_allclose(predictor.score(TEXTS, size), alone, atol=1e-5)


def test_prediction_is_the_softmax_of_the_logits_by_label():
    predictor = make()
    found = predictor.predict(TEXTS)
    for prediction, logits in zip(found, predictor.score(TEXTS), strict=True):
        probabilities = torch.tensor(logits).softmax(-1).tolist()
        assert prediction.probabilities == pytest.approx(dict(zip(LABELS, probabilities, strict=True)))
        assert prediction.label == LABELS[int(np.argmax(logits))]
        assert prediction.probability == max(prediction.probabilities.values())


def test_dropout_is_off():
    predictor = make()
    assert not predictor.net.training
    assert np.array_equal(predictor.score(TEXTS), predictor.score(TEXTS))


def test_long_texts_are_cut_at_max_length():
    predictor = make(max_length=8)
    assert predictor.encode(["word " * 100])["input_ids"].shape == (1, 8)


def test_pairs_are_read_as_two_segments():
    encoded = make().encode([("first", "second"), ("third", "fourth and more")])
    assert encoded["token_type_ids"].max() == 1


def test_mixed_precision_runs_under_autocast_and_gives_float32_logits():
    predictor = make("bf16-mixed")
    assert predictor.dtype == "bfloat16"
    logits = predictor.logits(predictor.encode(TEXTS))
    assert logits.dtype == torch.float32
    np.testing.assert_allclose(logits.numpy(), make().score(TEXTS), atol=0.05)
    assert make().dtype == "float32"


def test_a_saved_folder_predicts_the_same(tmp_path):
    predictor = make()
    save_artefact(predictor.net, predictor.tokenizer, tmp_path / "model", labels=LABELS, base=None)
    loaded = load_predictor(tmp_path / "model", max_length=32, device=torch.device("cpu"))
    assert np.array_equal(loaded.score(TEXTS), predictor.score(TEXTS))
    assert loaded.labels == LABELS
    loaded.synchronize()


def test_batches_of_open_size_hold_so_many_tokens_and_give_the_same_scores(monkeypatch):
    predictor = make()
    texts = [f"{'word ' * (n % 9)}{n}" for n in range(50)]
    alone = np.concatenate([predictor.score([text]) for text in texts])
    shapes, logits = [], predictor.logits
    monkeypatch.setattr(predictor, "logits", lambda e: shapes.append(tuple(e["input_ids"].shape)) or logits(e))
    predictor.batch_tokens = 100
    np.testing.assert_allclose(predictor.score(texts, None), alone, atol=1e-5)
    assert all(rows * length <= 100 for rows, length in shapes) and sum(rows for rows, _ in shapes) == 50
    assert [length for _, length in shapes] == sorted(length for _, length in shapes)


def test_batches_are_halved_where_memory_runs_out(monkeypatch):
    predictor = make()
    texts = [f"a text {n}" for n in range(20)]
    wanted, logits, sizes = predictor.score(texts), predictor.logits, []

    def small(encoded):
        sizes.append(len(encoded["input_ids"]))
        if sizes[-1] > 6:
            raise torch.OutOfMemoryError
        return logits(encoded)

    monkeypatch.setattr(predictor, "logits", small)
    predictor.batch_tokens = 4096
    np.testing.assert_allclose(predictor.score(texts, None), wanted, atol=1e-5)
    assert sizes == [20, 10, 5, 5, 10, 5, 5] and predictor.batch_tokens < 4096
    monkeypatch.setattr(predictor, "logits", lambda encoded: small({"input_ids": range(9)}))
    with pytest.raises(torch.OutOfMemoryError):
        predictor.score(["one text alone"])


def test_batches_are_halved_where_apples_memory_runs_out_and_nothing_else_is_taken_for_it(monkeypatch):
    predictor = make()
    texts, logits, sizes = [f"a text {n}" for n in range(8)], predictor.logits, []

    def small(encoded):
        sizes.append(len(encoded["input_ids"]))
        if sizes[-1] > 4:
            raise RuntimeError("MPS backend out of memory (MPS allocated: 5.56 GB)")
        return logits(encoded)

    monkeypatch.setattr(predictor, "logits", small)
    assert predictor.score(texts, None).shape == (8, 2) and sizes == [8, 4, 4]

    def broken(encoded):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(predictor, "logits", broken)
    with pytest.raises(RuntimeError, match="multiplied"):
        predictor.score(texts, None)


def test_nothing_to_score_gives_no_rows():
    assert make().score([]).shape == (0, 2) and make().predict([]) == []
