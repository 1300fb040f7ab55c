"""The semi-supervised step in vulcyte and in every way of PyTorch, over sizes: a table for the first minutes with a GPU.

    side_by_side.py VULCYTE [--torch cpu|cuda] [--minutes 5] [--steps 12] [--sizes 64x512x1,...] [--ways eager,...] [--json FILE]

A size is BASExSIDExBATCH. Ways of PyTorch: eager, tf32, amp, graphs (amp, recorded as a CUDA graph), compile (amp). Sizes come
in the order of their weight; what does not fit in the minutes is left out and said. A size in which one side runs out of
memory says so. Peak memory is PyTorch's largest allocation, and vulcyte's plan with weights, gradients and moments.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import torch

from work import Work

SIZES = "64x512x1,16x256x1,64x512x16,64x256x1,64x512x4,16x512x1,64x256x16,16x256x16,64x256x4,16x512x16,16x512x4,16x256x4"
WAYS = {"eager": {}, "tf32": {"tf32": True}, "amp": {"amp": True}, "graphs": {"amp": True, "graphs": True},
        "compile": {"amp": True, "compiled": True}}
COMPILED = {"64x512x1", "64x512x16", "16x256x1"}  # a minute each

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("program")
parser.add_argument("--torch", default="cuda", choices=["cpu", "cuda"])
parser.add_argument("--minutes", type=float, default=5)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--sizes", default=SIZES)
parser.add_argument("--ways", default=",".join(WAYS))
parser.add_argument("--json", help="also write the figures there, after every size")
args = parser.parse_args()
end = time.monotonic() + 60 * args.minutes


def left():
    return end - time.monotonic()


def time_vulcyte(base, side, batch, precision):
    config = {"data": {"images": "none", "masks": "none", "crop": side}, "model": {"base": base}, "method": "uda",
              "precision": precision, "train": {"batch": batch}}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "config.json")
        path.write_text(json.dumps(config))
        command = [args.program, "bench", "--config", path, "--steps", str(args.steps), "--json", "--quiet"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=max(left(), 10))
    if run.returncode:
        return {"failure": (run.stderr.strip().splitlines() or ["?"])[-1]}
    uda = next(r for r in json.loads(run.stdout)["results"] if r["name"] == "uda")
    return {"seconds": uda["seconds"], "floor_seconds": uda["floor_seconds"], "work_bytes": uda["work_bytes"]}


def time_torch(base, side, batch, way):
    if args.torch == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        work = Work(args.torch, base, side, batch, **WAYS[way])
        out = {"seconds": work.seconds("uda", args.steps), "parameters": sum(p.numel() for p in work.net.parameters())}
    except Exception as error:  # out of memory, a compiler that is not there: the others go on
        return {"failure": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:120]}
    if args.torch == "cuda":
        out["peak_bytes"] = torch.cuda.max_memory_allocated()
    return out


def cell(result, best):
    if result is None:
        return "      -"
    return " failed" if "failure" in result else f"{result['seconds'] * 1e3:6.1f}{'*' if result is best else ' '}"


ways = [w for w in args.ways.split(",") if w in WAYS]
rows = []
print("ms a step (* PyTorch's best); ratio: vulcyte mixed over PyTorch's best, below 1 vulcyte is faster; GiB: peak memory")
print(f"{'size':>10} | {'fp32':>7} {'mixed':>7} | " + " ".join(f"{w:>7}" for w in ways) + f" | {'ratio':>5} {'GiB':>5} {'torch':>5}",
      flush=True)
for size in args.sizes.split(","):
    if left() < 20:
        print(f"{size:>10} | no time left", flush=True)
        continue
    base, side, batch = (int(n) for n in size.split("x"))
    try:
        ours = {p: time_vulcyte(base, side, batch, p) for p in ("fp32", "mixed")}
    except subprocess.TimeoutExpired:
        print(f"{size:>10} | no time left", flush=True)
        continue
    chosen = [w for w in ways if (w != "compile" or (size in COMPILED and left() > 90)) and (w != "graphs" or args.torch == "cuda")]
    theirs = {w: time_torch(base, side, batch, w) for w in chosen}
    timed = [r for r in theirs.values() if "seconds" in r]
    best = min(timed, key=lambda r: r["seconds"]) if timed else None
    mixed = ours["mixed"]
    ratio = f"{mixed['seconds'] / best['seconds']:5.2f}" if best and "seconds" in mixed else "    -"
    memory = f"{(mixed['work_bytes'] + 16 * best['parameters']) / 2**30:5.1f}" if best and "work_bytes" in mixed else "    -"
    peak = f"{best['peak_bytes'] / 2**30:5.1f}" if best and "peak_bytes" in best else "    -"
    print(f"{size:>10} | " + " ".join(cell(ours[p], None) for p in ours) + " | " + " ".join(cell(theirs.get(w), best) for w in ways) +
          f" | {ratio} {memory} {peak}", flush=True)
    for name, r in (*ours.items(), *theirs.items()):
        if "failure" in r:
            print(f"{'':>10}   {name}: {r['failure']}", flush=True)
    rows.append({"size": size, "vulcyte": ours, "torch": theirs})
    if args.json:
        where = torch.cuda.get_device_name() if args.torch == "cuda" else "cpu"
        pathlib.Path(args.json).write_text(json.dumps({"torch": torch.__version__, "where": where, "rows": rows}, indent=2) + "\n")
