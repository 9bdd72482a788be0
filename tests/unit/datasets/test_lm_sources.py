from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftlab.datasets import lm_files
from ftlab.datasets.columns import Columns, collect
from ftlab.datasets.examples import Example
from ftlab.datasets.lm_sources import read_lm_splits, read_lm_test
from ftlab.errors import DataError, UserError
from ftlab.prompts.turns import Turn
from ftlab.schema import DatasetConfig, LimitConfig

Make = Callable[..., DatasetConfig]
SAID = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., str]:
    """Write records as jsonl, or a text as it is; return the path."""

    def write_file(name: str, content: Sequence[Any] | str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = content if isinstance(content, str) else "".join(json.dumps(record) + "\n" for record in content)
        path.write_text(lines, encoding="utf-8")
        return str(path)

    return write_file


def chat(asked: str, answer: str, system: str | None = None) -> dict[str, Any]:
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": [{"role": "system", "content": system}, *turns] if system else turns}


def chats(count: int, name: str = "q") -> list[dict[str, Any]]:
    return [chat(f"{name} {i}", f"answer to {name} {i}") for i in range(count)]


# One conversation in every format that can hold it.
def as_messages(turns: Sequence[Turn]) -> dict[str, Any]:
    return {"messages": [{"role": turn.role, "content": turn.content} for turn in turns]}


def as_parts(turns: Sequence[Turn]) -> dict[str, Any]:
    return {"messages": [{"role": t.role, "content": [{"type": "text", "text": t.content}]} for t in turns]}


def as_conversations(turns: Sequence[Turn]) -> dict[str, Any]:
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    return {"conversations": [{"from": names[turn.role], "value": turn.content} for turn in turns]}


def as_alpaca(turns: Sequence[Turn]) -> dict[str, Any]:
    record: dict[str, Any] = {"system": turns[0].content} if turns[0].role == "system" else {}
    said = [turn.content for turn in turns if turn.role != "system"]
    record["history"] = [said[i : i + 2] for i in range(0, len(said) - 2, 2)]
    return {"instruction": said[-2], "output": said[-1], **record}


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Turn, ...]:
    turns = [Turn("system", draw(SAID))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        turns += [Turn("user", draw(SAID)), Turn("assistant", draw(SAID))]
    return tuple(turns)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=st.lists(conversations(), min_size=1, max_size=4))
