"""Ops that a worker takes away from a learner's function: in a worker, since they do not come back."""

import pytest
import torch

HEAD = "import torch\nimport torch.nn.functional as F\n\n\ndef f(x):\n    return "
BARRED = ("aten::logsumexp", "aten::_softmax", "aten::gather", "aten::no_such_op", "aten::softmax.int")


@pytest.fixture
def ask(wall):
    worker = wall.worker()

    def put(body: str, driver: str = "value", x=None, **message):
        given = torch.eye(3) if x is None else x
        if (
            worker.ask("load", 20.0, texts={"a": HEAD + body}, stem="a", function="f", barred=BARRED).outcome
            == "raised"
        ):
            pytest.fail("it does not load")
        return worker.ask("drive", 20.0, driver=driver, args=(given,), kwargs={}, **message)

    yield put
    worker.close()


@pytest.mark.parametrize(
    "body",
    [
        "torch.logsumexp(x, 1)",
        "torch.vmap(lambda row: row.logsumexp(0))(x)",
        "x.requires_grad_().logsumexp(1)",
        "torch.logsumexp(x, 1, out=torch.empty(3))",
        "F.softmin(x, 1)",
        "torch.inference_mode()(F.softmax)(x, 1)",
        "F.scaled_dot_product_attention(x.double(), x.double(), x.double(), attn_mask=torch.zeros(3, 3).double())",
    ],
)
def test_a_barred_op_raises_however_it_is_called(ask, body):
    answer = ask(body)
    assert (answer.outcome, answer.error["type"]) == ("raised", "ForbiddenOp")
    assert "does the exercise's work" in answer.error["message"]


def test_what_is_not_barred_works(ask):
    assert torch.equal(ask("x.exp().sum(1).log()").result["value"], torch.eye(3).exp().sum(1).log())


def test_the_meta_run_still_counts_it(ask):
    answer = ask("torch.logsumexp(x, 1)", "traced", torch.empty(3, 3, device="meta"), wrt=())
    assert answer.result["ops"] == {"aten::logsumexp": 1}


def test_honest_gradients_keep_the_ops_that_torch_needs_for_them(ask):
    # The derivative of scatter with respect to its source is a gather.
    body = "torch.zeros(3, 3).scatter(1, torch.arange(3).expand(3, 3), x)"
    answer = ask(body, "gradient", wrt=(0,), cotangent=torch.ones(3, 3), second=None)
    assert answer.result["grads"][0].shape == (3, 3)
