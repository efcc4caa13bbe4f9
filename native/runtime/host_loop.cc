#include "host_loop.h"

namespace stackful::runtime {
namespace {

template <class Handle>
uv_handle_t* handle(Handle& h) noexcept {
  return reinterpret_cast<uv_handle_t*>(&h);
}

}  // namespace

bool HostLoop::open(uv_loop_t* loop) noexcept {
  if (!loop || uv_poll_init(loop, &poll_, poller_.fd()) != 0) return false;
  loop_ = loop;
  uv_idle_init(loop, &busy_);
  uv_idle_init(loop, &sleepless_);
  uv_prepare_init(loop, &prepare_);
  poll_.data = busy_.data = sleepless_.data = prepare_.data = this;
  openHandles_ = 4;
  uv_unref(handle(poll_));
  uv_unref(handle(sleepless_));
  uv_unref(handle(prepare_));
  uv_prepare_start(&prepare_, [](uv_prepare_t* h) {
    auto* self = static_cast<HostLoop*>(h->data);
    if (self->engine_.hasLeftNested()) [[unlikely]]
      self->turn_(self->context_);
    if (self->mode_ == Mode::kOurs) self->beforeWait();
  });
  watchPoller();
  return true;
}

void HostLoop::watchPoller() noexcept {
  if (suspended_) return;
  uv_poll_start(&poll_, UV_READABLE,
                [](uv_poll_t* h, int, int) { static_cast<HostLoop*>(h->data)->onReadable(); });
}

void HostLoop::close(void (*closed)(void*)) noexcept {
  closed_ = closed;
  const auto onClose = [](uv_handle_t* h) {
    auto* self = static_cast<HostLoop*>(h->data);
    if (--self->openHandles_ == 0) self->closed_(self->context_);
  };
  mode_ = Mode::kClosed;
  uv_close(handle(poll_), onClose);
  uv_close(handle(busy_), onClose);
  uv_close(handle(sleepless_), onClose);
  uv_close(handle(prepare_), onClose);
}

void HostLoop::setBusy(bool busy) noexcept {
  if (busy == isBusy_) return;
  isBusy_ = busy;
  if (busy) {
    startBusy();
  } else {
    uv_idle_stop(&busy_);
  }
}

void HostLoop::startBusy() noexcept {
  uv_idle_start(&busy_, [](uv_idle_t* h) {
    auto* self = static_cast<HostLoop*>(h->data);
    self->run_(self->context_);
  });
}

void HostLoop::suspend() noexcept {
  suspended_ = true;
  uv_idle_stop(&busy_);
  uv_poll_stop(&poll_);
}

void HostLoop::endSuspension() noexcept {
  suspended_ = false;
  if (isBusy_) startBusy();
  if (mode_ == Mode::kLibuv || mode_ == Mode::kLibuvOnly) watchPoller();
}

void HostLoop::keepAlive(bool alive) noexcept {
  if (alive == isAlive_) return;
  isAlive_ = alive;
  alive ? uv_ref(handle(prepare_)) : uv_unref(handle(prepare_));
}

void HostLoop::onReadable() noexcept {
  run_(context_);
  if (mode_ != Mode::kLibuv) return;
  // A loop that is run without waiting (UV_RUN_NOWAIT) does not sleep, and must not.
  const uint64_t idle = uv_metrics_idle_time(loop_);
  streak_ = idle > idleSeen_ ? streak_ + 1 : 0;
  idleSeen_ = idle;
  if (streak_ >= kToTakeOver) takeOver();
}

void HostLoop::takeOver() noexcept {
  streak_ = 0;
  if (!idleTime_.found() && !idleTime_.find(loop_)) {
    mode_ = Mode::kLibuvOnly;
    return;
  }
  // In this order: two epoll sets cannot watch each other.
  uv_poll_stop(&poll_);
  if (poller_.watchHost(uv_backend_fd(loop_)) != 0) {
    mode_ = Mode::kLibuvOnly;
    return watchPoller();
  }
  mode_ = Mode::kOurs;
  keepSleepless();
}

void HostLoop::keepSleepless() noexcept {
  uv_idle_start(&sleepless_, [](uv_idle_t*) {});
}

void HostLoop::giveBack() noexcept {
  mode_ = Mode::kLibuv;
  streak_ = 0;
  uv_idle_stop(&sleepless_);
  poller_.unwatchHost();
  // The next wait is not by the poller, which would do it itself.
  poller_.arm();
  watchPoller();
}

void HostLoop::beforeWait() noexcept {
  // The loop is run from inside JavaScript, perhaps by a caller that does not want it to wait.
  if (engine_.inJavaScript()) return giveBack();
  for (int waits = 1; mode_ == Mode::kOurs; ++waits) {
    // Not in the way of the answer.
    uv_idle_stop(&sleepless_);
    const int timeout = uv_backend_timeout(loop_);
    keepSleepless();
    if (wait(timeout) == 0) {
      if (timeout != 0 && ++streak_ == kToGiveBack) giveBack();
      return;
    }
    streak_ = 0;
    const bool again = timeout != 0 && !poller_.hostReady() && waits < kMostWaits;
    if (again) poller_.expectWait();
    run_(context_);
    if (!again) return;
  }
}

int HostLoop::wait(int timeoutMs) noexcept {
  if (timeoutMs == 0) return poller_.poll(0);
  isolate_->SetIdle(true);
  idleTime_.begin(uv_hrtime());
  const int ready = poller_.poll(timeoutMs);
  idleTime_.end(uv_hrtime());
  isolate_->SetIdle(false);
  uv_update_time(loop_);
  return ready;
}

}  // namespace stackful::runtime
