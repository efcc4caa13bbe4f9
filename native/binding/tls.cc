// TLS on sockets of net and of http. The functions that take a socket take two arguments for it: its number, and whether that
// is an HTTP connection's.
#include <algorithm>
#include <iterator>
#include <vector>

#include "../engine/external.h"
#include "../tls/handshake.h"
#include "../tls/session.h"
#include "buffers.h"
#include "http_records.h"
#include "net.h"

namespace stackful::binding {
namespace {

// Of one environment.
struct Tls {
  static thread_local Tls* current;

  tls::Scratch scratch;
  std::vector<tls::Context*> contexts;  // null where one was forgotten

  ~Tls() {
    for (tls::Context* context : contexts) {
      if (context) context->letGo();
    }
  }
};

thread_local Tls* Tls::current = nullptr;

// Null once it is closed.
net::Socket* anySocketAt(const Info& info) {
  if (!boolAt(info, 1)) return socketAt(info);
  HttpConnection* c = connectionAt(info);
  return c ? c->socket : nullptr;
}

tls::Session* sessionAt(const Info& info) {
  net::Socket* socket = anySocketAt(info);
  return socket ? tls::Session::of(*socket) : nullptr;
}

tls::Context* contextAt(const Info& info, int i) {
  const auto& all = Tls::current->contexts;
  const auto number = static_cast<uint32_t>(intAt(info, i));
  return number < all.size() ? all[number] : nullptr;
}

std::string_view viewAt(const Info& info, int i) {
  if (!info[i]->IsArrayBufferView()) return {};
  const Bytes bytes = bytesAt(info, i);
  return {bytes.data, bytes.size};
}

v8::Local<v8::Value> textOrUndefined(v8::Isolate* isolate, const char* text) {
  if (!text) return v8::Undefined(isolate);
  return string(isolate, text);
}

// tlsMissing(): the name of the function of OpenSSL that this Node lacks, or undefined.
void missing(const Info& info) {
  if (const char* name = tls::missing()) info.GetReturnValue().Set(asciiString(info.GetIsolate(), name));
}

// tlsContext(Node's context, the external in it): a number.
void context(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!info[1]->IsExternal()) return returnInt(info, -EINVAL);
  auto* ctx = static_cast<SSL_CTX*>(engine::externalValue(info[1]));
  auto* keeper = new v8::Global<v8::Value>(isolate, info[0]);
  auto* made = new tls::Context(
      ctx, [](void* kept) { delete static_cast<v8::Global<v8::Value>*>(kept); }, keeper);
  auto& all = Tls::current->contexts;
  const auto free = std::find(all.begin(), all.end(), nullptr);
  returnInt(info, free - all.begin());
  if (free == all.end()) {
    all.push_back(made);
  } else {
    *free = made;
  }
}

// tlsForgetContext(number): it goes with its last connection.
void forgetContext(const Info& info) {
  // Called by a FinalizationRegistry, which may outlive what it is about.
  if (!Tls::current) return;
  if (tls::Context* context = contextAt(info, 0)) {
    Tls::current->contexts[static_cast<size_t>(intAt(info, 0))] = nullptr;
    context->letGo();
  }
}

// tlsStaple(context, response of OCSP): for its handshakes from now on; undefined: none.
void staple(const Info& info) {
  if (tls::Context* context = contextAt(info, 0)) context->setStaple(viewAt(info, 1));
}

// tlsStapled(socket, of http): what a server has stapled, or undefined.
void stapled(const Info& info) {
  tls::Session* session = sessionAt(info);
  if (!session) return;
  unsigned char* response = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(session->ssl(), &response);
  if (size <= 0 || !response) return;
  info.GetReturnValue().Set(Buffers::current()->copy(info.GetIsolate(), reinterpret_cast<char*>(response),
                                                     static_cast<size_t>(size)));
}

// The bits of tlsStart's flags.
enum : int32_t { kServer = 1, kAskCertificate = 2, kRefuse = 4, kChooseContext = 8, kAskStaple = 16 };

// tlsStart(socket, of http, context, flags, protocols, servername, session, received): 0 or a code. Each of the last four may be
// undefined.
void start(const Info& info) {
  net::Socket* socket = anySocketAt(info);
  tls::Context* context = contextAt(info, 2);
  if (!socket || !context) return returnInt(info, -EBADF);
  const int32_t flags = intAt(info, 3);
  tls::Terms terms;
  terms.server = flags & kServer;
  terms.askCertificate = flags & kAskCertificate;
  terms.refuse = flags & kRefuse;
  terms.chooseContext = flags & kChooseContext;
  terms.askStaple = flags & kAskStaple;
  terms.protocols = viewAt(info, 4);
  if (info[5]->IsString()) {
    const Text name(info.GetIsolate(), info[5].As<v8::String>());
    if (!name) return returnInt(info, -ENOMEM);
    terms.servername = name.data();
  }
  terms.resumed = viewAt(info, 6);
  terms.received = viewAt(info, 7);
  tls::Session* session = tls::Session::make(Tls::current->scratch, *context, *socket, terms);
  if (!session) return returnInt(info, -ENOMEM);
  const int result = net::addLayer(*socket, session);
  if (result < 0) delete session;
  returnInt(info, result);
}

// tlsHandshake(socket, of http, ms): 0, TLS_CHOOSE_CONTEXT, or a code; -ETIMEDOUT after `ms`, -1 = no limit. Parks.
void handshake(const Info& info) {
  net::Socket* socket = anySocketAt(info);
  if (!socket) return returnInt(info, -EBADF);
  const sched::Deadline deadline = deadlineAfter(numberAt(info, 2));
  if (!boolAt(info, 1)) return returnInt(info, tls::shakeHands(*socket, deadline));
  HttpCall call(*connectionAt(info));
  returnInt(info, tls::shakeHands(*socket, deadline));
}

// tlsChoose(socket, of http, context): for a handshake that has given TLS_CHOOSE_CONTEXT; -1 = the one it has.
void choose(const Info& info) {
  if (tls::Session* session = sessionAt(info)) {
    session->chooseContext(intAt(info, 2) < 0 ? nullptr : contextAt(info, 2));
  }
}

// tlsServername(socket, of http): what the client has asked for, or undefined.
void servername(const Info& info) {
  if (tls::Session* session = sessionAt(info)) {
    const char* name = SSL_get_servername(session->ssl(), TLSEXT_NAMETYPE_host_name);
    info.GetReturnValue().Set(textOrUndefined(info.GetIsolate(), name));
  }
}

// Whether the peer is whom its certificate says: 0, or why not, as numbers of X509_V_ERR_*.
long verdict(SSL* ssl) {
  const long result = SSL_get_verify_result(ssl);
  if (X509* certificate = SSL_get1_peer_certificate(ssl)) {
    X509_free(certificate);
    return result;
  }
  // As Node has it: without a certificate nothing was verified, and "ok" would mean nothing.
  return result == X509_V_OK ? X509_V_ERR_UNSPECIFIED : result;
}

// tlsState(socket, of http): [protocol, cipher's name, its standard name, its version, ALPN protocol, server's name, resumed, verdict,
// what that means]; undefined without a session.
void state(const Info& info) {
  tls::Session* session = sessionAt(info);
  if (!session) return;
  v8::Isolate* isolate = info.GetIsolate();
  SSL* const ssl = session->ssl();
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
  const unsigned char* protocol = nullptr;
  unsigned int length = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &length);
  const long verified = verdict(ssl);
  v8::Local<v8::Value> none = v8::Undefined(isolate);
  v8::Local<v8::Value> parts[] = {
      textOrUndefined(isolate, SSL_get_version(ssl)),
      cipher ? textOrUndefined(isolate, SSL_CIPHER_get_name(cipher)) : none,
      cipher ? textOrUndefined(isolate, SSL_CIPHER_standard_name(cipher)) : none,
      cipher ? textOrUndefined(isolate, SSL_CIPHER_get_version(cipher)) : none,
      protocol ? string(isolate, {reinterpret_cast<const char*>(protocol), length}).As<v8::Value>() : none,
      textOrUndefined(isolate, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)),
      v8::Boolean::New(isolate, SSL_session_reused(ssl)),
      v8::Integer::New(isolate, static_cast<int32_t>(verified)),
      textOrUndefined(isolate, X509_verify_cert_error_string(verified)),
  };
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, std::size(parts)));
}

