#include "probe.h"

#include <link.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace stackful::engine {
namespace {

bool readThroughPipe(uint64_t address, void* to, size_t bytes) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  // write() reports EFAULT instead of raising a signal.
  bool ok = bytes <= 4096 &&
            write(ends[1], reinterpret_cast<void*>(address), bytes) == static_cast<ssize_t>(bytes) &&
            read(ends[0], to, bytes) == static_cast<ssize_t>(bytes);
  close(ends[0]);
  close(ends[1]);
  return ok;
}

// Asks `judge` about one module after the other, until it says true.
template <typename Judge>
void eachModule(Judge judge) {
  dl_iterate_phdr([](dl_phdr_info* module, size_t size,
                     void* data) -> int { return (*static_cast<Judge*>(data))(*module, size); },
                  &judge);
}

}  // namespace

bool readSafely(uint64_t address, void* to, size_t bytes) {
  iovec local{to, bytes};
  iovec remote{reinterpret_cast<void*>(address), bytes};
  ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  if (n == static_cast<ssize_t>(bytes)) return true;
  return n < 0 && errno != EFAULT && readThroughPipe(address, to, bytes);
}

void readMany(const std::vector<uint64_t>& addresses, size_t bytes, std::vector<uint8_t>& out,
              std::vector<bool>& ok) {
  constexpr size_t kBatch = 64;
  out.assign(addresses.size() * bytes, 0);
  ok.assign(addresses.size(), false);
  size_t i = 0;
  while (i < addresses.size()) {
    iovec local[kBatch], remote[kBatch];
    size_t n = 0;
    for (; n < kBatch && i + n < addresses.size(); ++n) {
      local[n] = {&out[(i + n) * bytes], bytes};
      remote[n] = {reinterpret_cast<void*>(addresses[i + n]), bytes};
    }
    ssize_t got = process_vm_readv(getpid(), local, n, remote, n, 0);
    size_t whole = got > 0 ? static_cast<size_t>(got) / bytes : 0;
    for (size_t k = 0; k < whole; ++k) ok[i + k] = true;
    i += whole;
    // The call stops at the first address that cannot be read: take that one alone and go on behind it.
    if (whole < n) {
      ok[i] = readSafely(addresses[i], &out[i * bytes], bytes);
      ++i;
    }
  }
}

Range ownStack() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {};
  void* base;
  size_t bytes;
  const bool known = pthread_attr_getstack(&attributes, &base, &bytes) == 0;
  pthread_attr_destroy(&attributes);
  const auto begin = reinterpret_cast<uint64_t>(base);
  return known ? Range{begin, begin + bytes} : Range{};
}

bool threadLocalBlockOf(const dl_phdr_info& module, size_t size, uint64_t code, Range& found) {
  bool mine = false;
  size_t bytes = 0;
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const auto& p = module.dlpi_phdr[i];
    uint64_t begin = module.dlpi_addr + p.p_vaddr;
    if (p.p_type == PT_LOAD && code >= begin && code < begin + p.p_memsz) mine = true;
    if (p.p_type == PT_TLS) bytes = p.p_memsz;
  }
  if (!mine) return false;
  // An old loader fills in less, and one that has not yet given this thread the block leaves it null.
  if (size >= offsetof(dl_phdr_info, dlpi_tls_data) + sizeof(void*) && module.dlpi_tls_data) {
    auto begin = reinterpret_cast<uint64_t>(module.dlpi_tls_data);
    found = {begin, begin + bytes};
  }
  return true;
}

Range codeSegment(const void* codeAddress) {
  const auto code = reinterpret_cast<uint64_t>(codeAddress);
  Range found;
  eachModule([&](const dl_phdr_info& module, size_t) {
    for (int i = 0; i < module.dlpi_phnum; ++i) {
      const auto& p = module.dlpi_phdr[i];
      const uint64_t begin = module.dlpi_addr + p.p_vaddr;
      const Range segment{begin, begin + p.p_memsz};
      if (p.p_type == PT_LOAD && (p.p_flags & PF_X) && segment.contains(code)) found = segment;
    }
    return found.end != 0;
  });
  return found;
}

Range threadLocalBlock(const void* codeAddress) {
  const auto code = reinterpret_cast<uint64_t>(codeAddress);
  Range found;
  eachModule(
      [&](const dl_phdr_info& module, size_t size) { return threadLocalBlockOf(module, size, code, found); });
  return found;
}

}  // namespace stackful::engine
