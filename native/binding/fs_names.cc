// Files by their names: what the kernel knows about them, and what changes where they are.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <utility>
#include <vector>

#include "path.h"

namespace stackful::binding {
namespace {

pool::Pool& pool() {
  return Runtime::current()->pool();
}

// What the last stat of this environment gave. JavaScript reads it before another coroutine can run: 18 numbers in a list
// would take as long as the system call.
class StatNumbers {
 public:
  static constexpr size_t kCount = 18;

  // Exports fsStatNumbers, an ArrayBuffer.
  static void create(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
    v8::Isolate* isolate = v8::Isolate::GetCurrent();
    v8::Local<v8::ArrayBuffer> memory = v8::ArrayBuffer::New(isolate, kCount * sizeof(double));
    if (!current_) {
      current_ = new StatNumbers;
      current_->store_ = memory->GetBackingStore();
      node::AddEnvironmentCleanupHook(
          isolate, [](void*) { delete std::exchange(current_, nullptr); }, nullptr);
    } else {
      memory = v8::ArrayBuffer::New(isolate, current_->store_);
    }
    exports->Set(context, asciiString(isolate, "fsStatNumbers"), memory).Check();
  }

  // In the order of lib/fs/stats.ts; as integers for Node's BigIntStats.
  static void set(const struct statx& s, bool big) {
    const uint64_t numbers[] = {
        makedev(s.stx_dev_major, s.stx_dev_minor),
        s.stx_mode,
        s.stx_nlink,
        s.stx_uid,
        s.stx_gid,
        makedev(s.stx_rdev_major, s.stx_rdev_minor),
        s.stx_blksize,
        s.stx_ino,
        s.stx_size,
        s.stx_blocks,
        static_cast<uint64_t>(s.stx_atime.tv_sec),
        s.stx_atime.tv_nsec,
        static_cast<uint64_t>(s.stx_mtime.tv_sec),
        s.stx_mtime.tv_nsec,
        static_cast<uint64_t>(s.stx_ctime.tv_sec),
        s.stx_ctime.tv_nsec,
        static_cast<uint64_t>(s.stx_btime.tv_sec),
        s.stx_btime.tv_nsec,
    };
    static_assert(std::size(numbers) == kCount);
    void* const to = current_->store_->Data();
    if (big) {
      memcpy(to, numbers, sizeof numbers);
    } else {
      // Seconds before 1970 are negative.
      for (size_t i = 0; i < kCount; ++i) {
        static_cast<double*>(to)[i] =
            i < 10 ? static_cast<double>(numbers[i]) : static_cast<double>(static_cast<int64_t>(numbers[i]));
      }
    }
  }

 private:
  static thread_local StatNumbers* current_;
  std::shared_ptr<v8::BackingStore> store_;
};
thread_local StatNumbers* StatNumbers::current_ = nullptr;

void returnStat(const Info& info, int result, const struct statx& about) {
  if (result == 0) StatNumbers::set(about, boolAt(info, 1));
  returnInt(info, result);
}

// fsStat(path, big), fsLstat(path, big), fsFstat(fd, big): 0, and the numbers are in fsStatNumbers; or a code. Park.
void stat(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  struct statx about;
  returnStat(info, disk::stat(pool(), path.c_str(), about), about);
}

void lstat(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  struct statx about;
  returnStat(info, disk::lstat(pool(), path.c_str(), about), about);
}

void fstat(const Info& info) {
  struct statx about;
  returnStat(info, disk::fstat(pool(), intAt(info, 0), about), about);
}

// fsExists(path): 0 or a code. Parks.
void exists(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  returnInt(info, disk::exists(pool(), path.c_str()));
}

// fsReaddir(path, asBuffers, withTypes): the names in Node's order, with types each followed by its d_type; or a code. Parks.
void readdir(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Path path(isolate, info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  disk::Listing found;
  const int result = disk::readdir(pool(), path.c_str(), found);
  if (result < 0) return returnInt(info, result);
  const bool asBuffers = boolAt(info, 1), withTypes = boolAt(info, 2);
  std::vector<v8::Local<v8::Value>> values;
  values.reserve(2 * found.entries.size());
  for (const disk::Listing::Entry& entry : found.entries) {
    values.push_back(name(isolate, found.name(entry), asBuffers));
    if (withTypes) values.push_back(v8::Integer::New(isolate, entry.type));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

// fsRealpath(path, asBuffer): the path, or a code. Parks.
void realpath(const Info& info) {
  const Path path(info.GetIsolate(), info[0]);
  if (const int error = path.error()) return returnInt(info, error);
  std::string resolved;
  const int result = disk::realpath(pool(), path.c_str(), resolved);
  if (result < 0) return returnInt(info, result);
  info.GetReturnValue().Set(name(info.GetIsolate(), resolved, boolAt(info, 1)));
}

// fsCall(kind, path or fd, other path, number): 0, or text as bytes, or a code. Parks.
void call(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  disk::Call call{
      static_cast<disk::CallKind>(intAt(info, 0)), {}, {}, -1, static_cast<int64_t>(numberAt(info, 3))};
  if (info[1]->IsInt32()) {
    call.fd = intAt(info, 1);
  } else {
    const Path path(isolate, info[1]);
    if (const int error = path.error()) return returnInt(info, error);
    call.path = path.c_str();
  }
  if (!info[2]->IsUndefined()) {
    const Path other(isolate, info[2]);
    if (const int error = other.error()) return returnInt(info, error);
    call.other = other.c_str();
  }
  const int result = disk::run(pool(), call);
  if (result == 0 && (call.kind == disk::CallKind::kReadlink || call.kind == disk::CallKind::kMkdtemp)) {
    info.GetReturnValue().Set(name(isolate, call.path, true));
  } else {
    returnInt(info, result);
  }
}

}  // namespace

void defineFsNames(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  StatNumbers::create(context, exports);
  define(context, exports, "fsStat", stat);
  define(context, exports, "fsLstat", lstat);
  define(context, exports, "fsFstat", fstat);
  define(context, exports, "fsExists", exists);
  define(context, exports, "fsReaddir", readdir);
  define(context, exports, "fsRealpath", realpath);
  define(context, exports, "fsCall", call);
}

}  // namespace stackful::binding
