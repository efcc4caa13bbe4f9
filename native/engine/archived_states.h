// V8's in-use list as we keep it: one node for every stack but the running one.
//
//   anchor -> dirty nodes -> clean nodes -> anchor
//
// Garbage collection, the deoptimizer and the debugger follow the `next` pointers from the anchor. A clean node's stack
// holds nothing a scavenge could move (see quiet_scavenge.h, which is the only one to make nodes clean).
#pragma once

#include <cstddef>
#include <cstdint>

#include "v8_layout.h"

namespace stackful::engine {

// Ours behind V8's part of the node, which V8 does not know.
struct StateNode : ThreadNode {
  enum Age : uint32_t {
    kFresh,     // no scavenge has seen this stack since it stopped
    kSettling,  // one has
    kHashed,    // `hash` is that of its roots after the last scavenge
    kClean,
  };
  Age age;
  uint64_t hash;
};

class ArchivedStates {
 public:
  ArchivedStates(ThreadNode* anchor, void* manager) noexcept
      : anchor_(anchor), clean_(anchor), manager_(manager) {}
  ~ArchivedStates();
  ArchivedStates(const ArchivedStates&) = delete;
  ArchivedStates& operator=(const ArchivedStates&) = delete;

  // A new dirty node that shows `image`.
  StateNode* add(uint64_t* image) noexcept;
  // `node` shows `image` from now on instead of what it showed: nothing is relinked unless it was clean.
  void reuse(StateNode* node, uint64_t* image) noexcept {
    node->data = image;
    if (node->age == StateNode::kClean) [[unlikely]] {
      unlink(node);
      linkDirty(node);
    }
    node->age = StateNode::kFresh;
  }
  void remove(StateNode* node) noexcept;

  // V8 puts threads of its own there when an embedder uses v8::Locker from several of them; they have an id.
  static bool isOurs(const ThreadNode* node) noexcept { return node->id == kNoThread; }

  // For the scavenges: a cut list ends before the clean nodes.
  StateNode* firstDirty() const noexcept { return static_cast<StateNode*>(anchor_->next); }
  ThreadNode* endOfDirty() const noexcept { return clean_; }
  void makeClean(StateNode* node) noexcept;
  void makeAllDirty() noexcept;
  void cut() noexcept;
  void splice() noexcept;
  size_t cleanCount() const noexcept { return cleanCount_; }

 private:
  static constexpr int32_t kNoThread = -1;
  void linkDirty(StateNode* node) noexcept;
  void unlink(StateNode* node) noexcept;
  StateNode* take() noexcept;

  ThreadNode* const anchor_;
  ThreadNode* clean_;                // the first clean node, or the anchor
  ThreadNode* lastDirty_ = nullptr;  // while the list is cut: where
  size_t cleanCount_ = 0;
  StateNode* free_ = nullptr;
  void* chunks_ = nullptr;
  void* const manager_;
};

}  // namespace stackful::engine
