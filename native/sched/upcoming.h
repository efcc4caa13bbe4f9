// What is ready, in the order in which it would run, and why: for people to see. Looking changes nothing.
#pragma once

#include <cstddef>

namespace stackful::sched {

struct Coroutine;

// Why it has its place. The numbers are those of lib/schedule/run_queue.ts, and in brackets are those that come with each, times
// in milliseconds.
enum class Why {
  kFirstIn,   // it has been ready for longest
  kLevel,     // its level [level]
  kPatience,  // every so many turns go to the last level there is [level]
  kVirtualTime,  // [share, whether that is a group, effective virtual time, weight, warp, others of the share before it]
  kTold,           // the remaining work is told [remaining, used, waited]; so for those below
  kFile,           // ... what is left of the file that it sends
  kToldTooLittle,  // ... what was told is used up: as much again as it has run since
  kKind,           // ... what jobs of its kind took
  kAll,            // ... what jobs of all kinds took
  kUsedMore,       // ... it has had more than those: as much as it has used
  kNothingKnown,   // ... no job has ended yet
  kChosen,         // the application's policy has chosen it
  kNotTold,        // the application's policy does not know of it yet
  kHeld,           // the application's policy holds it
};

struct Upcoming {
  const Coroutine* coroutine = nullptr;
  Why why = Why::kFirstIn;
  double numbers[6] = {};
};

}  // namespace stackful::sched
