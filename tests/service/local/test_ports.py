"""A held port is nobody else's, also while the server that it is for is down."""

from __future__ import annotations

import socket

import pytest

from tools.local.ports import LOCAL, HeldPorts, is_free


def test_a_held_port_answers_nobody_and_is_given_to_nobody(ports: HeldPorts) -> None:
    port = ports.take()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOCAL, port))
    with socket.socket() as somebody, pytest.raises(OSError, match="in use"):
        somebody.bind((LOCAL, port))


def test_the_server_that_it_is_held_for_can_have_it_again_and_again(ports: HeldPorts) -> None:
    port = ports.take()
    for _ in range(2):
        assert is_free(port)
        with socket.create_server((LOCAL, port)), socket.create_connection((LOCAL, port)):
            assert not is_free(port)


def test_it_is_given_back_at_the_end() -> None:
    with HeldPorts() as ports:
        port = ports.take()
    with socket.socket() as somebody:
        somebody.bind((LOCAL, port))
        assert somebody.getsockname() == (LOCAL, port)
