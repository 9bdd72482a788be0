"""What a reader of a board must know."""

import dataclasses

from ftlab.compare.axes import AXES
from ftlab.compare.notes import board_notes
from made_board import made_candidate, made_run


def test_a_size_without_its_base_is_said_wherever_the_base_comes_from():
    run = made_run()
    alone = dataclasses.replace(run.result.artefact, base="hub")
    run = dataclasses.replace(run, result=dataclasses.replace(run.result, artefact=alone))
    notes = list(
        board_notes([made_candidate("minilm lora", runs=(run,), f1_macro=0.9)], [AXES["f1_macro"]], "full", [], [])
    )
    assert notes == ["size_mb is that of the adapter alone, whose base is not in the folder: minilm lora"]
