// The epoll set of one environment: owns the sockets, wakes the coroutines parked on them, fires the timers,
// and is woken by other threads. Its epoll descriptor can itself be watched by a host's loop (readable = call
// pollNow).
//
// Edge-triggered, each descriptor registered once for reading and writing. Events carry (generation << 32 |
// index) into the socket table, so an event still in the batch for a socket that has just been closed finds
// no socket, even when its descriptor number and its slot are in use again.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../sched/scheduler.h"
#include "end_of_batch.h"
#include "output.h"
#include "socket.h"

namespace stackful::net {

class Poller {
 public:
  explicit Poller(sched::Scheduler& scheduler) noexcept;
  // Closes everything. Coroutines may still be parked: they are forgotten, not woken.
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Makes the descriptors and becomes the scheduler's poll hook. 0 or -errno.
  int open() noexcept;
  int fd() const noexcept { return epoll_; }
  sched::Scheduler& scheduler() noexcept { return scheduler_; }

  // The poll hook: handles what is there without waiting; true if it made a coroutine ready. When none is ready then, the timerfd is
  // armed for the next timer, because the caller is about to wait for fd().
  bool pollNow(int64_t now) noexcept;
  // For a loop of our own, outside of the scheduler: waits up to `timeoutMs` (-1 = for ever) first. Returns how many
  // coroutines were made ready; 1 when there is only something to do at the end of a batch.
  int poll(int timeoutMs) noexcept;
  // After inserting a timer on the main stack, where no poll follows before the host's loop waits.
  void arm() noexcept;

  // From now on poll() waits also for the descriptor of the host's loop, until unwatchHost(). 0 or -errno.
  int watchHost(int fd) noexcept;
  void unwatchHost() noexcept;
  // The last look at the epoll set found it readable.
  bool hostReady() const noexcept { return hostReady_; }
  // To be called after a wait by poll(), before a batch that another follows. When it found only one event, the batch most
  // likely has to do with one peer, which has not answered by its end: that wait sees it soon enough.
  void expectWait() noexcept { leaveToWait_ = foundOne_; }

  // An eventfd: a write by any thread makes fd() readable and the drains run. Threads that may outlive the poller dup it.
  int signalFd() const noexcept { return signal_; }
  // `drain(context)` runs on this thread after such a write, inside a poll. At most kMaxDrains; false beyond.
  bool addDrain(void (*drain)(void*), void* context) noexcept;

  // `hook(socket)` is called for every socket with kTellsHangUp when it becomes known that its peer has ended its stream
  // or is gone, and the flags say so: in a poll, on any stack. It may wake coroutines, but neither park nor close.
  using HangUpHook = void (*)(Socket&);
  void tellHangUps(HangUpHook hook) noexcept { hangUpHook_ = hook; }

  // Done before every poll; a return to the host's loop without one has to run it.
  EndOfBatch& endOfBatch() noexcept { return endOfBatch_; }
  Outputs& outputs() noexcept { return outputs_; }

  // Coroutines parked on what the outside world can end: the host's loop stays alive while there are any.
  uint32_t active() const noexcept { return scheduler_.externalWaits(); }
  uint32_t openSockets() const noexcept { return openSockets_; }

  // Teardown: does what was put off, closes every socket and forgets the coroutines parked on them.
  void closeAll() noexcept;

  // What the bytes of a socket with kLayered pass through.
  Layer* layerOf(const Socket& socket) const noexcept { return layers_[socket.index]; }
  // Owns it from now on, and deletes the one before. 0 or -ENOMEM.
  int setLayer(const Socket& socket, Layer* layer) noexcept;

  // For socket.cc and its like.
  Socket* create() noexcept;              // nullptr when there is no memory
  void recycle(Socket& socket) noexcept;  // closed and without holds
  int enroll(Socket& socket) noexcept;    // puts it into the epoll set; 0 or -errno
  int withdraw(Socket& socket) noexcept;  // takes it out

  static constexpr int kBatch = 512;
  static constexpr int kMaxDrains = 8;

 private:
  static constexpr uint32_t kChunkBits = 8;
  static constexpr uint32_t kChunk = 1u << kChunkBits;
  static constexpr uint32_t kNoSocket = UINT32_MAX;
  static constexpr uint64_t kSignalEvent = UINT64_MAX;
  static constexpr uint64_t kTimerEvent = UINT64_MAX - 1;
  static constexpr uint64_t kHostEvent = UINT64_MAX - 2;

  struct Drain {
    void (*run)(void*);
    void* context;
  };

  int pollOnce(int timeoutMs, const int64_t* known) noexcept;
  // False: a soft timer has made a coroutine ready, and what is left is put off until that has had its turn.
  bool runEndOfBatch() noexcept;
  void dispatch(int count) noexcept;
  void fetchAhead(int event, int count) noexcept;
  void noteHangUp(Socket& socket, uint32_t events) noexcept;
  // nullptr when the event is not that of a socket.
  Socket* socketOf(uint64_t tag) noexcept {
    const auto index = static_cast<uint32_t>(tag);
    return index < used_ ? &chunks_[index >> kChunkBits][index & (kChunk - 1)] : nullptr;
  }
  void runDrains() noexcept;

  sched::Scheduler& scheduler_;
  int epoll_ = -1;
  int signal_ = -1;
  int timer_ = -1;
  int host_ = -1;  // while it is watched
  bool hostReady_ = false;
  bool foundOne_ = false;
  bool leaveToWait_ = false;
  uint32_t openSockets_ = 0;
  EndOfBatch endOfBatch_;
  Outputs outputs_;
  HangUpHook hangUpHook_ = nullptr;
  sched::Deadline armed_ = sched::kNoDeadline;
  std::vector<Socket*> chunks_;
  Layer** layers_ = nullptr;  // by the socket's index
  size_t layersLength_ = 0;
  uint32_t used_ = 0;  // slots ever used
  uint32_t firstFree_ = kNoSocket;
  int drains_ = 0;
  Drain drain_[kMaxDrains] = {};
  epoll_event events_[kBatch];
};

}  // namespace stackful::net
