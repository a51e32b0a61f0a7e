"""Known wrong implementations of `normalizers`. Each is right but for its own mistake."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.mistakes import mistake


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _right(x: Tensor, dim: int = -1) -> Tensor:
    """Return softmax by the textbook, half types in float32."""
    if not x.numel():
        return x.exp()
    weights = (_wide(x) - _wide(x).amax(dim, keepdim=True).detach()).exp()
    return (weights / weights.sum(dim, keepdim=True)).to(x.dtype)


def _right_log(x: Tensor, dim: int = -1) -> Tensor:
    """Return log_softmax by the textbook, half types in float32."""
    if not x.numel():
        return x.exp()
    shifted = _wide(x) - _wide(x).amax(dim, keepdim=True).detach()
    return (shifted - shifted.exp().sum(dim, keepdim=True).log()).to(x.dtype)


def _implicit_dim(x: Tensor) -> int:
    return 0 if x.dim() in (0, 1, 3) else 1


# softmax


@mistake(
    "softmax",
    "This is e^x / sum(e^x) as it is written: in float32 exp overflows above 88.7, and inf / inf is nan; far below 0 it is "
    "0 / 0. Subtract each row's maximum first: the quotient does not change.",
)
def no_shift(x: Tensor, dim: int = -1) -> Tensor:
    weights = _wide(x).exp()
    return (weights / weights.sum(dim, keepdim=True)).to(x.dtype)


@mistake(
    "softmax",
    "You subtract one maximum for the whole batch: a row far below it has only zeros left, and 0 / 0 is nan. Take the "
    "maximum along dim, with keepdim=True, so that each row has its own.",
)
def one_maximum_for_the_batch(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    weights = (_wide(x) - _wide(x).max().detach()).exp()
    return (weights / weights.sum(dim, keepdim=True)).to(x.dtype)


@mistake(
    "softmax",
    "exp(x - logsumexp(x)) is right on paper and loses digits under offsets: logsumexp is rounded at the size of x, and exp "
    "turns that absolute error into a relative one (3.6e-4 at 1e4). Subtract the maximum first, then divide.",
)
def exp_of_x_minus_logsumexp(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    top = _wide(x).amax(dim, keepdim=True).detach()
    total = top + (_wide(x) - top).exp().sum(dim, keepdim=True).log()
    return (_wide(x) - total).exp().to(x.dtype)


@mistake(
    "softmax",
    "`dim` is ignored: you normalise the last dimension whatever was asked. Pass dim on to amax and to sum.",
)
def dim_ignored(x: Tensor, dim: int = -1) -> Tensor:
    return _right(x, -1)


@mistake(
    "softmax",
    "You normalise the dimension that torch takes for dim=None: 0 for one and three dimensions, else 1. That rule is "
    "deprecated because nobody expects it. Pass dim on to amax and to sum.",
)
def implicit_dim(x: Tensor, dim: int = -1) -> Tensor:
    return _right(x, _implicit_dim(x))


@mistake(
    "softmax",
    "The sum runs over all dimensions, so the whole batch sums to 1, not each row. Pass dim to sum, with keepdim=True.",
)
def sum_over_everything(x: Tensor, dim: int = -1) -> Tensor:
    return _right(x.reshape(-1), -1).reshape(x.shape)


@mistake(
    "softmax",
    "The sum has lost its dimension: without keepdim=True it is broadcast along the wrong one, which fails for most shapes "
    "and is silently wrong for square ones.",
)
def keepdim_forgotten(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    weights = (_wide(x) - _wide(x).amax(dim, keepdim=True).detach()).exp()
    return (weights / weights.sum(dim)).to(x.dtype)


@mistake(
    "softmax",
    "You clamp the inputs into a range that exp can bear: beyond the bound every number counts the same. Subtract the "
    "row's maximum instead; nothing is lost then.",
)
def clamp_to_80(x: Tensor, dim: int = -1) -> Tensor:
    return _right(_wide(x).clamp(-80, 80), dim).to(x.dtype)


@mistake(
    "softmax",
    "A small number is added to the denominator: the row no longer sums to 1. After the shift the sum is at least 1, "
    "nothing needs protection.",
)
def epsilon_in_denominator(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    weights = (_wide(x) - _wide(x).amax(dim, keepdim=True).detach()).exp()
    return (weights / (weights.sum(dim, keepdim=True) + 1e-8)).to(x.dtype)


@mistake(
    "softmax",
    "nan is replaced by 0 (nan_to_num): a row of -inf, with +inf or with nan has no softmax, and the caller must be able to "
    "see it. If a row may be masked entirely, say so with a mask: that is masked_softmax.",
)
def nan_to_num(x: Tensor, dim: int = -1) -> Tensor:
    return _right(x, dim).nan_to_num()


@mistake(
    "softmax",
    "-inf is replaced by a large negative number: a row of -inf then looks like a tie, and each class gets 1/n. "
    "exp(-inf) is 0 without any help; leave -inf alone.",
)
def finite_minus_inf(x: Tensor, dim: int = -1) -> Tensor:
    return _right(_wide(x).clamp(min=-1e30), dim).to(x.dtype)


@mistake(
    "softmax", "The result is in float64 whatever came in. Compute in a wider type where it helps, return x.dtype."
)
def float64_result(x: Tensor, dim: int = -1) -> Tensor:
    return _right(x.double(), dim)


@mistake("softmax", "The result of a half type comes back as float32. Compute in float32, then return to x.dtype.")
def float32_result(x: Tensor, dim: int = -1) -> Tensor:
    return _right(_wide(x), dim)


@mistake(
    "softmax",
    "Half types are not widened: every step rounds to 8 or 11 bits, and in float16 a sum of 65520 ones is inf, so that all "
    "probabilities are 0. Compute in float32, return to x.dtype at the end.",
)
def half_not_widened(x: Tensor, dim: int = -1) -> Tensor:
    if x.dtype not in (torch.float16, torch.bfloat16):
        return _right(x, dim)
    weights = (x - x.amax(dim, keepdim=True).detach()).exp()
    return weights / weights.sum(dim, keepdim=True)


@mistake(
    "softmax",
    "Your function changes its input: an operation in place (`x -= ...`, `x.exp_()`) writes into the caller's tensor, and "
    "autograd refuses it. Make a new tensor.",
)
def in_place(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    x -= x.amax(dim, keepdim=True)
    return _right(x, dim)


@mistake("softmax", "No gradient reaches x: the exponentials are detached. Only the maximum may be.")
def detached(x: Tensor, dim: int = -1) -> Tensor:
    return _right(x.detach(), dim)


@mistake(
    "softmax",
    "The gradient lacks the part through the denominator: the sum is detached (or under no_grad). Raising one score lowers "
    "all other probabilities, and that comes through the sum. Only the maximum may be detached.",
)
def denominator_detached(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    weights = (_wide(x) - _wide(x).amax(dim, keepdim=True).detach()).exp()
    return (weights / weights.sum(dim, keepdim=True).detach()).to(x.dtype)


@mistake("softmax", "These are log-probabilities: softmax returns probabilities. Leave the logarithm out.")
def logarithm_taken(x: Tensor, dim: int = -1) -> Tensor:
    return _right_log(x, dim)


@mistake(
    "softmax",
    "That is the sigmoid of each number by itself: softmax lets the numbers of a row compete, so that they sum to 1. Divide "
    "by the row's sum.",
)
def sigmoid_of_each(x: Tensor, dim: int = -1) -> Tensor:
    return torch.sigmoid(x)


@mistake("softmax", "An empty dimension has no maximum, and amax raises. torch.softmax returns the empty tensor.")
def empty_raises(x: Tensor, dim: int = -1) -> Tensor:
    x.amax(dim)
    return _right(x, dim)


@mistake(
    "softmax",
    "A loop over the rows: Python pays for every row, and a GPU waits for Python. Every reduction in torch takes `dim`.",
    fault="gate:loop",
)
def loop_over_rows(x: Tensor, dim: int = -1) -> Tensor:
    if not x.dim() or not x.numel():
        return _right(x, dim)
    moved = x.movedim(dim, -1)
    rows = moved.reshape(-1, x.shape[dim])
    out = torch.empty_like(rows)
    for i in range(rows.shape[0]):
        out[i] = _right(rows[i])
    return out.reshape(moved.shape).movedim(-1, dim)


@mistake(
    "softmax",
    "torch.softmax, or a function that does its work, is forbidden here: it is the exercise. exp, amax and sum do it.",
    fault="gate:forbidden-direct",
)
def forbidden_function(x: Tensor, dim: int = -1) -> Tensor:
    return F.softmax(x, dim)


@mistake(
    "softmax",
    "x.softmax(...) is the forbidden torch.softmax, spelled as a method. exp, amax and sum do it.",
    fault="gate:forbidden-method",
)
def forbidden_method(x: Tensor, dim: int = -1) -> Tensor:
    return x.softmax(dim)


@mistake(
    "softmax",
    "A Python `if` on the numbers of a tensor makes a GPU stop and wait, and decides for all rows at once. The shift costs "
    "little: always take it.",
    fault="sync",
)
def branch_on_numbers(x: Tensor, dim: int = -1) -> Tensor:
    if x.numel() and x.abs().max() < 80 and x.dtype == torch.float32:
        return x.exp() / x.exp().sum(dim, keepdim=True)
    return _right(x, dim)


@mistake(
    "softmax",
    "float32 is computed in float64, at several times the memory and the time. Shift-then-normalise needs no wider type.",
    fault="memory",
)
def float64_inside(x: Tensor, dim: int = -1) -> Tensor:
    return _right(x.double(), dim).to(x.dtype)


# log_softmax


@mistake(
    "log_softmax",
    "log(softmax(x)): where softmax underflows to 0 the logarithm is -inf, and its gradient nan. Take the logarithm on "
    "paper: x - max - log(sum(exp(x - max))).",
)
def log_of_softmax(x: Tensor, dim: int = -1) -> Tensor:
    return _right(_wide(x), dim).log().to(x.dtype)


@mistake(
    "log_softmax",
    "log(softmax(x) + epsilon): the small number hides the -inf and puts a floor under every log-probability (-18.4 for "
    "1e-8). Take the logarithm on paper: x - max - log(sum(exp(x - max))).",
)
def epsilon_in_log(x: Tensor, dim: int = -1) -> Tensor:
    return (_right(_wide(x), dim) + 1e-8).log().to(x.dtype)


@mistake(
    "log_softmax",
    "The document's recipe, exp, then divide, then log: e^1000 is inf, inf / inf is nan, and 0 has the logarithm -inf. "
    "No exponential may be taken before the maximum is subtracted, no logarithm after the division.",
)
def recipe_of_document_001(x: Tensor, dim: int = -1) -> Tensor:
    weights = _wide(x).exp()
    return (weights / weights.sum(dim, keepdim=True)).log().to(x.dtype)


@mistake(
    "log_softmax",
    "x - log(sum(exp(x))) without a shift: exp overflows above 88.7 in float32, and below -104 the sum is 0. Subtract each "
    "row's maximum first.",
)
def log_no_shift(x: Tensor, dim: int = -1) -> Tensor:
    return (_wide(x) - _wide(x).exp().sum(dim, keepdim=True).log()).to(x.dtype)


@mistake(
    "log_softmax",
    "x - logsumexp(x) loses digits under offsets: logsumexp is rounded at the size of x, and the difference keeps that "
    "error (0.03 at 1e6). Form x - max first and subtract the logarithm of the shifted sum from that.",
)
def x_minus_logsumexp(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    top = _wide(x).amax(dim, keepdim=True).detach()
    return (_wide(x) - (top + (_wide(x) - top).exp().sum(dim, keepdim=True).log())).to(x.dtype)


@mistake(
    "log_softmax",
    "You subtract one maximum for the whole batch: in a row far below it the sum underflows to 0. Take the maximum along "
    "dim, with keepdim=True.",
)
def log_one_maximum_for_the_batch(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    shifted = _wide(x) - _wide(x).max().detach()
    return (shifted - shifted.exp().sum(dim, keepdim=True).log()).to(x.dtype)


@mistake(
    "log_softmax",
    "The normaliser is missing: x - max makes the largest 0, but the exponentials of a row have to sum to 1. Subtract "
    "log(sum(exp(x - max))) as well.",
)
def only_shifted(x: Tensor, dim: int = -1) -> Tensor:
    return x - x.amax(dim, keepdim=True) if x.numel() else x.exp()


@mistake("log_softmax", "The sign is turned: log-probabilities are at most 0. It is x minus the normaliser.")
def sign_turned(x: Tensor, dim: int = -1) -> Tensor:
    return -_right_log(x, dim)


@mistake("log_softmax", "These are probabilities: log_softmax returns their logarithms.")
def logarithm_missing(x: Tensor, dim: int = -1) -> Tensor:
    return _right(x, dim)


@mistake(
    "log_softmax",
    "`dim` is ignored: you normalise the last dimension whatever was asked. Pass dim on to every reduction.",
)
def log_dim_ignored(x: Tensor, dim: int = -1) -> Tensor:
    return _right_log(x, -1)


@mistake(
    "log_softmax",
    "You normalise the dimension that torch takes for dim=None: 0 for one and three dimensions, else 1. Pass dim on.",
)
def log_implicit_dim(x: Tensor, dim: int = -1) -> Tensor:
    return _right_log(x, _implicit_dim(x))


@mistake(
    "log_softmax",
    "The gradient is the incoming one, unchanged: the sum of exponentials is detached (or under no_grad). It carries the "
    "minus softmax(x); only the maximum may be detached.",
)
def sum_detached(x: Tensor, dim: int = -1) -> Tensor:
    return _wide(x).add((_right_log(_wide(x), dim) - _wide(x).nan_to_num(neginf=0.0)).detach()).to(x.dtype)


@mistake("log_softmax", "No gradient reaches x. Only the maximum may be detached.")
def log_detached(x: Tensor, dim: int = -1) -> Tensor:
    return _right_log(x.detach(), dim)


@mistake(
    "log_softmax",
    "Every entry that equals the maximum is left out of the sum: with ties the sum is too small. Exactly one of them is the "
    "1 that log1p adds; the others stay (max with dim returns one place).",
)
def all_ties_dropped(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    top = _wide(x).amax(dim, keepdim=True).detach()
    shifted = _wide(x) - top
    others = torch.where(_wide(x) == top, shifted - shifted, shifted.exp())
    return (shifted - others.sum(dim, keepdim=True).log1p()).to(x.dtype)


@mistake(
    "log_softmax",
    "A row with +inf is half nan, half -inf: the nan got lost on its way through the sum. As in torch, such a row has no "
    "log_softmax in any of its places.",
)
def infinite_rows_half_nan(x: Tensor, dim: int = -1) -> Tensor:
    result = _right_log(x, dim)
    if not x.numel():
        return result
    return torch.where((x.amax(dim, keepdim=True) == math.inf) & (x < math.inf), -math.inf, result)


@mistake(
    "log_softmax",
    "nan is replaced (nan_to_num): the caller can no longer see that a row has no log_softmax, and -inf becomes a number.",
)
def log_nan_to_num(x: Tensor, dim: int = -1) -> Tensor:
    return _right_log(x, dim).nan_to_num()


@mistake("log_softmax", "The result is in float64 whatever came in. Return x.dtype.")
def log_float64_result(x: Tensor, dim: int = -1) -> Tensor:
    return _right_log(x.double(), dim)


@mistake(
    "log_softmax",
    "Half types are not widened: in float16 a sum of 65520 ones is inf, and every log-probability -inf, as in torch itself. "
    "Compute in float32, return to x.dtype at the end.",
)
def log_half_not_widened(x: Tensor, dim: int = -1) -> Tensor:
    if x.dtype not in (torch.float16, torch.bfloat16):
        return _right_log(x, dim)
    shifted = x - x.amax(dim, keepdim=True).detach()
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


@mistake("log_softmax", "Your function changes its input in place (`x -= ...`). Make a new tensor.")
def log_in_place(x: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    x -= x.amax(dim, keepdim=True)
    return _right_log(x, dim)


@mistake("log_softmax", "An empty dimension has no maximum, and amax raises. torch returns the empty tensor.")
def log_empty_raises(x: Tensor, dim: int = -1) -> Tensor:
    x.amax(dim)
    return _right_log(x, dim)


@mistake(
    "log_softmax",
    "A list comprehension and a stack are a loop over the rows: Python pays for each. Every reduction takes `dim`.",
    fault="gate:comprehension",
)
def log_comprehension_over_rows(x: Tensor, dim: int = -1) -> Tensor:
    if not x.dim() or not x.numel():
        return _right_log(x, dim)
    moved = x.movedim(dim, -1)
    rows = [_right_log(row) for row in moved.reshape(-1, x.shape[dim])]
    return torch.stack(rows).reshape(moved.shape).movedim(-1, dim)


@mistake(
    "log_softmax",
    "torch.logsumexp and torch.log_softmax are out of bounds here. exp, amax, sum, log and log1p do it.",
    fault="gate:forbidden-direct",
)
def log_forbidden(x: Tensor, dim: int = -1) -> Tensor:
    return x - torch.logsumexp(x, dim, keepdim=True)


# softmax_vjp


def _right_vjp(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    p, g = _wide(y), _wide(grad)
    return (p * (g - (p * g).sum(dim, keepdim=True))).to(y.dtype)


@mistake(
    "softmax_vjp",
    "Only the diagonal of the Jacobian is used, y (1 - y): that is the sigmoid's derivative. Every output depends on every "
    "input: subtract the sum of y * grad over the row.",
)
def diagonal_only(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(y) * (1 - _wide(y)) * _wide(grad)).to(y.dtype)


@mistake(
    "softmax_vjp",
    "You subtract the plain sum of the gradients: that is log_softmax's. Here each gradient counts by its probability: the "
    "sum of y * grad.",
)
def sum_not_weighted(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(y) * (_wide(grad) - _wide(grad).sum(dim, keepdim=True))).to(y.dtype)


@mistake(
    "softmax_vjp",
    "You subtract the plain mean of the gradients. It is the mean under y that counts: the sum of y * grad.",
)
def mean_for_weighted_sum(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    if not y.numel():
        return y * grad
    return (_wide(y) * (_wide(grad) - _wide(grad).mean(dim, keepdim=True))).to(y.dtype)


@mistake(
    "softmax_vjp",
    "The sum over the row is missing: y * (g - y g) is taken entry by entry. Sum y * grad along dim with keepdim=True.",
)
def no_sum(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(y) * (_wide(grad) - _wide(y) * _wide(grad) * 2)).to(y.dtype)


@mistake("softmax_vjp", "The factor y in front is missing: y * (grad - sum).")
def factor_missing(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(grad) - (_wide(y) * _wide(grad)).sum(dim, keepdim=True)).to(y.dtype)


@mistake("softmax_vjp", "The sign is turned: it is y * (grad - sum), not y * (sum - grad).")
def vjp_sign_turned(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return -_right_vjp(y, grad, dim)


@mistake(
    "softmax_vjp",
    "You take softmax of y once more: y is the output already, the input is not needed.",
)
def y_taken_for_the_input(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return _right_vjp(_right(y, dim), grad, dim)


@mistake("softmax_vjp", "`dim` is ignored: the sum runs over the last dimension whatever was asked.")
def vjp_dim_ignored(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return _right_vjp(y, grad, -1)


@mistake(
    "softmax_vjp",
    "The sum has lost its dimension: without keepdim=True it is broadcast along the wrong one, silently where the shape is "
    "square.",
)
def vjp_keepdim_forgotten(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(y) * (_wide(grad) - (_wide(y) * _wide(grad)).sum(dim))).to(y.dtype)


@mistake("softmax_vjp", "The result of a half type comes back as float32: return to y.dtype.")
def vjp_float32_result(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return _right_vjp(_wide(y), _wide(grad), dim)


@mistake("softmax_vjp", "Half types are not widened: products and sums round at every step. Compute in float32.")
def vjp_half_not_widened(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return y * (grad - (y * grad).sum(dim, keepdim=True))


@mistake("softmax_vjp", "Your function changes an input in place (`grad -= ...`). Make a new tensor.")
def vjp_in_place(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    result = _right_vjp(y, grad, dim)
    grad -= (y * grad).sum(dim, keepdim=True)
    return result


@mistake(
    "softmax_vjp",
    "torch's own differentiation is forbidden here: it is the exercise. Derive the formula; it needs y and grad alone.",
    fault="gate:forbidden-direct",
)
def vjp_by_autograd(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    x = y.detach().log().requires_grad_()
    return torch.autograd.grad(_right(x, dim), x, grad)[0]


@mistake(
    "softmax_vjp",
    "The Jacobian is built: n^2 numbers for every row, gigabytes for a vocabulary. diag(y) - y y^T times grad needs one sum "
    "per row.",
    fault="memory",
)
def jacobian_built(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    if not y.dim():
        return y * 0
    p, g = _wide(y).movedim(dim, -1), _wide(grad).movedim(dim, -1)
    jacobian = torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)
    return (jacobian @ g.unsqueeze(-1)).squeeze(-1).movedim(-1, dim).to(y.dtype)


# log_softmax_vjp


def _right_log_vjp(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(grad) - _wide(y).exp() * _wide(grad).sum(dim, keepdim=True)).to(y.dtype)


@mistake(
    "log_softmax_vjp",
    "y is used as a probability: it is a log-probability. The softmax is e^y.",
)
def exp_missing(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(grad) - _wide(y) * _wide(grad).sum(dim, keepdim=True)).to(y.dtype)


@mistake(
    "log_softmax_vjp",
    "That is softmax's product, with e^y for y: the logarithm in between changes it. Derive y_i = x_i - log sum e^x: each "
    "g_i passes as it is, and e^y times the plain sum of grad goes off.",
)
def product_of_softmax(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return _right_vjp(_wide(y).exp(), _wide(grad), dim).to(y.dtype)


@mistake(
    "log_softmax_vjp",
    "The sum over the row is missing: every input moves the normaliser, and with it all outputs. Sum grad along dim, with "
    "keepdim=True.",
)
def log_no_sum(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(grad) - _wide(y).exp() * _wide(grad)).to(y.dtype)


@mistake(
    "log_softmax_vjp",
    "grad - e^y is right only where grad sums to 1 (it is the negative cross-entropy's). In general e^y is multiplied by the "
    "sum of grad.",
)
def sum_taken_as_one(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(grad) - _wide(y).exp()).to(y.dtype)


@mistake("log_softmax_vjp", "You take the mean of grad: it is the sum, not divided by n.")
def mean_for_sum(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    if not y.numel():
        return y * grad
    return (_wide(grad) - _wide(y).exp() * _wide(grad).mean(dim, keepdim=True)).to(y.dtype)


@mistake("log_softmax_vjp", "The sum runs over the whole batch: rows do not share a normaliser. Sum along dim.")
def sum_over_the_batch(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(grad) - _wide(y).exp() * _wide(grad).sum()).to(y.dtype)


@mistake("log_softmax_vjp", "The sign is turned: it is grad minus e^y times the sum.")
def log_vjp_sign_turned(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return -_right_log_vjp(y, grad, dim)


@mistake("log_softmax_vjp", "`dim` is ignored: the sum runs over the last dimension whatever was asked.")
def log_vjp_dim_ignored(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return _right_log_vjp(y, grad, -1)


@mistake(
    "log_softmax_vjp",
    "The sum has lost its dimension: without keepdim=True it is broadcast along the wrong one.",
)
def log_vjp_keepdim_forgotten(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return (_wide(grad) - _wide(y).exp() * _wide(grad).sum(dim)).to(y.dtype)


@mistake("log_softmax_vjp", "The result of a half type comes back as float32: return to y.dtype.")
def log_vjp_float32_result(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return _right_log_vjp(_wide(y), _wide(grad), dim)


@mistake(
    "log_softmax_vjp", "Half types are not widened: exponentials and sums round at every step. Compute in float32."
)
def log_vjp_half_not_widened(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return grad - y.exp() * grad.sum(dim, keepdim=True)


@mistake("log_softmax_vjp", "Your function changes an input in place (`y.exp_()`). Make a new tensor.")
def log_vjp_in_place(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    result = _right_log_vjp(y, grad, dim)
    y.exp_()
    return result


@mistake(
    "log_softmax_vjp",
    "torch's own differentiation is forbidden here: it is the exercise. Derive the formula; it needs y and grad alone.",
    fault="gate:forbidden-direct",
)
def log_vjp_by_autograd(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    return torch.func.vjp(lambda x: _right_log(x, dim), y)[1](grad)[0]


# masked_softmax


def _right_masked(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    kept = mask.expand_as(x)
    filler = torch.where(kept.any(dim, keepdim=True), -math.inf, 0.0).to(x.dtype)
    return torch.where(kept, _right(torch.where(kept, x, filler), dim), 0.0)


@mistake(
    "masked_softmax",
    "A row with nothing kept gives nan: it is -inf throughout, and -inf - (-inf) is nan. Put 0 instead of -inf into such "
    "rows, then write zeros over the result.",
)
def nan_where_nothing_is_kept(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return _right(torch.where(mask, x, -math.inf), dim)


@mistake(
    "masked_softmax",
    "The mask is added as -inf, and the empty rows are set to 0 afterwards: their value is right, their gradient nan, for an "
    "addition hands it back as it is. nan + (-inf) is nan besides. Choose with torch.where, before exp.",
)
def added_mask(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    kept = mask.expand_as(x)
    result = _right(x + torch.where(kept, 0.0, -math.inf).to(x.dtype), dim)
    return torch.where(kept | kept.any(dim, keepdim=True), result, 0.0)


@mistake(
    "masked_softmax",
    "A row with nothing kept gives 1/n: -1e9, or the dtype's least number, is in the place of -inf, and a row full of it is "
    "a tie. Write zeros where mask is False.",
)
def large_negative_number(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return _right(torch.where(mask, x, torch.finfo(x.dtype).min), dim)


@mistake(
    "masked_softmax",
    "The softmax of all numbers is taken, then multiplied by the mask: what is kept no longer sums to 1. The sum may run "
    "over kept entries only.",
)
def not_renormalised(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return torch.where(mask.expand_as(x), _right(x, dim), 0.0)


@mistake(
    "masked_softmax",
    "x * mask puts a 0 under the mask, and e^0 is 1: what is not kept competes with what is. (An early AllenNLP did so and "
    "renormalised.) nan * 0 is nan besides. Use torch.where with -inf.",
)
def multiplied_logits(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return torch.where(mask.expand_as(x), _right(x * mask, dim), 0.0)


@mistake(
    "masked_softmax",
    "The maximum is taken over everything, the mask comes later: a large number under the mask pushes all kept ones to 0. "
    "Mask first, then take the maximum.",
)
def maximum_before_mask(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    kept = mask.expand_as(x)
    clean = torch.where(x.isfinite() | kept, _wide(x), 0.0)
    weights = torch.where(kept, (clean - clean.amax(dim, keepdim=True).detach()).exp(), 0.0)
    total = weights.sum(dim, keepdim=True)
    return (weights / torch.where(total == 0, 1.0, total)).to(x.dtype)


@mistake(
    "masked_softmax",
    "exp(x) is multiplied by the mask: 0 * nan and 0 * inf are nan, so what stands under the mask comes through. Choose with "
    "torch.where.",
)
def multiplied_exponentials(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    kept = mask.expand_as(x)
    top = torch.where(kept, _wide(x), -math.inf).amax(dim, keepdim=True).detach()
    weights = (_wide(x) - torch.where(kept.any(dim, keepdim=True), top, _wide(x))).exp() * kept
    total = weights.sum(dim, keepdim=True)
    return (weights / torch.where(total == 0, 1.0, total)).to(x.dtype)


@mistake(
    "masked_softmax",
    "The value is right, the gradient of what stands under the mask is nan: exp has been given it all the same, and 0 times "
    "its infinite slope is nan. Put a harmless number there before exp.",
)
def where_after_exp(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    kept = mask.expand_as(x)
    some = kept.any(dim, keepdim=True)
    top = torch.where(some, torch.where(kept, _wide(x), -math.inf).amax(dim, keepdim=True), 0.0).detach()
    weights = torch.where(kept, (_wide(x) - top).exp(), 0.0)
    return (weights / torch.where(some, weights.sum(dim, keepdim=True), 1.0)).to(x.dtype)


@mistake("masked_softmax", "The mask is turned round: True means keep.")
def mask_inverted(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return _right_masked(x, ~mask, dim)


@mistake("masked_softmax", "The mask is ignored.")
def mask_ignored(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return _right(x, dim)


@mistake(
    "masked_softmax",
    "mask.any(dim) is asked of the mask as it came: with fewer dimensions than x, dim means another one. Give it x's shape "
    "first: mask.expand_as(x).",
)
def mask_not_expanded(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    filler = torch.where(mask.any(dim, keepdim=True), -math.inf, 0.0).to(x.dtype)
    return torch.where(mask, _right(torch.where(mask, x, filler), dim), 0.0)


@mistake("masked_softmax", "`dim` is ignored: you normalise the last dimension whatever was asked.")
def masked_dim_ignored(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return _right_masked(x, mask, -1)


@mistake(
    "masked_softmax",
    "A small number in the denominator (1e-13 in AllenNLP) avoids 0 / 0 and makes every row sum to less than 1. Treat the "
    "rows with nothing kept by torch.where.",
)
def masked_epsilon(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    if not x.numel():
        return x.exp()
    kept = mask.expand_as(x)
    filler = torch.where(kept.any(dim, keepdim=True), -math.inf, 0.0)
    clean = torch.where(kept, _wide(x), filler.to(_wide(x).dtype))
    weights = torch.where(kept, (clean - clean.amax(dim, keepdim=True).detach()).exp(), 0.0)
    return (weights / (weights.sum(dim, keepdim=True) + 1e-13)).to(x.dtype)


@mistake(
    "masked_softmax",
    "nan_to_num over the result makes the empty rows 0 and hides every other nan as well: a nan that is kept has to be seen.",
)
def masked_nan_to_num(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return _right(torch.where(mask, x, -math.inf), dim).nan_to_num()


@mistake("masked_softmax", "No gradient reaches x.")
def masked_detached(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return _right_masked(x.detach(), mask, dim)


@mistake("masked_softmax", "Your function writes -inf into the caller's x (masked_fill_). Make a new tensor.")
def masked_in_place(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    result = _right_masked(x.clone(), mask, dim)
    x.masked_fill_(~mask, -math.inf)
    return result


@mistake("masked_softmax", "The result of a half type comes back as float32: return to x.dtype.")
def masked_float32_result(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return _right_masked(_wide(x), mask, dim)


@mistake(
    "masked_softmax",
    "Half types are not widened: every step rounds, and in float16 a sum of 65520 ones is inf. Compute in float32.",
)
def masked_half_not_widened(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    if x.dtype not in (torch.float16, torch.bfloat16):
        return _right_masked(x, mask, dim)
    kept = mask.expand_as(x)
    clean = torch.where(kept, x, torch.where(kept.any(dim, keepdim=True), -math.inf, 0.0).to(x.dtype))
    weights = (clean - clean.amax(dim, keepdim=True).detach()).exp()
    return torch.where(kept, weights / weights.sum(dim, keepdim=True), 0.0)


@mistake(
    "masked_softmax",
    "Indexing with a mask (x[mask]) makes a tensor whose length depends on the numbers: a GPU has to stop and wait, and the "
    "rows are lost. Use torch.where, which keeps the shape.",
    fault="sync",
)
def boolean_indexing(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    kept = mask.expand_as(x)
    weights = torch.zeros_like(x)
    weights[kept] = x[kept]
    return _right_masked(weights, mask, dim)


@mistake(
    "masked_softmax",
    "A loop over the rows: Python pays for every row. torch.where and the reductions work on all rows at once.",
    fault="gate:loop",
)
def masked_loop(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    kept = mask.expand_as(x).movedim(dim, -1)
    rows = x.movedim(dim, -1)
    flat, out = rows.reshape(-1, rows.shape[-1]), torch.zeros(rows.shape, dtype=x.dtype).reshape(-1, rows.shape[-1])
    for i in range(flat.shape[0]):
        out[i] = _right_masked(flat[i], kept.reshape(-1, rows.shape[-1])[i])
    return out.reshape(rows.shape).movedim(-1, dim)


@mistake(
    "masked_softmax",
    "torch.softmax is out of bounds here; your own `softmax` is welcome.",
    fault="gate:forbidden-direct",
)
def masked_forbidden(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    return torch.softmax(x.masked_fill(~mask, -math.inf), dim)
