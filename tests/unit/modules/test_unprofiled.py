import pytest
from lightning.pytorch.profilers import SimpleProfiler

from ftlab.build import build_trainer
from ftlab.modules.unprofiled import Unprofiled

NODE = {"_target_": "lightning.Trainer", "accelerator": "cpu", "devices": 1, "max_epochs": 1}


def make(tmp_path, **options):
    return build_trainer({**NODE, **options}, precision="32-true", folder=tmp_path, callbacks=[], logger=False)


def test_contexts_may_lie_within_each_other_and_let_errors_through(tmp_path):
    profiler = make(tmp_path).profiler
    assert isinstance(profiler, Unprofiled)
    with profiler.profile("outer"), profiler.profile("inner"):
        pass
    with pytest.raises(KeyError), profiler.profile("broken"):
        raise KeyError
    assert profiler.summary() == ""


def test_a_profiler_of_the_users_own_is_used(tmp_path):
    assert isinstance(make(tmp_path, profiler="simple").profiler, SimpleProfiler)
