import pytest
import torch

from ftlab.errors import ConfigError
from ftlab.schema import CostConfig
from ftlab.verbs.stages import best_val, class_weights, planned_steps, price_here


def test_balanced_weights_give_every_label_the_same_say():
    counts = [10, 30, 60]
    weights = class_weights("balanced", counts)
    assert [w * c for w, c in zip(weights, counts, strict=True)] == pytest.approx([100 / 3] * 3)
    assert class_weights(None, counts) is None
    assert class_weights([1, 2, 3], counts) == [1.0, 2.0, 3.0]
    assert class_weights("balanced", [4, 0])[1] == 0.0


@pytest.mark.parametrize(
    ("trainer", "steps"),
    [
        ({"max_epochs": 3, "max_steps": -1}, 30),
        ({"max_epochs": 3, "max_steps": 7}, 7),
        ({"max_epochs": 3, "max_steps": 70}, 30),
        ({"max_epochs": -1, "max_steps": 70}, 70),
        ({"max_epochs": -1, "max_steps": -1}, None),
        ({"max_epochs": 2, "accumulate_grad_batches": 4}, 6),
    ],
)
def test_planned_steps_end_at_epochs_or_steps_whichever_is_first(trainer, steps):
    assert planned_steps(trainer, 10) == steps


def point(step, name, value):
    return {"step": step, "epoch": 0, "name": name, "value": value, "seconds": 0.0}


def test_validation_metrics_are_those_of_the_best_epoch_and_the_first_of_equals():
    history = [
        point(5, "train/loss", 0.1),
        *[point(10, "val/f1_macro", 0.7), point(10, "val/loss", 0.9)],
        *[point(20, "val/f1_macro", 0.7), point(20, "val/loss", 0.5)],
        *[point(30, "val/f1_macro", float("nan")), point(30, "val/loss", 0.4)],
    ]
    assert best_val(history, "val/f1_macro", "max") == {"f1_macro": 0.7, "loss": 0.9}
    assert best_val(history, "val/loss", "min")["loss"] == 0.4
    assert best_val([], "val/loss", "min") == {}


def test_auto_price_is_the_dated_file_of_this_device():
    price = price_here(CostConfig(), torch.device("cpu"))
    assert (price.device_class, price.usd_per_hour) == ("cpu", 0.096)
    assert price.price_source and price.price_date


def test_a_price_given_wins():
    price = price_here(CostConfig(usd_per_hour=2.0, utilisation=0.25), torch.device("cpu"))
    assert (price.usd_per_hour, price.utilisation) == (2.0, 0.25)


def test_a_price_of_another_device_is_refused():
    with pytest.raises(ConfigError, match=r"cost\.usd_per_hour"):
        price_here(CostConfig(name="t4", device_class="t4", usd_per_hour=0.5), torch.device("cpu"))
