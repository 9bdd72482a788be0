"""AdaLoRA: ranks go where they matter most while it trains (arXiv:2303.10512), by peft."""

from __future__ import annotations

from collections.abc import Sequence

from peft import AdaLoraConfig
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.low_rank import check_linear, check_numbers, check_rank, stored_transposed
from ftlab.adapters.numbers import check_share, check_whole
from ftlab.adapters.peft_net import shared_options, wrap_net
from ftlab.adapters.rank_budget import RankBudget
from ftlab.adapters.targets import Targets, find_targets
from ftlab.errors import ModelError

_STAND_IN = 1000  # steps, where the training is only tried, or has no planned end


def add_adalora(
    net: PreTrainedModel,
    *,
    targets: Sequence[str] | str = "auto",
    rank: int = 8,
    initial_rank: int = 12,
    alpha: float = 32,
    dropout: float = 0.1,
    full_rank_share: float = 0.1,
    fixed_rank_share: float = 0.3,
    every: int = 1,
    orthogonality: float = 0.5,
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net``, put an update ``B diag(E) A`` beside each target, and let the head train.

    What adds least to the loss is taken away. A fresh update is zero: outputs are what they were, bit by bit.

    Args:
        net: a classifier or a language model; changed in place.
        targets: see `find_targets`; linear layers only.
        rank: on average, in the end.
        initial_rank: of each update in the beginning.
        alpha: the update is scaled by ``alpha / initial_rank``.
        dropout: on the input of the update, in [0, 1).
        full_rank_share: share of all steps before ranks are taken away.
        fixed_rank_share: share of all steps, at the end, in which none is taken away any more.
        every: steps between two looks at what matters.
        orthogonality: weight of the penalty that keeps the rows of A and the columns of B orthogonal.
        total_steps: of the training.

    Raises:
        ModelError: a target does not exist, or a number does not fit.
    """
    _check_ranks(rank, initial_rank, alpha, dropout)
    _check_course(full_rank_share, fixed_rank_share, every, orthogonality)
    found = _found(net, targets, initial_rank)
    config = AdaLoraConfig(
        init_r=initial_rank,
        target_r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        deltaT=every,
        orth_reg_weight=orthogonality,
        target_modules=found.names,
        fan_in_fan_out=stored_transposed(found),
        **_course(total_steps or _STAND_IN, full_rank_share, fixed_rank_share),
        **shared_options(net),
    )
    return Adapted(wrap_net(net, config, "lora_"), callbacks=(RankBudget(),), unchanged=True)


def _found(net: PreTrainedModel, targets: Sequence[str] | str, initial_rank: int) -> Targets:
    found = find_targets(net, targets)
    check_linear(net, found, "adapter=adalora")
    check_rank(net, initial_rank, found, "initial_rank")
    return found


def _course(steps: int, full_rank_share: float, fixed_rank_share: float) -> dict[str, int]:
    """Return when ranks are taken away, in steps.

    Of two steps the second is the first that can take any away, and of one none: each needs a gradient before it.
    """
    fixed = min(max(1, round(fixed_rank_share * steps)), steps - 1)
    return {"tinit": min(int(full_rank_share * steps), steps - fixed - 1), "tfinal": fixed, "total_step": steps}


def _check_ranks(rank: int, initial_rank: int, alpha: float, dropout: float) -> None:
    check_numbers(rank, alpha, dropout)
    check_whole("initial_rank", initial_rank, rank + 4)
    if initial_rank <= rank:
        raise ModelError(
            f"adapter.initial_rank={initial_rank} must be above adapter.rank={rank}, or there is nothing to take away; "
            f"type adapter.initial_rank={rank + max(1, rank // 2)} or adapter=lora"
        )


def _check_course(full_rank_share: float, fixed_rank_share: float, every: int, orthogonality: float) -> None:
    check_whole("every", every, 1)
    check_share("full_rank_share", full_rank_share, 0.1)
    check_share("fixed_rank_share", fixed_rank_share, 0.3)
    if not full_rank_share + fixed_rank_share < 1:
        raise ModelError(
            f"adapter.full_rank_share={full_rank_share} and adapter.fixed_rank_share={fixed_rank_share} leave no steps "
            "to take ranks away in; type adapter.full_rank_share=0.1 adapter.fixed_rank_share=0.3"
        )
    if not orthogonality >= 0:
        raise ModelError(f"adapter.orthogonality={orthogonality} must be at least 0; type adapter.orthogonality=0.5")
