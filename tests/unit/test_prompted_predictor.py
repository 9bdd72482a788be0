import numpy as np
import pytest
import torch

from ftlab.decoding.label_scores import LabelScorer
from ftlab.predictor import PromptedPredictor
from ftlab.prompts.classification import ClassificationPrompt
from tests.prompting import LABELS, TEXTS, WORDS, config, language_model, prompt_tokens

CPU = torch.device("cpu")


def scores(tokens, texts):
    direct = LabelScorer(language_model(), tokens, cache=False)
    return direct.scores(direct.encode(texts)).numpy()


@pytest.mark.parametrize("size", [1, 3, None])
def test_predictions_are_the_scores_of_the_labels_whatever_the_batch_size(size):
    tokens = prompt_tokens(verbalisers=WORDS["several"], calibration="contextual")
    predictor = PromptedPredictor(language_model(), tokens, device=CPU)
    np.testing.assert_allclose(predictor.score(TEXTS, size), scores(tokens, TEXTS), atol=1e-5)
    np.testing.assert_allclose(predictor.logits(predictor.encode(TEXTS)).numpy(), scores(tokens, TEXTS), atol=1e-5)


def test_labels_keep_their_names_and_texts_are_cut_as_the_prompt_says():
    tokens = prompt_tokens(max_length=12)
    predictor = PromptedPredictor(language_model(), tokens, device=CPU)
    found = predictor.predict(["word " * 60])[0]
    assert list(found.probabilities) == LABELS and found.label in LABELS
    assert predictor.encode(["word " * 60])["input_ids"].shape == (1, 12)


def test_pairs_are_scored():
    tokens = prompt_tokens(ClassificationPrompt.of(config(), LABELS, pairs=True))
    predictor = PromptedPredictor(language_model(), tokens, device=CPU)
    pairs = [("one", "two"), ("one, but longer", "three")]
    np.testing.assert_allclose(predictor.score(pairs), scores(tokens, pairs), atol=1e-5)
    assert np.abs(predictor.score([("one", "two")]) - predictor.score([("two", "one")])).max() > 1e-3


def test_mixed_precision_is_near_and_has_a_prefix_of_its_own():
    tokens = prompt_tokens()
    net = language_model()
    exact = PromptedPredictor(net, tokens, device=CPU).score(TEXTS)
    half = PromptedPredictor(net, tokens, device=CPU, precision="bf16-mixed")
    assert half.dtype == "bfloat16"
    found = half.score(TEXTS)
    assert 0 < np.abs(found - exact).max() < 0.5
    np.testing.assert_array_equal(half.score(TEXTS), found)
