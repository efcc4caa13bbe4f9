// Addons that keep memory of their own in the order of calls: what a call back into JavaScript has of it must be given back
// before that of any call around it.
//
// Nothing can exchange that memory, so a coroutine must not park while such an addon has called JavaScript on its stack: two
// that went on first in, first out would overwrite each other's. Which addon has called shows by where V8's entries into
// JavaScript return to: up from each of them there are frames of Node's executable, which has frame pointers, and then the
// addon's. (To look at every word of the stack would find what earlier calls have left there, and refuse innocent parks.)
//
// Looked for when an addon has been loaded (lib/internal/addons.ts). Costs nothing where none of them has been.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <string>
#include <vector>

#include "discovery.h"
#include "probe.h"

namespace stackful::engine {

class NestedAddons {
 public:
  // An addon may have been loaded: whether there is one of these now. To be called in a function of our addon.
  bool refresh(napi_env env, const Discovery& found);

  // Why the running stack cannot be left: as the end of a sentence, naming the addon; null when it can
  // be. To be asked only where C++ has called JavaScript.
  const char* reason(const Discovery& found) const noexcept;

 private:
  struct Addon {
    Range code;
    std::string reason;
  };
  uint64_t caller(const Discovery& found, uint64_t handler) const noexcept;
  bool seesCallers(napi_env env, const Discovery& found) const;

  std::vector<Addon> addons_;
  Range host_;         // the code of Node and V8
  bool sees_ = false;  // callers are found as they should be
};

}  // namespace stackful::engine
