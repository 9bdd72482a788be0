import pytest

from ftlab.errors import ConfigError, ModelError
from ftlab.prompts.chat import OWN, ChatTemplate
from ftlab.prompts.classification import ClassificationPrompt
from ftlab.prompts.layout import Shot
from tests.prompting import LABELS, SHOTS, WORDS, PromptTokens, config, prompt, prompt_tokens, tokenizer

CHAT = ChatTemplate(
    OWN, "{% for m in messages %}[SEP]{{ m.role }}:{{ m.content }}[SEP]{% endfor %}assistant:", "0" * 64
)


def test_a_request_is_the_tokens_of_its_text():
    made, plain = prompt_tokens(), tokenizer()
    for text, label, answer in zip(("hello there", "x", ""), LABELS, made.answers, strict=True):
        ids = [*made.prefix, *made.tokenizer(text)["input_ids"], *answer]
        assert plain.decode(ids) == "[CLS]" + made.prompt.whole(text, label).replace("Text: \n", "Text:\n")


def test_a_prefix_begins_as_the_tokenizer_begins_every_text_and_a_chat_as_its_template_does():
    plain = tokenizer()
    assert prompt_tokens().prefix[0] == plain.cls_token_id
    chat = ClassificationPrompt.of(config(), LABELS, template=CHAT)
    assert prompt_tokens(chat).prefix[:2] == (
        plain.sep_token_id,
        plain("user", add_special_tokens=False)["input_ids"][0],
    )
    assert plain.sep_token_id not in prompt_tokens().prefix, "what the tokenizer ends a text with ends no prefix"


def test_a_special_token_in_a_text_or_example_is_text():
    plain = tokenizer()
    chat = ClassificationPrompt.of(config(), LABELS, [Shot("[SEP] [CLS]", "maybe")], template=CHAT)
    made = prompt_tokens(chat)
    assert made.prefix.count(plain.sep_token_id) == 5, "the template's own: three turns, of which the last is open"
    assert plain.cls_token_id not in made.prefix
    suffix = made.tokenizer("say [SEP][PAD]")["input_ids"]
    assert suffix.count(plain.sep_token_id) == 1 and plain.pad_token_id not in suffix


def test_a_long_text_loses_its_end_and_what_follows_it_stays():
    made = prompt_tokens(max_length=12)
    after = made.tokenizer("")["input_ids"]
    assert len(after) == made.after
    batch = made.tokenizer(["word " * 50, "word"], truncation=True, max_length=made.max_length)
    long, short = batch["input_ids"]
    assert len(long) == 12 and long[-len(after) :] == after and short[-len(after) :] == after
    assert [bool(e.overflowing) for e in batch.encodings] == [True, False], "cut texts can be counted"
    assert long[: 12 - len(after)] == made.tokenizer("word " * 50)["input_ids"][: 12 - len(after)]


def test_both_texts_of_a_pair_are_framed():
    made = prompt_tokens(ClassificationPrompt.of(config(), LABELS, pairs=True))
    ids = [*made.prefix, *made.tokenizer("one", "two")["input_ids"]]
    assert tokenizer().decode(ids).endswith("\n\nText: one\nSecond: two\nLabel:")


def test_texts_are_cut_where_the_network_has_no_room_for_more():
    made = prompt_tokens()
    room = len(made.prefix) + made.after + 5 + max(map(len, made.answers))
    cut = PromptTokens.of(made.prompt, tokenizer(), max_length=64, positions=room)
    assert cut.max_length == made.after + 5
    assert len(made.prefix) + cut.max_length + max(map(len, cut.answers)) == room
    assert PromptTokens.of(made.prompt, tokenizer(), max_length=64, positions=None).max_length == 64
    assert PromptTokens.of(made.prompt, tokenizer(), max_length=64, positions=room, virtual_tokens=4).max_length == (
        made.after + 1
    )


def test_a_prompt_that_leaves_no_room_says_its_tokens_and_what_to_shorten():
    made = prompt(SHOTS * 3)
    with pytest.raises(ModelError, match=r"takes \d\d+ tokens, .* positions for 60 .*shots_per_class=[01], or shorten"):
        PromptTokens.of(made, tokenizer(), max_length=64, positions=60)
    with pytest.raises(ModelError, match=r"positions for 9 .*; shorten prompt\.instruction by \d+ tokens"):
        PromptTokens.of(prompt([]), tokenizer(), max_length=64, positions=9)
    with pytest.raises(ModelError, match=r"positions for 60 with text, 30 virtual tokens and label; shorten"):
        PromptTokens.of(prompt([]), tokenizer(), max_length=64, positions=60, virtual_tokens=30)


def test_the_smaller_number_of_examples_that_is_named_fits():
    made, positions = prompt(SHOTS * 6), 150
    with pytest.raises(ModelError) as caught:
        PromptTokens.of(made, tokenizer(), max_length=64, positions=positions)
    named = int(str(caught.value).split("shots_per_class=")[1].split(",")[0])
    assert 0 < named < 6
    PromptTokens.of(prompt(SHOTS * named), tokenizer(), max_length=64, positions=positions)


def test_answers_of_equal_tokens_are_refused():
    names = tokenizer()
    names.add_tokens(["same"])
    made = prompt([], verbalisers={**WORDS["several"], "maybe": "it"})
    spoiled = ClassificationPrompt.from_json({**made.to_json(), "answers": dict.fromkeys(LABELS, " it")})
    with pytest.raises(
        ConfigError, match=r"not_at_all and maybe are the same tokens.*prompt\.verbalisers\.maybe=<word>"
    ):
        PromptTokens.of(spoiled, names, max_length=64, positions=256)


def test_the_tokenizer_that_was_given_is_left_as_it_is():
    plain = tokenizer()
    before = plain("a [SEP] b")["input_ids"]
    PromptTokens.of(prompt(), plain, max_length=64, positions=256)
    assert plain("a [SEP] b")["input_ids"] == before


def test_tokens_of_a_request_are_known():
    made = prompt_tokens()
    suffix = len(made.tokenizer("hello there")["input_ids"])
    assert made.per_request(suffix) == len(made.prefix) + suffix
    assert made.overhead == len(made.prefix) + len(made.tokenizer("")["input_ids"])
