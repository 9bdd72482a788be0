from __future__ import annotations

import json
import sys

import pytest

from ftlab.errors import ConfigError, DataError
from ftlab.metrics.generation.json_answers import NO_JSON, load_schema, read_answer

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "friend": {"$ref": "#"}, "age": {"$ref": "#/$defs/age"}},
    "required": ["name"],
    "$defs": {"age": {"type": "integer", "minimum": 0}},
}


@pytest.fixture
def load(tmp_path):
    def load(schema):
        path = tmp_path / "schema.json"
        path.write_text(schema if isinstance(schema, str) else json.dumps(schema))
        return load_schema(path)

    return load


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (" \n[1, 2]\n", [1, 2]),
        ("null", None),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```\n{"a": 1}```\n', {"a": 1}),
        ('"```json"', "```json"),
    ],
)
def test_json_is_read_bare_or_in_one_fence(answer, value):
    assert read_answer(answer) == value


@pytest.mark.parametrize(
    "answer",
    ["", "yes", "{'a': 1}", '{"a": 1', 'Here: {"a": 1}', '```json\n{"a": 1}\n``` Hope it helps!', "NaN", "[Infinity]"],
)
def test_what_is_more_or_less_than_json_is_none(answer):
    assert read_answer(answer) is NO_JSON
    assert read_answer("[" * 100_000) is NO_JSON


def test_a_schema_accepts_what_fits_it(load):
    schema = load(PERSON)
    assert schema.accepts({"name": "Ann", "age": 3, "friend": {"name": "Bo"}})
    assert not schema.accepts({"name": "Ann", "age": -1})
    assert not schema.accepts({"name": "Ann", "friend": {}})
    assert not schema.accepts(None)
    assert not load({"type": "null"}).accepts(NO_JSON)


def test_an_answer_too_deep_to_be_checked_does_not_fit(load):
    answer = {"name": "Ann"}
    for _ in range(900):
        answer = {"name": "Ann", "friend": answer}
    assert not load(PERSON).accepts(answer)


def test_the_draft_is_2020_12_or_the_one_the_file_names(load):
    pair = {"prefixItems": [{"type": "integer"}], "items": False}
    assert not load(pair).accepts([1, 2])
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", **pair, "items": {"type": "integer"}}
    assert load(old).accepts([1, 2])


def test_references_within_the_file_are_found_by_id_and_anchor_too(load):
    named = {"$id": "https://example.org/a.json", "$ref": "a.json#/$defs/i", "$defs": {"i": {"type": "integer"}}}
    assert load(named).accepts(1) and not load(named).accepts("1")
    anchored = {"$ref": "#i", "$defs": {"i": {"$anchor": "i", "type": "integer"}}}
    assert load(anchored).accepts(1) and not load(anchored).accepts("1")


@pytest.mark.parametrize(
    "reference", ["https://example.org/person.json", "person.json", "file:///etc/passwd", "#/$defs/nobody", "#nobody"]
)
def test_a_reference_that_leads_out_of_the_file_or_nowhere_is_refused_and_not_fetched(load, reference):
    message = (
        rf"schema\.json refers to {reference.replace('$', '.')}, which is not in the file and is not fetched; copy"
    )
    with pytest.raises(DataError, match=message):
        load({"type": "object", "properties": {"a": {"$ref": reference}}})
    with pytest.raises(DataError, match=message):  # behind a place that is no schema by itself
        load({"$ref": "#/else", "else": {"$ref": reference}})


def test_a_schema_that_shows_a_reference_as_data_has_none(load):
    assert load({"const": {"$ref": "https://example.org/person.json"}})


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("", r"is no JSON \(.*\); give a JSON schema file"),
        ("{'type': 'object'}", r"is no JSON \(.*\); give a JSON schema file"),
        ("[" * 100_000, r"is no JSON \(.*\); give a JSON schema file"),
        ([1, 2], r'is no JSON schema but \[1, 2\]; write \{"type": "object"'),
        (True, r'is no JSON schema but true; write \{"type": "object"'),
        ({}, r"is no JSON schema: it asks for nothing \(its keys: none\); write \{"),
        ({"name": "Ann", "age": 3}, r"is no JSON schema: it asks for nothing \(its keys: name, age\); write \{"),
        ({"type": "dog"}, r"is no JSON schema: 'dog' .* \(at type\); correct it"),
        ({"properties": {"a": {"required": "b"}}}, r"'b' is not of type 'array' \(at properties/a/required\); correct"),
        ({"pattern": "(("}, r"is no JSON schema: '\(\(' is not a 'regex' \(at pattern\); correct it"),
        (
            {"$schema": "https://example.org/mine", "type": "object"},
            r"\$schema=https://example\.org/mine; write \"\$sch",
        ),
        ({"$schema": 7, "type": "object"}, r"names a draft that is not known, \$schema=7; write"),
        ({"$ref": "#"}, r"refers to itself without end; take the circle of \$ref out of it"),
    ],
)
def test_what_is_no_schema_is_told_so_in_one_sentence(load, schema, message):
    with pytest.raises(DataError, match=message) as caught:
        load(schema)
    assert len(caught.value.sentences) == 1 and "\n" not in str(caught.value)
    assert str(caught.value).startswith("generation.json_schema=")


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path):
    with pytest.raises(
        DataError, match=r"generation\.json_schema=.*none\.json does not exist \(looked in .*\); give a"
    ):
        load_schema(tmp_path / "none.json")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\); give a JSON schema file"):
        load_schema(tmp_path)


def test_without_the_package_one_is_told_what_to_type(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ConfigError, match=r"needs the package jsonschema; type pip install jsonschema, or leave"):
        load(PERSON)
