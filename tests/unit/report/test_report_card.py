from __future__ import annotations

import dataclasses

from ftlab.report.report_card import NAME, report_card, write_report_card

GOT = {"perplexity": 12.5, "bleu": 0.25, "bleu_1": 0.5, "rouge1": 0.125}
FORCED = {f"{name}_teacher_forced": 2 * value for name, value in GOT.items() if name != "perplexity"}


def written(finished, test, untrained=None):
    quality = dataclasses.replace(finished.quality, test=test, untrained=untrained or {})
    return dataclasses.replace(finished, quality=quality)


def test_each_mode_has_a_row_before_and_after(finished):
    title, empty, *lines = report_card(written(finished, {**GOT, **FORCED}, {**GOT, "perplexity": 99.0})).splitlines()
    assert title == "distilbert + lora on policy_stance" and not empty
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0][:5] == ["mode", "weights", "PPL", "BLEU", "1-gram"] and rows[0][-1] == "time s"
    assert {len(row) for row in rows} == {len(rows[0])}
    assert rows[2][:5] == ["generated", "untrained", "99.0000", "0.2500", "0.5000"] and rows[2][-1] == "-"
    assert rows[3][:4] == ["generated", "trained", "12.5000", "0.2500"]
    assert rows[3][-1] == f"{finished.training.seconds:.1f}"
    assert rows[4][:4] == ["teacher-forced", "trained", "12.5000", "0.5000"] and len(rows) == 5


def test_a_model_that_wrote_nothing_has_none(finished, tmp_path):
    write_report_card(written(finished, {"perplexity": 12.5}), tmp_path)
    assert not (tmp_path / NAME).exists()
    write_report_card(written(finished, GOT), tmp_path)
    assert (tmp_path / NAME).read_text().splitlines()[2].startswith("| mode | weights | PPL")


def test_random_weights_are_named(finished):
    drawn = dataclasses.replace(finished, model=dataclasses.replace(finished.model, init="random"))
    assert "(random weights before training)" in report_card(written(drawn, GOT)).splitlines()[0]
