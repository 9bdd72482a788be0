from ftlab.compare.differences import unique_keys, varying


def name(model="minilm", adapter="lora", prompt="none", compression="none"):
    return {"model": model, "adapter": adapter, "prompt": prompt, "compression": compression}


def keys(names, differs=None, verbs=None, ids=None):
    count = len(names)
    return unique_keys(names, differs or [{}] * count, verbs or ["train"] * count, ids or list(map(str, range(count))))


def test_a_key_names_what_was_chosen():
    names = [name(), name("smollm2_135m", "none", "few_shot"), name(compression="int8"), name("tiny_bert", "full")]
    assert keys(names) == ["minilm lora", "smollm2_135m none few_shot", "minilm lora int8", "tiny_bert full"]


def test_rows_of_one_name_are_told_apart_by_as_few_settings_as_it_takes():
    differs = [
        {"adapter.rank": "8", "optimizer.lr": "0.001", "trainer.max_epochs": "3"},
        {"adapter.rank": "16", "optimizer.lr": "0.002", "trainer.max_epochs": "3"},
        {"adapter.rank": "16", "optimizer.lr": "0.002", "trainer.max_epochs": "4"},
        {"adapter.rank": "-", "optimizer.lr": "0.002", "trainer.max_epochs": "4"},
    ]
    assert keys([name(), name(), name(), name("tiny_bert", "full")], differs) == [
        "minilm lora rank=8 max_epochs=3",
        "minilm lora rank=16 max_epochs=3",
        "minilm lora rank=16 max_epochs=4",
        "tiny_bert full",
    ]


def test_a_row_without_a_setting_does_not_name_it():
    differs = [{"adapter.rank": "-"}, {"adapter.rank": "8"}, {"adapter.rank": "16"}]
    assert keys([name()] * 3, differs) == ["minilm lora", "minilm lora rank=8", "minilm lora rank=16"]


def test_settings_of_one_last_word_are_named_in_full():
    differs = [{"adapter.dropout": a, "model.dropout": m} for a, m in (("0", "0"), ("0", "1"), ("1", "0"))]
    assert keys([name()] * 3, differs)[0] == "minilm lora adapter.dropout=0 model.dropout=0"


def test_an_evaluation_is_told_from_the_run_it_looked_at():
    assert keys([name(), name()], verbs=["train", "evaluate"]) == ["minilm lora", "minilm lora evaluate"]


def test_what_nothing_else_tells_apart_is_told_by_its_id():
    assert keys([name(), name()], ids=["aa", "bb"]) == ["minilm lora #aa", "minilm lora #bb"]
    assert len(set(keys([name()] * 3, ids=["aa", "aa", "bb"]))) == 3


def test_only_settings_that_vary_are_said_in_the_words_of_an_override():
    settings = [
        {"trainer.max_epochs": 3, "dataset.labels": ["a", "b"], "model.dropout": None, "dataset.samples": ["x"]},
        {"trainer.max_epochs": 4, "dataset.labels": ["a", "b"], "model.dropout": None, "dataset.samples": ["y"]},
    ]
    assert varying(settings, [name(), name()]) == [{"trainer.max_epochs": "3"}, {"trainer.max_epochs": "4"}]


def test_what_follows_from_a_choice_is_left_out():
    settings = [
        {"model.name": "minilm", "model.checkpoint": "a", "adapter.rank": 8, "cost.on": True},
        {"model.name": "tiny_bert", "model.checkpoint": "b", "adapter.rank": 16, "cost.on": False},
    ]
    found = varying(settings, [name("minilm"), name("tiny_bert")])
    assert found == [{"adapter.rank": "8", "cost.on": "true"}, {"adapter.rank": "16", "cost.on": "false"}]


def test_a_key_that_one_lacks_and_unknown_settings():
    found = varying([{"trainer.compile": True}, {"dataset.x": 1}, {}], [name(), name(), name()])
    assert found == [
        {"dataset.x": "-", "trainer.compile": "true"},
        {"dataset.x": "1", "trainer.compile": "-"},
        {},
    ]
