import torch

torch.nn.functional.relu = torch.logsumexp
