#include "context.h"

#include <cstring>
#include <string_view>

#include "session.h"

namespace stackful::tls {
namespace {

// The server's preference decides. Without a protocol in common the handshake fails, as with Node: going on would mean to
// speak one that the client has not offered.
int selectProtocol(SSL* ssl, const unsigned char** out, unsigned char* outLength, const unsigned char* theirs,
                   unsigned int theirsLength, void*) {
  const std::string_view ours = Session::of(ssl)->protocols();
  if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, outLength, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned int>(ours.size()), theirs, theirsLength);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// OpenSSL ends at the first thing that it finds wrong with a chain, Node looks at all of it and tells of the last one. So does
// this; but where the peer is to be refused, that is in the handshake, so that it is told why.
int verify(X509_STORE_CTX* store, void*) {
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (X509_verify_cert(store) <= 0) return 0;
  return X509_STORE_CTX_get_error(store) == X509_V_OK || !Session::of(ssl)->refuses();
}

int stapleResponse(SSL* ssl, void*) {
  // A client looks at what it got when it wants to.
  if (!SSL_is_server(ssl)) return 1;
  const std::string& response = Session::of(ssl)->context().staple();
  if (response.empty()) return SSL_TLSEXT_ERR_NOACK;
  // OpenSSL frees it.
  auto* copy = static_cast<unsigned char*>(CRYPTO_malloc(response.size(), __FILE__, __LINE__));
  if (!copy) return SSL_TLSEXT_ERR_NOACK;
  std::memcpy(copy, response.data(), response.size());
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(response.size()));
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Context::Context(SSL_CTX* ctx, void (*release)(void*), void* keeper) noexcept
    : ctx_(ctx), release_(release), keeper_(keeper) {
  SSL_CTX_up_ref(ctx);
  SSL_CTX_sess_set_new_cb(ctx, nullptr);
  SSL_CTX_sess_set_get_cb(ctx, nullptr);
  SSL_CTX_sess_set_remove_cb(ctx, nullptr);
  SSL_CTX_set_alpn_select_cb(ctx, selectProtocol, nullptr);
  SSL_CTX_set_cert_verify_callback(ctx, verify, nullptr);
  SSL_CTX_set_tlsext_status_cb(ctx, stapleResponse);
}

Context::~Context() {
  SSL_CTX_free(ctx_);
  release_(keeper_);
}

}  // namespace stackful::tls
