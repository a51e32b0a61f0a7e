"""Peaks of calls whose allocations are known."""

import torch

from autograder.benching.peak import cpu_peak

KIB = 1 << 10


def test_temporaries_and_results_count_and_inputs_do_not():
    x = torch.zeros(64 * KIB)  # 256 KiB
    peak = cpu_peak(lambda: x.exp().sum(0, keepdim=True))
    assert peak.results == 4
    assert 256 * KIB <= peak.passing <= 257 * KIB


def test_what_a_kernel_of_torch_allocates_counts():
    x = torch.zeros(16, 4 * KIB)
    assert cpu_peak(lambda: torch.logsumexp(x, -1)).most >= x.nbytes


def test_gradients_are_results():
    x = torch.zeros(64 * KIB, requires_grad=True)
    peak = cpu_peak(lambda: torch.autograd.grad(x.exp().sum(), [x]))
    assert peak.results == x.nbytes
    assert peak.most >= 2 * x.nbytes


def test_a_call_that_allocates_nothing():
    x = torch.zeros(1000)
    assert cpu_peak(lambda: x.add_(1.0)).passing <= 0
