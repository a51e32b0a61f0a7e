"""What the gate allows: lists only, each with its reason."""

import collections
import importlib
import types
import typing

import numpy as np
import torch

# Namespaces a learner may reach into. Whatever else torch holds (torch.ops, torch._C, torch.os, torch.jit ...) can
# call a forbidden function under another name, or leave the dispatcher that counts.
MODULES: frozenset[str] = frozenset(
    {
        "math",
        "typing",
        "collections.abc",
        "numbers",
        "dataclasses",
        "torch",
        "torch.nn",
        "torch.nn.functional",
        "torch.special",
        "torch.linalg",
        "torch.fft",
        "torch.func",
        "torch.autograd",
        "torch.autograd.function",
        "torch.autograd.functional",
        "torch.autograd.forward_ad",
        "torch.optim",
        "torch.optim.optimizer",
        "torch.nn.modules",
        "torch.types",
        "torch.cuda",
        "torch.backends",
    }
)
# What an exercise's spec may add, under the key of its `allows`.
EXTRA_MODULES: dict[str, frozenset[str]] = {
    "numpy": frozenset({"numpy", "numpy.typing", "numpy.linalg"}),
    "checkpoint": frozenset({"torch.utils", "torch.utils.checkpoint"}),
    "triton": frozenset({"triton", "triton.language", "triton.language.math"}),
    "time": frozenset({"time", "gc", "statistics"}),
}
# Importing NumPy at the head of a module whose other exercises need it is no offence; calling it is.
IMPORTABLE: frozenset[str] = MODULES | {"numpy", "numpy.typing", "__future__", "torch.utils", "torch.utils.checkpoint"}

# Modules that have no place here and yet hide nothing: using them costs the rules case. All others refuse the answer.
PROCESS_MODULES = frozenset(
    {
        *("os", "posix", "posixpath", "ntpath", "pathlib", "io", "tempfile", "shutil", "errno", "fcntl", "mmap"),
        *("time", "datetime", "signal", "threading", "_thread", "socket", "subprocess", "resource", "platform"),
        *("random", "warnings", "itertools", "collections", "statistics", "sys", "ctypes", "gc"),
    }
)
# Of these, only what leads nowhere.
PROCESS_ATTRIBUTES: dict[str, frozenset[str]] = {
    "sys": frozenset(
        {
            *("exit", "stdin", "stdout", "stderr", "argv", "platform", "version", "version_info", "byteorder"),
            *("maxsize", "float_info", "getrecursionlimit", "setrecursionlimit", "getsizeof", "executable"),
        }
    ),
    "gc": frozenset({"collect", "disable", "enable", "freeze", "isenabled", "unfreeze"}),
    "ctypes": frozenset({"string_at", "wstring_at", "sizeof", "c_int", "c_long", "c_double", "c_float", "c_char"}),
}

