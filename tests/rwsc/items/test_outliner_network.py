import pytest
import torch

from rwsc.items.outliner_network import OutlinerNetwork

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return OutlinerNetwork()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (128, 128)])
def test_there_is_a_logit_per_pixel_and_an_expectation_per_view(network, height, width):
    logit_BHW, expectation_B = network.eval()(torch.rand(2, 4, height, width))
    assert logit_BHW.shape == (2, height, width)
    assert expectation_B.shape == (2,)


def test_views_do_not_influence_each_other_in_use(network):
    view_BCHW = torch.rand(3, 4, 64, 64)
    together, _ = network.eval()(view_BCHW)
    alone, _ = network(view_BCHW[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)


def test_the_expectation_teaches_its_own_layers_only(network):
    _, expectation_B = network(torch.rand(2, 4, 32, 32))
    expectation_B.sum().backward()
    taught = {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is not None}
    assert taught == {"expectation"}


def test_the_mask_teaches_every_layer_but_the_expectation(network):
    logit_BHW, _ = network(torch.rand(2, 4, 32, 32))
    logit_BHW.square().sum().backward()
    untaught = {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is None}
    assert untaught == {"expectation"}
