#include "nghttp2.h"

namespace stackful::http2 {

const char* missing() noexcept {
  static const char* const answer = []() -> const char* {
#define STACKFUL_CHECK(name) \
  if (!static_cast<decltype(&name)>(name)) return #name;
    STACKFUL_NGHTTP2(STACKFUL_CHECK)
#undef STACKFUL_CHECK
    return nullptr;
  }();
  return answer;
}

}  // namespace stackful::http2
