#include "node_api_scopes.h"

#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "probe.h"

namespace stackful::engine {
namespace {

constexpr size_t kMostHooks = 1 << 20;

// The 32-bit words of a napi_env.
std::vector<uint32_t> wordsOf(napi_env env) {
  std::vector<uint32_t> words(malloc_usable_size(env) / 4);
  memcpy(words.data(), env, words.size() * 4);
  return words;
}

// The only word that is one more inside, and is afterwards what it was before.
bool onlyCount(const std::vector<uint32_t>& before, const std::vector<uint32_t>& inside,
               const std::vector<uint32_t>& after, size_t& found) {
  int hits = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] > 1000 || inside[i] != before[i] + 1 || after[i] != before[i]) continue;
    found = i;
    ++hits;
  }
  return hits == 1;
}

void marker(void*) {}

// Node 26 keeps what an addon has added in a record of its own, [isolate, environment, function, argument], and puts
// that into the list.
bool isMarker(void (*function)(void*), void* argument, void* expected) {
  if (function == marker) return argument == expected;
  uint64_t record[4];
  return plausibleAddress(reinterpret_cast<uint64_t>(argument)) &&
         readSafely(reinterpret_cast<uint64_t>(argument), record, sizeof record) &&
         record[2] == reinterpret_cast<uint64_t>(marker) && record[3] == reinterpret_cast<uint64_t>(expected);
}

}  // namespace

const char* NodeApiScopes::find(napi_env env, void* environment) {
  own_ = env;
  if (!findCounts(env)) return "counts of Node-API scopes";
  if (!findHooks(environment)) return "list of Node-API environments";
  refresh();
  return nullptr;
}

bool NodeApiScopes::findCounts(napi_env env) {
  size_t handles = 0, callbacks = 0;
  {
    const std::vector<uint32_t> before = wordsOf(env);
    napi_handle_scope scope;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
    const std::vector<uint32_t> inside = wordsOf(env);
    if (napi_close_handle_scope(env, scope) != napi_ok) return false;
    if (!onlyCount(before, inside, wordsOf(env), handles)) return false;
  }
  // JavaScript has called us, so there is a callback scope around, and what becomes of ticks is the affair of that.
  napi_value name, resource;
  napi_async_context context;
  if (napi_create_object(env, &resource) != napi_ok ||
      napi_create_string_utf8(env, "STACKFUL", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, resource, name, &context) != napi_ok) {
    return false;
  }
  const std::vector<uint32_t> before = wordsOf(env);
  napi_callback_scope scope;
  bool counted = napi_open_callback_scope(env, resource, context, &scope) == napi_ok;
  if (counted) {
    const std::vector<uint32_t> inside = wordsOf(env);
    counted = napi_close_callback_scope(env, scope) == napi_ok &&
              onlyCount(before, inside, wordsOf(env), callbacks);
  }
  napi_async_destroy(env, context);
  offset_ = handles * 4;
  return counted && callbacks == handles + 1 && offset_ % 8 == 0;
}

// The head of a chain, with its length behind it, that an entry of ours appears in and vanishes from.
//
// The hash table keeps its buckets in front of the head, with their number behind: read as a chain, that is one of its
// entries after another too, and where addresses happen to be hashed so that there are as many of them as buckets, only the
// number gives it away, which does not fall when our entry goes.
bool NodeApiScopes::findHooks(void* environment) {
  auto* words = static_cast<uint64_t*>(environment);
  const size_t count = malloc_usable_size(environment) / 8;
  int here = 0;  // what makes ours unique
  if (napi_add_env_cleanup_hook(own_, marker, &here) != napi_ok) return false;
  struct Head {
    size_t at;
    uint64_t length;
    void (*end)(void*);
  };
  std::vector<Head> heads;
  for (size_t i = 0; i + 1 < count; ++i) {
    if (!plausibleAddress(words[i]) || words[i + 1] == 0 || words[i + 1] > kMostHooks) continue;
    Head head{i, words[i + 1], nullptr};
    uint64_t marked = 0, ours = 0, seen = 0;
    Hook hook{};
    for (uint64_t at = words[i]; at && seen <= head.length;
         at = reinterpret_cast<uint64_t>(hook.next), ++seen) {
      if (!plausibleAddress(at) || !readSafely(at, &hook, sizeof hook)) break;
      if (isMarker(hook.function, hook.argument, &here)) ++marked;
      if (hook.argument != own_) continue;
      ++ours;
      head.end = hook.function;
    }
    if (seen == head.length && marked == 1 && ours == 1) heads.push_back(head);
  }
  if (napi_remove_env_cleanup_hook(own_, marker, &here) != napi_ok) return false;
  std::erase_if(heads, [words](const Head& head) { return words[head.at + 1] != head.length - 1; });
  if (heads.size() != 1) return false;
  hooks_ = reinterpret_cast<Hook**>(words + heads[0].at);
  end_ = heads[0].end;
  return true;
}

void NodeApiScopes::refresh() {
  if (!hooks_) return;
  counts_.clear();
  for (const Hook* hook = *hooks_; hook; hook = hook->next) {
    if (hook->function != end_ || hook->argument == own_) continue;
    // The same class, by its virtual functions.
    if (*static_cast<void**>(hook->argument) != *reinterpret_cast<void**>(own_)) continue;
    counts_.push_back(reinterpret_cast<uint64_t*>(static_cast<char*>(hook->argument) + offset_));
  }
}

NodeApiScopes::Kept* NodeApiScopes::keepOpen() noexcept {
  auto* kept = static_cast<Kept*>(malloc(sizeof(Kept) + counts_.size() * sizeof(Kept::counts[0])));
  if (!kept) abort();  // out of memory, as V8 would
  kept->length = 0;
  for (uint64_t* count : counts_) {
    if (*count == 0) continue;
    kept->counts[kept->length++] = {count, *count};
    *count = 0;
  }
  return kept;
}

}  // namespace stackful::engine
