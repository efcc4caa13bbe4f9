#include "pool.h"

#include "../sched/clock.h"
#include "thread_pool.h"

namespace stackful::pool {

Pool::Pool(sched::Scheduler& scheduler) noexcept : scheduler_(scheduler) {}

Pool::~Pool() {
  shutdown();
}

int Pool::open(int bell) noexcept {
  mailbox_ = Mailbox::create(bell);
  return mailbox_ ? 0 : -errno;
}

void Pool::drain(void* pool) noexcept {
  static_cast<Pool*>(pool)->collect();
}

int32_t Pool::refusal() const noexcept {
  const sched::Coroutine* self = scheduler_.running();
  if (!self) return kNotInCoroutine;
  if (const int32_t code = self->interrupted()) return code;
  return mailbox_ ? 0 : -ECANCELED;
}

bool Pool::runJob(Job* job, sched::Reason reason, Interrupted interrupted, int64_t& result) noexcept {
  // Asked first: a job cannot be taken back once a thread has it.
  if (!scheduler_.engine().mayPark()) {
    result = kCannotPark;
    return true;
  }
  if (scheduler_.running()->simulated) {
    // Time stands still meanwhile, and the next one to run must not depend on how long it takes.
    result = job->run(job);
    return true;
  }
  job->mailbox = mailbox_;
  job->waiter = scheduler_.running();
  if (edgeOf_) beginMetering(job);
  mailbox_->retain();
  if (const int error = submit(job)) {
    mailbox_->release();
    result = error;
    return true;
  }
  ++inFlight_;
  int32_t code = parkFor(job, reason);
  if (!job->link && interrupted != Interrupted::kLeaves && withdraw(job)) {
    --inFlight_;
    mailbox_->release();
    result = code;
    return true;
  }
  if (!job->link && job->stop) job->stop(job);
  const int32_t early = code;
  if (!job->link && interrupted == Interrupted::kWaits && !scheduler_.inLastTurn()) {
    sched::Limit shield;
    scheduler_.enterLimit(shield);
    code = parkFor(job, reason);
    scheduler_.leaveLimit(shield);
  }
  if (!job->link) {
    job->waiter = nullptr;
    result = code;
    return false;
  }
  // Done, and a cancellation that came at the same time can wait for the next call.
  *job->link = job->next;
  if (job->next) job->next->link = job->link;
  if (scheduler_.inLastTurn()) {
    // Its thread ends: a descriptor would stay open.
    job->discard(job);
    result = -ECANCELED;
    return false;
  }
  result = job->result == kStopped ? early : job->result;
  return true;
}

void Pool::beginMetering(Job* job) noexcept {
  const uint32_t slot = job->waiter->slot;
  const int32_t edge = slot < slots_ ? edgeOf_[slot] : 0;
  job->edge = edge > 0 && static_cast<size_t>(edge) < kEdges ? static_cast<uint8_t>(edge) : 0;
  job->submitted = sched::monotonicNow();
}

// Until the job is done, or something else ends it.
int32_t Pool::parkFor(const Job* job, sched::Reason reason) noexcept {
  int32_t code;
  do {
    code = scheduler_.parkUntil(reason, sched::kNoDeadline);
  } while (code >= 0 && !job->link);
  return code;
}

void Pool::collect() noexcept {
  if (!mailbox_) return;
  Job* next;
  for (Job* job = mailbox_->take(); job; job = next) {
    next = job->next;
    --inFlight_;
    if (job->submitted != 0) {
      Metered& metered = metered_[job->edge];
      ++metered.jobs;
      metered.waited += job->begun - job->submitted;
      metered.served += job->done - job->begun;
    }
    if (!job->waiter) {
      job->discard(job);
      continue;
    }
    job->next = collected_;
    job->link = &collected_;
    if (collected_) collected_->link = &job->next;
    collected_ = job;
    scheduler_.wake(job->waiter, 0);
  }
}

void Pool::shutdown() noexcept {
  if (!mailbox_) return;
  Job* const lists[] = {mailbox_->close(), collected_};
  for (Job* job : lists) {
    while (job) {
      Job* next = job->next;
      job->discard(job);
      job = next;
    }
  }
  collected_ = nullptr;
  inFlight_ = 0;
  mailbox_->release();
  mailbox_ = nullptr;
}

}  // namespace stackful::pool
