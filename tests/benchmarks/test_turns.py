import pytest
import torch

from benchmarks.turns import Player


def training(steps, log=None):
    def run(player):
        torch.manual_seed(3)
        for step in range(steps):
            if log is not None:
                log.append(step)
            batch = {"labels": torch.zeros(2), "attention_mask": torch.tensor([[1, 1], [1, 0]])}
            player.pause(torch.rand(()), batch)

    return run


def test_a_player_takes_the_steps_it_is_given_and_no_more():
    log = []
    player = Player(training(10, log))
    assert player.go(2) > 0
    assert log == [0, 1]
    player.go(3)
    assert log == [0, 1, 2, 3, 4]
    assert (player.rows(), player.real_tokens(), player.computed_tokens(first=3)) == (10, 15, 8)
    player.finish()


def test_two_players_in_turns_draw_what_each_draws_alone():
    alone = Player(training(6))
    alone.go(6)
    alone.finish()
    first, second = Player(training(6)), Player(training(6))
    for steps in (1, 2, 3):
        first.go(steps)
        torch.rand(5)  # what happens outside
        second.go(steps)
    for player in (first, second):
        player.finish()
        assert torch.stack(player.losses).tolist() == torch.stack(alone.losses).tolist()


def test_a_fault_of_a_training_comes_out_where_it_was_told_to_go_on():
    def broken(player):
        raise ValueError("no such thing")

    player = Player(broken)
    with pytest.raises(ValueError, match="no such thing"):
        player.go(1)


def test_what_a_training_left_behind_stays_outside_of_it():
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    player = Player(training(2))
    player.go(2)
    player.finish()
    assert torch.equal(torch.rand(3), wanted)
