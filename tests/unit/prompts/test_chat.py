from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from ftlab.errors import ModelError
from ftlab.prompts.chat import FOLDER, RenderError, built_in, load_template, template_faults
from ftlab.prompts.turns import Turn

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
TALK = [Turn("system", "Be brief."), Turn("user", "Hi\nthere"), Turn("assistant", "Yo."), Turn("user", "Bye")]
WRITTEN = {
    "plain": "<s>Be brief.\n\nUser:\nHi\nthere\n\nAssistant:\nYo.</s>\n\nUser:\nBye\n\nAssistant:\n",
    "chatml": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi\nthere<|im_end|>\n"
    "<|im_start|>assistant\nYo.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
    "alpaca": "<s>Be brief.\n\n### Instruction:\nHi\nthere\n\n### Response:\nYo.</s>"
    "\n\n### Instruction:\nBye\n\n### Response:\n",
    "llama2": "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi\nthere [/INST] Yo. </s><s>[INST] Bye [/INST]",
}


def test_every_shipped_template_is_known_here() -> None:
    assert built_in() == sorted(WRITTEN)


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_shipped_template_writes_as_published_and_as_transformers_does(name: str) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    template = load_template(name, "own")
    assert template.render(TALK, add_generation_prompt=True, special_tokens=SPECIAL) == WRITTEN[name]
    messages = [{"role": turn.role, "content": turn.content} for turn in TALK]
    for opened in (True, False):
        theirs, _ = render_jinja_template(
            [messages], chat_template=template.source, add_generation_prompt=opened, **SPECIAL
        )
        assert template.render(TALK, add_generation_prompt=opened, special_tokens=SPECIAL) == theirs[0]


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_shipped_template_needs_no_special_token(name: str) -> None:
    written = load_template(name, None).render(TALK[1:], add_generation_prompt=False, special_tokens={})
    assert "Yo." in written and "<s>" not in written


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}\n  {% if m.role == 'user' %}{% continue %}{% endif %}\n{{ m | tojson }}\n{% endfor %}",
        "{% set n = namespace(a=1) %}{% for m in messages %}{% set n.a = n.a + 1 %}{% endfor %}{{ n.a }}",
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}\n{% endfor %}",
        "{{ dict(a=1) }}{{ tools is none }}{{ documents is none }}{{ bos_token }}{{ messages[0]['content'][:3] }}",
    ],
)
def test_any_template_is_run_as_transformers_runs_it(source: str, tmp_path: Path) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    messages = [{"role": turn.role, "content": turn.content} for turn in TALK]
    theirs, _ = render_jinja_template([messages], chat_template=source, add_generation_prompt=True, **SPECIAL)
    template = load_template(None, source)
    assert template.render(TALK, add_generation_prompt=True, special_tokens=SPECIAL) == theirs[0]


def test_which_template_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text("{{ messages }}", encoding="utf-8")
    own = load_template(None, "{{ 1 }}")
    assert (own.name, own.source, own.chosen) == ("tokenizer", "{{ 1 }}", False)
    assert load_template(None, {"tool_use": "{{ 2 }}", "default": "{{ 3 }}"}).source == "{{ 3 }}"
    assert (load_template(None, None).name, load_template(None, None).chosen) == ("plain", False)
    named, given = load_template("alpaca", "{{ 1 }}"), load_template(str(file), "{{ 1 }}")
    assert (named.name, named.chosen) == ("alpaca", True)
    assert named.source == (FOLDER / "alpaca.jinja").read_text(encoding="utf-8")
    assert (given.name, given.source, given.chosen) == (str(file), "{{ messages }}", True)
    assert given.sha256 == hashlib.sha256(b"{{ messages }}").hexdigest()


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("chatlm", r"none of alpaca, chatml, llama2, plain, or a file ending in \.jinja; did you mean chatml\?"),
        ("xyz", r"type model\.chat_template=plain"),
        ("{tmp}/none.jinja", r"does not exist; give one of alpaca"),
        ("{tmp}/folder.jinja", r"is a folder; give one of alpaca"),
        ("{tmp}/broken.jinja", r"is no jinja template \(line 2: .*\); mend it, or type model\.chat_template=plain"),
        ("{tmp}/bytes.jinja", r"cannot be read \(.*utf-8.*\); give a file in UTF-8"),
        ("{tmp}/big.jinja", r"more than 1,000,000 bytes"),
    ],
)
def test_a_template_that_cannot_be_had_is_one_sentence(given: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / "folder.jinja").mkdir()
    (tmp_path / "broken.jinja").write_text("ok\n{% if %}")
    (tmp_path / "bytes.jinja").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "big.jinja").write_bytes(b" " * 1_000_001)
    with pytest.raises(ModelError, match=remedy) as found:
        load_template(given.replace("{tmp}", str(tmp_path)), None)
    assert len(found.value.sentences) == 1


def test_the_check_knows_names_and_files_without_reading_them(tmp_path: Path) -> None:
    (tmp_path / "broken.jinja").write_text("{% if %}")
    assert template_faults(None) == template_faults("llama2") == template_faults(str(tmp_path / "broken.jinja")) == []
    assert len(template_faults("nope")) == len(template_faults("nope.jinja")) == 1


def test_a_broken_template_of_the_tokenizer_is_named_as_such() -> None:
    with pytest.raises(
        ModelError, match=r"the tokenizer's chat template is no jinja template .*model\.chat_template=plain"
    ):
        load_template(None, "{% for %}")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ raise_exception('System role not supported') }}", "System role not supported"),
        ("{{ messages[99]['content'] }}", "no element 99"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ messages.append(1) }}", "'append' of 'list' object is unsafe"),
        ("{% set n = namespace(__init__=1) %}", "underscore"),
    ],
)
def test_a_template_that_fails_says_why_and_what_to_type(source: str, why: str) -> None:
    remedy = re.escape(why) + r".*\); type model\.chat_template=chatml"
    with pytest.raises(RenderError, match=remedy):
        load_template(None, source).render(TALK, add_generation_prompt=True, special_tokens=SPECIAL)
