#include "thread_pool.h"

#include <dlfcn.h>
#include <pthread.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <new>

#include "../sched/clock.h"
#include "../sched/service_thread.h"

namespace stackful::pool {
namespace {

constexpr size_t kDefaultThreads = 4;
constexpr size_t kMostThreads = 128;
constexpr time_t kSurplusSeconds = 10;
// Name services of the C library use much; the default of 8 MB each is more than some containers let be
// reserved.
constexpr size_t kStackBytes = size_t{1} << 20;

size_t configuredThreads() {
  const char* text = getenv("STACKFUL_THREADS");
  if (!text || !*text) return kDefaultThreads;
  char* end;
  const long n = strtol(text, &end, 10);
  if (*end || n < 1) return kDefaultThreads;
  return n > static_cast<long>(kMostThreads) ? kMostThreads : static_cast<size_t>(n);
}

struct Pool {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t work = PTHREAD_COND_INITIALIZER;
  pthread_cond_t overload = PTHREAD_COND_INITIALIZER;
  Job* first = nullptr;
  Job** last = &first;
  size_t queued = 0;
  uint64_t begun = 0;
  size_t idle = 0;
  size_t threads = 0;
  size_t usual = configuredThreads();
  bool watched = false;  // the watching thread has been started
  int patienceMs = 20;
};

// Node unloads an addon when the last worker that used it ends; the threads would lose the code they run.
void pinThisModule() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&pinThisModule), &info) && info.dli_fname) {
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

// Never destroyed, see the header.
Pool& pool() {
  static Pool& p = *[] {
    pinThisModule();
    return new Pool;
  }();
  return p;
}

void unlink(Pool& p, Job* job) {
  *job->queued = job->next;
  if (job->next) {
    job->next->queued = job->queued;
  } else {
    p.last = job->queued;
  }
  job->queued = nullptr;
  --p.queued;
}

void finish(Job* job) {
  Mailbox* mailbox = job->mailbox;
  const bool metered = job->submitted != 0;
  if (metered) job->begun = sched::monotonicNow();
  if (!mailbox->closed()) {
    job->result = job->run(job);
    job->ran = true;
  }
  if (metered) job->done = sched::monotonicNow();
  if (!mailbox->put(job)) job->discard(job);
  mailbox->release();
}

// False when this thread is one too many and has waited for long enough.
bool awaitWork(Pool& p) {
  ++p.idle;
  int timedOut = 0;
  while (!p.first && !timedOut) {
    if (p.threads <= p.usual) {
      pthread_cond_wait(&p.work, &p.mutex);
    } else {
      timespec until;
      clock_gettime(CLOCK_REALTIME, &until);
      until.tv_sec += kSurplusSeconds;
      timedOut = pthread_cond_timedwait(&p.work, &p.mutex, &until);
    }
  }
  --p.idle;
  return p.first || p.threads <= p.usual;
}

void* work(void* argument) {
  Pool& p = *static_cast<Pool*>(argument);
  pthread_mutex_lock(&p.mutex);
  while (awaitWork(p)) {
    Job* job = p.first;
    if (!job) continue;
    unlink(p, job);
    ++p.begun;
    pthread_mutex_unlock(&p.mutex);
    finish(job);
    pthread_mutex_lock(&p.mutex);
  }
  --p.threads;
  pthread_mutex_unlock(&p.mutex);
  return nullptr;
}

int addThread(Pool& p) {
  pthread_t thread;
  const int error =
      sched::startServiceThread(&thread, "stackful-disk", sched::Ending::kNever, kStackBytes, work, &p);
  if (error == 0) ++p.threads;
  return error;
}

// Started when for the first time a job finds all the usual threads busy.
void* watch(void* argument) {
  Pool& p = *static_cast<Pool*>(argument);
  pthread_mutex_lock(&p.mutex);
  for (;;) {
    while (p.queued <= p.idle || p.patienceMs < 0) pthread_cond_wait(&p.overload, &p.mutex);
    const uint64_t before = p.begun;
    const int ms = p.patienceMs;
    pthread_mutex_unlock(&p.mutex);
    const timespec patience{ms / 1000, ms % 1000 * 1'000'000L};
    nanosleep(&patience, nullptr);
    pthread_mutex_lock(&p.mutex);
    if (p.begun == before && p.queued > p.idle && p.threads < kMostThreads) addThread(p);
  }
  return nullptr;
}

void callWatcher(Pool& p) {
  if (p.watched) {
    pthread_cond_signal(&p.overload);
    return;
  }
  pthread_t thread;
  p.watched =
      sched::startServiceThread(&thread, "stackful-pool", sched::Ending::kNever, kStackBytes, watch, &p) == 0;
}

}  // namespace

int submit(Job* job) noexcept {
  Pool& p = pool();
  pthread_mutex_lock(&p.mutex);
  int error = 0;
  const bool adds = p.queued >= p.idle && p.threads < p.usual;
  if (adds) error = addThread(p);
  const bool overloaded = p.queued >= p.idle && (!adds || error != 0);
  if (p.threads > 0) {
    error = 0;
    job->next = nullptr;
    job->queued = p.last;
    *p.last = job;
    p.last = &job->next;
    ++p.queued;
    pthread_cond_signal(&p.work);
    if (overloaded) callWatcher(p);
  }
  pthread_mutex_unlock(&p.mutex);
  return error;
}

bool withdraw(Job* job) noexcept {
  Pool& p = pool();
  pthread_mutex_lock(&p.mutex);
  const bool queued = job->queued != nullptr;
  if (queued) unlink(p, job);
  pthread_mutex_unlock(&p.mutex);
  return queued;
}

void setPatience(int milliseconds) noexcept {
  Pool& p = pool();
  pthread_mutex_lock(&p.mutex);
  p.patienceMs = milliseconds;
  pthread_cond_signal(&p.overload);
  pthread_mutex_unlock(&p.mutex);
}

PoolStats poolStats() noexcept {
  Pool& p = pool();
  pthread_mutex_lock(&p.mutex);
  const PoolStats stats{p.threads, p.queued};
  pthread_mutex_unlock(&p.mutex);
  return stats;
}

}  // namespace stackful::pool
