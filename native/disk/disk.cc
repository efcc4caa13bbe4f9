#include "disk.h"

#include "thread_pool.h"

namespace stackful::disk {

Disk::Disk(sched::Scheduler& scheduler) noexcept : scheduler_(scheduler) {}

Disk::~Disk() {
  shutdown();
}

int Disk::open(int bell) noexcept {
  mailbox_ = Mailbox::create(bell);
  return mailbox_ ? 0 : -errno;
}

void Disk::drain(void* disk) noexcept {
  static_cast<Disk*>(disk)->collect();
}

int32_t Disk::refusal() const noexcept {
  const sched::Coroutine* self = scheduler_.running();
  if (!self) return sched::kNotInCoroutine;
  if (const int32_t code = self->interrupted()) return code;
  return mailbox_ ? 0 : -ECANCELED;
}

bool Disk::runJob(Job* job, sched::Reason reason, Cancelled cancelled, int64_t& result) noexcept {
  // Asked first: a job cannot be taken back once a thread has it.
  if (!scheduler_.engine().mayPark()) {
    result = sched::kCannotPark;
    return true;
  }
  job->mailbox = mailbox_;
  job->waiter = scheduler_.running();
  mailbox_->retain();
  if (const int error = submit(job)) {
    mailbox_->release();
    result = error;
    return true;
  }
  ++inFlight_;
  sched::Scope shield;
  if (cancelled == Cancelled::kWaits) scheduler_.enter(shield);
  int32_t code;
  do {
    code = scheduler_.parkUntil(reason, sched::kNoDeadline);
  } while (code >= 0 && !job->link);
  if (cancelled == Cancelled::kWaits) scheduler_.leave(shield);

  if (!job->link) {
    job->waiter = nullptr;
    job->phase.exchange(Job::kAbandoned, std::memory_order_acq_rel);
    result = code;
    return false;
  }
  // Done, and a cancellation that came at the same time can wait for the next call.
  *job->link = job->next;
  if (job->next) job->next->link = job->link;
  result = job->result;
  return true;
}

void Disk::collect() noexcept {
  if (!mailbox_) return;
  Job* next;
  for (Job* job = mailbox_->take(); job; job = next) {
    next = job->next;
    --inFlight_;
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

void Disk::shutdown() noexcept {
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

}  // namespace stackful::disk
