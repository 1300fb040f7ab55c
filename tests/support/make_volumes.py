#!/usr/bin/env python3
"""Writes the small NIfTI files of tests/fuzz/corpus/nifti/ with nibabel.

They are the seeds of the fuzzer and the files of tests/unit/test_volume.c, which knows their voxels by the same formula.
Needs numpy and nibabel; run again only to add a file. Usage: make_volumes.py [REPOSITORY]
"""
import gzip
import pathlib
import sys

import nibabel
import numpy as np

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "tests/fuzz/corpus/nifti"
SIZE = (5, 4, 3)
AFFINE = np.array([[0, -0.5, 0, 10], [2, 0, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]], float)  # a quarter turn, odd spacing


def voxels(dtype):
    """The voxel x, y, z; test_volume.c has the same lines."""
    x, y, z = np.meshgrid(*[np.arange(n) for n in SIZE], indexing="ij")
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (1.5 * x - 0.25 * y + 10 * z).astype(dtype)
    if kind.kind == "i":
        return (3 * x - 10 * y + 7 * z).astype(dtype)
    if kind.itemsize == 1:
        return ((37 * x + 11 * y + 101 * z) & 255).astype(dtype)
    return ((401 * x + 257 * y + 9001 * z) & 65535).astype(dtype)


def save(name, dtype, image=nibabel.Nifti1Image, order="<", edit=None, extra=(), codes=(2, 2)):
    data = voxels(dtype).reshape(SIZE + tuple(extra))
    header = image.header_class(endianness=order)
    header.set_data_dtype(dtype)
    volume = image(data, AFFINE, header)
    volume.header.set_data_dtype(dtype)
    volume.set_sform(AFFINE, codes[0])
    volume.set_qform(AFFINE, codes[1])
    content = bytearray(volume.to_bytes())
    if edit:
        edit(content)
    content = bytes(content)
    (folder / name).write_bytes(gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content)


def scale(slope, intercept):
    def edit(content):
        content[112:120] = np.array([slope, intercept], "<f4").tobytes()

    return edit


def main():
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"):
        save(f"{name}.nii", np.dtype(name))
    save("uint16_big_endian.nii", np.dtype(np.uint16), order=">")
    save("float64_big_endian_2.nii", np.dtype(np.float64), nibabel.Nifti2Image, ">")
    save("int32_2.nii.gz", np.dtype(np.int32), nibabel.Nifti2Image)
    save("uint8.nii.gz", np.dtype(np.uint8))
    save("uint8_scaled.nii", np.dtype(np.uint8), edit=scale(0.5, -3))
    save("int16_slope_0.nii", np.dtype(np.int16), edit=scale(0, 7))
    save("uint8_qform.nii", np.dtype(np.uint8), codes=(0, 1))
    save("uint8_spacing.nii", np.dtype(np.uint8), codes=(0, 0))
    save("uint8_four.nii", np.dtype(np.uint8), extra=(1,))
    whole = (folder / "uint8.nii").read_bytes()  # two compressed streams in one file
    (folder / "uint8_streams.nii.gz").write_bytes(gzip.compress(whole[:371], mtime=0) + gzip.compress(whole[371:], mtime=0))


main()
