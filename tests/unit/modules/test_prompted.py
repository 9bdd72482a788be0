import copy

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.splits import Rows, Splits
from ftlab.decoding.label_scores import LabelScorer
from ftlab.errors import ConfigError
from ftlab.models.recompute import recompute_activations
from ftlab.modules.prompted import PromptedModule
from ftlab.schema import DatasetConfig
from tests.prompting import LABELS, NETS, TEXTS, WORDS, language_model, prompt, prompt_tokens
from tests.soft_prompts import METHODS, soften

OWN = torch.tensor([0, 1, 2, 1])  # labels of TEXTS


def make(net, tokens, cache=True, **options):
    metrics = MetricCollection({"accuracy": MulticlassAccuracy(3, average="micro")})
    scorer = LabelScorer(net, tokens, cache=cache, calibration="none")
    options.setdefault("optimizer", lambda groups: torch.optim.AdamW(groups, lr=0.01))
    options.setdefault("scheduler", lambda optimizer, steps: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0, steps))
    return PromptedModule(net, metrics, scorer=scorer, **options)


def batch_of(module, texts=TEXTS, labels=OWN):
    return {**module.scorer.encode(texts), "labels": labels, "row_ids": torch.arange(len(texts))}


def plain_loss(net, tokens, texts=TEXTS, labels=OWN, weights=None):
    """The loss as it is written down: every request alone, logits at every place, -100 but at the answer."""
    total, count = torch.zeros(()), torch.zeros(())
    for text, label in zip(texts, labels.tolist(), strict=True):
        asked = [*tokens.prefix, *tokens.tokenizer(text)["input_ids"]]
        ids = torch.tensor([[*asked, *tokens.answers[label]]])
        target = ids.clone()
        target[:, : len(asked)] = -100
        logits = net(ids, use_cache=False).logits[:, :-1]
        weight = 1.0 if weights is None else weights[label]
        total = total + weight * F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), reduction="sum")
        count = count + weight * len(tokens.answers[label])
    return total / count


def gradients(net):
    return {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("kind", NETS)
def test_loss_and_gradients_are_those_of_the_loss_over_all_logits(kind, words, cache):
    net, tokens = language_model(kind).train(), prompt_tokens(verbalisers=WORDS[words])
    if kind == "gpt2":  # which has dropout
        net.apply(lambda part: setattr(part, "p", 0.0) if isinstance(part, torch.nn.Dropout) else None)
        for block in net.transformer.h:
            block.attn.attn_dropout.p = 0.0
    other = copy.deepcopy(net)
    module = make(net, tokens, cache)
    loss = module.training_step(batch_of(module), 0)
    loss.backward()
    wanted = plain_loss(other, tokens)
    wanted.backward()
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-5)
    found, plain = gradients(net), gradients(other)
    assert found.keys() == plain.keys() and len(found) > 10
    for name, gradient in plain.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_only_the_adapter_gets_gradients_and_they_are_right():
    tokens = prompt_tokens(verbalisers=WORDS["several"])
    net = get_peft_model(
        language_model(), LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    )
    net.train()
    other = copy.deepcopy(net)
    module = make(net, tokens)
    module.training_step(batch_of(module), 0).backward()
    plain_loss(other, tokens).backward()
    found, plain = gradients(net), gradients(other)
    assert found and all("lora_" in name for name in found)
    for name, gradient in plain.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_class_weights_weigh_the_tokens_of_their_answers():
    net, tokens, weights = language_model().train(), prompt_tokens(verbalisers=WORDS["several"]), [0.5, 2.0, 3.0]
    module = make(net, tokens, class_weights=weights)
    torch.testing.assert_close(
        module.training_step(batch_of(module), 0), plain_loss(net, tokens, weights=weights), rtol=1e-5, atol=1e-5
    )


def test_shares_of_a_batch_add_up_to_its_loss():
    net, tokens = language_model().train(), prompt_tokens(verbalisers=WORDS["several"])
    module = make(net, tokens)
    whole = module.training_step(batch_of(module), 0)
    dealt = [(TEXTS[:3], OWN[:3]), (TEXTS[3:], OWN[3:]), (TEXTS[:1], torch.tensor([-100]))]  # the last only fills
    shares = [{**batch_of(module, texts, labels), "whole_labels": OWN} for texts, labels in dealt]
    torch.testing.assert_close(sum(module.training_step(share, 0)["loss"] for share in shares), whole)


