#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "disk_harness.h"

using namespace stackful;
using namespace stackful::disk;
using namespace stackful::pool;
using test::Directory;
using test::Environment;
using test::evict;
using test::pattern;
using test::writeWhole;

// As lib/fs/whole_file.ts does it: of a large file readFile gives the descriptor.
static void readWhole(Environment& e, const std::string& path, Bytes& bytes) {
  const int result = readFile(e.pool, path.c_str(), bytes);
  CHECK(result >= 0);
  if (result <= 0) return;
  CHECK(bytes.data == nullptr);
  const size_t size = bytes.size;
  CHECK(readFile(e.pool, result, bytes) == 0);
  CHECK(bytes.size == size);
  ::close(result);
}

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
      const int fd = disk::open(e.pool, path.c_str(), O_RDONLY, 0);
      CHECK(fd >= 0);
      std::string buffer(400'000, 0);
      // Half of it in the cache: the first half comes from there, the rest from the pool.
      if (state == 2) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
        CHECK(::pread(fd, buffer.data(), 8192, 0) == 8192);
      }
      auto check = [&](size_t size, int64_t offset, size_t expected) {
        std::fill(buffer.begin(), buffer.end(), 0);
        CHECK(pread(e.pool, fd, buffer.data(), size, offset, {}) == static_cast<ssize_t>(expected));
        CHECK((buffer.substr(0, expected) == content.substr(static_cast<size_t>(offset), expected)));
      };
      check(20'000, 0, 20'000);
      check(100, 5000, 100);
      check(400'000, 0, 300'000);
      check(1000, 299'990, 10);
      check(1000, 300'000, 0);
      check(0, 0, 0);
      CHECK(pread(e.pool, fd, buffer.data(), 10, 1'000'000, {}) == 0);
      // From the current position.
      CHECK(pread(e.pool, fd, buffer.data(), 7, kCurrentPosition, {}) == 7);
      CHECK(pread(e.pool, fd, buffer.data(), 400'000, kCurrentPosition, {}) == 299'993);
      CHECK((buffer.substr(0, 299'993) == content.substr(7)));
      CHECK(pread(e.pool, fd, buffer.data(), 7, kCurrentPosition, {}) == 0);
      CHECK(disk::close(e.pool, fd) == 0);
      CHECK(disk::close(e.pool, fd) == -EBADF);
      CHECK(pread(e.pool, fd, buffer.data(), 7, 0, {}) == -EBADF);
    });
    CHECK(e.run());
  }
  CHECK(e.pool.inFlight() == 0);
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
      CHECK(pread(e.pool, fd, buffer, sizeof(buffer), 0, {}) == 8192);
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
      return disk::open(e.pool, name.c_str(), flags, 0600);
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
      CHECK(disk::close(e.pool, fd) == 0);
    }
    const int fd = open(dir / "new", O_CREAT | O_RDWR);
    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    struct stat about;
    ::fstat(fd, &about);
    CHECK((about.st_mode & 0777) == (0600 & ~0));
    CHECK(disk::close(e.pool, fd) == 0);
    const int nonblocking = open(dir / "file", O_RDONLY | O_NONBLOCK);
    CHECK((fcntl(nonblocking, F_GETFL) & O_NONBLOCK));
    CHECK(disk::close(e.pool, nonblocking) == 0);
  });
  CHECK(e.run());
}

