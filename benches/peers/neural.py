"""Training steps and sampling of networks beside PyTorch, eager: one run, one thread, CPU time, ratios.

    pip install torch
    python benches/peers/neural.py
    python benches/peers/neural.py GRU          # that network alone
    python benches/peers/neural.py sampling     # no training

Every figure is the smallest CPU time of several runs. The architectures are those of the library, in PyTorch's own modules and
layouts: `nn.GRU`, `conv1d`, `scaled_dot_product_attention`, `rms_norm`; a linear skip from the inputs, but of heads over tokens.
A step is forward pass, loss, backward pass and AdamW, of which the faster of the default and `fused=True` counts. Paths are
sampled with states and caches, for 1, 8 or all 64 series at a time (here 1 or 8), of which the fastest counts. The Rust side is
`cargo bench --bench neural`, which this script runs before and after.
"""

import json
import math
import os
import platform
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
SERIES, PATHS, HORIZON = 64, 100, 24
FLOOR = 1e-2


def measure(work, seconds=3.0, least=5):
    """The smallest CPU time of a call."""
    work()
    best, begin, runs = float("inf"), time.perf_counter(), 0
    while runs < least or time.perf_counter() - begin < seconds:
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
        runs += 1
    return best


class Body(nn.Module):
    """`forward` reads windows (lanes, steps, inputs) and leaves a state; `step` continues it by one value of every lane."""

    def fork(self, state, paths):
        return [x.repeat_interleave(paths, dim=0) for x in state]


class FeedForward(Body):
    def __init__(self, lags=48, width=64):
        super().__init__()
        self.lags, self.width, self.inputs = lags, width, lags
        self.net = nn.Sequential(nn.Linear(lags, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, x, keeps=False):
        return self.net(x), [x[:, -1]] if keeps else None

    def step(self, state, x):
        row = torch.cat([state[0][:, 1:], x], dim=1)
        return self.net(row), [row], row


class Gru(Body):
    def __init__(self, width=64, layers=2):
        super().__init__()
        self.width, self.inputs = width, 1
        self.net = nn.GRU(1, width, layers, batch_first=True)

    def forward(self, x, keeps=False):
        features, h = self.net(x)
        return features, [h.transpose(0, 1)] if keeps else None

    def step(self, state, x):
        features, h = self.net(x[:, None], state[0].transpose(0, 1).contiguous())
        return features[:, 0], [h.transpose(0, 1)], x


class Conv(Body):
    def __init__(self, width=64, layers=6):
        super().__init__()
        self.width, self.inputs = width, 1
        self.input = nn.Conv1d(1, width, 1)
        self.gates = nn.ModuleList(nn.Conv1d(width, 2 * width, 2, dilation=2**i) for i in range(layers))
        self.skips = nn.ModuleList(nn.Conv1d(width, width, 1, bias=i == 0) for i in range(layers))
        self.residuals = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(layers - 1))

    def forward(self, x, keeps=False):
        h, skips, state = self.input(x.transpose(1, 2)), 0, []
        for i, gates in enumerate(self.gates):
            if keeps:
                state.append(h[..., -(2**i) :].transpose(1, 2))
            a, b = gates(F.pad(h, (2**i, 0))).chunk(2, dim=1)
            g = a.tanh() * b.sigmoid()
            skips = skips + self.skips[i](g)
            if i < len(self.residuals):
                h = h + self.residuals[i](g)
        return F.silu(skips).transpose(1, 2), state

    def fork(self, state, paths):
        # Lists of rows: the oldest is dropped, nothing is moved.
        return [list(x.repeat_interleave(paths, dim=0).unbind(1)) for x in state]

    def step(self, state, x):
        h, skips = F.linear(x, self.input.weight[..., 0], self.input.bias), 0
        for i, (gates, past) in enumerate(zip(self.gates, state)):
            weight = gates.weight.permute(0, 2, 1).flatten(1)
            a, b = F.linear(torch.cat([past.pop(0), h], dim=1), weight, gates.bias).chunk(2, dim=1)
            past.append(h)
            g = a.tanh() * b.sigmoid()
            skips = skips + F.linear(g, self.skips[i].weight[..., 0], self.skips[i].bias)
            if i < len(self.residuals):
                h = h + F.linear(g, self.residuals[i].weight[..., 0], self.residuals[i].bias)
        return F.silu(skips), state, x


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

    def split(self, h, turns):
        q, k, v = self.qkv(self.norm_1(h)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return turned(q, turns), turned(k, turns), v

    def rest(self, h, gathered):
        h = h + self.out(gathered.transpose(1, 2).flatten(2))
        return h + self.feed(self.norm_2(h))


def turned(x, turns):
    cos, sin = turns
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-b, a], dim=-1) * sin


