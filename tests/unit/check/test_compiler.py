"""What ``trainer.compile=true`` needs is looked for before anything is imported."""

import pytest

from ftlab.check import compiler
from ftlab.launch import main


@pytest.fixture
def said(capsys):
    def run(*words):
        assert main(["model=tiny_bert", *words]) == 2
        return capsys.readouterr().err

    return run


def test_a_missing_compiler_is_one_sentence(said, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiler.sys, "platform", "linux")
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    assert said("trainer.compile=true") == (
        "trainer.compile=true needs a C++ compiler, and g++ is not there; install one (apt-get install g++), or leave "
        "trainer.compile out\n"
    )
    monkeypatch.setenv("CXX", "clang++-99")  # torch looks there too
    assert "and clang++-99 is not there" in said("trainer.compile=true")


def test_missing_header_files_are_one_sentence(said, monkeypatch, tmp_path):
    monkeypatch.setattr(compiler.shutil, "which", lambda name: name)
    monkeypatch.setattr(compiler.sysconfig, "get_path", lambda name: str(tmp_path))
    assert f"{tmp_path / 'Python.h'} is not there; install them (apt-get install python3-dev)" in said(
        "trainer.compile=true"
    )


def test_no_compiler_is_needed_where_nothing_is_compiled(monkeypatch, cfg):
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    assert cfg("model=tiny_bert").trainer.compile is False


@pytest.mark.parametrize("value", ["yes", "1"])
def test_it_is_true_or_false(said, value):
    sentence = said(f"trainer.compile={value}")
    assert sentence.startswith(f"trainer.compile={value} is not ") and sentence.count("\n") == 1


@pytest.mark.parametrize("name", ["torch_compile", "trainer.torch_compile"])
def test_other_tools_names_lead_here(said, name):
    assert "write trainer.compile=true" in said(f"{name}=true")
