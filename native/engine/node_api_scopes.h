// The handle scopes and callback scopes that addons have open through Node-API.
//
// Node counts them in the addon's napi_env, and ends the process if an addon returns with another number than it was called
// with. That holds on each stack of ours but not across them, so each takes its own counts along.
//
// A napi_env is opaque. Where the counts are in ours shows by opening a scope. Those of other addons are reached through the
// list of functions that Node's Environment is to call at its end: every napi_env is in it, with one function for all
// of them. The list is found by adding to it. It is looked through when an addon has been loaded
// (lib/internal/addons.ts), which is an atomic section, so nothing parks in an addon that is not known yet.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stackful::engine {

class NodeApiScopes {
 public:
  // Ours, and Node's Environment. Null, or what is not as we know it. To be called in a function of the addon.
  const char* find(napi_env env, void* environment);
  // An addon may have been loaded, or have gone.
  void refresh();
  // Addons whose counts are exchanged, ours not among them.

  struct Kept {
    size_t length;
    struct {
      uint64_t* at;
      uint64_t value;
    } counts[];
  };
  // The counts that are not zero, in a block for free(), after which they are; null when all were.
  Kept* keep() noexcept {
    uint64_t any = 0;
    for (const uint64_t* count : counts_) any |= *count;
    return any ? keepOpen() : nullptr;
  }
  void bring(const Kept* kept) noexcept {
    for (size_t i = 0; kept && i < kept->length; ++i) *kept->counts[i].at = kept->counts[i].value;
  }

 private:
  // An entry of the list, which is a hash table of the standard library: its nodes are chained.
  struct Hook {
    Hook* next;
    void (*function)(void*);
    void* argument;
  };
  bool findCounts(napi_env env);
  bool findHooks(void* environment);
  Kept* keepOpen() noexcept;

  std::vector<uint64_t*> counts_;  // two of 32 bits: handle scopes, callback scopes
  size_t offset_ = 0;              // of the counts in a napi_env
  Hook** hooks_ = nullptr;         // the first, in the Environment
  napi_env own_ = nullptr;
  void (*end_)(void*) = nullptr;  // of a napi_env
};

}  // namespace stackful::engine
