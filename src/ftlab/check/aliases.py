"""The names that other tools gave these options, and what to type here. ``{}`` stands for the value typed."""

from __future__ import annotations

_REMEDIES: dict[str, str] = {
    "optimizer.lr={}": "lr learning_rate learn_rate",
    "optimizer.weight_decay={}": "weight_decay wd",
    "optimizer={}": "optim optimizer_name optimizer_type",
    "optimizer=sgd optimizer.momentum={}": "momentum sgd_momentum",
    "optimizer.eps={}": "eps adam_epsilon",
    "scheduler={}": "lr_scheduler lr_scheduler_type scheduler_type schedule",
    "scheduler.warmup={}": "warmup warmup_ratio warmup_steps num_warmup_steps",
    "trainer.max_epochs={}": "epochs epoch num_epochs num_train_epochs n_epochs max_epochs max_epoch",
    "trainer.max_steps={}": "steps max_steps num_steps max_train_steps num_training_steps",
    "trainer.accumulate_grad_batches={}": "gradient_accumulation_steps grad_accum accumulate_grad_batches",
    "trainer.gradient_clip_val={}": "max_grad_norm grad_clip gradient_clipping gradient_clip_val clip_grad_norm",
    "trainer.precision=16-mixed": "fp16 half",
    "trainer.precision=bf16-mixed": "bf16 bfloat16",
    "trainer.precision=32-true": "fp32 full_precision",
    "trainer.precision={}": "precision mixed_precision",
    "trainer.val_check_interval={}": "eval_steps val_check_interval eval_interval",
    "trainer.log_every_n_steps={}": "logging_steps log_steps log_interval log_every_n_steps",
    "trainer.devices={}": "gpus n_gpu n_gpus num_gpus devices",
    "trainer.accelerator={}": "accelerator",
    "trainer.compile=true": "compile torch_compile use_compile compile_model",
    "trainer=debug": "fast_dev_run debug",
    "dataset.batch_size={}": "batch_size bs batchsize per_device_train_batch_size train_batch_size micro_batch_size",
    "dataset.batch_size=auto": "auto_find_batch_size auto_batch_size auto_scale_batch_size",
    "dataset.batch_size=auto dataset.effective_batch_size={}": "effective_batch_size global_batch_size",
    "adapter=qlora": "load_in_4bit quantization_bit",
    "adapter=qlora adapter.load.quantization=int8": "load_in_8bit",
    "adapter=qlora adapter.load.quantization={}": "quantization bnb_4bit_quant_type",
    "adapter=qlora adapter.load.double_quantization={}": "bnb_4bit_use_double_quant double_quantization",
    "adapter=qlora adapter.load.compute_dtype={}": "bnb_4bit_compute_dtype",
    "dataset.eval_batch_size={}": "per_device_eval_batch_size eval_batch_size val_batch_size test_batch_size",
    "dataset.max_length={}": "max_length max_len max_seq_length max_seq_len cutoff_len seq_length model_max_length",
    "dataset.limit.train={}": "max_samples max_train_samples limit num_train_samples",
    "dataset.limit.val={}": "max_eval_samples max_val_samples",
    "dataset.limit.test={}": "max_test_samples max_predict_samples",
    "dataset.val_fraction={}": "val_size val_split val_set_size val_fraction validation_split",
    "dataset.test_fraction={}": "test_size test_split test_fraction",
    "dataset.num_workers={}": "num_workers dataloader_num_workers",
    "dataset.text_column={}": "text_column text_column_name text_field text_key",
    "dataset.label_column={}": "label_column label_column_name label_field target_column",
    "dataset.labels={}": "labels class_names label_names",
    "dataset.samples={}": "samples",
    "dataset={}": "data dataset_name task_name",
    "dataset=files dataset.train={}": "train train_file train_data train_path data_path dataset_path data_file",
    "dataset=files dataset.val={}": "val validation validation_file val_file eval_file val_data",
    "dataset=files dataset.test={}": "test test_file test_data",
    "dataset.batching=fixed": "pad_to_max_length padding",
    "dataset.batching=length_grouped": "group_by_length",
    "adapter={}": "peft peft_method peft_type finetuning_type tuner method tuning",
    "adapter=lora": "use_lora lora use_peft",
    "adapter=lora adapter.rank={}": "lora_r lora_rank r rank",
    "adapter=lora adapter.alpha={}": "lora_alpha alpha",
    "adapter=lora adapter.dropout={}": "lora_dropout",
    "adapter=lora adapter.targets={}": "target_modules lora_target lora_targets lora_target_modules targets",
    "adapter=head": "freeze_encoder freeze_backbone freeze_base linear_probe",
    "model.checkpoint={}": "model_name_or_path pretrained_model_name_or_path model_id model_path checkpoint base_model "
    "pretrained",
    "model={}": "model_name arch backbone",
    "model.revision={}": "revision model_revision",
    "model.tokenizer={}": "tokenizer tokenizer_name tokenizer_name_or_path",
    "model.dropout={}": "dropout hidden_dropout_prob classifier_dropout",
    "model.class_weights=balanced": "class_weight class_weights",
    "model.label_smoothing={}": "label_smoothing label_smoothing_factor",
    "model.attention={}": "attn_implementation attention",
    "model.gradient_checkpointing={}": "gradient_checkpointing activation_checkpointing use_gradient_checkpointing",
    "callbacks.early_stopping.patience={}": "early_stopping_patience patience",
    "monitor=val/{}": "metric_for_best_model metric best_metric",
    "tracking={}": "report_to logger tracker",
    "tracking.uri={}": "mlflow_uri tracking_uri mlflow_tracking_uri",
    "output_dir={}": "out out_dir outdir output save_dir output_path",
    "experiment_name={}": "exp exp_name project project_name",
    "name={}": "run_name run_id",
    "seed={}": "random_seed random_state manual_seed",
    "device={}": "device_type",
    "resume={}": "resume_from_checkpoint ckpt_path auto_resume resume_from resume_from_ckpt resume_ckpt resume_path "
    "load_checkpoint continue_from continue_training restart_from",
    "dry_run=true": "dryrun check_only validate",
    "cost.usd_per_hour={}": "price usd_per_hour price_per_hour",
}
_NAMES: dict[str, str] = {name: remedy for remedy, names in _REMEDIES.items() for name in names.split()}

