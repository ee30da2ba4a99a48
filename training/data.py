"""CIFAR-10 in its standard binary layout, and fast augmentation on whole batches."""

import lzma
import sys
from pathlib import Path

import numpy as np
import torch

MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
CLASSES = 10
RECORD = 1 + 3 * 32 * 32


def _read(folder: Path, stem: str) -> np.ndarray:
    """The records of `<stem>.bin` or `<stem>.bin.xz`, one row each."""
    plain, packed = folder / f"{stem}.bin", folder / f"{stem}.bin.xz"
    if plain.is_file():
        raw = plain.read_bytes()
    elif packed.is_file():
        raw = lzma.decompress(packed.read_bytes())
    else:
        sys.exit(
            f"error: neither {plain} nor {packed} exists; --data must name a folder with "
            "the files of the CIFAR-10 binary version (data_batch_1.bin .. data_batch_5.bin "
            "and test_batch.bin, each optionally xz-compressed)"
        )
    if not raw or len(raw) % RECORD:
        sys.exit(f"error: {stem} in {folder}: {len(raw)} bytes are not whole records of {RECORD}")
    return np.frombuffer(raw, np.uint8).reshape(-1, RECORD)


def load(folder: Path, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as uint8 [n, 32, 32, 3] and labels as int64 [n]."""
    stems = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
    rows = np.concatenate([_read(folder, stem) for stem in stems])
    if rows[:, 0].max() >= CLASSES:
        sys.exit(f"error: {folder}: a label is {rows[:, 0].max()}, expected 0..{CLASSES - 1}")
    images = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return torch.from_numpy(images.copy()), torch.from_numpy(rows[:, 0].astype(np.int64))


def normalise(images: torch.Tensor) -> torch.Tensor:
    """uint8 [n, h, w, 3] to float32 [n, 3, h, w] (channels last in memory)."""
    mean, std = torch.tensor(MEAN) * 255, torch.tensor(STD) * 255
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


def pad(images: torch.Tensor, margin: int = 4) -> torch.Tensor:
    """Surround every image with `margin` pixels of the mean colour (zero once normalised)."""
    n, h, w, c = images.shape
    out = (torch.tensor(MEAN) * 255).round().to(torch.uint8).expand(n, h + 2 * margin, w + 2 * margin, c)
    out = out.clone()
    out[:, margin : margin + h, margin : margin + w] = images
    return out


def random_crops(padded: torch.Tensor, index: torch.Tensor, size: int) -> torch.Tensor:
    """Random `size` x `size` crops, half of them mirrored, of the images `index`."""
    n, room = len(index), padded.shape[1] - size + 1
    # Small crops are taken within the image, not from its padding.
    low, high = (4, 32 - size + 5) if size < 32 else (0, room)
    steps = torch.arange(size)
    rows = torch.randint(low, high, (n, 1)) + steps
    mirrored = torch.randint(0, 2, (n, 1)).bool()
    columns = torch.randint(low, high, (n, 1)) + torch.where(mirrored, size - 1 - steps, steps)
    return padded[index[:, None, None], rows[:, :, None], columns[:, None, :]]
