#include <unistd.h>

#include "descriptor.h"
#include "file.h"
#include "held_buffer.h"
#include "stream_wait.h"

namespace stackful::disk {
namespace {

struct WriteTask {
  int fd;
  int64_t offset;
  HeldBuffer buffer;
  StreamWait wait{};

  void stop() { wait.stop(); }
  int64_t run() {
    const bool stream = offset < 0 && isStream(modeOf(fd));
    size_t done = 0;
    while (done < buffer.size()) {
      const char* from = buffer.data() + done;
      const size_t size = buffer.size() - done;
      const int64_t n = stream ? wait.write(fd, from, size) : writeOnce(from, size, done);
      if (n < 0 && done == 0) return n;
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    return static_cast<int64_t>(done);
  }
  int64_t writeOnce(const char* from, size_t size, size_t done) const {
    ssize_t n;
    do {
      n = offset < 0 ? ::write(fd, from, size)
                     : ::pwrite(fd, from, size, offset + static_cast<int64_t>(done));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
  }
  void undo(int64_t) {}
};

}  // namespace

// Always on the pool: ext4 refuses RWF_NOWAIT for buffered writes (EOPNOTSUPP on Linux 6.18), and a write
// waits for memory as well as for the disk.
ssize_t pwrite(Pool& pool, int fd, const void* data, size_t size, int64_t offset,
               const KeepAlive& keep) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  WriteTask task{fd, offset, HeldBuffer(const_cast<void*>(data), size, keep)};
  return pool.run(task, {sched::ParkKind::kFileWrite, fd, 0}, Interrupted::kWaits);
}

}  // namespace stackful::disk
