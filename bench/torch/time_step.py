"""Seconds per training step and per prediction: vulcyte and PyTorch in turn, medians of paired rounds.

    time_step.py VULCYTE [--base 16] [--side 256] [--batch 1] [--rounds 5] [--steps 12] [--work supervised,uda,predict]
                 [--torch cpu|cuda] [--vulcyte-device D] [--amp] [--tf32] [--compile] [--json FILE]

vulcyte's figures are the medians of `vulcyte bench --json`. PyTorch runs the same network channels-last:
  supervised  one weak affine warp of image and mask, forward, Dice, backward, Adam
  uda         the same and, for an unlabelled image, a weak and a strong warp with two intensity changes, forward of both
              (the weak one without gradient), alignment of the strong prediction, KL
  predict     forward and softmax without gradients, batch 1
A ratio is vulcyte's seconds over PyTorch's in the same round: below 1 vulcyte is faster.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F

from reference import UNet, dice_loss

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
parser.add_argument("--amp", action="store_true", help="PyTorch in mixed precision (fp16 on cuda, bf16 on cpu)")
parser.add_argument("--tf32", action="store_true", help="let PyTorch round fp32 products to tf32")
parser.add_argument("--compile", action="store_true", help="torch.compile the network")
parser.add_argument("--json", help="also write the figures there")
args = parser.parse_args()
device = torch.device(args.torch)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.tf32
torch.backends.cudnn.benchmark = True
WARM = 3


# ---- PyTorch ------------------------------------------------------------------------------------------------------

def sync():
    if device.type == "cuda":
        torch.cuda.synchronize()


def image():
    x = torch.rand(args.batch, 1, args.side, args.side, device=device)
    return x.to(memory_format=torch.channels_last)


def rotation(degrees, scale=1.0):
    a = math.radians(degrees)
    m = torch.tensor([[math.cos(a), -math.sin(a), 0.0], [math.sin(a), math.cos(a), 0.0]], device=device) * scale
    return m.repeat(args.batch, 1, 1)


def warp(x, matrix, mode="bilinear", padding="reflection"):
    grid = F.affine_grid(matrix, x.shape, align_corners=False)
    return F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=False)


def intensity(x):
    lo, hi = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    x = (x - lo) / (hi - lo)
    mean = x.mean((1, 2, 3), keepdim=True)
    return (mean + 1.5 * (x - mean)).clamp(0, 1)


def kl(target, p, valid):
    terms = (target * (target.clamp(min=2.2e-16).log() - p.clamp(min=2.2e-16).log())).sum(1, keepdim=True)
    return (terms * valid).sum() / valid.sum().clamp(min=1)


class Work:
    def __init__(self):
        torch.manual_seed(0)
        self.net = UNet(base=args.base).to(device=device, memory_format=torch.channels_last)
        self.run = torch.compile(self.net) if args.compile else self.net
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        self.scaler = torch.amp.GradScaler(enabled=args.amp and device.type == "cuda")
        self.x, self.u = image(), image()
        self.labels = torch.randint(0, 2, (args.batch, 1, args.side, args.side), device=device)
        self.weak, self.strong = rotation(7, 1.02), rotation(130, 1.02)

    def forward(self, x):
        dtype = torch.float16 if device.type == "cuda" else torch.bfloat16
        with torch.autocast(device.type, dtype=dtype, enabled=args.amp):
            logits = self.run(x)
        return torch.softmax(logits.float(), 1)

    def supervised_loss(self):
        labels = warp(self.labels.float(), self.weak, "nearest", "zeros").long()
        return dice_loss(self.forward(warp(self.x, self.weak)), labels[:, 0])

    def uda_loss(self):
        x = warp(self.x, self.weak)
        labels = warp(self.labels.float(), self.weak, "nearest", "zeros").long()
        weak, strong = warp(self.u, self.weak), warp(intensity(intensity(self.u)), self.strong)
        with torch.no_grad():
            target = self.forward(weak)
        p = self.forward(torch.cat([x, strong]))
        aligned = warp(p[args.batch:], rotation(-123), padding="zeros")
        valid = warp(torch.ones_like(self.u), rotation(-123), padding="zeros").detach() > 0.5
        return dice_loss(p[:args.batch], labels[:, 0]) + kl(target, aligned, valid)

    def train(self, loss):
        self.optimizer.zero_grad()
        self.scaler.scale(loss()).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def step(self, name):
        if name == "predict":
            self.net.eval()
            with torch.no_grad():
                self.forward(self.x[:1])
        else:
            self.net.train()
            self.train(self.supervised_loss if name == "supervised" else self.uda_loss)


def time_torch(work, name):
    seconds = []
    for _ in range(WARM + args.steps):
        sync()
        start = time.perf_counter()
        work.step(name)
        sync()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[WARM:])


# ---- vulcyte ------------------------------------------------------------------------------------------------------

def time_vulcyte(folder, name):
    """One call measures a step of the method, and prediction by its network."""
    config = {"data": {"images": "none", "masks": "none", "crop": args.side}, "model": {"base": args.base},
              "method": name, "train": {"batch": args.batch}}
    path = pathlib.Path(folder, f"{name}.json")
    path.write_text(json.dumps(config))
    command = [args.program, "bench", "--config", path, "--steps", str(args.steps), "--json", "--quiet"]
    if args.vulcyte_device:
        command += ["--device", args.vulcyte_device]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return report, {r["name"]: r["seconds"] for r in report["results"]}


works = args.work.split(",")
torch_work = Work()
rows = {name: [] for name in works}
with tempfile.TemporaryDirectory() as folder:
    for _ in range(args.rounds):
        for name in works:
            method = "supervised" if name == "predict" else name
            report, seconds = time_vulcyte(folder, method)
            rows[name].append((seconds[name], time_torch(torch_work, name)))
            ours, theirs = rows[name][-1]
            print(f"{name}: vulcyte {ours * 1e3:.1f} ms, PyTorch {theirs * 1e3:.1f} ms, ratio {ours / theirs:.2f}", flush=True)

options = [word for word in ("amp", "tf32", "compile") if getattr(args, word)]
where = torch.cuda.get_device_name() if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
print(f"\nvulcyte {report['version']} on {report['device']['name']} ({report['device']['driver']})")
print(f"PyTorch {torch.__version__} on {where}{', ' + ', '.join(options) if options else ''}")
print(f"base {args.base}, {args.side}x{args.side}, batch {args.batch}; medians of {args.rounds} rounds")
summary = {"vulcyte": report["device"], "torch": torch.__version__, "where": where, "options": options, "base": args.base,
           "side": args.side, "batch": args.batch, "ceilings": report["ceilings"], "work": {}}
for name, pairs in rows.items():
    ours, theirs = (statistics.median(p[i] for p in pairs) for i in (0, 1))
    ratio = statistics.median(a / b for a, b in pairs)
    summary["work"][name] = {"vulcyte_seconds": ours, "torch_seconds": theirs, "ratio": ratio}
    print(f"  {name:<11} vulcyte {ours * 1e3:8.1f} ms   PyTorch {theirs * 1e3:8.1f} ms   ratio {ratio:5.2f}")
if args.json:
    pathlib.Path(args.json).write_text(json.dumps(summary, indent=2) + "\n")
