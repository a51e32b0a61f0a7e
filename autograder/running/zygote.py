"""The warm process that workers are forked from: it imports torch and nothing of ours that knows an answer.

Never runs a parallel op (a forked child of a process with a thread pool hangs) and reads no file of the course.
Requests are JSON datagrams over a socket; `spawn` carries the worker's two pipe ends.
"""

import contextlib
import gc
import glob
import json
import os
import signal
import socket
import sys

import torch

from autograder.running import tracing, worker
from autograder.running.confinement import Policy, default_readable


def warm_up() -> None:
    """Import now, once, what torch imports lazily: a confined worker would pay for it each time."""
    torch.set_num_threads(1)
    x = torch.empty(2, 3, device="meta", requires_grad=True)
    tracing.trace(lambda v: (v - v.max(-1, keepdim=True)[0]).exp().sum(-1).log(), (x,), {}, (0,))
    y = torch.zeros(2, requires_grad=True)
    y.sum().backward()
    torch.optim.SGD([y], lr=0.1).step()
    torch.nn.functional.gumbel_softmax(torch.zeros(2))


def policy_for(fds: list[int], readable: tuple[str, ...], cuda: bool) -> Policy:
    """Return what a worker keeps; CUDA cannot do without threads, its devices and a free address space."""
    if not cuda:
        return Policy(readable=readable, keep_fds=(fds[0], fds[1]))
    devices = tuple(sorted(glob.glob("/dev/nvidia*")))
    return Policy(readable, (fds[0], fds[1]), memory_bytes=None, devices=devices, threads=True)


def _spawn(server: socket.socket, fds: list[int], readable: tuple[str, ...], cuda: bool) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        server.close()
        worker.run(fds[0], fds[1], policy_for(fds, readable, cuda))
    finally:
        os._exit(0)


def _reap(pid: int) -> int:
    """Kill a worker and return its wait status."""
    with contextlib.suppress(ProcessLookupError):
        # A worker that is already gone keeps its own status: the signal does not reach a dead child.
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, 0)[1]
    return 0


def serve(fd: int) -> None:
    """Answer the grader's requests until it closes the socket; then every worker dies with this process."""
    server = socket.socket(fileno=fd)
    warm_up()
    readable = default_readable()
    gc.freeze()  # a worker that looks for garbage would write to, and so copy, all memory that it shares with this one
    server.send(b'{"ready": true}')
    children: set[int] = set()
    while True:
        data, fds, _, _ = socket.recv_fds(server, 4096, 2)
        if not data:
            break
        request = json.loads(data)
        if request["do"] == "spawn":
            pid = _spawn(server, fds, readable, request["cuda"])
            children.add(pid)
            for end in fds:
                os.close(end)
            server.send(json.dumps({"pid": pid}).encode())
        elif request["pid"] in children:
            children.discard(request["pid"])
            server.send(json.dumps({"status": _reap(request["pid"])}).encode())
        else:
            server.send(b'{"status": 0}')
    for pid in children:
        _reap(pid)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
