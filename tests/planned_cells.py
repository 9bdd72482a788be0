"""Cells to estimate, small and without a configuration."""

from ftlab.build import build_adapter
from ftlab.planning.types import DeviceSheet, PlanRequest
from ftlab.schema import DatasetConfig, ModelConfig

BERT = {
    "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 8, "num_attention_heads": 2, "intermediate_size": 64,
    "vocab_size": 400, "max_position_embeddings": 64,
}  # fmt: skip
LLAMA = {
    "model_type": "llama", "hidden_size": 32, "num_hidden_layers": 8, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 64, "vocab_size": 400, "max_position_embeddings": 64,
}  # fmt: skip
ADAMW = {"_target_": "torch.optim.AdamW"}
FULL = {"_target_": "ftlab.adapters.full.add_full", "name": "full"}
LORA = {"_target_": "ftlab.adapters.lora.add_lora", "name": "lora", "rank": 4, "merge": "auto"}
QLORA = {**LORA, "name": "qlora", "load": {"quantization": "nf4"}}
CUDA = DeviceSheet("gpu", "cuda", 16, 0.8, {"fp32": 8.0, "fp16": 65.0}, 320, "sheet", "2026-11-23")
HERE = DeviceSheet("cpu", "cpu", 16, 1.5, {}, None, "found", "", is_here=True)


def build(node, net):
    return build_adapter(node, net, None)


def cell(
    adapter=FULL, *, architecture=BERT, task=None, rows=8, length=16, device=HERE, trainer=None, model=None, **more
):
    task = task or ("classification" if architecture["model_type"] == "bert" else "generation")
    known = {
        "optimizer": ADAMW, "calibration": None, "rows": None, "alternatives": {"lora": LORA, "qlora": QLORA},
    }  # fmt: skip
    return PlanRequest(
        model=ModelConfig(name="made", init="random", architecture=dict(architecture), **(model or {})),
        adapter=adapter,
        trainer={"precision": "32-true" if device is HERE else "auto", "max_epochs": 2, **(trainer or {})},
        dataset=DatasetConfig(name="made", max_length=length, batch_size=rows),
        task=task,
        labels=3 if task == "classification" else 0,
        device=device,
        build=build,
        **{**known, **more},
    )
