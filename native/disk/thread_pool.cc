#include "thread_pool.h"

#include <dlfcn.h>
#include <pthread.h>

#include <cerrno>
#include <cstdlib>
#include <new>

#include "../sched/service_thread.h"

namespace stackful::disk {
namespace {

constexpr size_t kDefaultThreads = 4;
constexpr size_t kMostThreads = 128;
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
  Job* first = nullptr;
  Job** last = &first;
  size_t queued = 0;
  size_t idle = 0;
  size_t threads = 0;
  size_t most = configuredThreads();
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

void finish(Job* job) {
  Mailbox* mailbox = job->mailbox;
  if (!mailbox->closed() && job->phase.exchange(Job::kBegun, std::memory_order_acq_rel) == Job::kQueued) {
    job->result = job->run(job);
    job->ran = true;
  }
  if (!mailbox->put(job)) job->discard(job);
  mailbox->release();
}

void* work(void* argument) {
  Pool& p = *static_cast<Pool*>(argument);
  pthread_mutex_lock(&p.mutex);
  for (;;) {
    while (!p.first) {
      ++p.idle;
      pthread_cond_wait(&p.work, &p.mutex);
      --p.idle;
    }
    Job* job = p.first;
    p.first = job->next;
    if (!p.first) p.last = &p.first;
    --p.queued;
    pthread_mutex_unlock(&p.mutex);
    finish(job);
    pthread_mutex_lock(&p.mutex);
  }
  return nullptr;
}

}  // namespace

int submit(Job* job) noexcept {
  Pool& p = pool();
  pthread_mutex_lock(&p.mutex);
  int error = 0;
  if (p.queued >= p.idle && p.threads < p.most) {
    pthread_t thread;
    error = sched::startServiceThread(&thread, "stackful-disk", sched::Ending::kNever, kStackBytes, work, &p);
    if (error == 0) ++p.threads;
  }
  if (p.threads > 0) {
    error = 0;
    job->next = nullptr;
    *p.last = job;
    p.last = &job->next;
    ++p.queued;
    pthread_cond_signal(&p.work);
  }
  pthread_mutex_unlock(&p.mutex);
  return error;
}

PoolStats poolStats() noexcept {
  Pool& p = pool();
  pthread_mutex_lock(&p.mutex);
  const PoolStats stats{p.threads, p.queued};
  pthread_mutex_unlock(&p.mutex);
  return stats;
}

}  // namespace stackful::disk
