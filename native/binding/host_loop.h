// The coroutines' place in Node's event loop: when batches run, what keeps the loop alive, and who waits for events.
//
// At first libuv waits, and among its descriptors is our epoll set. A wake-up of a coroutine then costs two rounds of its
// epoll set around one of ours, and one to see that nothing else has come: as much as the rest of a small request, when
// clients are few and each wake-up is for one of them. So, as soon as the loop is seen to sleep between batches, this waits
// itself, before libuv's own turn to do so: in our epoll set, which then has libuv's descriptor in it (uv_backend_fd is
// made for that), and for as long as libuv would (uv_backend_timeout). With one connection that saves a request 3 us of 25.
// libuv goes on with everything it has as soon as it has anything, and every kMostWaits waits in any case.
//
// performance.eventLoopUtilization() is told: what libuv counts as idle, this adds to. Where its counter is not found,
// libuv waits.
#pragma once

#include <uv.h>
#include <v8.h>

#include <cstdint>

#include "../engine/engine.h"
#include "../net/poller.h"
#include "idle_time.h"

namespace stackful::binding {

class HostLoop {
 public:
  // `run(context)` runs a batch, on the main stack.
  HostLoop(v8::Isolate* isolate, engine::Engine& engine, net::Poller& poller, void (*run)(void*),
           void* context) noexcept
      : isolate_(isolate), engine_(engine), poller_(poller), run_(run), context_(context) {}

  // False when there is no loop.
  bool open(uv_loop_t* loop) noexcept;
  // `closed(context)` comes later, once the loop has let go.
  void close(void (*closed)(void*)) noexcept;

  // There is work: the loop does not wait, and runs a batch each turn.
  void setBusy(bool busy) noexcept;
  // Whether waiting for coroutines' events keeps the loop alive.
  void keepAlive(bool alive) noexcept;

 private:
  // Batches that libuv has woken us for, and slept before each of them, until we wait; waits in a row that were not for
  // coroutines until libuv does again.
  static constexpr uint32_t kToTakeOver = 8, kToGiveBack = 64;
  // Until libuv has a turn in any case: what it does between two waits is not only for events.
  static constexpr int kMostWaits = 32;

  void onReadable() noexcept;
  void beforeWait() noexcept;
  int wait(int timeoutMs) noexcept;
  void takeOver() noexcept;
  void giveBack() noexcept;
  void watchPoller() noexcept;
  void keepSleepless() noexcept;

  v8::Isolate* isolate_;
  engine::Engine& engine_;
  net::Poller& poller_;
  void (*run_)(void*);
  void* context_;
  void (*closed_)(void*) = nullptr;
  uv_loop_t* loop_ = nullptr;
  uv_poll_t poll_;        // while libuv waits
  uv_idle_t busy_;        // runs batches
  uv_prepare_t prepare_;  // right before libuv's turn to wait; also what keeps the loop alive
  uv_idle_t sleepless_;   // while we wait: keeps libuv from doing it
  IdleTime idleTime_;
  uint64_t idleSeen_ = 0;  // ns, at the last batch that libuv has woken us for
  uint32_t streak_ = 0;    // towards kToTakeOver, or kToGiveBack
  int openHandles_ = 0;
  bool isBusy_ = false;
  bool isAlive_ = false;
  bool waits_ = false;   // we do, not libuv
  bool mayWait_ = true;  // false once it has turned out to be impossible
};

}  // namespace stackful::binding
