import torch

# Small tensors on few cores: one thread is quicker than two that wait for each other.
torch.set_num_threads(1)
