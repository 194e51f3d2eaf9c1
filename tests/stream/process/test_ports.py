import socket

from stream.process.ports import free_port, listens


def test_a_port_is_in_use_while_a_program_listens_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens("127.0.0.1", port)
    assert not listens("127.0.0.1", port)


def test_a_free_port_can_be_listened_on():
    port = free_port()
    assert not listens("127.0.0.1", port)
    socket.create_server(("127.0.0.1", port)).close()
