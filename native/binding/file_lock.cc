// Locks of whole files, for what processes of a machine share.
#include <sys/file.h>

#include <cerrno>

#include "values.h"

namespace stackful::binding {
namespace {

// tryLockFile(fd, take): takes the only lock of the file (flock) or lets go of it. 0, -EAGAIN when another has it, or -errno. Belongs to
// the open file, so threads of a process exclude each other, and ends with it, also when the process is killed.
void tryLockFile(const Info& info) {
  const int operation = boolAt(info, 1) ? LOCK_EX | LOCK_NB : LOCK_UN;
  returnInt(info, flock(intAt(info, 0), operation) == 0 ? 0 : -errno);
}

}  // namespace

void defineFileLock(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "tryLockFile", tryLockFile);
}

}  // namespace stackful::binding
