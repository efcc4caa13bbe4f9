#include "share.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace stackful::sched {

void Share::charge(int64_t ns, int64_t now) noexcept {
  actual_ += virtually(ns);
  ran_ += ns;
  if (warps_) {
    warpedFor_ += ns;
    if (terms_.warpLimit > 0 && warpedFor_ >= terms_.warpLimit) {
      warps_ = false;
      unwarped_ = now;
    }
  } else {
    reconsiderWarp(now);
  }
}

void Share::wake(VirtualTime systems, int64_t now) noexcept {
  // One that has waited gets no time for it: with its old virtual time it would keep all others out until it has caught up.
  actual_ = std::max(actual_, systems);
  // A wait ends the stretch in which it warped, unless it has to stay away from warping for some time.
  if (warps_ && terms_.unwarpTime == 0) warpedFor_ = 0;
  reconsiderWarp(now);
}

void Share::reconsiderWarp(int64_t now) noexcept {
  if (warps_ || terms_.warp == 0) return;
  const bool exhausted = terms_.warpLimit > 0 && warpedFor_ >= terms_.warpLimit;
  if (exhausted && now - unwarped_ < terms_.unwarpTime) return;
  // Without a time to stay away it warps again after its next wait only.
  if (exhausted && terms_.unwarpTime == 0 && running) return;
  warps_ = true;
  warpedFor_ = 0;
}

Shares::Member& Shares::at(const Coroutine* c) noexcept {
  if (c->slot >= members_.size()) members_.resize(std::max<size_t>(c->slot + 1, members_.size() * 2));
  return members_[c->slot];
}

Share& Shares::of(const Coroutine* c, const Coroutine* parent) noexcept {
  Member& member = at(c);
  if (member.share && member.generation == c->generation) return *member.share;
  if (parent && parent != c && parent->slot < members_.size()) {
    const Member& from = members_[parent->slot];
    if (from.share && from.generation == parent->generation && from.share->inheritable) {
      join(c, *from.share);
      return *member.share;
    }
  }
  Share& own = make({}, false);
  join(c, own);
  release(own);
  return own;
}

void Shares::join(const Coroutine* c, Share& share) noexcept {
  Member& member = at(c);
  ++share.owners;
  Share* before = std::exchange(member.share, &share);
  member.generation = c->generation;
  if (before) release(*before);
}

Share& Shares::make(const ShareTerms& terms, bool inheritable) noexcept {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Share>());
    all_.back()->number = static_cast<uint32_t>(all_.size() - 1);
    // So that release() never has to allocate.
    free_.reserve(all_.size());
    free_.push_back(all_.back().get());
  }
  Share* share = free_.back();
  free_.pop_back();
  const uint32_t number = share->number;
  std::destroy_at(share);
  std::construct_at(share, terms);
  share->number = number;
  share->inheritable = inheritable;
  share->owners = 1;
  return *share;
}

void Shares::release(Share& share) noexcept {
  if (--share.owners == 0) free_.push_back(&share);
}

}  // namespace stackful::sched
