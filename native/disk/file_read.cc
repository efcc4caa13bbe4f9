#include <cstdlib>
#include <cstring>

#include "cached.h"
#include "descriptor.h"
#include "file.h"
#include "held_buffer.h"
#include "stream_wait.h"

namespace stackful::disk {
namespace {

using sched::ParkKind;

// Above this, copying on the pool while other coroutines run is better than 25 us or more of standstill.
constexpr size_t kMostInline = size_t{256} << 10;
// For files that do not know their size, such as those of /proc.
constexpr size_t kFirstGuess = size_t{16} << 10;

// Reading it does not wait for ever, or can be stopped.
bool endsSoon(mode_t mode) {
  return S_ISREG(mode) || isStream(mode);
}

ssize_t readOnce(int fd, char* to, size_t size, int64_t offset) {
  for (;;) {
    const ssize_t n = offset < 0 ? ::read(fd, to, size) : ::pread(fd, to, size, offset);
    if (n >= 0) return n;
    if (errno != EINTR) return -errno;
  }
}

struct ReadTask {
  int fd;
  int64_t offset;
  bool untilFull;
  bool stream;
  HeldBuffer buffer;
  StreamWait wait{};

  void stop() { wait.stop(); }
  int64_t run() {
    if (stream) return wait.read(fd, buffer.data(), buffer.size());
    size_t done = 0;
    while (done < buffer.size()) {
      const int64_t at = offset < 0 ? offset : offset + static_cast<int64_t>(done);
      const ssize_t n = readOnce(fd, buffer.data() + done, buffer.size() - done, at);
      if (n < 0 && done == 0) return n;
      if (n <= 0) break;
      done += static_cast<size_t>(n);
      if (!untilFull) break;
    }
    return static_cast<int64_t>(done);
  }
  void undo(int64_t) {}
};

// What is left of reading a whole file. Owns what it has read, and the descriptor if it opened it.
struct ReadFileTask {
  std::string path;  // empty: `fd` is open
  int fd = -1;
  bool owned = false;
  bool keep = false;  // the caller's descriptor
  Bytes bytes;
  size_t capacity = 0;
  mode_t mode = 0;  // once it is known
  StreamWait wait;

  ReadFileTask() = default;
  ReadFileTask(ReadFileTask&& other) noexcept { *this = std::move(other); }
  ReadFileTask& operator=(ReadFileTask&& other) noexcept {
    std::swap(path, other.path);
    std::swap(fd, other.fd);
    std::swap(owned, other.owned);
    std::swap(keep, other.keep);
    std::swap(bytes, other.bytes);
    std::swap(capacity, other.capacity);
    std::swap(mode, other.mode);
    std::swap(wait, other.wait);
    return *this;
  }
  ~ReadFileTask() {
    free(bytes.data);
    closeOwned();
  }

  void closeOwned() {
    if (owned) ::close(fd);
    owned = false;
  }
  int64_t fail(FileCall call, int error) {
    bytes.failed = call;
    return -error;
  }
  bool reserve(size_t wanted) {
    if (wanted <= capacity) return true;
    void* grown = realloc(bytes.data, wanted);
    if (!grown) return false;
    bytes.data = static_cast<char*>(grown);
    capacity = wanted;
    return true;
  }

  int64_t run() {
    if (fd < 0) {
      fd = openFile(path.c_str(), O_RDONLY);
      if (fd < 0) return fail(FileCall::kOpen, -fd);
      owned = true;
    }
    if (capacity == 0) {
      struct stat about;
      if (::fstat(fd, &about) != 0) return fail(FileCall::kStat, errno);
      // One more than there is, so that the read that gets it all is also the one that finds the end.
      mode = about.st_mode;
      const size_t known = S_ISREG(about.st_mode) ? static_cast<size_t>(about.st_size) : 0;
      if (!reserve(known > 0 ? known + 1 : kFirstGuess)) return fail(FileCall::kRead, ENOMEM);
    }
    for (;;) {
      if (bytes.size == capacity && !reserve(capacity * 2)) return fail(FileCall::kRead, ENOMEM);
      char* const to = bytes.data + bytes.size;
      const size_t room = capacity - bytes.size;
      const int64_t n = isStream(mode) ? wait.read(fd, to, room) : readOnce(fd, to, room, kCurrentPosition);
      // What has been read of a stream is lost here, as it is when a loop around read() is ended; nothing more is taken.
      if (n == pool::kStopped) return n;
      if (n < 0) return fail(FileCall::kRead, static_cast<int>(-n));
      if (n == 0) break;
      bytes.size += static_cast<size_t>(n);
    }
    closeOwned();
    return 0;
  }
  void undo(int64_t) {}
  void stop() { wait.stop(); }

