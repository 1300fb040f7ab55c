"""An independent PyTorch implementation of the network, the losses and the normalisation: the second opinion of bench/.

Nothing of vulcyte is used here but its file formats. Needs torch and numpy; pillow and tifffile to read images, safetensors
to read checkpoints.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F


class UNet(torch.nn.Module):
    """The U-Net with the parameter names of vulcyte's checkpoints."""

    def __init__(self, channels=1, classes=2, base=64, depth=4, dropout=0.5):
        super().__init__()
        self.depth, self.dropout = depth, dropout

        def block(cin, cout):
            b = torch.nn.Module()
            b.conv0 = torch.nn.Conv2d(cin, cout, 3, padding=1)
            b.conv1 = torch.nn.Conv2d(cout, cout, 3, padding=1)
            return b

        for i in range(depth + 1):
            self.add_module(f"enc{i}", block(channels if i == 0 else base << (i - 1), base << i))
        for i in range(depth):
            self.add_module(f"up{i}", torch.nn.ConvTranspose2d(base << (i + 1), base << i, 2, stride=2))
            self.add_module(f"dec{i}", block(base << (i + 1), base << i))
        self.head = torch.nn.Conv2d(base, classes, 1)

    def forward(self, x):
        m = 1 << self.depth
        h, w = x.shape[-2:]
        x = F.pad(x, (0, -w % m, 0, -h % m), mode="reflect") if w % m or h % m else x

        def double(name, t):
            b = getattr(self, name)
            return F.relu(b.conv1(F.relu(b.conv0(t))))

        skips = []
        for i in range(self.depth):
            x = double(f"enc{i}", x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = F.dropout(double(f"enc{self.depth}", x), self.dropout, self.training)
        for i in reversed(range(self.depth)):
            x = double(f"dec{i}", torch.cat([skips[i], getattr(self, f"up{i}")(x)], 1))
        return self.head(x)[..., :h, :w]


def he_init(net, generator):
    for name, p in net.named_parameters():
        if p.ndim == 1:
            torch.nn.init.zeros_(p)
        else:
            fan_in = p.shape[0] if name.startswith("up") else p.shape[1] * p.shape[2] * p.shape[3]
            with torch.no_grad():
                p.copy_(torch.randn(p.shape, generator=generator) * (2.0 / fan_in) ** 0.5)


def dice_loss(p, labels, eps=1e-5):
    """V-Net's Dice over all pixels of the batch; p [N,C,H,W], labels [N,H,W], -1 is not counted."""
    valid = (labels >= 0).unsqueeze(1).to(p)
    g = F.one_hot(labels.clamp(min=0), p.shape[1]).permute(0, 3, 1, 2).to(p) * valid
    p = p * valid
    dims = (0, 2, 3)
    d = (2 * (p * g).sum(dims) + eps) / ((p * p).sum(dims) + (g * g).sum(dims) + eps)
    return 1 - d.mean()


def read_array(path):
    if str(path).lower().endswith((".tif", ".tiff")):
        import tifffile
        return tifffile.imread(path)
    from PIL import Image
    return np.array(Image.open(path))


def read_image(path):
    """A grey image; of colours their luma (ITU-R 601), rounded where the file holds integers. Alpha does not count."""
    a = read_array(path)
    if a.ndim == 2:
        return a.astype(np.float64)
    thousandfold = a[..., :3].astype(np.float64) @ np.array([299.0, 587.0, 114.0])
    return np.floor((thousandfold + 500) / 1000) if np.issubdtype(a.dtype, np.integer) else thousandfold / 1000


def read_mask(path):
    """Foreground of a mask: the red channel of a colour image with empty green and blue, else any non-zero value."""
    a = read_array(path)
    if a.ndim == 3:
        a = a[..., 0] if not a[..., 1:3].any() else a[..., :3].any(-1)
    return (a > 0).astype(np.int64)


def pairs(images, masks):
    by_stem = {p.stem: p for p in sorted(pathlib.Path(masks).iterdir())}
    return [(p.stem, p, by_stem[p.stem]) for p in sorted(pathlib.Path(images).iterdir()) if p.stem in by_stem]


def load_checkpoint(path, dtype=torch.float32):
    """The network of a checkpoint, with its normalisation (min, max) or None."""
    from safetensors import safe_open
    with safe_open(path, "pt") as f:
        state = {k: f.get_tensor(k).to(dtype) for k in f.keys()}
        meta = f.metadata() or {}
    base, channels = state["enc0.conv0.weight"].shape[:2]
    depth = max(int(k[3]) for k in state if k.startswith("enc"))
    net = UNet(channels, state["head.weight"].shape[0], base, depth).to(dtype)
    net.load_state_dict(state)
    n = json.loads(meta["normalisation"]) if "normalisation" in meta else None
    return net, (n["min"], n["max"]) if n else None


def confusion(reference, predicted, n):
    return np.bincount(reference.ravel() * n + predicted.ravel(), minlength=n * n).reshape(n, n)


def mean_iou(m):
    tp, union = np.diag(m), m.sum(0) + m.sum(1) - np.diag(m)
    return float(np.mean(tp[union > 0] / union[union > 0]))
