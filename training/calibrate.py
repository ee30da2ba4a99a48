"""Measure the inputs of every activation and store range and density with the weights."""

import argparse
import json
from pathlib import Path

import torch

import data
from model import ResNet20

BINS = 256


def calibrate(
    model, images: torch.Tensor, count: int = 10_000, batch: int = 250, ranges: dict[str, float] | None = None
) -> dict[str, torch.Tensor]:
    """`<path>.range` = max |x| and `<path>.density` = histogram over [-range, range].

    With `ranges` those are kept, with a warning if a value lies beyond.
    """
    model.eval()
    x = data.normalise(images[:count])
    acts = model.activations()
    top = {name: 0.0 for name in acts}
    bins = {name: torch.zeros(BINS, dtype=torch.float64) for name in acts}

    def run(measure):
        for name, act in acts.items():
            act.observer = lambda value, name=name: measure(name, value)
        try:
            with torch.inference_mode():
                for i in range(0, len(x), batch):
                    model(x[i : i + batch])
        finally:
            for act in acts.values():
                act.observer = None

    def maximum(name, value):
        top[name] = max(top[name], value.abs().max().item())

    def histogram(name, value):
        bins[name] += torch.histc(value.float(), BINS, -top[name], top[name]).double()

    run(maximum)
    if ranges is not None:
        for name in acts:
            if top[name] > ranges[name]:
                print(f"warning: {name}: max |x| {top[name]:.4f} is beyond the range {ranges[name]:.4f}")
        top = ranges
    run(histogram)
    out = {}
    for name in acts:
        out[f"{name}.range"] = torch.tensor([top[name]])
        out[f"{name}.density"] = (bins[name] / bins[name].sum()).float()
    return out


def save(path: Path, model, calibration: dict[str, torch.Tensor], notes: dict[str, str]):
    """Write weights, calibration and notes as safetensors; equal contents give equal bytes.

    Done by hand because the safetensors package orders the metadata at random.
    """
    tensors = dict(sorted((model.tensors() | calibration).items()))
    header, end = {"__metadata__": dict(sorted(notes.items()))}, 0
    for name, value in tensors.items():
        start, end = end, end + 4 * value.numel()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(value.numpy().astype("<f4").tobytes() for value in tensors.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    print(f"wrote {path}")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="folder with the CIFAR-10 binary files")
    p.add_argument("--checkpoint", type=Path, required=True, help="a checkpoint of train.py")
    p.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    p.add_argument("--images", type=int, default=10_000, help="how many training images to measure")
    p.add_argument("--note", action="append", default=[], metavar="KEY=TEXT", help="add to the metadata")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    if not a.checkpoint.is_file():
        p.error(f"--checkpoint {a.checkpoint}: no such file")
    if any("=" not in note for note in a.note):
        p.error("--note needs KEY=TEXT")
    torch.set_num_threads(a.threads)
    model = ResNet20().to(memory_format=torch.channels_last)
    state = torch.load(a.checkpoint)
    model.load_state_dict(state["model"])
    images, _ = data.load(a.data, train=True)
    notes = dict(note.split("=", 1) for note in a.note) | {"epochs": str(state["epoch"])}
    save(a.out, model, calibrate(model, images, a.images), notes)


if __name__ == "__main__":
    main()
