"""Reading overrides: what Hydra gets, and what is said of those it must not get."""

import pytest

from ftlab.command.composer import Composer
from ftlab.command.overrides import Reader


@pytest.fixture(scope="module")
def composer():
    with Composer("train") as composer:
        yield composer


@pytest.fixture
def read(composer):
    def read_texts(*texts, multirun=False):
        reader = Reader(composer, multirun=multirun)
        givens = reader.read(texts)
        return [given.passed for given in givens], reader.faults, reader.unsure

    return read_texts


@pytest.mark.parametrize(
    ("typed", "passed"),
    [
        ("seed=3", "seed=3"),
        ("trainer.max_steps=3", "++trainer.max_steps=3"),
        ("+trainer.max_steps=3", "+trainer.max_steps=3"),
        ("++trainer.max_steps=3", "++trainer.max_steps=3"),
        ("~callbacks.latency", "~callbacks.latency"),
        ("callbacks.mine._target_=a.B", "++callbacks.mine._target_=a.B"),
        ("model.architecture.hidden_size=8", "++model.architecture.hidden_size=8"),
        ("model.checkpoint=a/b", "model.checkpoint=a/b"),
        ("trainer={max_steps: 3}", "++trainer={max_steps: 3}"),
        ("latency={min_samples: 3}", "latency={min_samples: 3}"),
        ("adapter=lora", "adapter=lora"),
        ("callbacks=[default,none]", "callbacks=[default,none]"),
        ("~callbacks", "~callbacks"),
        ("callbacks=null", "callbacks=null"),
        ("hydra/launcher=basic", "hydra/launcher=basic"),
    ],
)
def test_options_of_open_groups_are_added_for_hydra(read, typed, passed):
    assert read(typed) == ([passed], [], set())


def test_under_m_sweeps_are_passed_whole(read):
    words = ["adapter=full,lora", "trainer.max_steps=3,4", "model=glob(bert_*e)"]
    assert read(*words, multirun=True)[0] == [
        "adapter=full,lora",
        "++trainer.max_steps=3,4",
        "model=bert_base,bert_large",
    ]
    assert read("model=glob(z*)", multirun=True)[1][0].startswith(
        "model=glob(z*) matches no choice. Choices: bert_base"
    )


def test_a_misspelt_choice_stands_for_the_near_one_so_that_its_options_are_checked_too(read):
    assert read("adapter=lroa")[0] == ["adapter=lora"]
    assert read("adapter=quantum")[2] == {"adapter"}
    assert read("adapter=lroa,full", multirun=True)[2] == {"adapter"}
    assert read("callbacks=[defualt]")[0] == ["callbacks=default"]


def test_a_hub_id_or_a_file_is_no_misspelt_choice(read):
    passed, faults, unsure = read("model=org/minilm", "dataset=csv.csv")
    assert passed == [] and unsure == {"model", "dataset"}
    assert [fault.rpartition("; ")[2] for fault in faults] == [
        "write model.checkpoint=org/minilm",
        "write dataset=files dataset.train=csv.csv",
    ]


def test_a_group_without_choices_says_so(read, composer, monkeypatch):
    monkeypatch.setattr(composer, "choices", lambda group: [])
    (fault,) = read("adapter=first")[1]
    assert fault == "adapter=first does not exist. There are none"


def test_experiment_is_often_meant_as_a_name(read, composer, monkeypatch):
    monkeypatch.setattr(composer, "groups", lambda: ["experiment"])
    monkeypatch.setattr(composer, "choices", lambda group: [])
    assert read("experiment=first")[1][0].endswith("to name the runs, write experiment_name=first")


def test_a_run_has_one_choice_of_what_it_needs(read):
    for text in ("adapter=null", "~adapter"):
        (sentence,) = read(text)[1]
        assert sentence.startswith(f"{text} is not possible, since every run needs adapter; choose adalora or bitfit")
    assert read("adapter=[full,lora]")[1][0].endswith("since a run takes one adapter; add -m for adapter=a,b")


def test_given_twice(read):
    passed, faults, _ = read("adapter=full", "adapter=lora")
    assert passed == ["adapter=full"] and faults == [
        "adapter is given twice, as adapter=full and adapter=lora; leave one out"
    ]
    assert read("seed=1", "seed=2") == (["seed=1", "seed=2"], [], set())  # the last one wins, as in Hydra
    assert read("adapter=full", "adapter=full")[1] == []
    assert len(read("seed=1,2", "seed=3,4", multirun=True)[1]) == 1


@pytest.mark.parametrize(
    ("typed", "variable"),
    [
        ("tracking.uri=http://me:pw@host", "MLFLOW_TRACKING_PASSWORD, and MLFLOW_TRACKING_USERNAME"),
        ("model.revision='hf_" + "a" * 30 + "'", "HF_TOKEN"),
        ("model.access_token=abc", "HF_TOKEN"),
        ("+tracking.password=abc", "that its library reads"),
    ],
)
def test_secrets_are_refused_without_being_repeated(read, typed, variable):
    passed, (fault,), _ = read(typed)
    assert passed == [] and fault.endswith(f"use the environment variable {variable}")
    assert typed.partition("=")[2].strip("'") not in fault


def test_words_that_only_sound_like_secrets_pass_on_to_the_check_of_names(read):
    assert read("model.pad_token=x", "model.tokenizer=a/b") == (["model.pad_token=x", "model.tokenizer=a/b"], [], set())


def test_what_ftlab_tells_hydra_is_not_typed(read):
    assert read("hydra.run.dir=x")[1] == ["hydra.run.dir is set by ftlab itself; write output_dir=<folder>"]
    assert "run.log" in read("hydra/job_logging=default")[1][0]


def test_unreadable_texts_say_how_to_quote_them(read):
    assert read("=1")[1] == ["=1 has no key; write key=value"]
    for text in ("model.checkpoint=a(b", 'model.checkpoint="a(b'):
        assert read(text)[1][0].endswith(
            """cannot be read; put the value in quotes within quotes: 'model.checkpoint="a(b"'"""
        )
    assert read("dataset.samples=[it's]")[1][0].endswith("""like 'dataset.samples=["one, two","three"]'""")
    (fault,) = read("seed=range(a,b)", multirun=True)[1]
    assert "(mismatch type argument start: str is incompatible" in fault and fault.endswith(
        "write a list as seed=a,b with -m"
    )
