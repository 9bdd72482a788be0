"""Words that the tab key offers."""

import pytest

from ftlab.command.arguments import parse, verbs
from ftlab.command.completion import candidates, complete
from ftlab.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ftlab pre", ["predict", "predictions."]),
        ("ftlab model=bert_", [f"model=bert_{size}" for size in ("base", "large", "medium", "mini", "small", "tiny")]),
        ("ftlab adapter=he", ["adapter=head"]),
        ("ftlab train -m adapter=lora adapter.r", ["adapter.rank="]),
        (
            "ftlab predict ",
            sorted(
                [
                    "generation.",
                    *("batch_size=", "device=", "dry_run=", "input=", "input_format=", "output=", "output_dir="),
                    *("overwrite=", "prefix=", "run=", "text=", "text_column=", "text_pair_column=", "threads="),
                ]
            ),
        ),
        ("ftlab plan device=l", ["device=l4_24gb"]),
        ("ftlab plan -m model=minilm device=m", ["device=m3_max_64gb"]),
        ("ftlab plan experiment=w", ["experiment=write_posts"]),
        ("ftlab list sort=main li", ["limit="]),
        ("ftlab list outputs sta", ["status="]),
        ("ftlab predict some/folder te", ["text=", "text_column=", "text_pair_column="]),
        ("ftlab hydra/la", ["hydra/launcher="]),
        ("ftlab model=nothing see", []),
        ("ftlab seed='( ada", []),
        ("ftlab dataset=_", []),
    ],
)
def test_words_that_may_follow(line, offered):
    assert candidates(line) == offered


@pytest.mark.slow
def test_the_first_word_may_be_a_verb_or_any_option():
    found = candidates("ftlab ")
    assert found[: len(verbs())] == verbs() and "plan" in found
    assert {"model=", "seed=", "trainer."} <= set(found)
    assert not [word for word in found if word.startswith("hydra") or "_target_" in word]


def test_the_query_reads_the_line_of_the_shell(capsys, monkeypatch):
    monkeypatch.setenv("COMP_LINE", "ftlab adapter=he")
    assert complete(parse(["-sc", "query=bash"])) == 0
    assert capsys.readouterr().out == "adapter=head\n"


def test_the_script_to_install_serves_ftlab(capsys):
    assert complete(parse(["-sc", "install=bash"])) == 0
    assert capsys.readouterr().out.rstrip().endswith("hydra_bash_completion ftlab")
    assert complete(parse(["-sc", "uninstall=bash"])) == 0


@pytest.mark.parametrize(
    "words", [["-sc"], ["-sc", "install=tcsh"], ["-sc", "seed=1"], ["-sc", "query=bash", "seed=1"]]
)
def test_anything_else_says_how_to_install_it(words):
    with pytest.raises(ConfigError, match=r'eval "\$\(ftlab -sc install=bash\)"'):
        complete(parse(words))
