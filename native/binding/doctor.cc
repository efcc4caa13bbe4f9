#include "doctor.h"

#include <cstdio>
#include <vector>

#include "../engine/discovery.h"
#include "../engine/self_test.h"
#include "../engine/walk_ahead.h"
#include "../runtime/runtime.h"
#include "../stack/stack_memory.h"
#include "watch.h"

namespace stackful::binding {

using runtime::Runtime;

namespace {

std::string offset(const engine::Discovery& found, const uint64_t* word) {
  char text[64];
  snprintf(text, sizeof text, "isolate + %#zx", static_cast<size_t>(word - found.isolate) * 8);
  return text;
}

std::string address(const void* at) {
  char text[32];
  snprintf(text, sizeof text, "%p", at);
  return text;
}

class Findings {
 public:
  explicit Findings(Napi::Env env) : env_(env), list_(Napi::Array::New(env)) {}
  void add(const char* name, const std::string& value) {
    Napi::Array pair = Napi::Array::New(env_, 2);
    pair[0u] = Napi::String::New(env_, name);
    pair[1u] = Napi::String::New(env_, value);
    list_[list_.Length()] = pair;
  }
  Napi::Array list() { return list_; }

 private:
  Napi::Env env_;
  Napi::Array list_;
};

}  // namespace

Napi::Value doctor(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Runtime* runtime = Runtime::current();
  Napi::Object result = Napi::Object::New(env);
  Findings findings(env);
  std::string reason = "the runtime has not started";
  bool ok = runtime != nullptr;
  if (runtime) {
    const engine::Discovery& f = runtime->found;
    findings.add("stack limit", offset(f, f.realLimit));
    findings.add("thread-local top", offset(f, f.threadTop));
    findings.add("handle scope data", offset(f, f.handleData));
    findings.add("handle scope implementer", offset(f, f.implementerSlot));
    findings.add("relocatable chain", offset(f, f.relocatableTop));
    findings.add("async context", f.asyncContext ? offset(f, f.asyncContext) : "none in this V8");
    if (f.shutdownList) findings.add("shutdown list", offset(f, f.shutdownList));
    if (!runtime->resourcesFollow) findings.add("async resources", "do not follow the coroutine");
    findings.add("thread manager", address(f.manager));
    findings.add("stack start (thread)", address(f.stackStartThread));
    findings.add("stack start (heap)", address(f.stackStartHeap));
    const char* refusal = runtime->quietScavenge().refusal();
    findings.add("scavenges",
                 refusal ? std::string("walk every stack: ") + refusal : "skip unchanged stacks");
    findings.add("stack guards", stack::guardName());
    if (runtime->scheduler().running()) {
      ok = false;
      reason = "the self-test runs on the main stack only";
    } else {
      const uint64_t before = engine::walk_ahead::visits();
      ok = engine::selfTest(runtime->isolate, f, runtime->engine(), true, reason);
      const bool called = engine::walk_ahead::visits() > before;
      findings.add("full collections",
                   called ? "ask for parked stacks ahead" : "walk parked stacks as they come");
    }
  }
  result["ok"] = Napi::Boolean::New(env, ok);
  if (!ok) result["reason"] = Napi::String::New(env, reason);
  result["findings"] = findings.list();
  return result;
}

Napi::Value layout(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() == 0) {
    Findings all(env);
    for (const auto& [name, number] : engine::constants()) all.add(name, std::to_string(number));
    return all.list();
  }
  std::vector<engine::Corruption> changes(info.Length() / 2);
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i] = {info[2 * i].ToString().Utf8Value(), info[2 * i + 1].ToNumber().Int64Value()};
    if (i > 0) changes[i - 1].next = &changes[i];
  }
  engine::Discovery found;
  std::string reason;
  const bool ok = engine::discover(v8::Isolate::GetCurrent(), found, reason, changes.data());
  Napi::Array result = Napi::Array::New(env, 2);
  result[0u] = Napi::Boolean::New(env, found.located);
  if (!ok) result[1u] = Napi::String::New(env, reason);
  return result;
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  Runtime* runtime = Runtime::current();
  if (!runtime) return result;
  const sched::Scheduler& s = runtime->scheduler();
  const sched::Counters& c = s.counters();
  const stack::StackStats stacks = runtime->stacks.stats();
  auto set = [&](const char* name, double value) { result[name] = Napi::Number::New(env, value); };
  set("live", s.live());
  set("peak", c.peak);
  set("ready", s.readyLength());
  set("spawned", static_cast<double>(c.spawned));
  set("finished", static_cast<double>(c.finished));
  set("switches", static_cast<double>(c.switches));
  set("parks", static_cast<double>(c.parks));
  set("polls", static_cast<double>(c.polls));
  set("preemptions", static_cast<double>(c.preemptions));
  set("externalWaits", s.externalWaits());
  set("openSockets", runtime->poller().openSockets());
  set("diskJobs", runtime->pool().inFlight());
  set("timers", static_cast<double>(runtime->scheduler().armedTimers()));
  set("loopLag", static_cast<double>(runtime->scheduler().timers().lateness()) / 1e6);
  set("loopLagMax", static_cast<double>(runtime->scheduler().timers().worstLateness()) / 1e6);
  set("holds", static_cast<double>(watchHoldsSoFar()));
  set("stacksLive", static_cast<double>(stacks.live));
  set("stacksPooled", static_cast<double>(stacks.pooled));
  set("stacksQuiet", static_cast<double>(runtime->quietScavenge().cleanCount()));
  set("stackBytesReserved", static_cast<double>(stacks.reservedBytes));
  set("stackBytesResident", static_cast<double>(stacks.residentBytes));
  set("stackBytesGivenBack", static_cast<double>(stacks.trimmedBytes));
  set("stackMemoryUsed", static_cast<double>(stack::StackBudget::used()));
  set("stackMemoryBudget", static_cast<double>(stack::StackBudget::limit()));
  return result;
}

}  // namespace stackful::binding
