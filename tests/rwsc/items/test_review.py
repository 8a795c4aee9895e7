import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.things import item_row, thing

from rwsc.errors import ObjectMissing, SourceError
from rwsc.items.review import Decision, Review, read_review, review_template
from rwsc.storage.prefix import write_uri


@pytest.fixture
def review_of(tmp_path):
    def read(data):
        path = tmp_path / "review.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return read_review(str(path))

    return read


def verdicts(review):
    return {item_id: (decision.verdict, decision.note) for item_id, decision in review.decisions.items()}


def test_a_file_as_people_write_it(review_of):
    text = '# mine\nitem_id,decision,note\n\na,accept,fine\nb,REJECT,"half, at most"\n # c,reject,\nd,,\ne,accept\n'
    wanted = {"a": ("accept", "fine"), "b": ("reject", "half, at most"), "e": ("accept", "")}
    assert verdicts(review_of(text)) == wanted
    assert verdicts(review_of("\ufeff" + text.replace("\n", "\r\n"))) == wanted


def test_columns_may_stand_in_any_order_among_others_and_semicolons_separate_too(review_of):
    assert verdicts(review_of("label;Decision;item_id\ngun;reject;a\n")) == {"a": ("reject", "")}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "no line of columns"),
        ("# nothing\n", "no line of columns"),
        ("id,decision\na,accept\n", "line 1 should name the columns, 'item_id' once"),
        ("item_id,decision,decision\n", "line 1 should name the columns, 'decision' once"),
        ("item_id,decision\n\na,maybe\n", "line 3: the decision is 'maybe'"),
        ("item_id,decision\n,accept\n", "line 2: a decision without an item_id"),
        (
            "item_id,decision\na,accept\nb,reject\na,reject\n",
            "line 4: 'a' is to reject, but line 2 says accept",
        ),
        ('item_id,decision,note\na,accept,"open\nb,reject,\n', "line 2 is no CSV"),
        (b"item_id,decision\n\xff\xfe,accept\n", "not UTF-8"),
        ("item_id,decision\n" + "a" * 200_000 + ",accept\n", "line 2 is no CSV"),
    ],
)
def test_a_bad_file_is_one_line_that_says_where(review_of, data, message):
    with pytest.raises(SourceError) as caught:
        review_of(data)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_the_same_decision_twice_is_no_contradiction(review_of):
    assert verdicts(review_of("item_id,decision,note\na,reject,one\na,reject,two\n")) == {
        "a": ("reject", "one")
    }


def test_a_note_is_one_line_without_control_characters(review_of):
    (decision,) = review_of("item_id,decision,note\na,reject,x\x0b\ty\n").decisions.values()
    assert decision == Decision(verdict="reject", note="x y", line=2)


def test_a_review_may_lie_in_any_store(store_uri):
    write_uri(f"{store_uri}/review.csv", b"item_id,decision\na,accept\n")
    assert verdicts(read_review(f"{store_uri}/review.csv")) == {"a": ("accept", "")}
    with pytest.raises(ObjectMissing):
        read_review(f"{store_uri}/absent.csv")


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("r") / "review.csv"
    path.write_bytes(("item_id,decision,note\n" + text).encode("utf-8", "surrogatepass"))
    with suppress(SourceError):
        review = read_review(str(path))
        assert all(decision.verdict in ("accept", "reject") for decision in review.decisions.values())


def decided(verdict, note=""):
    return Review(uri="r", decisions={"a": Decision(verdict=verdict, note=note, line=2)})


def test_the_word_of_a_person_goes_before_the_gate():
    pixels = thing(0)
    review = decided("reject")
    row = review.apply(item_row("a", pixels))
    assert (row.status, row.reason, row.review) == ("rejected", "rejected in review", "reject")
    row = decided("accept").apply(item_row("a", pixels, status="rejected", reason="too small: 3"))
    assert (row.status, row.reason, row.review, row.overruled_reason) == (
        "ok",
        None,
        "accept",
        "too small: 3",
    )
    assert review.unknown_ids == []


@pytest.mark.parametrize(
    ("row", "verdict", "status", "reason", "outcome"),
    [
        (item_row("a"), "accept", "rejected", "no mask", "no pixels"),
        (item_row("a"), "reject", "rejected", "no mask", "agreed"),
        (item_row("a", thing(0)), "accept", "ok", None, "agreed"),
        (item_row("a", status="failed", reason="gone"), "reject", "failed", "gone", "agreed"),
        (item_row("a", status="failed", reason="gone"), "accept", "failed", "gone", "no pixels"),
    ],
)
def test_what_cannot_or_need_not_change_keeps_its_reason(row, verdict, status, reason, outcome):
    review = decided(verdict, "note")
    after = review.apply(row)
    assert (after.status, after.reason, after.review) == (status, reason, verdict)
    assert after.overruled_reason is None
    assert review.outcome == {outcome: 1}


def test_an_accepted_item_of_which_no_row_is_kept_is_told_with_the_reason():
    review = decided("accept")
    review.apply(item_row("a", thing(0)))
    review.set_aside("a", "annotated twice")
    assert review.outcome == {"annotated twice": 1}
    assert review.unknown_ids == []


def test_a_row_without_a_decision_is_the_same_row_and_an_id_without_a_row_is_told():
    review = decided("accept")
    row = item_row("b", thing(0))
    assert review.apply(row) is row
    assert review.unknown_ids == ["a"]


def test_a_template_decides_nothing_until_it_is_filled_in(review_of):
    rows = [
        {"item_id": "a", "label": "=HYPERLINK(1)", "status": "ok", "reason": None},
        {"item_id": "b", "label": 'x,"\ny', "status": "rejected", "reason": "too small"},
    ]
    template = review_template(rows).decode()
    assert review_of(template).decisions == {}
    cells = list(csv.reader(io.StringIO(template)))
    assert cells[-2] == ["a", "", "", "'=HYPERLINK(1)", "ok", ""]
    assert cells[-1] == ["b", "", "", 'x," y', "rejected", "too small"]
    assert verdicts(review_of(template.replace("a,,", "a,reject,no"))) == {"a": ("reject", "no")}
