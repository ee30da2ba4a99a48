"""Top-1 accuracy on the CIFAR-10 test images: exact ReLU and polynomial activations.

A file that holds trained polynomials is evaluated with those only, in float32 and without clamping;
--reference names the ReLU network to compare with.
"""

import argparse
from pathlib import Path

import torch

import data
import poly
from model import ResNet20


def predict(model, images, batch=500) -> torch.Tensor:
    """Logits in float32."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(images[i : i + batch]) for i in range(0, len(images), batch)])


def report(title, logits, labels, exact=None):
    right = 100 * (logits.argmax(1) == labels).double().mean().item()
    line = f"{title}: {right:.2f} %"
    if exact is not None:
        same = 100 * (logits.argmax(1) == exact.argmax(1)).double().mean().item()
        line += f", same class as exact {same:.2f} %, rms logit error {(logits - exact).square().mean().sqrt():.3f}"
    print(line, flush=True)


def measure(title, model, fits, images, labels, exact):
    """Report what the network does with these polynomials, and how far their inputs reach."""
    poly.install(model, fits)
    polynomials = {name: act.replacement for name, act in model.activations().items()}
    for p in polynomials.values():
        p.beyond = [0, 0, 0.0]
    report(title, predict(model, images), labels, exact)
    outside, far = (sum(p.beyond[i] for p in polynomials.values()) for i in (0, 1))
    print(f"  outside the fit: {outside}, |u| > {poly.CLAMP}: {far}")
    for sine in (False, True):
        reached = {p.beyond[2]: name for name, p in polynomials.items() if p.sine == sine}
        if reached:
            top = max(reached)
            print(f"  max |u| of the {'sine-absorbed' if sine else 'plain'} ones: {top:.3f} ({reached[top]})")
    if far:
        for p in polynomials.values():
            p.beyond, p.clamp = None, True
        report(f"{title} clamped at {poly.CLAMP}", predict(model, images), labels, exact)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("weights", type=Path, help="a safetensors file with calibration")
    p.add_argument("--data", type=Path, required=True, help="folder with the CIFAR-10 binary files")
    p.add_argument("--degrees", type=int, nargs="*", default=[7, 11, 15])
    p.add_argument("--images", type=int, default=10_000, help="how many test images")
    p.add_argument("--kinds", nargs="*", choices=["plain", "sine", "shared"], default=["plain", "sine"])
    p.add_argument("--reference", type=Path, help="for trained polynomials: the weights of the ReLU network")
    p.add_argument("--ranges", action="store_true", help="also print the ranges")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    for path in filter(None, (a.weights, a.reference)):
        if not path.is_file():
            p.error(f"{path}: no such file")
    torch.set_num_threads(a.threads)
    images, labels = data.load(a.data, train=False)
    images, labels = data.normalise(images[: a.images]), labels[: a.images]
    model = ResNet20().to(memory_format=torch.channels_last)
    calibration = poly.load_model(model, a.weights)
    trained = poly.published(calibration)
    exact = None
    if a.reference or not trained:
        relu = ResNet20().to(memory_format=torch.channels_last)
        poly.load_model(relu, a.reference or a.weights)
        exact = predict(relu, images)
        report("exact ReLU", exact, labels)
    if a.ranges:
        for key, top in calibration.items():
            if key.endswith(".range"):
                density = calibration[key.replace(".range", ".density")].double()
                middle = (torch.arange(len(density)) + 0.5) / len(density) * 2 - 1
                rms = top.item() * (density * middle.square()).sum().sqrt().item()
                print(f"  {key:24s} {top.item():8.3f} = {top.item() / rms:5.2f} rms")
    if trained:
        measure("trained polynomials", model, trained, images, labels, exact)
        return
    for kind in a.kinds:
        for degree in a.degrees:
            fits = poly.fit_all(calibration, degree, kind)
            measure(f"{kind} degree {degree}", model, fits, images, labels, exact)


if __name__ == "__main__":
    main()
