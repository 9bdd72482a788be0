"""From arguments to checked jobs."""

import pytest
from omegaconf import OmegaConf

from ftlab.command.arguments import Arguments, parse
from ftlab.command.composer import Composer
from ftlab.command.order import Order, broken_references, last_part, make_order
from ftlab.errors import ConfigError


@pytest.fixture(scope="module")
def composer():
    with Composer("train") as composer:
        yield composer


@pytest.fixture
def order(composer, tmp_path):
    return lambda *words: make_order(parse([f"output_dir={tmp_path}", *words]), composer)


def test_an_order_holds_the_job_and_what_hydra_is_told(order, tmp_path):
    made = order("adapter=lora", "trainer.max_steps=3")
    (cell,) = made.cells
    assert (made.jobs, made.typing_faults, made.faults) == (1, [], [])
    assert made.overrides == [f"output_dir={tmp_path}", "adapter=lora", "++trainer.max_steps=3"]
    assert cell.cfg.trainer.max_steps == 3 and cell.choices["adapter"] == "lora" and "experiment" not in cell.choices
    assert (
        cell.describe() == f"model=minilm dataset=policy_stance adapter=lora output_dir={tmp_path} trainer.max_steps=3"
    )


def test_faults_of_words_stand_before_those_of_the_configuration(order):
    made = order("--lr", "3", "seed=-1", "sed=3")
    with pytest.raises(ConfigError) as raised:
        made.raise_faults()
    assert [sentence.split()[0] for sentence in raised.value.sentences] == ["--lr", "sed", "seed=-1"]
    with pytest.raises(ConfigError, match=r"--lr.*\n.*sed"):
        made.raise_faults(typing_only=True)
    Order().raise_faults()


def test_each_job_of_a_grid_is_checked_and_the_same_fault_said_once(order):
    made = order("-m", "seed=-1,-1,3", "adapter=full,lora")
    assert made.jobs == len(made.cells) == 6
    assert set(made.faults) == {"seed=-1 must be in [0, 4294967295]; write e.g. seed=42"}
    with pytest.raises(ConfigError) as raised:
        made.raise_faults()
    assert len(raised.value.sentences) == 1


def test_a_grid_without_measure_is_refused(order, monkeypatch):
    monkeypatch.setattr("ftlab.command.grid.MOST", 2)
    assert order("-m", "seed=range(0,100000)").typing_faults == [
        "-m asks for 10000 jobs or more; sweep over fewer values"
    ]


def test_nothing_is_said_below_a_choice_that_is_unknown(order):
    made = order("adapter=quantum", "adapter.spin=3", "adapter.rank=x")
    assert len(made.typing_faults) == 1 and made.faults == []


def test_hydras_plugins_pass_and_anything_else_is_refused(order, composer):
    assert order("hydra.sweeper.max_batch_size=2").typing_faults == []
    assert composer.load().hydra.sweeper.max_batch_size is None
    (fault,) = order("hydra.launcher._target_=os.system").typing_faults
    assert fault.startswith("hydra.launcher._target_: os.system is not allowed")
    (fault,) = order("+hydra.callbacks.x._target_=subprocess.Popen").typing_faults
    assert fault.startswith("hydra.callbacks cannot be set; name callbacks of a run with callbacks.<name>._target_")


def test_a_missing_value_is_asked_for_and_the_rest_checked_all_the_same(order):
    made = order("dataset.max_length=???", "device=???", "seed=-1")
    assert made.faults[:2] == [
        "dataset.max_length is missing; write dataset.max_length=<value>",
        "device is missing; write device=<value>",
    ]
    assert made.faults[2].startswith("seed=-1 must be")


def test_a_reference_to_nothing_is_said(order):
    assert order("optimizer.lr=${adapter.nothing}").faults == [
        "optimizer.lr refers to what cannot be found (Interpolation key 'adapter.nothing' not found); write a value"
    ]
    assert broken_references(OmegaConf.create({"a": "${b}", "b": 1, "c": r"\${d}"})) == []


@pytest.mark.parametrize(
    "word",
    [
        'latency.batch_sizes=[1,"${x}"]',
        'trainer.devices=["${x}"]',
        "dataset.samples=[${x}]",
        '+metrics.f1={_target_: torchmetrics.F1Score, task: [{a: "${x}"}]}',
    ],
)
def test_a_reference_to_nothing_inside_of_a_list_is_said(order, word):
    (fault,) = order(word).faults
    key = word.lstrip("+").partition("=")[0]
    assert fault.startswith(f"{key}") and fault.endswith(
        "refers to what cannot be found (Interpolation key 'x' not found); write a value"
    )


@pytest.mark.parametrize("typed", ['["it costs ${x}"]', r'["it costs \${x}"]', '["it costs ${x"]'])
def test_quoted_samples_are_texts_and_refer_to_nothing(order, typed):
    made = order(f"dataset.samples={typed}")
    assert made.faults == made.typing_faults == []
    assert list(made.cells[0].cfg.dataset.samples) == [f"it costs ${{x{'}' if '}' in typed else ''}"]
    assert "$" in made.overrides[-1] and "\\${" in made.overrides[-1]  # what Hydra is told means the same


def test_what_hydra_cannot_compose_is_a_fault(order, composer, monkeypatch):
    def fail(first, chosen):
        raise ConfigError("no such thing")

    monkeypatch.setattr(composer, "load_near", fail)
    made = order()
    assert made.typing_faults == ["no such thing"] and made.cells == []


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["model.checkpoint=org/My.Model"], ["My.Model"]),
        (["model.checkpoint=org/123"], ["123"]),
        (["model.checkpoint=org/x", "model.name=mine"], ["mine"]),
        (["model.checkpoint=null", "model.init=random"], ["minilm"]),
        (["-m", "model.checkpoint=org/a,org/b"], ["a", "b"]),
    ],
)
def test_a_checkpoint_of_yours_names_the_model(order, words, names):
    made = order(*words)
    assert [cell.cfg.model.name for cell in made.cells] == names
    assert [cell.cfg.name for cell in made.cells] == [f"{name}_full" for name in names]
    assert made.faults == [] and "${" not in "".join(cell.describe() for cell in made.cells)


def test_the_last_part_of_a_checkpoint():
    assert [last_part(name) for name in ("a/b", "b", "/x/y z/", "..", "")] == ["b", "b", "y-z", "run", "run"]


def test_verbatim_texts_are_set_as_data_and_quoted_for_hydra():
    with Composer("predict") as composer:
        made = make_order(Arguments(verb="predict", verbatim={"run": "latest", "text": "it's ${x}"}), composer)
    assert made.faults == [] and made.cells[0].cfg.text == "it's ${x}"
    assert made.overrides == ["run='latest'", r"text='it\'s \${x}'"]
    assert made.cells[0].describe() == ""
