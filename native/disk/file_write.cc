#include <unistd.h>

#include "file.h"
#include "held_buffer.h"

namespace stackful::disk {
namespace {

struct WriteTask {
  int fd;
  int64_t offset;
  HeldBuffer buffer;
  int64_t run() {
    size_t done = 0;
    while (done < buffer.size()) {
      const char* from = buffer.data() + done;
      const size_t size = buffer.size() - done;
      const ssize_t n = offset < 0 ? ::write(fd, from, size)
                                   : ::pwrite(fd, from, size, offset + static_cast<int64_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && done == 0) return -errno;
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    return static_cast<int64_t>(done);
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