def test_a_conversation_is_the_same_example_in_every_format_and_file(
    held: list[tuple[Turn, ...]], put: Callable[..., str], tmp_path: Path, files: Make
) -> None:
    expected = [Example(turns) for turns in held]
    paths = {
        make.__name__: put(f"{make.__name__}.jsonl", [make(turns) for turns in held])
        for make in (as_messages, as_parts, as_conversations, as_alpaca)
    }
    paths["array"] = put("a.json", json.dumps([as_alpaca(turns) for turns in held], indent=1))
    paths["lines"] = put("lines.json", [as_messages(turns) for turns in held])
    paths["columns"] = put("columns.json", json.dumps({"messages": [as_messages(t)["messages"] for t in held]}))
    paths["csv"] = str(tmp_path / "a.csv")
    with open(paths["csv"], "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["messages"], *[[json.dumps(as_messages(turns)["messages"])] for turns in held]])
    digests = set()
    for path in paths.values():
        splits = read_lm_splits(files(train=path, val=path))
        assert list(splits.train) == expected and list(splits.val) == expected, path
        digests.add(splits.digest)
    assert len(digests) == 1


def test_parquet_holds_nested_turns(put: Callable[..., str], tmp_path: Path, files: Make) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = chats(3)
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    splits = read_lm_splits(files(train=str(tmp_path / "a.parquet"), val=put("a.jsonl", records)))
    assert list(splits.train) == list(splits.val) and splits.format == "messages"


def test_alpacas_input_stands_below_the_instruction(put: Callable[..., str], files: Make) -> None:
    records = [
        {"instruction": "Sum up.", "input": "", "output": "x"},
        {"instruction": "Sum up.", "input": "a b", "output": "x"},
    ]
    splits = read_lm_splits(files(train=put("a.jsonl", records), val=put("b.jsonl", records)))
    assert [example.turns[0].content for example in splits.train] == ["Sum up.", "Sum up.\n\na b"]


def test_prompts_and_completions_stay_what_they_are(put: Callable[..., str], files: Make) -> None:
    train = put("a.csv", "idea,post\n a ,b \n")
    cfg = files(train=train, val=train, prompt_column="idea", completion_column="post")
    assert list(read_lm_splits(cfg).train) == [Example(prompt=" a ", completion="b ")]


GOOD = chat("hi", "yo")
FAULTS: dict[str, tuple[str, Sequence[Any] | str, dict[str, Any], str]] = {
    "no assistant": (
        "a.jsonl",
        [GOOD, {"messages": GOOD["messages"][:1]}],
        {},
        r"a\.jsonl row 2 has no assistant turn",
    ),
    "roles out of order": (
        "a.jsonl",
        [{"messages": GOOD["messages"][::-1]}],
        {},
        r"a\.jsonl row 1: turn 1 is the assist",
    ),
    "unknown role": (
        "a.jsonl",
        [{"messages": [{"role": "usr", "content": "a"}]}],
        {},
        r"row 1: turn 1 has the role 'usr'",
    ),
    "empty answer": ("a.jsonl", [GOOD, chat("hi", " ")], {}, r"row 2: turn 2 \(assistant\) is empty"),
    "null content": ("a.jsonl", [chat("hi", None)], {}, r"row 1: turn 2 \(assistant\) has no content"),  # type: ignore[arg-type]
    "null conversation": ("a.jsonl", [GOOD, {"messages": None}], {}, r"row 2: column 'messages' is empty"),
    "text for turns": ("a.jsonl", [{"messages": "hello"}], {}, r"row 1: column 'messages' holds text, not a list"),
    "number for turns": ("a.jsonl", [{"messages": 7}], {}, r"row 1: column 'messages' holds a int"),
    "no JSON in a cell": ("a.csv", "messages\n[x\n", {}, r"a\.csv row 1: column 'messages' is no JSON"),
    "empty completion": ("a.csv", "prompt,completion\na,\n", {}, r"row 1: column 'completion' is empty; fill it in"),
    "empty prompt": ("a.csv", "prompt,completion\n ,b\n", {}, r"row 1: column 'prompt' is empty"),
    "list as prompt": (
        "a.jsonl",
        [{"prompt": ["a"], "completion": "b"}],
        {},
        r"row 1: column 'prompt' holds a list, not text",
    ),
    "number as completion": (
        "a.jsonl",
        [{"prompt": "a", "completion": 3}],
        {},
        r"holds a int, .*dataset\.completion_column=",
    ),
    "empty output": ("a.jsonl", [{"instruction": "a", "output": ""}], {}, r"row 1: column 'output' is empty"),
    "empty instruction": ("a.jsonl", [{"instruction": "", "output": "b"}], {}, r"row 1: column 'instruction' is empty"),
    "history of texts": (
        "a.jsonl",
        [{"instruction": "a", "output": "b", "history": ["x"]}],
        {},
        r"'history' is no list of pairs",
    ),
    "null text": ("a.jsonl", [{"text": "a"}, {"text": None}], {}, r"row 2: column 'text' is empty"),
    "number as text": ("a.jsonl", [{"text": 5}], {}, r"row 1: column 'text' holds a int, not text; .*text_column"),
    "only blank texts": ("a.csv", 'text\n" "\n', {}, r"has no rows with a text in column 'text' for train; give"),
    "mixed formats": (
        "a.jsonl",
        [GOOD, {"prompt": "a", "completion": "b"}],
        {},
        r"row 2 is in the format prompt_compl.*a file of their own",
    ),
    "mixed in an array": (
        "a.json",
        json.dumps([GOOD, {"text": "a"}]),
        {},
        r"a\.json row 2 is in the format text, and its",
    ),
    "no format": (
        "a.jsonl",
        [{"question": "a", "answer": "b"}],
        {},
        r"fit no format; .*type dataset\.prompt_column=question",
    ),
    "the format's column": (
        "a.jsonl",
        [GOOD],
        {"format": "text"},
        r"has no column 'text' .*type dataset\.text_column=messages",
    ),
    "alpaca without output": (
        "a.jsonl",
        [{"instruction": "a"}],
        {"format": "alpaca"},
        r"no column 'output', which the format alp",
    ),
    "columns for plain text": ("a.txt", "a", {"format": "alpaca"}, r"is plain text, .*type dataset\.format=text"),
    "empty file": ("a.jsonl", "", {}, r"a\.jsonl is empty; give a file"),
    "empty array": ("a.json", "[]", {}, r"a\.json holds no records; write an array"),
    "header only": ("a.csv", "prompt,completion\n", {}, r"a\.csv has no rows for train; give another file"),
    "empty text file": ("a.txt", " \n", {}, r"a\.txt is empty; give a file with text"),
    "NUL in a text file": ("a.txt", "a\nb\0", {}, r"a\.txt line 2 holds a NUL character"),
    "one row": (
        "a.jsonl",
        [GOOD],
        {},
        r"dataset\.train has 1 row, too few to split test rows off; give dataset\.test=<file>",
    ),
    "labels": (
        "a.jsonl",
        [GOOD],
        {"labels": ["a", "b"]},
        "is for labelled texts, and the format messages has no labels",
    ),
    "a word for format": ("a.jsonl", [GOOD], {"format": "alpacca"}, "did you mean alpaca"),
    "a word for loss_on": (
        "a.jsonl",
        [GOOD],
        {"loss_on": "completions"},
        r"dataset\.loss_on=.*did you mean completion",
    ),
    "classification": ("a.jsonl", [GOOD], {"format": "classification"}, r"type dataset\.format=auto"),
    "half a surrogate": ("a.jsonl", [chat("hi", "\ud800")], {}, "holds half a surrogate pair"),
    "missing file": ("b.jsonl", [GOOD], {}, r"a\.jsonl does not exist; did you mean"),
    "group column": ("a.jsonl", [GOOD], {"group_column": "author"}, r"no column 'author' \(dataset\.group_column\)"),
}


@pytest.mark.parametrize(("name", "content", "options", "sentence"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_one_sentence_with_its_place_and_remedy(
    name: str,
    content: Sequence[Any] | str,
    options: dict[str, Any],
    sentence: str,
    put: Callable[..., str],
    files: Make,
    tmp_path: Path,
) -> None:
    put(name, content)
    train = tmp_path / ("a.jsonl" if name == "b.jsonl" else name)
    with pytest.raises(UserError, match=sentence) as error:
        read_lm_splits(files(train=str(train), **options))
    assert len(error.value.sentences) == 1


def test_ten_faults_are_told_and_the_rest_counted(put: Callable[..., str], files: Make) -> None:
    train, val = put("a.jsonl", [chat("a", " ")] * 12), put("b.jsonl", [chat("a", "")])
    with pytest.raises(DataError) as error:
        read_lm_splits(files(train=train, val=val))
    assert len(error.value.sentences) == 10 and error.value.sentences[-1].startswith("and 4 more faults")


def test_files_of_two_formats_are_refused(put: Callable[..., str], files: Make) -> None:
    train, val = put("a.jsonl", chats(2)), put("b.jsonl", [{"text": "a"}])
    with pytest.raises(DataError, match=r"b\.jsonl is in the format text, and \S*a\.jsonl in messages; give files of"):
        read_lm_splits(files(train=train, val=val))


def test_what_is_not_given_is_split_off_and_equal_conversations_stay_together(
    put: Callable[..., str], files: Make
) -> None:
    records = [chat(f"q {i // 2}", f"a {i // 2}", system=f"s {i % 2}") for i in range(60)]
    splits = read_lm_splits(files(train=put("a.jsonl", records)))
    assert (len(splits.train), len(splits.val), len(splits.test)) == (42, 6, 12)
    assert splits.leaked_rows == 0 and splits.duplicate_rows == 0
    again = read_lm_splits(files(train=put("b.jsonl", records)))
    assert again.digest == splits.digest and list(again.test.ids) == list(splits.test.ids)
    other = read_lm_splits(files(train=put("a.jsonl", records), split_seed=1))
    assert list(other.test.ids) != list(splits.test.ids)


def test_groups_stay_together(put: Callable[..., str], files: Make) -> None:
    records = [{**record, "author": i % 7} for i, record in enumerate(chats(70))]
    splits = read_lm_splits(files(train=put("a.jsonl", records), group_column="author"))
    authors = [
        {int(name.split(":")[1]) % 7 for name in splits.examples(split).ids} for split in ("train", "val", "test")
    ]
    assert not authors[0] & authors[2] and not authors[0] & authors[1] and authors[1]


def test_the_val_file_is_the_test_where_none_is_given_and_a_note_says_so(put: Callable[..., str], files: Make) -> None:
    train, val = put("a.jsonl", chats(5)), put("b.jsonl", chats(3, "other"))
    splits = read_lm_splits(files(train=train, val=val))
    assert splits.test == splits.val and list(splits.test.ids) == ["val:1", "val:2", "val:3"]
    (note,) = [note for note in splits.notes if "no test file" in note]
    assert note.startswith(f"no test file is given, so test is the validation file: {val}; ")
    assert not any("stand in val" in note for note in splits.notes)


def test_limits_draw_the_same_rows_and_a_larger_one_holds_the_smaller(put: Callable[..., str], files: Make) -> None:
    train, val = put("a.jsonl", chats(50)), put("b.jsonl", chats(9, "other"))
    few, more = (read_lm_splits(files(train=train, val=val, limit=LimitConfig(n, 4, 2))) for n in (5, 8))
    assert set(few.train.ids) < set(more.train.ids) and (len(few.train), len(few.val), len(few.test)) == (5, 4, 2)


@pytest.mark.parametrize(("answer", "left"), [("warn", 4), ("drop", 2)])
def test_leaks_to_the_letter_and_but_for_case_are_found_whatever_the_system_turn(
    put: Callable[..., str], files: Make, answer: str, left: int
) -> None:
    train = put("a.jsonl", [chat("a", "b", "x"), chat("C  d", "e"), chat("f", "g"), chat("h", "i")])
    test = put("b.jsonl", [chat("a", "b"), chat("c d", "E", "y"), chat("f", "another")])
    val = put("c.jsonl", chats(1))
    splits = read_lm_splits(files(train=train, val=val, test=test, on_leak=answer))
    assert splits.leaked_rows == 2 and len(splits.train) == left
    assert any(note.startswith("2 of 3 test texts stand in train (1 to the letter, 1 but for") for note in splits.notes)
    assert "1 of 3 test prompts stand in train with another answer" in splits.notes
    with pytest.raises(DataError, match=r"dataset\.on_leak=fail; type"):
        read_lm_splits(files(train=train, val=val, test=test, on_leak="fail"))


def test_dropping_all_of_train_is_refused(put: Callable[..., str], files: Make) -> None:
    train, val = put("a.jsonl", chats(3)), put("b.jsonl", chats(3))
    with pytest.raises(DataError, match="leaves no row of train"):
        read_lm_splits(files(train=train, val=val, on_leak="drop"))


def test_duplicates_are_counted(put: Callable[..., str], files: Make) -> None:
    splits = read_lm_splits(files(train=put("a.jsonl", [*chats(3), *chats(2)]), val=put("b.jsonl", chats(1, "x"))))
    assert splits.duplicate_rows == 2


def test_a_document_is_cut_into_three_and_nothing_is_lost(put: Callable[..., str], files: Make) -> None:
    text = "".join(f"SPEAKER {i}:\nWords {i}\n\n" for i in range(100))
    splits = read_lm_splits(files(train=put("a.txt", text)))
    pieces = [splits.examples(split)[0].text for split in ("train", "val", "test")]
    assert "".join(map(str, pieces)) == text and all(str(piece).startswith("SPEAKER") for piece in pieces)
    assert 0.68 < len(str(pieces[0])) / len(text) < 0.72 and list(splits.test.ids) == ["train:1#test"]
    assert any("val (10%)" in note and "test (20%)" in note for note in splits.notes)


@pytest.mark.parametrize("value", ["books", "books/*.txt"])
def test_folders_and_patterns_of_texts_are_one_document_each(
    put: Callable[..., str], files: Make, tmp_path: Path, value: str
) -> None:
    for i in range(20):
        put(f"books/{i:02d}.txt", f"chapter {i}\n\n the end of {i}\n")
    splits = read_lm_splits(files(train=str(tmp_path / value), format="text"))
    assert (len(splits.train), len(splits.val), len(splits.test)) == (14, 2, 4)
    assert splits.train[0].text in {f"chapter {i}\n\n the end of {i}\n" for i in range(20)}
    assert splits.train.ids[0].startswith("train:") and splits.train.ids[0].endswith(".txt:1")


def test_texts_called_like_splits_are_these_splits(put: Callable[..., str], files: Make, tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "valid/c", "test/d"):
        put(f"{name}.txt", f"text {name}")
    splits = read_lm_splits(files(train=str(tmp_path), format="text"))
    assert [len(splits.examples(split)) for split in ("train", "val", "test")] == [2, 1, 1]
    assert splits.test[0].text == "text test/d"


def test_blank_rows_of_plain_text_are_left_out_or_joined(put: Callable[..., str], files: Make) -> None:
    rows = [{"text": text} for text in (" = A = \n", "", " line 1 \n", "line 2")]
    train, val = put("a.jsonl", rows), put("b.jsonl", rows[2:])
    splits = read_lm_splits(files(train=train, val=val))
    assert len(splits.train) == 3 and list(splits.train.ids) == ["train:1", "train:3", "train:4"]
    assert any("has 1 rows without a text; they are left out" in note for note in splits.notes)
    joined = read_lm_splits(files(train=train, val=val, join_rows=True))
    assert [example.text for example in joined.train] == [" = A = \n\n\n\n\n line 1 \n\n\nline 2"]
    few = read_lm_splits(files(train=train, val=val, join_rows=True, limit=LimitConfig(train=1)))
    assert few.train[0].text == " = A = \n"


def test_the_bundled_posts_are_conversations_in_three_splits_without_leaks(files: Make) -> None:
    splits = read_lm_splits(files(name="idea_posts", bundled="idea_posts", format="messages"))
    assert (len(splits.train), len(splits.val), len(splits.test)) == (150, 25, 25)
    assert splits.duplicate_rows == splits.leaked_rows == 0 and splits.notes == []
    assert splits.train.ids[0] == "ip000"
    for split in ("train", "val", "test"):
        for example in splits.examples(split):
            assert [turn.role for turn in example.turns] == ["system", "user", "assistant"]
            assert example.turns[-1].content.endswith("Small ovens, big days.")


def test_an_unknown_bundled_name_lists_those_there_are(files: Make) -> None:
    with pytest.raises(DataError, match=r"there is: idea_posts; did you mean idea_posts\?"):
        read_lm_splits(files(bundled="idea_post"))


def test_a_hub_data_set_is_read_by_its_columns(files: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_hub(
        hub: str, subset: str | None, revision: str, splits: dict[str, str], wanted: Any
    ) -> dict[str, Columns]:
        chosen = wanted(f"{hub} split x", ["instruction", "input", "output", "text"])
        assert chosen == {"instruction": "instruction", "output": "output", "input": "input"}
        return {
            split: Columns({role: collect(role, [f"{role} {i}" for i in range(40)]) for role in chosen}, range(1, 41))
            for split in splits
        }

    monkeypatch.setattr(lm_files, "read_hub", read_hub)
    splits = read_lm_splits(files(hub="x/y", train="train", format="alpaca"))
    assert len(splits.train) == 28 and splits.test.ids[0].startswith("train:")
    assert (
        splits.train[0].turns[0].content.startswith("instruction ") and "\n\ninput" in splits.train[0].turns[0].content
    )


def test_the_test_rows_alone_are_those_of_training(put: Callable[..., str], files: Make) -> None:
    train, test = put("a.jsonl", chats(20)), put("b.jsonl", chats(9, "x"))
    whole = read_lm_splits(files(train=train, test=test, limit=LimitConfig(test=4)))
    alone = read_lm_test(files(test=test, limit=LimitConfig(test=4)))
    assert alone.test == whole.test and alone.test_digest == whole.test_digest and len(alone.train) == 0
    split_off = files(train=train)
    assert read_lm_test(split_off).test == read_lm_splits(split_off).test


@pytest.mark.shared
def test_the_posts_and_plays_of_the_shared_data_are_read_whole(files: Make) -> None:
    data = Path(os.environ["FTLAB_TEST_DATA"])
    splits = read_lm_splits(
        files(train=str(data / "linkedin/train.jsonl"), val=str(data / "linkedin/validation.jsonl"))
    )
    assert (len(splits.train), len(splits.test)) == (570, 68) and splits.leaked_rows == 0
    plays = read_lm_splits(files(train=str(data / "shakespeare/input.txt")))
    whole = (data / "shakespeare/input.txt").read_text(encoding="utf-8")
    assert "".join(str(plays.examples(split)[0].text) for split in ("train", "val", "test")) == whole
