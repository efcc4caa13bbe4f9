#include "watch.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "../engine/own_call.h"
#include "interrupts.h"
#include "stack_trace.h"
#include "values.h"

namespace stackful::binding {
namespace {

using sched::kNoDeadline;
using sched::Ticker;

// A hold is noticed this fraction of the limit late at most, for as many wakeups of the ticker.
constexpr int64_t kTicksPerLimit = 4;
constexpr int64_t kShortestTick = 1'000'000;
constexpr int64_t kLongestTick = 250'000'000;
// Enough to return from the interrupt that asks for it: V8 would serve the next one in the same place.
constexpr int64_t kFirstRetry = 100'000;
constexpr int kMostDoublings = 6;

thread_local Watch* watch = nullptr;

std::atomic<uint32_t> signals{0};
pthread_mutex_t signalLock = PTHREAD_MUTEX_INITIALIZER;
int signalNumber = 0;
struct sigaction handledBefore;

void onSignal(int number, siginfo_t* info, void* context) {
  const int error = errno;
  signals.fetch_add(1, std::memory_order_relaxed);
  Ticker::shared().poke();
  if (handledBefore.sa_flags & SA_SIGINFO) {
    handledBefore.sa_sigaction(number, info, context);
  } else if (handledBefore.sa_handler != SIG_DFL && handledBefore.sa_handler != SIG_IGN) {
    handledBefore.sa_handler(number);
  }
  errno = error;
}

}  // namespace

Watch::Watch(v8::Isolate* isolate, v8::Local<v8::Context> context, sched::Scheduler& scheduler,
             v8::Local<v8::Function> report)
    : isolate_(isolate),
      context_(isolate, context),
      report_(isolate, report),
      resource_(isolate, v8::Object::New(isolate)),
      scheduler_(scheduler),
      loop_(node::GetCurrentEventLoop(isolate)),
      signalsSeen_(signals.load(std::memory_order_relaxed)) {
  uv_async_init(loop_, &async_, [](uv_async_t* h) { static_cast<Watch*>(h->data)->answerInLoop(); });
  async_.data = this;
  uv_unref(reinterpret_cast<uv_handle_t*>(&async_));
  cleanup_ = node::AddEnvironmentCleanupHook(
      isolate,
      [](void* self, void (*done)(void*), void* argument) {
        static_cast<Watch*>(self)->teardown(done, argument);
      },
      this);
  Entry::tick = [](Entry* self, int64_t now) { return static_cast<Watch*>(self)->tick(now); };
  Ticker::shared().add(*this);
}

void Watch::teardown(void (*done)(void*), void* doneArgument) noexcept {
  watch = nullptr;
  Ticker::shared().remove(*this);
  stopAsking();
  report_.Reset();
  context_.Reset();
  resource_.Reset();
  struct Closing {
    Watch* watch;
    void (*done)(void*);
    void* argument;
  };
  async_.data = new Closing{this, done, doneArgument};
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), [](uv_handle_t* h) {
    auto* closing = static_cast<Closing*>(h->data);
    // An interrupt that V8 has not delivered still points here. It rarely will be any more: then this stays allocated.
    closing->watch->over_ = true;
    closing->watch->cleanup_.reset();
    if (closing->watch->queued_ == 0) delete closing->watch;
    closing->done(closing->argument);
    delete closing;
  });
}

int Watch::watchHolds(int64_t limitNs) noexcept {
  const int error = limitNs > 0 ? Ticker::shared().start() : 0;
  if (error != 0) return error;
  limit_ = limitNs;
  Ticker::shared().poke();
  return 0;
}

int Watch::dumpOn(int number) noexcept {
  pthread_mutex_lock(&signalLock);
  int error = 0;
  if (number != signalNumber && signalNumber != 0) {
    struct sigaction now;
    // A handler installed after ours may call ours: then ours stays, and does nothing.
    if (sigaction(signalNumber, nullptr, &now) == 0 && now.sa_sigaction == onSignal) {
      sigaction(signalNumber, &handledBefore, nullptr);
    }
    signalNumber = 0;
  }
  if (number != signalNumber) {
    error = Ticker::shared().start();
    struct sigaction action {};
    sigfillset(&action.sa_mask);
    action.sa_flags = SA_RESTART | SA_SIGINFO | SA_ONSTACK;
    action.sa_sigaction = onSignal;
    if (error == 0) {
      sigaction(number, nullptr, &handledBefore);
      if (sigaction(number, &action, nullptr) == 0) {
        signalNumber = number;
      } else {
        error = -errno;
      }
    }
  }
  pthread_mutex_unlock(&signalLock);
  return error;
}

sched::Deadline Watch::tick(int64_t now) noexcept {
  const uint32_t seen = signals.load(std::memory_order_relaxed);
  if (seen != signalsSeen_) {
    signalsSeen_ = seen;
    request(kDump);
  }
  sched::Deadline again = again_.load(std::memory_order_relaxed);
  if (again == 0) {
    again = kNoDeadline;
  } else if (again <= now) {
    again = kNoDeadline;
    again_.store(0, std::memory_order_relaxed);
    request(kUntold);
  }
  const int64_t limit = limit_.load(std::memory_order_relaxed);
  if (limit <= 0) return again;
  const int64_t period = std::clamp(limit / kTicksPerLimit, kShortestTick, kLongestTick);
  uv_metrics_t metrics{};
  uv_metrics_info(loop_, &metrics);
  const uint64_t progress = scheduler_.progress() + metrics.loop_count + metrics.events;
  // Grows all the time while the loop sleeps.
  const uint64_t idle = uv_metrics_idle_time(loop_);
  if (progress != progress_ || idle != idle_) {
    progress_ = progress;
    idle_ = idle;
    held_ = 0;
    reported_ = false;
  } else {
    // A ticker that comes late was stopped itself, with the whole process: no coroutine has held the thread.
    held_ += std::min(now - lastTick_, 2 * period);
    if (!reported_ && held_ >= limit) {
      reported_ = true;
      request(kHold);
    }
  }
  lastTick_ = now;
  return std::min(now + period, again);
}

