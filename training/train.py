"""Train ResNet20 on CIFAR-10 on the CPU and write it as safetensors."""

import argparse
import time
from pathlib import Path

import torch
from torch.nn import functional as F

import data
from calibrate import calibrate, save
from model import ResNet20


def accuracy(model, images, labels, batch=500, bf16=False) -> float:
    """Top-1 accuracy in percent, float32 by default."""
    model.eval()
    right = 0
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for i in range(0, len(images), batch):
            right += (model(images[i : i + batch]).argmax(1) == labels[i : i + batch]).sum().item()
    return 100 * right / len(images)


def learning_rate(progress: float, peak: float, warmup: float) -> float:
    """Linear warm-up, then linear decay to zero."""
    return peak * min(progress / warmup if warmup else 1.0, (1 - progress) / (1 - warmup))


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True, help="folder with the CIFAR-10 binary files")
    p.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    p.add_argument("--checkpoint", type=Path, help="save here after every epoch; resume if it exists")
    p.add_argument("--epochs", type=int, default=60)
    p.add_argument("--small-epochs", type=float, default=0.4, help="fraction of epochs on 24x24 crops")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=0.2, help="peak learning rate")
    p.add_argument("--warmup", type=float, default=0.15, help="fraction of the training")
    p.add_argument("--decay", type=float, default=5e-4, help="weight decay (convolutions and linear)")
    p.add_argument("--smoothing", type=float, default=0.05, help="label smoothing")
    p.add_argument("--range-weight", type=float, default=3.0, help="weight of the range penalty")
    p.add_argument("--range-cap", type=float, default=4.0, help="free range, in root mean squares")
    p.add_argument("--clip", type=float, default=0.0, help="clip the gradient norm (0: never)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--compile", action="store_true", help="torch.compile the network (needs a C++ compiler)")
    p.add_argument("--stop-after", type=int, default=0, help="stop after this many batches (for timing)")
    a = p.parse_args()
    if not a.data.is_dir():
        p.error(f"--data {a.data}: no such folder")
    return a


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    images, labels = data.load(a.data, train=True)
    test_images, test_labels = data.load(a.data, train=False)
    test_images = data.normalise(test_images)
    padded = data.pad(images)

    model = ResNet20().to(memory_format=torch.channels_last)
    acts = list(model.activations().values())

    for act in acts:
        act.watch, act.cap = (a.batch // 4 if a.range_weight else 0), a.range_cap

    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": a.decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.SGD(groups, lr=a.lr, momentum=0.9, nesterov=True)
    first = 0
    if a.checkpoint and a.checkpoint.is_file():
        state = torch.load(a.checkpoint)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["rng"])
        first = state["epoch"]
        print(f"resumed after epoch {first}", flush=True)

    network = torch.compile(model, dynamic=False) if a.compile else model
    steps = len(images) // a.batch
    for epoch in range(first, a.epochs):
        model.train()
        size = 24 if epoch < a.small_epochs * a.epochs else 32
        start, loss_sum, penalty_sum, right = time.time(), 0.0, 0.0, 0
        order = torch.randperm(len(images))
        for step in range(steps):
            rate = learning_rate((epoch + step / steps) / a.epochs, a.lr, a.warmup)
            for group in optimiser.param_groups:
                group["lr"] = rate
            index = order[step * a.batch : (step + 1) * a.batch]
            x, y = data.normalise(data.random_crops(padded, index, size)), labels[index]
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(x)
            logits = logits.float()
            loss = F.cross_entropy(logits, y, label_smoothing=a.smoothing)
            total = loss
            if a.range_weight:
                penalty = sum(act.penalty for act in acts)
                total = loss + a.range_weight * penalty
                penalty_sum += penalty.item()
            optimiser.zero_grad(set_to_none=True)
            total.backward()
            if a.clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), a.clip)
            optimiser.step()
            loss_sum += loss.item()
            right += (logits.argmax(1) == y).sum().item()
            if a.stop_after and step + 1 == 10:
                begun = time.time()
            if a.stop_after and step + 1 >= a.stop_after:
                print(f"{(time.time() - begun) / (a.stop_after - 10) * steps:.1f} s per epoch at size {size}")
                return
        seconds = time.time() - start
        line = (
            f"epoch {epoch + 1:3d} size {size} loss {loss_sum / steps:.4f} "
            f"train {100 * right / (steps * a.batch):.2f} % penalty {penalty_sum / steps:.5f} {seconds:.0f} s"
        )
        if epoch % 5 == 4 or epoch >= a.epochs - 5:
            line += f" test {accuracy(model, test_images, test_labels, bf16=True):.2f} %"
        print(line, flush=True)
        if a.checkpoint:
            a.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            temporary = a.checkpoint.with_suffix(".tmp")
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save(state | {"rng": torch.get_rng_state(), "epoch": epoch + 1}, temporary)
            temporary.replace(a.checkpoint)

    calibration = calibrate(model, images)
    exact = accuracy(model, test_images, test_labels)
    print(f"test accuracy with ReLU {exact:.2f} %")
    notes = {"network": "ResNet20, CIFAR-10", "mean": str(data.MEAN), "std": str(data.STD)}
    notes |= {"epochs": str(a.epochs), "seed": str(a.seed)}
    notes["test_accuracy_relu"] = f"{exact:.2f}"
    save(a.out, model, calibration, notes)


if __name__ == "__main__":
    main()
