// File operations for coroutines. What the page cache and the dentry cache can answer is answered at once, on
// this thread; only what would wait for a disk goes to the thread pool, and only then does the coroutine
// park.
//
//  1. Every call returns >= 0 or a negative number: -errno, the coroutine's interruption (-ECANCELED), or
//     sched::kNotInCoroutine / kCannotPark.
//  2. Paths and vectors are the caller's and may lie on its stack. Buffers that a pool thread reads or writes
//     need a KeepAlive, because the coroutine's memory can go away while the thread works.
//  3. Cancellation waits for what changes a file or uses the caller's descriptor, and abandons the rest
//     (disk.h).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "disk.h"

namespace stackful::disk {

// Keeps the memory of a buffer alive while a pool thread uses it, should the coroutine end first. Nothing is
// called unless the pool is used: then `hold(subject)` on this thread, and `release` of what it returned when
// the pool is done, on this thread, or on a pool thread when the environment is gone. All null: the memory
// never goes away.
struct KeepAlive {
  void* (*hold)(void* subject) = nullptr;
  void (*release)(void* held) = nullptr;
  void* subject = nullptr;
};

// A file's content, from malloc; the receiver frees `data`.
struct Bytes {
  char* data = nullptr;
  size_t size = 0;
  const char* failed = nullptr;  // after an error: the system call that gave it, "open", "fstat" or "read"
};

struct DirectoryEntry {
  std::string name;
  uint8_t type;  // DT_REG, DT_DIR, ...; never DT_UNKNOWN unless the entry is gone already
};

inline constexpr int64_t kCurrentPosition = -1;

// The descriptor. O_CLOEXEC is added. (On a network file system a cached open still asks the server, on this
// thread.)
int open(Disk& disk, const char* path, int flags, mode_t mode) noexcept;
// A descriptor that can write closes on the pool: network file systems write back there.
int close(Disk& disk, int fd) noexcept;

// Reads until `size` bytes or the end of file; from pipes and terminals what one read(2) gives. `offset` may
// be kCurrentPosition.
ssize_t pread(Disk& disk, int fd, void* buffer, size_t size, int64_t offset, const KeepAlive& keep) noexcept;
// Writes everything. An error after a part has been written is lost: the count is returned, as by write(2).
ssize_t pwrite(Disk& disk, int fd, const void* data, size_t size, int64_t offset,
               const KeepAlive& keep) noexcept;

// All fields of STATX_BASIC_STATS and the birth time.
int stat(Disk& disk, const char* path, struct statx& out) noexcept;
int lstat(Disk& disk, const char* path, struct statx& out) noexcept;
int fstat(Disk& disk, int fd, struct statx& out) noexcept;

int readdir(Disk& disk, const char* path, std::vector<DirectoryEntry>& out) noexcept;
int realpath(Disk& disk, const char* path, std::string& out) noexcept;

int readFile(Disk& disk, const char* path, Bytes& out) noexcept;
// From the current position of `fd` to the end.
int readFile(Disk& disk, int fd, Bytes& out) noexcept;

// Brings file[offset, offset + length) into the page cache unless it is there: what to do before
// net::sendFile.
int ensureCached(Disk& disk, int fd, int64_t offset, size_t length) noexcept;

}  // namespace stackful::disk