TEST_CASE("pwrite writes everything, at an offset or at the position") {
  Environment e;
  Directory dir;
  const std::string content = pattern(500'000);
  e.go([&] {
    const int fd = disk::open(e.pool, (dir / "file").c_str(), O_CREAT | O_RDWR, 0600);
    CHECK(pwrite(e.pool, fd, content.data(), 200'000, kCurrentPosition, {}) == 200'000);
    CHECK(pwrite(e.pool, fd, content.data() + 200'000, 300'000, kCurrentPosition, {}) == 300'000);
    CHECK(pwrite(e.pool, fd, "XYZ", 3, 250'000, {}) == 3);
    CHECK(pwrite(e.pool, fd, "", 0, 0, {}) == 0);
    CHECK(disk::close(e.pool, fd) == 0);
    const int readOnly = disk::open(e.pool, (dir / "file").c_str(), O_RDONLY, 0);
    CHECK(pwrite(e.pool, readOnly, "x", 1, 0, {}) == -EBADF);
    disk::close(e.pool, readOnly);
    Bytes bytes;
    readWhole(e, dir / "file", bytes);
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
        readWhole(e, path, bytes);
        CHECK((std::string(bytes.data, bytes.size) == content));
        free(bytes.data);
        if (cold) evict(path);
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        const size_t skip = size / 3;
        lseek(fd, static_cast<off_t>(skip), SEEK_SET);
        CHECK(readFile(e.pool, fd, bytes) == 0);
        CHECK((std::string(bytes.data, bytes.size) == content.substr(skip)));
        free(bytes.data);
        CHECK(readFile(e.pool, fd, bytes) == 0);
        CHECK(bytes.size == 0);
        free(bytes.data);
        ::close(fd);
      });
      CHECK(e.run());
    }
  }
}

TEST_CASE("calls of one system call") {
  Environment e;
  Directory dir;
  writeWhole(dir / "file", pattern(100'000));
  e.go([&] {
    const auto call = [&](CallKind kind, const std::string& from, const std::string& to = {},
                          int64_t number = 0) {
      Call one{kind, from, to, -1, number};
      const int result = run(e.pool, one);
      return result < 0 ? std::to_string(result) : "0 " + one.path.substr(one.path.rfind('/') + 1);
    };
    CHECK(call(CallKind::kMkdir, dir / "d", {}, 0700) == "0 d");
    CHECK(call(CallKind::kMkdir, dir / "d", {}, 0700) == std::to_string(-EEXIST));
    CHECK(call(CallKind::kSymlink, "file", dir / "soft") == "0 file");
    CHECK(call(CallKind::kReadlink, dir / "soft") == "0 file");
    CHECK(call(CallKind::kReadlink, dir / "file") == std::to_string(-EINVAL));
    CHECK(call(CallKind::kCopy, dir / "file", dir / "copy") == "0 file");
    CHECK(call(CallKind::kCopy, dir / "file", dir / "copy", 1) == std::to_string(-EEXIST));
    CHECK(call(CallKind::kCopy, dir / "file", dir / "file") == "0 file");
    CHECK(call(CallKind::kRename, dir / "copy", dir / "moved") == "0 copy");
    struct statx about;
    CHECK(disk::stat(e.pool, (dir / "moved").c_str(), about) == 0);
    CHECK(about.stx_size == 100'000);
    CHECK(disk::exists(e.pool, (dir / "copy").c_str()) == -ENOENT);
    CHECK(disk::exists(e.pool, (dir / "moved").c_str()) == 0);
    CHECK(call(CallKind::kUnlink, dir / "moved") == "0 moved");
    // It was cached a moment ago.
    CHECK(disk::exists(e.pool, (dir / "moved").c_str()) == -ENOENT);
    CHECK(disk::stat(e.pool, (dir / "moved").c_str(), about) == -ENOENT);
    CHECK(call(CallKind::kRmdir, dir / "d") == "0 d");
    CHECK(call(CallKind::kMkdtemp, dir / "made-").size() == std::string("0 made-XXXXXX").size());
  });
  CHECK(e.run());
  CHECK(e.pool.inFlight() == 0);
}

TEST_CASE("readFile: errors name the call, odd files are read to their end") {
  Environment e;
  Directory dir;
  e.go([&] {
    Bytes bytes;
    CHECK(readFile(e.pool, (dir / "none").c_str(), bytes) == -ENOENT);
    CHECK(bytes.failed == FileCall::kOpen);
    CHECK(bytes.data == nullptr);
    CHECK(readFile(e.pool, dir.path.c_str(), bytes) == -EISDIR);
    CHECK(bytes.failed == FileCall::kRead);
    CHECK(readFile(e.pool, -1, bytes) == -EBADF);
    CHECK(bytes.failed == FileCall::kStat);
    CHECK(readFile(e.pool, "/proc/self/maps", bytes) == 0);
    CHECK(bytes.size > 1000);
    free(bytes.data);
    int fds[2];
    CHECK(pipe2(fds, O_CLOEXEC) == 0);
    const std::string text = pattern(50'000);
    CHECK(::write(fds[1], text.data(), text.size()) == 50'000);
    ::close(fds[1]);
    CHECK(readFile(e.pool, fds[0], bytes) == 0);
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
        CHECK((follow ? disk::stat : disk::lstat)(e.pool, path.c_str(), got) == error);
        if (error) continue;
        CHECK(got.stx_ino == expected.st_ino);
        CHECK(got.stx_mode == expected.st_mode);
        CHECK(got.stx_size == static_cast<uint64_t>(expected.st_size));
        CHECK(got.stx_mtime.tv_nsec == expected.st_mtim.tv_nsec);
      }
    }
    const int fd = ::open((dir / "file").c_str(), O_RDONLY | O_CLOEXEC);
    struct statx got {};
    CHECK(disk::fstat(e.pool, fd, got) == 0);
    CHECK(got.stx_size == 12'345);
    ::close(fd);
    CHECK(disk::fstat(e.pool, fd, got) == -EBADF);
    CHECK(disk::fstat(e.pool, -1, got) == -EBADF);
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
    disk::Listing found;
    CHECK(disk::readdir(e.pool, dir.path.c_str(), found) == 0);
    CHECK(found.entries.size() == 4);
    std::string all;
    for (const auto& entry : found.entries)
      all += std::string(found.name(entry)) + "=" + std::to_string(entry.type) + " ";
    CHECK(all == "a=8 b=8 link=10 sub=4 ");
    CHECK(disk::readdir(e.pool, (dir / "none").c_str(), found) == -ENOENT);
    CHECK(disk::readdir(e.pool, (dir / "a").c_str(), found) == -ENOTDIR);
    std::string real;
    CHECK(disk::realpath(e.pool, (dir / "link/../a").c_str(), real) == 0);
    CHECK(real == dir / "a");
    CHECK(disk::realpath(e.pool, (dir / "none").c_str(), real) == -ENOENT);
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
    CHECK(ensureCached(e.pool, fd, 100'000, 500'000) == 0);
    CHECK(ensureCached(e.pool, fd, 900'000, 500'000) == 0);
    CHECK(ensureCached(e.pool, fd, 0, 0) == 0);
    const uint64_t parks = e.scheduler.counters().parks;
    std::string buffer(500'000, 0);
    const iovec part{buffer.data(), buffer.size()};
    if (preadv2(fd, &part, 1, 100'000, RWF_NOWAIT) > 0) {
      CHECK(pread(e.pool, fd, buffer.data(), buffer.size(), 100'000, {}) == 500'000);
      CHECK(e.scheduler.counters().parks == parks);
    }
    ::close(fd);
    CHECK(ensureCached(e.pool, fd, 0, 10) == -EBADF);
  });
  CHECK(e.run());
}

TEST_CASE("outside a coroutine, or after shutdown, nothing is begun") {
  Environment e;
  struct statx about;
  char byte;
  CHECK(disk::open(e.pool, "/", O_RDONLY, 0) == kNotInCoroutine);
  CHECK(disk::stat(e.pool, "/", about) == kNotInCoroutine);
  CHECK(pread(e.pool, 0, &byte, 1, 0, {}) == kNotInCoroutine);
  const int fd = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  CHECK(disk::close(e.pool, fd) == 0);  // closing always closes
  CHECK(fcntl(fd, F_GETFD) == -1);
  e.pool.shutdown();
  int result = 0;
  e.go([&] { result = disk::stat(e.pool, "/", about); });
  CHECK(e.run());
  CHECK(result == -ECANCELED);
}
