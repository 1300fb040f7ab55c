"""Seconds per training step and per prediction: vulcyte and PyTorch in turn, medians of paired rounds.

    time_step.py VULCYTE [--base 16] [--side 256] [--batch 1] [--rounds 5] [--steps 12] [--work supervised,uda,predict]
                 [--torch cpu|cuda] [--vulcyte-device D] [--precision fp32|mixed] [--amp] [--tf32] [--compile] [--json FILE]

vulcyte's figures are the medians of `vulcyte bench --json`; what PyTorch runs says work.py.
A ratio is vulcyte's seconds over PyTorch's in the same round: below 1 vulcyte is faster.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import torch

from work import Work

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("program")
parser.add_argument("--base", type=int, default=16)
parser.add_argument("--side", type=int, default=256)
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--work", default="supervised,uda,predict")
parser.add_argument("--torch", default="cpu", choices=["cpu", "cuda"])
parser.add_argument("--vulcyte-device")
parser.add_argument("--precision", default="fp32", choices=["fp32", "mixed"], help="of vulcyte")
parser.add_argument("--amp", action="store_true", help="PyTorch in mixed precision (fp16 on cuda, bf16 on cpu)")
parser.add_argument("--tf32", action="store_true", help="let PyTorch round fp32 products to tf32")
parser.add_argument("--compile", action="store_true", help="torch.compile the network")
parser.add_argument("--json", help="also write the figures there")
args = parser.parse_args()


# ---- vulcyte ------------------------------------------------------------------------------------------------------

def time_vulcyte(folder, name):
    """One call measures a step of the method, and prediction by its network."""
    config = {"data": {"images": "none", "masks": "none", "crop": args.side}, "model": {"base": args.base},
              "method": name, "precision": args.precision, "train": {"batch": args.batch}}
    path = pathlib.Path(folder, f"{name}.json")
    path.write_text(json.dumps(config))
    command = [args.program, "bench", "--config", path, "--steps", str(args.steps), "--json", "--quiet"]
    if args.vulcyte_device:
        command += ["--device", args.vulcyte_device]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return report, {r["name"]: r["seconds"] for r in report["results"]}


works = args.work.split(",")
torch_work = Work(args.torch, args.base, args.side, args.batch, args.amp, args.tf32, args.compile)
rows = {name: [] for name in works}
with tempfile.TemporaryDirectory() as folder:
    for _ in range(args.rounds):
        for name in works:
            method = "supervised" if name == "predict" else name
            report, seconds = time_vulcyte(folder, method)
            rows[name].append((seconds[name], torch_work.seconds(name, args.steps)))
            ours, theirs = rows[name][-1]
            print(f"{name}: vulcyte {ours * 1e3:.1f} ms, PyTorch {theirs * 1e3:.1f} ms, ratio {ours / theirs:.2f}", flush=True)

options = [word for word in ("amp", "tf32", "compile") if getattr(args, word)]
where = torch.cuda.get_device_name() if args.torch == "cuda" else f"cpu, {torch.get_num_threads()} threads"
print(f"\nvulcyte {report['version']} on {report['device']['name']} ({report['device']['driver']})")
print(f"PyTorch {torch.__version__} on {where}{', ' + ', '.join(options) if options else ''}")
print(f"base {args.base}, {args.side}x{args.side}, batch {args.batch}, vulcyte in {args.precision}; medians of {args.rounds} rounds")
summary = {"vulcyte": report["device"], "torch": torch.__version__, "where": where, "precision": args.precision, "options": options, "base": args.base,
           "side": args.side, "batch": args.batch, "ceilings": report["ceilings"], "work": {}}
for name, pairs in rows.items():
    ours, theirs = (statistics.median(p[i] for p in pairs) for i in (0, 1))
    ratio = statistics.median(a / b for a, b in pairs)
    summary["work"][name] = {"vulcyte_seconds": ours, "torch_seconds": theirs, "ratio": ratio}
    print(f"  {name:<11} vulcyte {ours * 1e3:8.1f} ms   PyTorch {theirs * 1e3:8.1f} ms   ratio {ratio:5.2f}")
if args.json:
    pathlib.Path(args.json).write_text(json.dumps(summary, indent=2) + "\n")
