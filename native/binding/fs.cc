// Files. Descriptors are numbers here as they are in node:fs.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "buffers.h"

namespace stackful::binding {
namespace {

disk::Disk& disk() {
  return Runtime::current()->disk();
}

// A path from a string or a view; the caller has seen that there is no zero byte in it.
class Path {
 public:
  explicit Path(v8::Isolate* isolate, v8::Local<v8::Value> value)
      : text_(isolate, value->IsString() ? value.As<v8::String>() : v8::String::Empty(isolate)) {
    if (value->IsString()) return;
    bytes_.assign(node::Buffer::Data(value), node::Buffer::Length(value));
    isBytes_ = true;
  }
  const char* c_str() const { return isBytes_ ? bytes_.c_str() : text_.data(); }
  // 0, or why the path cannot be used. (Paths that are too long are the kernel's to refuse.)
  int error() const { return text_ ? 0 : -ENOMEM; }

 private:
  Text text_;
  std::string bytes_;
  bool isBytes_ = false;
};

// fsOpen(path, flags, mode): a descriptor or a code. Parks.
void open(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  returnInt(info, disk::open(disk(), path.c_str(), intAt(info, 1), static_cast<mode_t>(intAt(info, 2))));
}

// fsClose(fd). Parks if it can and has to.
void close(const Info& info) {
  // The runtime is gone when a finalizer comes late.
  if (Runtime::current()) returnInt(info, disk::close(disk(), intAt(info, 0)));
}

// fsRead(fd, view, offset, length, position): bytes or a code; position -1 = the current one. Parks.
void read(const Info& info) {
  v8::Local<v8::Value> view = info[1];
  const Bytes bytes = bytesAt(info, 1);
  returnInt(info, disk::pread(disk(), intAt(info, 0), bytes.data + static_cast<size_t>(numberAt(info, 2)),
                              static_cast<size_t>(numberAt(info, 3)), static_cast<int64_t>(numberAt(info, 4)),
                              keepAlive(view)));
}

// fsWrite(fd, view, offset, length, position): as fsRead.
void write(const Info& info) {
  v8::Local<v8::Value> view = info[1];
  const Bytes bytes = bytesAt(info, 1);
  returnInt(info, disk::pwrite(disk(), intAt(info, 0), bytes.data + static_cast<size_t>(numberAt(info, 2)),
                               static_cast<size_t>(numberAt(info, 3)),
                               static_cast<int64_t>(numberAt(info, 4)), keepAlive(view)));
}

// The system call that failed goes into the code as well: see lib/fs/native.ts.
int withCall(int code, const disk::Bytes& bytes) {
  const std::string_view call = bytes.failed ? bytes.failed : "";
  return code - (call == "read" ? 200'000 : call == "fstat" ? 100'000 : 0);
}

// fsReadFile(path or fd, utf8): the content as a string or a Buffer, or a code. Parks.
void readFile(const Info& info) {
  // A large one is cheaper to decode where Node does it, and may be too long for a string.
  constexpr size_t kMostText = size_t{64} << 10;
  v8::Isolate* isolate = info.GetIsolate();
  disk::Bytes bytes;
  int result;
  if (info[0]->IsInt32()) {
    result = disk::readFile(disk(), intAt(info, 0), bytes);
  } else {
    const Path path(isolate, info[0]);
    if (const int error = path.error()) return returnInt(info, error);
    result = disk::readFile(disk(), path.c_str(), bytes);
  }
  if (result < 0) return returnInt(info, withCall(result, bytes));
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
    // Not to be caught in a FIFO that nobody has opened: this cannot be cancelled.
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, mode);
    if (fd < 0) return errno == ENXIO ? kMayBlock : -errno;
    struct stat about;
    const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    if (!regular && !(flags & O_NONBLOCK)) fcntl(fd, F_SETFL, flags & ~O_CLOEXEC);
    int64_t result = fill(fd);
    if (::close(fd) != 0 && result == 0 && errno != EINTR) result = failed(kClose);
    return result;
  }
  void undo(int64_t) {}

  static constexpr int kMayBlock = -900'000;

