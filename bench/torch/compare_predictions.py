"""Compares `vulcyte predict` and `vulcyte evaluate` with PyTorch on the same checkpoint.

    compare_predictions.py VULCYTE MODEL.safetensors IMAGES MASKS
"""
import json
import subprocess
import sys
import tempfile

import numpy as np
import torch

from reference import confusion, load_checkpoint, mean_iou, pairs, read_image, read_mask

program, model, images, masks = sys.argv[1:5]
net, (lo, hi) = load_checkpoint(model)
net.eval()
worst, total = 0.0, 0
with tempfile.TemporaryDirectory() as out, torch.no_grad():
    subprocess.run([program, "predict", model, images, "--out", out, "--save", "mask,probabilities"], check=True)
    for stem, image, mask in pairs(images, masks):
        x = torch.tensor((read_image(image) - lo) / (hi - lo), dtype=torch.float32)[None, None]
        p = torch.softmax(net(x), 1)[0].numpy()
        ours = np.load(f"{out}/{stem}.npy")
        worst = max(worst, float(np.abs(p - ours).max()))
        total = total + confusion(read_mask(mask), ours.argmax(0), p.shape[0])
report = json.loads(subprocess.run([program, "evaluate", model, "--images", images, "--masks", masks, "--json"],
                                   check=True, capture_output=True, text=True).stdout)
print(f"largest difference of a probability: {worst:.2e}")
print(f"mean IoU: evaluate {report['mean_iou']:.6f}, scored here {mean_iou(total):.6f}")
sys.exit(worst > 1e-4 or abs(report["mean_iou"] - mean_iou(total)) > 1e-5)
