// JavaScript that the library runs for itself, between what others run: what it throws concerns no other code and ends
// here. The end of execution does not: V8 hands it to whatever runs at that moment, as an exception, and takes it for done
// with that. A worker that is terminated in such a call would go on afterwards with coroutines that never end. So it is
// asked for again, and meets the next JavaScript, on whichever stack that is.
#pragma once

#include <v8.h>

namespace stackful::engine {

class OwnCall {
 public:
  explicit OwnCall(v8::Isolate* isolate) noexcept : isolate_(isolate), caught_(isolate) {}
  ~OwnCall() {
    if (ended()) isolate_->TerminateExecution();
  }
  OwnCall(const OwnCall&) = delete;
  OwnCall& operator=(const OwnCall&) = delete;

  // Execution was ended meanwhile. In an interrupt V8 may have that pending without a word to `caught_`.
  bool ended() const noexcept { return caught_.HasTerminated() || isolate_->IsExecutionTerminating(); }

 private:
  v8::Isolate* const isolate_;
  v8::TryCatch caught_;
};

}  // namespace stackful::engine
