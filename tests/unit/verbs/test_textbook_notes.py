"""What a plan says of the textbook's model."""

import dataclasses

import pytest
from omegaconf import OmegaConf

from ftlab.planning.textbook import ARCHITECTURE, QUOTED, Filled, TextbookRow
from ftlab.verbs import textbook_notes as module
from ftlab.verbs.textbook_notes import textbook_notes

ROWS = [
    TextbookRow("full", 159.6, 160.0, (), ()),
    TextbookRow("lora", 20.0, 40.0, (Filled(512, 5.6), Filled(1024, 2.8)), (Filled(512, 55.3),)),
    TextbookRow("qlora", 5.63, 12.0, (Filled(512, 1.7), Filled(1024, 0.9)), (Filled(512, 0.4),)),
]


@pytest.fixture
def notes(cfg, monkeypatch):
    monkeypatch.setattr(module, "textbook_rows", lambda build, adapters: ROWS)

    def of(adapter, model="textbook_10b"):
        return textbook_notes(OmegaConf.to_object(cfg("plan", f"model={model}", f"adapter={adapter}")), None, {})

    return of


def test_the_shipped_model_is_the_textbooks(cfg):
    assert dict(cfg("plan", "model=textbook_10b").model.architecture) == ARCHITECTURE
    assert {row.adapter: row.quoted_gb for row in ROWS} == QUOTED


@pytest.mark.slow
def test_the_static_part_and_the_batches_that_fill_up_the_rest_are_told(notes):
    (full,), (lora,), (qlora,) = notes("full"), notes("lora"), notes("qlora")
    assert "160 GB for adapter=full: fp16 weights and gradients and fp32 AdamW state, 160 GB whatever the batch" in full
    assert (
        "20 GB are there whatever the batch" in lora and "reach 40 GB at a batch of 5 x 512, 2 x 1,024 tokens" in lora
    )
    assert lora.endswith("with gradient checkpointing of 55 x 512 tokens")
    assert "reach 12 GB at a batch of 1 x 512 tokens" in qlora and qlora.endswith("of less than 1 x 512 tokens")


def test_other_adapters_and_models_are_not_the_textbooks(notes, cfg):
    assert notes("ia3") == notes("lora", "llama3_8b") == ()
    settings = OmegaConf.to_object(cfg("plan", "model=textbook_10b", "adapter=lora"))
    settings.model = dataclasses.replace(settings.model, architecture={**ARCHITECTURE, "num_hidden_layers": 2})
    assert textbook_notes(settings, None, {}) == ()
