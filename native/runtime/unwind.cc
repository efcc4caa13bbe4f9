// The end of a thread: its stacks on which C++ of others lies are unwound, before everything of the thread is torn down.
//
// Such C++ holds objects of Node's that Node counts (an inspector's session is one), and aborts when one is left; it
// has objects of its own to destroy. So execution is terminated there, and its frames are left as they are when a
// worker is terminated in them. Nothing new enters JavaScript meanwhile: Node has forbidden V8 to.
//
// Not later than that, in the last turns of the loop, which Node gives it for closing handles: then it destroys its
// objects, and whichever of them have been called on a stack (an HTTP parser, a TLS connection) would be used by it
// when they are gone.
#include <time.h>

#include <atomic>

#include "../sched/service_thread.h"
#include "runtime.h"

namespace stackful::runtime {
namespace {

// It has stopped in an interrupt or in yieldNow, and not in a call that waits.
bool isReadyAgain(const sched::Coroutine* c) {
  return c->state == sched::State::kReady && c->parkKind == sched::ParkKind::kYield;
}

// Terminates the execution of a thread again and again. V8 passes a termination on below C++ that has been called from
// JavaScript; but such C++ may call it off (CancelTerminateExecution: V8's inspector does, from Node 22 on), in each of
// its layers on a stack, and the JavaScript it returns to would run, for ever where that is a loop.
class Terminations {
 public:
  explicit Terminations(v8::Isolate* isolate) noexcept : isolate_(isolate) {
    // The thread-local variables of everything that is loaded lie on it, too.
    constexpr size_t kStack = size_t{256} << 10;
    auto run = [](void* self) -> void* {
      static_cast<Terminations*>(self)->run();
      return nullptr;
    };
    started_ =
        sched::startServiceThread(&thread_, "stackful-end", sched::Ending::kJoined, kStack, run, this) == 0;
  }
  ~Terminations() {
    over_.store(true);
    if (started_) pthread_join(thread_, nullptr);
    isolate_->CancelTerminateExecution();
  }
  Terminations(const Terminations&) = delete;
  Terminations& operator=(const Terminations&) = delete;

 private:
  void run() noexcept {
    constexpr timespec kPause{0, 50'000};
    while (!over_.load()) {
      isolate_->TerminateExecution();
      nanosleep(&kPause, nullptr);
    }
  }

  v8::Isolate* const isolate_;
  std::atomic<bool> over_{false};
  pthread_t thread_;
  bool started_ = false;
};

}  // namespace

// On the stack of a parked coroutine, below the call it is in: makes that call end with the termination of execution, which
// no JavaScript can catch.
void Runtime::terminate(void* data) noexcept {
  auto* runtime = static_cast<Runtime*>(data);
  v8::Isolate* isolate = runtime->isolate;
  v8::HandleScope scope(isolate);
  v8::Isolate::AllowJavascriptExecutionScope allowed(isolate);
  isolate->TerminateExecution();
  // V8 looks for it when a function is entered: nothing of this one runs.
  v8::Local<v8::Context> context = runtime->context.Get(isolate);
  v8::MaybeLocal<v8::Value> nothing =
      runtime->body.Get(isolate)->Call(context, v8::Undefined(isolate), 0, nullptr);
  (void)nothing;
}

// Work that one of them waits for on another thread is withdrawn, or goes on there, with memory of its own, and is undone
// if it gives something (Pool::runJob): a file that never opens holds nothing up.
void Runtime::unwind() noexcept {
  sched::Scheduler& scheduler = *scheduler_;
  if (scheduler.running()) return;
  stopped_ = true;
  slices.reset();
  sites.reset();
  std::optional<Terminations> again;
  for (uint32_t i = 0; i < scheduler.slots(); ++i) {
    sched::Coroutine* c = scheduler.at(i);
    if (!c || (c->state != sched::State::kParked && c->state != sched::State::kReady)) continue;
    if (!engine_->nested(c->execution)) continue;
    if (!isReadyAgain(c)) engine_->visit(engine_->main(), c->execution, terminate, this);
    isolate->TerminateExecution();
    // Below the first layer that calls it off this ends JavaScript at once: an interrupt that is requested stays so.
    isolate->RequestInterrupt(
        [](v8::Isolate* i, void*) {
          if (current_ && current_->stopped_) i->TerminateExecution();
        },
        nullptr);
    if (!again) again.emplace(isolate);
    engine_->noteAsyncContext();
    scheduler.runLastTurn(c);
  }
}

}  // namespace stackful::runtime
