#include "callback_scopes.h"

#include <malloc.h>
#include <node.h>

#include <cstring>
#include <new>
#include <vector>

namespace stackful::engine {
namespace {

// libstdc++'s.
constexpr size_t kDequeChunk = 512;

using Words = std::vector<uint64_t>;

Words snapshot(const void* object) {
  Words words(malloc_usable_size(const_cast<void*>(object)) / 8);
  memcpy(words.data(), object, words.size() * 8);
  return words;
}

// Whether `end` is the word where a list of so many bytes ends. A deque's last words are the chunk of its beginning, its end
// [current, first, last] and the chunk of that: one chunk here.
bool isList(const uint64_t* end, uint64_t bytes) {
  const bool isVector = end[-1] + bytes == *end && end[1] >= *end;
  const bool isDeque = end[1] + bytes == *end && end[2] - end[1] == kDequeChunk && end[-3] == end[1] &&
                       end[-4] == end[1] && end[-1] == end[3];
  return isVector || isDeque;
}

// Opens `depth` callback scopes inside each other and calls `look(n)` in the n-th. Without ids of their own, so that no hook
// hears of them.
template <typename Look>
void insideScopes(v8::Isolate* isolate, int depth, Look look, int n = 1) {
  v8::HandleScope handles(isolate);
  v8::Local<v8::Object> resource = v8::Object::New(isolate);
  node::CallbackScope scope(isolate, resource, {0, 0});
  look(n);
  if (n < depth) insideScopes(isolate, depth, look, n + 1);
}

}  // namespace

bool CallbackScopes::find(v8::Isolate* isolate, v8::Local<v8::Context> context, void* environment,
                          const uint32_t* levels) {
  auto* words = static_cast<uint64_t*>(environment);
  const Words before = snapshot(environment);
  // Twice: lists grow the first time.
  constexpr int kDepth = 4;
  Words seen[kDepth + 1];
  int lists = 0;
  for (int round = 0; round < 2; ++round) {
    insideScopes(isolate, kDepth, [&](int n) {
      seen[n] = snapshot(environment);
      if (n < kDepth) return;
      // While they are open: the list's end and its entries belong together.
      lists = 0;
      for (size_t i = 4; i + 4 < before.size(); ++i) {
        const uint64_t step = seen[n][i] - seen[n - 1][i];
        const bool steady = (step == 8 || step == 16) && seen[n - 1][i] - seen[n - 2][i] == step;
        if (!steady || !isList(words + i, uint64_t{*levels} * step)) continue;
        end_ = words + i;
        entryBytes_ = step;
        isDeque_ = end_[-1] == end_[3];
        ++lists;
      }
    });
  }
  if (lists != 1) return false;
  int counters = 0;
  const Words after = snapshot(environment);
  for (size_t i = 0; i < before.size(); ++i) {
    bool counts = after[i] == before[i] && before[i] < 1000;
    for (int n = 1; n <= kDepth; ++n) counts = counts && seen[n][i] == before[i] + static_cast<uint64_t>(n);
    if (!counts) continue;
    callbacks_ = words + i;
    ++counters;
  }
  if (counters != 1 || !findMicrotasks(isolate, context)) return false;
  noteMain();
  return true;
}

bool CallbackScopes::findMicrotasks(v8::Isolate* isolate, v8::Local<v8::Context> context) {
  v8::MicrotaskQueue* queue = context->GetMicrotaskQueue();
  if (!queue) return false;
  auto* words = reinterpret_cast<uint64_t*>(queue);
  const Words before = snapshot(queue);
  Words opened, suppressed;
  {
    v8::MicrotasksScope scope(isolate, queue, v8::MicrotasksScope::kRunMicrotasks);
    opened = snapshot(queue);
  }
  {
    v8::Isolate::SuppressMicrotaskExecutionScope scope(isolate, queue);
    suppressed = snapshot(queue);
  }
  const Words after = snapshot(queue);
  int found = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (opened[i] != before[i] + 1 || suppressed[i] != before[i] + (uint64_t{1} << 32) ||
        after[i] != before[i])
      continue;
    microtasks_ = words + i;
    ++found;
  }
  if (found != 1) return false;
  // V8 goes by that word.
  const int depth = v8::MicrotasksScope::GetCurrentDepth(isolate);
  ++*microtasks_;
  const bool follows = v8::MicrotasksScope::GetCurrentDepth(isolate) == depth + 1;
  --*microtasks_;
  return follows;
}

char* CallbackScopes::begin() const noexcept {
  return reinterpret_cast<char*>(isDeque_ ? end_[-4] : end_[-1]);
}

uint32_t CallbackScopes::length() const noexcept {
  return static_cast<uint32_t>((reinterpret_cast<char*>(*end_) - begin()) / entryBytes_);
}

// A deque's further chunks are left alone: deeper than this, parks below a scope of Node's are refused.
bool CallbackScopes::canTake(uint32_t levels) const noexcept {
  return !isDeque_ || (levels < kDequeChunk / entryBytes_ && end_[-1] == end_[3]);
}

void CallbackScopes::takeEntries(uint32_t from, uint32_t to, void* out) noexcept {
  memset(out, 0, (to - from) * entryBytes_);
  const uint32_t there = length();
  if (there <= from) return;
  const size_t bytes = ((there < to ? there : to) - from) * entryBytes_;
  memcpy(out, begin() + from * entryBytes_, bytes);
  memset(begin() + from * entryBytes_, 0, bytes);
}

void CallbackScopes::putEntries(uint32_t from, uint32_t to, const void* entries) noexcept {
  const auto* bytes = static_cast<const char*>(entries);
  // Only as far as C++ has opened them: what JavaScript has opened since has none.
  while (to > from) {
    const char* last = bytes + (to - from - 1) * entryBytes_;
    uint64_t word;
    memcpy(&word, last, sizeof word);
    if (word != 0) break;
    --to;
  }
  if (to == from || !reserve(to)) return;
  const uint32_t there = length();
  if (there < to) {
    memset(begin() + there * entryBytes_, 0, (to - there) * entryBytes_);
    *end_ = reinterpret_cast<uint64_t>(begin() + to * entryBytes_);
  }
  memcpy(begin() + from * entryBytes_, bytes, (to - from) * entryBytes_);
}

// Room for that many entries. Node gives memory of a vector back when few are left.
bool CallbackScopes::reserve(uint32_t levels) noexcept {
  if (isDeque_) return canTake(levels);
  const size_t bytes = levels * entryBytes_;
  if (end_[1] - end_[-1] >= bytes) return true;
  auto* grown = static_cast<char*>(::operator new(2 * bytes, std::nothrow));
  if (!grown) return false;
  const size_t used = *end_ - end_[-1];
  memcpy(grown, begin(), used);
  ::operator delete(begin());
  end_[-1] = reinterpret_cast<uint64_t>(grown);
  end_[0] = reinterpret_cast<uint64_t>(grown + used);
  end_[1] = reinterpret_cast<uint64_t>(grown + 2 * bytes);
  return true;
}

}  // namespace stackful::engine
