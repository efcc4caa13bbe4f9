// The engine's look at memory and at modules, with loaders that say more or less than glibc's.
#include "engine/probe.h"

#include <doctest/doctest.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

#include <cstdlib>

using stackful::engine::ownStack;
using stackful::engine::Range;
using stackful::engine::readMany;
using stackful::engine::readSafely;
using stackful::engine::threadLocalBlock;
using stackful::engine::threadLocalBlockOf;

namespace {

thread_local uint64_t ours = 7;

// A module at 0x10000 with code in its first page and 0x40 bytes of thread-local storage, which this thread has at 0x9000.
struct FakeModule {
  ElfW(Phdr) headers[2] = {};
  dl_phdr_info info = {};
  FakeModule() {
    headers[0].p_type = PT_TLS;
    headers[0].p_memsz = 0x40;
    headers[1].p_type = PT_LOAD;
    headers[1].p_vaddr = 0x1000;
    headers[1].p_memsz = 0x1000;
    info.dlpi_addr = 0x10000;
    info.dlpi_phdr = headers;
    info.dlpi_phnum = 2;
    info.dlpi_tls_data = reinterpret_cast<void*>(0x9000);
  }
};

}  // namespace

TEST_CASE("a module's thread-local block is where the loader says") {
  FakeModule module;
  Range found;
  CHECK(threadLocalBlockOf(module.info, sizeof module.info, 0x11000, found));
  CHECK(found.begin == 0x9000);
  CHECK(found.end == 0x9040);
}

TEST_CASE("a module that does not hold the code is not it") {
  FakeModule module;
  Range found;
  CHECK_FALSE(threadLocalBlockOf(module.info, sizeof module.info, 0x12000, found));
  CHECK_FALSE(threadLocalBlockOf(module.info, sizeof module.info, 0x10fff, found));
  CHECK(found.begin == 0);
}

TEST_CASE(
    "a loader that does not tell of thread-local blocks leaves the range empty, with any memory behind "
    "holds") {
  FakeModule module;
  Range found;
  CHECK(threadLocalBlockOf(module.info, offsetof(dl_phdr_info, dlpi_tls_data), 0x11000, found));
  CHECK(found.end == found.begin);
}

TEST_CASE("a block that this thread does not have yet leaves the range empty") {
  FakeModule module;
  module.info.dlpi_tls_data = nullptr;
  Range found;
  CHECK(threadLocalBlockOf(module.info, sizeof module.info, 0x11000, found));
  CHECK(found.end == found.begin);
}

TEST_CASE("this program's own thread-local block holds its variables") {
  CHECK(threadLocalBlock(reinterpret_cast<const void*>(&readSafely))
            .contains(reinterpret_cast<uint64_t>(&ours)));
}

TEST_CASE("memory that is not there is not read") {
  char* page =
      static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(page + 4096, 4096, PROT_NONE);
  page[4095] = 5;
  char byte = 0;
  CHECK(readSafely(reinterpret_cast<uint64_t>(page + 4095), &byte, 1));
  CHECK(byte == 5);
  uint64_t word;
  CHECK_FALSE(readSafely(reinterpret_cast<uint64_t>(page + 4092), &word, 8));
  CHECK_FALSE(readSafely(8, &word, 8));
  std::vector<uint8_t> bytes;
  std::vector<bool> ok;
  readMany({reinterpret_cast<uint64_t>(page), 8, reinterpret_cast<uint64_t>(page + 8)}, 8, bytes, ok);
  CHECK(ok == std::vector<bool>{true, false, true});
  munmap(page, 8192);
}

TEST_CASE("the allocator tells at least what was asked for") {
  void* block = malloc(1000);
  CHECK(malloc_usable_size(block) >= 1000);
  free(block);
}

TEST_CASE("a thread's own stack holds its frames, and nothing else's") {
  struct Seen {
    Range stack;
    bool holdsFrame = false, holdsHeap = true;
  };
  auto look = [](void* data) -> void* {
    auto* seen = static_cast<Seen*>(data);
    seen->stack = ownStack();
    void* block = malloc(64);
    seen->holdsFrame = seen->stack.contains(reinterpret_cast<uint64_t>(__builtin_frame_address(0)));
    seen->holdsHeap = seen->stack.contains(reinterpret_cast<uint64_t>(block));
    free(block);
    return nullptr;
  };
  Seen here, elsewhere;
  look(&here);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, nullptr, look, &elsewhere) == 0);
  pthread_join(thread, nullptr);
  for (const Seen& seen : {here, elsewhere}) {
    CHECK(seen.holdsFrame);
    CHECK_FALSE(seen.holdsHeap);
  }
  CHECK_FALSE(here.stack.contains(elsewhere.stack.begin));
}
