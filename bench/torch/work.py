"""A training step of vulcyte in PyTorch, to be timed: the same network, channels-last, on random images that stay on the
device.

  supervised  one weak affine warp of image and mask, forward, Dice, backward, Adam
  uda         the same and, for an unlabelled image, a weak and a strong warp with two intensity changes, forward of both
              (the weak one without gradient), alignment of the strong prediction, KL
  predict     forward and softmax without gradients, batch 1
"""
import math
import statistics
import time

import torch
import torch.nn.functional as F

from reference import UNet, dice_loss

WARM = 3
SCALE = 1024.0  # of the loss where a recorded step cannot adapt it


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
    """amp: fp16 on cuda, bf16 on cpu. tf32: fp32 products are rounded so. compiled: torch.compile of the network. graphs: a
    step is recorded once as a CUDA graph and replayed."""

    def __init__(self, device, base, side, batch, amp=False, tf32=False, compiled=False, graphs=False):
        self.device, self.batch, self.amp, self.graphs = torch.device(device), batch, amp, graphs
        self.cuda = self.device.type == "cuda"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True
        torch.manual_seed(0)
        self.net = UNet(base=base).to(device=self.device, memory_format=torch.channels_last)
        self.run = torch.compile(self.net) if compiled else self.net
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, capturable=graphs)
        self.scaler = torch.amp.GradScaler(enabled=amp and self.cuda and not graphs)
        self.x, self.u = self.image(side), self.image(side)
        self.labels = torch.randint(0, 2, (batch, 1, side, side), device=self.device)
        self.weak, self.strong, self.align = self.rotation(7, 1.02), self.rotation(130, 1.02), self.rotation(-123)
        self.graph = None

    def image(self, side):
        x = torch.rand(self.batch, 1, side, side, device=self.device)
        return x.to(memory_format=torch.channels_last)

    def rotation(self, degrees, scale=1.0):
        a = math.radians(degrees)
        m = torch.tensor([[math.cos(a), -math.sin(a), 0.0], [math.sin(a), math.cos(a), 0.0]], device=self.device) * scale
        return m.repeat(self.batch, 1, 1)

    def sync(self):
        if self.cuda:
            torch.cuda.synchronize()

    def forward(self, x):
        if not self.amp:
            return torch.softmax(self.run(x), 1)
        with torch.autocast(self.device.type, dtype=torch.float16 if self.cuda else torch.bfloat16):
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
        aligned = warp(p[self.batch:], self.align, padding="zeros")
        valid = warp(torch.ones_like(self.u), self.align, padding="zeros").detach() > 0.5
        return dice_loss(p[:self.batch], labels[:, 0]) + kl(target, aligned, valid)

    def train(self, loss):
        self.optimizer.zero_grad()
        self.scaler.scale(loss()).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def train_recorded(self, loss):
        """The whole step as one CUDA graph, with a loss scale that stands still."""
        def step():
            self.optimizer.zero_grad(set_to_none=False)
            (loss() * SCALE).backward()
            torch._foreach_div_([p.grad for p in self.net.parameters()], SCALE)
            self.optimizer.step()
        if self.graph is None:
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(WARM):
                    step()
            torch.cuda.current_stream().wait_stream(stream)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                step()
        self.graph.replay()

    def step(self, name):
        if name == "predict":
            self.net.eval()
            with torch.no_grad():
                self.forward(self.x[:1])
            return
        self.net.train()
        loss = self.supervised_loss if name == "supervised" else self.uda_loss
        if self.graphs:
            self.train_recorded(loss)
        else:
            self.train(loss)

    def seconds(self, name, steps):
        """Seconds of a step: the median of three runs of a third of `steps`, in which the host runs ahead of the device as it
        does in training."""
        for _ in range(WARM):
            self.step(name)
        times, n = [], max(steps // 3, 1)
        for _ in range(3):
            self.sync()
            start = time.perf_counter()
            for _ in range(n):
                self.step(name)
            self.sync()
            times.append((time.perf_counter() - start) / n)
        return statistics.median(times)
