// Files. Descriptors are numbers here as they are in node:fs.
#include <string>
#include <utility>

#include "../disk/descriptor.h"
#include "path.h"

namespace stackful::binding {
namespace {

using disk::FileCall;

pool::Pool& pool() {
  return Runtime::current()->pool();
}

// fsOpen(path, flags, mode): a descriptor, which is fsClose's to close, or a code. Parks.
void open(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  const int fd = disk::open(pool(), path.c_str(), intAt(info, 1), static_cast<mode_t>(intAt(info, 2)));
  if (fd >= 0) pool().own(fd);
  returnInt(info, fd);
}

// fsClose(fd). Parks if it can and has to.
void close(const Info& info) {
  // The runtime is gone when a finalizer comes late.
  if (!Runtime::current()) return;
  const int fd = intAt(info, 0);
  pool().disown(fd);
  returnInt(info, disk::close(pool(), fd));
}

// fsRead(fd, view, offset, length, position): bytes or a code; position -1 = the current one. Parks.
void read(const Info& info) {
  v8::Local<v8::Value> view = info[1];
  const Bytes bytes = bytesAt(info, 1);
  returnInt(info, disk::pread(pool(), intAt(info, 0), bytes.data + static_cast<size_t>(numberAt(info, 2)),
                              static_cast<size_t>(numberAt(info, 3)), static_cast<int64_t>(numberAt(info, 4)),
                              keepAlive(view)));
}

// fsWrite(fd, view, offset, length, position): as fsRead.
void write(const Info& info) {
  v8::Local<v8::Value> view = info[1];
  const Bytes bytes = bytesAt(info, 1);
  returnInt(info, disk::pwrite(pool(), intAt(info, 0), bytes.data + static_cast<size_t>(numberAt(info, 2)),
                               static_cast<size_t>(numberAt(info, 3)),
                               static_cast<int64_t>(numberAt(info, 4)), keepAlive(view)));
}

// The system call that failed goes into the code as well: see lib/fs/native.ts.
int64_t withCall(int64_t code, FileCall call) {
  return code - 100'000 * static_cast<int64_t>(call);
}

// fsReadFile(path or fd, utf8): the content as a string or a Buffer, or a code; or for a path [descriptor, size] of a large file
// that is still to be read, and for fsClose to close. Parks.
void readFile(const Info& info) {
  // A large one is cheaper to decode where Node does it, and may be too long for a string.
  constexpr size_t kMostText = size_t{64} << 10;
  v8::Isolate* isolate = info.GetIsolate();
  disk::Bytes bytes;
  int result;
  if (info[0]->IsInt32()) {
    result = disk::readFile(pool(), intAt(info, 0), bytes);
  } else {
    const Path path(isolate, info[0]);
    if (const int error = path.error()) return returnInt(info, error);
    result = disk::readFile(pool(), path.c_str(), bytes);
  }
  if (result < 0) return returnInt(info, withCall(result, bytes.failed));
  if (!bytes.data && result > 0) {
    pool().own(result);
    v8::Local<v8::Value> large[] = {v8::Integer::New(isolate, result),
                                    v8::Number::New(isolate, static_cast<double>(bytes.size))};
    return info.GetReturnValue().Set(v8::Array::New(isolate, large, 2));
  }
  if (boolAt(info, 1) && bytes.size <= kMostText) {
    info.GetReturnValue().Set(string(isolate, {bytes.data, bytes.size}));
    free(bytes.data);
    return;
  }
  info.GetReturnValue().Set(Buffers::current()->adopt(isolate, bytes.data, bytes.size));
}

// The whole of writeFile in one trip to the pool: three, for open, write and close, take twice as long.
struct WriteFileTask {
  std::string path;
  int flags;
  mode_t mode;
  bool flush;
  std::shared_ptr<v8::BackingStore> store;
  const char* data;
  size_t size;

  int64_t run() {
    struct stat about;
    const int fd = disk::openToWrite(path.c_str(), flags, mode, about);
    if (fd < 0) return fd == -ENXIO ? kMayBlock : fd;
    const int64_t result = fill(fd);
    const int closed = disk::closeFile(fd);
    return result == 0 && closed < 0 ? withCall(closed, FileCall::kClose) : result;
  }
  void undo(int64_t) {}

 private:
  static int64_t failed(FileCall call) { return withCall(-errno, call); }

  int64_t fill(int fd) {
    for (size_t done = 0; done < size;) {
      const ssize_t n = ::write(fd, data + done, size - done);
      if (n < 0 && errno != EINTR) return failed(FileCall::kWrite);
      if (n > 0) done += static_cast<size_t>(n);
    }
    return flush && ::fsync(fd) != 0 ? failed(FileCall::kSync) : 0;
  }
};

// fsWriteFile(path, flags, mode, view, flush): 0 or a code. Nothing is done where open(2) would wait. Parks.
void writeFile(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  auto view = info[3].As<v8::ArrayBufferView>();
  WriteFileTask task{path.c_str(),
                     intAt(info, 1),
                     static_cast<mode_t>(intAt(info, 2)),
                     boolAt(info, 4),
                     view->Buffer()->GetBackingStore(),
                     node::Buffer::Data(info[3]),
                     view->ByteLength()};
  returnInt(info, pool().run(task, {sched::ParkKind::kFileWrite, -1, 0}, pool::Interrupted::kWaits));
}

struct SyncTask {
  int fd;
  bool dataOnly;
  int64_t run() { return (dataOnly ? ::fdatasync(fd) : ::fsync(fd)) == 0 ? 0 : -errno; }
  void undo(int64_t) {}
};

// fsSync(fd, dataOnly): 0 or a code. Parks.
void sync(const Info& info) {
  SyncTask task{intAt(info, 0), boolAt(info, 1)};
  returnInt(info, pool().run(task, {sched::ParkKind::kFileSync, task.fd, 0}, pool::Interrupted::kWaits));
}

}  // namespace

void defineFs(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  Buffers::create(context, exports);
  define(context, exports, "fsOpen", open);
  define(context, exports, "fsClose", close);
  define(context, exports, "fsRead", read);
  define(context, exports, "fsWrite", write);
  define(context, exports, "fsReadFile", readFile);
  define(context, exports, "fsWriteFile", writeFile);
  define(context, exports, "fsSync", sync);
  defineFsNames(context, exports);
}

}  // namespace stackful::binding
