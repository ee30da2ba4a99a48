"""Fine-tune published weights with a trained polynomial in place of every activation.

The polynomials start as the weighted fits of `poly.py`; from then on their coefficients are
parameters like any other, while the ranges stay as they are. The network learns from the labels
and from the ReLU network it started as (the teacher). Inputs near the ends of the ranges are
penalised; a range that is too small even so is widened at the end.
"""

import argparse
import time
from pathlib import Path

import torch
from torch.nn import functional as F

import data
import poly
from calibrate import calibrate, save
from evaluate import predict
from model import ResNet20
from train import learning_rate

WIDEN = 1.01


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("weights", type=Path, help="the safetensors file to start from, and the teacher")
    p.add_argument("--data", type=Path, required=True, help="folder with the CIFAR-10 binary files")
    p.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    p.add_argument("--checkpoint", type=Path, help="save here after every epoch; resume if it exists")
    p.add_argument("--degree", type=int, default=2)
    p.add_argument("--kind", choices=["plain", "sine", "shared"], default="shared", help="what the polynomials see")
    p.add_argument("--epochs", type=int, default=16)
    p.add_argument("--small-share", type=float, default=0.93, help="fraction of the training on 24x24 crops")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=0.05, help="peak learning rate (SGD, the weights)")
    p.add_argument("--coefficient-lr", type=float, default=5e-4, help="peak learning rate (Adam, the coefficients)")
    p.add_argument("--warmup", type=float, default=0.05, help="fraction of the training")
    p.add_argument("--decay", type=float, default=5e-4, help="weight decay (convolutions and linear)")
    p.add_argument("--clip", type=float, default=1.0, help="clip the gradient norm")
    p.add_argument("--teacher-share", type=float, default=0.8, help="weight of the teacher in the loss")
    p.add_argument("--temperature", type=float, default=2.0, help="of the teacher's probabilities")
    p.add_argument("--range-weight", type=float, default=10.0, help="weight of the range penalty")
    p.add_argument("--range-cap", type=float, default=0.65, help="free range, as |u|")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--bf16", action="store_true", help="convolutions in bfloat16; the polynomials stay in float32")
    p.add_argument("--compile", action="store_true", help="torch.compile the networks (needs a C++ compiler)")
    p.add_argument("--stop-after", type=int, default=0, help="stop after this many batches (for timing)")
    a = p.parse_args()
    if not a.weights.is_file():
        p.error(f"{a.weights}: no such file")
    return a


