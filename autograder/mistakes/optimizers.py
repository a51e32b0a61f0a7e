"""Known wrong implementations of `optimizers`. Each is right but for its own mistake."""

from typing import Any

import torch
from torch import Tensor

from autograder.mistakes import mistake


def _shrink(w: Tensor, amount: float) -> Tensor:
    return torch.sign(w) * (w.abs() - amount).clamp(min=0)


class _Right(torch.optim.Optimizer):
    def __init__(self, params: Any, lr: float, momentum=0.0, weight_decay=0.0, l1=0.0, proximal=False) -> None:
        if min(lr, momentum, weight_decay, l1) < 0:
            raise ValueError("negative")
        numbers = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "l1": l1, "proximal": proximal}
        super().__init__(params, numbers)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.one(p, p.grad, group)

    def one(self, p: Tensor, g: Tensor, group: Any) -> None:
        g = self.joined(p, g, group)
        if group["momentum"]:
            g = self.velocity(p, g, group["momentum"])
        p.add_(g, alpha=-group["lr"])
        if group["proximal"]:
            self.shrink(p, group)

    def joined(self, p: Tensor, g: Tensor, group: Any) -> Tensor:
        if group["weight_decay"]:
            g = g.add(p, alpha=group["weight_decay"])
        if group["l1"] and not group["proximal"]:
            g = g.add(torch.sign(p), alpha=group["l1"])
        return g

    def velocity(self, p: Tensor, g: Tensor, momentum: float) -> Tensor:
        state = self.state[p]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = g.clone()
        else:
            state["momentum_buffer"].mul_(momentum).add_(g)
        return state["momentum_buffer"]

    def shrink(self, p: Tensor, group: Any) -> None:
        p.copy_(_shrink(p, group["lr"] * group["l1"]))


@mistake("SGDL1", "The penalty is missing: l1 changes nothing. Its subgradient l1 * sign(w) joins the gradient.")
class no_penalty(_Right):
    def joined(self, p: Tensor, g: Tensor, group: Any) -> Tensor:
        return g.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else g

    def shrink(self, p: Tensor, group: Any) -> None:
        pass


@mistake(
    "SGDL1", "The L1 penalty is applied like weight decay: l1 * w is the gradient of L2, that of L1 is l1 * sign(w)."
)
class l1_as_l2(_Right):
    def joined(self, p: Tensor, g: Tensor, group: Any) -> Tensor:
        if group["weight_decay"]:
            g = g.add(p, alpha=group["weight_decay"])
        return g if group["proximal"] else g.add(p, alpha=group["l1"])


@mistake(
    "SGDL1",
    "The penalty is added after the momentum, so its past is forgotten: it joins the gradient before, like weight decay.",
)
class penalty_after_momentum(_Right):
    def one(self, p: Tensor, g: Tensor, group: Any) -> None:
        if group["weight_decay"]:
            g = g.add(p, alpha=group["weight_decay"])
        if group["momentum"]:
            g = self.velocity(p, g, group["momentum"])
        if group["l1"] and not group["proximal"]:
            g = g.add(torch.sign(p), alpha=group["l1"])
        p.add_(g, alpha=-group["lr"])
        if group["proximal"]:
            self.shrink(p, group)


@mistake(
    "SGDL1",
    "The first velocity is (1 - dampening) or momentum times the gradient, or starts from 0 with a damped gradient: it is the gradient itself, and no gradient is damped.",
)
class dampened(_Right):
    def velocity(self, p: Tensor, g: Tensor, momentum: float) -> Tensor:
        state = self.state[p]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(g)
        state["momentum_buffer"].mul_(momentum).add_(g, alpha=1 - momentum)
        return state["momentum_buffer"]


@mistake(
    "SGDL1",
    "That is Nesterov's momentum: the step is made with g + momentum * velocity. Here the step is the velocity itself.",
)
class nesterov(_Right):
    def velocity(self, p: Tensor, g: Tensor, momentum: float) -> Tensor:
        return g.add(super().velocity(p, g, momentum), alpha=momentum)


@mistake("SGDL1", "`proximal` is ignored: the subgradient is used in both forms, and no weight reaches exactly 0.")
class proximal_ignored(_Right):
    def one(self, p: Tensor, g: Tensor, group: Any) -> None:
        super().one(p, g, {**group, "proximal": False})


@mistake("SGDL1", "The proximal form adds the subgradient as well: the penalty counts twice.")
class penalty_twice(_Right):
    def joined(self, p: Tensor, g: Tensor, group: Any) -> Tensor:
        return super().joined(p, g, {**group, "proximal": False})


@mistake(
    "SGDL1",
    "The threshold of the proximal step is lr * l1, not l1: the penalty scales with the step like everything else.",
)
class threshold_without_lr(_Right):
    def shrink(self, p: Tensor, group: Any) -> None:
        p.copy_(_shrink(p, group["l1"]))


@mistake(
    "SGDL1", "The soft threshold comes before the gradient step: it has to come after it, or the weights leave 0 again."
)
class threshold_before_step(_Right):
    def one(self, p: Tensor, g: Tensor, group: Any) -> None:
        if group["proximal"]:
            self.shrink(p, group)
        super().one(p, g, {**group, "proximal": False, "l1": 0.0 if group["proximal"] else group["l1"]})


