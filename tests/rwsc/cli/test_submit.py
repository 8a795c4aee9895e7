import pytest

NOWHERE = "http://somebody:pa55word@127.0.0.1:1"


@pytest.fixture
def submit(rwsc, monkeypatch):
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return lambda *arguments: rwsc("submit", *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one thing at a time"),
        (["--status", "a", "--stop", "a"], "one thing at a time"),
        (["--logs", "a", "--", "verify", "c"], "one thing at a time"),
        (["--", "demo"], "does not take 'demo'"),
        (["--", "items", "show", "c"], "does not take 'items show'"),
        (["--", "submit", "--", "verify", "c"], "does not take 'submit --'"),
        (["--", "synth", "-o", "corpus"], "-o corpus is relative"),
        (["--", "synth", "--output", "../corpus"], "-o ../corpus is relative"),
        (["--", "synth", "--output=corpus"], "-o corpus is relative"),
        (["--", "synth", "-ocorpus"], "-o corpus is relative"),
        (["--", "verify", "s3://bucket/c"], "no Ray cluster is named"),
        (["--env", "NOT_SET_ANYWHERE", "--", "verify", "c"], "--env NOT_SET_ANYWHERE is not set here"),
        (["--address", NOWHERE, "--", "verify", "c"], "cluster at http://127.0.0.1:1: Failed to connect"),
    ],
)
def test_what_cannot_be_submitted_is_one_line_a_remedy_and_exit_code_2(submit, arguments, message):
    code, out, err = submit(*arguments)
    lines = err.splitlines()
    assert (code, out, len(lines)) == (2, "", 2)
    assert message in lines[0]
    assert lines[1].startswith("try:   ")
    assert "pa55word" not in err


def test_a_value_given_with_a_name_is_not_repeated(submit):
    code, _, err = submit("--env", "AWS_SECRET_ACCESS_KEY=s3cr3t", "--", "verify", "c")
    assert code == 2
    assert "--env AWS_SECRET_ACCESS_KEY came with a value" in err
    assert "s3cr3t" not in err
