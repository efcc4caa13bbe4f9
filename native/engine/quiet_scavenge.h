// Scavenges that do not walk stacks in which they have nothing to do.
//
// V8's scavenges walk every archived stack, 1.2 us each: 120 ms with 100,000 coroutines parked. Most of those stacks hold
// only old objects, which a scavenge does not move. So a scavenge that starts cuts V8's list behind the dirty states, and
// its end splices the clean ones back.
//
// A state is clean when the words that V8 treats as its roots (stack, archived registers, handles) were the same before
// and after a scavenge that walked them: a scavenge moves every young object it finds alive, so that a root that did not
// change points to no young object, and nothing is written to a parked stack until it runs again. For the same reason
// the hash after one scavenge serves as that before the next, unless there was a full collection in between, which may
// move an object away so that the next scavenge moves it back. (Counting survived scavenges is not enough: an object can
// stay young for any number of them under --scavenger-chaos-mode.)
//
// That every young object moves is not taken on trust. One handle of an archived state of its own refers to an object
// made since the last collection, the canary; a scavenge that leaves it in place ends this for good. Full collections
// always see the whole list.
#pragma once

#include <v8.h>

#include "archived_states.h"

namespace stackful::engine {

class QuietScavenge {
 public:
  // `pristine` is the image of a thread that has done nothing yet; `asyncContext` see Discovery.
  QuietScavenge(v8::Isolate* isolate, ArchivedStates& states, const uint64_t* pristine,
                uint64_t* asyncContext) noexcept;
  ~QuietScavenge();
  QuietScavenge(const QuietScavenge&) = delete;
  QuietScavenge& operator=(const QuietScavenge&) = delete;

  // To be called when JavaScript objects may be made, often: gets the canary ready for the next scavenge.
  void prepare() noexcept {
    if (needsCanary_) renewCanary();
  }

  // Why scavenges are not cut, or null.
  const char* refusal() const noexcept { return refusal_; }
  size_t cleanCount() const noexcept { return states_.cleanCount(); }

 private:
  static void onPrologue(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* self);
  static void onEpilogue(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* self);
  static void onFullGc(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* self);
  void hideAsyncContext() noexcept;
  void showAsyncContext() noexcept;
  void begin() noexcept;
  void end() noexcept;
  void judge() noexcept;
  void stayLast() noexcept;
  void renewCanary() noexcept;
  void refuse(const char* why) noexcept;

  v8::Isolate* const isolate_;
  ArchivedStates& states_;
  uint64_t* const asyncContext_;
  const char* refusal_ = nullptr;
  bool needsCanary_ = true;
  bool hashesHold_ = false;   // no full collection since the last scavenge
  bool confirmed_ = false;    // a canary has moved, in this isolate
  bool canaryFresh_ = false;  // it was made since the last collection
  uint64_t canaryBefore_ = 0;
  uint64_t* canarySlot_;
  uint64_t* contextSlot_;
  StateNode* canaryNode_;
  uint64_t* image_;
};

}  // namespace stackful::engine
