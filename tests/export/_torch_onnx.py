"""Writes networks that PyTorch exports as ONNX into the folder that is named: NAME.onnx, of which the input is "image"."""
import sys
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(1)


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        same = stride == 1 and before == after
        self.downsample = None if same else nn.Sequential(
            nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """As torchvision's, small."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.maxpool = nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2 = nn.Sequential(Block(8, 8, 1)), nn.Sequential(Block(8, 12, 2))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(12, 5)

    def forward(self, x):
        x = self.layer2(self.layer1(self.maxpool(torch.relu(self.bn1(self.conv1(x))))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Vgg(nn.Module):
    """As torchvision's, small: maps of 12 channels and 4x3 pixels before the dense layers."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2, 2),
            nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2, 2, ceil_mode=True))
        self.classifier = nn.Sequential(nn.Linear(12 * 4 * 3, 20), nn.ReLU(True), nn.Dropout(), nn.Linear(20, 7))

    def forward(self, x):
        x = self.features(x)
        return torch.softmax(self.classifier(x.view(x.size(0), -1)), 1)


class Odds(nn.Module):
    """What else there is, and sizes that PyTorch computes."""

    def __init__(self):
        super().__init__()
        self.wide, self.even = nn.Conv2d(3, 6, (3, 5), (1, 2), padding=(1, 2)), nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(6, 6, 4))
        self.bn, self.last = nn.BatchNorm2d(6), nn.Conv2d(6, 4, 1)
        self.leaky, self.gelu, self.silu = nn.LeakyReLU(0.2), nn.GELU(), nn.SiLU()

    def forward(self, x):
        x = self.leaky(self.wide((x - 0.25) / 0.5))
        x = x + self.gelu(self.bn(nn.functional.avg_pool2d(x, 3, 1, 1)))
        x = nn.functional.avg_pool2d(self.silu(self.even(x)), 2, count_include_pad=False)
        return self.last(x).mean([2, 3])


def grouped():
    return nn.Sequential(
        nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 3, dilation=2), nn.InstanceNorm2d(4), nn.Hardswish(), nn.Flatten())


def save(name, network, shape, **options):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    torch.onnx.export(network.eval(), torch.zeros(1, *shape), f"{sys.argv[1]}/{name}.onnx", input_names=["image"],
                      output_names=["logits"], **options)


batch = {"dynamic_axes": {"image": {0: "N"}, "logits": {0: "N"}}}
apart = {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}
save("resnet", ResNet(), (3, 16, 16), **batch)  # normalizations are folded into the convolutions
save("resnet-apart", ResNet(), (3, 16, 16), **batch, **apart)
save("vgg", Vgg(), (3, 16, 10), **batch)
save("odds", Odds(), (3, 12, 12), dynamic_axes={"image": {0: "N", 2: "H", 3: "W"}})
save("grouped", grouped(), (4, 16, 16))
