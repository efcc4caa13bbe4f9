// Coroutines the way V8 itself supports them: each is an operating system thread, and they hand the isolate to one
// another through v8::Locker and v8::Unlocker. This is slow and known to be right; tests compare the engine with it.
#include <node.h>
#include <pthread.h>
#include <v8.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr int kMain = -1;

struct Coroutine {
  v8::Global<v8::Function> function;
  std::thread thread;
  bool done = false;
};

std::mutex mutex;
std::condition_variable turned;
int turn = kMain;
thread_local int self = kMain;
std::vector<Coroutine*> coroutines;
// Never destroyed: the isolate is gone when static destructors run.
auto& context = *new v8::Global<v8::Context>;

// Lets `who` run and sleeps until it is our turn again. The isolate must be left and unlocked.
void handTo(int who) {
  std::unique_lock<std::mutex> lock(mutex);
  turn = who;
  turned.notify_all();
  turned.wait(lock, [] { return turn == self; });
}

void switchTo(v8::Isolate* isolate, int who) {
  isolate->Exit();
  {
    v8::Unlocker unlocker(isolate);
    handTo(who);
  }
  isolate->Enter();
}

void run(v8::Isolate* isolate, int id) {
  self = id;
  {
    std::unique_lock<std::mutex> lock(mutex);
    turned.wait(lock, [] { return turn == self; });
  }
  {
    v8::Locker locker(isolate);
    v8::Isolate::Scope entered(isolate);
    v8::HandleScope scope(isolate);
    v8::Local<v8::Context> here = context.Get(isolate);
    v8::TryCatch caught(isolate);
    v8::Local<v8::Value> result;
    (void)coroutines[id]->function.Get(isolate)->Call(here, v8::Undefined(isolate), 0, nullptr).ToLocal(&result);
    coroutines[id]->function.Reset();
    coroutines[id]->done = true;
  }
  std::unique_lock<std::mutex> lock(mutex);
  turn = kMain;
  turned.notify_all();
}

// spawn(function): id
void spawn(const v8::FunctionCallbackInfo<v8::Value>& info) {
  auto* c = new Coroutine;
  v8::Isolate* isolate = info.GetIsolate();
  c->function.Reset(isolate, info[0].As<v8::Function>());
  int id = static_cast<int>(coroutines.size());
  coroutines.push_back(c);
  c->thread = std::thread(run, isolate, id);
  info.GetReturnValue().Set(id);
}

// resume(id): whether it is still alive afterwards
void resume(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Coroutine* c = coroutines[info[0].As<v8::Int32>()->Value()];
  switchTo(info.GetIsolate(), info[0].As<v8::Int32>()->Value());
  if (c->done) c->thread.join();
  info.GetReturnValue().Set(!c->done);
}

void yield(const v8::FunctionCallbackInfo<v8::Value>& info) {
  switchTo(info.GetIsolate(), kMain);
}

}  // namespace

NODE_MODULE_INIT() {
  ::context.Reset(v8::Isolate::GetCurrent(), context);
  NODE_SET_METHOD(exports, "spawn", spawn);
  NODE_SET_METHOD(exports, "resume", resume);
  NODE_SET_METHOD(exports, "yield", yield);
}