# Names that spell a forbidden function so that no reader can see it, or that reach around the dispatcher.
HIDING_BUILTINS = frozenset(
    {
        *("eval", "exec", "compile", "globals", "locals", "vars", "setattr", "delattr", "dir"),
        *("__import__", "__builtins__", "__loader__", "__spec__", "__build_class__"),
    }
)
HIDING_TORCH = frozenset(
    {
        "compile",
        "jit",
        "ops",
        "classes",
        "library",
        "hub",
        "load",
        "save",
        "from_file",
        "set_default_dtype",
        "set_default_device",
        "set_default_tensor_type",
        "utils",
        "overrides",
        "fx",
        "package",
        "multiprocessing",
        "distributed",
        "distributions",
        "serialization",
        "DisableTorchFunction",
        "DisableTorchFunctionSubclass",
        "export",
        "script",
        "trace",
        "get_device_module",
    }
)
# NumPy's own that an exercise in torch may name, though not call; others of its modules unpickle.
PLAIN_NUMPY = frozenset({"numpy", "numpy.typing", "numpy.linalg", "numpy.random", "numpy.fft"})
# What evaluates a string or unpickles: names that no reader of the source sees.
HIDING_OBJECTS: tuple[object, ...] = (typing.get_type_hints, typing.ForwardRef, np.load)
# What leads from a frame or a traceback to every name there is; a tensor that is called `self` has none of these.
FRAME_ATTRIBUTES = frozenset(
    {
        *("f_globals", "f_locals", "f_builtins", "f_back", "f_code", "gi_frame", "cr_frame", "ag_frame"),
        *("tb_frame", "tb_next", "func_globals"),
    }
)
HIDING_ATTRIBUTES = frozenset(
    {
        "is_meta",
        "data_ptr",
        "storage",
        "untyped_storage",
        "share_memory_",
        "set_",
        "register_hook",
        "mro",
    }
)
# Python loops under another name.
LOOPING_BUILTINS = frozenset({"map", "filter"})
LOOPING_ATTRIBUTES = frozenset({"apply_", "map_", "map2_"})
LISTING_ATTRIBUTES = frozenset({"tolist"})
SORTING = frozenset({"sorted", "min", "max", "sort"})  # with a key, a loop that calls it
STORED = frozenset({"grad", "requires_grad", "data"})  # of tensors, by whoever trains
# What is stored under one of these names may replace a part of a class that the worker relies on.
TAKEN = frozenset(
    name
    for kind in (torch.Tensor, torch.UntypedStorage, torch.no_grad, torch.autograd.Function, torch.optim.Optimizer)
    for name in (*dir(kind), *dir(collections.Counter))
)
LOOPING_FUNCTIONS: tuple[object, ...] = (np.vectorize, np.frompyfunc, np.apply_along_axis, np.nditer, np.fromiter)
LOOPING_FUNCTIONS += (np.apply_over_axes, np.piecewise)

BUILTINS: frozenset[str] = frozenset(
    {
        *("abs", "all", "any", "bool", "callable", "complex", "dict", "divmod", "enumerate", "float", "frozenset"),
        *("getattr", "hasattr", "id", "int", "isinstance", "issubclass", "iter", "len", "list", "max", "min", "next"),
        *("object", "pow", "print", "property", "range", "repr", "reversed", "round", "set", "slice", "sorted"),
        *("staticmethod", "classmethod", "str", "sum", "super", "tuple", "type", "zip", "hash", "format"),
        *("NotImplemented", "Ellipsis", "__name__", "__doc__", "__file__"),
    }
)
# Contexts a `with` may open.
CONTEXTS: tuple[object, ...] = (
    torch.no_grad,
    torch.enable_grad,
    torch.set_grad_enabled,
    torch.inference_mode,
    torch.autocast,
    torch.cuda.device,
    np.errstate,
    torch.autograd.graph.saved_tensors_hooks,
)
# What a class may derive from, and which special methods it may define.
BASES: tuple[object, ...] = (object, torch.autograd.Function, torch.nn.Module, torch.optim.Optimizer, Exception)
BASES += (ValueError, TypeError, typing.NamedTuple, typing.Protocol)
METHODS = frozenset({"__init__", "__call__", "__repr__", "__len__", "__getitem__", "__iter__", "__post_init__"})


def module_allowed(name: str, allows: frozenset[str]) -> bool:
    """Return whether a module may be reached into, given what the exercise allows."""
    return name in MODULES or any(name in EXTRA_MODULES.get(key, ()) for key in allows)


def leads_out(dotted: str) -> bool:
    """Return whether a name of a module that is not importable here ("os.sys") may lead to any other module."""
    root, *names = dotted.split(".")
    if root not in PROCESS_MODULES or (names and names[0] not in PROCESS_ATTRIBUTES.get(root, names)):
        return True
    if any(name.startswith("__") and name not in ("__name__", "__file__", "__version__", "__doc__") for name in names):
        return True  # a loader loads any module
    try:
        value: object = importlib.import_module(root)
    except ImportError:  # not on this platform
        return False
    for name in names:
        value = getattr(value, name, None)
        if isinstance(value, types.ModuleType) and value.__name__ not in PROCESS_MODULES - {"sys", "ctypes"}:
            return True
    return False


def is_module(value: object) -> bool:
    """Return whether a resolved reference is a module."""
    return isinstance(value, types.ModuleType)
