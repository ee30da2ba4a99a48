"""Polynomials in place of ReLU, fitted where the activations are.

Let R = HEADROOM * range and u = x / R. Two kinds of fit:

* plain: p(u) ~ relu(u) on |u| <= 1;
* sine-absorbed: what is available is s = sin(2 pi a u) with a = 1/8, as a bootstrapping without
  arcsine leaves it; with t = s / ymax and ymax = sin(2 pi a 1.1), g(t) ~ relu(u) on |u| <= 1.1.

Both are least squares in the Chebyshev basis, weighted by the measured density of the inputs
plus a uniform share, so that a low degree suffices.
"""

import math

import numpy as np
import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional as F

HEADROOM = 1.1
UNIFORM = 1e-3
FREQUENCY = 1 / 8
SINE_DOMAIN = 1.1
YMAX = math.sin(2 * math.pi * FREQUENCY * SINE_DOMAIN)
CLAMP = 1.15
CALIBRATION = (".range", ".density", ".polynomial", ".argument")


def to_sine(u):
    """The sine-absorbed variable t of u (a NumPy array)."""
    return np.sin(2 * np.pi * FREQUENCY * u) / YMAX


def relu(u):
    return np.maximum(u, 0)


def fit(density: np.ndarray, degree: int, sine: bool, target=relu, points: int = 8192) -> np.ndarray:
    """Chebyshev coefficients of the weighted least squares fit to target(u).

    `density` is a histogram over [-range, range], that is |u| <= 1 / HEADROOM.
    """
    edge = SINE_DOMAIN if sine else 1.0
    u = (np.arange(points) + 0.5) / points * 2 * edge - edge
    centres = ((np.arange(len(density)) + 0.5) / len(density) * 2 - 1) / HEADROOM
    weight = np.interp(u, centres, density.astype(np.float64), left=0.0, right=0.0)
    weight = weight / weight.sum() + UNIFORM / points
    root = np.sqrt(weight)
    basis = np.polynomial.chebyshev.chebvander(to_sine(u) if sine else u, degree)
    return np.linalg.lstsq(basis * root[:, None], target(u) * root, rcond=None)[0]


def clenshaw(coefficients, x):
    """The Chebyshev series at x; `coefficients` is a 1-d tensor."""
    b1 = torch.zeros_like(x)
    b2 = torch.zeros_like(x)
    for k in range(len(coefficients) - 1, 0, -1):
        b1, b2 = torch.addcmul(coefficients[k] - b2, x, b1, value=2.0), b1
    return torch.addcmul(coefficients[0] - b2, x, b1)


class Polynomial(nn.Module):
    """x -> R p(x / R), plain or sine-absorbed; the coefficients are a parameter.

    While training, inputs beyond the domain see straight lines (slope 0 on the left, 1 on the
    right), so that training cannot explode, and `penalty` is what |u| exceeds `cap` by, squared
    and summed, per image.
    """

    def __init__(self, top: float, coefficients: np.ndarray, sine: bool):
        super().__init__()
        self.sine, self.edge = sine, SINE_DOMAIN if sine else 1.0
        self.cap, self.penalty = 1.0, None
        self.clamp = False
        self.beyond = None
        self.register_buffer("reach", torch.tensor(top * HEADROOM))
        self.coefficients = nn.Parameter(torch.tensor(coefficients, dtype=torch.float32))

    def argument(self, u):
        """What the polynomial sees for u."""
        return torch.sin(2 * math.pi * FREQUENCY * u) / YMAX if self.sine else u

    def widen(self, top: float, density: np.ndarray):
        """Extend the range to `top` and keep the function: exactly if plain, closely if sine-absorbed."""
        factor = top * HEADROOM / self.reach.item()
        old = self.coefficients.detach().double().numpy()

        def same(u):
            u = factor * u
            return np.polynomial.chebyshev.chebval(to_sine(u) if self.sine else u, old) / factor

        new = fit(density, len(old) - 1, self.sine, same)
        self.coefficients.data.copy_(torch.from_numpy(new))
        self.reach.mul_(factor)

    def forward(self, x):
        u = x.float() / self.reach
        if self.training:
            self.penalty = F.relu(u.abs() - self.cap).square().sum() / len(x)
            inside = u.clamp(-self.edge, self.edge)
            y = clenshaw(self.coefficients, self.argument(inside)) + F.relu(u - self.edge)
            return y * self.reach
        if self.beyond is not None:
            size = u.abs()
            self.beyond[0] += (size > self.edge).sum().item()
            self.beyond[1] += (size > CLAMP).sum().item()
            self.beyond[2] = max(self.beyond[2], size.max().item())
        if self.clamp:
            u = u.clamp(-CLAMP, CLAMP)
        t = self.argument(u)
        # Small pieces stay in the cache through all passes.
        flat = t.permute(0, 2, 3, 1).reshape(-1)
        pieces = [clenshaw(self.coefficients, piece) for piece in flat.split(1 << 15)]
        n, c, h, w = x.shape
        return torch.cat(pieces).mul_(self.reach).reshape(n, h, w, c).permute(0, 3, 1, 2)


def fit_all(calibration: dict, degree: int, kind: str) -> dict[str, tuple[float, np.ndarray, bool]]:
    """Range, coefficients and whether sine-absorbed, for every `<path>.range` / `<path>.density` pair.

    `kind` is plain; sine (all but the first activation); or shared, where two layers share a
    bootstrapping: the sine for `relu2` only.
    """
    absorbed = {"plain": (), "sine": (".relu1", ".relu2"), "shared": (".relu2",)}[kind]
    out = {}
    for key, top in calibration.items():
        if key.endswith(".range"):
            name = key.removesuffix(".range")
            sine = name.endswith(absorbed)
            out[name] = (float(top), fit(calibration[f"{name}.density"].numpy(), degree, sine), sine)
    return out


def published(calibration: dict) -> dict[str, tuple[float, np.ndarray, bool]]:
    """The same for trained polynomials that a file holds (none: empty)."""
    return {
        name: (float(calibration[f"{name}.range"]), c.numpy(), bool(calibration[f"{name}.argument"]))
        for name, c in ((k.removesuffix(".polynomial"), c) for k, c in calibration.items() if k.endswith(".polynomial"))
    }


def install(model, fits: dict):
    """Put polynomials in place of all activations."""
    for name, act in model.activations().items():
        act.replacement = Polynomial(*fits[name])


def load(path) -> tuple[dict, dict, dict]:
    """Weights, calibration and metadata of a published file."""
    with safe_open(path, "pt") as f:
        tensors = {key: f.get_tensor(key) for key in f.keys()}
        notes = f.metadata() or {}
    calibration = {k: v for k, v in tensors.items() if k.endswith(CALIBRATION)}
    return {k: v for k, v in tensors.items() if k not in calibration}, calibration, notes


def load_model(model, path) -> dict:
    """Fill the model with published weights; returns the calibration."""
    weights, calibration, _ = load(path)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise SystemExit(f"error: {path} is no ResNet20: missing {missing}, unexpected {unexpected}")
    return calibration
