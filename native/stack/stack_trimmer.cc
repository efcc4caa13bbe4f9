#include "stack_trimmer.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "size_class.h"

#if defined(__clang__) || defined(__GNUC__)
// The marks go where frames were, whose shadow a sanitizer may still have.
#define STACKFUL_UNSANITIZED __attribute__((no_sanitize("address", "thread")))
#endif

namespace stackful::stack {
namespace {

// Below the stack pointer of a stack that is not running: what visits to it need (256 bytes; see Engine::visit), and, unless
// memory is about to be refused, one page more, because V8's runtime functions go 800 bytes deeper than the frames that park,
// on every resume; taking that page from a coroutine that runs now and then would cost a fault (1.4 us) each time.
constexpr size_t kSlack = 512;
constexpr size_t kKeptPages = 1;

constexpr size_t kMarks = 4;

volatile uint64_t* mark(char* page, size_t i) noexcept {
  return reinterpret_cast<volatile uint64_t*>(page + (2 * i + 1) * (kPage / (2 * kMarks)));
}

uint64_t markValue(const volatile uint64_t* at) noexcept {
  return reinterpret_cast<uint64_t>(at) * 0x9e3779b97f4a7c15;
}

STACKFUL_UNSANITIZED bool isMarked(char* page) noexcept {
  for (size_t i = 0; i < kMarks; ++i) {
    if (*mark(page, i) != markValue(mark(page, i))) return false;
  }
  return true;
}

STACKFUL_UNSANITIZED void setMarks(char* page) noexcept {
  for (size_t i = 0; i < kMarks; ++i) *mark(page, i) = markValue(mark(page, i));
}

// One call for many ranges costs a quarter of a call each (333 against 1,377 ns). The kernel lets a process advise
// itself this way since 6.13, and knows it by this number since 6.14.
constexpr int kSelf = -10000;  // PIDFD_SELF_THREAD

bool adviseAll(const iovec* ranges, size_t count, size_t bytes) noexcept {
  static std::atomic<bool> works{true};
  if (!works.load(std::memory_order_relaxed)) return false;
  const long done = syscall(SYS_process_madvise, kSelf, ranges, count, MADV_DONTNEED, 0);
  if (done < 0) works.store(false, std::memory_order_relaxed);
  return done == static_cast<long>(bytes);
}

int64_t nowNs(clockid_t clock) noexcept {
  timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * int64_t{1'000'000'000} + t.tv_nsec;
}

}  // namespace

bool StackTrimmer::step() noexcept {
  if (!walk(Mode::kIdle, kStepPages)) return false;
  candidates_ = found_;
  found_ = 0;
  return true;
}

void StackTrimmer::relieve() noexcept {
  if (nowNs(CLOCK_MONOTONIC) < relieveAgain_) return;
  // Its time on the CPU: while the machine runs other threads, memory is not refused for that.
  const int64_t began = nowNs(CLOCK_THREAD_CPUTIME_ID);
  const Place before = place_;
  place_ = {};
  walk(Mode::kEverything, SIZE_MAX);
  place_ = before;
  relieveAgain_ = nowNs(CLOCK_MONOTONIC) + 20 * (nowNs(CLOCK_THREAD_CPUTIME_ID) - began);
}

bool StackTrimmer::walk(Mode mode, size_t pages) noexcept {
  for (; place_.sizeClass < StackPool::kClasses; ++place_.sizeClass, place_.arena = 0) {
    const StackPool::SizeClass* c = pool_.classes_[place_.sizeClass];
    if (!c) continue;
    const size_t slotPages = c->stride() / kPage;
    for (; place_.arena < c->arenas.size(); ++place_.arena, place_.slot = 0) {
      const auto& arena = c->arenas[place_.arena];
      while (place_.slot < arena.used) {
        if (pages == 0) return flush(), false;
        size_t count = arena.used - place_.slot, most = pages < kStepPages ? pages : kStepPages;
        if (count * slotPages > most) count = most / slotPages + 1;
        if (count > arena.used - place_.slot) count = arena.used - place_.slot;
        pages_.look(arena.slots + place_.slot * c->stride(), count * c->stride());
        for (size_t i = 0; i < count; ++i)
          consider(c->slot(arena, place_.slot + i), i * slotPages + kGuardBytes / kPage, mode);
        place_.slot += count;
        pages -= count * slotPages < pages ? count * slotPages : pages;
      }
    }
  }
  place_ = {};
  flush();
  return true;
}

// `firstPage` is where the stack's base stands in pages_.
void StackTrimmer::consider(const Stack& stack, size_t firstPage, Mode mode) noexcept {
  StackNote& note = noteOf(stack.record);
  const size_t pastPage = firstPage + stack.size() / kPage;
  size_t keptPage = pastPage;  // the first page that is not given back
  if (note.live) {
    const char* sp = stackPointer_(stack.record);
    const char* here = static_cast<const char*>(__builtin_frame_address(0));
    const bool running = here >= stack.base && here < stack.end;
    if (running || sp < stack.base + kSlack || sp > stack.end) {
      keptPage = firstPage;
    } else {
      keptPage = firstPage + static_cast<size_t>(sp - kSlack - stack.base) / kPage;
      if (mode == Mode::kIdle)
        keptPage = keptPage > firstPage + kKeptPages ? keptPage - kKeptPages : firstPage;
    }
  }
  size_t resident = pages_.residentIn(firstPage, pastPage);
  const size_t uppermost = pages_.last(firstPage, keptPage);
  if (uppermost != keptPage) {
    char* page = stack.base + (uppermost - firstPage) * kPage;
    if (mode == Mode::kEverything || isMarked(page)) {
      const auto depth = static_cast<uint32_t>(pastPage - pages_.next(firstPage, pastPage));
      if (note.live && depth > note.deepestPages) note.deepestPages = depth;
      const size_t below = pages_.residentIn(firstPage, uppermost + 1);
      giveBack(stack.base, page + kPage);
      resident -= below;
      pool_.stats_.trimmedBytes += below * kPage;
    } else {
      setMarks(page);
      ++found_;
    }
  }
  pool_.noteResident(note, static_cast<uint32_t>(resident));
}

void StackTrimmer::giveBack(char* from, char* to) noexcept {
  ranges_[rangeCount_++] = {from, static_cast<size_t>(to - from)};
  if (rangeCount_ == kBatch) flush();
}

void StackTrimmer::flush() noexcept {
  size_t bytes = 0;
  for (size_t i = 0; i < rangeCount_; ++i) bytes += ranges_[i].iov_len;
  if (rangeCount_ > 0 && !adviseAll(ranges_, rangeCount_, bytes)) {
    for (size_t i = 0; i < rangeCount_; ++i) madvise(ranges_[i].iov_base, ranges_[i].iov_len, MADV_DONTNEED);
  }
  rangeCount_ = 0;
}

}  // namespace stackful::stack
