#include "../../native/stack/stack_memory.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <vector>

using namespace stackful::stack;

namespace {

constexpr size_t kKiB = 1024;

// Does writing there end a process?
bool isGuarded(char* at) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);  // not to be reported
    *static_cast<volatile char*>(at) = 1;
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

int mappings() {
  int lines = 0;
  FILE* file = fopen("/proc/self/maps", "re");
  for (int c; (c = fgetc(file)) != EOF;) lines += c == '\n';
  fclose(file);
  return lines;
}

struct BestGuard {
  ~BestGuard() { useGuard(Guard::kUndecided); }
};

struct NoBudget {
  ~NoBudget() { StackBudget::setLimit(SIZE_MAX / 2); }
};

}  // namespace

TEST_CASE("a released stack is the next to be handed out, with its record as it was left") {
  StackPool pool;
  const Stack first = pool.allocate(256 * kKiB), second = pool.allocate(256 * kKiB);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first.size() + kGuardBytes == 256 * kKiB);
  CHECK(reinterpret_cast<uintptr_t>(first.end) % kPage == 0);
  for (size_t i = 0; i < kRecordBytes; ++i) REQUIRE(first.record[i] == 0);
  memset(first.record, 7, kRecordBytes);
  pool.release(second);
  pool.release(first);
  CHECK(pool.stats().pooled == 2);
  const Stack again = pool.allocate(200 * kKiB);
  CHECK(again.base == first.base);
  CHECK(again.record[kRecordBytes - 1] == 7);
  CHECK(pool.allocate(256 * kKiB).base == second.base);
  CHECK(pool.stats().live == 2);
  CHECK(pool.stats().pooled == 0);
}

TEST_CASE("stacks of one size do not overlap, nor do their records") {
  StackPool pool;
  std::vector<Stack> all;
  // More than an arena holds.
  for (int i = 0; i < 300; ++i) {
    all.push_back(pool.allocate(256 * kKiB));
    REQUIRE(all.back());
    memset(all.back().end - 64, i, 64);
    memset(all.back().record, i, kRecordBytes);
  }
  for (int i = 0; i < 300; ++i) {
    REQUIRE(static_cast<unsigned char>(*(all[i].end - 1)) == i % 256);
    REQUIRE(static_cast<unsigned char>(all[i].record[kRecordBytes - 1]) == i % 256);
    const bool live = noteOf(all[i].record).live;
    REQUIRE(live);
  }
}

TEST_CASE("sizes: the smallest and the largest work, more than that is refused") {
  StackPool pool;
  CHECK(pool.allocate(1).size() + kGuardBytes == kSmallestStack);
  const Stack large = pool.allocate(kLargestStack);
  REQUIRE(large);
  CHECK(large.size() + kGuardBytes == kLargestStack);
  *large.base = *(large.end - 1) = 1;
  CHECK_FALSE(pool.allocate(kLargestStack + 1));
  CHECK_FALSE(pool.allocate(SIZE_MAX));
  CHECK(pool.stats().live == 2);
}

TEST_CASE("below a stack lies a guard, of the best kind or of the one that is asked for") {
  BestGuard best;
  for (Guard kind : {Guard::kUndecided, Guard::kProtect}) {
    useGuard(kind);
    StackPool pool;
    const Stack first = pool.allocate(64 * kKiB), second = pool.allocate(64 * kKiB);
    CHECK(guardInUse() != Guard::kUndecided);
    CHECK(isGuarded(second.base - 1));
    CHECK(isGuarded(second.base - kGuardBytes));
    CHECK_FALSE(isGuarded(second.base));
    CHECK_FALSE(isGuarded(first.end - 1));
  }
  CHECK(useGuardNamed("none"));
  StackPool pool;
  CHECK_FALSE(isGuarded(pool.allocate(64 * kKiB).base - 1));
  CHECK(strcmp(guardName(), "none") == 0);
  CHECK_FALSE(useGuardNamed("some"));
}

TEST_CASE("guards made by mprotect leave the process most of its mappings, and come back with their arenas") {
  BestGuard best;
  useGuard(Guard::kProtect);
  const int before = mappings();
  for (int round = 0; round < 2; ++round) {
    StackPool pool;
    Stack stack;
    for (size_t i = 0; i < kMostProtected + 500; ++i) {
      stack = pool.allocate(64 * kKiB);
      REQUIRE(stack);
      if (i == 0) CHECK(isGuarded(stack.base - 1));
    }
    CHECK_FALSE(isGuarded(stack.base - 1));
    CHECK(mappings() - before < static_cast<int>(2 * kMostProtected + 500));
  }
  CHECK(mappings() - before < 100);
}

TEST_CASE("past the budget of the process nothing is handed out, by no pool") {
  NoBudget none;
  const size_t before = StackBudget::used();
  {
    StackPool pool, other;
    StackBudget::setLimit(before + 20 * (kPage + kRecordStride));
    std::vector<Stack> all;
    while (const Stack stack = pool.allocate(64 * kKiB)) all.push_back(stack);
    CHECK(all.size() == 20);
    CHECK(pool.stats().live == 20);
    CHECK(pool.stats().residentBytes == 20 * (kPage + kRecordStride));
    CHECK_FALSE(other.allocate(64 * kKiB));
    // Those that are free again cost nothing new.
    pool.release(all.back());
    CHECK(pool.allocate(64 * kKiB).base == all.back().base);
    CHECK_FALSE(pool.allocate(64 * kKiB));
    StackBudget::setLimit(before + 21 * (kPage + kRecordStride));
    CHECK(other.allocate(64 * kKiB));
  }
  CHECK(StackBudget::used() == before);
}

TEST_CASE(
    "before the budget refuses, pages of pooled stacks of any size are given back, and no more than needed") {
  NoBudget none;
  StackPool pool;
  std::vector<Stack> all;
  for (int i = 0; i < 4; ++i) all.push_back(pool.allocate(64 * kKiB));
  for (const Stack& stack : all) {
    stack.end[-1] = 1;
    pool.release(stack);
  }
  StackBudget::setLimit(StackBudget::used());
  const Stack other = pool.allocate(256 * kKiB);  // a page and a record: two of the four
  REQUIRE(other);
  CHECK(StackBudget::used() <= StackBudget::limit());
  CHECK(all[0].end[-1] == 0);
  CHECK(all[1].end[-1] == 0);
  CHECK(all[2].end[-1] == 1);
  CHECK(pool.stats().trimmedBytes == 2 * kPage);
  // With all of them empty, one more is refused, until another one is released.
  const Stack third = pool.allocate(256 * kKiB);
  CHECK(pool.allocate(256 * kKiB));
  CHECK_FALSE(pool.allocate(256 * kKiB));
  pool.release(third);
  CHECK(pool.allocate(64 * kKiB));
  CHECK_FALSE(pool.allocate(64 * kKiB));
}

TEST_CASE("before the budget refuses, the relief hook is called to give memory back") {
  NoBudget none;
  StackPool pool;
  struct Asked {
    int times = 0;
  } asked;
  pool.setRelief(
      [](void* context) {
        if (++static_cast<Asked*>(context)->times == 2) StackBudget::setLimit(SIZE_MAX / 2);
      },
      &asked);
  StackBudget::setLimit(StackBudget::used());
  CHECK_FALSE(pool.allocate(64 * kKiB));
  CHECK(pool.allocate(64 * kKiB));
  CHECK(asked.times == 2);
}
