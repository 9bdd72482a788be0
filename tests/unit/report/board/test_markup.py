import json

from ftlab.report.board.markup import Html, element, escape, json_script, table


def test_text_and_attributes_are_escaped_once():
    made = element("p", "<b>&", title="\"x'")
    assert made == '<p title="&quot;x&#x27;">&lt;b&gt;&amp;</p>'
    assert escape(made) is made


def test_attributes_that_are_none_or_false_are_left_out_and_true_has_no_value():
    made = element("i", checked=True, id=None, disabled=False, class_="a", data_row=0)
    assert made == ('<i checked class="a" data-row="0"></i>')


def test_json_survives_and_cannot_end_its_element():
    value = {"a": "</script><!--", "b": "\u2028&"}
    made = json_script("data", value)
    inside = made.removeprefix('<script type="application/json" id="data">').removesuffix("</script>")
    assert not set("<>&\u2028") & set(inside)
    assert json.loads(inside) == value


def test_what_no_file_can_hold_becomes_a_question_mark():
    assert escape("a\ud800\0b") == "a?b"


def test_a_table_names_itself_and_its_rows():
    made = table(("label", "f1"), [("<a>", 0.5)], "Scores")
    assert isinstance(made, Html)
    assert '<caption class="unseen">Scores</caption>' in made and '<th scope="row">&lt;a&gt;</th><td>0.5</td>' in made
