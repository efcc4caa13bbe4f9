#include "host_loop_frames.h"

#include <dlfcn.h>
#include <link.h>
#include <uv.h>

#include "probe.h"

namespace stackful::engine {
namespace {

Range codeOf(void* function) {
  Dl_info info;
  void* symbol = nullptr;
  if (!dladdr1(function, &info, &symbol, RTLD_DL_SYMENT) || !symbol) return {};
  const auto begin = reinterpret_cast<uint64_t>(info.dli_saddr);
  return {begin, begin + static_cast<const ElfW(Sym)*>(symbol)->st_size};
}

}  // namespace

bool insideHostLoop(uint64_t start) noexcept {
  static const Range loop = codeOf(reinterpret_cast<void*>(uv_run));
  auto frame = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  // Node, V8 and what node-gyp builds have frame pointers.
  for (;;) {
    const auto* words = reinterpret_cast<const uint64_t*>(frame);
    if (loop.contains(words[1])) return true;
    const uint64_t caller = words[0];
    if (caller <= frame || caller + 16 > start || caller % 8 != 0) break;
    frame = caller;
  }
  // Where the chain breaks before the stack's first frames, whatever looks like a return address counts: a clear error too
  // many rather than one loop inside another.
  for (; frame + 8 <= start; frame += 8) {
    if (loop.contains(*reinterpret_cast<const uint64_t*>(frame))) return true;
  }
  return false;
}

}  // namespace stackful::engine
