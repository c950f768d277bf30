"""From the first bytes of an image to what its header says, before anything is decoded: size, depth, alpha, rotation.

A file of 124 KB can declare a thousand million pixels. Nothing here takes memory by what a header says.
"""

import struct
from typing import NamedTuple

MAX_PIXELS = 2**25
"""Columns times rows of the largest image or video frame that is decoded: one of 8K (7680 x 4320) is."""

MAX_BYTES = 2**28
"""Of an image file: the largest image, stored as it is, takes no more."""

END = b"\xff\xd9"
"""Of a JPEG; OpenCV decodes one without it, to wrong pixels."""

ROTATION = 274  # the tag by which cameras say how they were held, in EXIF and TIFF alike
TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # types of values by their codes
MAX_PARTS = 4096
"""Segments, chunks or tags that are looked at: genuine files have dozens."""


class Header(NamedTuple):
    """What the header of an image says.

    Attributes
    ----------
    columns, rows : int
        As stored, before any rotation; of a TIFF in tiles at least one tile.
    bits : int
        Of a level.
    alpha : bool
        Whether there is a channel beside the colours.
    rotation : int
        The tag Orientation of EXIF: 1 if the image stands as it is stored, 2 to 8 for the other ways.
    whole : bool
        False if the file certainly ends too early.
    """

    columns: int
    rows: int
    bits: int = 8
    alpha: bool = False
    rotation: int = 1
    whole: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the decoded image."""
        return (self.rows, self.columns) if self.rotation > 4 else (self.columns, self.rows)


def read_header(data: bytes) -> Header | None:
    """Read the header of a BMP, JPEG, PNG, TIFF or WebP image, told apart by their first bytes; None for all others.

    Parameters
    ----------
    data : bytes
        The whole file.
    """
    readers = {
        b"BM": _bmp,
        b"\xff\xd8\xff": _jpeg,
        b"\x89PNG\r\n\x1a\n": _png,
        b"II*\0": _tiff,
        b"MM\0*": _tiff,
        b"II+\0": _tiff,
        b"MM\0+": _tiff,
        b"RIFF": _webp,
    }
    try:
        for first, reader in readers.items():
            if data.startswith(first):
                header = reader(data)
                return header if header and header.columns > 0 and header.rows > 0 else None
    except (struct.error, IndexError):  # it ends within its header
        pass
    return None


def _bmp(data: bytes) -> Header:
    if struct.unpack_from("<I", data, 14)[0] == 12:
        columns, rows, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        columns, rows, _, bits = struct.unpack_from("<iiHH", data, 18)
    return Header(abs(columns), abs(rows), alpha=bits == 32)


def _png(data: bytes) -> Header:
    columns, rows, bits, kind = struct.unpack_from(">IIBB", data, 16)
    place, alpha, rotation = 8, kind in (4, 6), 1
    for _ in range(MAX_PARTS):
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"IDAT":
            break
        alpha |= name == b"tRNS"
        if name == b"eXIf":
            rotation = _rotation(data[place + 8 : place + 8 + length])
        place += 12 + length
    return Header(columns, rows, max(bits, 8), alpha, rotation)


def _jpeg(data: bytes) -> Header | None:
    place, found, rotation = 2, None, 1
    for _ in range(MAX_PARTS):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker in (0xFF, 0x01, *range(0xD0, 0xD8)):  # without a length
            place += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        if marker == 0xDA:
            break
        if marker in range(0xC0, 0xD0) and marker not in (0xC4, 0xC8, 0xCC):
            bits, rows, columns = struct.unpack_from(">BHH", data, place + 4)
            if found:  # no decoder takes two
                return None
            found = Header(columns, rows, bits)
        if marker == 0xE1 and data[place + 4 : place + 10] == b"Exif\0\0":
            rotation = _rotation(data[place + 10 : place + 2 + length])
        place += 2 + length
    # Between the first scan and the end no other bytes look like the end; what follows it does not matter.
    return found and found._replace(rotation=rotation, whole=data.find(END, place) >= 0)


def _webp(data: bytes) -> Header | None:
    if data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8 ":
        columns, rows = struct.unpack_from("<HH", data, 26)
        return Header(columns & 0x3FFF, rows & 0x3FFF)
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return Header((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, alpha=bool(packed >> 28 & 1))
    if kind != b"VP8X":
        return None
    flags, rotation = data[20], 1
    columns, rows = (int.from_bytes(data[start : start + 3], "little") + 1 for start in (24, 27))
    place = 12
    for _ in range(MAX_PARTS if flags & 8 else 0):
        name, length = struct.unpack_from("<4sI", data, place)
        if name == b"EXIF":
            rotation = _rotation(data[place + 8 : place + 8 + length].removeprefix(b"Exif\0\0"))
            break
        place += 8 + length + length % 2
    return Header(columns, rows, alpha=bool(flags & 16), rotation=rotation)


def _tiff(data: bytes) -> Header:
    tags = _tags(data)
    columns, rows = (max(1, *tags.get(plain, [0]), *tags.get(tile, [0])) for plain, tile in ((256, 322), (257, 323)))
    if 256 not in tags or 257 not in tags:
        columns = 0
    alpha = 338 in tags or (tags.get(277, [1])[0] in (2, 4) and tags.get(262, [2])[0] != 5)  # 5: of four inks
    return Header(columns, rows, max(8, *tags.get(258, [1])), alpha, _one_rotation(tags))


def _rotation(exif: bytes) -> int:
    """Read how an image is to be turned from its EXIF, which is a TIFF without pixels; 1 if that is damaged."""
    try:
        return _one_rotation(_tags(exif))
    except (struct.error, IndexError):
        return 1


def _one_rotation(tags: dict[int, list[int]]) -> int:
    value = tags.get(ROTATION, [1])[0]
    return value if 1 <= value <= 8 else 1


def _tags(data: bytes) -> dict[int, list[int]]:
    """Read the whole numbers of the first directory of a TIFF: up to eight of each tag, all that any of them says."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2], "<")
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    counts, entry, word = ("Q", 20, "Q") if big else ("H", 12, "I")
    (place,) = struct.unpack_from(order + word, data, 8 if big else 4)
    (count,) = struct.unpack_from(order + counts, data, place)
    place += struct.calcsize(counts)
    tags: dict[int, list[int]] = {}
    for start in range(place, place + min(count, MAX_PARTS) * entry, entry):
        tag, kind, length = struct.unpack_from(f"{order}HH{word}", data, start)
        if kind not in TIFF_NUMBERS or not length:
            continue
        form, room = TIFF_NUMBERS[kind] * min(length, 8), 8 if big else 4
        at = start + entry - room
        if struct.calcsize("<" + TIFF_NUMBERS[kind]) * length > room:
            (at,) = struct.unpack_from(order + word, data, at)
        tags.setdefault(tag, []).extend(struct.unpack_from(order + form, data, at))
    return tags
