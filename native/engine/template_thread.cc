#include "template_thread.h"

#include <pthread.h>
#include <v8.h>

#include <cstring>

#include "probe.h"

namespace stackful::engine {
namespace {

// What the calling thread's state was just before V8 archived it. Room for a constant that is too large.
struct Capture {
  v8::Isolate* isolate;
  Discovery* found;
  const Layout& layout;
  v8::Global<v8::Value>* anyValue;
  uint64_t implementer[64] = {};
  uint64_t top[64] = {};
  uint64_t handleData[8] = {};
  uint64_t relocatable = 0;
  uint64_t limit = 0;
  uint64_t threadLocals = 0;  // where V8's begin
  const char* problem = nullptr;
};

const char* compareArchive(const Capture& c) {
  const Layout& layout = c.layout;
  const ThreadNode* anchor = c.found->inUse;
  const ThreadNode* node = anchor->next;
  if (node == anchor || node->next != anchor || !node->data) return "archived thread list";
  if (node->id != static_cast<int32_t>(c.top[layout.threadIdWord])) return "thread id word";
  auto* image = static_cast<const char*>(node->data);
  auto same = [&](size_t at, const void* expected, size_t bytes) {
    return memcmp(image + at, expected, bytes) == 0;
  };
  // Archiving refreshes the handle data kept inside the implementer: everything before it must be as it was.
  if (!same(0, c.implementer, layout.handleDataInImplementer)) return "archived handle scope implementer";
  if (!same(layout.handleDataInImplementer, c.handleData, layout.handleDataBytes))
    return "archived handle scope data";
  size_t at = layout.handleImplementerBytes;
  if (!same(at, c.top, layout.threadTopBytes)) return "archived thread top";
  at += layout.threadTopBytes;
  if (!same(at, &c.relocatable, 8)) return "archived relocatable chain";
  // The stack guard's part begins with the real limit.
  if (!same(at + 8, &c.limit, 8)) return "archived stack guard";
  return nullptr;
}

// Where a handle block comes from and where it goes when the last scope closes.
const char* checkBlocks(const Capture& c) {
  uint64_t* implementer = c.found->implementer;
  const uint64_t* blocks = implementer + c.layout.blocksInImplementer / 8;
  uint64_t* spare = implementer + c.layout.spareInImplementer / 8;
  if (*spare != 0) return "spare handle block";
  uint64_t block = 0;
  {
    v8::HandleScope scope(c.isolate);
    v8::Local<v8::Value> handle = v8::Local<v8::Value>::New(c.isolate, *c.anyValue);
    block = reinterpret_cast<uint64_t>(*handle);
    if (c.found->handleData[1] - block != c.layout.handleBlockBytes) return "handle block size";
    if (blocks[2] != 1 || *reinterpret_cast<uint64_t*>(blocks[0]) != block) return "handle block list";
  }
  return *spare == block ? nullptr : "spare handle block";
}

void* run(void* data) {
  auto* c = static_cast<Capture*>(data);
  v8::Locker locker(c->isolate);
  c->problem = compareArchive(*c);
  if (c->problem) return nullptr;
  const Discovery& found = *c->found;
  const Layout& layout = c->layout;
  const size_t spare = layout.spareInImplementer / 8, handles = layout.handleDataInImplementer / 8;
  uint64_t* image = c->found->pristine;
  uint64_t* top = image + layout.handleImplementerBytes / 8;
  memcpy(image, found.implementer, layout.handleImplementerBytes);
  memcpy(top, found.threadTop, layout.threadTopBytes);
  // The handle data kept inside the implementer is only refreshed when archiving; the isolate's own is the true one.
  memcpy(image + handles, found.handleData, layout.handleDataBytes);
  for (size_t i = 1; i <= spare; ++i) {
    if (image[i] != 0) c->problem = "fresh handle scope implementer";
  }
  // An optional handle address lies between; when it is absent its value is left over from before.
  for (size_t i = spare + 1; i < handles; ++i) image[i] = 0;
  if (image[0] != reinterpret_cast<uint64_t>(c->isolate) || *found.relocatableTop != 0)
    c->problem = "fresh thread state";
  if (top[layout.entrySpWord] != 0 || top[layout.tryCatchWord] != 0) c->problem = "fresh thread top";
  // These belong to the operating system thread, and all coroutines of an environment run on one.
  if (static_cast<int32_t>(top[layout.threadIdWord]) == static_cast<int32_t>(c->top[layout.threadIdWord]))
    c->problem = "fresh thread id";
  top[layout.threadIdWord] = c->top[layout.threadIdWord];
  top[layout.accessCheckWord] = c->top[layout.accessCheckWord];
  if (layout.trapFlagWord != SIZE_MAX) {
    // The same thread-local variable, in two threads.
    const auto* code = reinterpret_cast<const void*>(&v8::V8::GetVersion);
    if (top[layout.trapFlagWord] - threadLocalBlock(code).begin !=
        c->top[layout.trapFlagWord] - c->threadLocals)
      c->problem = "fresh trap flag";
    top[layout.trapFlagWord] = c->top[layout.trapFlagWord];
  }
  if (!c->problem) c->problem = checkBlocks(*c);
  return nullptr;
}

}  // namespace

const char* captureTemplate(v8::Isolate* isolate, Discovery& found, const Layout& layout) {
  static_assert(layout::kImageBytes <= Execution::kImageWords * 8);
  if (!v8::Locker::IsLocked(isolate)) return "isolate is not locked by this thread";
  v8::HandleScope scope(isolate);
  v8::Global<v8::Value> any(isolate, v8::Object::New(isolate));
  Capture c{isolate, &found, layout, &any};
  memcpy(c.implementer, found.implementer, layout.handleImplementerBytes);
  memcpy(c.top, found.threadTop, layout.threadTopBytes);
  memcpy(c.handleData, found.handleData, layout.handleDataBytes);
  c.relocatable = *found.relocatableTop;
  c.limit = *found.realLimit;
  c.threadLocals = threadLocalBlock(reinterpret_cast<const void*>(&v8::V8::GetVersion)).begin;
  {
    v8::Unlocker unlocker(isolate);
    pthread_t thread;
    if (pthread_create(&thread, nullptr, run, &c) != 0) return "no thread for the template";
    pthread_join(thread, nullptr);
  }
  if (!c.problem && found.inUse->next != found.inUse) c.problem = "archived thread list after the template";
  return c.problem;
}

}  // namespace stackful::engine
