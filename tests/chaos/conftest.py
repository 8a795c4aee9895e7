import pytest


def pytest_addoption(parser):
    group = parser.getgroup("chaos", "how much of a storm (poe test-chaos)")
    group.addoption(
        "--chaos-seed", type=int, help="what happens in which order, and when; drawn when not given"
    )
    group.addoption("--chaos-kills", type=int, default=20, help="processes to kill, 20 by default")
    group.addoption("--chaos-outages", type=int, default=2, help="outages of the storage, 2 by default")


@pytest.fixture
def asked(request):
    """Give an option; its default where these options are not known, as in a run of all tests."""
    return lambda name, default: request.config.getoption(f"--chaos-{name}", default, skip=False)