  void give(Bytes& out) {
    out = bytes;
    bytes = {};
  }
};

// Reads from the cache as far as it goes. 0 = all of it, -errno, kNotCached.
int64_t readFileCached(ReadFileTask& task, size_t size) {
  if (size == 0 || size > kMostInline) return kNotCached;
  if (!task.reserve(size + 1)) return task.fail(FileCall::kRead, ENOMEM);
  for (;;) {
    const size_t room = task.capacity - task.bytes.size;
    const ssize_t n = readCached(task.fd, task.bytes.data + task.bytes.size, room, kCurrentPosition);
    if (n == kNotCached) return n;
    if (n < 0) return task.fail(FileCall::kRead, static_cast<int>(-n));
    task.bytes.size += static_cast<size_t>(n);
    // Regular files only come here: short of `room` at the known size is the end.
    if (n == 0 || task.bytes.size == size) return 0;
    if (task.bytes.size > size) return kNotCached;  // it is growing: leave it to run()
  }
}

int finishReadFile(Pool& pool, ReadFileTask& task, int64_t result, Bytes& out) {
  if (result == kNotCached) {
    const Interrupted interrupted =
        task.keep && endsSoon(task.mode) ? Interrupted::kWaits : Interrupted::kAbandons;
    result = pool.run(task, {ParkKind::kFileRead, task.fd, 0}, interrupted);
  } else {
    task.closeOwned();
    pool.scheduler().charge();
  }
  if (result < 0) {
    // Read from the cache before the rest was given up: it is still to be read.
    if (task.keep && task.bytes.size > 0 && Pool::isInterruption(result)) {
      lseek(task.fd, -static_cast<off_t>(task.bytes.size), SEEK_CUR);
    }
    out = {};
    out.failed = task.bytes.failed;
    return static_cast<int>(result);
  }
  task.give(out);
  return 0;
}

struct WarmTask {
  int fd;
  int64_t offset;
  size_t length;
  int64_t run() {
    // readahead(2) and fadvise only begin; what has been read is there.
    constexpr size_t kChunk = size_t{64} << 10;
    char* chunk = static_cast<char*>(malloc(kChunk));
    if (!chunk) return -ENOMEM;
    ssize_t n = 1;
    while (length > 0 && n > 0) {
      n = readOnce(fd, chunk, length < kChunk ? length : kChunk, offset);
      if (n <= 0) break;
      offset += n;
      length -= static_cast<size_t>(n);
    }
    free(chunk);
    return n < 0 ? n : 0;
  }
  void undo(int64_t) {}
};

}  // namespace

ssize_t pread(Pool& pool, int fd, void* buffer, size_t size, int64_t offset, const KeepAlive& keep) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  char* const to = static_cast<char*>(buffer);
  size_t done = 0;
  mode_t mode = 0;
  bool untilFull = offset >= 0;
  while (done < size) {
    const int64_t at = offset < 0 ? offset : offset + static_cast<int64_t>(done);
    const ssize_t n = readCached(fd, to + done, size - done, at);
    if (n == kNotCached) break;
    if (n < 0) return done > 0 ? static_cast<ssize_t>(done) : n;
    done += static_cast<size_t>(n);
    if (n > 0 && done < size && !untilFull) untilFull = S_ISREG(mode = modeOf(fd));
    // A pipe has given what it has; a file may end here, or continue outside the cache.
    if (n == 0 || done == size || !untilFull) {
      pool.scheduler().charge();
      return static_cast<ssize_t>(done);
    }
  }
  if (size == 0) return 0;
  if (!untilFull) untilFull = S_ISREG(mode = modeOf(fd));
  ReadTask task{fd, offset < 0 ? offset : offset + static_cast<int64_t>(done), untilFull, isStream(mode),
                HeldBuffer(to + done, size - done, keep)};
  const Interrupted interrupted = untilFull || task.stream ? Interrupted::kWaits : Interrupted::kAbandons;
  const int64_t n = pool.run(task, {ParkKind::kFileRead, fd, 0}, interrupted);
  if (n >= 0) return static_cast<ssize_t>(done) + n;
  if (Pool::isInterruption(n)) {
    // Less than was asked for means the end of the file: what came from the cache is given back.
    if (offset < 0 && done > 0) lseek(fd, -static_cast<off_t>(done), SEEK_CUR);
    return n;
  }
  return done > 0 ? static_cast<ssize_t>(done) : n;
}

int readFile(Pool& pool, const char* path, Bytes& out) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  ReadFileTask task;
  struct stat about;
  int64_t result = kNotCached;
  const int fd = openCachedToRead(path, about);
  if (fd >= 0) {
    task.fd = fd;
    task.owned = true;
    if (S_ISREG(about.st_mode)) {
      // 0, the descriptor of a process without a standard input, would say that all is done.
      if (about.st_size > static_cast<off_t>(kMostInline) && fd > 0) {
        task.owned = false;
        out = {nullptr, static_cast<size_t>(about.st_size)};
        return fd;
      }
      result = readFileCached(task, static_cast<size_t>(about.st_size));
    }
  } else {
    task.path = path;
  }
  return finishReadFile(pool, task, result, out);
}

int readFile(Pool& pool, int fd, Bytes& out) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  ReadFileTask task;
  task.fd = fd;
  task.keep = true;
  struct stat about;
  int64_t result = kNotCached;
  if (::fstat(fd, &about) != 0) {
    result = task.fail(FileCall::kStat, errno);
  } else if (S_ISREG(task.mode = about.st_mode)) {
    const off_t position = lseek(fd, 0, SEEK_CUR);
    if (position >= 0 && position < about.st_size) {
      result = readFileCached(task, static_cast<size_t>(about.st_size - position));
    }
  }
  return finishReadFile(pool, task, result, out);
}

int ensureCached(Pool& pool, int fd, int64_t offset, size_t length) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  if (isCached(fd, offset, length)) return 0;
  WarmTask task{fd, offset, length};
  return static_cast<int>(pool.run(task, {ParkKind::kFileRead, fd, 0}, Interrupted::kWaits));
}

}  // namespace stackful::disk
