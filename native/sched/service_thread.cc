#include "service_thread.h"

#include <signal.h>

namespace stackful::sched {

int startServiceThread(pthread_t* thread, const char* name, Ending ending, size_t stackBytes,
                       void* (*run)(void*), void* context) noexcept {
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stackBytes);
  if (ending == Ending::kNever) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(thread, &attributes, run, context);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error == 0) pthread_setname_np(*thread, name);
  return -error;
}

}  // namespace stackful::sched
