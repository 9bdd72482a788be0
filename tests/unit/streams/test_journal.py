import json

import pytest

from ftlab.errors import DataError
from ftlab.streams.journal import Journal, Progress
from ftlab.streams.writers import JsonLines

WHO = {"run": "a1", "batch_size": "auto"}


def journal(tmp_path, identity=WHO, **options):
    return Journal(tmp_path / "out.jsonl", identity, **options)


def begun(tmp_path, parts=(b"one\n", b"two\n")):
    made = journal(tmp_path)
    made.start()
    for number, part in enumerate(parts, start=1):
        made.append(part, Progress(number))
    return made


def test_an_output_gets_its_name_when_it_is_whole(tmp_path):
    made = begun(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl.partial", "out.jsonl.partial.json"]
    made.finish(JsonLines())
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]
    assert (tmp_path / "out.jsonl").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("torn", [b"", b"th", b"three\nfo"])
def test_what_a_kill_has_torn_is_cut_off(tmp_path, torn):
    begun(tmp_path).close()
    with (tmp_path / "out.jsonl.partial").open("ab") as file:
        file.write(torn)
    again = journal(tmp_path)
    assert (again.progress.rows, again.progress.bytes) == (2, 8)
    again.start()
    again.append(b"three\n", Progress(3))
    again.finish(JsonLines())
    assert (tmp_path / "out.jsonl").read_bytes() == b"one\ntwo\nthree\n"


def test_a_kill_between_the_names_is_made_good(tmp_path):
    made = begun(tmp_path)
    made.progress.complete = True
    made._say(made.progress)
    made.close()
    state = (tmp_path / "out.jsonl.partial.json").read_bytes()
    again = journal(tmp_path)
    assert again.progress.complete
    again.finish(JsonLines())
    (tmp_path / "out.jsonl.partial.json").write_bytes(state)  # killed after the renaming
    last = journal(tmp_path)
    assert last.progress.complete
    last.finish(JsonLines())
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_an_output_that_exists_is_kept_unless_told(tmp_path):
    (tmp_path / "out.jsonl").write_text("old")
    with pytest.raises(DataError, match="exists; write overwrite=true"):
        journal(tmp_path)
    made = journal(tmp_path, overwrite=True)
    made.start()
    made.append(b"new\n", Progress(1))
    assert (tmp_path / "out.jsonl").read_text() == "old"
    made.close()
    again = journal(tmp_path, overwrite=True)
    assert again.progress.rows == 1, "the same command goes on"
    again.finish(JsonLines())
    assert (tmp_path / "out.jsonl").read_text() == "new\n"


def test_another_commands_rows_are_refused_or_begun_anew(tmp_path):
    begun(tmp_path).close()
    with pytest.raises(DataError, match=r'was begun with run="a1", and now it is "b2"; write overwrite=true'):
        journal(tmp_path, {**WHO, "run": "b2"})
    made = journal(tmp_path, {**WHO, "run": "b2"}, overwrite=True)
    made.start()
    assert (tmp_path / "out.jsonl.partial").read_bytes() == b""
    made.close()


@pytest.mark.parametrize("damage", ["no json", '{"schema": 1}', '{"schema": 2, "progress": {}, "identity": {}}', "[]"])
def test_a_damaged_state_is_refused(tmp_path, damage):
    begun(tmp_path).close()
    (tmp_path / "out.jsonl.partial.json").write_text(damage)
    with pytest.raises(DataError, match="cannot be read; write overwrite=true"):
        journal(tmp_path)
    assert journal(tmp_path, overwrite=True).progress.rows == 0


def test_lost_rows_are_refused(tmp_path):
    begun(tmp_path).close()
    (tmp_path / "out.jsonl.partial").write_bytes(b"one\n")
    with pytest.raises(DataError, match="has 4 bytes where 8 were written"):
        journal(tmp_path)
    (tmp_path / "out.jsonl.partial").write_bytes(b"one\ntwo\n")
    (tmp_path / "out.jsonl.partial.json").unlink()
    with pytest.raises(DataError, match=r"lies there without out.jsonl.partial.json"):
        journal(tmp_path)


def test_two_processes_do_not_write_one_output(tmp_path):
    made = begun(tmp_path)
    with pytest.raises(DataError, match="is being written by another process"):
        journal(tmp_path).start()
    made.close()
    after = journal(tmp_path)
    after.start()
    after.close()
    assert after.progress.rows == 2


def test_nothing_is_left_where_no_row_was_written(tmp_path):
    made = journal(tmp_path)
    made.start()
    assert json.loads((tmp_path / "out.jsonl.partial.json").read_text())["progress"]["rows"] == 0
    made.close()
    assert list(tmp_path.iterdir()) == []
