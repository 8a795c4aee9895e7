import io
import random
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from rwsc.sources.mat_file import DamagedMat, read_matrix


def mat(*, packed=False, **variables):
    buffer = io.BytesIO()
    savemat(buffer, variables, do_compression=packed)
    return buffer.getvalue()


def element(kind, data, order="<"):
    return struct.pack(order + "II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def head(name, *, shape=(1, 1), array_class=6, order="<"):
    flags, size = struct.pack(order + "II", array_class, 0), struct.pack(f"{order}{len(shape)}i", *shape)
    return element(6, flags, order) + element(5, size, order) + element(1, name, order)


def file(body, order="<"):
    mark = {"<": b"IM", ">": b"MI"}[order]
    return b"MATLAB 5.0".ljust(124) + struct.pack(order + "H", 0x0100) + mark + body


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_tables_are_read_as_scipy_reads_them(kind, packed):
    for shape in [(7, 5), (1, 1), (1, 2), (3, 0), (40, 3)]:
        table = (np.arange(shape[0] * shape[1]) % 100).reshape(shape).astype(kind)
        data = mat(first={"a": [1, "x"]}, bb=table, last="text", packed=packed)
        found = read_matrix(data, "bb")
        assert np.array_equal(found, loadmat(io.BytesIO(data))["bb"])
        assert found.shape == shape


def test_files_of_big_endian_machines_are_read():
    body = head(b"bb", shape=(1, 2), order=">") + element(9, struct.pack(">2d", 3.0, 4.0), ">")
    assert read_matrix(file(element(14, body, ">"), ">"), "bb").tolist() == [[3.0, 4.0]]


def nested_cells(depth):
    heads, length = [], 0
    for _ in range(depth):
        heads.append(
            struct.pack("<II", 14, len(head(b"", array_class=1)) + length) + head(b"", array_class=1)
        )
        length += len(heads[-1])
    outer = struct.pack("<II", 14, len(head(b"bb", array_class=1)) + length) + head(b"bb", array_class=1)
    packed = zlib.compress(outer + b"".join(reversed(heads)), 9)
    return file(struct.pack("<II", 15, len(packed)) + packed)


BOMB = zlib.compress(struct.pack("<II", 14, 2**28) + bytes(2**26), 9)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no MATLAB file"),
        (b"MATLAB 5.0", "no MATLAB file"),
        (b"MATLAB 7.3 MAT-file".ljust(600), "7.3"),
        (b"\x89HDF\r\n\x1a\n", "7.3"),
        (b"\0" * 500, "no MATLAB file"),
        (file(b"\1\2\3"), "damaged"),
        (file(struct.pack("<II", 14, 2**31) + b"short"), "ends too early"),
        (file(struct.pack("<II", 15, 4) + b"abcd"), "damaged"),
        (file(struct.pack("<II", 15, len(BOMB)) + BOMB), "ends too early"),
        (file(b""), "0 variables"),
        (file(element(14, head(b"bb", shape=(2**30, 2**30)) + element(9, b""))), "does not hold"),
        (file(element(14, head(b"bb", shape=(-1, 5)) + element(9, b""))), "does not hold"),
        (file(element(14, head(b"bb"))), "no table"),
        (file(element(14, head(b"bb") + element(0x2B09, bytes(8)))), "no table|damaged"),
        (file(2 * element(14, head(b"bb") + element(9, bytes(8)))), "2 variables"),
        (mat(bb=np.zeros((2, 5, 2))), "2 x 5 x 2"),
        (mat(bb=np.zeros((2, 5), complex)), "no table"),
        (mat(bb={"a": 1}), "no table"),
        (nested_cells(100_000), "no table"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(data, message):
    with pytest.raises(DamagedMat, match=message) as caught:
        read_matrix(data, "bb")
    assert "\n" not in str(caught.value)


def test_changed_bytes_raise_nothing_else():
    rng = random.Random(3)
    table = np.arange(50.0).reshape(10, 5)
    sound = [mat(bb=table, packed=packed) for packed in (False, True)]
    num_refused = 0
    for _ in range(3000):
        data = bytearray(rng.choice(sound))
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(len(data))] = rng.choice([0, 255, rng.randrange(256)])
        try:
            assert read_matrix(bytes(data), "bb").ndim == 2
        except DamagedMat:
            num_refused += 1
    assert 300 < num_refused < 2900
