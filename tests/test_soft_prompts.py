"""Virtual tokens in a whole run: what is refused before anything is read, and what the record tells."""

import json

import pytest

from ftlab.launch import main
from tests.small import SMALL

TEXTS = ["model=tiny_gpt", "dataset=idea_posts", "trainer=cpu", "tracking=none"]


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["adapter=p_tuning", "dataset.batching=packed"], "type dataset.batching=length_grouped"),
        (["adapter=prefix_tuning", "model.gradient_checkpointing=true"], "type model.gradient_checkpointing=false, or"),
    ],
)
def test_what_virtual_tokens_cannot_be_trained_with_is_said_before_training(words, remedy, tmp_path, capsys):
    assert main([*TEXTS, *words, f"output_dir={tmp_path}"]) == 2
    said = capsys.readouterr().err
    assert remedy in said and len(said.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ["prompt_tuning", "p_tuning", "prefix_tuning"])
@pytest.mark.parametrize(
    "model",
    [
        ["model=tiny_bert"],
        ["model=tiny_gpt", "model.head=classification"],
        ["model=tiny_gpt", "prompt=zero_shot"],
    ],
)
def test_a_run_with_labels_ends_with_a_model_that_predicts_alike(adapter, model, tmp_path, capsys):
    where = f"output_dir={tmp_path}"
    assert main([*SMALL[1:], "dataset=policy_stance", "tracking=none", *model, f"adapter={adapter}", where]) == 0
    (record,) = tmp_path.rglob("result.json")
    result = json.loads(record.read_text())
    told, saved = result["prompt"], result["artefact"]
    assert saved["verified"] and saved["form"] == "adapter" and saved["max_abs_logit_difference"] < 1e-5
    assert told["virtual_tokens"] == 16
    read = told["tokens_per_request"]
    if told["name"] == "none":  # tokens of the text alone; virtual ones go through the layers with each, or not at all
        share = 0 if adapter == "prefix_tuning" else 16 / (read + 16)
        assert told["computed_share"] == pytest.approx(share)
    else:  # they are read once for all requests
        assert told["computed_share"] < told["prompt_tokens"] / read
    capsys.readouterr()
    assert main(["predict", f"run={record.parent}", "text=a climate policy"]) == 0
    assert any(label in capsys.readouterr().out for label in result["dataset"]["labels"])
