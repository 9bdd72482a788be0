from __future__ import annotations

import importlib
from typing import Any

import pytest
from transformers.utils import logging as untyped

from ftlab.models.quiet import quiet

logging: Any = untyped


def state() -> tuple[int, bool]:
    return logging.get_verbosity(), logging.is_progress_bar_enabled()


@pytest.mark.parametrize("fails", [False, True])
def test_settings_are_as_before_also_after_an_error(fails: bool) -> None:
    before = state()
    try:
        with quiet():
            assert state() == (logging.ERROR, False)
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert state() == before


def test_bars_that_were_off_stay_off() -> None:
    logging.disable_progress_bar()
    try:
        with quiet():
            pass
        assert not logging.is_progress_bar_enabled()
    finally:
        logging.enable_progress_bar()


@pytest.mark.parametrize("value", [True, False])
def test_the_users_environment_variable_makes_no_warning(monkeypatch: pytest.MonkeyPatch, value: bool) -> None:
    hub_bars = importlib.import_module("huggingface_hub.utils.tqdm")
    monkeypatch.setattr(hub_bars, "HF_HUB_DISABLE_PROGRESS_BARS", value)
    with quiet():  # a warning would be an error here
        pass
