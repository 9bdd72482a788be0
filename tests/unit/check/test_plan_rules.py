"""What can be wrong with a plan before anything heavy is imported."""

import pytest

from ftlab.check.plan_rules import device_names
from ftlab.errors import ConfigError


@pytest.fixture
def plan(cfg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: cfg("plan", *words)


def test_devices_are_this_machine_shipped_sheets_and_files(plan, tmp_path):
    assert {"t4_16gb", "l4_24gb", "a10g_24gb", "a100_40gb", "h100_80gb", "m3_max_64gb"} <= set(device_names())
    (tmp_path / "mine.yaml").write_text("memory_gb: 12")
    for name in ("auto", "cpu", "t4_16gb", "mine.yaml"):
        assert plan(f"device={name}").device == name


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["device=t4"],
            r"^device=t4 is no device that can be planned for; write device=t4_16gb\. Devices: auto, cpu",
        ),
        (["device=cuda"], r"write device=auto\. Devices: .*h100_80gb.*device=<file>\.yaml$"),
        (["device=nowhere/x.yaml"], r"^device=nowhere/x\.yaml does not exist, and neither does the folder nowhere"),
        (["resume=latest"], r"^resume is for train, .*; leave it out$"),
        (["run=latest"], r"^run is not an option"),
        (["budget_usd=0"], r"^budget_usd=0\.0 must be above 0; write e\.g\. budget_usd=5"),
        (["budget_usd=nan"], r"^budget_usd=nan must be above 0"),
        (["budget_usd=free"], r"^budget_usd=free is not a number"),
        (["skip_unfit=perhaps"], r"^skip_unfit=perhaps is not true or false"),
        (["dataset.max_length=900"], r"^dataset\.max_length=900 is beyond the 512 positions"),
    ],
)
def test_mistakes_are_one_sentence(plan, words, sentence):
    with pytest.raises(ConfigError, match=sentence) as raised:
        plan(*words)
    assert len(raised.value.sentences) == 1


def test_a_budget_of_a_training_is_looked_at_too(cfg):
    assert cfg("budget_usd=0.5").budget_usd == 0.5
    with pytest.raises(ConfigError, match=r"budget_usd=-1\.0 must be above 0"):
        cfg("budget_usd=-1")


def test_a_plan_writes_nothing_and_needs_no_folder_to_write_to(plan):
    assert plan("output_dir=/proc/nowhere").output_dir == "/proc/nowhere"
