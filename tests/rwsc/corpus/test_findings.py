import json

from rwsc.corpus.findings import CHECKS, KEPT_PER_CHECK, REMEDIES, Findings


def some(check, number):
    findings = Findings()
    for each in range(number):
        findings.add(check, f"{each}", shard_id="s", image_id=f"i{each}")
    return findings


def test_all_are_counted_and_the_first_are_kept():
    findings = some("image", KEPT_PER_CHECK + 3)
    assert findings.counts["image"] == KEPT_PER_CHECK + 3
    assert [finding.message for finding in findings.kept] == [f"{each}" for each in range(KEPT_PER_CHECK)]
    assert findings.num_left_out == 3


def test_findings_of_many_stay_within_the_bound_of_each_check():
    whole = Findings()
    for _ in range(3):
        whole.merge(some("image", KEPT_PER_CHECK - 50))
        whole.merge(some("label", 1))
    assert whole.counts == {"image": 3 * (KEPT_PER_CHECK - 50), "label": 3}
    assert sum(finding.check == "image" for finding in whole.kept) == KEPT_PER_CHECK
    assert sum(finding.check == "label" for finding in whole.kept) == 3
    assert whole.num_left_out == whole.counts.total() - len(whole.kept)


def test_every_check_has_a_remedy_and_each_is_named_once_for_what_it_mends():
    assert set(REMEDIES) == set(CHECKS)
    assert Findings().remedies() == {}
    whole = some("orphan", 2)
    for check in ("leftover", "row", "image"):
        whole.merge(some(check, 1))
    assert list(whole.remedies().values()) == [["row", "image"], ["orphan", "leftover"]]


def test_findings_travel_as_json():
    findings = some("row", 2)
    back = Findings.from_dict(json.loads(json.dumps(findings.to_dict())))
    assert back.kept == findings.kept
    assert back.counts == findings.counts
