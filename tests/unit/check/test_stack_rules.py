"""What an adapter that is made of others must hold, and the rate that it takes of its first."""

import pytest

from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order
from ftlab.errors import ConfigError


@pytest.fixture(scope="module")
def composer():
    with Composer("train") as composer:
        yield composer


@pytest.fixture
def faults(composer, tmp_path):
    """Compose and check as the command line does."""

    def find(*words):
        order = make_order(parse(["adapter=stack", f"output_dir={tmp_path}", *words]), composer)
        try:
            order.raise_faults()
        except ConfigError as error:
            return list(error.sentences)
        return []

    return find


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["adapter.stack=[bitfit,lora]", "adapter.lora.rank=4", "adapter.lora.targets=all-linear"],
        ["adapter.stack=[layernorm,freeze]", "adapter.freeze.unfreeze_schedule=[0.0,0.5]", "adapter.merge=true"],
        [
            "adapter.mine._target_=ftlab.adapters.bitfit.add_bitfit",
            "adapter.mine.learning_rate=1e-3",
            "adapter.stack=[mine]",
        ],
    ],
)
def test_members_take_their_own_options(faults, words):
    assert faults(*words) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["adapter.stack=[lroa]"], "adapter.stack: lroa is none of lora, "),
        (["adapter.stack=[lroa]"], "; did you mean lora?; write adapter.stack=[lora,bitfit]"),
        (["adapter.stack=[full,lora]"], "adapter.stack: full is none of lora, "),
        (["adapter.stack=lora"], "adapter.stack=lora must be a list of lora, "),
        (["adapter.stack=[]"], "adapter.stack=[] must be a list of lora, "),
        (
            ["adapter.lora.rnak=4"],
            "adapter.lora.rnak is not an option of adapter.lora; did you mean adapter.lora.rank?",
        ),
        (["adapter.lora.rank=x"], "adapter.lora.rank=x is not a whole number; write e.g. adapter.lora.rank=8"),
        (["adapter.freeze.last_layers=1"], "adapter.stack=[lora,bitfit] has no freeze; add it there"),
        (["adapter.lora.merge=false"], "adapter.lora.merge is not read inside a stack; leave it out"),
        (["adapter.merge=false"], "adapter.merge=false would leave the adapter beside its base, and a stack trains"),
        (["adapter.merge=auto"], "; leave out adapter.merge"),
        (["adapter.load.quantization=nf4"], "adapter.load.quantization is for a base that stays as it is"),
        (["adapter.lora._target_=os.system"], "os.system"),
    ],
)
def test_what_is_not_read_or_not_there_is_said(faults, words, sentence):
    found = faults(*words)
    assert any(sentence in fault for fault in found), found


def test_the_optimizer_has_the_rate_of_the_first_member(composer):
    def rates(*words):
        cfg = make_order(parse(["adapter=stack", *words]), composer).cells[0].cfg
        return cfg["adapter"]["learning_rate"], cfg["optimizer"]["lr"]

    assert rates("adapter.stack=[freeze,lora]") == (1e-4, 1e-4)
    assert rates("adapter.bitfit.learning_rate=5e-3", "adapter.stack=[bitfit]") == (5e-3, 5e-3)
    assert rates("adapter.learning_rate=2e-3") == (2e-3, 2e-3)