 private:
  // Numbered as lib/fs/native.ts does.
  enum Call { kOpen, kWrite, kSync, kClose };
  static int64_t failed(Call call) { return -errno - 100'000 * call; }

  int64_t fill(int fd) {
    for (size_t done = 0; done < size;) {
      const ssize_t n = ::write(fd, data + done, size - done);
      if (n < 0 && errno != EINTR) return failed(kWrite);
      if (n > 0) done += static_cast<size_t>(n);
    }
    return flush && ::fsync(fd) != 0 ? failed(kSync) : 0;
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
  returnInt(info, disk().run(task, {sched::ParkKind::kFileWrite, -1, 0}, disk::Cancelled::kWaits));
}

// In the order of lib/fs/stats.ts.
void returnStat(const Info& info, int result, const struct statx& s) {
  if (result < 0) return returnInt(info, result);
  const double numbers[] = {
      static_cast<double>(makedev(s.stx_dev_major, s.stx_dev_minor)),
      static_cast<double>(s.stx_mode),
      static_cast<double>(s.stx_nlink),
      static_cast<double>(s.stx_uid),
      static_cast<double>(s.stx_gid),
      static_cast<double>(makedev(s.stx_rdev_major, s.stx_rdev_minor)),
      static_cast<double>(s.stx_blksize),
      static_cast<double>(s.stx_ino),
      static_cast<double>(s.stx_size),
      static_cast<double>(s.stx_blocks),
      static_cast<double>(s.stx_atime.tv_sec),
      static_cast<double>(s.stx_atime.tv_nsec),
      static_cast<double>(s.stx_mtime.tv_sec),
      static_cast<double>(s.stx_mtime.tv_nsec),
      static_cast<double>(s.stx_ctime.tv_sec),
      static_cast<double>(s.stx_ctime.tv_nsec),
      static_cast<double>(s.stx_btime.tv_sec),
      static_cast<double>(s.stx_btime.tv_nsec),
  };
  constexpr size_t kCount = std::size(numbers);
  v8::Local<v8::Value> values[kCount];
  for (size_t i = 0; i < kCount; ++i) values[i] = v8::Number::New(info.GetIsolate(), numbers[i]);
  info.GetReturnValue().Set(v8::Array::New(info.GetIsolate(), values, kCount));
}

// fsStat(path), fsLstat(path), fsFstat(fd): an array of numbers or a code. Park.
void stat(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  struct statx about;
  returnStat(info, disk::stat(disk(), path.c_str(), about), about);
}

void lstat(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  struct statx about;
  returnStat(info, disk::lstat(disk(), path.c_str(), about), about);
}

void fstat(const Info& info) {
  struct statx about;
  returnStat(info, disk::fstat(disk(), intAt(info, 0), about), about);
}

v8::Local<v8::Value> name(v8::Isolate* isolate, const std::string& text, bool asBuffer) {
  if (asBuffer) return Buffers::current()->copy(isolate, text.data(), text.size());
  return string(isolate, text);
}

// fsReaddir(path, asBuffers): [name, type, name, type ...] in Node's order, or a code. The types are
// d_type's. Parks.
void readdir(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Path path(isolate, info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  std::vector<disk::DirectoryEntry> entries;
  const int result = disk::readdir(disk(), path.c_str(), entries);
  if (result < 0) return returnInt(info, result);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Array> list = v8::Array::New(isolate, static_cast<int>(2 * entries.size()));
  uint32_t i = 0;
  for (const disk::DirectoryEntry& entry : entries) {
    v8::HandleScope scope(isolate);
    list->Set(context, i++, name(isolate, entry.name, boolAt(info, 1))).Check();
    list->Set(context, i++, v8::Integer::New(isolate, entry.type)).Check();
  }
  info.GetReturnValue().Set(list);
}

// fsRealpath(path, asBuffer): the path, or a code. Parks.
void realpath(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  std::string resolved;
  const int result = disk::realpath(disk(), path.c_str(), resolved);
  if (result < 0) return returnInt(info, result);
  info.GetReturnValue().Set(name(info.GetIsolate(), resolved, boolAt(info, 1)));
}

struct AccessTask {
  std::string path;
  int mode;
  int64_t run() { return ::access(path.c_str(), mode) == 0 ? 0 : -errno; }
  void undo(int64_t) {}
};

// fsAccess(path, mode): 0 or a code. Parks.
void access(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  AccessTask task{path.c_str(), intAt(info, 1)};
  returnInt(info, disk().run(task, {sched::ParkKind::kFileStat, -1, 0}, disk::Cancelled::kAbandons));
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
  returnInt(info, disk().run(task, {sched::ParkKind::kFileWrite, task.fd, 0}, disk::Cancelled::kWaits));
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
  define(context, exports, "fsStat", stat);
  define(context, exports, "fsLstat", lstat);
  define(context, exports, "fsFstat", fstat);
  define(context, exports, "fsReaddir", readdir);
  define(context, exports, "fsRealpath", realpath);
  define(context, exports, "fsAccess", access);
  define(context, exports, "fsSync", sync);
}

}  // namespace stackful::binding
