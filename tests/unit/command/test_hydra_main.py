"""Hydra's command line, called from ours."""

import logging
import os
import sys

import pytest
from hydra.errors import HydraException

from ftlab.command.hydra_main import call_hydra


def test_the_job_gets_the_configuration_and_the_process_its_own_words_back(tmp_path, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    before, seen = list(sys.argv), []
    words = ["adapter=lora", f"hydra.run.dir='{tmp_path}'", "hydra.output_subdir=null", "hydra/job_logging=none"]
    call_hydra("train", words, lambda cfg: seen.append((cfg.adapter.name, sys.argv[1:])))
    assert seen == [("lora", words)]
    assert sys.argv == before and os.environ["HYDRA_FULL_ERROR"] == "0"
    assert list(tmp_path.iterdir()) == []


def test_the_logging_of_the_process_is_as_before(capsys):
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    call_hydra("train", ["--info", "defaults"], lambda cfg: None)
    assert (root.level, list(root.handlers)) == before
    assert "adapter/full" in capsys.readouterr().out


def test_what_hydra_raises_comes_through(monkeypatch):
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    with pytest.raises(HydraException):
        call_hydra("train", ["adapter=nothing"], lambda cfg: None)
    assert "HYDRA_FULL_ERROR" not in os.environ
