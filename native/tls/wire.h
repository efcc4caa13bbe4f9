// The BIO between OpenSSL and a session.
#pragma once

#include <cstddef>
#include <utility>

#include "session.h"

namespace stackful::tls {

// Received at once at least, if it is there: a whole record.
inline constexpr size_t kLeastReceived = 17 * 1024;

// From now on `ssl` reads and writes through `session`. False when there is no memory.
bool connectWire(Session& session, SSL* ssl) noexcept;

}  // namespace stackful::tls
