#include "template_thread.h"

#include <pthread.h>
#include <v8.h>

#include <cstring>

#include "v8_layout.h"

namespace stackful::engine {
namespace {

constexpr size_t kImplementerWords = layout::kHandleImplementerBytes / 8;

struct Capture {
  v8::Isolate* isolate;
  Discovery* found;
  v8::Global<v8::Value>* anyValue;
  uint64_t mainImplementer[kImplementerWords];
  uint64_t mainTop[layout::kThreadTopWords];
  uint64_t mainRelocatable;
  const char* problem = nullptr;
};

const char* compareArchive(const Capture& c) {
  const ThreadNode* anchor = c.found->inUse;
  const ThreadNode* node = anchor->next;
  if (node == anchor || node->next != anchor || !node->data) return "archived thread list";
  uint64_t image[layout::kRelocatableInImage / 8 + 1];
  memcpy(image, node->data, sizeof image);
  // Archiving refreshes the handle data kept inside the implementer: everything before it must be as it was.
  if (memcmp(image, c.mainImplementer, layout::kHandleDataInImplementer) != 0)
    return "archived handle scope implementer";
  if (memcmp(image + layout::kTopInImage / 8, c.mainTop, layout::kThreadTopBytes) != 0)
    return "archived thread top";
  if (image[layout::kRelocatableInImage / 8] != c.mainRelocatable) return "archived relocatable chain";
  return nullptr;
}

// Where a handle block comes from and where it goes when the last scope closes.
const char* checkBlocks(const Capture& c) {
  uint64_t* implementer = c.found->implementer;
  uint64_t* spare = implementer + layout::kSpareInImplementer / 8;
  if (*spare != 0) return "spare handle block";
  uint64_t block = 0;
  {
    v8::HandleScope scope(c.isolate);
    v8::Local<v8::Value> handle = v8::Local<v8::Value>::New(c.isolate, *c.anyValue);
    block = reinterpret_cast<uint64_t>(*handle);
    if (c.found->handleData[1] - block != layout::kHandleBlockBytes) return "handle block size";
    if (implementer[3] != 1 || *reinterpret_cast<uint64_t*>(implementer[1]) != block)
      return "handle block list";
  }
  return *spare == block ? nullptr : "spare handle block";
}

void* run(void* data) {
  auto* c = static_cast<Capture*>(data);
  v8::Locker locker(c->isolate);
  c->problem = compareArchive(*c);
  if (c->problem) return nullptr;
  const Discovery& found = *c->found;
  uint64_t* image = c->found->pristine;
  memcpy(image, found.implementer, layout::kHandleImplementerBytes);
  memcpy(image + layout::kTopInImage / 8, found.threadTop, layout::kThreadTopBytes);
  // The handle data kept inside the implementer is only refreshed when archiving; the isolate's own is the true one.
  memcpy(image + layout::kHandleDataInImplementer / 8, found.handleData, layout::kHandleDataBytes);
  for (size_t i = 1; i <= layout::kSpareInImplementer / 8; ++i) {
    if (image[i] != 0) c->problem = "fresh handle scope implementer";
  }
  // An optional handle address lies between; when it is absent its value is left over from before.
  for (size_t i = layout::kSpareInImplementer / 8 + 1; i < layout::kHandleDataInImplementer / 8; ++i)
    image[i] = 0;
  if (image[0] != reinterpret_cast<uint64_t>(c->isolate) || *found.relocatableTop != 0)
    c->problem = "fresh thread state";
  // These belong to the operating system thread, and all coroutines of an environment run on one.
  uint64_t* top = image + layout::kTopInImage / 8;
  if (top[layout::kEntrySpWord] != 0 || top[layout::kTryCatchWord] != 0) c->problem = "fresh thread top";
  top[layout::kThreadIdWord] = c->mainTop[layout::kThreadIdWord];
  top[layout::kAccessCheckWord] = c->mainTop[layout::kAccessCheckWord];
  if (layout::kTrapFlagWord != SIZE_MAX) top[layout::kTrapFlagWord] = c->mainTop[layout::kTrapFlagWord];
  if (!c->problem) c->problem = checkBlocks(*c);
  return nullptr;
}

}  // namespace

const char* captureTemplate(v8::Isolate* isolate, Discovery& found) {
  static_assert(layout::kImageBytes <= Execution::kImageWords * 8);
  if (!v8::Locker::IsLocked(isolate)) return "isolate is not locked by this thread";
  v8::HandleScope scope(isolate);
  v8::Global<v8::Value> any(isolate, v8::Object::New(isolate));
  Capture c{isolate, &found, &any, {}, {}, *found.relocatableTop};
  memcpy(c.mainImplementer, found.implementer, layout::kHandleImplementerBytes);
  memcpy(c.mainTop, found.threadTop, layout::kThreadTopBytes);
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
