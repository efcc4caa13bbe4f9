// The programs that run while system calls fail.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace stackful::faults {

struct Outcome {
  bool ended = false;      // every coroutine did
  bool complete = false;   // with everything done, and right
  std::vector<int> codes;  // negative results that were returned to the caller
  std::string wrong;       // something that must not happen even then: data that is not what was sent
};

struct Scenario {
  const char* name;
  Outcome (*run)();
};

// In net_scenarios.cc.
Outcome putOff();
Outcome datagrams();
Outcome descriptors();
Outcome splicing();

extern const Scenario scenarios[];
extern const size_t scenarioCount;

}  // namespace stackful::faults
