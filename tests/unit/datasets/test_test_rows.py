"""Test rows alone, their labels matched to a model's by name."""

import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ftlab.datasets.sources import read_splits
from ftlab.datasets.test_rows import read_test
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig, LimitConfig

MODEL = ["oppose", "neutral", "support"]
STANCE = DatasetConfig(name="policy_stance", bundled="policy_stance", labels=MODEL)


def named(found):
    return [found.labels[number] for number in found.rows("test").labels]


@pytest.mark.parametrize("options", [{}, {"limit": LimitConfig(test=31)}, {"sample_per_class": 7}])
def test_own_data_gives_the_rows_and_digest_that_training_tested_on(options):
    cfg = dataclasses.replace(STANCE, **options)
    trained, found = read_splits(cfg), read_test(cfg, MODEL)
    assert found.test == trained.test and found.digest == trained.test_digest
    assert found.leaked_rows is None and found.notes == []


def test_rows_that_training_split_off_are_found_again(files, write):
    path = write("a.csv", [(f"text {i}", "no" if i % 3 else "yes") for i in range(60)])
    trained, found = read_splits(files(train=path)), read_test(files(train=path), ["no", "yes"])
    assert found.test == trained.test and found.digest == trained.test_digest and found.leaked_rows == 0
    # A model with the labels in another order numbers the same rows its own way.
    other = read_test(files(train=path), ["yes", "no"])
    assert other.test.ids == trained.test.ids and named(other) == named(found) and other.digest == found.digest


def test_a_test_file_needs_no_train_and_names_are_matched_in_any_order(files, write):
    path = write("new.csv", [("c", "support"), ("a", "oppose"), ("b", "neutral")])
    found = read_test(files(test=path), MODEL)
    assert list(found.rows("test").labels) == [2, 0, 1] and found.texts("test")[:] == ["c", "a", "b"]
    assert list(found.rows("test").ids) == ["test:1", "test:2", "test:3"]
    assert read_test(files(test=path), MODEL[::-1]).digest == found.digest


def test_integers_mean_the_names_of_the_data_or_the_models_numbers(files, write, tmp_path):
    path = write("new.csv", [("a", 0), ("b", 1), ("c", 2)])
    assert named(read_test(files(test=path), MODEL)) == MODEL
    assert named(read_test(files(test=path, labels=MODEL[::-1]), MODEL)) == MODEL[::-1]
    table = pa.table({"text": ["a", "b"], "label": [0, 1]})
    names = '{"info": {"features": {"label": {"names": ["support", "oppose"], "_type": "ClassLabel"}}}}'
    pq.write_table(table.replace_schema_metadata({"huggingface": names}), tmp_path / "new.parquet")
    assert named(read_test(files(test=str(tmp_path / "new.parquet")), MODEL)) == ["support", "oppose"]


def test_a_label_the_model_does_not_know_is_one_sentence_with_both_sets(files, write):
    path = write("new.csv", [("a", "con"), ("b", "neutral"), ("c", "pro")])
    with pytest.raises(DataError) as error:
        read_test(files(test=path), MODEL)
    (sentence,) = error.value.sentences
    assert "label con, pro, which the model does not know" in sentence
    assert "of the data: con, neutral, pro; of the model: oppose, neutral, support" in sentence
    assert "dataset.label_column=<column>" in sentence


def test_numbers_with_other_names_are_told_which_override_to_type(files, write):
    path = write("new.csv", [("a", 0), ("b", 1), ("c", 2)])
    with pytest.raises(DataError, match=r"'dataset\.labels=\[oppose,neutral,support\]'"):
        read_test(files(test=path, labels=["con", "neutral", "pro"]), MODEL)
    with pytest.raises(DataError, match=r"model: no, yes; say which is which.*'dataset\.labels=\[no,yes,<name>\]'"):
        read_test(files(test=path), ["no", "yes"])


def test_a_missing_label_is_a_note_and_one_class_can_be_scored(files, write):
    found = read_test(files(test=write("new.csv", [("a", "support"), ("b", "support")])), MODEL)
    assert found.rows("test").counts(3) == [0, 0, 2]
    assert found.notes == ["no test row has the label oppose, neutral, so the metrics say nothing of it"]


def test_faults_of_rows_are_found_and_name_the_test_file(files, write, tmp_path):
    path = write("new.csv", [("", "support"), ("b", "")])
    with pytest.raises(DataError) as error:
        read_test(files(test=path), MODEL)
    assert len(error.value.sentences) == 2
    with pytest.raises(DataError, match=r"dataset\.test=.*gone\.csv does not exist"):
        read_test(files(test=str(tmp_path / "gone.csv")), MODEL)
