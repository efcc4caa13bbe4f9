#include "archived_states.h"

#include <cstdlib>
#include <new>

namespace stackful::engine {
namespace {

constexpr size_t kNodesPerChunk = 72;  // 4 KB
struct Chunk {
  Chunk* next;
  StateNode nodes[kNodesPerChunk];
};

}  // namespace

ArchivedStates::~ArchivedStates() {
  for (auto* chunk = static_cast<Chunk*>(chunks_); chunk;) {
    Chunk* next = chunk->next;
    delete chunk;
    chunk = next;
  }
}

StateNode* ArchivedStates::take() noexcept {
  if (!free_) {
    auto* chunk = new (std::nothrow) Chunk;
    if (!chunk) abort();  // out of memory, as V8 would
    chunk->next = static_cast<Chunk*>(chunks_);
    chunks_ = chunk;
    for (StateNode& n : chunk->nodes) {
      n = {{kNoThread, 0, nullptr, free_, nullptr, manager_}, StateNode::kFresh, 0};
      free_ = &n;
    }
  }
  StateNode* node = free_;
  free_ = static_cast<StateNode*>(node->next);
  return node;
}

void ArchivedStates::linkDirty(StateNode* node) noexcept {
  node->next = anchor_->next;
  node->previous = anchor_;
  anchor_->next->previous = node;
  anchor_->next = node;
}

void ArchivedStates::unlink(StateNode* node) noexcept {
  if (node->age == StateNode::kClean) {
    --cleanCount_;
    if (node == clean_) clean_ = node->next;
  }
  node->previous->next = node->next;
  node->next->previous = node->previous;
}

StateNode* ArchivedStates::add(uint64_t* image) noexcept {
  StateNode* node = take();
  node->data = image;
  node->age = StateNode::kFresh;
  linkDirty(node);
  return node;
}

void ArchivedStates::remove(StateNode* node) noexcept {
  unlink(node);
  node->next = free_;
  free_ = node;
}

void ArchivedStates::makeClean(StateNode* node) noexcept {
  // The last dirty node becomes the first clean one.
  if (node->next != clean_) {
    unlink(node);
    node->previous = clean_->previous;
    node->next = clean_;
    clean_->previous->next = node;
    clean_->previous = node;
  }
  clean_ = node;
  node->age = StateNode::kClean;
  ++cleanCount_;
}

void ArchivedStates::makeAllDirty() noexcept {
  for (ThreadNode* node = clean_; node != anchor_; node = node->next)
    static_cast<StateNode*>(node)->age = StateNode::kFresh;
  clean_ = anchor_;
  cleanCount_ = 0;
}

void ArchivedStates::cut() noexcept {
  lastDirty_ = clean_->previous;
  lastDirty_->next = anchor_;
}

void ArchivedStates::splice() noexcept {
  if (!lastDirty_) return;
  lastDirty_->next = clean_;
  lastDirty_ = nullptr;
}

}  // namespace stackful::engine
