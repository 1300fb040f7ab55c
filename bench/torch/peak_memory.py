"""Peak memory of one training step: vulcyte and PyTorch.

    peak_memory.py VULCYTE [--base 64] [--side 512] [--batch 1] [--method uda] [--memory auto,900MiB] [--torch count|cpu|cuda|none]

vulcyte trains one step on images made here. Two figures for each value of its key `memory`:
  plan      what the first line of the run tells: parameters, gradients, moments, images and work memory
  process   the highest resident size of the process after a step, less that of one that trains next to nothing: on
            lavapipe all device memory is memory of the process, and so is the host's copy of the parameters
PyTorch runs the same step as time_step.py (work.py):
  tensors   count: bytes of all tensors' storages, counted as they come and go, on the meta device, which computes nothing;
            what a library takes inside one operator is not seen
  process   cpu: also the highest resident size during the step less that before the network was made
  allocator, reserved   cuda: the caching allocator's peaks, of tensors and of what it took from the device
"""
import argparse
import gc
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import weakref

import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("program")
parser.add_argument("--base", type=int, default=64)
parser.add_argument("--side", type=int, default=512)
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--method", default="uda", choices=["supervised", "uda"])
parser.add_argument("--memory", default="auto", help="values of the key `memory`, separated by commas")
parser.add_argument("--torch", default="count", choices=["count", "cpu", "cuda", "none"])
args = parser.parse_args()
MIB = 1 << 20


# ---- vulcyte ------------------------------------------------------------------------------------------------------

def peak_of(process):
    """The highest resident size of a running process, in MiB."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024


def device_alone():
    """What a process takes that only opens the device and computes next to nothing on it."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_images(folder, 32)
        return train(folder, {"data": {"crop": 32}, "model": {"base": 4, "depth": 2}})[1]


def train(folder, changes):
    """Trains until the first step is logged: its first line on memory, and the process's peak."""
    config = {"data": {"images": "images", "masks": "masks", "labelled": 0.5, "split": [1, 0, 0]} | changes.pop("data"),
              "method": args.method, "train": {"batch": args.batch}} | changes
    (folder / "config.json").write_text(json.dumps(config))
    out = pathlib.Path(tempfile.mkdtemp(dir=folder))
    with open(out / "stderr", "w+") as log:
        process = subprocess.Popen([args.program, "train", folder / "config.json", "--out", out / "run"],
                                   stdout=log, stderr=log)
        lines = out / "run/log.jsonl"
        while process.poll() is None and not (lines.exists() and '"step"' in lines.read_text()):
            time.sleep(0.05)
        if process.poll():
            raise SystemExit((out / "stderr").read_text())
        peak = peak_of(process)
        process.kill()
        process.wait()
    return re.search(r"memory: .*", (out / "stderr").read_text())[0], peak


def make_images(folder, side):
    from PIL import Image
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for i in range(4 * args.batch):
        mask = np.kron(rng.integers(0, 2, (8, 8)), np.ones((side // 8, side // 8))).astype(np.uint8)
        Image.fromarray(mask * 120 + rng.integers(0, 90, mask.shape, dtype=np.uint8)).save(folder / f"images/{i}.png")
        Image.fromarray(mask).save(folder / f"masks/{i}.png")


def vulcyte_peaks(folder, memory, baseline):
    told, peak = train(folder, {"memory": memory, "data": {"crop": args.side}, "model": {"base": args.base}})
    number, unit = re.match(r"memory: ([\d.]+) (MiB|GiB)", told).groups()
    return float(number) * (1024 if unit == "GiB" else 1), peak - baseline, told


# ---- PyTorch ------------------------------------------------------------------------------------------------------

def torch_step(device):
    from work import Work
    return Work(device, args.base, args.side, args.batch)


def count_tensors():
    """The step's peak of bytes in storages, the network's and the optimiser's included."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Count(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.sizes, self.now, self.peak = {}, 0, 0

        def add(self, t):
            if not isinstance(t, torch.Tensor) or t.untyped_storage()._cdata in self.sizes:
                return
            storage = t.untyped_storage()
            self.sizes[storage._cdata] = storage.nbytes()
            self.now += storage.nbytes()
            weakref.finalize(storage, self.drop, storage._cdata)

        def drop(self, key):
            self.now -= self.sizes.pop(key)

        def __torch_dispatch__(self, function, types, operands=(), options=None):
            result = function(*operands, **(options or {}))
            for t in tree_leaves(result):
                self.add(t)
            self.peak = max(self.peak, self.now)
            return result

    work, count = torch_step(torch.device("meta")), Count()
    work.step(args.method)  # makes the optimiser's moments
    work.optimizer.zero_grad()
    gc.collect()
    for t in [*work.net.parameters(), *(v for s in work.optimizer.state.values() for v in s.values())]:
        count.add(t)
    with count:
        work.step(args.method)
    return count.peak / MIB


def resident(field):
    return int(re.search(rf"{field}:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024


def torch_peaks():
    import torch
    if args.torch == "cuda":
        work = torch_step(torch.device("cuda"))
        work.step(args.method)
        torch.cuda.reset_peak_memory_stats()
        work.step(args.method)
        return {"allocator": torch.cuda.max_memory_allocated() / MIB, "reserved": torch.cuda.max_memory_reserved() / MIB}
    peaks = {"tensors": count_tensors()}
    if args.torch == "cpu":
        torch.nn.functional.conv2d(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 3, 3))  # its libraries are there
        before = resident("VmRSS")
        torch_step(torch.device("cpu")).step(args.method)
        peaks["process"] = resident("VmHWM") - before
    return peaks


# ---- both ---------------------------------------------------------------------------------------------------------

print(f"base {args.base}, {args.side}x{args.side}, batch {args.batch}, {args.method}; MiB")
theirs = {} if args.torch == "none" else torch_peaks()
for name, value in theirs.items():
    print(f"PyTorch {name:<10} {value:8.0f}", flush=True)
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    make_images(folder, args.side)
    baseline = device_alone()
    for memory in args.memory.split(","):
        plan, process, line = vulcyte_peaks(folder, memory, baseline)
        shares = "".join(f"  {value / theirs[other]:.2f} of PyTorch's {other}" for value, other in
                         ((plan, "allocator"), (plan, "tensors"), (process, "process")) if other in theirs)
        print(f"vulcyte {memory:<10} plan {plan:8.0f}  process {process:8.0f}{shares}\n  {line}", flush=True)
