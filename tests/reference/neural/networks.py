"""What PyTorch computes of the layers, heads and steps of the networks, for tests/reference/neural/networks.json.

    pip install torch==2.15.0 numpy
    python tests/reference/neural/networks.py > tests/reference/neural/networks.json

Everything in double precision. Modules and functions are PyTorch's own where there is one: Linear, silu, GRU, LSTM,
conv1d, rms_norm, scaled_dot_product_attention, the distributions, AdamW. Only the rotary turn is written out, as a product of
complex numbers. Parameters are in the order and under the names of the library; numbers that are chosen have three digits, so
that the file is small and holds them as they are. Rows are time-major: (steps, lanes, columns).
"""

import json

import torch
import torch.nn.functional as F
from torch import distributions as D

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(20)
STEPS, LANES = 6, 2


def chosen(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).round(decimals=3)


def floats(x):
    return x.detach().flatten().tolist()


class Parameters(dict):
    """Named leaves, in their order."""

    def weight(self, name, *shape):
        self[name] = chosen(*shape, scale=0.5).requires_grad_()
        return self[name]

    def gain(self, name, n):
        self[name] = (1 + chosen(n, scale=0.3)).round(decimals=3).requires_grad_()
        return self[name]

    def linear(self, name, inputs, outputs):
        w, b = self.weight(f"{name}.weight", outputs, inputs), self.weight(f"{name}.bias", outputs)
        return lambda x: F.linear(x, w, b)


def mlp(p, inputs, hidden, layers):
    linears = [p.linear(f"mlp.{i}", inputs if i == 0 else hidden, hidden) for i in range(layers)]

    def forward(x):
        for linear in linears:
            x = F.silu(linear(x))
        return 3 * (x / 3).tanh()

    return forward


def recurrent(p, cell, inputs, hidden, layers):
    net = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](inputs, hidden, layers)
    gates = {"gru": 3, "lstm": 4}[cell] * hidden
    own = {}
    for i in range(layers):
        for side, theirs, width in (("input", "ih", inputs if i == 0 else hidden), ("hidden", "hh", hidden)):
            own[f"weight_{theirs}_l{i}"] = p.weight(f"{cell}.{i}.{side}.weight", gates, width)
            own[f"bias_{theirs}_l{i}"] = p.weight(f"{cell}.{i}.{side}.bias", gates)
    return lambda x: torch.func.functional_call(net, own, (x,))[0]


def conv(p, inputs, channels, layers, cycle):
    first = p.linear("conv.input", inputs, channels)
    blocks = []
    for i in range(layers):
        now = p.weight(f"conv.{i}.now.weight", 2 * channels, channels)
        past = p.weight(f"conv.{i}.past.weight", 2 * channels, channels)
        bias = p.weight(f"conv.{i}.bias", 2 * channels)
        skip = p.weight(f"conv.{i}.skip.weight", channels, channels)
        residual = p.linear(f"conv.{i}.residual", channels, channels) if i + 1 < layers else None
        blocks.append((2 ** (i % cycle), now, past, bias, skip, residual))
    bias_of_skips = p.weight("conv.skip.bias", channels)

    def forward(x):
        h, skips = first(x), bias_of_skips
        for dilation, now, past, bias, skip, residual in blocks:
            # (steps, lanes, columns) to (lanes, columns, steps), zeros before the first step.
            padded = F.pad(h.permute(1, 2, 0), (dilation, 0))
            gates = F.conv1d(padded, torch.stack([past, now], dim=2), bias, dilation=dilation).permute(2, 0, 1)
            a, b = gates.chunk(2, dim=-1)
            g = a.tanh() * b.sigmoid()
            skips = skips + F.linear(g, skip)
            if residual:
                h = h + residual(g)
        return F.silu(skips)

    return forward