class Transformer(Body):
    def __init__(self, width=64, heads=4, layers=3, most=256):
        super().__init__()
        self.width, self.inputs = width, 1
        self.input, self.norm = nn.Linear(1, width), nn.RMSNorm(width, eps=1e-5)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        depth = width // heads
        angles = torch.arange(most)[:, None] * 10000.0 ** (-torch.arange(0, depth, 2) / depth).repeat(2)
        self.cos, self.sin = angles.cos(), angles.sin()

    def forward(self, x, keeps=False):
        steps = x.shape[1]
        h, state = self.input(x), []
        turns = self.cos[:steps], self.sin[:steps]
        for block in self.blocks:
            q, k, v = block.split(h, turns)
            if keeps:
                state.append((k, v))
            h = block.rest(h, F.scaled_dot_product_attention(q, k, v, is_causal=True))
        return self.norm(h), (steps, state)

    def fork(self, state, paths):
        # Caches with room for the horizon.
        steps, caches = state
        room = lambda x: F.pad(x.repeat_interleave(paths, dim=0), (0, 0, 0, HORIZON))
        return steps, [(room(k), room(v)) for k, v in caches]

    def step(self, state, x):
        at, caches = state
        h, turns = self.input(x[:, None]), (self.cos[at : at + 1], self.sin[at : at + 1])
        for block, (keys, values) in zip(self.blocks, caches):
            q, k, v = block.split(h, turns)
            keys[:, :, at : at + 1], values[:, :, at : at + 1] = k, v
            gathered = F.scaled_dot_product_attention(q, keys[:, :, : at + 1], values[:, :, : at + 1])
            h = block.rest(h, gathered)
        return self.norm(h)[:, 0], (at + 1, caches), x


class Network(nn.Module):
    def __init__(self, body, tokens=None):
        super().__init__()
        self.body, self.tokens = body, tokens
        self.output = nn.Linear(body.width, tokens or 2)
        self.skip = None if tokens else nn.Linear(body.inputs, 2, bias=False)
        if tokens:
            self.centers = (torch.arange(tokens) + 0.5) * 8 / tokens - 4

    def raw(self, features, x):
        raw = self.output(features)
        return raw if self.skip is None else raw + self.skip(x)

    def loss(self, x, target):
        raw = self.raw(self.body(x)[0], x)
        if self.tokens:
            return F.cross_entropy(raw.flatten(0, 1), target.flatten())
        mean, scale = raw[..., 0], FLOOR + F.softplus(raw[..., 1])
        return (0.5 * ((target - mean) / scale) ** 2 + scale.log()).mean() + 0.5 * math.log(2 * math.pi)

    def draw(self, features, x):
        raw = self.raw(features, x)
        if self.tokens:
            return self.centers[torch.multinomial(raw.softmax(-1), 1)]
        return raw[:, :1] + (FLOOR + F.softplus(raw[:, 1:])) * torch.randn(len(raw), 1)

    @torch.inference_mode()
    def sample(self, x, chunk):
        out = []
        for x in x.split(chunk):
            features, state = self.body(x, keeps=True)
            features, row = (z[:, -1].repeat_interleave(PATHS, dim=0) for z in (features, x))
            state = self.body.fork(state, PATHS)
            paths = [self.draw(features, row)]
            for _ in range(HORIZON - 1):
                features, state, row = self.body.step(state, paths[-1])
                paths.append(self.draw(features, row))
            out.append(torch.cat(paths, dim=1))
        return torch.cat(out)


def training(build, lanes, steps, fused):
    net = build()
    x = torch.randn(lanes, steps, net.body.inputs)
    target = torch.randint(net.tokens, (lanes, steps)) if net.tokens else torch.randn(lanes, steps)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=fused)

    def step():
        optimiser.zero_grad(set_to_none=True)
        net.loss(x, target).backward()
        optimiser.step()

    return step


NETWORKS = {
    "feed-forward": (lambda: Network(FeedForward()), 256, 1),
    "GRU": (lambda: Network(Gru()), 64, 96),
    "convolution": (lambda: Network(Conv()), 64, 128),
    "transformer": (lambda: Network(Transformer(), 256), 64, 128),
}


def peers(only):
    found = {}
    names = [name for name in NETWORKS if name in only] or list(NETWORKS)
    for name in names:
        build, lanes, steps = NETWORKS[name]
        if "sampling" not in only:
            times = [measure(training(build, lanes, steps, fused)) for fused in (False, True)]
            found["training", name] = min(times)
            print(f"training {name}: " + ", ".join(f"{1e3 * t:.3f}" for t in times) + " ms (AdamW, fused)", flush=True)
        net = build()
        x = torch.randn(SERIES, steps, net.body.inputs)
        times = [measure(lambda: net.sample(x, chunk), least=2) for chunk in (1, 8, 64)]
        found["sampling", name] = min(times)
        print(f"sampling {name}: " + ", ".join(f"{1e3 * t:.0f}" for t in times) + " ms (1, 8, 64 series)", flush=True)
    return found


def ours(only):
    command = ["cargo", "bench", "--no-default-features", "--bench", "neural", "--", *only]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    found = {}
    for row in rows:
        key = row["work"], row["network"]
        found[key] = min(found.get(key, math.inf), row["seconds"])
    return found


def main():
    only = sys.argv[1:]
    here, there, again = ours(only), peers(only), ours(only)
    here = {key: min(seconds, again[key]) for key, seconds in here.items()}
    print(f"\nPyTorch {torch.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| work | network | here, ms | PyTorch, ms | ratio |\n|---|---|---|---|---|")
    for (work, name), theirs in there.items():
        own = here[work, name]
        print(f"| {work} | {name} | {1e3 * own:.3g} | {1e3 * theirs:.3g} | {theirs / own:.2f} |")
    if "sampling" in only:
        return
    print("\n| 256 windows | one thread, ms | two, ms | ratio |\n|---|---|---|---|")
    for name in dict.fromkeys(name for _, name in there):
        one, two = here["256 windows, 1", name], here["256 windows, 2", name]
        print(f"| {name} | {1e3 * one:.3g} | {1e3 * two:.3g} | {one / two:.2f} |")


if __name__ == "__main__":
    main()
