"""What can be wrong with a file: changes of bytes, of text, of documents, of pictures, of tables and of tensors.

Each takes a source of chance and a sound file's bytes and gives other bytes. None knows rwsc.
"""

import gzip
import io
import json
import re
import struct
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HUGE = 0x7FFFFFFF
HOSTILE_TEXTS = (
    "",
    " ",
    "../../../../etc/passwd",
    "/etc/passwd",
    "s3://no-such-bucket-of-rwsc/x",
    "file:///etc/passwd",
    "\x1b[2J\x1b[31mred",
    "line\nbreak\r\n\ttab",
    "nul\0byte",
    "\u202egnp.exe",
    "\ud800",
    "x" * 70_000,
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "${HOME}",
    "${NO_SUCH_VARIABLE}",
    "NaN",
    "null",
    "%s%n%d{0}{x}",
    "a" * 300 + "/b",
)
HOSTILE_VALUES = (
    None,
    True,
    -1,
    0,
    1 << 31,
    -(1 << 63),
    1 << 70,
    10**400,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    [None],
    {"": None},
    *HOSTILE_TEXTS,
)


# Bytes ----------------------------------------------------------------------------------------------------------


def flip_bits(rng, data):
    out = bytearray(data)
    for _ in range(rng.choice((1, 8, 64))):
        place = rng.randrange(len(out))
        out[place] ^= 1 << rng.randrange(8)
    return bytes(out)


def flip_early_bits(rng, data):
    """Headers stand first."""
    head = min(len(data), 256)
    return flip_bits(rng, data[:head]) + data[head:]


def truncate(rng, data):
    return data[: rng.randrange(len(data))]


def cut_the_end(rng, data):
    return data[: len(data) - rng.randrange(1, min(64, len(data)) + 1)]


def drop_block(rng, data):
    first = rng.randrange(len(data))
    return data[:first] + data[first + rng.randrange(1, 200) :]


def double_block(rng, data):
    first = rng.randrange(len(data))
    block = data[first : first + rng.randrange(1, 2000)]
    return data[:first] + block * rng.choice((2, 3, 50)) + data[first:]