// tlsError(socket, of http): of a session that has failed: [library, reason, verdict, what that means].
void error(const Info& info) {
  tls::Session* session = sessionAt(info);
  if (!session) return;
  v8::Isolate* isolate = info.GetIsolate();
  const long verified = SSL_get_verify_result(session->ssl());
  v8::Local<v8::Value> parts[] = {
      textOrUndefined(isolate, ERR_lib_error_string(session->error())),
      textOrUndefined(isolate, ERR_reason_error_string(session->error())),
      v8::Integer::New(isolate, static_cast<int32_t>(verified)),
      textOrUndefined(isolate, X509_verify_cert_error_string(verified)),
  };
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, std::size(parts)));
}

// tlsPeerCertificates(socket, of http): those that the peer has sent, its own first, as DER.
void peerCertificates(const Info& info) {
  tls::Session* session = sessionAt(info);
  if (!session) return;
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Array> all = v8::Array::New(isolate);
  const auto add = [&](X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size <= 0) return;
    const v8::Local<v8::Value> copy =
        Buffers::current()->copy(isolate, reinterpret_cast<char*>(der), static_cast<size_t>(size));
    all->Set(context, all->Length(), copy).Check();
    CRYPTO_free(der, __FILE__, __LINE__);
  };
  X509* const own = SSL_get1_peer_certificate(session->ssl());
  if (own) add(own);
  // With it, as they were verified; a client's list has the own one in front, a server's has not.
  STACK_OF(X509)* chain = SSL_get0_verified_chain(session->ssl());
  if (!chain) chain = SSL_get_peer_cert_chain(session->ssl());
  const auto* list = reinterpret_cast<const OPENSSL_STACK*>(chain);
  for (int i = 0, n = chain ? OPENSSL_sk_num(list) : 0; i < n; ++i) {
    auto* certificate = static_cast<X509*>(OPENSSL_sk_value(list, i));
    if (!own || X509_cmp(certificate, own) != 0) add(certificate);
  }
  if (own) X509_free(own);
  info.GetReturnValue().Set(all);
}

