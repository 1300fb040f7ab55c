#!/usr/bin/env python3
"""Holds `vulcyte export` against onnx.checker, onnxruntime and, where installed, bioimageio.spec.

usage: check_onnx.py VULCYTE MODEL IMAGE    compares probabilities on the image, cut to sides that fit
"""
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import tifffile
from PIL import Image


def largest_difference(name, got, want):
    difference = float(np.abs(got - want).max())
    print(f"{name} {want.shape}: largest difference {difference:.2g}")
    return difference


def check_format(package):
    try:
        import bioimageio.spec
    except ImportError:
        print("bioimageio.spec: not installed")
        return
    model = bioimageio.spec.load_description(package)
    print("bioimageio.spec:", model.validation_summary.status)
    if model.validation_summary.status == "failed":
        sys.exit(model.validation_summary.format())


def main():
    vulcyte, model, image = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)

        def run(*args):
            subprocess.run([vulcyte, *map(str, args), "--quiet"], check=True)

        run("export", model, "--to", "onnx", "--out", work / "m.onnx")
        onnx.checker.check_model(onnx.load(work / "m.onnx"), full_check=True)
        session = onnxruntime.InferenceSession(work / "m.onnx", providers=["CPUExecutionProvider"])

        run("export", model, "--to", "bioimageio", "--out", work / "m.zip")
        check_format(work / "m.zip")
        package = zipfile.ZipFile(work / "m.zip")
        assert package.testzip() is None
        assert package.read("model.onnx") == (work / "m.onnx").read_bytes()
        x, want = (np.load(io.BytesIO(package.read(f"test_{end}put.npy"))) for end in ("in", "out"))
        worst = largest_difference("test tensors", session.run(None, {"image": x})[0], want)

        pixels = np.asarray(tifffile.imread(image) if image.endswith(("tif", "tiff")) else Image.open(image))
        size = json.loads(package.read("rdf.yaml"))["inputs"][0]["axes"][2]["size"]
        h, w = ((n - size["min"]) // size["step"] * size["step"] + size["min"] for n in pixels.shape[:2])
        pixels = np.ascontiguousarray(pixels[:h, :w])
        tifffile.imwrite(work / "image.tif", pixels)
        run("predict", model, work / "image.tif", "--out", work / "out", "--save", "probabilities")
        x = pixels.astype(np.float32)
        x = x[None, None] if x.ndim == 2 else x.transpose(2, 0, 1)[None]
        got = session.run(None, {"image": x})[0][0]
        worst = max(worst, largest_difference(Path(image).name, got, np.load(work / "out/image.npy")))
    sys.exit(worst > 1e-4)


main()
