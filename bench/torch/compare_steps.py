"""Five supervised Adam steps on whole images in sorted order, without augmentation and dropout: the weights' update by
vulcyte beside PyTorch's in double and single precision, from the same initial weights.

    compare_steps.py VULCYTE IMAGES MASKS [BASE]
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

from reference import UNet, dice_loss, he_init, pairs, read_image, read_mask

program, images, masks = sys.argv[1:4]
base = int(sys.argv[4]) if len(sys.argv) > 4 else 8
STEPS = 5


def train(initial, dtype):
    net = UNet(base=base, dropout=0.0).to(dtype)
    net.load_state_dict({k: v.to(dtype) for k, v in initial.items()})
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    items = pairs(images, masks)
    pixels = [read_image(i) for _, i, _ in items]
    lo, hi = min(p.min() for p in pixels), max(p.max() for p in pixels)
    for step in range(STEPS):
        x = torch.tensor((pixels[step] - lo) / (hi - lo), dtype=dtype)[None, None]
        loss = dice_loss(torch.softmax(net(x), 1), torch.tensor(read_mask(items[step][2]))[None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"  step {step + 1}: loss {loss.item():.6f}")
    return {k: v.double() for k, v in net.state_dict().items()}


net = UNet(base=base)
he_init(net, torch.Generator().manual_seed(1))
initial = net.state_dict()
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    save_file(initial, folder / "initial.safetensors")
    config = {"data": {"images": str(pathlib.Path(images).resolve()), "masks": str(pathlib.Path(masks).resolve()),
                       "crop": None, "shuffle": False, "split": [1, 0, 0], "labelled": 1.0},
              "model": {"base": base, "dropout": 0, "init": str(folder / "initial.safetensors")},
              "method": "supervised", "augment": False, "train": {"max_steps": STEPS, "epochs": 1}}
    (folder / "config.json").write_text(json.dumps(config))
    subprocess.run([program, "train", folder / "config.json", "--out", folder / "run", "--quiet"], check=True)
    ours = {k: v.double() for k, v in load_file(folder / "run/checkpoints/last.safetensors").items()}
    for line in (folder / "run/log.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "step":
            print(f"vulcyte step {event['step']}: loss {event['loss_supervised']:.6f}")
print("PyTorch, double:")
double = train(initial, torch.float64)
print("PyTorch, single:")
single = train(initial, torch.float32)


def norm(a, b):
    return sum(((a[k].double() - b[k].double()) ** 2).sum() for k in a).sqrt().item()


update = norm(double, initial)
print(f"update {update:.6f}; difference to double: vulcyte {norm(ours, double) / update:.4%}, "
      f"PyTorch single {norm(single, double) / update:.4%}")
sys.exit(norm(ours, double) > 0.02 * update)
