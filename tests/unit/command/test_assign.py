"""Setting values one by one, as Hydra does."""

import copy

import pytest
from hydra import compose

from ftlab.command.assign import assign
from ftlab.command.composer import Composer, plain
from ftlab.command.overrides import Reader


@pytest.fixture(scope="module")
def composer():
    with Composer("train") as composer:
        yield composer


@pytest.fixture
def assigned(composer):
    """Set one override; return the configuration and the fault."""

    def set_one(text):
        reader = Reader(composer, multirun=False)
        (given,) = reader.read([text])
        assert not reader.faults
        cfg = copy.deepcopy(composer.load().cfg)
        return cfg, assign(cfg, given, composer.root), given

    return set_one


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "seed=3",
        "seed=${dataset.split_seed}",
        "dataset.limit.train=5",
        "dataset.limit={train: 5, test: 6}",
        "dataset.labels=[a,b]",
        "dataset.samples=[]",
        "trainer.max_steps=3",
        "trainer.new_option=x",
        "+trainer.new_option=x",
        "++trainer.max_epochs=1",
        "trainer={max_epochs: 1, other: 2}",
        "model.architecture={deep: {er: 3}, n_layer: 1}",
        "prompt.verbalisers={yes: fine, no: bad}",
        "model.architecture.deep.er=3",
        "callbacks.mine._target_=a.B",
        "~callbacks.latency",
        "~callbacks.progress.hint_hours",
        "callbacks.latency=null",
        "latency={min_samples: 3}",
        "model.checkpoint=null",
        "model.dropout=0",
        "latency.batch_sizes=[2]",
    ],
)
def test_the_result_is_what_hydra_composes(assigned, text):
    cfg, fault, given = assigned(text)
    assert fault is None
    assert plain(cfg, resolve=False) == plain(compose("train", [given.passed]), resolve=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sed=1", "sed is not an option; did you mean seed?"),
        ("zzz=1", "zzz is not an option. Options: adapter, budget_usd, callbacks, compare, cost, dataset, device,"),
        ("min_samples=1", "min_samples is not an option; did you mean latency.min_samples?"),
        ("dataset.lr=1", "dataset.lr is not an option; write optimizer.lr=1"),
        ("dataset.colour=1", "dataset.colour is not an option. Options of dataset: batch_size, batching, bundled"),
        ("dataset.limit.tset=1", "dataset.limit.tset is not an option; did you mean dataset.limit.test?"),
        ("+brand_new=1", "brand_new is not an option"),
        ("seed.deep=1", "seed.deep is not an option, since seed holds a value; write seed=<value>"),
        ("name.deep=1", "name.deep is not an option, since name holds a value; write name=<value>"),
        ("~callbacks.nothing", "callbacks.nothing is not an option. Options of callbacks: checkpoint"),
        ("~dataset.labels", "~dataset.labels is not possible, since every run needs dataset.labels"),
        ("+optimizer.lr=1", "+optimizer.lr=1 adds what is there already; write optimizer.lr=1"),
        ("seed=x", "seed=x is not a whole number; write e.g. seed=42"),
        ("seed=null", "seed=null is not a whole number; write e.g. seed=42"),
        ("dataset.limit.train=x", "dataset.limit.train=x is not a whole number"),
        ("cost.utilisation=x", "cost.utilisation=x is not a number; write e.g. cost.utilisation=0.5"),
        ("latency.enabled=perhaps", "latency.enabled=perhaps is not true or false; write e.g. latency.enabled=true"),
        ("dataset.labels=x", "dataset.labels=x is not a list such as [a,b]"),
        ("latency.batch_sizes=[a]", "latency.batch_sizes=['a'] is not a list of whole numbers such as [1,2]"),
        ("model.revision=[a]", "model.revision=['a'] is not text; write e.g. model.revision=main"),
        ("dataset.limit=5", "dataset.limit=5 is not possible; set one of dataset.limit.train, dataset.limit.val"),
        ("latency={min_sampels: 3}", "is not possible; set one of latency.enabled, latency.batch_sizes"),
    ],
)
def test_what_cannot_be_set_gets_a_sentence(assigned, text, sentence):
    _, fault, _ = assigned(text)
    assert sentence in fault and "\n" not in fault


def test_hydras_own_options_are_set_in_hydras_node(composer):
    from omegaconf import OmegaConf

    reader = Reader(composer, multirun=False)
    whole = OmegaConf.create({"hydra": composer.load().hydra})
    good, unknown, wrong = reader.read(
        ["hydra.sweeper.max_batch_size=3", "hydra.nope=3", "hydra.sweeper.max_batch_size=x"]
    )
    assert assign(whole, good, composer.root) is None and whole.hydra.sweeper.max_batch_size == 3
    assert composer.load().hydra.sweeper.max_batch_size is None
    assert assign(whole, unknown, composer.root).startswith("hydra.nope is not an option. Options of hydra: callbacks")
    assert assign(whole, wrong, composer.root).startswith("hydra.sweeper.max_batch_size=x is not possible: ")
