"""Layers that start to train one after the other: what moves when, and going on in the middle."""

import hashlib
import json

import pytest

from ftlab.launch import main
from ftlab.modules.classifier import ClassifierModule
from small import SMALL

# Eight steps: the lower layer starts in the sixth.
SPEC = [*SMALL, "adapter=freeze", "adapter.unfreeze_schedule=[0.0,0.625]", "adapter.layer_decay=0.38", "seed=3"]
SPEC += ["latency.enabled=false", "tracking=none", "trainer.gradient_clip_val=0.5", "scheduler=cosine"]
LOWER = "bert.encoder.layer.0."


def watch(patch, found):
    """Write down the lower layer's weights, moments and rates before each step."""
    end = ClassifierModule.on_before_zero_grad

    def on_before_zero_grad(self, optimizer):
        named = {name.removeprefix("net."): p for name, p in self.named_parameters()}
        lower = {name: p for name, p in named.items() if name.startswith(LOWER)}
        assert lower and all(p.requires_grad for p in lower.values())
        weights = b"".join(p.detach().numpy().tobytes() for p in lower.values())
        found[self.trainer.global_step] = {
            "weights": hashlib.sha256(weights).hexdigest(),
            "moments": sum(bool(optimizer.state.get(p)) for p in lower.values()),
            "rates": sorted({group["lr"] for group in optimizer.param_groups}, reverse=True),
        }
        return end(self, optimizer)

    patch.setattr(ClassifierModule, "on_before_zero_grad", on_before_zero_grad)


def sha256(outputs):
    (path,) = outputs.glob("default/*/model/model.safetensors")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """A run that nobody stopped, and what was seen in it."""
    outputs, found = tmp_path_factory.mktemp("twin"), {}
    with pytest.MonkeyPatch.context() as patch:
        watch(patch, found)
        assert main([*SPEC, f"output_dir={outputs}"]) == 0
    return outputs, found


@pytest.mark.slow
def test_a_layer_moves_when_its_time_has_come(twin):
    _, seen = twin
    assert [seen[step]["moments"] for step in (0, 5)] == [0, 0] and seen[7]["moments"] == 16
    assert len({seen[step]["weights"] for step in range(6)}) == 1
    assert len({seen[step]["weights"] for step in (5, 6, 7)}) == 3
    first, *below = seen[3]["rates"]
    assert below == pytest.approx([0.38 * first, 0.38**2 * first])


@pytest.mark.slow
@pytest.mark.parametrize(("every", "step"), [("null", 4), (3, 6)], ids=["before it starts", "after"])
def test_a_run_stopped_in_the_middle_of_the_schedule_ends_like_its_twin(
    tmp_path, capsys, monkeypatch, twin, every, step
):
    step_as_it_is = ClassifierModule.training_step

    def training_step(self, *rest):
        if self.trainer.global_step == 6:
            raise SystemExit(143)
        return step_as_it_is(self, *rest)

    words = [*SPEC, f"output_dir={tmp_path}", f"callbacks.checkpoint.every_n_steps={every}"]
    monkeypatch.setattr(ClassifierModule, "training_step", training_step)
    assert main(words) == 143
    monkeypatch.setattr(ClassifierModule, "training_step", step_as_it_is)
    capsys.readouterr()
    assert main([*words, "resume=latest"]) == 0
    assert f"goes on at step {step} of" in capsys.readouterr().out
    assert sha256(tmp_path) == sha256(twin[0])
    (result,) = tmp_path.glob("default/*/result.json")
    assert json.loads(result.read_text())["training"]["steps"] == 8
