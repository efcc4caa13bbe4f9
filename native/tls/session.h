// One TLS connection: OpenSSL's SSL, as the layer between a socket and its descriptor.
//
// OpenSSL never touches the descriptor. It reads sealed bytes (those on the wire) out of a scratch buffer that one recv has
// filled, and writes them into another, which one send empties: a request costs a recv and a send, as without TLS, and
// a long write one send for four records. The scratch buffers belong to the environment and serve all its connections:
// nothing parks while OpenSSL's frames are on the stack. What a call leaves behind in them moves to memory of the session:
// in_, sealed bytes that were received and not asked for; out_, those that the kernel has not taken.
//
// A connection is in one of these states:
//
//   kHandshake  shakeHands is called until it gives 0; reads and writes give -ENOTCONN
//   kOpen       both directions carry data, until each is ended by itself
//   kFailed     OpenSSL has met an error, or the stream was cut off: every call gives that again, and OpenSSL is not called
//
// What is sealed cannot be taken back, because the next record counts on it. Of a transmit whose sealed bytes the kernel took in
// part, as large a part of the caller's bytes counts as taken, and credit_ and owed_ remember the others: the next transmit
// begins with them again, and they are not sealed twice. owed_ are those with sealed bytes still in out_, credit_ those
// whose sealed bytes have gone out and which no call has counted yet.
//
// OpenSSL's queue of errors is the thread's, and Node's crypto uses it too: it is empty after every call here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../net/layer.h"
#include "../net/socket.h"
#include "context.h"

namespace stackful::tls {

// Of one environment: what all its sessions use, one at a time.
struct Scratch {
  static constexpr size_t kRecord = 16384;       // the most bytes of a caller in one record
  static constexpr size_t kPlain = 4 * kRecord;  // and in one transmit
  static constexpr size_t kIn = 64 * 1024;       // received at once, at most
  static constexpr size_t kOut =
      kPlain + 16 * 1024;  // a transmit, sealed; a flight of a handshake may be longer

  char* in = nullptr;
  char* plain = nullptr;  // parts of a write, put together for a record, or bytes of a file
  char* out = nullptr;
  size_t outLength = 0;
  size_t outRoom = 0;
  uint32_t sessions = 0;  // that there are: for tests of leaks

  ~Scratch();
  bool ready() noexcept;  // false when there is no memory
};

// What a session needs to know before its handshake.
struct Terms {
  bool server = false;
  bool askCertificate = true;  // of the peer; a client's server always sends one
  bool refuse = true;          // a peer whose certificate is missing or not trusted
  bool chooseContext =
      false;  // server: the handshake stops for chooseContext() when the client has named a server
  std::string protocols;      // ALPN, each with its length in front
  std::string servername;     // client: the name to ask for
  bool askStaple = false;     // client: for a response of OCSP
  std::string_view resumed;   // client: a session from earlier, in DER
  std::string_view received;  // sealed bytes that came before
};

class Session final : public net::Layer {
 public:
  // nullptr when there is no memory.
  static Session* make(Scratch& scratch, Context& context, net::Socket& socket, const Terms& terms) noexcept;
  ~Session() override;

  static Session* of(const SSL* ssl) noexcept { return static_cast<Session*>(SSL_get_app_data(ssl)); }
  // Of a socket; null when it has none.
  static Session* of(const net::Socket& socket) noexcept;

  // One step: 0 when the handshake is done; kWantsRead, kWantsWrite: to be called again when the descriptor is readable or
  // writable; kTlsChooseContext: after chooseContext; or what has failed. Never parks.
  static constexpr int32_t kWantsRead = 1;
  static constexpr int32_t kWantsWrite = 2;
  int32_t shakeHands() noexcept;
  // nullptr: the context it has.
  void chooseContext(Context* context) noexcept;
  // For the handshake: whether it can go on without that.
  bool contextSettled(const char* servername) const noexcept { return contextChosen_ || !servername; }
  // A peer that is not trusted.
  bool refuses() const noexcept { return refuses_; }
  bool open() const noexcept { return state_ == State::kOpen; }

  SSL* ssl() const noexcept { return ssl_; }
  // The one that was chosen, if one was.
  const Context& context() const noexcept { return chosen_ ? *chosen_ : *context_; }
  std::string_view protocols() const noexcept { return protocols_; }
  // Of OpenSSL, for the error that kTlsFailed tells of; 0: none.
  unsigned long error() const noexcept { return error_; }
  // The peer is asked to change its keys, too, if `both`. False when that is not possible.
  bool updateKeys(bool both) noexcept;

  ssize_t receive(net::Socket& socket, void* to, size_t size) noexcept override;
  ssize_t transmit(net::Socket& socket, const iovec* parts, int count) noexcept override;
  ssize_t sendFile(net::Socket& socket, int file, off_t& at, size_t size) noexcept override;
  bool isReadable(net::Socket& socket) noexcept override;
  bool owes() const noexcept override { return owed_ + credit_ > 0; }
  int announceEnd(net::Socket& socket) noexcept override;
  void leave(net::Socket& socket) noexcept override;

 private:
  enum class State : uint8_t { kHandshake, kOpen, kFailed };

  Session(Scratch& scratch, Context& context, net::Socket& socket, SSL* ssl) noexcept;
  bool prepare(const Terms& terms) noexcept;

  // The wire, as OpenSSL's BIO (wire.cc).
  friend struct Wire;
  bool refill(size_t wanted) noexcept;
  size_t takeSealed(char* to, size_t size) noexcept;
  bool putSealed(const char* data, size_t size) noexcept;
  bool stashInput() noexcept;
  int sendSealed() noexcept;
  int flush() noexcept;

  ssize_t failure(int result) noexcept;
  ssize_t fail(ssize_t code) noexcept;
  ssize_t seal(const char* data, size_t size) noexcept;
  ssize_t count(size_t most) noexcept;
  bool holdsInput() const noexcept;

  Scratch& scratch_;
  net::Socket& socket_;
  Context* context_;
  Context* chosen_ = nullptr;  // beside the one it began with
  SSL* const ssl_;
  unsigned long error_ = 0;
  int32_t failed_ = 0;  // kFailed: what each call gives
  int32_t wireError_ = 0;
  State state_ = State::kHandshake;
  bool contextChosen_ = false;
  bool refuses_ = false;
  bool cut_ = false;   // the stream below has ended
  bool shut_ = false;  // reading was ended by shutdownRead
  bool endAnnounced_ = false;
  size_t wanted_ = 0;  // by the receive that is under way

  const char* sealed_ = nullptr;  // received and not yet asked for: in in_, or in the scratch buffer
  const char* sealedEnd_ = nullptr;
  char* in_ = nullptr;
  char* out_ = nullptr;
  size_t outAt_ = 0;
  size_t outEnd_ = 0;
  size_t owed_ = 0;
  size_t credit_ = 0;
  std::string protocols_;
};

}  // namespace stackful::tls
