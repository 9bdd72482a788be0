import pytest
import torch
from peft import LoraConfig, get_peft_model

from ftlab.decoding.label_scores import CONTENT_FREE, LabelScorer
from tests.prompting import LABELS, NETS, TEXTS, WORDS, language_model, prompt_tokens


def plainly(net, tokens, texts=TEXTS):
    """Score each text and label alone: the whole request through the whole network, then the mean over the answer."""
    rows = []
    for text in texts:
        ids = [*tokens.prefix, *tokens.tokenizer(text, truncation=True, max_length=tokens.max_length)["input_ids"]]
        row = []
        for answer in tokens.answers:
            with torch.no_grad():
                logits = net(torch.tensor([[*ids, *answer]]), use_cache=False).logits[0].log_softmax(-1)
            row.append(sum(logits[len(ids) + i - 1, token] for i, token in enumerate(answer)) / len(answer))
        rows.append(torch.stack(row))
    return torch.stack(rows)


def scorer(net, tokens, **options):
    return LabelScorer(net, tokens, **{"calibration": "none", **options})


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("kind", NETS)
def test_scores_are_those_of_each_text_and_label_alone(kind, words, cache):
    net, tokens = language_model(kind), prompt_tokens(verbalisers=WORDS[words])
    assert ({len(a) for a in tokens.answers} == {1}) is (words == "one token"), "the case is what it says"
    made = scorer(net, tokens, cache=cache)
    found, wanted = made.scores(made.encode(TEXTS)), plainly(net, tokens)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    assert float(wanted.std()) > 0.1, "scores that are all alike would show nothing"


@pytest.mark.parametrize("kind", NETS)
def test_the_cached_prefix_changes_no_score(kind):
    net, tokens = language_model(kind), prompt_tokens()
    with_cache, without = (scorer(net, tokens, cache=cache) for cache in (True, False))
    encoded = with_cache.encode(TEXTS)
    torch.testing.assert_close(with_cache.scores(encoded), without.scores(encoded), rtol=0, atol=1e-5)


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize(
    "changes", [{"attention": "eager"}, {"sliding_window": 12, "use_sliding_window": True, "max_window_layers": 1}]
)
def test_other_kinds_of_attention_score_alike(changes, cache):
    net = language_model("llama" if "attention" in changes else "qwen2", **changes)
    tokens = prompt_tokens(verbalisers=WORDS["several"])
    made = scorer(net, tokens, cache=cache)
    torch.testing.assert_close(made.scores(made.encode(TEXTS)), plainly(net, tokens), rtol=0, atol=1e-5)


def test_a_long_answer_is_not_punished_for_its_length():
    net, tokens = language_model(), prompt_tokens(verbalisers=WORDS["several"])
    torch.nn.init.zeros_(net.lm_head.weight)  # every token is as likely as any other
    found = scorer(net, tokens).scores(scorer(net, tokens).encode(TEXTS))
    assert len({len(answer) for answer in tokens.answers}) > 1
    torch.testing.assert_close(found, torch.full_like(found, -torch.tensor(2048.0).log()), rtol=0, atol=1e-5)


def test_the_batch_changes_no_score(monkeypatch):
    net, tokens = language_model(), prompt_tokens(verbalisers=WORDS["several"])
    made = scorer(net, tokens)
    together = made.scores(made.encode(TEXTS))
    alone = torch.cat([made.scores(made.encode([text])) for text in TEXTS])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    monkeypatch.setattr("ftlab.decoding.label_scores._MOST_LOGITS", 1)
    torch.testing.assert_close(made.scores(made.encode(TEXTS)), alone, rtol=0, atol=1e-5)


def test_changed_weights_are_noticed():
    net, tokens = language_model(), prompt_tokens()
    made, encoded = scorer(net, tokens), scorer(net, tokens).encode(TEXTS)
    before = made.scores(encoded)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, fused=True)
    net(encoded["input_ids"], labels=encoded["input_ids"]).loss.backward()
    optimizer.step()
    after = made.scores(encoded)
    torch.testing.assert_close(after, plainly(net, tokens), rtol=0, atol=1e-5)
    assert float((after - before).abs().max()) > 0.1
    net.load_state_dict(language_model().state_dict())
    torch.testing.assert_close(made.scores(encoded), before, rtol=0, atol=0)
    net.double()
    torch.testing.assert_close(made.scores(encoded), before, rtol=0, atol=1e-5)


def test_the_prefix_is_read_once_while_the_weights_stay():
    net, tokens = language_model(), prompt_tokens()
    made = scorer(net, tokens, calibration="contextual")
    read = []
    net.model.register_forward_hook(
        lambda part, given, kept, output: read.append(kept["input_ids"].shape), with_kwargs=True
    )
    made.scores(made.encode(TEXTS[:2]))
    widths = [shape[1] for shape in read]
    assert widths.count(len(tokens.prefix)) == 1 and len(read) == 3, "prefix, texts, and texts without content"
    made.scores(made.encode(TEXTS[2:]))
    assert len(read) == 4 and max(shape[1] for shape in read[1:]) < len(tokens.prefix)


def test_calibration_takes_away_what_a_text_without_content_is_given():
    net, tokens = language_model(), prompt_tokens(verbalisers=WORDS["several"])
    found = scorer(net, tokens, calibration="contextual")
    logits = found.scores(found.encode(TEXTS))
    probabilities = plainly(net, tokens).softmax(-1)
    favoured = plainly(net, tokens, CONTENT_FREE).softmax(-1).mean(0)
    weighed = probabilities / favoured  # W p, with W = diag(favoured) ** -1
    torch.testing.assert_close(logits.softmax(-1), weighed / weighed.sum(-1, keepdim=True), rtol=0, atol=1e-5)
    nothing = found.scores(found.encode(CONTENT_FREE)).exp().mean(0)
    torch.testing.assert_close(nothing, torch.ones(3), rtol=0, atol=1e-4)


def test_adapters_are_scored_with_their_weights():
    net, tokens = language_model(), prompt_tokens(verbalisers=WORDS["several"])
    before = plainly(net, tokens)
    wrapped = get_peft_model(net, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)).eval()
    made = scorer(wrapped, tokens)
    found = made.scores(made.encode(TEXTS))
    torch.testing.assert_close(found, plainly(wrapped, tokens), rtol=0, atol=1e-5)
    assert float((found - before).abs().max()) > 1e-3


def test_what_a_network_does_behind_its_head_is_kept():
    net, tokens = language_model(), prompt_tokens()
    forward = net.forward

    def capped(*args, **kwargs):
        output = forward(*args, **kwargs)
        output.logits = 3 * (output.logits / 3).tanh()
        return output

    net.forward = capped
    made = scorer(net, tokens)
    torch.testing.assert_close(made.scores(made.encode(TEXTS)), plainly(net, tokens), rtol=0, atol=1e-5)


def test_options_are_the_prompts_own_unless_given():
    tokens = prompt_tokens(calibration="contextual", cache=False)
    made = LabelScorer(language_model(), tokens)
    assert made.calibration == "contextual" and made.labels == LABELS
    assert LabelScorer(language_model(), tokens, calibration="none").calibration == "none"
