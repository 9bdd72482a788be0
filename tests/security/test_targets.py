"""What a configuration may call, wherever it comes from (T47)."""

import inspect
import logging.config
import os
import pickle
import pydoc

import pytest
import torch
import yaml
from torch import nn

from ftlab import build
from ftlab.check.allowlist import resolve_allowed
from ftlab.check.components import targets
from ftlab.check.hydra_node import hydra_faults
from ftlab.command.composer import Composer, plain
from ftlab.launch import main
from ftlab.models.pretrained import load_classifier
from ftlab.paths import config_dir
from ftlab.schema import ModelConfig
from ftlab.yaml_file import read_yaml
from small import SMALL

# Each is a function or class that a plain loader would find and call.
HOSTILE = [
    "os.system",
    "posix.system",
    "logging.os.system",
    "os.popen",
    "os.execv",
    "builtins.eval",
    "builtins.exec",
    "builtins.__import__",
    "subprocess.Popen",
    "subprocess.run",
    "subprocess.check_output",
    "runpy.run_path",
    "runpy.run_module",
    "importlib.import_module",
    "pickle.load",
    "pickle.loads",
    "shutil.rmtree",
    "ctypes.CDLL",
    "socket.create_connection",
    "urllib.request.urlopen",
    "functools.partial",
    "pydoc.locate",
    "torch.load",
    "torch.hub.load",
    "torch.hub.load_state_dict_from_url",
    "torch.jit.load",
    "torch.utils.cpp_extension.load_inline",
    "torch.serialization.os.system",
    "hydra.utils.instantiate",
    "hydra.utils.call",
    "hydra.utils.logging.os.system",
    "yaml.unsafe_load",
    "numpy.load",
    "ftlab.paths.os.system",
    "ftlab.paths.remove_folder",
    "ftlab.build.build",
    "ftlab.callbacks.checkpoint.Path",
]
PLACES = ["callbacks.x", "metrics.x", "adapter", "optimizer", "scheduler", "trainer", "model"]


def test_every_hostile_target_is_one_that_a_plain_loader_would_call():
    assert len(set(HOSTILE)) > 30
    unknown = [name for name in HOSTILE if not callable(pydoc.locate(name))]
    assert unknown == []


@pytest.mark.parametrize("name", ["os.system", "posix.system", "logging.os.system", "hydra.utils.logging.os.system"])
def test_a_plain_loader_runs_the_payload(name, canary):
    pydoc.locate(name)(canary.command)
    assert canary.fired()


def test_none_is_called_from_the_command_line(canary, capsys, tmp_path):
    words = []
    for number, name in enumerate(HOSTILE):
        words += [f"callbacks.x{number}._target_={name}", f"callbacks.x{number}.command='{canary.command}'"]
    assert main([*words, f"output_dir={tmp_path / 'outputs'}"]) == 2
    said = capsys.readouterr().err
    assert [n for n, name in enumerate(HOSTILE) if f"callbacks.x{n}._target_: {name} " not in said] == []
    assert not canary.fired() and not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("place", PLACES)
def test_none_is_called_in_any_group(place, canary, capsys, tmp_path):
    assert main([f"{place}._target_=posix.system", f"output_dir={tmp_path / 'outputs'}"]) == 2
    assert f"{place}._target_: posix.system is not allowed" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_none_is_called_nested_partial_or_made_by_a_resolver(canary, capsys, groups):
    call = f"{{_target_: os.system, command: '{canary.command}'}}"
    text = f"""\
# @package _global_
callbacks:
  checkpoint: {{inner: {call}}}
  progress: {{listed: [1, [{call}]]}}
  a: {{_target_: os.system, _partial_: true, _args_: ['{canary.command}']}}
  b: {{_target_: ftlab.callbacks.curves.Curves, _recursive_: true, more: {{deep: {{deeper: {call}}}}}}}
  c: "${{oc.create:'{{_target_: os.system}}'}}"
  d: {{_target_: "${{oc.decode:os.system}}"}}
  e: {{_target_: [os.system]}}
optimizer: {{_target_: torch.optim.AdamW, params: {call}}}
"""
    assert main(groups(text)) == 2
    said = capsys.readouterr().err
    for key in ("checkpoint.inner", "progress.listed.1.0", "a", "b.more.deep.deeper", "c", "d", "e"):
        assert f"callbacks.{key}._target_: " in said, key
    assert "optimizer.params._target_: os.system is not allowed" in said
    assert not canary.fired()


