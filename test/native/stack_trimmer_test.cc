#include "../../native/stack/stack_trimmer.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "environment.h"

using namespace stackful;
using namespace stackful::stack;
using test::Environment;

namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kSize = 256 * kKiB;

// As far down as a stack pointer is, for stacks that are not running.
const char* pointer = nullptr;

void pass(StackTrimmer& trimmer) {
  while (!trimmer.step()) {
  }
}

void touch(const Stack& stack, size_t bytes) {
  memset(stack.end - bytes, 1, bytes);
}

// A frame of a kilobyte or more for each level, all of it used.
[[gnu::noinline]] int descend(int levels) {
  volatile char frame[kKiB];
  for (size_t i = 0; i < sizeof frame; ++i) frame[i] = static_cast<char>(levels);
  return (levels == 0 ? 0 : descend(levels - 1)) + frame[levels % kKiB];
}

}  // namespace

TEST_CASE("a pooled stack gives its pages back at the second pass that finds it unused") {
  StackPool pool;
  StackTrimmer trimmer(pool, [](const char*) { return pointer; });
  Stack stack = pool.allocate(kSize);
  touch(stack, 100 * kKiB);
  pool.release(stack);
  pass(trimmer);
  CHECK(residentUse(stack) == 100 * kKiB);
  CHECK(pool.stats().residentBytes == 100 * kKiB + kRecordStride);
  CHECK(trimmer.candidates() == 1);
  // Used in between: it begins anew.
  CHECK(pool.allocate(kSize).base == stack.base);
  touch(stack, 80 * kKiB);
  pool.release(stack);
  touch(stack, 100 * kKiB);
  pass(trimmer);
  CHECK(residentUse(stack) == 100 * kKiB);
  pass(trimmer);
  CHECK(residentUse(stack) == 0);
  CHECK(pool.stats().residentBytes == kRecordStride);
  CHECK(pool.stats().trimmedBytes == 100 * kKiB);
  pass(trimmer);
  CHECK(trimmer.candidates() == 0);
  // It is still a stack.
  CHECK(pool.allocate(kSize).base == stack.base);
  CHECK(pool.stats().residentBytes == kPage + kRecordStride);
  touch(stack, stack.size());
}

TEST_CASE(
    "a live stack keeps what is in use, a page below it, and its guard; its high-water mark stays known") {
  StackPool pool;
  StackTrimmer trimmer(pool, [](const char*) { return pointer; });
  const Stack stack = pool.allocate(kSize);
  memset(stack.base, 2, stack.size());
  pointer = stack.end - 10 * kKiB;
  pass(trimmer);
  pass(trimmer);
  // 10.5 KB are three pages.
  CHECK(residentUse(stack) == 16 * kKiB);
  CHECK(stack.end[-10 * 1024] == 2);
  CHECK(deepestUse(stack) == stack.size());
  CHECK(pool.stats().residentBytes == 16 * kKiB + kRecordStride);
  memset(stack.base, 3, stack.size());
  pool.release(stack);
  trimmer.relieve();
  CHECK(residentUse(stack) == 0);
  CHECK(deepestUse(pool.allocate(kSize)) == 0);
}

TEST_CASE("a pass goes through all sizes and arenas in bounded steps, and skips what is shallow") {
  StackPool pool;
  StackTrimmer trimmer(pool, [](const char*) { return pointer; });
  std::vector<Stack> all;
  for (int i = 0; i < 600; ++i) all.push_back(pool.allocate(64 * kKiB << i % 5));
  for (const Stack& stack : all) touch(stack, 40 * kKiB);
  for (const Stack& stack : all) pool.release(stack);
  int steps = 1;
  while (!trimmer.step()) ++steps;
  CHECK(steps > 5);
  CHECK(trimmer.candidates() == 600);
  pass(trimmer);
  CHECK(trimmer.candidates() == 0);
  for (const Stack& stack : all) REQUIRE(residentUse(stack) == 0);
  CHECK(pool.stats().residentBytes == 600 * kRecordStride);
}

TEST_CASE("near the budget a stack is handed out again without the pages of its last owner") {
  struct NoBudget {
    ~NoBudget() { StackBudget::setLimit(SIZE_MAX / 2); }
  } none;
  StackPool pool;
  StackTrimmer trimmer(pool, [](const char*) -> const char* { return nullptr; });
  constexpr size_t kEach = kPage + kRecordStride, kDeep = 3 * kPage;
  const size_t before = StackBudget::used();
  const Stack stack = pool.allocate(64 * kKiB);
  memset(stack.end - kDeep, 1, kDeep);
  pool.release(stack);
  pass(trimmer);  // notes three pages
  CHECK(StackBudget::used() == before + kRecordStride + kDeep);
  StackBudget::setLimit(2 * StackBudget::used());
  REQUIRE(pool.allocate(64 * kKiB).base == stack.base);
  CHECK(StackBudget::used() == before + kRecordStride + kDeep);
  CHECK(stack.end[-1] == 1);
  pool.release(stack);
  StackBudget::setLimit(StackBudget::used());
  REQUIRE(pool.allocate(64 * kKiB).base == stack.base);
  CHECK(StackBudget::used() == before + kEach);
  CHECK(stack.end[-1] == 0);
}

TEST_CASE("parked coroutines that were deep give memory back and go on as if nothing had been") {
  Environment e;
  REQUIRE(e.opened);
  StackTrimmer trimmer(e.stacks, sched::stackPointerOf);
  constexpr int kCount = 20, kDepth = 60;
  int right = 0;
  std::vector<sched::Coroutine*> all;
  for (int i = 0; i < kCount; ++i) {
    all.push_back(e.go([&, i] {
      char local[64];
      snprintf(local, sizeof local, "coroutine %d", i);
      const int first = descend(kDepth);
      e.scheduler.park({sched::ParkKind::kOther, -1, 0});
      const int second = descend(kDepth);
      char expected[64];
      snprintf(expected, sizeof expected, "coroutine %d", i);
      right += first == second && strcmp(local, expected) == 0;
    }));
  }
  e.scheduler.runBatch(test::kMs * 1000);
  size_t deep = 0, shallow = 0;
  for (auto* c : all) deep += residentUse(c->execution.stack);
  CHECK(deep > kCount * kDepth * kKiB);
  pass(trimmer);
  pass(trimmer);
  for (auto* c : all) {
    shallow += residentUse(c->execution.stack);
    CHECK(deepestUse(c->execution.stack) > kDepth * kKiB);
  }
  // Sanitizers make frames larger than a page.
  CHECK(shallow < deep / 4);
  // Before memory is refused, the page that the next run will touch again goes, too.
  size_t least = 0;
  trimmer.relieve();
  for (auto* c : all) least += residentUse(c->execution.stack);
  CHECK(least < shallow);
  for (auto* c : all) CHECK(e.scheduler.wake(c, 0));
  CHECK(e.run());
  CHECK(right == kCount);
}

TEST_CASE("a stack that runs is looked at and not touched") {
  Environment e;
  REQUIRE(e.opened);
  StackTrimmer trimmer(e.stacks, sched::stackPointerOf);
  bool kept = false;
  e.go([&] {
    descend(60);
    e.scheduler.yieldNow();
    const size_t before = residentUse(e.scheduler.running()->execution.stack);
    trimmer.relieve();
    kept = residentUse(e.scheduler.running()->execution.stack) >= before;
  });
  CHECK(e.run());
  CHECK(kept);
}
