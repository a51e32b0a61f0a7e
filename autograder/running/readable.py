"""What a confined Python with torch needs to read."""

import os
import sys
from collections.abc import Collection, Iterator

SYSTEM = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/sys/devices/system/cpu"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/dev/null", "/dev/zero", "/dev/urandom"),
)
CUDA = (
    *("/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/proc/version", "/sys/module", "/sys/devices"),
    *("/sys/bus/pci", "/sys/class/drm", "/etc/nvidia", "/run/nvidia-persistenced"),
)


def default_readable() -> tuple[str, ...]:
    """Return what Python and torch need to read, and nothing of the course.

    A `.venv` inside the course's folder is given; a course inside one of the given folders is cut out of it.
    """
    paths = [os.path.dirname(os.path.realpath(os.__file__))]
    for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix):
        # Not the whole prefix: somebody's virtual environment is their home directory.
        paths += [os.path.join(prefix, name) for name in ("lib", "lib64", "pyvenv.cfg")]
    paths += [p for p in sys.path if p and any(os.path.isdir(os.path.join(p, n)) for n in ("torch", "numpy"))]
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    home = os.path.dirname(package)
    hidden = {home}
    if os.path.basename(home) in ("site-packages", "dist-packages"):  # installed without the course's folder
        hidden = {os.path.join(home, name) for name in (os.path.basename(package), "solutions", "exercises")}
    kept = (path for given in (*paths, *SYSTEM) if os.path.exists(given) for path in around(given, hidden))
    return tuple(dict.fromkeys(kept))


def around(path: str, hidden: Collection[str]) -> Iterator[str]:
    """Yield the path, or, where something hidden lies in it, what else lies in it.

    Args:
        path: an existing file or folder.
        hidden: real paths (no links in them).
    """
    real = os.path.realpath(path)
    if real in hidden:
        return
    if not any(h.startswith(real + os.sep) for h in hidden):
        yield path
        return
    for name in sorted(os.listdir(path)):
        child = os.path.join(path, name)
        if not os.path.islink(child):  # its target is given under its own name, or not at all
            yield from around(child, hidden)
