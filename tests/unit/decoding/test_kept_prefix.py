import copy

import pytest
import torch

from ftlab.decoding.decoder import Decoder
from ftlab.decoding.kept_prefix import KeptPrefix, soft_prefix
from ftlab.decoding.label_scores import LabelScorer
from tests.prompting import NETS, TEXTS, WORDS, language_model, prompt, prompt_tokens
from tests.soft_prompts import METHODS, soften

CPU = torch.device("cpu")
PROMPTS = [list(range(20, 20 + length)) for length in (3, 9, 6, 1)]


def plainly(net, tokens):
    """Score each text and label alone, through peft's own forward."""
    rows = []
    for text in TEXTS:
        ids = [*tokens.prefix, *tokens.tokenizer(text, truncation=True, max_length=tokens.max_length)["input_ids"]]
        row = []
        for answer in tokens.answers:
            with torch.no_grad():
                logits = net(input_ids=torch.tensor([[*ids, *answer]]), use_cache=False).logits[0].log_softmax(-1)
            places = range(len(logits) - len(answer) - 1, len(logits) - 1)  # virtual tokens may have logits too
            row.append(sum(logits[at, token] for at, token in zip(places, answer, strict=True)) / len(answer))
        rows.append(torch.stack(row))
    return torch.stack(rows)


def counted(net):
    """Return a list that gets the tokens each pass of the network reads, rows times columns."""
    read = []

    def note(part, given, options, output):
        read.append(tuple(output.last_hidden_state.shape[:2]))

    net.get_base_model().base_model.register_forward_hook(note, with_kwargs=True)
    return read


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", NETS)
def test_scores_are_those_of_pefts_own_forward(kind, method, words, cache):
    net, tokens = soften(language_model(kind), method), prompt_tokens(verbalisers=WORDS[words])
    made = LabelScorer(net, tokens, cache=cache, calibration="none")
    found, wanted = made.scores(made.encode(TEXTS)), plainly(net, tokens)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    bare = LabelScorer(net.get_base_model(), tokens, calibration="none")
    assert float((bare.scores(bare.encode(TEXTS)) - wanted).abs().max()) > 1e-2, "the virtual tokens tell"


@pytest.mark.parametrize("method", METHODS)
def test_eager_attention_and_a_prompt_without_examples_score_alike(method):
    net, tokens = soften(language_model("llama", "eager"), method), prompt_tokens(prompt([]))
    made = LabelScorer(net, tokens, calibration="none")
    torch.testing.assert_close(made.scores(made.encode(TEXTS)), plainly(net, tokens), rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_virtual_tokens_and_examples_are_read_once_until_the_weights_move(method):
    net, tokens = soften(language_model(), method), prompt_tokens(verbalisers=WORDS["several"])
    made, read = LabelScorer(net, tokens, calibration="none"), counted(net)
    encoded = made.encode(TEXTS)
    for _ in range(3):
        before = made.scores(encoded)
    first = len(tokens.prefix) + (0 if method == "prefix_tuning" else 4)
    behind = encoded["input_ids"].shape[1] + made.answers.width
    assert read == [(1, first), *[(len(TEXTS), behind)] * 3], "examples once, then one pass for all labels of all texts"
    optimizer = torch.optim.AdamW(net.prompt_encoder.parameters(), lr=0.1, fused=True)
    net(input_ids=encoded["input_ids"], labels=encoded["input_ids"], use_cache=False).loss.backward()
    optimizer.step()
    after = made.scores(encoded)
    torch.testing.assert_close(after, plainly(net, tokens), rtol=0, atol=1e-5)
    assert float((after - before).abs().max()) > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_while_it_learns_gradients_reach_the_virtual_tokens_and_nothing_is_kept(method):
    net = soften(language_model().train(), method)
    prefix = KeptPrefix(PROMPTS[1])
    ids = torch.tensor([PROMPTS[0], [7, 8, 9]])
    for _ in range(2):  # a second backward pass would fail on a kept graph
        base = net.get_base_model()
        found = base(input_ids=ids, past_key_values=prefix.cache(net, len(ids)), use_cache=True).logits
        (ours,) = torch.autograd.grad(found.square().mean(), [net.prompt_encoder["default"].embedding.weight])
    rows = torch.cat([torch.tensor([PROMPTS[1]] * 2), ids], dim=1)
    wanted = net(input_ids=rows, use_cache=False).logits[:, -ids.shape[1] :]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    (theirs,) = torch.autograd.grad(wanted.square().mean(), [net.prompt_encoder["default"].embedding.weight])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def greedy(net, prompts, steps=5):
    with torch.inference_mode():
        decoder = Decoder(net, prompts, steps, 0, CPU)
        made = [decoder.logits.argmax(-1)]
        for _ in range(steps - 1):
            made.append(decoder.step(made[-1]).argmax(-1))
    return torch.stack(made, dim=1).tolist()


@pytest.mark.filterwarnings("ignore")  # peft's generate asks for what transformers has renamed
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", NETS)
def test_greedy_answers_are_pefts_own_at_any_batch_size(kind, method):
    net, wanted = soften(language_model(kind), method), []
    net.generation_config.eos_token_id = None
    for row in PROMPTS:
        ids = torch.tensor([row])
        with torch.no_grad():
            made = net.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=5, do_sample=False, pad_token_id=0
            )
        wanted.append(made[0, len(row) :].tolist())
    for size in range(1, 5):  # of unequal lengths, so padded on the left
        found = [a for at in range(0, 4, size) for a in greedy(net, PROMPTS[at : at + size])]
        assert found == wanted


@pytest.mark.parametrize("method", METHODS)
def test_writing_reads_the_virtual_tokens_once_while_the_weights_stay(method):
    net = soften(language_model(), method)
    read = counted(net)
    before = [greedy(net, PROMPTS, 3), greedy(net, PROMPTS, 3)]
    opened = [] if method == "prefix_tuning" else [(1, 4)]
    assert read == [*opened, *([(4, 9), (4, 1), (4, 1)] * 2)]
    other = copy.deepcopy(net)
    with torch.no_grad():
        for parameter in net.prompt_encoder.parameters():
            parameter.add_(torch.randn_like(parameter))
    assert greedy(net, PROMPTS, 3) != before[0] == before[1]
    assert greedy(other, PROMPTS, 3) == before[0]


def test_what_is_kept_goes_with_the_network():
    from ftlab.decoding import kept_prefix

    net = soften(language_model(), "prompt_tuning")
    soft_prefix(net).read(net)
    held = len(kept_prefix._soft)
    assert soft_prefix(net) is soft_prefix(net)
    del net
    import gc

    gc.collect()
    assert len(kept_prefix._soft) < held