@mistake(
    "SGDL1",
    "The gradients are changed in place (`p.grad += ...`, `p.grad.add_(...)`): the caller, who may accumulate them, finds them altered.",
)
class gradients_changed(_Right):
    def joined(self, p: Tensor, g: Tensor, group: Any) -> Tensor:
        return g.copy_(super().joined(p, g, group))


@mistake(
    "SGDL1",
    "The velocity lives in an attribute of the optimizer and not in self.state[p]: state_dict() does not carry it, and training that goes on from a checkpoint starts without it.",
)
class velocity_outside_state(_Right):
    def velocity(self, p: Tensor, g: Tensor, momentum: float) -> Tensor:
        if not hasattr(self, "kept"):
            self.kept: Any = {}
        self.kept[p] = g.clone() if p not in self.kept else self.kept[p].mul_(momentum).add_(g)
        return self.kept[p]


@mistake(
    "SGDL1", "The numbers of the constructor are used for all parameter groups: each group has its own in `group[...]`."
)
class groups_ignored(_Right):
    def one(self, p: Tensor, g: Tensor, group: Any) -> None:
        super().one(p, g, {**group, **self.defaults})


@mistake("SGDL1", "A weight without a gradient (p.grad is None) stops the step: skip it.")
class none_gradient_fails(_Right):
    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                self.one(p, p.grad.clone(), group)


@mistake(
    "SGDL1", "Negative numbers are accepted: a negative learning rate climbs. Raise ValueError as torch.optim.SGD does."
)
class negative_accepted(_Right):
    def __init__(self, params: Any, lr: float, momentum=0.0, weight_decay=0.0, l1=0.0, proximal=False) -> None:
        numbers = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "l1": l1, "proximal": proximal}
        torch.optim.Optimizer.__init__(self, params, numbers)


@mistake(
    "SGDL1",
    "The sign at 0 is not 0: a weight that rests at 0 is pushed away. torch.sign(0) is 0, w / |w| and where(w > 0, 1, -1) are not.",
)
class sign_of_zero(_Right):
    def joined(self, p: Tensor, g: Tensor, group: Any) -> Tensor:
        if group["weight_decay"]:
            g = g.add(p, alpha=group["weight_decay"])
        if group["l1"] and not group["proximal"]:
            g = g.add(torch.where(p >= 0, 1.0, -1.0), alpha=group["l1"])
        return g


@mistake("SGDL1", "Each element is updated by itself: one operation for a whole weight is enough.", fault="growth")
class element_by_element(_Right):
    def one(self, p: Tensor, g: Tensor, group: Any) -> None:
        g = self.joined(p, g, group)
        if group["momentum"]:
            g = self.velocity(p, g, group["momentum"])
        flat, grads = p.view(-1), g.reshape(-1)
        for i in range(flat.numel()):
            flat[i] -= group["lr"] * grads[i]
        if group["proximal"]:
            self.shrink(p, group)


@mistake("SGDL1", "torch.optim.SGD does the exercise's work.", fault="gate:forbidden-direct")
class sgd_forbidden(_Right):
    def __init__(self, params: Any, lr: float, momentum=0.0, weight_decay=0.0, l1=0.0, proximal=False) -> None:
        super().__init__(params, lr, momentum, weight_decay, l1, proximal)
        self.inner = torch.optim.SGD(self.param_groups[0]["params"], lr=lr)


# soft_threshold


@mistake(
    "soft_threshold", "That is a hard threshold: the large numbers stay as they are. A soft one moves them by `amount`."
)
def hard_threshold(w: Tensor, amount: float) -> Tensor:
    return torch.where(w.abs() > amount, w, 0 * w)


@mistake("soft_threshold", "Small numbers overshoot 0 and change their sign: the size has to stop at 0 (clamp(min=0)).")
def overshoots(w: Tensor, amount: float) -> Tensor:
    return w - amount * torch.sign(w)


@mistake("soft_threshold", "The sign is lost: negative numbers come back positive.")
def sign_lost(w: Tensor, amount: float) -> Tensor:
    return (w.abs() - amount).clamp(min=0)


@mistake("soft_threshold", "Negative numbers become 0: relu(w - amount) is one half of the function.")
def one_sided(w: Tensor, amount: float) -> Tensor:
    return (w - amount).clamp(min=0)


@mistake("soft_threshold", "F.softshrink is the exercise.", fault="gate:forbidden-direct")
def softshrink_forbidden(w: Tensor, amount: float) -> Tensor:
    return torch.nn.functional.softshrink(w, amount)


@mistake("soft_threshold", "The input is changed in place.")
def threshold_in_place(w: Tensor, amount: float) -> Tensor:
    result = _shrink(w, amount)
    w.zero_()
    return result


@mistake("soft_threshold", "w / |w| is nan at 0: torch.sign is 0 there.")
def divided_sign(w: Tensor, amount: float) -> Tensor:
    return w / w.abs() * (w.abs() - amount).clamp(min=0)
