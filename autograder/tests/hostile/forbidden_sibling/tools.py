from torch import logsumexp as total
