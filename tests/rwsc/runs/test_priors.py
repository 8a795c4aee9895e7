import cv2
import numpy as np
import pytest

from rwsc.corpus.settings import SynthConfig
from rwsc.errors import ConfigError, ObjectExists, ObjectMissing, SourceError
from rwsc.placement.config import PlacementConfig
from rwsc.placement.priors import Priors
from rwsc.runs.priors import learn_from_catalogue, read_priors, with_priors
from rwsc.sources.catalogue import write_catalogue
from rwsc.sources.index import index_source
from rwsc.sources.masks import encode_rle
from rwsc.sources.schema import Scan, ScanObject
from rwsc.storage.prefix import write_uri

HEIGHT, WIDTH = 200, 300


def scan_in(folder, *, objects, density=0.5, number=0, **fields):
    """A bag of one density in a frame of air, annotated."""
    image = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
    image[20:180, 30:270] = round(250 * np.exp(-density)) - number
    (folder / f"bag{number}").mkdir(parents=True)
    cv2.imwrite(str(folder / f"bag{number}" / "a.png"), image)
    (seen,) = index_source(str(folder / f"bag{number}"))
    return Scan(**seen.to_row() | {"kind": "threat", "objects": objects, "bags": seen.bags} | fields)


def box(x, y, width, height, **fields):
    return ScanObject(label="knife", bbox_xywh=[float(side) for side in (x, y, width, height)], **fields)


def slanted_mask():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(mask, (60, 140), (120, 80), 1, 9)
    return encode_rle(mask > 0)


def test_what_is_learned_is_what_the_catalogue_shows(tmp_path, store_uri):
    objects = [box(200, 120, 30, 40), box(58, 78, 64, 64, mask_rle=slanted_mask())]
    write_catalogue(f"{store_uri}/c.parquet", [scan_in(tmp_path, objects=objects)])
    learned = learn_from_catalogue(f"{store_uri}/c.parquet", f"{store_uri}/priors.json")
    assert read_priors(f"{store_uri}/priors.json") == learned
    assert learned.num_objects == 2
    bag_diagonal = np.hypot(240, 160)
    assert learned.size[""][0] == pytest.approx(50 / bag_diagonal, rel=0.08)
    assert np.argmax(learned.direction) in (2, 3)
    assert learned.density[0] == pytest.approx(0.5, abs=0.02)
    position = np.array(learned.position)
    assert position[8:, 8:].sum() > 0.2
    assert position[:4, 8:].sum() < 0.05


def test_objects_outside_of_bags_and_scans_without_are_left_out(tmp_path):
    scans = [
        scan_in(tmp_path, objects=[box(280, 5, 10, 10), box(100, 80, 0, 20)]),
        scan_in(tmp_path, objects=[box(100, 80, 20, 20)], number=1, kind="benign"),
        scan_in(tmp_path, objects=[box(100, 80, 20, 20, flags=["outside"])], number=2),
        scan_in(tmp_path, objects=[box(100, 80, 20, 20)], number=3, bags=[]),
    ]
    write_catalogue(f"{tmp_path}/c.parquet", scans)
    with pytest.raises(SourceError, match=r"no annotated object of .* lies in a bag"):
        learn_from_catalogue(f"{tmp_path}/c.parquet", f"{tmp_path}/priors.json")
    assert not (tmp_path / "priors.json").exists()


def test_a_scan_that_is_gone_or_another_costs_only_its_own(tmp_path, capsys):
    scans = [scan_in(tmp_path, objects=[box(100, 80, 20, 20)], number=number) for number in range(3)]
    write_catalogue(f"{tmp_path}/c.parquet", scans)
    (tmp_path / "bag0" / "a.png").unlink()
    (tmp_path / "bag1" / "a.png").write_bytes(b"no picture")
    learned = learn_from_catalogue(f"{tmp_path}/c.parquet", f"{tmp_path}/priors.json")
    assert learned.num_objects == 1
    assert "2 scans cannot be read any more" in capsys.readouterr().err


def test_what_is_transparent_around_an_object_is_air_and_not_black_matter(tmp_path):
    image = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    image[80:120, 60:270] = (150, 150, 150, 255)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    (seen,) = index_source(str(tmp_path))
    # Around most of the object there is nothing.
    fields = {"kind": "threat", "objects": [box(100, 70, 20, 60)], "bags": seen.bags}
    write_catalogue(f"{tmp_path}/c.parquet", [Scan(**seen.to_row() | fields)])
    learned = learn_from_catalogue(f"{tmp_path}/c.parquet", f"{tmp_path}/p.json")
    assert max(learned.density) == pytest.approx(0, abs=0.01)


def test_the_order_of_the_catalogue_changes_nothing(tmp_path):
    scans = [
        scan_in(tmp_path, objects=[box(60 + 30 * number, 80, 20, 30)], number=number) for number in range(4)
    ]
    learned = []
    for number, order in enumerate((scans, scans[::-1])):
        write_catalogue(f"{tmp_path}/c{number}.parquet", order)
        learned.append(learn_from_catalogue(f"{tmp_path}/c{number}.parquet", f"{tmp_path}/p{number}.json"))
    assert learned[0] == learned[1]


def test_nothing_is_replaced_unasked(tmp_path):
    write_catalogue(f"{tmp_path}/c.parquet", [scan_in(tmp_path, objects=[box(100, 80, 20, 20)])])
    learn_from_catalogue(f"{tmp_path}/c.parquet", f"{tmp_path}/p.json")
    with pytest.raises(ObjectExists):
        learn_from_catalogue(f"{tmp_path}/c.parquet", f"{tmp_path}/p.json")
    learn_from_catalogue(f"{tmp_path}/c.parquet", f"{tmp_path}/p.json", overwrite=True)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "Expecting value"),
        (b"\x80abc", "decode"),
        (b"[]", "valid dictionary"),
        (b'{"num_objects": 1}', "position"),
        (b"[" * 100_000, "recursion"),
        (b'{"num_objects": 1, "position": [[NaN]], "size": {}}', "position: Value error, needs 12 rows"),
    ],
)
def test_a_file_that_holds_no_priors_is_refused_in_one_line(tmp_path, data, what):
    write_uri(f"{tmp_path}/p.json", data)
    with pytest.raises(ConfigError, match="holds no placement priors") as caught:
        read_priors(f"{tmp_path}/p.json")
    assert what in caught.value.message
    assert len(caught.value.message.splitlines()) == 1
    assert "rwsc items priors" in str(caught.value.remedy)


def synth_config(**placement):
    return SynthConfig(items="i", bags="b", output="o", placement=PlacementConfig(**placement))


def test_settings_take_the_priors_in_and_stay_without(tmp_path):
    write_catalogue(f"{tmp_path}/c.parquet", [scan_in(tmp_path, objects=[box(100, 80, 20, 20)])])
    learned = learn_from_catalogue(f"{tmp_path}/c.parquet", f"{tmp_path}/p.json")
    named = synth_config(priors=f"{tmp_path}/p.json")
    assert with_priors(named).placement.learned == learned
    assert with_priors(with_priors(named)) == with_priors(named)
    assert with_priors(synth_config()) == synth_config()
    # As the settings travel to the workers.
    again = SynthConfig(**with_priors(named).model_dump())
    assert isinstance(again.placement.priors, Priors)
    with pytest.raises(ObjectMissing):
        with_priors(synth_config(priors=f"{tmp_path}/none.json"))
