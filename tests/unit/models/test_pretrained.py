from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from ftlab.errors import ModelError
from ftlab.models.folder import WEIGHTS
from ftlab.models.pretrained import load_classifier, meta_classifier
from ftlab.paths import config_dir
from ftlab.schema import ModelConfig

Tiny = Callable[..., ModelConfig]
Save = Callable[..., Path]
LABELS = ["oppose", "neutral", "support"]
KINDS = ["bert", "distilbert", "roberta", "modernbert"]


def folder_model(folder: Path, **options: str) -> ModelConfig:
    return ModelConfig(name="mine", checkpoint=str(folder), **options)  # type: ignore[arg-type]


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


@pytest.mark.parametrize("kind", [*KINDS, "gpt2", "llama", "deberta-v2"])
def test_every_module_is_in_train_mode_wherever_the_net_comes_from(tiny: Tiny, checkpoint: Save, kind: str) -> None:
    nets = [
        load_classifier(tiny(kind), LABELS).net,
        load_classifier(folder_model(checkpoint(kind)), LABELS).net,
        meta_classifier(tiny(kind), LABELS),
    ]
    assert all(module.training for net in nets for module in net.modules())


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_classifier_comes_back_with_its_head_and_logits(tiny: Tiny, checkpoint: Save, kind: str) -> None:
    folder = checkpoint(kind)
    torch.manual_seed(3)
    before = load_classifier(tiny(kind), LABELS).net.eval()
    after = load_classifier(folder_model(folder), LABELS).net.eval()
    ids = torch.tensor([[5, 6, 7, 8]])
    torch.testing.assert_close(after(input_ids=ids).logits, before(input_ids=ids).logits, rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_another_number_of_labels_makes_a_new_head_on_the_same_base(checkpoint: Save, kind: str) -> None:
    folder = checkpoint(kind)
    old = load_classifier(folder_model(folder), LABELS).net
    new = load_classifier(folder_model(folder), ["a", "b", "c", "d", "e"]).net
    assert new.classifier is not None
    for (name, a), (_, b) in zip(old.base_model.state_dict().items(), new.base_model.state_dict().items(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)
    assert new(input_ids=torch.tensor([[5, 6]])).logits.shape == (1, 5)


def test_labels_are_written_into_the_configuration(tiny: Tiny) -> None:
    config = load_classifier(tiny(), LABELS).net.config
    assert config.id2label == {0: "oppose", 1: "neutral", 2: "support"}
    assert config.label2id == {"oppose": 0, "neutral": 1, "support": 2}
    assert config.num_labels == 3


def test_a_bare_encoder_gets_a_head_drawn_from_the_seed(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    change_weights(folder, lambda tensors: [tensors.pop(n) for n in list(tensors) if not n.startswith("bert.")])

    def head(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return load_classifier(folder_model(folder), LABELS).net.classifier.weight

    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))


def test_half_precision_weights_are_loaded_in_full_precision(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    change_weights(folder, lambda tensors: tensors.update({n: t.bfloat16() for n, t in tensors.items()}))
    assert {p.dtype for p in load_classifier(folder_model(folder), LABELS).net.parameters()} == {torch.float32}


def test_the_digest_of_a_folder_is_the_sha256_of_its_file(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    loaded = load_classifier(folder_model(folder), LABELS)
    assert loaded.weights_digest == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert (loaded.origin, loaded.revision) == ("folder", None)
    assert loaded.net.name_or_path == loaded.net.config.name_or_path == str(folder)


def test_the_digest_of_a_random_net_follows_the_seed_and_not_the_head(tiny: Tiny) -> None:
    def digest(seed: int, labels: list[str]) -> str:
        torch.manual_seed(seed)
        loaded = load_classifier(tiny(), labels)
        assert (loaded.origin, loaded.revision, loaded.net.name_or_path) == ("random", None, "")
        return loaded.weights_digest

    assert digest(1, LABELS) == digest(1, ["a", "b"])
    assert digest(1, LABELS) != digest(2, LABELS)


def test_loading_says_nothing(tiny: Tiny, checkpoint: Save, capfd: pytest.CaptureFixture[str]) -> None:
    folder = checkpoint("modernbert")
    capfd.readouterr()
    load_classifier(folder_model(folder), ["a", "b"])
    load_classifier(tiny("modernbert"), ["a", "b"])
    assert capfd.readouterr() == ("", "")


def test_shards_give_the_same_net(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    whole = load_classifier(folder_model(folder), LABELS).net
    tensors = load_file(folder / WEIGHTS)
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    shards = [dict(list(tensors.items())[i::2]) for i in (0, 1)]
    for name, shard in zip(names, shards, strict=True):
        save_file(shard, folder / name)
    index = {key: name for name, shard in zip(names, shards, strict=True) for key in shard}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": index}))
    (folder / WEIGHTS).unlink()
    parts = load_classifier(folder_model(folder), LABELS).net
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))


def test_missing_weights_of_the_base_are_not_drawn_at_random(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    change_weights(folder, lambda tensors: [tensors.pop(n) for n in list(tensors) if ".layer.1." in n])
    with pytest.raises(ModelError, match=r"16 weights of the bert are missing \(bert\.encoder\.layer\.1\..*, \.\.\.\)"):
        load_classifier(folder_model(folder), LABELS)


def test_weights_of_another_size_are_refused(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    name = "bert.embeddings.word_embeddings.weight"
    change_weights(folder, lambda tensors: tensors.update({name: torch.zeros(9, 32)}))
    with pytest.raises(ModelError, match=rf"1 weights of the bert are of another size .*\({name}\)"):
        load_classifier(folder_model(folder), LABELS)


def test_a_missing_pooler_may_be_new(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    change_weights(folder, lambda tensors: [tensors.pop(n) for n in list(tensors) if ".pooler." in n])
    load_classifier(folder_model(folder), LABELS)


def test_a_broken_file_is_one_sentence(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    (folder / WEIGHTS).write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be read .*copy or download it again"):
        load_classifier(folder_model(folder), LABELS)


def test_a_pickle_is_never_read(checkpoint: Save, tmp_path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "canary",))

    folder = checkpoint("bert")
    (folder / WEIGHTS).unlink()
    torch.save({"x": Canary()}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only pytorch_model"):
        load_classifier(folder_model(folder), LABELS)
    assert not (tmp_path / "canary").exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert (tmp_path / "canary").exists(), "the payload works where it is read"


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_attention_is_built_as_asked(tiny: Tiny, checkpoint: Save, attention: str) -> None:
    random = load_classifier(tiny(attention=attention), LABELS).net
    loaded = load_classifier(folder_model(checkpoint(), attention=attention), LABELS).net
    assert random.config._attn_implementation == loaded.config._attn_implementation == attention


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_decoder_reads_the_last_token_before_the_padding(tiny: Tiny, kind: str) -> None:
    net = load_classifier(tiny(kind), LABELS, pad_token_id=9).net.eval()
    short, padded = torch.tensor([[5, 6, 7]]), torch.tensor([[5, 6, 7, 9, 9]])
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    with torch.inference_mode():
        expected = net(input_ids=short).logits
        torch.testing.assert_close(net(input_ids=padded, attention_mask=mask).logits, expected)


@pytest.mark.parametrize(
    ("numbers", "parameters"),
    [
        ({"model_type": "distilbert"}, 66_955_779),
        (
            {
                "model_type": "bert",
                "hidden_size": 1024,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
            },
            335_144_963,
        ),
    ],
)
def test_the_meta_device_counts_parameters_without_storage(numbers: dict[str, object], parameters: int) -> None:
    net = meta_classifier(ModelConfig(name="x", init="random", architecture=dict(numbers)), LABELS)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert {p.device.type for p in net.parameters()} == {"meta"}


@pytest.mark.parametrize("path", sorted((config_dir() / "model").glob("[!_]*.yaml")), ids=lambda path: path.stem)
def test_the_numbers_of_every_model_file_build(path: Path) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values.pop("defaults")
    net = meta_classifier(ModelConfig(**{**values, "init": "random", "checkpoint": None}), LABELS)
    assert net.config.vocab_size == values["architecture"]["vocab_size"]


def test_sizes_that_do_not_go_together_are_one_sentence(tiny: Tiny) -> None:
    with pytest.raises(ModelError, match=r"architecture does not build a bert .*multiple of.*correct that number"):
        meta_classifier(tiny(architecture={"num_attention_heads": 5}), LABELS)


def test_a_loaded_net_does_not_depend_on_its_file_any_more(checkpoint: Save) -> None:
    folder = checkpoint("bert")
    net = load_classifier(folder_model(folder), LABELS).net
    before = [parameter.clone() for parameter in net.parameters()]
    with (folder / WEIGHTS).open("r+b") as file:
        file.write(b"\xff" * (folder / WEIGHTS).stat().st_size)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))
