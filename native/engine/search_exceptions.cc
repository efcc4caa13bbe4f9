#include <cxxabi.h>
#include <unwind.h>

#include <exception>

#include "probe.h"
#include "search.h"

namespace stackful::engine {

// The C++ ABI names the function, and says what there is: the newest exception being handled, and how many are in flight.
bool Search::locateExceptions() {
  found_.exceptions = reinterpret_cast<uint64_t*>(abi::__cxa_get_globals());
  return true;
}

// Without throwing: an exception of another language is put into the list as it is.
bool Search::confirmExceptions() {
  uint64_t* words = found_.exceptions;
  if (std::current_exception() || std::uncaught_exceptions() != 0)
    return fail("C++ exceptions, in the middle of one");
  uint64_t before[2], inside[2], after[2];
  _Unwind_Exception foreign{};
  if (!readSafely(bits(words), before, sizeof before)) return fail("C++ exceptions");
  abi::__cxa_begin_catch(&foreign);
  readSafely(bits(words), inside, sizeof inside);
  abi::__cxa_end_catch();
  readSafely(bits(words), after, sizeof after);
  // The record that the ABI keeps before an exception of its own, a few words.
  const uint64_t end = bits(&foreign) + sizeof foreign;
  if (before[0] != 0 || before[1] != 0 || after[0] != 0 || after[1] != 0 || inside[1] != 0 ||
      inside[0] >= end || end - inside[0] > 256) {
    return fail("C++ exceptions");
  }
  words[1] = 3;
  const bool counted = std::uncaught_exceptions() == 3;
  words[1] = 0;
  return counted || fail("C++ exceptions in flight");
}

}  // namespace stackful::engine
