#include "runtime.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../engine/foreign_state.h"
#include "../engine/join_stack.h"
#include "../engine/self_test.h"
#include "inherited.h"

namespace stackful::runtime {

constinit thread_local Runtime* Runtime::current_ = nullptr;

namespace {

// What every environment of the process shares. Stacks may take all the memory that the process may, so that a program
// which spawns without end gets an error rather than the kernel's out-of-memory killer.
void setProcessDefaults() {
  static const bool once = [] {
    const uint64_t constrained = uv_get_constrained_memory(), total = uv_get_total_memory();
    stack::StackBudget::setLimit(constrained > 0 && constrained < total ? constrained : total);
    if (const char* guard = getenv("STACKFUL_STACK_GUARD")) stack::useGuardNamed(guard);
    return true;
  }();
  (void)once;
}

}  // namespace

Runtime::Runtime(v8::Isolate* i, v8::Local<v8::Context> c) : isolate(i), context(i, c) {}

Runtime::~Runtime() {
  delete trimTimer_;
  delete loop_;
  delete pool_;
  delete poller_;
  delete scheduler_;
  delete quietScavenge_;
  delete engine_;
}

Runtime* Runtime::create(v8::Isolate* isolate, v8::Local<v8::Context> context, std::string& reason,
                         napi_env env, const engine::Corruption* corruption) {
  // Guards, records and what is given back are laid out for it; arm64 kernels with others exist.
  const long page = sysconf(_SC_PAGESIZE);
  if (page != static_cast<long>(stack::kPage)) {
    reason = "the page size: it needs a kernel with pages of 4096 bytes, and this one's have " +
             std::to_string(page);
    return nullptr;
  }
  // V8 aborts the process when it collects wasm code while threads are archived.
  v8::V8::SetFlagsFromString("--no-wasm-code-gc");
  setProcessDefaults();
  auto* runtime = new Runtime(isolate, context);
  runtime->env = env;
  bool ok = engine::discover(isolate, runtime->found, reason, corruption);
  if (ok) {
    runtime->engine_ = new engine::Engine(runtime->found);
    ok = engine::selfTest(isolate, runtime->found, *runtime->engine_, false, reason);
  }
  if (ok) {
    const char* problem =
        runtime->engine_->foreign().nodeApi().find(env, node::GetCurrentEnvironment(context));
    if (problem) reason = problem, ok = false;
  }
  if (ok) {
    runtime->engine_->foreign().findFormatting(isolate, context, runtime->found.isolate,
                                               runtime->found.isolateWords);
    auto* joins = new engine::JoinStacks;
    runtime->engine_->useJoinStacks(joins);
    const char* problem = joins->find(isolate, context, runtime->found.isolate, runtime->found.isolateWords);
    if (problem) reason = problem, ok = false;
  }
  ok = ok && runtime->hookIntoLoop(reason);
  if (ok) {
    runtime->quietScavenge_ = new engine::QuietScavenge(isolate, runtime->engine().states(),
                                                        runtime->found.pristine, runtime->found.asyncContext);
  }
  if (!ok) {
    delete runtime;
    return nullptr;
  }
  runtime->findNestedAddons();
  current_ = runtime;
  return runtime;
}

bool Runtime::hookIntoLoop(std::string& reason) {
  scheduler_ = new sched::Scheduler(*engine_, stacks);
  poller_ = new net::Poller(*scheduler_);
  pool_ = new pool::Pool(*scheduler_);
  int error = poller_->open();
  if (error == 0) error = pool_->open(poller_->signalFd());
  if (error != 0 || !poller_->addDrain(pool::Pool::drain, pool_)) {
    reason = std::string("poller: ") + strerror(-error);
    return false;
  }
  uv_loop_t* loop = node::GetCurrentEventLoop(isolate);
  auto run = [](void* self) { static_cast<Runtime*>(self)->runBatch(); };
  auto turn = [](void* self) {
    if (!static_cast<Runtime*>(self)->mayRunJavaScript()) static_cast<Runtime*>(self)->unwind();
  };
  loop_ = new HostLoop(isolate, *engine_, *poller_, run, turn, this);
  if (!loop_->open(loop)) {
    reason = "no event loop";
    return false;
  }
  trimTimer_ = new TrimTimer(stacks, *scheduler_);
  trimTimer_->open(loop);
  cleanup_ = node::AddEnvironmentCleanupHook(isolate, teardown, this);
  // process.exit() in the middle of a batch; of the main thread's environment nothing is torn down then.
  node::AtExit(
      node::GetCurrentEnvironment(context.Get(isolate)),
      [](void*) {
        if (current_) current_->poller().endOfBatch().run();
      },
      nullptr);
  return true;
}

// False once the environment is going away: Node lets its loop turn a few more times then, and V8 refuses JavaScript
// that begins, but not what continues. Node-API functions say so before they look at their arguments (10 ns).
bool Runtime::mayRunJavaScript() const noexcept {
  if (napi_has_property(env, nullptr, nullptr, nullptr) == napi_invalid_arg) return true;
  bool pending = false;
  return napi_is_exception_pending(env, &pending) == napi_ok && pending;
}

void Runtime::noteAddon() {
  engine_->foreign().nodeApi().refresh();
  findNestedAddons();
}

void Runtime::findNestedAddons() {
  engine_->useNestedAddons(nestedAddons_.refresh(env, found) ? &nestedAddons_ : nullptr);
}

// Parked coroutines never run again: their stacks are forgotten as they stand, after V8's lists no longer show them.
void Runtime::teardown(void* data, void (*done)(void*), void* doneArgument) {
  auto* runtime = static_cast<Runtime*>(data);
  current_ = nullptr;
  runtime->stopped_ = true;
  runtime->slices.reset();
  runtime->sites.reset();
  // Those of addons that are gone by now.
  runtime->engine_->foreign().nodeApi().refresh();
  runtime->teardownDone_ = done;
  runtime->teardownArgument_ = doneArgument;
  runtime->pool_->shutdown();
  runtime->poller_->closeAll();
  for (uint32_t i = 0; i < runtime->scheduler_->slots(); ++i) {
    sched::Coroutine* c = runtime->scheduler_->at(i);
    if (c) delete inheritedBy(c);
  }
  runtime->scheduler_->shutdown();
  runtime->trimTimer_->handle()->data = runtime;
  uv_close(runtime->trimTimer_->handle(), [](uv_handle_t* h) { static_cast<Runtime*>(h->data)->closed(); });
  runtime->loop_->close([](void* self) { static_cast<Runtime*>(self)->closed(); });
}

void Runtime::closed() noexcept {
  if (--stillOpen_ > 0) return;
  auto done = teardownDone_;
  void* argument = teardownArgument_;
  delete this;
  done(argument);
}

}  // namespace stackful::runtime