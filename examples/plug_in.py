"""RecurrentFeatureReasoning inside a plain U-Net of one's own: python examples/plug_in.py [STEPS]"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from rfr_core import RecurrentFeatureReasoning
from rfr_core.holes.random_holes import random_irregular_hole
from rfr_core.images.picture_files import read_picture
from rfr_core.images.pixels import to_tensor
from rfr_core.network.reasoning import AreaIdentification


class Reason(nn.Module):
    """What fills the area of a recurrence: anything that keeps the shape. The memory is free for its own use."""

    def __init__(self, channels):
        super().__init__()
        self.convs = nn.Sequential(*(nn.Conv2d(channels, channels, 3, padding=d, dilation=d) for d in (1, 2, 4)))

    def forward(self, features, known, memory):
        return features + self.convs(features), memory


class UNet(nn.Module):
    """Two halvings, the module on the smallest map, two doublings with skips."""

    def __init__(self, c=16):
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(4, c, 4, 2, 1), nn.Conv2d(c, 2 * c, 4, 2, 1)])
        self.module = RecurrentFeatureReasoning(AreaIdentification(2 * c, 3, "group"), Reason(2 * c))
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * c, c, 4, 2, 1), nn.ConvTranspose2d(2 * c, 3, 4, 2, 1)])

    def forward(self, image, known):
        skip = F.relu(self.down[0](torch.cat([image * known, known], 1)))  # (N, c, H/2, W/2)
        features = F.relu(self.down[1](skip))  # (N, 2c, H/4, W/4)
        reached = -F.max_pool2d(-known, 4)  # known where all pixels below are
        recurrence = self.module(features, reached)  # as many as it takes until all is known
        x = F.relu(self.up[0](recurrence.merged))
        return self.up[1](torch.cat([x, skip], 1)), recurrence.total


torch.manual_seed(0)
photograph = to_tensor(read_picture(Path(__file__).parent / "flower.jpg").image)[:, :3]  # (1, 3, H, W) in [0, 1]
network = UNet()
optimizer = torch.optim.Adam(network.parameters(), 2e-3)
for step in range(int(sys.argv[1]) if len(sys.argv) > 1 else 50):
    top, left = (int(torch.randint(side - 64, ())) for side in photograph.shape[-2:])
    truth = photograph[..., top : top + 64, left : left + 64]
    known = 1 - random_irregular_hole(64, 64, generator=step)
    output, recurrences = network(truth, known)
    loss = F.l1_loss(output, truth)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step + 1}: loss {loss.item():.4f} after {recurrences} recurrences")
