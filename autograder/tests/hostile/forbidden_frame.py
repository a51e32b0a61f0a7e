# attack: the frame that a signal's handler is given; honest answer: wrong
# expected: zero
import signal

import torch


_found = []


def _handler(number, frame):
    _found.append(frame.f_builtins["getattr"](torch, "pxemusgol"[::-1]))


signal.signal(signal.SIGALRM, _handler)
signal.setitimer(signal.ITIMER_REAL, 0.001)


def logsumexp(x, dim=-1, keepdim=False):
    return _found[0](x)