@pytest.mark.parametrize("group", ["callbacks", "optimizer"])
def test_none_is_called_from_a_group_file(group, canary, capsys, groups):
    node = f"{{_target_: os.system, command: '{canary.command}', lr: 1}}"
    text = f"x: {node}" if group == "callbacks" else node
    assert main(groups(text, f"{group}/evil.yaml", f"{group}=evil")) == 2
    assert "os.system is not allowed" in capsys.readouterr().err
    assert not canary.fired()


HYDRA_NODES = {
    "callbacks: {x: {_target_: os.system, command: 'C'}}": "hydra.callbacks cannot be set",
    "callbacks: {x: {_target_: hydra.utils.logging.os.system, command: 'C'}}": "hydra.callbacks cannot be set",
    "job_logging: {version: 1, root: {level: INFO}, handlers: {x: {(): os.system, command: 'C'}}}": "hydra.job_logging",
    "hydra_logging: {version: 1, root: {level: INFO}, handlers: {x: {(): os.system, command: 'C'}}}": "hydra_logging",
    "job: {env_set: {FTLAB_ALLOW: os}}": "hydra.job.env_set cannot be set; set environment variables in the shell",
    "job: {env_copy: [HF_TOKEN]}": "hydra.job.env_copy cannot be set",
    "launcher: {_target_: os.system, command: 'C'}": "hydra.launcher._target_: os.system is not allowed",
    "launcher: {_target_: hydra.utils.logging.os.system}": "hydra.utils.logging.os.system is not allowed",
    "launcher: {_target_: hydra_plugins.x.os.system}": "is no plugin of Hydra",
    "sweeper: {_target_: hydra.utils.instantiate, config: {_target_: os.system}}": "hydra.sweeper._target_: hydra",
    "sweeper: {max_batch_size: \"${oc.create:'{_target_: os.system}'}\"}": "makes its value with a resolver",
}


@pytest.mark.parametrize("node", HYDRA_NODES)
def test_hydras_own_node_calls_and_sets_nothing(composer, node):
    hydra = plain(composer.load().hydra, resolve=False)
    ((key, value),) = yaml.safe_load(node).items()
    inner = {**hydra[key], **value} if isinstance(hydra[key], dict) else value
    assert any(HYDRA_NODES[node] in sentence for sentence in hydra_faults({**hydra, key: inner}, hydra))
    assert hydra_faults(hydra, hydra) == []


@pytest.mark.parametrize("flags", [[], ["-m"], ["--info"]], ids=["run", "sweep", "info"])
def test_a_file_reaches_neither_the_allowlist_nor_the_loggers_through_hydra(flags, canary, capsys, groups):
    handlers = f"{{x: {{(): os.system, command: '{canary.command}'}}}}"
    text = f"""\
# @package _global_
hydra:
  job: {{env_set: {{FTLAB_ALLOW: os}}}}
  job_logging: {{version: 1, root: {{level: INFO}}, handlers: {handlers}}}
"""
    assert main([*flags, *groups(text)]) == 2
    said = capsys.readouterr().err
    assert "hydra.job_logging cannot be set" in said and "hydra.job.env_set cannot be set" in said
    assert not canary.fired() and "FTLAB_ALLOW" not in os.environ


