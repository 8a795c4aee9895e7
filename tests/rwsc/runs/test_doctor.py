import pytest

from rwsc.runs import doctor


def test_every_package_is_found_and_a_good_folder_can_be_written(tmp_path):
    names = [check["name"] for check in map(doctor._storage, [str(tmp_path)])]
    assert names == ["storage"]
    assert doctor._storage(str(tmp_path))["ok"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_fails_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("x")
    check = doctor._storage(str(tmp_path / "file" / "below"))
    assert not check["ok"]
    assert "file" in check["found"]


@pytest.mark.ray
def test_all_checks_pass_on_a_machine_that_works(ray_cluster, tmp_path):
    checks = doctor.examine([str(tmp_path)])
    assert all(check["ok"] for check in checks)
    assert {"python", "ray", "torch", "disk", "storage", "gpu", "ray cluster"} <= {c["name"] for c in checks}
