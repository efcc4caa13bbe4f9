#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "disk_harness.h"

using namespace stackful;
using namespace stackful::disk;
using test::Directory;
using test::Environment;
using test::evict;
using test::pattern;
using test::writeWhole;

TEST_CASE("pread: cached, cold, in part, across and beyond the end") {
  Environment e;
  REQUIRE(e.opened);
  Directory dir;
  const std::string content = pattern(300'000), path = dir / "file";
  writeWhole(path, content);
  for (int state = 0; state < 3; ++state) {
    CAPTURE(state);
    e.go([&] {
      if (state > 0) evict(path);
      const int fd = disk::open(e.disk, path.c_str(), O_RDONLY, 0);
      CHECK(fd >= 0);
      std::string buffer(400'000, 0);
      // Half of it in the cache: the first half comes from there, the rest from the pool.
      if (state == 2) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
        CHECK(::pread(fd, buffer.data(), 8192, 0) == 8192);
      }
      auto check = [&](size_t size, int64_t offset, size_t expected) {
        std::fill(buffer.begin(), buffer.end(), 0);
        CHECK(pread(e.disk, fd, buffer.data(), size, offset, {}) == static_cast<ssize_t>(expected));
        CHECK((buffer.substr(0, expected) == content.substr(static_cast<size_t>(offset), expected)));
      };
      check(20'000, 0, 20'000);
      check(100, 5000, 100);
      check(400'000, 0, 300'000);
      check(1000, 299'990, 10);
      check(1000, 300'000, 0);
      check(0, 0, 0);
      CHECK(pread(e.disk, fd, buffer.data(), 10, 1'000'000, {}) == 0);
      // From the current position.
      CHECK(pread(e.disk, fd, buffer.data(), 7, kCurrentPosition, {}) == 7);
      CHECK(pread(e.disk, fd, buffer.data(), 400'000, kCurrentPosition, {}) == 299'993);
      CHECK((buffer.substr(0, 299'993) == content.substr(7)));
      CHECK(pread(e.disk, fd, buffer.data(), 7, kCurrentPosition, {}) == 0);
      CHECK(disk::close(e.disk, fd) == 0);
      CHECK(disk::close(e.disk, fd) == -EBADF);
      CHECK(pread(e.disk, fd, buffer.data(), 7, 0, {}) == -EBADF);
    });
    CHECK(e.run());
  }
  CHECK(e.disk.inFlight() == 0);
}

TEST_CASE("a cached read neither parks nor uses the pool") {
  Environment e;
  Directory dir;
  const std::string path = dir / "file";
  writeWhole(path, pattern(8192));
  e.go([&] {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char buffer[8192];
    if (preadv2(fd, std::vector<iovec>{{buffer, 8192}}.data(), 1, 0, RWF_NOWAIT) == 8192) {
      const uint64_t parks = e.scheduler.counters().parks;
      CHECK(pread(e.disk, fd, buffer, sizeof(buffer), 0, {}) == 8192);
      CHECK(e.scheduler.counters().parks == parks);
    }
    ::close(fd);
  });
  CHECK(e.run());
}

TEST_CASE("open: errors, creation, directories, flags") {
  Environment e;
  Directory dir;
  writeWhole(dir / "file", "abc");
  (void)!symlink("file", (dir / "link").c_str());
  e.go([&] {
    auto open = [&](const std::string& name, int flags) {
      return disk::open(e.disk, name.c_str(), flags, 0600);
    };
    CHECK(open(dir / "none", O_RDONLY) == -ENOENT);
    CHECK(open("", O_RDONLY) == -ENOENT);
    CHECK(open(dir / "file/x", O_RDONLY) == -ENOTDIR);
    CHECK(open(dir / "link", O_RDONLY | O_NOFOLLOW) == -ELOOP);
    CHECK(open(dir / "file", O_RDONLY | O_DIRECTORY) == -ENOTDIR);
    CHECK(open(dir.path, O_WRONLY) == -EISDIR);
    CHECK(open(dir / "file", O_CREAT | O_EXCL | O_WRONLY) == -EEXIST);
    for (const std::string& name : {dir / "file", dir / "link", dir.path}) {
      const int fd = open(name, O_RDONLY);
      CHECK(fd >= 0);
      CHECK((fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE)) == O_RDONLY);
      CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
      CHECK(disk::close(e.disk, fd) == 0);
    }
    const int fd = open(dir / "new", O_CREAT | O_RDWR);
    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    struct stat about;
    ::fstat(fd, &about);
    CHECK((about.st_mode & 0777) == (0600 & ~0));
    CHECK(disk::close(e.disk, fd) == 0);
    const int nonblocking = open(dir / "file", O_RDONLY | O_NONBLOCK);
    CHECK((fcntl(nonblocking, F_GETFL) & O_NONBLOCK));
    CHECK(disk::close(e.disk, nonblocking) == 0);
  });
  CHECK(e.run());
}

TEST_CASE("pwrite writes everything, at an offset or at the position") {
  Environment e;
  Directory dir;
  const std::string content = pattern(500'000);
  e.go([&] {
    const int fd = disk::open(e.disk, (dir / "file").c_str(), O_CREAT | O_RDWR, 0600);
    CHECK(pwrite(e.disk, fd, content.data(), 200'000, kCurrentPosition, {}) == 200'000);
    CHECK(pwrite(e.disk, fd, content.data() + 200'000, 300'000, kCurrentPosition, {}) == 300'000);
    CHECK(pwrite(e.disk, fd, "XYZ", 3, 250'000, {}) == 3);
    CHECK(pwrite(e.disk, fd, "", 0, 0, {}) == 0);
    CHECK(disk::close(e.disk, fd) == 0);
    const int readOnly = disk::open(e.disk, (dir / "file").c_str(), O_RDONLY, 0);
    CHECK(pwrite(e.disk, readOnly, "x", 1, 0, {}) == -EBADF);
    disk::close(e.disk, readOnly);
    Bytes bytes;
    CHECK(readFile(e.disk, (dir / "file").c_str(), bytes) == 0);
    std::string expected = content;
    expected.replace(250'000, 3, "XYZ");
    CHECK((std::string(bytes.data, bytes.size) == expected));
    free(bytes.data);
  });
  CHECK(e.run());
}

TEST_CASE("readFile: from nothing to more than is read inline, cached or not, by path and by descriptor") {
  Environment e;
  Directory dir;
  for (size_t size : {0, 1, 4095, 4096, 100'000, 262'144, 262'145, 3'000'000}) {
    for (bool cold : {false, true}) {
      CAPTURE(size);
      CAPTURE(cold);
      const std::string path = dir / "file", content = pattern(size);
      writeWhole(path, content);
      e.go([&] {
        if (cold) evict(path);
        Bytes bytes;
        CHECK(readFile(e.disk, path.c_str(), bytes) == 0);
        CHECK((std::string(bytes.data, bytes.size) == content));
        free(bytes.data);
        if (cold) evict(path);
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        const size_t skip = size / 3;
        lseek(fd, static_cast<off_t>(skip), SEEK_SET);
        CHECK(readFile(e.disk, fd, bytes) == 0);
        CHECK((std::string(bytes.data, bytes.size) == content.substr(skip)));
        free(bytes.data);
        CHECK(readFile(e.disk, fd, bytes) == 0);
        CHECK(bytes.size == 0);
        free(bytes.data);
        ::close(fd);
      });
      CHECK(e.run());
    }
  }
}

TEST_CASE("readFile: errors name the call, odd files are read to their end") {
  Environment e;
  Directory dir;
  e.go([&] {
    Bytes bytes;
    CHECK(readFile(e.disk, (dir / "none").c_str(), bytes) == -ENOENT);
    CHECK(std::string(bytes.failed) == "open");
    CHECK(bytes.data == nullptr);
    CHECK(readFile(e.disk, dir.path.c_str(), bytes) == -EISDIR);
    CHECK(std::string(bytes.failed) == "read");
    CHECK(readFile(e.disk, -1, bytes) == -EBADF);
    CHECK(std::string(bytes.failed) == "fstat");
    CHECK(readFile(e.disk, "/proc/self/maps", bytes) == 0);
    CHECK(bytes.size > 1000);
    free(bytes.data);
    int fds[2];
    CHECK(pipe2(fds, O_CLOEXEC) == 0);
    const std::string text = pattern(50'000);
    CHECK(::write(fds[1], text.data(), text.size()) == 50'000);
    ::close(fds[1]);
    CHECK(readFile(e.disk, fds[0], bytes) == 0);
    CHECK((std::string(bytes.data, bytes.size) == text));
    free(bytes.data);
    ::close(fds[0]);
  });
  const int before = test::openDescriptors();
  CHECK(e.run());
  CHECK(test::openDescriptors() == before);
}

TEST_CASE("stat, lstat and fstat say what the kernel says") {
  Environment e;
  Directory dir;
  writeWhole(dir / "file", pattern(12'345));
  (void)!symlink("file", (dir / "link").c_str());
  (void)!symlink("nowhere", (dir / "dangling").c_str());
  (void)!mkfifo((dir / "fifo").c_str(), 0600);
  // /proc and /dev/shm have no block device.
  const std::vector<std::string> paths = {
      dir / "file", dir / "link", dir / "dangling", dir / "fifo", dir.path,
      dir / "none", "/proc/self", "/dev/null",      "/dev/shm",   ""};
  e.go([&] {
    for (const std::string& path : paths) {
      CAPTURE(path);
      for (bool follow : {true, false}) {
        struct stat expected {};
        struct statx got {};
        const int error = (follow ? ::stat : ::lstat)(path.c_str(), &expected) == 0 ? 0 : -errno;
        CHECK((follow ? disk::stat : disk::lstat)(e.disk, path.c_str(), got) == error);
        if (error) continue;
        CHECK(got.stx_ino == expected.st_ino);
        CHECK(got.stx_mode == expected.st_mode);
        CHECK(got.stx_size == static_cast<uint64_t>(expected.st_size));
        CHECK(got.stx_mtime.tv_nsec == expected.st_mtim.tv_nsec);
      }
    }
    const int fd = ::open((dir / "file").c_str(), O_RDONLY | O_CLOEXEC);
    struct statx got {};
    CHECK(disk::fstat(e.disk, fd, got) == 0);
    CHECK(got.stx_size == 12'345);
    ::close(fd);
    CHECK(disk::fstat(e.disk, fd, got) == -EBADF);
    CHECK(disk::fstat(e.disk, -1, got) == -EBADF);
  });
  CHECK(e.run());
}

TEST_CASE("readdir and realpath") {
  Environment e;
  Directory dir;
  writeWhole(dir / "b", "");
  writeWhole(dir / "a", "");
  (void)!mkdir((dir / "sub").c_str(), 0700);
  (void)!symlink("sub", (dir / "link").c_str());
  e.go([&] {
    std::vector<DirectoryEntry> entries;
    CHECK(disk::readdir(e.disk, dir.path.c_str(), entries) == 0);
    std::sort(entries.begin(), entries.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
    CHECK(entries.size() == 4);
    std::string all;
    for (const auto& entry : entries) all += entry.name + "=" + std::to_string(entry.type) + " ";
    CHECK(all == "a=8 b=8 link=10 sub=4 ");
    CHECK(disk::readdir(e.disk, (dir / "none").c_str(), entries) == -ENOENT);
    CHECK(disk::readdir(e.disk, (dir / "a").c_str(), entries) == -ENOTDIR);
    std::string real;
    CHECK(disk::realpath(e.disk, (dir / "link/../a").c_str(), real) == 0);
    CHECK(real == dir / "a");
    CHECK(disk::realpath(e.disk, (dir / "none").c_str(), real) == -ENOENT);
  });
  CHECK(e.run());
}

TEST_CASE("ensureCached leaves the range in the page cache") {
  Environment e;
  Directory dir;
  const std::string path = dir / "file";
  writeWhole(path, pattern(1'000'000));
  evict(path);
  e.go([&] {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    CHECK(ensureCached(e.disk, fd, 100'000, 500'000) == 0);
    CHECK(ensureCached(e.disk, fd, 900'000, 500'000) == 0);
    CHECK(ensureCached(e.disk, fd, 0, 0) == 0);
    const uint64_t parks = e.scheduler.counters().parks;
    std::string buffer(500'000, 0);
    const iovec part{buffer.data(), buffer.size()};
    if (preadv2(fd, &part, 1, 100'000, RWF_NOWAIT) > 0) {
      CHECK(pread(e.disk, fd, buffer.data(), buffer.size(), 100'000, {}) == 500'000);
      CHECK(e.scheduler.counters().parks == parks);
    }
    ::close(fd);
    CHECK(ensureCached(e.disk, fd, 0, 10) == -EBADF);
  });
  CHECK(e.run());
}

TEST_CASE("outside a coroutine, or after shutdown, nothing is begun") {
  Environment e;
  struct statx about;
  char byte;
  CHECK(disk::open(e.disk, "/", O_RDONLY, 0) == sched::kNotInCoroutine);
  CHECK(disk::stat(e.disk, "/", about) == sched::kNotInCoroutine);
  CHECK(pread(e.disk, 0, &byte, 1, 0, {}) == sched::kNotInCoroutine);
  const int fd = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  CHECK(disk::close(e.disk, fd) == 0);  // closing always closes
  CHECK(fcntl(fd, F_GETFD) == -1);
  e.disk.shutdown();
  int result = 0;
  e.go([&] { result = disk::stat(e.disk, "/", about); });
  CHECK(e.run());
  CHECK(result == -ECANCELED);
}
