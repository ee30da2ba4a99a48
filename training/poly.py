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

HEADROOM = 1.1
UNIFORM = 1e-3
FREQUENCY = 1 / 8
SINE_DOMAIN = 1.1
YMAX = math.sin(2 * math.pi * FREQUENCY * SINE_DOMAIN)
CLAMP = 1.15


def to_sine(u):
    """The sine-absorbed variable t of u (a NumPy array)."""
    return np.sin(2 * np.pi * FREQUENCY * u) / YMAX


def fit(density: np.ndarray, degree: int, sine: bool, points: int = 8192) -> np.ndarray:
    """Chebyshev coefficients of the weighted least squares fit to relu(u).

    `density` is a histogram over [-range, range], that is |u| <= 1 / HEADROOM.
    """
    edge = SINE_DOMAIN if sine else 1.0
    u = (np.arange(points) + 0.5) / points * 2 * edge - edge
    centres = ((np.arange(len(density)) + 0.5) / len(density) * 2 - 1) / HEADROOM
    weight = np.interp(u, centres, density.astype(np.float64), left=0.0, right=0.0)
    weight = weight / weight.sum() + UNIFORM / points
    root = np.sqrt(weight)
    basis = np.polynomial.chebyshev.chebvander(to_sine(u) if sine else u, degree)
    return np.linalg.lstsq(basis * root[:, None], np.maximum(u, 0) * root, rcond=None)[0]


def clenshaw(coefficients, x):
    """The Chebyshev series at x; `coefficients` is a 1-d tensor."""
    b1 = torch.zeros_like(x)
    b2 = torch.zeros_like(x)
    for k in range(len(coefficients) - 1, 0, -1):
        b1, b2 = torch.addcmul(coefficients[k] - b2, x, b1, value=2.0), b1
    return torch.addcmul(coefficients[0] - b2, x, b1)


class _Trained(torch.autograd.Function):
    """u -> relu-like polynomial with inputs and slopes clamped, so that training cannot explode."""

    @staticmethod
    def forward(ctx, u, coefficients, derivative, edge: float, sine: bool):
        ctx.save_for_backward(u, derivative)
        ctx.edge, ctx.sine = edge, sine
        v = u.clamp(-edge, edge)
        if sine:
            v = torch.sin(2 * math.pi * FREQUENCY * v) / YMAX
        return clenshaw(coefficients, v)

    @staticmethod
    def backward(ctx, grad):
        u, derivative = ctx.saved_tensors
        v = u.clamp(-ctx.edge, ctx.edge)
        inner = 1.0
        if ctx.sine:
            angle = 2 * math.pi * FREQUENCY * v
            inner = 2 * math.pi * FREQUENCY / YMAX * torch.cos(angle)
            v = torch.sin(angle) / YMAX
        slope = (clenshaw(derivative, v) * inner).clamp(-0.5, 1.5)
        return grad * slope, None, None, None, None


class Polynomial(nn.Module):
    """x -> R p(x / R), plain or sine-absorbed."""

    def __init__(self, top: float, coefficients: np.ndarray, sine: bool):
        super().__init__()
        self.sine, self.edge = sine, SINE_DOMAIN if sine else 1.0
        self.clamp = False
        self.training_mode = False
        self.beyond = None
        for name in ("reach", "coefficients", "derivative"):
            self.register_buffer(name, None, persistent=False)
        self.reach = torch.tensor(1.0)
        self.coefficients = torch.zeros(len(coefficients))
        self.derivative = torch.zeros(len(coefficients) - 1)
        self.update(top, coefficients)

    def update(self, top: float, coefficients: np.ndarray):
        """Exchange range and coefficients in place (the degree stays)."""
        self.reach.fill_(top * HEADROOM)
        self.coefficients.copy_(torch.from_numpy(coefficients))
        self.derivative.copy_(torch.from_numpy(np.polynomial.chebyshev.chebder(coefficients)))

    def forward(self, x):
        u = x.float() / self.reach
        if self.training_mode:
            y = _Trained.apply(u, self.coefficients, self.derivative, self.edge, self.sine)
            return (y * self.reach).to(x.dtype)
        if self.beyond is not None:
            size = u.abs()
            self.beyond[0] += (size > self.edge).sum().item()
            self.beyond[1] += (size > CLAMP).sum().item()
            self.beyond[2] = max(self.beyond[2], size.max().item())
        if self.clamp:
            u = u.clamp(-CLAMP, CLAMP)
        if self.sine:
            u = torch.sin(2 * math.pi * FREQUENCY * u) / YMAX
        # Small pieces stay in the cache through all passes.
        flat = u.permute(0, 2, 3, 1).reshape(-1)
        pieces = [clenshaw(self.coefficients, piece) for piece in flat.split(1 << 15)]
        n, c, h, w = x.shape
        return torch.cat(pieces).mul_(self.reach).reshape(n, h, w, c).permute(0, 3, 1, 2)


def fit_all(calibration: dict, degree: int, sine: bool) -> dict[str, tuple[float, np.ndarray, bool]]:
    """Range, coefficients and kind for every `<path>.range` / `<path>.density` pair.

    The first activation sees plain values even when the others are sine-absorbed.
    """
    out = {}
    for key, top in calibration.items():
        if key.endswith(".range"):
            name = key.removesuffix(".range")
            absorbed = sine and name != "relu"
            density = calibration[f"{name}.density"].numpy()
            out[name] = (float(top), fit(density, degree, absorbed), absorbed)
    return out


def install(model, fits: dict, training: bool = False):
    """Put polynomials in place of all activations, or refresh the ones that are there."""
    for name, act in model.activations().items():
        top, coefficients, sine = fits[name]
        if isinstance(act.replacement, Polynomial):
            act.replacement.update(top, coefficients)
        else:
            act.replacement = Polynomial(top, coefficients, sine)
        act.replacement.training_mode = training


def load(path) -> tuple[dict, dict, dict]:
    """Weights, calibration and metadata of a published file."""
    with safe_open(path, "pt") as f:
        tensors = {key: f.get_tensor(key) for key in f.keys()}
        notes = f.metadata() or {}
    calibration = {k: v for k, v in tensors.items() if k.endswith((".range", ".density"))}
    return {k: v for k, v in tensors.items() if k not in calibration}, calibration, notes


def load_model(model, path) -> dict:
    """Fill the model with published weights; returns the calibration."""
    weights, calibration, _ = load(path)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise SystemExit(f"error: {path} is no ResNet20: missing {missing}, unexpected {unexpected}")
    return calibration
