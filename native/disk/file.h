// File operations for coroutines. What the page cache and the dentry cache can answer is answered at once, on
// this thread; only what would wait for a disk goes to the thread pool, and only then does the coroutine
// park.
//
//  1. Every call returns >= 0 or a negative number: -errno, the coroutine's interruption (-ECANCELED), or
//     kNotInCoroutine / kCannotPark.
//  2. Paths and vectors are the caller's and may lie on its stack. Buffers that a pool thread reads or writes
//     need a KeepAlive, because the coroutine's memory can go away while the thread works.
//  3. A call that is ended early is withdrawn while no thread has begun it, and then has done nothing. Begun, it is
//     waited for if it changes a file or uses the caller's descriptor, and abandoned otherwise (pool/pool.h).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../pool/pool.h"

namespace stackful::disk {

using pool::Interrupted;
using pool::Pool;

// Keeps the memory of a buffer alive while a pool thread uses it, should the coroutine end first. Nothing is
// called unless the pool is used: then `hold(subject)` on this thread, and `release` of what it returned when
// the pool is done, on this thread, or on a pool thread when the environment is gone. All null: the memory
// never goes away.
struct KeepAlive {
  void* (*hold)(void* subject) = nullptr;
  void (*release)(void* held) = nullptr;
  void* subject = nullptr;
};

// The system calls in which an operation on a whole file can fail, numbered as lib/fs/native.ts does.
enum class FileCall : uint8_t { kOpen, kStat, kRead, kWrite, kSync, kClose };

// A file's content, from malloc; the receiver frees `data`.
struct Bytes {
  char* data = nullptr;
  size_t size = 0;
  FileCall failed = FileCall::kRead;  // after an error: the system call that gave it
};

// The names in a directory, without `.` and `..`, sorted by bytes. In one piece: a string each would take longer than the
// system calls.
struct Listing {
  struct Entry {
    uint32_t at;
    uint16_t length;
    uint8_t type;  // DT_REG, DT_DIR, ...; never DT_UNKNOWN unless the entry is gone already
  };
  std::vector<Entry> entries;
  std::string names;

  std::string_view name(const Entry& entry) const { return {names.data() + entry.at, entry.length}; }
  void add(const char* name, uint8_t type);
  void sort();
};

inline constexpr int64_t kCurrentPosition = -1;

// The descriptor. O_CLOEXEC is added. (On a network file system a cached open still asks the server, on this
// thread.)
int open(Pool& pool, const char* path, int flags, mode_t mode) noexcept;
// A descriptor that can write closes on the pool: network file systems write back there. It closes even if the call is
// ended early; what it came to is lost then.
int close(Pool& pool, int fd) noexcept;

// Reads until `size` bytes or the end of file; from pipes and terminals what one read(2) gives. `offset` may
// be kCurrentPosition.
ssize_t pread(Pool& pool, int fd, void* buffer, size_t size, int64_t offset, const KeepAlive& keep) noexcept;
// Writes everything. An error after a part has been written is lost: the count is returned, as by write(2).
ssize_t pwrite(Pool& pool, int fd, const void* data, size_t size, int64_t offset,
               const KeepAlive& keep) noexcept;

// All fields of STATX_BASIC_STATS and the birth time.
int stat(Pool& pool, const char* path, struct statx& out) noexcept;
int lstat(Pool& pool, const char* path, struct statx& out) noexcept;
int fstat(Pool& pool, int fd, struct statx& out) noexcept;

// access(path, F_OK), without a thread where the caches know.
int exists(Pool& pool, const char* path) noexcept;

int readdir(Pool& pool, const char* path, Listing& out) noexcept;
int realpath(Pool& pool, const char* path, std::string& out) noexcept;

// 0, or a code; or the descriptor of a file whose size is in `out`: it is large, and for the caller to read into memory that
// JavaScript's collector knows better than malloc's, and to close.
int readFile(Pool& pool, const char* path, Bytes& out) noexcept;
// From the current position of `fd` to the end.
int readFile(Pool& pool, int fd, Bytes& out) noexcept;

// Calls on paths and descriptors that are one system call, numbered as lib/fs/native.ts does. What they take of Call.
enum class CallKind : uint8_t {
  kAccess,     // path, number: the mode
  kRename,     // path, other: the new one
  kLink,       // path, other: the new one
  kSymlink,    // path: what it names, other: the link
  kUnlink,     // path
  kRmdir,      // path
  kMkdir,      // path, number: the mode
  kChmod,      // path, number: the mode
  kFchmod,     // fd, number: the mode
  kFtruncate,  // fd, number: the length
  kCopy,       // path, other: the copy, number: flags of uv_fs_copyfile
  kReadlink,   // path; gives text
  kMkdtemp,    // path: the prefix; gives text
};

struct Call {
  CallKind kind;
  std::string path;
  std::string other;
  int fd = -1;
  int64_t number = 0;

  int64_t run();
  void undo(int64_t result);
};

// 0, or a code. `call` comes back with the text in `path`.
int run(Pool& pool, Call& call) noexcept;

// Brings file[offset, offset + length) into the page cache unless it is there.
int ensureCached(Pool& pool, int fd, int64_t offset, size_t length) noexcept;

// A stretch of a file for net::sendFile, which blocks the thread for what is not in the page cache: brought there a piece at
// a time, long enough that the calls for it do not count, short enough to be there still when it is sent.
class CachedPieces {
 public:
  CachedPieces(Pool& pool, int fd, int64_t begin, int64_t end) noexcept
      : pool_(pool), fd_(fd), cached_(begin), end_(end) {}

  // How many bytes from `at` on are cached, where `at` has come no further than it was said to be; with none left, brings
  // the next piece, and may park. Or a code.
  int64_t from(int64_t at) noexcept {
    if (at == cached_) {
      const int64_t next = std::min(at + kPiece, end_);
      if (const int code = ensureCached(pool_, fd_, at, static_cast<size_t>(next - at)); code < 0)
        return code;
      cached_ = next;
    }
    return cached_ - at;
  }

 private:
  static constexpr int64_t kPiece = int64_t{512} << 10;

  Pool& pool_;
  const int fd_;
  int64_t cached_;  // up to here
  const int64_t end_;
};

}  // namespace stackful::disk
