// Files for the tests of disk/.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "../../native/disk/file.h"
#include "environment.h"

namespace stackful::test {

// A directory of its own, removed with what was made in it.
struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/stackful-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { (void)!system(("rm -rf " + path).c_str()); }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

inline std::string pattern(size_t size) {
  std::string s(size, 0);
  for (size_t i = 0; i < size; ++i) s[i] = static_cast<char>('a' + (i + i / 4096) % 26);
  return s;
}

inline void writeWhole(const std::string& path, const std::string& content) {
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  CHECK(::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  fsync(fd);
  ::close(fd);
}

// Makes the next read of the file wait for the disk (where the file system is one with a page cache).
inline void evict(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

inline int openDescriptors() {
  int n = 0;
  for (int fd = 0; fd < 4096; ++fd) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

}  // namespace stackful::test
