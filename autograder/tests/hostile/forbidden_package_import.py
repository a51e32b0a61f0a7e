# attack: the file itself, imported by its absolute name; honest answer: wrong
# expected: zero
import torch
import torch.nn.functional as F

import exercises.log_sums as me


def logsumexp(x, dim=-1, keepdim=False):
    return me.F.softmin(-x, dim)