void Watch::request(uint32_t kinds) noexcept {
  asked_ |= kinds;
  ++queued_;
  isolate_->RequestInterrupt([](v8::Isolate*, void* self) { static_cast<Watch*>(self)->answerInterrupt(); },
                             this);
  uv_async_send(&async_);
}

void Watch::answerInterrupt() noexcept {
  --queued_;
  if (report_.IsEmpty()) {
    if (over_ && queued_ == 0) delete this;
    return;
  }
  const uint32_t kinds = asked_.exchange(0);
  const bool nothingNew = (kinds & ~kUntold) == 0;
  if (nothingNew && !untold_) return;
  using Place = engine::InterruptSites::Place;
  runtime::Runtime* runtime = runtime::Runtime::current();
  const bool known = runtime && runtime->sites;
  const Place place = known ? interruptedAt(*runtime) : Place::kElsewhere;
  const bool open = place == Place::kEntry || place == Place::kOpen;
  switch (nothingNew && !open ? Outcome::kUntold : report(kinds, true, open)) {
    case Outcome::kTold:
      return;
    case Outcome::kFailed:
      // Too deep in the stack, perhaps: the loop is asked as well.
      asked_ |= kinds;
      return;
    case Outcome::kUntold:
      // The loop may be the first that can tell it; the request has woken it.
      asked_ |= kUntold;
      if (known) askAgain(place == Place::kOptimisedLoop);
  }
}

void Watch::askAgain(bool inOptimisedLoop) noexcept {
  if (inOptimisedLoop) {
    if (!keepsFromOptimising_) keepFromOptimising();
    keepsFromOptimising_ = true;
    runtime::Runtime::current()->sites->deoptimise();
  }
  again_.store(sched::monotonicNow() + (kFirstRetry << std::min(retries_++, kMostDoublings)),
               std::memory_order_relaxed);
  Ticker::shared().poke();
}

void Watch::stopAsking() noexcept {
  retries_ = 0;
  again_.store(0, std::memory_order_relaxed);
  if (keepsFromOptimising_) letOptimise();
  keepsFromOptimising_ = false;
}

void Watch::answerInLoop() noexcept {
  const uint32_t kinds = asked_.exchange(0);
  if (kinds == 0) return;
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Context> context = context_.Get(isolate_);
  v8::Context::Scope entered(context);
  node::CallbackScope callbacks(isolate_, resource_.Get(isolate_), {0, 0});
  report(kinds, false, true);
}

Watch::Outcome Watch::report(uint32_t kinds, bool running, bool open) noexcept {
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Context> context = context_.Get(isolate_);
  v8::Context::Scope entered(context);
  engine::OwnCall own(isolate_);
  const bool shown = running && (kinds & (kDump | kHold)) != 0;
  const std::string stack = shown ? currentStack(isolate_) : std::string();
  if (kinds & kHold) ++holds_;
  v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate_, kinds),
                                      v8::Number::New(isolate_, static_cast<double>(held_.load()) / 1e6),
                                      string(isolate_, stack), v8::Boolean::New(isolate_, open)};
  v8::Local<v8::Value> untold;
  if (!report_.Get(isolate_)->Call(context, v8::Undefined(isolate_), 4, arguments).ToLocal(&untold))
    return own.ended() ? Outcome::kTold : Outcome::kFailed;
  untold_ = untold->IsTrue();
  if (untold_) return Outcome::kUntold;
  stopAsking();
  return Outcome::kTold;
}

namespace {

// Waits for room if stderr is a full pipe, a second at most; what does not fit then is lost.
void writeToStderr(const char* text, size_t length) noexcept {
  const int64_t end = sched::monotonicNow() + 1'000'000'000;
  while (length > 0) {
    const ssize_t n = write(STDERR_FILENO, text, length);
    if (n > 0) {
      text += n;
      length -= static_cast<size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    const int64_t left = end - sched::monotonicNow();
    if (n == 0 || errno != EAGAIN || left <= 0) return;
    pollfd wait{STDERR_FILENO, POLLOUT, 0};
    poll(&wait, 1, static_cast<int>(left / 1'000'000 + 1));
  }
}

// startWatch(report): see Watch.
void startWatch(const Info& info) {
  Runtime* runtime = Runtime::current();
  watch = new Watch(runtime->isolate, runtime->context.Get(runtime->isolate), runtime->scheduler(),
                    info[0].As<v8::Function>());
}

// watchHolds(ms): 0 or a code.
void watchHolds(const Info& info) {
  returnInt(info, watch ? watch->watchHolds(static_cast<int64_t>(numberAt(info, 0) * 1e6)) : -ECANCELED);
}

// dumpOn(signal): 0 or a code.
void dumpOn(const Info& info) {
  returnInt(info, Watch::dumpOn(intAt(info, 0)));
}

// writeToStderr(text): at once, unlike what goes through Node's streams.
void writeText(const Info& info) {
  v8::String::Utf8Value text(info.GetIsolate(), info[0]);
  writeToStderr(*text, static_cast<size_t>(text.length()));
}

}  // namespace

uint64_t watchHoldsSoFar() noexcept {
  return watch ? watch->holds() : 0;
}

void defineWatch(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "startWatch", startWatch);
  define(context, exports, "watchHolds", watchHolds);
  define(context, exports, "dumpOn", dumpOn);
  define(context, exports, "writeToStderr", writeText);
}

}  // namespace stackful::binding
