"""Where a server listens: in a network of the test's own, with few ports, of which some are taken."""

from tests.own_network import needs_unshare, run_alone

# Of the odd ports, which the kernel prefers, half are taken on the second address.
SCRIPT = """
import fcntl, socket, struct
from pathlib import Path
from qstash_dev.transport.sockets import close_all, listen

SIOCSIFFLAGS, UP_AND_RUNNING = 0x8914, 0x41
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", UP_AND_RUNNING))
Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40007")
with (
    socket.create_server(("::1", 40001), family=socket.AF_INET6),
    socket.create_server(("::1", 40005), family=socket.AF_INET6),
):
    for _ in range(20):
        sockets = listen(("127.0.0.1", "::1"), 0)
        print(*{sock.getsockname()[1] for sock in sockets}, len(sockets))
        close_all(sockets)
"""


@needs_unshare
async def test_a_free_port_is_free_on_all_addresses():
    said, error = await run_alone(SCRIPT)
    assert error == b""
    assert len(said.splitlines()) == 20
    assert {line.split()[0] for line in said.splitlines()}.isdisjoint({b"40001", b"40005"})
    assert {line.split()[1] for line in said.splitlines()} == {b"2"}
