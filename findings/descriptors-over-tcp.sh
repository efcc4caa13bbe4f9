#!/bin/sh
# Linux: TCP and UDP take descriptors (SCM_RIGHTS), report success, and drop them.
#
# sendmsg with a control message that hands over a descriptor returns the number of bytes on any socket. Over a Unix socket the
# descriptor arrives. Over TCP and UDP it never does: the sender gets no EINVAL, the receiver no MSG_CTRUNC, and nobody hears that a
# file is missing. A server that passes a client's connection on to another process, and is one day configured with an address instead
# of a path, loses it without an error. A control message that TCP has no use for in another way, of level SOL_SOCKET and an unknown
# type, is refused with EINVAL. So who sends descriptors has to look at the socket's family before.
#
# Seen. What sendmsg gave, how many control messages came with the byte, and whether any were said to be cut off:
#
#   unix: sent 1, control messages 1, cut off False
#   tcp: sent 1, control messages 0, cut off False
#   udp: sent 1, control messages 0, cut off False
#   tcp, unknown type: EINVAL
#
# Exits with 1 when it prints anything else. Needs python3.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "Linux $(uname -r)"
python3 - > "$work/seen" <<'PYTHON'
import array, errno, os, socket, sys

def tcp():
    with socket.create_server(('127.0.0.1', 0)) as server:
        client = socket.create_connection(server.getsockname())
        return client, server.accept()[0]

def udp():
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there.bind(('127.0.0.1', 0))
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.connect(there.getsockname())
    return here, there

given = array.array('i', [sys.stderr.fileno()])
for name, pair in ('unix', socket.socketpair), ('tcp', tcp), ('udp', udp):
    here, there = pair()
    sent = here.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)])
    _, control, flags, _ = there.recvmsg(1, socket.CMSG_SPACE(4))
    print(f'{name}: sent {sent}, control messages {len(control)}, cut off {bool(flags & socket.MSG_CTRUNC)}')
try:
    tcp()[0].sendmsg([b'x'], [(socket.SOL_SOCKET, 4711, given)])
    print('tcp, unknown type: sent')
except OSError as error:
    print('tcp, unknown type:', errno.errorcode[error.errno])
PYTHON
cat "$work/seen"
sed -n 's/^#   \(\(unix\|tcp\|udp\).*: .*\)/\1/p' "$0" > "$work/expected"
diff "$work/expected" "$work/seen" && echo 'as described'
