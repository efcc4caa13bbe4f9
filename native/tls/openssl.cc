#include "openssl.h"

namespace stackful::tls {

const char* missing() noexcept {
  static const char* const answer = []() -> const char* {
#define STACKFUL_CHECK(name) \
  if (!static_cast<decltype(&name)>(name)) return #name;
    STACKFUL_OPENSSL(STACKFUL_CHECK)
#undef STACKFUL_CHECK
    return nullptr;
  }();
  return answer;
}

}  // namespace stackful::tls
