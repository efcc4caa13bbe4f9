// What the kernel's caches had a moment ago. Asking them without waiting takes three system calls (open, statx, close: 1.4 us
// against 0.6 for statx alone); what was in them less than a second ago is still there, so the plain call may be made at once.
// An entry is only ever wrong under a shortage of memory that evicts within that second, and then costs one wait for the disk.
#pragma once

namespace stackful::disk {

// The thing that was found: what a path leads to, a link itself, the names in a directory.
enum class Found { kTarget, kLink, kNames };

bool wasCached(const char* path, Found what) noexcept;
void noteCached(const char* path, Found what) noexcept;

}  // namespace stackful::disk
