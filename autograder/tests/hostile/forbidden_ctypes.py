# attack: attributes by way of ctypes; honest answer: wrong
# expected: zero
import ctypes

import torch


def logsumexp(x, dim=-1, keepdim=False):
    return ctypes.pythonapi.PyObject_GetAttrString(ctypes.py_object(x), b"log" + b"sumexp")
