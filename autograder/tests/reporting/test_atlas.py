"""The atlas as a picture and as words: every curve is there, and what a learner wrote does no harm."""

import io
import math

import matplotlib as mpl
import pytest
import torch
from PIL import Image

from autograder.judging.curves import Curve, Panel
from autograder.reporting import atlas
from autograder.reporting.atlas import atlas_text, notes, picture

T = torch.linspace(-1, 1, 40, dtype=torch.float64)
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
FLAT = torch.full((40,), 3.0, dtype=torch.float64)


def panels(*curves, t=T):
    return [Panel(dtype, t, curves) for dtype in DTYPES]


def pixels(*curves, **options):
    made = picture("logsumexp", panels(*curves, t=options.pop("t", T)), "t (nats)", options.pop("log", False))
    return Image.open(io.BytesIO(made)).convert("RGB")


def colours(image):
    """Return how many pixels lie near each of the curves' colours."""
    data = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(-1, 3).int()

    def near(colour):
        wanted = torch.tensor([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        return int(((data - wanted).abs().amax(-1) < 40).sum())

    return {colour: near(colour) for colour in (atlas.BLUE, atlas.ORANGE)}


@pytest.fixture(scope="module")
def plain():
    """Return the picture of one curve, the naive one."""
    return pixels(Curve("naive", FLAT))


def test_the_size(plain):
    assert plain.size == tuple(round(atlas.DPI * side) for side in atlas.SIZE)


def test_a_curve_is_drawn_in_its_colour_and_no_other(plain):
    found = colours(plain)
    assert found[atlas.ORANGE] > 500
    assert found[atlas.BLUE] == 0


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_inf_and_nan_are_marked(bad, plain):
    found = colours(pixels(Curve("yours", torch.full((40,), bad, dtype=torch.float64)), Curve("naive", FLAT)))
    assert found[atlas.BLUE] > 100
    assert found[atlas.ORANGE] > 500


@pytest.mark.parametrize(("value", "log"), [(0.0, True), (1e-300, False), (1e300, True)])
def test_any_error_can_be_drawn(value, log):
    assert colours(pixels(Curve("yours", FLAT * value), t=T + 2 if log else T, log=log))[atlas.BLUE] > 300


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("note", ["$x_{$ <b>\u65e5", "long " * 600])
def test_any_note_can_be_drawn_and_leaves_room_for_the_curves(note):
    assert colours(pixels(Curve("yours", note=note), Curve("naive", FLAT)))[atlas.ORANGE] > 500


def test_a_learners_own_settings_do_not_reach_the_picture(plain):
    with mpl.rc_context({"figure.dpi": 300, "savefig.bbox": "tight", "text.usetex": True}):
        assert pixels(Curve("naive", FLAT)).tobytes() == plain.tobytes()


def test_a_reason_for_all_dtypes_is_said_once():
    assert notes(panels(Curve("yours", note="not written yet"))) == ["yours is not drawn: not written yet"]


def test_a_reason_for_one_dtype_names_it():
    mixed = [Panel(d, T, (Curve("yours", FLAT) if i else Curve("yours", note="no"),)) for i, d in enumerate(DTYPES)]
    assert notes(mixed) == ["yours is not drawn in float64: no"]


def test_the_text_tells_which_curves_there_are_and_no_size():
    some = torch.where(T > 0, torch.inf, 123.4)
    shown = atlas_text("logsumexp", panels(Curve("naive", some), Curve("stable", FLAT)), "t (nats)")
    assert "  float16: naive (with inf), stable\n" in shown
    assert "123" not in shown


def test_equal_panels_give_the_same_text_whatever_the_errors_are():
    first, second = (atlas_text("f", panels(Curve("yours", FLAT * k)), "t") for k in (1.0, 2.0))
    assert first == second
