// What the connections of a server, or of a client, have in common: an SSL_CTX with certificates, keys, authorities, ciphers and
// ticket keys. Node's own tls.createSecureContext makes it, and so reads every option and words every error; then it belongs
// to this library alone. One that node:tls uses too is never taken: Node's callbacks are set on the SSL_CTX, and take what
// they find in a connection for an object of Node's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "openssl.h"

namespace stackful::tls {

class Context {
 public:
  // Takes a reference, and Node's callbacks off. `release(keeper)` is called when it goes: Node's object must live as long,
  // because the callback for tickets, which stays, reads its keys there.
  Context(SSL_CTX* ctx, void (*release)(void*), void* keeper) noexcept;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  SSL_CTX* ctx() const noexcept { return ctx_; }

  // What its servers staple to their certificate (OCSP), for clients that ask; empty: nothing.
  const std::string& staple() const noexcept { return staple_; }
  void setStaple(std::string_view response) { staple_ = response; }

  // One reference is the maker's, and each connection has one.
  void hold() noexcept { ++references_; }
  void letGo() noexcept {
    if (--references_ == 0) delete this;
  }

 private:
  ~Context();

  SSL_CTX* const ctx_;
  void (*const release_)(void*);
  void* const keeper_;
  uint32_t references_ = 1;
  std::string staple_;
};

}  // namespace stackful::tls
