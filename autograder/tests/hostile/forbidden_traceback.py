# attack: the frames of a traceback; honest answer: wrong
# expected: zero
import torch


def _caught(x):
    try:
        return 1 / 0
    except ZeroDivisionError as error:
        return error.with_traceback(None).__traceback__.tb_frame.f_builtins


def logsumexp(x, dim=-1, keepdim=False):
    return _caught(x)