def test_logging_alone_would_have_called_it(canary):
    with pytest.raises(ValueError, match="Unable to configure handler"):  # too late: the number it returned is none
        logging.config.dictConfig({"version": 1, "handlers": {"x": {"()": "os.system", "command": canary.command}}})
    assert canary.fired()


def test_a_plugin_of_hydra_is_a_class_of_its_package(tmp_path, monkeypatch):
    (tmp_path / "hydra_plugins" / "mine").mkdir(parents=True)
    (tmp_path / "hydra_plugins" / "mine" / "plugin.py").write_text(
        "from os import system\nclass Launcher: ...\ndef call(): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def said(name):
        return hydra_faults({"launcher": {"_target_": f"hydra_plugins.mine.plugin.{name}", "n_jobs": 2}}, {})

    assert said("Launcher") == []
    for name in ("system", "call", "nothing"):
        (sentence,) = said(name)
        assert sentence.startswith(f"hydra.launcher._target_: hydra_plugins.mine.plugin.{name} is no ")


@pytest.mark.parametrize("words", [["--experimental-rerun={}"], ["--experimental-rerun", "{}"]])
def test_the_pickled_configuration_of_a_rerun_is_not_opened(words, canary, tmp_path, capsys):
    path = tmp_path / "config.pickle"
    path.write_bytes(pickle.dumps(canary.system()))
    assert main([word.format(path) for word in words]) == 2
    assert "it would unpickle a file, which can run code; repeat the overrides instead" in capsys.readouterr().err
    assert not canary.fired()
    pickle.loads(path.read_bytes())
    assert canary.fired()


def test_the_configuration_in_a_run_folder_is_data(run, canary, capsys):
    text = f"callbacks:\n  x: {{_target_: os.system, command: '{canary.command}'}}\n" + (
        f"model: {{_target_: os.system, command: '{canary.command}'}}\n"
    )
    (run / "config.yaml").write_text(text)
    assert main(["predict", str(run), "text=Build the tram."]) == 0
    assert not canary.fired()
    pydoc.locate("os.system")(canary.command)
    assert canary.fired()


FILES = sorted(path for path in config_dir().glob("*/*.yaml") if "_target_" in path.read_text(encoding="utf-8"))


@pytest.fixture
def composer():
    with Composer("train") as composer:
        yield composer


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_every_target_of_the_shipped_files_is_still_allowed(path):
    named = list(targets(read_yaml(path)))
    assert named
    for _, target in named:
        assert callable(resolve_allowed(str(target)))


@pytest.mark.slow
def test_the_shipped_components_still_build(composer, tmp_path):
    def node(group, choice):
        return plain(composer.load([f"{group}={choice}", "model=tiny_bert"]).cfg, resolve=True)[group]

    def net():
        shape = composer.load(["model=tiny_bert"]).values["model"]["architecture"]
        return load_classifier(ModelConfig(name="tiny", init="random", architecture=shape), ["a", "b"]).net

    for choice in composer.choices("adapter"):
        assert isinstance(build.build_adapter(node("adapter", choice), net(), 10).net, nn.Module)
    parameters = [nn.Parameter(torch.zeros(2))]
    for choice in composer.choices("optimizer"):
        optimizer = build.build_optimizer(node("optimizer", choice), "cpu", "32-true")(parameters)
    for choice in composer.choices("scheduler"):
        assert build.build_scheduler(node("scheduler", choice))(optimizer, 10).get_last_lr()
    for choice in ("default", "cpu", "debug"):
        build.build_trainer(node("trainer", choice), precision="32-true", folder=tmp_path, callbacks=[], logger=False)
    for choice in composer.choices("callbacks"):
        nodes = node("callbacks", choice)
        for callback in nodes.values():
            assert inspect.isclass(resolve_allowed(callback["_target_"]))


def test_the_same_command_without_a_hostile_target_passes(capsys):
    assert main([*SMALL, "dry_run=true", "+callbacks.x._target_=lightning.pytorch.callbacks.Timer"]) == 0
