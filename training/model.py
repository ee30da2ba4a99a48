"""ResNet20 for CIFAR-10 with parameter-free shortcuts and exchangeable activations."""

import torch
from torch import nn
from torch.nn import functional as F


class Activation(nn.Module):
    """ReLU, or the function in `replacement`; measures how far its inputs spread.

    While `watch` > 0 the first `watch` images of a batch contribute a penalty on inputs
    beyond `cap` times the root mean square, which keeps the range of values compact.
    """

    def __init__(self):
        super().__init__()
        self.replacement = None
        self.observer = None
        self.watch = 0
        self.cap = 4.0
        self.penalty = None

    def forward(self, x):
        if self.watch and self.training:
            part = x[: self.watch].float().abs()
            scale = part.detach().square().mean().sqrt() + 1e-6
            self.penalty = F.relu(part / scale - self.cap).square().mean()
        if self.observer is not None:
            self.observer(x)
        if self.replacement is None:
            return F.relu(x)
        return self.replacement(x)


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.stride, self.extra = stride, (outputs - inputs) // 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = Activation()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = Activation()

    def forward(self, x):
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.stride > 1:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra, self.extra))
        return self.relu2(y + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = Activation()
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))

    def activations(self) -> dict[str, Activation]:
        """The 19 activations by path, in order of evaluation."""
        return {name: m for name, m in self.named_modules() if isinstance(m, Activation)}

    def tensors(self) -> dict[str, torch.Tensor]:
        """The parameters and running statistics to publish, as contiguous float32."""
        return {
            name: value.detach().float().contiguous()
            for name, value in self.state_dict().items()
            if not name.endswith("num_batches_tracked") and ".replacement." not in name
        }
