#!/usr/bin/env python3
"""Writes the small PNG and TIFF files of tests/fuzz/corpus/, with encoders other than vulcyte's.

They are the seeds of the fuzzers and the files of tests/unit/test_image.c, which knows their pixels by the same formulas.
Needs numpy, tifffile and imagecodecs; run again only to add a file. Usage: make_images.py [REPOSITORY]
"""
import pathlib
import struct
import sys
import zlib

import numpy as np
import tifffile

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "tests/fuzz/corpus"
WIDTH, HEIGHT = 7, 5


def pixels(dtype, channels=1, page=0, depth=None):
    """The sample of column x, row y, channel c, page p; test_image.c has the same lines."""
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels]
    kind = np.dtype(dtype)
    if kind.kind == "f":
        value = 1.5 * x - 0.25 * y + 10 * c + 100 * page
    elif kind.kind == "i":
        value = 3 * x - 10 * y + 7 * c + page
    elif kind.itemsize == 1:
        value = (37 * x + 11 * y + 101 * c + 59 * page) & ((1 << (depth or 8)) - 1)
    elif kind.itemsize == 2:
        value = (4001 * x + 257 * y + 9001 * c + 13007 * page) & ((1 << (depth or 16)) - 1)
    else:
        value = 600000000 * x + 70001 * y
    return value.astype(dtype)


def png(name, colour, depth, interlace=0, palette=None, transparency=None):
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    data = pixels(np.uint16 if depth == 16 else np.uint8, channels, depth=depth)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def pack(rows):
        out = b""
        for row in rows:
            bits = "".join(format(int(v), f"0{depth}b") for v in row.reshape(-1))
            bits += "0" * (-len(bits) % 8)
            out += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        return out

    passes = [(0, 0, 1, 1)]
    if interlace:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b"".join(pack(data[y::dy, x::dx]) for x, y, dx, dy in passes if data[y::dy, x::dx].size)
    text = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlace))
    text += chunk(b"gAMA", struct.pack(">I", 45455))
    if palette is not None:
        text += chunk(b"PLTE", palette)
    if transparency is not None:
        text += chunk(b"tRNS", transparency)
    text += chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    (root / "png" / name).write_bytes(text)


def tiff(name, data, **options):
    options.setdefault("photometric", "minisblack")
    options.setdefault("metadata", None)
    tifffile.imwrite(root / "tiff" / name, data, software=False, **options)


def drop_further_directories(name):
    """Leaves an ImageJ stack its first directory only, as ImageJ writes stacks over 4 GB."""
    path = root / "tiff" / name
    data = bytearray(path.read_bytes())
    order = ">" if data[:2] == b"MM" else "<"
    at = struct.unpack(order + "I", data[4:8])[0]
    end = at + 2 + 12 * struct.unpack(order + "H", data[at : at + 2])[0]
    data[end : end + 4] = b"\0\0\0\0"
    path.write_bytes(bytes(data))


def write_pngs():
    for depth in (1, 2, 4, 8, 16):
        png(f"grey{depth}.png", 0, depth)
    png("grey4_interlaced.png", 0, 4, interlace=1)
    png("rgb16_interlaced.png", 2, 16, interlace=1)
    png("grey16_transparent.png", 0, 16, transparency=b"\0\0")
    png("rgb8.png", 2, 8)
    png("grey_alpha8.png", 4, 8)
    png("rgba8.png", 6, 8)
    png("rgba16.png", 6, 16)
    for depth in (2, 8):  # entry i is (3i, 255 - i, 7i)
        entries = bytes(v & 255 for i in range(1 << depth) for v in (3 * i, 255 - i, 7 * i))
        png(f"palette{depth}.png", 3, depth, palette=entries, transparency=b"\x80")


def one_channel(*args, **kwargs):
    return pixels(*args, **kwargs)[..., 0]


def write_tiffs():
    for name in ("uint8", "uint16", "uint32", "int16", "int32", "float16", "float32", "float64"):
        tiff(f"{name}.tif", one_channel(np.dtype(name)))
    tiff("uint16_big_endian.tif", one_channel(np.uint16), byteorder=">")
    tiff("float32_big_endian.tif", one_channel(np.float32), byteorder=">", bigtiff=True)
    tiff("uint16_lzw_predictor.tif", one_channel(np.uint16), compression="lzw", predictor=True, rowsperstrip=2)
    tiff("float32_deflate_predictor.tif", one_channel(np.float32), compression="zlib", predictor=True)
    tiff("uint8_packbits.tif", one_channel(np.uint8), compression="packbits", rowsperstrip=3)
    tiff("uint16_tiles_deflate.tif", one_channel(np.uint16), tile=(16, 16), compression="zlib")
    tiff("uint1.tif", one_channel(np.uint8, depth=1).astype(bool))
    tiff("uint12.tif", one_channel(np.uint16, depth=12), bitspersample=12)
    tiff("rgb8.tif", pixels(np.uint8, 3), photometric="rgb")
    tiff("rgb16_separate.tif", np.moveaxis(pixels(np.uint16, 3), -1, 0), photometric="rgb", planarconfig="separate")
    tiff("rgba8.tif", pixels(np.uint8, 4), photometric="rgb", extrasamples=["unassalpha"])
    tiff("grey_alpha16.tif", pixels(np.uint16, 2), planarconfig="contig", extrasamples=["assocalpha"])
    tiff("five_channels8.tif", pixels(np.uint8, 5), planarconfig="contig")
    tiff("white_is_zero8.tif", one_channel(np.uint8), photometric="miniswhite")
    colours = np.array([[(257 * v) & 65535 for v in (3 * i & 255, 255 - i, 7 * i & 255)] for i in range(256)])
    tiff("palette8.tif", one_channel(np.uint8), photometric="palette", colormap=colours.T.astype(np.uint16))
    stack = np.stack([one_channel(np.uint16, page=p) for p in range(3)])
    tiff("pages.tif", stack)
    pairs = np.stack([np.moveaxis(pixels(np.uint16, 2, page=p), -1, 0) for p in range(3)])
    imagej = {"imagej": True, "photometric": "minisblack"}
    tiff("imagej_channels.tif", pairs, metadata={"axes": "TCYX"}, **imagej)
    tiff("imagej_one_directory.tif", pairs, metadata={"axes": "TCYX"}, byteorder=">", **imagej)
    drop_further_directories("imagej_one_directory.tif")
    tiff("ome_channels.ome.tif", np.moveaxis(pairs, 0, 1), ome=True, metadata={"axes": "CTYX"})
    tiff("ome_slices.ome.tif", stack, ome=True, metadata={"axes": "ZYX"})
    labels = one_channel(np.float32)
    tiff("labels_float32.tif", np.floor(np.abs(labels)))


for folder in ("png", "tiff"):
    (root / folder).mkdir(parents=True, exist_ok=True)
write_pngs()
write_tiffs()
