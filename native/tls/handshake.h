// The handshake of a socket's TLS session. The rules at the top of net/socket.h hold.
#pragma once

#include "../net/socket.h"

namespace stackful::tls {

// 0 when it is done; kTlsChooseContext: again, after Session::chooseContext; kTlsFailed, kTlsCutOff, -errno. Parks. A call that
// ends early leaves the handshake where it is, and the next one goes on with it. One call at a time.
int32_t shakeHands(net::Socket& socket, net::Deadline deadline = net::kNoDeadline) noexcept;

}  // namespace stackful::tls
