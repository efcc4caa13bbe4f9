// What can be had from the kernel's caches without waiting. Each function says "not cached" rather than
// block.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "../sched/result_code.h"

namespace stackful::disk {

// open(2) from the dentry cache; only regular files and directories, because opening a FIFO waits.
int openCached(const char* path, int flags) noexcept;
// The same to read, with O_NONBLOCK. What was one of those a moment ago (recent.h) is opened without another look, and may be
// anything by now: `about` tells, and the caller must go on with the descriptor, because a FIFO's writer has seen it.
int openCachedToRead(const char* path, struct stat& about) noexcept;

// statx(2) of a path or (path null) of a descriptor. -ENOENT where the kernel remembers that there is nothing.
int statCached(const char* path, bool followLink, struct statx& out) noexcept;
int statCached(int fd, struct statx& out) noexcept;

// Whether a file system answers without asking a server.
bool isLocal(int fd) noexcept;

// preadv2(RWF_NOWAIT) of one buffer: bytes, 0 at the end of file, -errno or kNotCached. `offset` -1: the
// position.
ssize_t readCached(int fd, void* buffer, size_t size, int64_t offset) noexcept;

// Whether all of file[offset, offset + length) is in the page cache, as far as the kernel tells.
bool isCached(int fd, int64_t offset, size_t length) noexcept;

}  // namespace stackful::disk
