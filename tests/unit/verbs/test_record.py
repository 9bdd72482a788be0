"""What of a configuration is kept beside a run's numbers."""

from omegaconf import OmegaConf

from ftlab.verbs.record import component, mlflow_params

STACK = {
    "_target_": "ftlab.adapters.stack.add_stack",
    "name": "stack",
    "stack": ["lora"],
    "lora": {"_target_": "ftlab.adapters.lora.add_lora", "rank": 4},
    "bitfit": {"_target_": "ftlab.adapters.bitfit.add_bitfit", "learning_rate": 1.0},
}


def test_a_component_is_kept_without_its_class_and_a_stack_without_what_it_does_not_use():
    assert component({"_target_": "a.B", "rank": 4, "load": {"quantization": "none"}}) == {
        "rank": 4,
        "load": {"quantization": "none"},
    }
    assert component(STACK) == {"name": "stack", "stack": ["lora"], "lora": {"rank": 4}}


def test_tracking_is_told_the_members_in_use():
    params = mlflow_params(OmegaConf.create({"seed": 3, "adapter": STACK}))
    assert params["adapter.lora.rank"] == 4 and not any(key.startswith("adapter.bitfit") for key in params)
    assert mlflow_params(OmegaConf.create({"seed": 3})) == {"seed": 3}
