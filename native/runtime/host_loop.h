// The coroutines' place in Node's event loop: when batches run, what keeps the loop alive, and which side waits for events.
//
// Who waits is the Mode:
//
//   kLibuv      libuv waits; among its descriptors is our epoll set (poll_).
//                 kToTakeOver batches in a row, before each of which it has slept -> kOurs
//                 its count of idle time is not found, or our epoll set does not take its descriptor -> kLibuvOnly
//   kOurs       We wait, right before libuv's turn to (beforeWait); in our epoll set is libuv's descriptor. sleepless_ keeps
//               libuv from waiting.
//                 kToGiveBack waits in a row that were not for coroutines -> kLibuv
//                 the loop is run from inside JavaScript, perhaps by code that does not want it to wait -> kLibuv
//   kLibuvOnly  As kLibuv, for good.
//   kClosed     From any, by close.
//
// Independent of the mode: isBusy_ (there is work for a batch in every turn), suspended_ (no batch can run, so the loop looks
// neither for work nor for events, in any mode), isAlive_ (what coroutines wait for keeps the loop alive).
//
// Why we wait: with kLibuv a wake-up of a coroutine costs two rounds of its epoll set around one of ours, and one to see that
// nothing else has come: as much as the rest of a small request, when clients are few and each wake-up is for one of them. So
// we do, as soon as the loop is seen to sleep between batches, with libuv's descriptor in our epoll set (uv_backend_fd is made
// for that), and for as long as libuv would (uv_backend_timeout). With one connection that saves a request 3 us of 25. libuv
// goes on with everything it has as soon as it has anything, and every kMostWaits waits in any case.
//
// performance.eventLoopUtilization() is told: we add to what libuv counts as idle.
#pragma once

#include <uv.h>
#include <v8.h>

#include <cstdint>

#include "../engine/engine.h"
#include "../net/poller.h"
#include "idle_time.h"

namespace stackful::runtime {

class HostLoop {
 public:
  // `run(context)` runs a batch, on the main stack. `turn(context)` is called in every turn of the loop, before it
  // waits, once a coroutine has parked below C++ of others.
  HostLoop(v8::Isolate* isolate, engine::Engine& engine, net::Poller& poller, void (*run)(void*),
           void (*turn)(void*), void* context) noexcept
      : isolate_(isolate), engine_(engine), poller_(poller), run_(run), turn_(turn), context_(context) {}

  // False when there is no loop.
  bool open(uv_loop_t* loop) noexcept;
  // `closed(context)` comes later, once the loop has let go.
  void close(void (*closed)(void*)) noexcept;

  // There is work: the loop does not wait, and runs a batch each turn.
  void setBusy(bool busy) noexcept;
  // A coroutine runs the loop, by native code such as deasync's: no batch can run until it is through, and the loop must not
  // find work or events for one in every turn. Until resume(), which the end of the batch that this happened in calls.
  void suspend() noexcept;
  void resume() noexcept {
    if (suspended_) [[unlikely]]
      endSuspension();
  }
  // Whether waiting for coroutines' events keeps the loop alive.
  void keepAlive(bool alive) noexcept;

 private:
  // Batches that libuv has woken us for, and slept before each of them, until we wait; waits in a row that were not for
  // coroutines until libuv does again.
  static constexpr uint32_t kToTakeOver = 8, kToGiveBack = 64;
  // Until libuv has a turn in any case: what it does between two waits is not only for events.
  static constexpr int kMostWaits = 32;

  enum class Mode : uint8_t { kLibuv, kOurs, kLibuvOnly, kClosed };

  void startBusy() noexcept;
  void endSuspension() noexcept;
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
  void (*turn_)(void*);
  void* context_;
  void (*closed_)(void*) = nullptr;
  uv_loop_t* loop_ = nullptr;
  uv_poll_t poll_;        // active while libuv waits, unless suspended
  uv_idle_t busy_;        // runs batches
  uv_prepare_t prepare_;  // right before libuv's turn to wait; also what keeps the loop alive
  uv_idle_t sleepless_;   // while we wait: keeps libuv from doing it
  IdleTime idleTime_;
  uint64_t idleSeen_ = 0;  // ns, at the last batch that libuv has woken us for
  uint32_t streak_ = 0;    // towards kToTakeOver, or kToGiveBack
  int openHandles_ = 0;
  Mode mode_ = Mode::kLibuv;
  bool isBusy_ = false;
  bool suspended_ = false;
  bool isAlive_ = false;
};

}  // namespace stackful::runtime
