"""What an adapter and the steps of its training cannot do together."""

from types import SimpleNamespace

import pytest
from torch import nn

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.rank_budget import RankBudget
from ftlab.errors import ModelError
from ftlab.verbs.preflight import check_budget


@pytest.mark.parametrize(
    ("trainer", "remedy"),
    [
        ({"optimizer_in_backward": True}, r"type trainer\.optimizer_in_backward=false"),
        ({"strategy": "fsdp"}, r"type trainer\.strategy=ddp"),
    ],
)
def test_ranks_are_taken_away_only_where_gradients_are_left_after_a_step(trainer, remedy):
    settings = SimpleNamespace(adapter={"name": "adalora"}, trainer=trainer)
    with pytest.raises(ModelError, match=rf"^adapter=adalora looks at all gradients after each step.*{remedy}$"):
        check_budget(settings, Adapted(nn.Identity(), callbacks=(RankBudget(),)))
    check_budget(settings, Adapted(nn.Identity()))
