// One environment on this thread, with the engine without V8. Net and disk tests run in it.
#pragma once

#include <set>
#include <utility>

#include "../../native/net/poller.h"
#include "../../native/pool/pool.h"
#include "../../native/sched/scheduler.h"

namespace stackful::test {

struct Environment {
  static constexpr size_t kStackBytes = size_t{256} << 10;
  // Tests expect that whatever is ready has its turn in one batch, on a slow machine under a sanitizer also.
  static constexpr int64_t kTurnNs = 500'000'000;

  engine::Engine engine;
  stack::StackPool stacks;
  sched::Scheduler scheduler{engine, stacks};
  net::Poller poller{scheduler};
  pool::Pool pool{scheduler};
  bool opened = false;

  struct Start {
    Environment* environment;
    explicit Start(Environment* e) : environment(e) {}
    virtual ~Start() = default;
    virtual void run() = 0;
  };
  std::set<Start*> starts;

  Environment() {
    opened =
        poller.open() == 0 && pool.open(poller.signalFd()) == 0 && poller.addDrain(pool::Pool::drain, &pool);
  }

  // In the order that a host's teardown must keep: what holds pointers into stacks drops them before the stacks go.
  ~Environment() {
    pool.shutdown();
    poller.closeAll();
    scheduler.shutdown();
    for (Start* start : starts) delete start;
  }

  // Runs `body` as a coroutine.
  template <class Body>
  sched::Coroutine* go(Body body) {
    struct BodyStart final : Start {
      Body body;
      BodyStart(Environment* e, Body&& b) : Start(e), body(std::move(b)) {}
      void run() override { body(); }
    };
    Start* start = *starts.insert(new BodyStart(this, std::move(body))).first;
    return scheduler.spawn(
        kStackBytes,
        [](void* argument) {
          auto* start = static_cast<Start*>(argument);
          Environment* environment = start->environment;
          start->run();
          environment->starts.erase(start);
          delete start;
          environment->scheduler.finish();
        },
        start);
  }

  // One turn of a host's loop, waiting at most `waitMs`. False when nothing can ever happen any more.
  bool turn(int waitMs) {
    if (scheduler.runBatch(kTurnNs)) return true;
    if (scheduler.externalWaits() == 0) return false;
    poller.poll(waitMs);
    return true;
  }

  // Until every coroutine has ended: true; false when they are stuck (or take longer than a minute).
  bool run() {
    const int64_t limit = sched::monotonicNow() + 60'000'000'000;
    while (scheduler.live() > 0) {
      if ((!turn(1000) && scheduler.live() > 0) || sched::monotonicNow() > limit) return false;
    }
    return true;
  }
};

// ThreadSanitizer knows 8,128 threads and fibers at most, and takes milliseconds to make one.
#if defined(__SANITIZE_THREAD__)
#define STACKFUL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STACKFUL_TSAN 1
#endif
#endif
#if STACKFUL_TSAN
inline constexpr uint32_t kMany = 300;
#else
inline constexpr uint32_t kMany = 10'000;
#endif

inline constexpr int64_t kMs = 1'000'000;

inline sched::Deadline in(int64_t milliseconds) {
  return sched::monotonicNow() + milliseconds * kMs;
}

}  // namespace stackful::test
