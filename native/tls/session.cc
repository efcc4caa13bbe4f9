#include "session.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "../net/poller.h"
#include "../net/transport.h"
#include "../sched/result_code.h"
#include "wire.h"

namespace stackful::tls {
namespace {

// Around each call of OpenSSL: what another user of this thread has left in the queue is not taken for ours.
void clearErrors() noexcept {
  if (ERR_peek_error() != 0) [[unlikely]]
    ERR_clear_error();
}

// 1 goes on, -1 stops the handshake with SSL_ERROR_WANT_X509_LOOKUP; called once more when it goes on.
int stopForContext(SSL* ssl, void* session) {
  return static_cast<Session*>(session)->contextSettled(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
             ? 1
             : -1;
}

int goOn(int, X509_STORE_CTX*) {
  return 1;  // to the end of the chain: see context.cc
}

}  // namespace

Session* Session::of(const net::Socket& socket) noexcept {
  if ((socket.flags & (net::kLayered | net::kClosed)) != net::kLayered) return nullptr;
  return static_cast<Session*>(socket.poller->layerOf(socket));
}

Session* Session::make(Scratch& scratch, Context& context, net::Socket& socket, const Terms& terms) noexcept {
  if (!scratch.ready()) return nullptr;
  clearErrors();
  SSL* const ssl = SSL_new(context.ctx());
  if (!ssl) {
    clearErrors();
    return nullptr;
  }
  auto* session = new (std::nothrow) Session(scratch, context, socket, ssl);
  if (!session) {
    SSL_free(ssl);
    return nullptr;
  }
  const bool prepared = connectWire(*session, ssl) && session->prepare(terms);
  clearErrors();
  if (prepared) return session;
  delete session;
  return nullptr;
}

Session::Session(Scratch& scratch, Context& context, net::Socket& socket, SSL* ssl) noexcept
    : scratch_(scratch), socket_(socket), context_(&context), ssl_(ssl) {
  context.hold();
  ++scratch.sessions;
}

Session::~Session() {
  SSL_free(ssl_);
  clearErrors();
  context_->letGo();
  if (chosen_) chosen_->letGo();
  std::free(in_);
  std::free(out_);
  --scratch_.sessions;
}

bool Session::prepare(const Terms& terms) noexcept {
  SSL_set_app_data(ssl_, this);
  // Idle connections hold no buffers for records: 33 KB each.
  SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_clear_options(ssl_, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
  SSL_set_options(ssl_, SSL_OP_NO_RENEGOTIATION);
  int verify = SSL_VERIFY_NONE;
  if (terms.askCertificate) verify |= SSL_VERIFY_PEER;
  if (terms.askCertificate && terms.refuse) verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_set_verify(ssl_, verify, goOn);
  refuses_ = terms.refuse;
  if (!terms.received.empty()) {
    in_ = static_cast<char*>(std::malloc(terms.received.size()));
    if (!in_) return false;
    std::memcpy(in_, terms.received.data(), terms.received.size());
    sealed_ = in_;
    sealedEnd_ = in_ + terms.received.size();
  }
  if (terms.server) {
    protocols_ = terms.protocols;
    if (terms.chooseContext) SSL_set_cert_cb(ssl_, stopForContext, this);
    SSL_set_accept_state(ssl_);
    return true;
  }
  SSL_set_connect_state(ssl_);
  if (!terms.protocols.empty() &&
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(terms.protocols.data()),
                          static_cast<unsigned int>(terms.protocols.size())) != 0) {
    return false;
  }
  if (!terms.servername.empty() && SSL_set_tlsext_host_name(ssl_, terms.servername.c_str()) != 1)
    return false;
  if (terms.askStaple) SSL_set_tlsext_status_type(ssl_, TLSEXT_STATUSTYPE_ocsp);
  if (!terms.resumed.empty()) {
    auto* data = reinterpret_cast<const unsigned char*>(terms.resumed.data());
    // One that cannot be read is no reason to fail: the handshake is a full one then.
    if (SSL_SESSION* resumed = d2i_SSL_SESSION(nullptr, &data, static_cast<long>(terms.resumed.size()))) {
      SSL_set_session(ssl_, resumed);
      SSL_SESSION_free(resumed);
    }
  }
  return true;
}

ssize_t Session::fail(ssize_t code) noexcept {
  state_ = State::kFailed;
  failed_ = static_cast<int32_t>(code);
  return code;
}

// What the `result` of a call of OpenSSL that did not succeed means: -EAGAIN where it may be made again, else the session has
// failed, or the peer has ended its stream in good order: 0.
ssize_t Session::failure(int result) noexcept {
  const int error = SSL_get_error(ssl_, result);
  switch (error) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return -EAGAIN;
    case SSL_ERROR_WANT_X509_LOOKUP:
      return kTlsChooseContext;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
  }
  if (wireError_ != 0) return clearErrors(), fail(wireError_);
  if (cut_) return clearErrors(), fail(kTlsCutOff);
  error_ = ERR_peek_error();
  clearErrors();
  return fail(error == SSL_ERROR_SYSCALL && error_ == 0 ? -ENOMEM : kTlsFailed);
}

int32_t Session::shakeHands() noexcept {
  if (state_ == State::kFailed) return failed_;
  if (const int sent = flush(); sent < 0)
    return sent == -EAGAIN ? kWantsWrite : static_cast<int32_t>(fail(sent));
  if (state_ == State::kOpen) return 0;
  wanted_ = 0;
  clearErrors();
  const int result = SSL_do_handshake(ssl_);
  ssize_t code = result == 1 ? 0 : failure(result);
  // Of a certificate that is not trusted and was let through.
  if (result == 1) clearErrors();
  // An end before the handshake's is no end in good order.
  if (result != 1 && (code == 0 || (code == -EAGAIN && shut_))) code = fail(kTlsCutOff);
  if (!stashInput()) code = fail(-ENOMEM);
  // Also when it has failed: the peer is told why.
  const int sent = sendSealed();
  if (code == -EAGAIN || code == 0) {
    if (sent < 0 && sent != -EAGAIN) return static_cast<int32_t>(fail(sent));
    if (code == 0) state_ = State::kOpen;
    return sent == -EAGAIN ? kWantsWrite : code == 0 ? 0 : kWantsRead;
  }
  return static_cast<int32_t>(code);
}

void Session::chooseContext(Context* context) noexcept {
  contextChosen_ = true;
  if (!context || chosen_ || state_ != State::kHandshake) return;
  context->hold();
  chosen_ = context;
  SSL_set_SSL_CTX(ssl_, context->ctx());
  clearErrors();
}

bool Session::updateKeys(bool both) noexcept {
  if (state_ != State::kOpen || endAnnounced_ || SSL_version(ssl_) < TLS1_3_VERSION) return false;
  clearErrors();
  if (SSL_key_update(ssl_, both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
    clearErrors();
    return false;
  }
  // Says so now: the next write may come late, or never.
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) failure(result);
  // An error of the wire is the next call's to tell.
  sendSealed();
  return result == 1;
}

bool Session::holdsInput() const noexcept {
  return sealed_ != sealedEnd_ || SSL_pending(ssl_) > 0;
}

ssize_t Session::receive(net::Socket& s, void* to, size_t size) noexcept {
  if (state_ != State::kOpen) return state_ == State::kFailed ? failed_ : -ENOTCONN;
  if (size == 0) return 0;
  wanted_ = size;
  clearErrors();
  size_t filled = 0;
  ssize_t code = 0;
  do {
    const auto most = static_cast<int>(std::min<size_t>(size - filled, INT32_MAX));
    const int n = SSL_read(ssl_, static_cast<char*>(to) + filled, most);
    if (n <= 0) {
      code = failure(n);
      break;
    }
    filled += static_cast<size_t>(n);
  } while (filled < size && holdsInput());
  if (!stashInput()) code = fail(-ENOMEM);
  // Tickets ask for no answer, but alerts do, and requests to change keys.
  if (scratch_.outLength > 0) {
    const int sent = sendSealed();
    // A peer that receives no more may have sent something: that is the next write's to tell.
    const bool gone = sent == -EPIPE || sent == -ECONNRESET;
    if (sent < 0 && sent != -EAGAIN && !gone && filled == 0) code = fail(sent);
  }
  if (code == -EAGAIN && shut_) {
    code = 0;
  } else if (code == -EAGAIN || (filled > 0 && code == 0 && !holdsInput() && (s.flags & net::kWireDrained))) {
    s.flags |= net::kDrained;
  }
  // An error that came behind bytes is given by the next call.
  return filled > 0 ? static_cast<ssize_t>(filled) : code;
}

bool Session::isReadable(net::Socket& s) noexcept {
  if (state_ != State::kOpen) return true;
  wanted_ = 0;
  clearErrors();
  char byte;
  const int n = SSL_peek(ssl_, &byte, 1);
  const ssize_t code = n > 0 ? 1 : failure(n);
  if (!stashInput()) fail(-ENOMEM);
  if (scratch_.outLength > 0) sendSealed();
  if (code != -EAGAIN || shut_) return true;
  s.flags |= net::kDrained;
  return false;
}

// How many of at most `most` bytes, the first ones of a transmit, were sealed earlier and have gone out since.
ssize_t Session::count(size_t most) noexcept {
  const size_t n = std::min(most, credit_);
  credit_ -= n;
  return static_cast<ssize_t>(n);
}

// `size` bytes, kPlain at most: how many count as taken.
ssize_t Session::seal(const char* data, size_t size) noexcept {
  clearErrors();
  for (size_t at = 0; at < size;) {
    const size_t length = std::min(size - at, Scratch::kRecord);
    const int n = SSL_write(ssl_, data + at, static_cast<int>(length));
    if (n <= 0) {
      const ssize_t code = failure(n);
      sendSealed();
      return code == 0 || code == -EAGAIN ? fail(-EPIPE) : code;
    }
    at += static_cast<size_t>(n);
  }
  const size_t length = scratch_.outLength;
  const int result = sendSealed();
  if (result == 0) return static_cast<ssize_t>(size);
  if (result != -EAGAIN) return fail(result);
  const size_t left = outEnd_ - outAt_;
  const size_t taken = left >= length ? 0 : std::min(size * (length - left) / length, size - 1);
  owed_ = size - taken;
  return taken > 0 ? static_cast<ssize_t>(taken) : -EAGAIN;
}

ssize_t Session::transmit(net::Socket& s, const iovec* parts, int count) noexcept {
  if (state_ != State::kOpen) return state_ == State::kFailed ? failed_ : -ENOTCONN;
  if (endAnnounced_) return -EPIPE;
  size_t total = 0;
  for (int i = 0; i < count; ++i) total += parts[i].iov_len;
  if (out_ || credit_ > 0) {
    const int sent = flush();
    if (sent < 0 && sent != -EAGAIN) return fail(sent);
    if (credit_ > 0) return this->count(total);
    if (sent < 0) return sent;
  }
  if (total == 0) return 0;
  // A part that fills records by itself is sealed where it lies; smaller ones share a record.
  while (parts->iov_len == 0) ++parts, --count;
  if (count == 1 || parts->iov_len >= Scratch::kRecord) {
    return seal(static_cast<const char*>(parts->iov_base), std::min(parts->iov_len, Scratch::kPlain));
  }
  size_t filled = 0;
  for (int i = 0; i < count && filled < Scratch::kPlain; ++i) {
    const size_t n = std::min(parts[i].iov_len, Scratch::kPlain - filled);
    std::memcpy(scratch_.plain + filled, parts[i].iov_base, n);
    filled += n;
  }
  return seal(scratch_.plain, filled);
}

ssize_t Session::sendFile(net::Socket& s, int file, off_t& at, size_t size) noexcept {
  ssize_t n;
  if (state_ == State::kOpen && !endAnnounced_ && !owes()) {
    n = net::kernel::untilNoSignal(
        [&] { return ::pread(file, scratch_.plain, std::min(size, Scratch::kPlain), at); });
    if (n <= 0) return n;
    const iovec part{scratch_.plain, static_cast<size_t>(n)};
    n = transmit(s, &part, 1);
  } else {
    // Its first bytes are sealed already: only their number matters.
    const iovec part{scratch_.plain, std::min(size, Scratch::kPlain)};
    n = transmit(s, &part, 1);
  }
  if (n > 0) at += n;
  return n;
}

int Session::announceEnd(net::Socket&) noexcept {
  if (state_ == State::kFailed) return 0;
  int sent = flush();
  if (sent == 0 && !endAnnounced_ && state_ == State::kOpen) {
    endAnnounced_ = true;
    clearErrors();
    const int n = SSL_shutdown(ssl_);
    if (n < 0) SSL_get_error(ssl_, n);
    clearErrors();
    sent = sendSealed();
  }
  // A peer that has left need not be told. Whether it got all is the next read's to say, as without TLS.
  return sent == -EPIPE || sent == -ECONNRESET ? 0 : sent;
}

// Not in the middle of a write, which would look whole.
void Session::leave(net::Socket& s) noexcept {
  constexpr uint32_t kUnfinished = net::kBroken | net::kWriteOwned;
  if (state_ == State::kOpen && !endAnnounced_ && !owes() && !(s.flags & kUnfinished)) announceEnd(s);
}

}  // namespace stackful::tls