def test_recomputed_activations_change_no_gradient():
    net, tokens = language_model().train(), prompt_tokens()
    other = copy.deepcopy(net)
    recompute_activations(net)
    module = make(net, tokens)
    module.training_step(batch_of(module), 0).backward()
    plain_loss(other, tokens).backward()
    for name, gradient in gradients(other).items():
        torch.testing.assert_close(gradients(net)[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def splits():
    texts = [f"{word} number {i}" for i in range(8) for word in ("red", "green", "blue")]
    rows = Rows(texts, None, [0, 1, 2] * 8, [f"train:{i}" for i in range(24)])
    return Splits("toy", rows, rows, rows, LABELS, "d", "t", 0, 0, [])


def test_it_learns_through_the_data_module_and_its_scores_are_the_scorers(tmp_path):
    L.seed_everything(1, verbose=False)
    net, tokens = language_model(), prompt_tokens(prompt([], verbalisers=WORDS["several"]))
    data = TextDataModule(splits(), tokens.tokenizer, DatasetConfig("toy", max_length=32, batch_size=8), seed=1)
    module = make(net.train(), tokens)
    options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(
        accelerator="cpu", default_root_dir=tmp_path, enable_checkpointing=False, max_epochs=10, **options
    )
    module.test_name = "untrained"
    before = trainer.test(module, data.test_dataloader(), verbose=False)[0]["untrained/loss"]
    untrained = module.scores()
    module.train()
    trainer.fit(module, data)
    module.test_name = "test"
    after = trainer.test(module, data.test_dataloader(), verbose=False)[0]
    assert after["test/accuracy"] > 0.9 and after["test/loss"] < 0.6 * before
    scores = module.scores()
    assert scores.row_ids.tolist() == list(range(24)) and scores.labels.tolist() == [0, 1, 2] * 8
    direct = LabelScorer(net.eval(), tokens, cache=False, calibration="none")
    wanted = direct.scores(direct.encode(data.texts("test"))).double().numpy()
    assert abs(scores.logits - wanted).max() < 1e-4, "of the weights as they are, not as they were"
    assert abs(scores.logits - untrained.logits).max() > 0.1


def test_label_smoothing_is_refused():
    with pytest.raises(ConfigError, match=r"model\.label_smoothing=0\.1 is for a head.*type model\.label_smoothing=0"):
        make(language_model(), prompt_tokens(), label_smoothing=0.1)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("method", METHODS)
def test_virtual_tokens_learn_from_their_gradients_with_the_prefix_read_once(method, words):
    net, tokens = soften(language_model("gpt2").train(), method), prompt_tokens(verbalisers=WORDS[words])
    net.apply(lambda part: setattr(part, "p", 0.0) if isinstance(part, torch.nn.Dropout) else None)
    for block in net.get_base_model().transformer.h:
        block.attn.attn_dropout.p = 0.0
    other = copy.deepcopy(net)
    module = make(net, tokens)
    loss = module.training_step(batch_of(module), 0)
    loss.backward()
    plain = make(other, tokens, cache=False)  # peft's own forward, examples in front of each row
    wanted = plain.training_step(batch_of(plain), 0)
    wanted.backward()
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-5)
    found, theirs = gradients(net), gradients(other)
    assert found.keys() == theirs.keys() == {n for n, p in net.named_parameters() if "prompt_encoder" in n}
    for name, gradient in theirs.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5, msg=name)
        assert float(gradient.abs().max()) > 0


def test_layers_that_are_computed_again_learn_the_same_virtual_tokens():
    net, tokens = soften(language_model().train(), "prompt_tuning"), prompt_tokens()
    other = copy.deepcopy(net)
    recompute_activations(other.get_base_model())
    for each in (net, other):
        module = make(each, tokens)
        module.training_step(batch_of(module), 0).backward()
    (found,), (wanted,) = (gradients(each).values() for each in (other, net))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
