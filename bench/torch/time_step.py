"""Seconds per supervised training step (forward, Dice, backward, Adam): vulcyte and PyTorch in turn, medians of several rounds.

    time_step.py VULCYTE [BASE] [SIDE] [ROUNDS]
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch

from reference import UNet, dice_loss

program = sys.argv[1]
base, side, rounds = (int(v) for v in (sys.argv[2:] + ["16", "256", "3"][len(sys.argv) - 2:])[:3])
STEPS = 24


def time_torch():
    torch.manual_seed(0)
    net = UNet(base=base).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.rand(1, 1, side, side).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 2, (1, side, side))
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        loss = dice_loss(torch.softmax(net(x), 1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return statistics.median(times[4:])


def time_vulcyte(folder):
    config = {"data": {"images": "images", "masks": "masks", "crop": None, "split": [1, 0, 0], "labelled": 1.0},
              "model": {"base": base}, "method": "supervised", "augment": False,
              "train": {"max_steps": STEPS, "epochs": STEPS}}
    (folder / "config.json").write_text(json.dumps(config))
    out = tempfile.mkdtemp(dir=folder)
    subprocess.run([program, "train", folder / "config.json", "--out", out, "--quiet"], check=True)
    events = [json.loads(line) for line in pathlib.Path(out, "log.jsonl").read_text().splitlines()]
    return statistics.median([e["seconds"] for e in events if e["event"] == "step"][4:])


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    subprocess.run([program, "synth", "fluo", "--count", str(STEPS), "--size", str(side), "--seed", "1", "--out", folder],
                   check=True)
    rows = []
    for _ in range(rounds):
        rows.append((time_vulcyte(folder), time_torch()))
        print(f"vulcyte {rows[-1][0] * 1e3:.1f} ms, PyTorch {rows[-1][1] * 1e3:.1f} ms: {rows[-1][0] / rows[-1][1]:.2f}")
print(f"base {base}, {side}x{side}, batch 1: vulcyte takes {statistics.median(a / b for a, b in rows):.2f} times PyTorch "
      f"{torch.__version__} ({torch.get_num_threads()} threads)")
