# attack: a type hint that typing evaluates; honest answer: wrong
# expected: zero
import typing

import torch


class _Hinted:
    total: "torch.log" "sumexp"


def logsumexp(x, dim=-1, keepdim=False):
    return typing.get_type_hints(_Hinted)["total"](x, dim, keepdim)