def turned(x):
    """Columns i and i + d/2 of every head as a complex number, turned by the position times 10000^(-2i/d)."""
    depth = x.shape[-1]
    rates = 10000.0 ** (-torch.arange(0, depth, 2) / depth)
    angles = torch.arange(x.shape[-2])[:, None] * rates
    z = torch.complex(x[..., : depth // 2], x[..., depth // 2 :]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([z.real, z.imag], dim=-1)


def transformer(p, inputs, width, heads, layers, positions, window):
    first = p.linear("transformer.input", inputs, width)
    learned = p.weight("transformer.positions.weight", positions, width) if positions else None
    blocks = []
    for i in range(layers):
        name = f"transformer.{i}."
        blocks.append((
            p.gain(name + "norm_1.gain", width),
            p.linear(name + "attention.qkv", width, 3 * width),
            p.linear(name + "attention.out", width, width),
            p.gain(name + "norm_2.gain", width),
            p.linear(name + "feed.1", width, 4 * width),
            p.linear(name + "feed.2", 4 * width, width),
        ))
    last = p.gain("transformer.norm.gain", width)

    def forward(x):
        steps = x.shape[0]
        ages = torch.arange(steps)[:, None] - torch.arange(steps)[None, :]
        seen = (ages >= 0) & (ages < (window or steps))
        h = first(x).transpose(0, 1)
        if positions:
            h = h + learned[torch.arange(steps).clamp(max=positions - 1)]
        for norm_1, qkv, out, norm_2, feed_1, feed_2 in blocks:
            split = qkv(F.rms_norm(h, (width,), norm_1, 1e-5)).unflatten(-1, (3, heads, width // heads))
            q, k, v = split.permute(2, 0, 3, 1, 4)
            if not positions:
                q, k = turned(q), turned(k)
            gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
            h = h + out(gathered.transpose(1, 2).flatten(2))
            h = h + feed_2(F.silu(feed_1(F.rms_norm(h, (width,), norm_2, 1e-5))))
        return F.rms_norm(h, (width,), last, 1e-5).transpose(0, 1)

    return forward


def layer(name, inputs, build, **sizes):
    p = Parameters()
    forward = build(p, inputs=inputs, **sizes)
    x = chosen(STEPS, LANES, inputs).requires_grad_()
    features = forward(x)
    weights = chosen(*features.shape)
    (features * weights).sum().backward()
    # Of every part one number in so many.
    gradient = {part: floats(q.grad)[:: max(1, q.numel() // 5)] for part, q in p.items()}
    parameters = {part: floats(q) for part, q in p.items()}
    return {
        "name": name, "inputs": inputs, "sizes": sizes, "steps": STEPS, "lanes": LANES, "parameters": parameters,
        "x": floats(x), "weights": floats(weights), "features": floats(features), "gradient": gradient,
        "input_gradient": floats(x.grad),
    }


def softplus(x):
    # F.softplus is linear above 20.
    return torch.logaddexp(x, torch.zeros_like(x))


FLOOR, LOCATION, SPREAD = 0.01, 6.0, 3.0
EDGES, TAILS = [-1.5, -0.5, 0.0, 0.75, 2.0], [0.5, 0.8]


def gaussian(raw, z):
    return D.Normal(raw[0], FLOOR + softplus(raw[1])).log_prob(z)


def student_t(raw, z):
    return D.StudentT(2.1 + softplus(raw[2]), raw[0], FLOOR + softplus(raw[1])).log_prob(z)


def mixture(raw, z):
    logits, means, scales = raw.reshape(-1, 3).T
    components = D.Normal(means, FLOOR + softplus(scales))
    return D.MixtureSameFamily(D.Categorical(logits=logits), components).log_prob(z)


def negative_binomial(raw, z):
    mean, a = SPREAD * softplus(raw[0]) + 1e-6, softplus(raw[1]) + 1e-6
    # Mean r e^l with r = 1 / a failures.
    return D.NegativeBinomial(1 / a, logits=(a * mean).log()).log_prob((LOCATION + SPREAD * z).round())


def categorical(raw, z):
    """The mass of the token alone."""
    token = torch.bucketize(z, torch.tensor(EDGES), right=True)
    return D.Categorical(logits=raw).log_prob(token)


def head(name, density, outputs, targets):
    rows = []
    for z in targets:
        raw = chosen(outputs).requires_grad_()
        value = density(raw, torch.tensor(z))
        value.backward()
        rows.append({"raw": floats(raw), "z": z, "log_prob": value.item(), "gradient": floats(raw.grad)})
    return {"name": name, "rows": rows}


def adam_w():
    """Three steps of a part that decays and of one that does not."""
    rate, decay = 0.01, 0.1
    w, b = chosen(2, 3).requires_grad_(), chosen(2).requires_grad_()
    start = {"weight": floats(w), "bias": floats(b)}
    steps = torch.optim.AdamW([{"params": [w]}, {"params": [b], "weight_decay": 0.0}], lr=rate, weight_decay=decay)
    gradients = []
    for _ in range(3):
        w.grad, b.grad = chosen(2, 3), chosen(2)
        gradients.append(floats(w.grad) + floats(b.grad))
        steps.step()
    end = floats(w) + floats(b)
    return {"rate": rate, "decay": decay, "start": start["weight"] + start["bias"], "gradients": gradients, "end": end}


counts = [(k - LOCATION) / SPREAD for k in (0, 1, 4, 30)]
print(json.dumps({
    "source": f"PyTorch {torch.__version__}",
    "layers": [
        layer("mlp", 3, mlp, hidden=4, layers=2),
        layer("gru", 3, lambda p, **sizes: recurrent(p, "gru", **sizes), hidden=3, layers=2),
        layer("lstm", 3, lambda p, **sizes: recurrent(p, "lstm", **sizes), hidden=3, layers=2),
        layer("conv", 2, conv, channels=3, layers=3, cycle=2),
        layer("transformer", 2, transformer, width=8, heads=2, layers=1, positions=None, window=None),
        layer("transformer", 2, transformer, width=4, heads=1, layers=2, positions=4, window=3),
    ],
    "unit": {"floor": FLOOR, "location": LOCATION, "spread": SPREAD},
    "bins": {"edges": EDGES, "tails": TAILS},
    "heads": [
        head("gaussian", gaussian, 2, [-1.3, 0.4, 8.0]),
        head("student_t", student_t, 3, [-1.3, 0.4, 80.0]),
        head("mixture", mixture, 9, [-1.3, 0.4, 8.0]),
        head("negative_binomial", negative_binomial, 2, counts),
        head("categorical", categorical, len(EDGES) + 1, [-4.0, -0.5, 0.3, 7.0]),
    ],
    "adam_w": adam_w(),
}, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"'))