def settle(model, padded, batch=250, count=10_000):
    """Measure the running statistics of the batch normalisations anew with the final weights."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    with torch.no_grad():
        for index in torch.randperm(len(padded))[:count].split(batch):
            model(data.normalise(data.random_crops(padded, index, 32)))


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    images, labels = data.load(a.data, train=True)
    test_images, test_labels = data.load(a.data, train=False)
    test_images = data.normalise(test_images)
    padded = data.pad(images)

    model, teacher = (ResNet20().to(memory_format=torch.channels_last) for _ in range(2))
    poly.load_model(teacher, a.weights)
    teacher.eval().requires_grad_(False)
    measured = poly.load_model(model, a.weights)
    poly.install(model, poly.fit_all(measured, a.degree, a.kind))
    polynomials = {name: act.replacement for name, act in model.activations().items()}
    for polynomial in polynomials.values():
        polynomial.cap = a.range_cap

    coefficients = [polynomial.coefficients for polynomial in polynomials.values()]
    weights = [p for name, p in model.named_parameters() if ".replacement." not in name]
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": a.decay},
        {"params": [p for p in weights if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimisers = [
        (torch.optim.SGD(groups, lr=a.lr, momentum=0.9, nesterov=True), a.lr),
        (torch.optim.Adam(coefficients, lr=a.coefficient_lr), a.coefficient_lr),
    ]
    first = 0
    if a.checkpoint and a.checkpoint.is_file():
        state = torch.load(a.checkpoint)
        model.load_state_dict(state["model"])
        for (optimiser, _), saved in zip(optimisers, state["optimisers"]):
            optimiser.load_state_dict(saved)
        torch.set_rng_state(state["rng"])
        first = state["epoch"]
        print(f"resumed after epoch {first}", flush=True)

    network, tutor = (torch.compile(m, dynamic=False) if a.compile else m for m in (model, teacher))
    steps = len(images) // a.batch
    for epoch in range(first, a.epochs):
        model.train()
        start, loss_sum, penalty_sum, right = time.time(), 0.0, 0.0, 0
        order = torch.randperm(len(images))
        for step in range(steps):
            progress = (epoch + step / steps) / a.epochs
            size = 24 if progress < a.small_share else 32
            for optimiser, peak in optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate(progress, peak, a.warmup)
            index = order[step * a.batch : (step + 1) * a.batch]
            x, y = data.normalise(data.random_crops(padded, index, size)), labels[index]
            with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
                with torch.no_grad():
                    wanted = F.log_softmax(tutor(x).float() / a.temperature, 1)
                logits = network(x).float()
            taught = F.kl_div(F.log_softmax(logits / a.temperature, 1), wanted, reduction="batchmean", log_target=True)
            loss = (1 - a.teacher_share) * F.cross_entropy(logits, y) + a.teacher_share * a.temperature**2 * taught
            penalty = sum(polynomial.penalty for polynomial in polynomials.values())
            model.zero_grad(set_to_none=True)
            (loss + a.range_weight * penalty).backward()
            torch.nn.utils.clip_grad_norm_(weights, a.clip)
            for optimiser, _ in optimisers:
                optimiser.step()
            loss_sum += loss.item()
            penalty_sum += penalty.item()
            right += (logits.argmax(1) == y).sum().item()
            if a.stop_after and step + 1 == 10:
                begun = time.time()
            if a.stop_after and step + 1 >= a.stop_after:
                print(f"{(time.time() - begun) / (a.stop_after - 10) * steps:.1f} s per epoch at size {size}")
                return
        model.eval()
        tested = (predict(model, test_images[:2000]).argmax(1) == test_labels[:2000]).double().mean().item()
        print(
            f"epoch {epoch + 1:3d} size {size} loss {loss_sum / steps:.4f} "
            f"train {100 * right / (steps * a.batch):.2f} % penalty {penalty_sum / steps:.5f} "
            f"{time.time() - start:.0f} s test (2,000 images) {100 * tested:.2f} %",
            flush=True,
        )
        if a.checkpoint:
            a.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            temporary = a.checkpoint.with_suffix(".tmp")
            state = {"model": model.state_dict(), "optimisers": [o.state_dict() for o, _ in optimisers]}
            torch.save(state | {"rng": torch.get_rng_state(), "epoch": epoch + 1}, temporary)
            temporary.replace(a.checkpoint)

    settle(model, padded)
    reached = calibrate(model, images)
    ranges = {}
    for name, polynomial in polynomials.items():
        ranges[name], top = float(measured[f"{name}.range"]), float(reached[f"{name}.range"])
        if top > ranges[name]:
            print(f"{name}: max |x| {top:.4f} is beyond the range {ranges[name]:.4f}, which is widened")
            ranges[name] = WIDEN * top
            polynomial.widen(ranges[name], reached[f"{name}.density"].numpy())
    calibration = calibrate(model, images, ranges=ranges)
    for name, polynomial in polynomials.items():
        calibration[f"{name}.polynomial"] = polynomial.coefficients.detach()
        calibration[f"{name}.argument"] = torch.tensor([float(polynomial.sine)])
    model.eval()
    right = 100 * (predict(model, test_images).argmax(1) == test_labels).double().mean().item()
    print(f"test accuracy {right:.2f} %")
    notes = poly.load(a.weights)[2]
    notes = {key: text for key, text in notes.items() if not key.startswith("test_accuracy")}
    notes |= {"finetune_epochs": str(a.epochs), "finetune_seed": str(a.seed), "polynomial_degree": str(a.degree)}
    notes |= {"polynomial_kind": a.kind, "test_accuracy_polynomial": f"{right:.2f}"}
    save(a.out, model, calibration, notes)


if __name__ == "__main__":
    main()
