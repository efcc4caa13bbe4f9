#include "idle_time.h"

#include <malloc.h>

namespace stackful::runtime {
namespace {

// Long enough not to be the time that passes between two looks.
constexpr uint64_t kProbeNs = uint64_t{1} << 50;

bool isTotal(uv_loop_t* loop, uint64_t* word, uint64_t value) noexcept {
  *word = value + kProbeNs;
  const bool changed = uv_metrics_idle_time(loop) == value + kProbeNs;
  *word = value;
  return changed && uv_metrics_idle_time(loop) == value;
}

// While it is not 0, the time since then is added.
bool isSince(uv_loop_t* loop, uint64_t* word, uint64_t total) noexcept {
  if (*word != 0) return false;
  *word = uv_hrtime() - kProbeNs;
  const uint64_t shown = uv_metrics_idle_time(loop) - total;
  *word = 0;
  return shown >= kProbeNs && shown < kProbeNs + kProbeNs / 2 && uv_metrics_idle_time(loop) == total;
}

}  // namespace

bool IdleTime::find(uv_loop_t* loop) noexcept {
  const uint64_t value = uv_metrics_idle_time(loop);
  // Of a zero there are many.
  if (value == 0 || !loop->internal_fields) return false;
  auto* words = static_cast<uint64_t*>(loop->internal_fields);
  const size_t count = malloc_usable_size(words) / sizeof(uint64_t);
  for (size_t i = 1; i < count; ++i) {
    if (words[i] != value || !isTotal(loop, words + i, value) || !isSince(loop, words + i - 1, value))
      continue;
    total_ = words + i;
    since_ = words + i - 1;
    return true;
  }
  return false;
}

}  // namespace stackful::runtime
