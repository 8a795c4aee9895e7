import pytest

from rwsc.sources.trace_lines import images_named_in, names_told_of

SHA256 = "ab12" * 16


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (".csv", f"name,size,mtime,sha256\n1.png,1001,2024-01-02,{SHA256}"),
        (".csv", f"1.png,1001,2024-01-02 10:00:00,{SHA256}"),
        (".csv", "name,crc32\n1.png,1a2b3c4d"),
        (".csv", "1.png;4096;2020-01-01"),
        (".csv", "1.png,200,160"),
        (".csv", ",name,width,height\n0,1.png,200,160"),
        (".csv", f"1.png,{SHA256},3"),
        (".json", f'[{{"path": "1.png", "sha256": "{SHA256}", "bytes": 3}}]'),
        (".json", ' "preview": "1.png"'),
        (".json", '{"file": "1.png", "width": 4, "height": 3, "size": 7, "mtime": 1.5, "mode": "RGB"}'),
        (".txt", "01.02.2020  10:30    12345 1.png"),
        (".txt", "-rw-r--r-- 1 user user 12345 Jan 2 2020 1.png"),
    ],
)
def test_names_sizes_dates_and_checksums_tell_nothing_of_an_image(ending, text):
    assert "1" not in set(names_told_of(text, ending))


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (".csv", "name,size,label\n1.png,1001,0"),
        (".csv", "name,x,y,width,height\n1.png,1,2,30,40"),
        (".csv", "name,Gun\n1,1"),
        (".csv", f"file,sha256,name\n1.png,{SHA256},gun"),
        (".csv", "1.png,0"),
        (".csv", "1.png,-1"),
        (".csv", "1.png,11,12,30,40"),
        (".csv", f"1.png,{SHA256},gun"),
        (".csv", "1.png,no"),
        (".csv", "1.png,枪"),
        (".tsv", "1.png\tgun"),
        (".json", '{"gun": ["1.png"]}'),
        (".json", '{"file": "1.png", "name": "gun"}'),
        (".json", '{"file": "1.png", "x": 1, "width": 30}'),
        (".txt", "1.png 10:20:30:40 11 12 13"),
        (".txt", "1.png 1,2,30,40,0"),
    ],
)
def test_labels_and_boxes_tell_of_an_image(ending, text):
    assert "1" in set(names_told_of(text, ending))


def test_a_list_of_checksums_tells_only_where_there_is_no_checksum():
    text = f"1.png,{SHA256},5,6,7,8\n2.png,5,6,7,8"
    assert set(names_told_of(text, ".csv", is_remark=True, has_digests=True)) == {"2"}


def test_a_readme_tells_only_by_a_line_that_begins_with_an_image_and_its_box():
    text = "see 1.png 1 2 3 4\n2.png 1 2 30 40 gun\n3.png has 1 or 2 or 3 or 4 guns"
    assert set(names_told_of(text, ".txt", is_remark=True)) == {"2"}


def test_images_are_named_without_folder_and_ending():
    assert images_named_in("<f>a\\b/1.png</f> <g>2.PNG</g> 3.txt") == {"1", "2"}
