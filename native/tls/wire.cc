// Session's half towards the descriptor: sealed bytes in and out. OpenSSL gets at them through a BIO, which never waits.
#include <errno.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "../net/system_calls.h"
#include "wire.h"

namespace stackful::tls {

Scratch::~Scratch() {
  std::free(in);
  std::free(plain);
  std::free(out);
}

bool Scratch::ready() noexcept {
  if (!in) in = static_cast<char*>(std::malloc(kIn));
  if (!plain) plain = static_cast<char*>(std::malloc(kPlain));
  if (!out && (out = static_cast<char*>(std::malloc(kOut)))) outRoom = kOut;
  return in && plain && out;
}

// The functions of the BIO.
struct Wire {
  static Session& of(BIO* bio) noexcept { return *static_cast<Session*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int size) noexcept {
    Session& session = of(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    if (session.sealed_ == session.sealedEnd_ && !session.refill(static_cast<size_t>(size))) {
      if (session.cut_) return 0;
      if (session.wireError_ == 0) BIO_set_retry_read(bio);
      return -1;
    }
    return static_cast<int>(session.takeSealed(to, static_cast<size_t>(size)));
  }

  static int write(BIO* bio, const char* data, int size) noexcept {
    BIO_clear_retry_flags(bio);
    return size > 0 && of(bio).putSealed(data, static_cast<size_t>(size)) ? size : -1;
  }

  static long control(BIO* bio, int command, long, void*) noexcept {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return of(bio).cut_;
    }
    return 0;
  }

  static BIO_METHOD* method() noexcept {
    static BIO_METHOD* const made = []() -> BIO_METHOD* {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stackful");
      if (!m) return nullptr;
      BIO_meth_set_read(m, read);
      BIO_meth_set_write(m, write);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return made;
  }
};

bool connectWire(Session& session, SSL* ssl) noexcept {
  BIO_METHOD* const method = Wire::method();
  BIO* const bio = method ? BIO_new(method) : nullptr;
  if (!bio) return false;
  BIO_set_data(bio, &session);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return true;
}

// One recv. False when there is nothing to be had: then cut_, wireError_ or kWireDrained says why.
bool Session::refill(size_t wanted) noexcept {
  std::free(in_);
  in_ = nullptr;
  sealed_ = sealedEnd_ = nullptr;
  if (cut_ || wireError_ != 0 || (socket_.flags & net::kWireDrained)) return false;
  // As much as the caller will take, and its records' own bytes: what is left over has to be kept.
  const size_t most = std::min(Scratch::kIn, std::max({wanted, wanted_ + wanted_ / 64, kLeastReceived}));
  const ssize_t n = net::kernel::receive(socket_.fd, scratch_.in, most);
  if (n > 0) {
    if (static_cast<size_t>(n) < most && (socket_.flags & net::kTrustShort))
      socket_.flags |= net::kWireDrained;
    sealed_ = scratch_.in;
    sealedEnd_ = scratch_.in + n;
    return true;
  }
  if (n == 0 && (socket_.flags & net::kReadShut)) {
    // By this side: the stream is not cut off, and can still be ended in good order.
    shut_ = true;
  } else if (n == 0) {
    cut_ = true;
  } else if (n == -EAGAIN) {
    socket_.flags |= net::kWireDrained;
  } else {
    wireError_ = static_cast<int32_t>(n);
  }
  return false;
}

size_t Session::takeSealed(char* to, size_t size) noexcept {
  const size_t n = std::min(size, static_cast<size_t>(sealedEnd_ - sealed_));
  std::memcpy(to, sealed_, n);
  sealed_ += n;
  return n;
}

// Before the scratch buffer is another session's. False when there is no memory: what was received is lost.
bool Session::stashInput() noexcept {
  const auto left = static_cast<size_t>(sealedEnd_ - sealed_);
  if (left == 0) {
    std::free(in_);
    in_ = nullptr;
    sealed_ = sealedEnd_ = nullptr;
    return true;
  }
  if (in_) return true;
  in_ = static_cast<char*>(std::malloc(left));
  if (!in_) return false;
  std::memcpy(in_, sealed_, left);
  sealed_ = in_;
  sealedEnd_ = in_ + left;
  return true;
}

bool Session::putSealed(const char* data, size_t size) noexcept {
  Scratch& s = scratch_;
  if (size > s.outRoom - s.outLength) {
    const size_t room = 2 * (s.outLength + size);
    auto* grown = static_cast<char*>(std::realloc(s.out, room));
    if (!grown) return false;
    s.out = grown;
    s.outRoom = room;
  }
  std::memcpy(s.out + s.outLength, data, size);
  s.outLength += size;
  return true;
}

// What the last calls of OpenSSL have written goes out, behind what is still there from before, or is kept: 0, -EAGAIN when
// something is left, -errno.
int Session::sendSealed() noexcept {
  const size_t fresh = std::exchange(scratch_.outLength, 0);
  if (fresh == 0) return out_ ? flush() : 0;
  size_t sent = 0;
  while (!out_ && !(socket_.flags & net::kFull)) {
    const ssize_t n = net::kernel::transmit(socket_.fd, scratch_.out + sent, fresh - sent);
    if (n < 0 && n != -EAGAIN) return static_cast<int>(n);
    if (n > 0) sent += static_cast<size_t>(n);
    if (sent == fresh) return 0;
    if (n < 0 || (socket_.flags & net::kTrustShort)) socket_.flags |= net::kFull;
  }
  const size_t kept = outEnd_ - outAt_;
  auto* all = static_cast<char*>(std::malloc(kept + fresh - sent));
  if (!all) return -ENOMEM;
  if (out_) std::memcpy(all, out_ + outAt_, kept);
  std::memcpy(all + kept, scratch_.out + sent, fresh - sent);
  std::free(out_);
  out_ = all;
  outAt_ = 0;
  outEnd_ = kept + fresh - sent;
  return -EAGAIN;
}

// What is still there from before goes out: 0 when all of it has.
int Session::flush() noexcept {
  while (out_) {
    const size_t left = outEnd_ - outAt_;
    const ssize_t n = net::kernel::transmit(socket_.fd, out_ + outAt_, left);
    if (n < 0) {
      if (n == -EAGAIN) socket_.flags |= net::kFull;
      return static_cast<int>(n);
    }
    outAt_ += static_cast<size_t>(n);
    if (outAt_ == outEnd_) {
      std::free(out_);
      out_ = nullptr;
      outAt_ = outEnd_ = 0;
      credit_ += std::exchange(owed_, 0);
    } else {
      // As large a part counts as taken. All but one byte at most: that one says that something is left.
      const size_t taken = std::min(owed_ * static_cast<size_t>(n) / left, owed_ > 0 ? owed_ - 1 : 0);
      owed_ -= taken;
      credit_ += taken;
    }
  }
  return 0;
}

}  // namespace stackful::tls
