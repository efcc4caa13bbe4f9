#include "search.h"

#include <cstring>

#include "probe.h"

namespace stackful::engine {
namespace {

// The start may be the address behind the last byte.
bool isStackStart(const Range& stack, uint64_t address) {
  return address > stack.begin && address <= stack.end;
}

}  // namespace

// Isolate::Enter copies the thread's stack start to the heap: the right thread-local word is the one whose change
// arrives there, and the right heap word is the one it arrives in. Only words that point into this very stack are ever
// changed: Enter also follows thread-local pointers to V8's own records, which may lie less than 1 GB above it (a worker's
// usually do), and a wrong one of those sends V8 to a wrong isolate.
bool Search::locateStackStarts() {
  Range block = threadLocalBlock(reinterpret_cast<const void*>(&v8::V8::GetVersion));
  const Range stack = ownStack();
  uint64_t sp = bits(__builtin_frame_address(0));
  for (uint64_t a = block.begin; a + 8 <= block.end; a += 8) {
    uint64_t value = *words(a);
    if (value & 7 || value <= sp || !isStackStart(stack, value)) continue;
    std::vector<uint64_t*> candidates;
    heapCopies(value, candidates);
    if (candidates.empty()) continue;
    const uint64_t magic = value - 64;
    *words(a) = magic;
    isolate_->Enter();
    uint64_t* hit = nullptr;
    int hits = 0;
    // A candidate may lie in memory of a worker that is ending, which the system can take back at any moment.
    for (uint64_t* c : candidates) {
      if (uint64_t word; readSafely(bits(c), &word, sizeof word) && word == magic) hit = c, ++hits;
    }
    *words(a) = value;
    isolate_->Exit();
    // Whatever the copy is, it is right again after this.
    isolate_->Enter();
    isolate_->Exit();
    if (hits == 1) {
      found_.stackStartThread = words(a);
      found_.stackStartHeap = hit;
      return true;
    }
    if (hits > 1) return fail("stack start is ambiguous");
  }
  return fail("stack start");
}

bool Search::confirmStackStarts() {
  const uint64_t sp = bits(__builtin_frame_address(0));
  uint64_t *thread = found_.stackStartThread, *heap = found_.stackStartHeap;
  const uint64_t value = *thread;
  uint64_t copy;
  if (value <= sp || !isStackStart(ownStack(), value) || !readSafely(bits(heap), &copy, 8) || copy != value)
    return fail("stack start");
  *thread = value - 64;
  isolate_->Enter();
  const bool arrived = *heap == value - 64;
  *thread = value;
  isolate_->Exit();
  *heap = value;
  return arrived || fail("stack start");
}

void Search::heapCopies(uint64_t value, std::vector<uint64_t*>& out) const {
  if (layout_.heapStackStartInTarget == 0) {
    for (size_t i = 0; i < count_; ++i) {
      if (base_[i] == value) out.push_back(base_ + i);
    }
    return;
  }
  std::vector<uint64_t> targets;
  std::vector<size_t> where;
  std::vector<uint8_t> bytes;
  std::vector<bool> ok;
  pointers(targets, where);
  // A word before and behind the expected one as well: a patch release may move it.
  constexpr size_t kAround = 64;
  for (auto& t : targets) t += layout_.heapStackStartInTarget - kAround;
  readMany(targets, 2 * kAround, bytes, ok);
  for (size_t i = 0; i < targets.size(); ++i) {
    for (size_t k = 0; ok[i] && k < 2 * kAround; k += 8) {
      uint64_t w;
      memcpy(&w, &bytes[i * 2 * kAround + k], 8);
      uint64_t* at = words(targets[i] + k);
      if (w != value) continue;
      bool known = false;
      for (uint64_t* o : out) known = known || o == at;
      // The thread-local copy itself and words of this thread's stack are not the heap's.
      if (!known) out.push_back(at);
    }
  }
}

// Has V8 told that the stack reaches `bytes` below its start, and gives the words of the isolate that say so by then.
// All is put back word by word, because SetStackLimit sets the reach along with the limits; and only where it
// has not changed meanwhile, as by an interrupt request.
std::vector<uint64_t*> Search::wordsOfReach(uint64_t bytes) {
  const uint64_t lower = *found_.stackStartThread - bytes;
  const std::vector<uint64_t> before(base_, base_ + count_);
  isolate_->SetStackLimit(lower);
  std::vector<uint64_t*> hits;
  for (size_t i = 0; i < count_; ++i) {
    uint64_t now = base_[i];
    if (now == before[i] || (now != lower && now != bytes)) continue;
    if (now == bytes) hits.push_back(base_ + i);
    __atomic_compare_exchange_n(base_ + i, &now, before[i], false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
  }
  return hits;
}

bool Search::locateStackReach() {
  const std::vector<uint64_t*> hits = wordsOfReach((uint64_t{80} << 20) + 0x5678);
  if (hits.size() > 1) return fail("stack reach is ambiguous");
  if (hits.size() == 1) found_.stackReach = hits[0];
  return true;
}

bool Search::confirmStackReach() {
  if (layout_.stackReach > 1 || (found_.stackReach != nullptr) != (layout_.stackReach == 1))
    return fail("stack reach");
  if (!found_.stackReach) return true;
  const std::vector<uint64_t*> hits = wordsOfReach((uint64_t{70} << 20) + 0x1238);
  return (hits.size() == 1 && hits[0] == found_.stackReach) || fail("stack reach");
}

// Relocatable objects form a chain through the stack; V8's arguments for a native callback are one, at its head
// while the callback runs: [vtable, isolate, previous].
bool Search::isRelocatable(uint64_t address) const {
  const uint64_t sp = bits(__builtin_frame_address(0)), top = *found_.stackStartThread;
  if (address & 7 || address <= sp || address + 24 > top || address - sp > 4096) return false;
  const uint64_t* object = words(address);
  if (object[1] != bits(base_)) return false;
  // Its virtual functions are V8's, four at least: walk_ahead.h goes by that.
  uint64_t functions[4];
  if (object[0] & 7 || !readSafely(object[0], functions, sizeof functions)) return false;
  const Range code = codeSegment(reinterpret_cast<const void*>(&v8::V8::GetVersion));
  for (uint64_t function : functions) {
    if (!code.contains(function)) return false;
  }
  // Two of the chain may share a C++ frame, in any order.
  return object[2] == 0 || (object[2] > sp && object[2] < top);
}

bool Search::locateRelocatable() {
  const std::vector<uint64_t> before(base_, base_ + count_);
  std::vector<size_t> hits;
  const size_t skipFrom = found_.threadTop - base_, skipTo = skipFrom + layout_.threadTopBytes / 8;
  bool called = lookInside(CalledBy::kCpp, [&] {
    for (size_t i = 0; i < count_; ++i) {
      if (base_[i] != before[i] && (i < skipFrom || i >= skipTo) && isRelocatable(base_[i]))
        hits.push_back(i);
    }
  });
  if (!called) return fail("probe call");
  for (size_t i : hits) {
    if (base_[i] != before[i]) continue;  // after the call the chain is as it was
    if (found_.relocatableTop) return fail("relocatable chain is ambiguous");
    found_.relocatableTop = base_ + i;
  }
  return found_.relocatableTop || fail("relocatable chain");
}

bool Search::confirmRelocatable() {
  const uint64_t before = *found_.relocatableTop;
  bool inside = false;
  bool called = lookInside(CalledBy::kCpp, [&] {
    inside = *found_.relocatableTop != before && isRelocatable(*found_.relocatableTop);
  });
  return (called && inside && *found_.relocatableTop == before) || fail("relocatable chain");
}

// Node 22: JSON.stringify registers itself in a vector of the isolate and checks that it leaves in the order it came.
bool Search::isShutdownList(const uint64_t* vector) const {
  const uint64_t sp = bits(__builtin_frame_address(0)), top = *found_.stackStartThread;
  const uint64_t begin = vector[0], end = vector[1], capacity = vector[2];
  uint64_t last;
  if (begin & 7 || end < begin + 8 || capacity < end || capacity - begin > 4096) return false;
  if (!readSafely(end - 8, &last, 8) || last & 7 || last <= sp || last + 16 > top) return false;
  return words(last)[1] == bits(base_);
}

bool Search::locateShutdownList() {
  const std::vector<uint64_t> before(base_, base_ + count_);
  std::vector<size_t> hits;
  bool called = lookInside(CalledBy::kStringify, [&] {
    for (size_t i = 0; i + 2 < count_; ++i) {
      if (base_[i + 1] != before[i + 1] && isShutdownList(base_ + i)) hits.push_back(i);
    }
  });
  if (!called) return fail("shutdown list probe");
  if (hits.size() > layout_.shutdownList) return fail("unexpected shutdown list");
  // A release without the list has nothing to exchange.
  if (!hits.empty()) found_.shutdownList = base_ + hits[0];
  return true;
}

bool Search::confirmShutdownList() {
  if (!found_.shutdownList) return true;
  bool inside = false;
  bool called = lookInside(CalledBy::kStringify, [&] { inside = isShutdownList(found_.shutdownList); });
  return (called && inside && found_.shutdownList[0] == found_.shutdownList[1]) || fail("shutdown list");
}

}  // namespace stackful::engine
