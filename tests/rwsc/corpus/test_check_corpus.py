import pyarrow as pa
import pytest
from support.corpora import synth_config
from support.made_corpora import make_here
from support.plans import bags_of, plan_of

from rwsc.corpus.check_corpus import check_coco, check_plan, check_report, check_strays
from rwsc.corpus.check_shard import Counted
from rwsc.corpus.plan_store import StoredPlan, write_plan
from rwsc.storage.prefix import Prefix

SETTINGS = {"num_images": 11, "shard_images": 4}


@pytest.fixture
def plan(inputs_root):
    return plan_of(bags_of(inputs_root), 11)


def messages(parts, tmp_path, **changes):
    corpus = Prefix(str(tmp_path))
    write_plan(corpus, parts, stamp="")
    stored = StoredPlan(corpus)
    findings = check_plan(stored, stored.shards(), {**SETTINGS, **changes})
    return [finding.message for finding in findings.kept]


def test_a_whole_plan_has_no_fault(plan, tmp_path):
    assert messages([plan], tmp_path) == []
    assert messages([plan.slice(0, 8), plan.slice(8)], tmp_path) == []


def test_images_planned_twice_or_not_at_all_are_counted(plan, tmp_path):
    assert messages([plan], tmp_path, num_images=12) == ["the plan has 11 images, the run card says 12"]
    place = plan.schema.get_field_index("image_id")
    names = plan["image_id"].to_pylist()
    twice = plan.set_column(place, "image_id", pa.array([*names[:9], *names[:2]]))
    assert messages([twice], tmp_path) == ["2 images are planned more than once"]
    assert messages([plan.slice(1)], tmp_path) == [
        "the plan has 10 images, the run card says 11",
        "the shard has 3 planned images, the run card says 4",
    ]


def test_an_empty_folder_lacks_its_summaries_and_has_no_strays(tmp_path):
    corpus = Prefix(str(tmp_path))
    assert check_strays(corpus, []).counts == {}
    assert check_report(corpus, Counted()).counts == {"report": 1}
    assert check_coco(corpus, Counted(), None).counts == {}


def test_summaries_are_compared_with_what_was_counted(inputs_root, tmp_path):
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"))
    make_here(config)
    corpus = Prefix(config.output)
    findings = check_report(corpus, Counted())
    assert {finding.message.split(" says ")[0] for finding in findings.kept} == {"report.json"}
    assert check_coco(corpus, Counted(), ["gun", "knife"]).counts["coco"] >= 2
    assert check_coco(corpus, Counted(), ["gun"]).counts["coco"] >= 3
