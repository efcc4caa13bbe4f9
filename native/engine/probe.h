// Looking at memory that may not be there.
#pragma once

#include <link.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stackful::engine {

// Copies up to `bytes` from `address`; false if any of it cannot be read. Never faults (process_vm_readv does the
// reading; where a sandbox forbids that call, a write to a pipe does).
bool readSafely(uint64_t address, void* to, size_t bytes);

// `bytes` from each address; ok[i] tells whether out[i * bytes ...] was readable. One system call per 64 addresses.
void readMany(const std::vector<uint64_t>& addresses, size_t bytes, std::vector<uint8_t>& out,
              std::vector<bool>& ok);

// Could this word be the address of an object? User space ends at 2^47 on x86-64 and at 2^48 on arm64.
inline bool plausibleAddress(uint64_t word) {
  return (word & 7) == 0 && word >= 0x10000 && word >> 48 == 0;
}

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool contains(uint64_t a) const { return a >= begin && a < end; }
};

// The part of threadLocalBlock that judges one module, as dl_iterate_phdr describes it in `size` bytes: true when it holds
// `code`, and then `found` is its thread-local block, or empty where there is none or the loader does not say.
bool threadLocalBlockOf(const dl_phdr_info& module, size_t size, uint64_t code, Range& found);

// Where this thread's own stack may lie; empty when the system does not say.
Range ownStack();

// The code of the module that holds `codeAddress`: the segment it is in.
Range codeSegment(const void* codeAddress);

// This thread's thread-local block of the module (executable or shared library) that holds `codeAddress`.
Range threadLocalBlock(const void* codeAddress);

}  // namespace stackful::engine
