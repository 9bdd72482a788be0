"""Price files of models behind an API are read as data."""

import re
from pathlib import Path

import pytest
import yaml

from ftlab.compare.api_prices import price_files, read_api_prices
from ftlab.errors import ConfigError

ROW = {
    "name": "some-model",
    "usd_per_1m_input_tokens": 0.5,
    "usd_per_1m_output_tokens": 2,
    "source": "example.org/prices",
    "date": "2026-01-31",
}


def written(tmp_path, *rows, **top):
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump({"models": list(rows), **top}), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", price_files())
def test_files_of_the_package_are_whole_dated_and_sourced(name):
    rows = read_api_prices(name)
    assert rows
    for row in rows:
        assert row.usd_per_1m_input > 0 and row.usd_per_1m_output > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row.date) and "/" in row.source
        assert row.given == {}, "quality and latency are for users who measured them"


def test_row_is_read_with_all_it_says(tmp_path):
    quality = {"f1": 0.8, "source": "our test set, 2026-02"}
    latency = {"p95_ms": 900, "source": "our log"}
    more = {"provider": "Someone", "input_tokens": 120, "output_tokens": 3, "quality": quality, "latency": latency}
    (row,) = read_api_prices(written(tmp_path, {**ROW, **more}))
    assert (row.name, row.provider, row.usd_per_1m_input, row.usd_per_1m_output) == ("some-model", "Someone", 0.5, 2.0)
    assert (row.source, row.date, row.input_tokens, row.output_tokens) == ("example.org/prices", "2026-01-31", 120, 3)
    assert row.given == {"f1_macro": 0.8, "p95_ms": 900.0}
    assert row.given_by == ("our test set, 2026-02", "our log")


def test_source_and_date_may_stand_once_for_all(tmp_path):
    rows = [{k: v for k, v in {**ROW, "name": name}.items() if k not in ("source", "date")} for name in "ab"]
    path = tmp_path / "p.yaml"
    path.write_text(f"source: a page\ndate: 2026-01-31\nmodels: {yaml.safe_dump(rows, default_flow_style=True)}")
    found = read_api_prices(str(path))
    assert [(row.name, row.source, row.date) for row in found] == [
        ("a", "a page", "2026-01-31"),
        ("b", "a page", "2026-01-31"),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"usd_per_1m_input_tokens": None}, "some-model: usd_per_1m_input_tokens is missing; write a number"),
        ({"usd_per_1m_output_tokens": "2$"}, r"usd_per_1m_output_tokens is 2\$; write a number"),
        ({"usd_per_1m_output_tokens": -1}, "usd_per_1m_output_tokens is -1; write a number of 0 or more"),
        ({"usd_per_1m_output_tokens": float("nan")}, "usd_per_1m_output_tokens is nan"),
        ({"usd_per_1m_output_tokens": True}, "usd_per_1m_output_tokens is True"),
        ({"usd_per_1m_inputs": 1}, "usd_per_1m_inputs is no key of a price file; did you mean usd_per_1m_input_tokens"),
        ({"source": None}, "some-model has no source; say where"),
        ({"source": "  "}, "some-model has no source; say where"),
        ({"date": None}, "some-model has no date; prices change, so write the day: date: 2026-01-31"),
        ({"date": "last May"}, "some-model has date last May; prices change"),
        ({"name": None}, "row 1 of models has no name"),
        ({"quality": 0.9}, "quality is no mapping; write quality: {"),
        ({"quality": {"f1_macro": 0.9}}, "some-model: quality has no source"),
        ({"quality": {"f1_macroo": 0.9, "source": "x"}}, "f1_macroo, which is nothing to rank by; did you mean"),
        ({"quality": {"p95_ms": 9, "source": "x"}}, "p95_ms is no quality"),
        ({"quality": {"accuracy": 91, "source": "x"}}, "accuracy is 91, and at most 1; write accuracy: 0.91"),
        ({"latency": {"p95_ms": "fast", "source": "x"}}, "latency: p95_ms is fast; write a number"),
    ],
)
def test_broken_row_is_one_sentence(tmp_path, change, said):
    with pytest.raises(ConfigError, match=said) as caught:
        read_api_prices(written(tmp_path, {**ROW, **change}))
    assert len(caught.value.sentences) == 1 and "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "holds no list of models; write it as .*small_models.yaml does"),
        ("models: {a: 1}", "holds no list of models"),
        ("models: []", "holds no list of models"),
        ("", "holds no list of models"),
        ("models: [1]", "row 1 of models has no name"),
        ("model: []\nmodels: [{name: a}]", "model is no key of a price file; did you mean models"),
        ("models: [", "is no YAML that can be read"),
        ("models: !!python/object:os.system [x]", "not plain values; remove the tag"),
    ],
)
def test_broken_file_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_api_prices(str(path))
    assert len(caught.value.sentences) == 1


def test_two_rows_of_one_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="has some-model twice; give each model a name of its own"):
        read_api_prices(written(tmp_path, ROW, ROW))


def test_unknown_file_names_those_there_are(tmp_path):
    with pytest.raises(
        ConfigError, match=r"^api_prices=smal_models is no price file; did you mean small_models\?; type"
    ):
        read_api_prices("smal_models")
    with pytest.raises(ConfigError, match="or the path of a YAML file of yours"):
        read_api_prices(str(tmp_path))


def test_example_of_the_docs_is_a_price_file(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "verdict.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(models:.*?)```", page, re.DOTALL)
    path = tmp_path / "prices.yaml"
    path.write_text(example, encoding="utf-8")
    (row,) = read_api_prices(str(path))
    assert (row.date, row.input_tokens, row.given) == ("2026-01-31", 210.0, {"f1_macro": 0.81, "p95_ms": 900.0})
