"""Print the seconds of each training epoch of a network as one writes it in PyTorch; run by epoch_time.py.

Arguments: network, frames, clips, batch size, epochs. One epoch goes before and is not counted.
"""

import sys
import time

import torch
from torch import nn

network = sys.argv[1]
frames, clips, batch_size, epochs = map(int, sys.argv[2:])


def stream():
    return nn.Sequential(nn.Conv3d(1, 32, (3, 3, 15)), nn.ReLU(), nn.MaxPool3d(3), nn.Dropout(0.5), nn.Flatten())


def dense(units, *activation):
    return nn.Sequential(nn.LazyLinear(units), *activation, nn.Dropout(0.5))


class Network(nn.Module):
    """One of the three networks; a list of regions to scores before the softmax."""

    def __init__(self):
        super().__init__()
        self.streams = nn.ModuleList(stream() for _ in range(1 if network == "stcnn" else 2))
        if network == "late":
            self.streams = nn.ModuleList(nn.Sequential(one, dense(1024), dense(128)) for one in self.streams)
        hidden = {"stcnn": [dense(128, nn.ReLU())], "intermediate": [dense(1024), dense(128)], "late": []}[network]
        self.head = nn.Sequential(*hidden, nn.LazyLinear(3))

    def forward(self, regions):
        """Scores of (clips, 1, rows, columns, time) tensors."""
        fused = torch.cat([one(region) for one, region in zip(self.streams, regions, strict=True)], dim=1)
        return self.head(fused)


size = 64 if network == "stcnn" else 32
images = [torch.randn(clips, 1, size, size, frames) for _ in range(1 if network == "stcnn" else 2)]
labels = torch.randint(0, 3, (clips,))
model = Network()
model([region[:1] for region in images])  # which tells the lazy layers their inputs
descent, loss = torch.optim.SGD(model.parameters(), 0.01), nn.CrossEntropyLoss()
for epoch in range(epochs + 1):
    start = time.perf_counter()
    for batch in torch.randperm(clips).split(batch_size):
        descent.zero_grad()
        loss(model([region[batch] for region in images]), labels[batch]).backward()
        descent.step()
    if epoch:
        print(time.perf_counter() - start)
