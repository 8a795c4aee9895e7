import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.errors import ResourceError, StorageError
from rwsc.runs import session
from rwsc.runs.session import cpu_share, size_pool, user_error


@pytest.fixture
def cluster(monkeypatch):
    """Give the cluster any resources; the arithmetic is what is tested here, the cluster itself in tests/e2e."""
    import ray

    def with_resources(*, nodes=None, **resources):
        alive = [{"Alive": True, "Resources": {"CPU": cpus}} for cpus in nodes or [resources["CPU"]]]
        monkeypatch.setattr(ray, "cluster_resources", lambda: resources)
        monkeypatch.setattr(ray, "nodes", lambda: [*alive, {"Alive": False, "Resources": {"CPU": 64.0}}])

    return with_resources


def test_one_worker_per_cpu_with_a_little_left_free(cluster):
    cluster(CPU=2.0)
    pool = size_pool(None, use_gpu=None)
    assert (pool.num_workers, pool.gpus_per_worker) == (2, 0.0)
    assert pool.num_workers * pool.cpus_per_worker < 2.0


@pytest.mark.parametrize("workers", [1, 2, 3, 8, 15])
def test_pools_never_take_every_cpu(cluster, workers):
    cluster(CPU=2.0)
    pool = size_pool(workers, use_gpu=None)
    assert pool.num_workers == workers
    assert workers * pool.cpus_per_worker <= 2.0 - session.CPUS_LEFT_FREE
    assert pool.cpus_per_worker >= session.SMALLEST_CPU_SHARE


@given(
    st.integers(1, 40),
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 4.0, 16.0]), min_size=1, max_size=5).filter(any),
    st.integers(1, 8),
)
def test_every_worker_finds_a_node_it_fits_on(number, nodes, most):
    share = cpu_share(number, nodes, most=most)
    assert 0 <= share <= most
    assert share <= 1 or share == int(share)  # Ray knows parts of a CPU below one alone
    if share:
        assert sum(int(cpus / share + 1e-9) for cpus in nodes) >= number


def test_workers_are_not_counted_across_the_border_of_two_nodes(cluster):
    cluster(CPU=4.0, nodes=[2.0, 2.0])
    pool = size_pool(5, use_gpu=None)
    assert 2 * int(2.0 / pool.cpus_per_worker) >= 5


def test_one_worker_per_gpu_where_there_are_any(cluster):
    cluster(CPU=16.0, GPU=4.0)
    pool = size_pool(None, use_gpu=None)
    assert (pool.num_workers, pool.cpus_per_worker, pool.gpus_per_worker) == (4, 1.0, 1.0)
    assert size_pool(None, use_gpu=False).num_workers == 16
    assert size_pool(None, use_gpu=True, cpus_beside_gpu=8).cpus_per_worker == 3.0
    assert size_pool(1, use_gpu=True, cpus_beside_gpu=8).cpus_per_worker == 8.0
    assert size_pool(None, use_gpu=False, cpus_beside_gpu=8).cpus_per_worker <= 1.0


def test_too_many_workers_are_refused_with_how_many_fit(cluster):
    cluster(CPU=2.0)
    with pytest.raises(ResourceError, match="40 workers do not fit on 2 CPUs") as found:
        size_pool(40, use_gpu=None)
    assert "at most 17 workers" in found.value.remedy


def test_gpus_that_are_not_there_are_refused(cluster):
    cluster(CPU=8.0, GPU=1.0)
    with pytest.raises(ResourceError, match="2 workers want a GPU each, but the cluster has 1"):
        size_pool(2, use_gpu=True)
    assert size_pool(2, use_gpu=None).gpus_per_worker == 0.0


def test_the_users_error_is_found_inside_what_was_wrapped_around_it():
    inner = StorageError("no bucket")
    wrapped = RuntimeError("task failed")
    wrapped.__cause__ = inner
    outer = RuntimeError("job failed")
    outer.worker_failures = {0: wrapped}
    assert user_error(outer) is inner
    assert user_error(ValueError("a bug")) is None
    assert user_error(None) is None
