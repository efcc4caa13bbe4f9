#include "self_test.h"

#include <v8.h>

#include <cstring>
#include <new>

#include "../stack/stack_memory.h"
#include "external.h"
#include "handles.h"
#include "own_call.h"
#include "v8_layout.h"

namespace stackful::engine {
namespace {

// A function that holds values in a loop, a closure, a try block and a callback of a builtin while it parks.
constexpr const char kProgram[] = R"js((function (park, id, again) {
  const kept = { id, list: [id, String(id)] };
  const sums = [3, 1, 2].map((x) => { const before = { x }; park(); return before.x + kept.id; });
  let caught = '';
  try { (function deep(n) { if (n === 0) { park(); throw new Error('e' + id); } return deep(n - 1) + n; })(10); }
  catch (error) { caught = error.message; }
  finally { park(); }
  let overflow = false;
  const nested = [park(), again(() => park())];
  try { (function forever() { return forever() + 1; })(); } catch (error) { overflow = error instanceof RangeError; }
  return sums.join() + caught + kept.list.join() + overflow + nested.join();
}))js";

constexpr int kCoroutines = 2;

struct Test {
  v8::Isolate* isolate;
  Engine* engine;
  v8::Global<v8::Context> context;
  v8::Global<v8::Function> program, park, again;
  Execution* running = nullptr;
  struct One {
    Execution execution;
    Test* test;
    int id;
    bool done;
    char result[32];
  } * all[kCoroutines] = {};
};

void parkCallback(const v8::FunctionCallbackInfo<v8::Value>& info) {
  auto* test = static_cast<Test*>(externalValue(info.Data()));
  info.GetReturnValue().Set(test->engine->nested());
  (void)test->engine->mayPark();
  test->engine->switchTo(*test->running, test->engine->main());
}

// Calls JavaScript from C++, which is to show; the program's own call of `park` is not such a one.
void againCallback(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> result;
  if (info[0].As<v8::Function>()->Call(isolate->GetCurrentContext(), info[0], 0, nullptr).ToLocal(&result))
    info.GetReturnValue().Set(result);
}

void entry(void* data) {
  auto* one = static_cast<Test::One*>(data);
  Test& test = *one->test;
  {
    v8::HandleScope scope(test.isolate);
    OwnCall own(test.isolate);
    v8::Local<v8::Context> context = test.context.Get(test.isolate);
    v8::Local<v8::Value> arguments[] = {test.park.Get(test.isolate), v8::Integer::New(test.isolate, one->id),
                                        test.again.Get(test.isolate)};
    // More handles than one block holds, all alive across the parks.
    v8::Local<v8::Value> many[1200];
    for (int i = 0; i < 1200; ++i) many[i] = v8::Number::New(test.isolate, i + 0.5);
    // In a block with room each lies behind the one before: ContextHandles goes by that.
    const bool inOrder = slotOf(many[1]) == slotOf(many[0]) + 1;
    v8::Local<v8::Value> result;
    if (test.program.Get(test.isolate)
            ->Call(context, v8::Undefined(test.isolate), 3, arguments)
            .ToLocal(&result)) {
      v8::String::Utf8Value text(test.isolate, result);
      bool whole = inOrder;
      for (int i = 0; i < 1200; ++i) whole = whole && many[i].As<v8::Number>()->Value() == i + 0.5;
      strncpy(one->result, whole && *text ? *text : "handles", sizeof one->result - 1);
    }
  }
  one->done = true;
  test.engine->finishTo(one->execution, test.engine->main());
}

size_t archivedCount(const Discovery& found) {
  size_t count = 0;
  for (const ThreadNode* node = found.inUse->next; node != found.inUse; node = node->next) ++count;
  return count;
}

bool run(Test& test, stack::StackPool& stacks, const Discovery& found, bool thorough, std::string& reason) {
  const size_t archived = archivedCount(found);
  v8::HandleScope scope(test.isolate);
  for (int i = 0; i < kCoroutines; ++i) {
    stack::Stack stack = stacks.allocate(size_t{256} << 10);
    if (!stack) return reason = "no memory for a stack", false;
    static_assert(sizeof(Test::One) <= stack::kRecordBytes);
    auto* one = new (stack.record) Test::One{{}, &test, i + 1, false, {}};
    test.all[i] = one;
    test.engine->prepare(one->execution, stack, entry, one);
  }
  // Only words that are no tagged pointers: a collection in between moves what those point to.
  constexpr size_t kFixed[] = {layout::kEntrySpWord, layout::kTryCatchWord, layout::kIsolateWord,
                               layout::kThreadIdWord};
  uint64_t top[layout::kThreadTopWords];
  memcpy(top, found.threadTop, sizeof top);
  const uint64_t next = found.handleData[0], relocatable = *found.relocatableTop;
  bool alive = true;
  for (int round = 0; alive && round < 16; ++round) {
    alive = false;
    for (int i = 0; i < kCoroutines; ++i) {
      Test::One* one = test.all[(i + round) % kCoroutines];
      if (one->done) continue;
      test.running = &one->execution;
      test.engine->noteAsyncContext();
      test.engine->switchTo(test.engine->main(), one->execution);
      alive = true;
      bool same = found.handleData[0] == next && *found.relocatableTop == relocatable;
      for (size_t word : kFixed) same = same && top[word] == found.threadTop[word];
      if (!same) return reason = "the main stack's state after a switch", false;
      if (thorough) test.isolate->LowMemoryNotification();
    }
  }
  for (Test::One* one : test.all) {
    std::string id = std::to_string(one->id);
    std::string expected = std::to_string(3 + one->id) + "," + std::to_string(1 + one->id) + "," +
                           std::to_string(2 + one->id) + "e" + id + id + "," + id + "truefalse,true";
    if (!one->done || expected != one->result)
      return reason = std::string("values after a switch: ") + one->result, false;
  }
  if (archivedCount(found) != archived) return reason = "list of archived threads after the test", false;
  return true;
}

}  // namespace

bool selfTest(v8::Isolate* isolate, const Discovery& found, Engine& engine, bool thorough,
              std::string& reason) {
  v8::HandleScope scope(isolate);
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  Test test;
  test.isolate = isolate;
  test.engine = &engine;
  v8::Local<v8::String> source = v8::String::NewFromUtf8Literal(isolate, kProgram);
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> program;
  v8::Local<v8::Function> park, again;
  v8::Local<v8::External> data = external(isolate, &test);
  if (!v8::Script::Compile(context, source).ToLocal(&script) || !script->Run(context).ToLocal(&program) ||
      !v8::Function::New(context, parkCallback, data).ToLocal(&park) ||
      !v8::Function::New(context, againCallback).ToLocal(&again)) {
    return reason = "self-test program", false;
  }
  test.context.Reset(isolate, context);
  test.program.Reset(isolate, program.As<v8::Function>());
  test.park.Reset(isolate, park);
  test.again.Reset(isolate, again);
  stack::StackPool stacks(stack::StackPool::Counts::kNo);
  bool ok = run(test, stacks, found, thorough, reason);
  for (Test::One* one : test.all) {
    if (one) engine.abandon(one->execution);
  }
  return ok;
}

}  // namespace stackful::engine
