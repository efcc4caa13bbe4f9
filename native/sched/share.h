// What the policy "borrowed virtual time" gives processor time to: a coroutine, or several that count as one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "run_queue.h"

namespace stackful::sched {

// Virtual time: nanoseconds of one whose weight is 1, times kFraction. It is compared by differences, which are right
// for a year.
using VirtualTime = int64_t;
inline constexpr VirtualTime kFraction = 256;

// What its owner gives a share. Times in nanoseconds.
struct ShareTerms {
  double weight = 1;
  int64_t warp = 0;        // how far its virtual time is put back while it warps; of one whose weight is 1
  int64_t warpLimit = 0;   // how long it may run while it warps; 0: without limit
  int64_t unwarpTime = 0;  // how long it does not warp after that
};

class Share {
 public:
  explicit Share(const ShareTerms& terms = {}) noexcept : terms_(terms) {}

  RunQueue ready;
  bool running = false;
  uint32_t number = 0;       // among all
  bool inheritable = false;  // a group's: coroutines that are spawned by a member join it
  uint32_t owners = 0;  // coroutines, the application's group, and the policy while it has coroutines to run
  uint32_t placeByActual = 0, placeByEffective = 0;  // see share_heap.h

  VirtualTime actual() const noexcept { return actual_; }
  VirtualTime effective() const noexcept { return actual_ - (warps_ ? terms_.warp * kFraction : 0); }
  int64_t ran() const noexcept { return ran_; }
  double weight() const noexcept { return terms_.weight; }

  // It has run from `now - ns` to `now`.
  void charge(int64_t ns, int64_t now) noexcept;
  // It has become ready after a wait.
  void wake(VirtualTime systems, int64_t now) noexcept;
  // How much virtual time it takes to run for `ns`.
  VirtualTime virtually(int64_t ns) const noexcept {
    return static_cast<VirtualTime>(static_cast<double>(ns) * (kFraction / terms_.weight));
  }

 private:
  void reconsiderWarp(int64_t now) noexcept;

  ShareTerms terms_;
  VirtualTime actual_ = 0;
  bool warps_ = false;
  int64_t warpedFor_ = 0;  // how long it has run warped, since it was last allowed to
  int64_t unwarped_ = 0;   // when it stopped
  int64_t ran_ = 0;
};

// The shares of all coroutines, by slot. They outlive the policy, so that it can be exchanged.
class Shares {
 public:
  // That of `c`; its own, of weight 1, if it was given none. `parent`: the running coroutine, when `c` may be new.
  Share& of(const Coroutine* c, const Coroutine* parent) noexcept;
  // Makes `c` a member of `share`; call it while `c` is in no queue of the old one.
  void join(const Coroutine* c, Share& share) noexcept;
  // One that coroutines can be made members of; release() ends the caller's ownership.
  Share& make(const ShareTerms& terms, bool inheritable) noexcept;
  void release(Share& share) noexcept;
  // nullptr when there is none.
  Share* numbered(uint32_t number) noexcept { return number < all_.size() ? all_[number].get() : nullptr; }
  size_t count() const noexcept { return all_.size() - free_.size(); }

 private:
  struct Member {
    Share* share = nullptr;
    uint32_t generation = 0;
  };
  Member& at(const Coroutine* c) noexcept;

  std::vector<Member> members_;
  std::vector<std::unique_ptr<Share>> all_;
  std::vector<Share*> free_;
};

}  // namespace stackful::sched