# What has no counterpart, and why.
_NOT_HERE: dict[str, str] = {
    **dict.fromkeys(
        ("trust_remote_code",), "code of a hub repository is never run; choose a model that transformers itself has"
    ),
    **dict.fromkeys(("hf_token", "token", "use_auth_token"), "tokens are read from the environment only; set HF_TOKEN"),
    **dict.fromkeys(
        ("num_labels", "num_classes"), "labels are counted in the data; name them with dataset.labels=[a,b]"
    ),
    **dict.fromkeys(
        ("do_train", "do_eval", "do_predict", "train_only"), "a run trains and tests; adapter=none trains nothing"
    ),
    **dict.fromkeys(
        ("save_steps", "save_strategy", "save_total_limit", "load_best_model_at_end"),
        "the best and the last checkpoint are kept; choose the best with monitor=val/f1_macro",
    ),
    **dict.fromkeys(
        ("evaluation_strategy", "eval_strategy"),
        "validation runs once an epoch, or with trainer.val_check_interval=<steps>",
    ),
    **dict.fromkeys(
        ("text", "texts", "input"), 'texts are for predict; type: ftlab predict latest text="your sentence"'
    ),
    **dict.fromkeys(("run",), 'runs are for predict; type: ftlab predict <run> text="your sentence"'),
}
# Values that are called otherwise here.
_VALUES: dict[str, str] = {
    "constant_with_warmup": "constant",
    "cosine_with_restarts": "cosine",
    "adamw_torch": "adamw",
    "adamw_hf": "adamw",
    "adamw_torch_fused": "adamw",
    **dict.fromkeys(("adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit", "adam8bit"), "adamw8bit"),
    **dict.fromkeys(("lion_32bit", "lion_8bit", "paged_lion_32bit", "paged_lion_8bit"), "lion"),
    "no": "32-true",
}

# What people write behind `resume=` for the newest run, and for none.
RESUME_LATEST = ("auto", "true", "yes", "on", "1", "last", "newest", "best", "must", "allow")
RESUME_NOT = ("", "false", "no", "off", "0", "none", "never")


def remedy_for(name: str, value: str, *, at_root: bool = True) -> str | None:
    """Return what to say of an option that is called otherwise here; None where no other tool is known to have it.

    Args:
        name: the last part of the key.
        value: what was typed behind the equals sign.
        at_root: the key has no other part; only then is a reason given why the option is missing.

    >>> remedy_for("lr", "1e-3")
    'write optimizer.lr=1e-3'
    """
    folded = name.casefold().replace("-", "_")
    if folded in _NOT_HERE and at_root:
        return _NOT_HERE[folded]
    if folded not in _NAMES:
        return None
    remedy = _NAMES[folded]
    if remedy == "resume={}" and (value.casefold() in RESUME_LATEST or value.endswith((".ckpt", ".pt", ".pth"))):
        return "write resume=latest"
    if remedy == "resume={}" and value and value.casefold() in RESUME_NOT:
        return "leave it out"
    if "{}" not in remedy and value.casefold() in ("false", "0", "no", "off", "null"):
        return "leave it out"
    if folded == "class_weights" and value not in ("", "true", "True"):
        remedy = "model.class_weights={}"
    if remedy == "monitor=val/{}" and value.startswith("val/"):
        remedy = "monitor={}"
    if remedy == "tracking={}" and value not in ("mlflow", "none"):
        remedy = "tracking=mlflow"
    if remedy == "model={}" and not value.isidentifier():  # a hub id or a folder
        remedy = "model.checkpoint={}"
    return f"write {remedy.format(_VALUES.get(value, value) or '<value>')}"


def known_names() -> list[str]:
    """Return every name the table knows."""
    return sorted({*_NAMES, *_NOT_HERE})
