#include "../../native/sched/time_slices.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>

#include "../../native/sched/clock.h"
#include "environment.h"

using namespace stackful;
using namespace stackful::sched;
using test::Environment;

// The thread reads, on purpose, data that the scheduler's thread writes without synchronisation.
#ifndef __SANITIZE_THREAD__

namespace {

constexpr int64_t kPatienceNs = 20'000'000'000;
// The thread sleeps by then if it may. A thread that does not makes the test easier to pass.
constexpr useconds_t kLongIdleUs = 50'000;

}  // namespace

TEST_CASE("a time slice ends whenever its batch begins: at once, late, and after the thread has slept") {
  Environment e;
  REQUIRE(e.opened);
  std::atomic<int> requests{0};
  TimeSlices slices(
      e.scheduler, [](void* count) { ++*static_cast<std::atomic<int>*>(count); }, &requests);
  for (const useconds_t beforeUs : {useconds_t{0}, useconds_t{0}, kLongIdleUs}) {
    for (const useconds_t betweenUs : {useconds_t{0}, kLongIdleUs}) {
      requests = 0;
      Coroutine* c = e.go([&] {
        const int64_t end = monotonicNow() + kPatienceNs;
        while (requests == 0 && monotonicNow() < end)
          ;
      });
      REQUIRE(slices.give(c, 1'000'000));
      usleep(beforeUs);
      slices.batchBegins();
      // The system takes the thread away here, in the middle of what begins a batch.
      usleep(betweenUs);
      e.scheduler.runBatch(kPatienceNs);
      slices.batchEnds();
      CHECK(requests > 0);
    }
  }
}

#endif
