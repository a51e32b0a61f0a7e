"""What a learner's code changes of torch's classes is seen, and nothing else is taken for that."""

import pytest
import torch

from autograder.running.untampered import CLASSES, Tampered, demand


def test_classes_as_they_were_are_fine_after_all_kinds_of_work():
    x = torch.randn(3, 4, requires_grad=True)
    torch.optim.SGD([x], lr=0.1).step()
    with torch.no_grad():
        torch.autograd.grad(x.exp().sum(), x) if x.requires_grad and torch.is_grad_enabled() else x.exp()
    demand()


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind not in (torch.Size,)], ids=lambda k: k.__name__)
def test_a_new_or_other_attribute_is_seen(kind, monkeypatch):
    try:
        monkeypatch.setattr(kind, "left_by_a_learner", 1, raising=False)
    except TypeError:
        return  # nobody can change it
    with pytest.raises(Tampered, match=kind.__name__):
        demand()
    monkeypatch.undo()
    demand()