def swap_blocks(rng, data):
    size = max(1, min(len(data) // 4, rng.randrange(1, 600)))
    one, two = rng.randrange(len(data) // 2 + 1), rng.randrange(len(data) // 2, len(data))
    out = bytearray(data)
    out[one : one + size], out[two : two + size] = out[two : two + size], out[one : one + size]
    return bytes(out)


def set_lengths(rng, data):
    """Overwrite four bytes with what is a length too large, too small or negative."""
    place = rng.randrange(max(1, len(data) - 4))
    word = struct.pack(rng.choice("<>") + "I", rng.choice((0, 1, HUGE, 0xFFFFFFFF, 0xFFFFFFF0, 1 << 24)))
    return data[:place] + word + data[place + 4 :]


def zero_block(rng, data):
    first = rng.randrange(len(data))
    size = min(len(data) - first, rng.randrange(1, 4000))
    return data[:first] + bytes(size) + data[first + size :]


def append_junk(rng, data):
    return data + rng.choice((b"\0", b"\xff" * 9, rng.randbytes(500), data, b"<?php", b"PK\x03\x04"))


def splice(rng, data, other=b"PK\x03\x04" + bytes(60)):
    """Begin as one file and go on as another."""
    return data[: rng.randrange(1, len(data))] + other[rng.randrange(len(other)) :]


def nothing(rng, data):
    return rng.choice((b"", b"\0", b"\n", rng.randbytes(300), bytes(5000)))


def other_kind(rng, data):
    return rng.choice(
        (
            b"GIF89a" + bytes(20),
            b"%PDF-1.7\n",
            b"\x89HDF\r\n\x1a\n" + bytes(64),
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n",
            bytes(128) + b"DICM" + bytes(40),
            b"<!DOCTYPE html><html>404 Not Found</html>",
            b"PAR1" + bytes(40) + b"PAR1",
            gzip.compress(data, mtime=0),
            b"\xef\xbb\xbf" + data,
            data.decode("latin-1").encode("utf-16"),
        )
    )


BYTES = (
    flip_bits, flip_bits, flip_early_bits, flip_early_bits, truncate, truncate, cut_the_end, drop_block, double_block,
    swap_blocks, set_lengths, set_lengths, zero_block, append_junk, splice, nothing, other_kind,
)  # fmt: skip


# Pictures -------------------------------------------------------------------------------------------------------


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_chunks(data):
    found, place = [], 8
    while place + 8 <= len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += size + 12
    return found


def join_png(chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks)


def png_header(rng, data):
    """Another header with a right checksum: sizes, depths and colour types that do not fit the pixels."""
    (_, head), *rest = png_chunks(data)
    width, height, bits, colour = struct.unpack(">IIBB", head[:10])
    width = rng.choice((width, 0, 1, width + 1, 20_000, 100_000, HUGE, 0xFFFFFFFF))
    height = rng.choice((height, 0, 1, height + 1, 20_000, 100_000, HUGE))
    bits = rng.choice((bits, 1, 2, 4, 16, 3, 0, 255))
    colour = rng.choice((colour, 0, 3, 4, 6, 1, 7))
    tail = bytes(rng.choice((0, 0, 1, 255)) for _ in range(3))
    return join_png([(b"IHDR", struct.pack(">IIBB", width, height, bits, colour) + tail), *rest])


def png_bomb(rng, data):
    """Few bytes that unpack to many: in the pixels, a text or a profile."""
    (_, head), *rest = png_chunks(data)
    packed = zlib.compress(bytes(60_000_000), 9)
    name = rng.choice((b"IDAT", b"zTXt", b"iTXt", b"iCCP"))
    bomb = {
        b"IDAT": packed,
        b"zTXt": b"Comment\0\0" + packed,
        b"iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + packed,
        b"iCCP": b"x\0\0" + packed,
    }[name]
    if name == b"IDAT":
        side = rng.choice((4000, 9000))
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, rng.choice((0, 1)))
    return join_png([(b"IHDR", head), (name, bomb), *rest])


def png_order(rng, data):
    chunks = png_chunks(data)
    extra = [
        (b"PLTE", b"\0\1"),
        (b"tRNS", b"\0" * 7),
        (b"acTL", struct.pack(">II", 1 << 30, 0)),
        (b"eXIf", b"MM\0*" + bytes(12)),
        (b"IHDR", chunks[0][1]),
        (b"IEND", b""),
        (b"\0\xff\xfe\x01", b"x"),
    ]
    chunks.insert(rng.randrange(len(chunks) + 1), rng.choice(extra))
    if rng.random() < 0.5:
        rng.shuffle(chunks)
    return join_png(chunks)


def jpeg_sizes(rng, data):
    place = next(at for at in range(len(data)) if data[at : at + 2] in (b"\xff\xc0", b"\xff\xc2"))
    size = struct.pack(">HH", *(rng.choice((0, 1, 7, 10_000, 65_535)) for _ in range(2)))
    out = bytearray(data)
    out[place + 5 : place + 9] = size
    if rng.random() < 0.4:
        out[place + 4] = rng.choice((0, 12, 16, 255))
    if rng.random() < 0.4:
        out[place + 9] = rng.choice((0, 1, 2, 4, 255))
    return bytes(out)


def jpeg_segments(rng, data):
    marker = rng.choice((0xC1, 0xC2, 0xC3, 0xC4, 0xC9, 0xDB, 0xDD, 0xDA, 0xE1, 0xEE, 0xFE, 0xD0, 0xD9, 0x01))
    length = rng.choice((0, 1, 2, 9, 65_535))
    segment = bytes((0xFF, marker)) + struct.pack(">H", length) + rng.randbytes(rng.choice((0, 7, 30)))
    place = rng.choice((2, 20, len(data) // 2, len(data) - 2))
    return data[:place] + segment + data[place:]


def jpeg_many_scans(rng, data):
    """The scan header again and again, as those have it who want a decoder to work for hours."""
    place = data.index(b"\xff\xda")
    scan = data[place : place + 14]
    return data[:place] + scan * rng.choice((50, 3000)) + data[place:]


def tiff_tags(rng, data):
    """Change a field of the first directory: its tag, type, number or place."""
    (first,) = struct.unpack("<I", data[4:8])
    (number,) = struct.unpack("<H", data[first : first + 2])
    entry = first + 2 + 12 * rng.randrange(number)
    field, size = rng.choice(((0, 2), (2, 2), (4, 4), (8, 4), (8, 4)))
    value = rng.choice((0, 1, 2, 3, 5, 7, 32_773, 65_535, 50_000, HUGE))
    out = bytearray(data)
    packed = struct.pack("<I", value)[:size] if size == 2 else struct.pack("<I", value)
    out[entry + field : entry + field + size] = packed[:size]
    return bytes(out)


def tiff_loop(rng, data):
    """A directory that follows itself, or lies outside the file."""
    (first,) = struct.unpack("<I", data[4:8])
    (number,) = struct.unpack("<H", data[first : first + 2])
    after = first + 2 + 12 * number
    target = rng.choice((first, 8, len(data) - 1, HUGE, 0xFFFFFFFF))
    if rng.random() < 0.5:
        return data[:4] + struct.pack("<I", target) + data[8:]
    return data[:after] + struct.pack("<I", target) + data[after + 4 :]


def npy_header(rng, data):
    (length,) = struct.unpack("<H", data[8:10])
    text = data[10 : 10 + length].decode("latin-1")
    change = rng.choice(
        (
            (r"\|u1|<u2|<f4", rng.choice(("|O", "<i8", "<f8", "<c16", "|V9", ">f4", "<U4", "|b1", "<M8[s]", "[('a','<f4')]"))),
            (r"\([0-9, ]+\)", rng.choice(("()", "(0,)", "(-1, 5)", "(100000, 100000)", "(9999999999999999999, 2)", "(3, 4, 5, 6)",
                                          "(1e9, 2)", "(True, 4)", "(2**40, 2)", "((9,), 2)", "(" + "1, " * 300 + ")"))),
            (r"False", rng.choice(("True", "1", "None", "__import__('os').system('true')"))),
            (r"\{", rng.choice(("", "{{", "[" * 200, "{'x': 1, "))),
            (r"'shape'", rng.choice(("'shapes'", "'descr'", ""))),
        )
    )  # fmt: skip
    text = re.sub(change[0], lambda _: change[1], text, count=1)
    size = len(text) if rng.random() < 0.8 else rng.choice((0, 65_535))
    return data[:8] + struct.pack("<H", size) + text.encode("latin-1") + data[10 + length :]


def npy_values(rng, data):
    """Values that are no grey levels and no transmission."""
    shape = rng.choice(((20, 30), (20, 30, 2), (20, 30, 3), (1, 1), (5, 1), (20, 30, 5), (0, 4), (7,)))
    value = rng.choice((float("nan"), float("inf"), -1.0, 1e30, 2.0, 0.0, 1.0))
    array = np.full(shape, value, rng.choice((np.float32, np.float64)))
    if rng.random() < 0.4 and array.size:
        array[...] = 0.5
        array.flat[0] = value
    return npy(array)


def npy_other(rng, data):
    kind = rng.choice((np.int64, np.uint32, np.complex128, bool, np.float16, "U3", "datetime64[s]"))
    array = np.zeros((12, 9), kind)
    file = io.BytesIO()
    if rng.random() < 0.3:
        np.save(file, np.array([{"a": 1}], object), allow_pickle=True)
    else:
        np.lib.format.write_array(file, array, version=rng.choice(((1, 0), (2, 0), (3, 0))))
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


PICTURES = {
    "png": (*BYTES, *(png_header,) * 6, png_bomb, *(png_order,) * 4),
    "jpeg": (*BYTES, *(jpeg_sizes,) * 5, *(jpeg_segments,) * 6, jpeg_many_scans),
    "tiff": (*BYTES, *(tiff_tags,) * 12, *(tiff_loop,) * 3),
    "npy": (*BYTES, *(npy_header,) * 10, *(npy_values,) * 4, *(npy_other,) * 3),
    "bmp": BYTES,
    "webp": BYTES,
}


# Text and documents ---------------------------------------------------------------------------------------------


def change_word(rng, data):
    """Replace one word or number by what no one expects."""
    words = list(re.finditer(rb"[\w.+-]+", data))
    if not words:
        return nothing(rng, data)
    word = rng.choice(words)
    value = rng.choice(
        (*HOSTILE_TEXTS, "-1", "1e999", "9" * 5000, "0x10", "1_0", "[", "{", "}", '"', "'", "&lol;", "\ufeff")
    )
    return data[: word.start()] + value.encode("utf-8", "surrogatepass") + data[word.end() :]


def change_line(rng, data):
    lines = data.split(b"\n")
    place = rng.randrange(len(lines))
    what = rng.choice(("double", "drop", "many", "join", "empty", "shuffle"))
    if what == "double":
        lines.insert(place, lines[place])
    elif what == "many":
        lines[place:place] = [lines[place]] * 20_000
    elif what == "join" and place + 1 < len(lines):
        lines[place : place + 2] = [lines[place] + lines[place + 1]]
    elif what == "empty":
        lines[place:place] = [b""] * 3000
    elif what == "shuffle":
        rng.shuffle(lines)
    else:
        del lines[place]
    return b"\n".join(lines)


def nest(rng, data):
    """Braces, brackets or elements within each other, deeper than any reader's stack."""
    deep = rng.choice((300, 100_000))
    one = rng.choice((b"[", b"{", b'{"a":', b"<a>", b"- ", b"a = [", b"[["))
    place = rng.choice((0, len(data) // 2, len(data)))
    return data[:place] + one * deep + data[place:]


def entity_bomb(rng, data):
    entities = b'<!ENTITY a "lollollol">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + k, b"&%c;" % (97 + k) * 10) for k in range(9)
    )
    outside = b'<!ENTITY j SYSTEM "file:///etc/passwd">'
    head = b'<?xml version="1.0"?><!DOCTYPE x [' + rng.choice((entities, outside)) + b"]>"
    return head + data.replace(b"Gun", b"&j;").replace(b"gun", b"&j;")


def yaml_bomb(rng, data):
    lines = [b"a0: &a0 [lol, lol, lol]"]
    lines += [b"a%d: &a%d [%s]" % (k, k, b", ".join([b"*a%d" % (k - 1)] * 9)) for k in range(1, 9)]
    return b"\n".join(
        [*lines, rng.choice((b"names: *a8", b"!!python/object/apply:os.system ['true']", data)), data]
    )


TEXT = (*BYTES, *(change_word,) * 12, *(change_line,) * 4, *(nest,) * 3)
XML = (*TEXT, *(entity_bomb,) * 3)
YAML = (*TEXT, *(yaml_bomb,) * 3)


def change_document(rng, data):
    """Change one value of a JSON document to one of another type or range."""
    document = json.loads(data)
    places = list(_places(document))
    if not places:
        return nothing(rng, data)
    for _ in range(rng.choice((1, 1, 3))):
        inside, key = rng.choice(places)
        what = rng.random()
        if what < 0.7:
            inside[key] = rng.choice(HOSTILE_VALUES)
        elif what < 0.8 and isinstance(inside, list):
            inside[:] = inside * 30
        elif what < 0.9 and isinstance(inside, dict):
            inside.pop(key, None)
        elif isinstance(inside, dict):
            inside[rng.choice(("", "x", "__class__", "$ref"))] = inside.get(key)
    return json.dumps(document).encode()


def _places(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for key, inner in enumerate(value[:200]):
            yield value, key
            yield from _places(inner)


def swap_root(rng, data):
    return rng.choice(
        (b"null", b"[]", b"{}", b"3", b'"x"', b"[" + data + b"]", b'{"a":' + data + b"}", b"NaN", b"true")
    )


def repeat_keys(rng, data):
    """A document whose keys stand there twice, the second time with another value."""
    return re.sub(
        rb'("\w+")\s*:', lambda found: found[1] + b": null, " + found[0], data, count=rng.randrange(1, 9)
    )


JSON = (*TEXT, *(change_document,) * 25, *(swap_root,) * 3, repeat_keys)


# Tables ---------------------------------------------------------------------------------------------------------


def _write(table, **options):
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def change_cells(rng, data):
    """Other values of the right type in one column: missing, out of range, hostile."""
    table = pq.read_table(io.BytesIO(data))
    for _ in range(rng.choice((1, 1, 2))):
        table = _change_column(rng, table, rng.choice(table.column_names))
    return _write(table)


def _change_column(rng, table, name):
    field = table.schema.field(name)
    values = table.column(name).to_pylist()
    rows = range(len(values)) if rng.random() < 0.5 else [rng.randrange(max(1, len(values)))]
    for row in rows:
        if values:
            values[row] = _other(rng, field.type, values[row])
    try:
        column = pa.array(values, field.type)
    except (pa.ArrowException, ValueError, OverflowError, TypeError, UnicodeError):
        column = pa.nulls(len(values), field.type)
    return table.set_column(table.column_names.index(name), field, column)


def _other(rng, kind, value):
    if rng.random() < 0.15:
        return None
    if pa.types.is_string(kind):
        return rng.choice([text for text in HOSTILE_TEXTS if "\ud800" not in text])
    if pa.types.is_binary(kind):
        return rng.choice(
            (b"", b"\x89PNG\r\n\x1a\n", flip_bits(rng, value) if value else b"x", rng.randbytes(99))
        )
    if pa.types.is_boolean(kind):
        return not value
    if pa.types.is_integer(kind):
        return rng.choice((0, -1, 1, 2**31 - 1, -(2**31), 7))
    if pa.types.is_floating(kind):
        return rng.choice((float("nan"), float("inf"), -1.0, 0.0, 1e300, 1e-300))
    if pa.types.is_struct(kind):
        value = dict(value or {field.name: None for field in kind})
        name = rng.choice([field.name for field in kind])
        value[name] = _other(rng, kind.field(name).type, value.get(name))
        return value
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = list(value or [])
        what = rng.random()
        if what < 0.2:
            return []
        if what < 0.4:
            return inner * 50
        if what < 0.6 and inner:
            return inner[:-1]
        return [*inner, _other(rng, kind.value_type, inner[-1] if inner else None)]
    return value


def change_columns(rng, data):
    """Columns missing, of another type, twice, or of a name nobody knows."""
    table = pq.read_table(io.BytesIO(data))
    name = rng.choice(table.column_names)
    place = table.column_names.index(name)
    what = rng.choice(("drop", "type", "rename", "more", "list"))
    number = table.num_rows
    if what == "drop":
        table = table.drop_columns([name])
    elif what == "rename":
        table = table.rename_columns(
            [rng.choice(("x", "")) if each == name else each for each in table.column_names]
        )
    elif what == "more":
        table = table.append_column("surprise", pa.array([b"x" * 50] * number))
    else:
        others = {
            "type": (
                pa.array(["x"] * number),
                pa.array([1.5] * number),
                pa.array(range(number)),
                pa.array([b"x"] * number),
            ),
            "list": (
                pa.array([["x"]] * number),
                pa.array([{"a": 1}] * number),
                pa.nulls(number),
                pa.array([[[1]]] * number),
            ),
        }[what]
        table = table.set_column(place, name, rng.choice(others))
    return _write(table)


def change_rows(rng, data):
    table = pq.read_table(io.BytesIO(data))
    what = rng.choice(("none", "twice", "reversed", "many", "one"))
    if what == "none":
        table = table.slice(0, 0)
    elif what == "twice":
        table = pa.concat_tables([table, table])
    elif what == "reversed":
        table = table.take(pa.array(range(table.num_rows - 1, -1, -1)))
    elif what == "many":
        table = pa.concat_tables([table] * 60)
    else:
        table = table.slice(0, 1)
    return _write(table, row_group_size=rng.choice((1, 64, 10_000)))


def change_notes(rng, data):
    """What a table says of its kind, version and contents."""
    table = pq.read_table(io.BytesIO(data))
    notes = dict(table.schema.metadata or {})
    if not notes:
        notes = {b"x": b"y"}
    name = rng.choice(list(notes))
    notes[name] = rng.choice(
        (b"", b"0", b"-1", b"99", b"1.5", b"\xff\xfe", b"rwsc.catalogue", b"{", b"[" * 5000, b"9" * 5000)
    )
    return _write(table.replace_schema_metadata(notes))


def table_bomb(rng, data):
    """A small file that unpacks to a large value."""
    table = pq.read_table(io.BytesIO(data))
    names = [
        field.name
        for field in table.schema
        if pa.types.is_string(field.type) or pa.types.is_binary(field.type)
    ]
    if not names:
        return change_rows(rng, data)
    name = rng.choice(names)
    kind = table.schema.field(name).type
    text = b"\0" * 40_000_000 if pa.types.is_binary(kind) else "x" * 40_000_000
    values = [text, *table.column(name).to_pylist()[1:]]
    column = pa.array(values[: table.num_rows], kind)
    return _write(table.set_column(table.column_names.index(name), name, column), compression="zstd")


PARQUET = (
    *BYTES, *(change_cells,) * 22, *(change_columns,) * 8, *(change_rows,) * 3, *(change_notes,) * 4, table_bomb,
)  # fmt: skip


# Tensors --------------------------------------------------------------------------------------------------------


def tensor_header(rng, data):
    (size,) = struct.unpack("<Q", data[:8])
    header = data[8 : 8 + size]
    what = rng.random()
    if what < 0.3:
        return struct.pack("<Q", rng.choice((0, 1, size + 1, 1 << 30, 1 << 62, (1 << 64) - 1))) + data[8:]
    changed = (
        change_document(rng, header)
        if what < 0.8
        else rng.choice((nest, swap_root, change_word))(rng, header)
    )
    return struct.pack("<Q", len(changed)) + changed + data[8 + size :]


def tensor_values(rng, data):
    (size,) = struct.unpack("<Q", data[:8])
    values = bytearray(data[8 + size :])
    word = np.float32(rng.choice((float("nan"), float("inf"), -float("inf"), 3e38, 0.0))).tobytes()
    place = 4 * rng.randrange(len(values) // 4)
    values[place : place + 4] = word
    return data[: 8 + size] + bytes(values)


TENSORS = (*BYTES, *(tensor_header,) * 8, *(tensor_values,) * 4)


# Archives -------------------------------------------------------------------------------------------------------


def tar_header(rng, data):
    """Another name, kind, size or mode of the first member, with a right checksum."""
    out = bytearray(data)
    field, values = rng.choice(
        (
            (
                slice(0, 30),
                (b"../../../../tmp/rwsc-escaped.png", b"/etc/passwd", b"\xff\xfe", b"", b"a/" * 14),
            ),
            (
                slice(124, 136),
                (b"77777777777\0", b"-0000000001\0", b"00000000000\0", b"\x80" + b"\xff" * 11, b"abc" * 4),
            ),
            (slice(156, 157), (b"1", b"2", b"3", b"5", b"6", b"x", b"g", b"L", b"S")),
        )
    )
    value = rng.choice(values)
    out[field] = value.ljust(field.stop - field.start, b"\0")[: field.stop - field.start]
    out[148:156] = b" " * 8
    out[148:156] = b"%06o\0 " % sum(out[:512])
    return bytes(out)


TAR = (*BYTES, *(tar_header,) * 8)
