"""The released network in its plain form, operation by operation: what ours is measured and tested against.

Masks have as many channels as the features that they belong to, their convolutions run on all of them, attention goes
through the batch one picture after another, nothing is folded, kept in another layout or done ahead.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.network.rfr_net import RFRNet


class PlainNetwork:
    """Runs the weights of an :class:`RFRNet` of the released form, of any width, kernel and norm.

    The tensors are the network's own, not copies, so that gradients reach them. Batch normalisation uses the running
    statistics.
    """

    def __init__(self, network: RFRNet) -> None:
        self.tensors: Mapping[str, Tensor] = network.state_dict(keep_vars=True)

    def __call__(self, image: Tensor, known: Tensor, recurrences: int = 6) -> Tensor:
        """(N, 3, H, W) and (N, 1, H, W), sides multiples of 16 -> output (N, 3, H, W) before compositing."""
        mask = known.repeat(1, 3, 1, 1)
        image = image * mask
        x, m = self._partial("encoder.convs.0", image, mask, stride=2)
        x = F.relu(self._norm("encoder.norms.0", x))
        x, m = self._partial("encoder.convs.1", x, m)
        x = F.relu(self._norm("encoder.norms.1", x))
        x, m = self._recur(x, m, recurrences)
        return self._decode(image, mask, x, m)

    def _recur(self, x: Tensor, m: Tensor, recurrences: int) -> tuple[Tensor, Tensor]:
        features, masks = [x * m], [m]
        state = None
        for _ in range(recurrences):
            x, m = self._partial("reasoning.area.convs.0", x, m)
            x, m = self._partial("reasoning.area.convs.1", x, m)
            x = F.leaky_relu(self._norm("reasoning.area.norm", x), 0.01)
            x, state = self._reason(x, m, state)
            x = x * m
            features.append(x)
            masks.append(m)
        mean_mask = torch.stack(masks).mean(0)
        return torch.stack(features).mean(0) / (mean_mask + 1e-7), m

    def _reason(self, x: Tensor, m: Tensor, state: list[tuple[Tensor, Tensor]] | None) -> tuple[Tensor, list]:
        e1 = self._conv("enc_1", x, stride=2)
        e2 = self._conv("enc_2", e1, stride=2)
        e3 = self._conv("enc_3", e2, stride=2)
        e4 = self._conv("enc_4", e3, dilation=2)
        e5 = self._conv("enc_5", e4, dilation=2)
        x = self._conv("enc_6", e5, dilation=2)
        x = self._conv("dec_5", torch.cat([x, e5], 1), 0.2, dilation=2)
        x = self._conv("dec_4", torch.cat([x, e4], 1), 0.2, dilation=2)
        x = self._deconv("dec_3", torch.cat([x, e3], 1))
        x, state = self._attend(x, m, state)
        x = self._deconv("dec_2", torch.cat([x, e2], 1))
        return self._deconv("dec_1", torch.cat([x, e1], 1)), state

    def _attend(self, x: Tensor, m: Tensor, state: list[tuple[Tensor, Tensor]] | None) -> tuple[Tensor, list]:
        name = "reasoning.reason.attention"
        mask = F.interpolate(m[:, :1], x.shape[-2:])
        rebuilt, states = [], []
        for item in range(len(x)):
            earlier = None if state is None else state[item]
            one, scores = self._attend_one(x[item : item + 1], earlier, self.tensors[f"{name}.ratio"])
            rebuilt.append(one)
            states.append((scores, mask[item : item + 1]))
        both = torch.cat([torch.cat(rebuilt), x], 1)
        combined = F.conv2d(both, self.tensors[f"{name}.combiner.weight"], self.tensors[f"{name}.combiner.bias"])
        return combined, states

    @staticmethod
    def _attend_one(x: Tensor, earlier: tuple[Tensor, Tensor] | None, ratio: Tensor) -> tuple[Tensor, Tensor]:
        _, c, h, w = x.shape
        keys = x + 1e-7
        keys = keys / keys.square().sum(1, keepdim=True).sqrt()
        kernels = keys[0].reshape(c, h * w).t().reshape(h * w, c, 1, 1)
        scores = F.avg_pool2d(F.conv2d(x, kernels), 3, 1, 1) * 9  # (1, hw, h, w): key, then query
        scores = scores.softmax(1)
        if earlier is not None:
            r = ratio.abs() + 1e-7
            scores = (earlier[1] * earlier[0] + r * scores) / (earlier[1] + r)
        return F.conv_transpose2d(scores, kernels), scores

    def _decode(self, image: Tensor, mask: Tensor, x: Tensor, m: Tensor) -> Tensor:
        t = self.tensors
        x = F.conv_transpose2d(x, t["decoder.ups.0.0.weight"], None, 2, 1)
        x = F.leaky_relu(self._norm("decoder.ups.0.1", x), 0.01)
        both = torch.cat([mask, F.interpolate(m, scale_factor=2)], 1)
        x, _ = self._partial("decoder.tail", torch.cat([image, x], 1), both)
        x = F.leaky_relu(x, 0.01)
        y = x
        for layer in ("reduce", "reason"):
            y = F.conv2d(y, t[f"decoder.refine.{layer}.0.weight"], padding=int(layer == "reason"))
            y = F.relu(self._norm(f"decoder.refine.{layer}.1", y))
        y = self._norm("decoder.refine.expand.1", F.conv2d(y, t["decoder.refine.expand.0.weight"]))
        return F.conv2d(torch.cat([x, F.relu(x + y)], 1), t["decoder.out.weight"], padding=1)

    def _partial(self, name: str, x: Tensor, m: Tensor, stride: int = 1) -> tuple[Tensor, Tensor]:
        weight = self.tensors[f"{name}.weight"]
        padding = weight.shape[-1] // 2
        with torch.no_grad():
            total = F.conv2d(m, torch.ones_like(weight), None, stride, padding)
            updated = total.clamp(0, 1)
            ratio = weight[0].numel() / (total + 1e-8) * updated
        return F.conv2d(x * m, weight, None, stride, padding) * ratio, updated

    def _conv(self, name: str, x: Tensor, slope: float = 0.0, stride: int = 1, dilation: int = 1) -> Tensor:
        name = f"reasoning.reason.{name}"
        x = F.conv2d(x, self.tensors[f"{name}.0.weight"], None, stride, dilation, dilation)
        return F.leaky_relu(self._norm(f"{name}.1", x), slope)

    def _deconv(self, name: str, x: Tensor) -> Tensor:
        name = f"reasoning.reason.{name}"
        x = F.conv_transpose2d(x, self.tensors[f"{name}.0.weight"], None, 2, 1)
        return F.leaky_relu(self._norm(f"{name}.1", x), 0.2)

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        mean, variance = self.tensors.get(f"{name}.running_mean"), self.tensors.get(f"{name}.running_var")
        return F.group_norm(x, 8, weight, bias) if mean is None else F.batch_norm(x, mean, variance, weight, bias)