// tlsSession(socket, of http): the session as DER, to be resumed later; undefined when there is none yet.
void session(const Info& info) {
  tls::Session* session = sessionAt(info);
  SSL_SESSION* resumable = session ? SSL_get_session(session->ssl()) : nullptr;
  const int size = resumable ? i2d_SSL_SESSION(resumable, nullptr) : 0;
  if (size <= 0) return;
  std::vector<unsigned char> der(static_cast<size_t>(size));
  unsigned char* end = der.data();
  i2d_SSL_SESSION(resumable, &end);
  info.GetReturnValue().Set(
      Buffers::current()->copy(info.GetIsolate(), reinterpret_cast<char*>(der.data()), der.size()));
}

// tlsUpdateKeys(socket, of http, both): whether the next bytes come with new keys.
void updateKeys(const Info& info) {
  tls::Session* session = sessionAt(info);
  info.GetReturnValue().Set(session && session->updateKeys(boolAt(info, 2)));
}

// tlsCount(): sessions and contexts that there are.
void count(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const auto& all = Tls::current->contexts;
  const auto contexts = all.size() - static_cast<size_t>(std::count(all.begin(), all.end(), nullptr));
  v8::Local<v8::Value> parts[] = {v8::Integer::NewFromUnsigned(isolate, Tls::current->scratch.sessions),
                                  v8::Integer::NewFromUnsigned(isolate, static_cast<uint32_t>(contexts))};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, std::size(parts)));
}

}  // namespace

void defineTls(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  // As the records of net and http, it goes after the runtime, which closes every socket.
  if (!Tls::current) {
    Tls::current = new Tls;
    node::AddEnvironmentCleanupHook(
        v8::Isolate::GetCurrent(),
        [](void*) {
          delete Tls::current;
          Tls::current = nullptr;
        },
        nullptr);
  }
  define(context, exports, "tlsMissing", missing);
  define(context, exports, "tlsContext", binding::context);
  define(context, exports, "tlsForgetContext", forgetContext);
  define(context, exports, "tlsStart", start);
  define(context, exports, "tlsHandshake", handshake);
  define(context, exports, "tlsChoose", choose);
  define(context, exports, "tlsServername", servername);
  define(context, exports, "tlsState", state);
  define(context, exports, "tlsError", error);
  define(context, exports, "tlsPeerCertificates", peerCertificates);
  define(context, exports, "tlsSession", session);
  define(context, exports, "tlsUpdateKeys", updateKeys);
  define(context, exports, "tlsStaple", staple);
  define(context, exports, "tlsStapled", stapled);
  define(context, exports, "tlsCount", count);
}

}  // namespace stackful::binding
