// The OpenSSL that the node binary carries and exports: 3.0 in Node 20, 3.5 in 22 to 26, whose headers come with Node's.
//
// Every function used here is a weak symbol and on this list. In a host that lacks one, the rest of the addon still loads;
// missing() says which, and TLS is refused with that name.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// X(function)
#define STACKFUL_OPENSSL(X)             \
  X(BIO_clear_flags)                    \
  X(BIO_get_data)                       \
  X(BIO_get_new_index)                  \
  X(BIO_meth_new)                       \
  X(BIO_meth_set_ctrl)                  \
  X(BIO_meth_set_read)                  \
  X(BIO_meth_set_write)                 \
  X(BIO_new)                            \
  X(BIO_set_data)                       \
  X(BIO_set_flags)                      \
  X(BIO_set_init)                       \
  X(CRYPTO_free)                        \
  X(CRYPTO_malloc)                      \
  X(ERR_clear_error)                    \
  X(ERR_lib_error_string)               \
  X(ERR_peek_error)                     \
  X(ERR_reason_error_string)            \
  X(OPENSSL_sk_num)                     \
  X(OPENSSL_sk_value)                   \
  X(SSL_CIPHER_get_name)                \
  X(SSL_CIPHER_get_version)             \
  X(SSL_CIPHER_standard_name)           \
  X(SSL_CTX_callback_ctrl)              \
  X(SSL_CTX_free)                       \
  X(SSL_CTX_sess_set_get_cb)            \
  X(SSL_CTX_sess_set_new_cb)            \
  X(SSL_CTX_sess_set_remove_cb)         \
  X(SSL_CTX_set_alpn_select_cb)         \
  X(SSL_CTX_set_cert_verify_callback)   \
  X(SSL_CTX_up_ref)                     \
  X(SSL_SESSION_free)                   \
  X(SSL_clear_options)                  \
  X(SSL_ctrl)                           \
  X(SSL_do_handshake)                   \
  X(SSL_free)                           \
  X(SSL_get0_alpn_selected)             \
  X(SSL_get0_verified_chain)            \
  X(SSL_get1_peer_certificate)          \
  X(SSL_get_current_cipher)             \
  X(SSL_get_error)                      \
  X(SSL_get_ex_data)                    \
  X(SSL_get_ex_data_X509_STORE_CTX_idx) \
  X(SSL_get_peer_cert_chain)            \
  X(SSL_get_servername)                 \
  X(SSL_get_session)                    \
  X(SSL_get_verify_result)              \
  X(SSL_get_version)                    \
  X(SSL_is_server)                      \
  X(SSL_key_update)                     \
  X(SSL_new)                            \
  X(SSL_peek)                           \
  X(SSL_pending)                        \
  X(SSL_read)                           \
  X(SSL_select_next_proto)              \
  X(SSL_session_reused)                 \
  X(SSL_set_SSL_CTX)                    \
  X(SSL_set_accept_state)               \
  X(SSL_set_alpn_protos)                \
  X(SSL_set_bio)                        \
  X(SSL_set_cert_cb)                    \
  X(SSL_set_connect_state)              \
  X(SSL_set_ex_data)                    \
  X(SSL_set_options)                    \
  X(SSL_set_session)                    \
  X(SSL_set_verify)                     \
  X(SSL_shutdown)                       \
  X(SSL_version)                        \
  X(SSL_write)                          \
  X(X509_STORE_CTX_get_error)           \
  X(X509_STORE_CTX_get_ex_data)         \
  X(X509_cmp)                           \
  X(X509_free)                          \
  X(X509_verify_cert)                   \
  X(X509_verify_cert_error_string)      \
  X(d2i_SSL_SESSION)                    \
  X(i2d_SSL_SESSION)                    \
  X(i2d_X509)

#define STACKFUL_WEAK(name) extern "C" __attribute__((weak)) decltype(name) name;
STACKFUL_OPENSSL(STACKFUL_WEAK)
#undef STACKFUL_WEAK

namespace stackful::tls {

// The first function on the list that the host does not export; null when TLS works.
const char* missing() noexcept;

}  // namespace stackful::tls
