"""Text that comes out of Hydra and OmegaConf as it went in."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from ftlab.command.quoting import escape, quote

PARSER = OverridesParser.create()
NASTY = st.text(st.one_of(st.sampled_from("\\'\"${}()[],=:~+ \t\n#"), st.characters(exclude_categories=["Cs"])))


@given(NASTY)
@example("\\")
@example("it's \\' \\\\'")
@example("a\\\n")
@example("${oc.env:HOME} \\${x} \\\\${y}")
@example("choice(1,2)")
@example("")
def test_any_text_survives_grammar_and_interpolation(text):
    if "\0" in text:
        return  # no shell passes one on
    value = PARSER.parse_override(f"text={quote(text)}").value()
    assert OmegaConf.create({"text": value}).text == text


@given(NASTY)
def test_any_text_set_as_data_is_read_back(text):
    cfg = OmegaConf.create({"text": None})
    OmegaConf.update(cfg, "text", escape(text))
    if text != "???":  # refused by the command line
        assert cfg.text == text


@pytest.mark.parametrize("text", ["plain", "/a/b c", "x,y", "{a: b}"])
def test_plain_text_is_only_put_in_quotes(text):
    assert quote(text) == f"'{text}'"
