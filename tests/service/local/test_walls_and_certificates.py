"""The local tools themselves: walls between databases, certificates that say what they should."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from cryptography import x509

from tools.local.guardian import Guardian
from tools.local.pki import DevelopmentAuthority
from tools.local.postgres import Cluster


async def test_a_service_role_reaches_its_own_database_only(cluster: Cluster) -> None:
    first = cluster.create_service_database("wall_a")
    cluster.create_service_database("wall_b")
    connection = await asyncpg.connect(first)
    assert await connection.fetchval("SELECT current_user") == "wall_a"
    await connection.close()
    for other in ("wall_b", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(first.rpartition("/")[0] + "/" + other)


def _one_table(url: str) -> None:
    async def create() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE mark (i int)")
        await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, create()).result()


async def test_copies_of_a_template_do_not_see_each_other(
    database_from: Callable[[Callable[[str], None]], str],
) -> None:
    connections = [await asyncpg.connect(database_from(_one_table)) for _ in range(2)]
    await connections[0].execute("INSERT INTO mark VALUES (1)")
    assert [await connection.fetchval("SELECT count(*) FROM mark") for connection in connections] == [1, 0]
    for connection in connections:
        await connection.close()


def test_a_certificate_names_its_principal_and_nobody_else(authority: DevelopmentAuthority) -> None:
    issued = authority.issue("enterprise/baogang/mes")
    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "spiffe://monazite.example/enterprise/baogang/mes"
    ]
    assert names.get_values_for_type(x509.DNSName) == []
    assert issued.key.stat().st_mode & 0o077 == 0
    assert authority.issue("enterprise/baogang/mes") == issued


def test_a_server_certificate_carries_its_host_names(authority: DevelopmentAuthority) -> None:
    issued = authority.issue("service/export_license", server=True, names=["licences.test"])
    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "export-license", "licences.test"]
    ssl.create_default_context(cafile=str(issued.authority)).load_cert_chain(issued.certificate, issued.key)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has private homes to keep others out of")
def test_root_may_keep_a_cluster_below_a_private_directory(tmp_path: Path, guardian: Guardian) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    cluster = Cluster(private / "postgres", durable=False)
    cluster.start(guardian)
    try:
        assert cluster.sql("SELECT 1").strip() == "1"
    finally:
        cluster.destroy()
    assert list(private.iterdir()) == []
