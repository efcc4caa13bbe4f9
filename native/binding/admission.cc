// What admission (lib/schedule/admission) wants to know of this thread.
#include "values.h"

namespace stackful::binding {
namespace {

// meterPool(edges): from now on jobs of the pool are metered for the edges in an Int32Array by slots of coroutines, which
// JavaScript changes; undefined: no longer.
void meterPool(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime) return;
  if (info[0]->IsInt32Array()) {
    v8::Local<v8::Int32Array> edges = info[0].As<v8::Int32Array>();
    runtime->meteredEdges = edges->Buffer()->GetBackingStore();
    runtime->pool().meter(static_cast<const int32_t*>(runtime->meteredEdges->Data()), edges->Length());
  } else {
    runtime->pool().meter(nullptr, 0);
    runtime->meteredEdges.reset();
  }
}

// readyLength(): how many coroutines are ready. Asked for every coroutine that is let in.
void readyLength(const Info& info) {
  Runtime* runtime = Runtime::current();
  info.GetReturnValue().Set(runtime ? runtime->scheduler().readyLength() : 0u);
}

// poolMeter(into): for each edge how many metered jobs are done, and how many milliseconds they have waited for a thread and kept
// one.
void poolMeter(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime) return;
  auto* into = reinterpret_cast<double*>(bytesAt(info, 0).data);
  for (size_t edge = 0; edge < pool::Pool::kEdges; ++edge) {
    const pool::Metered& metered = runtime->pool().metered(edge);
    *into++ = static_cast<double>(metered.jobs);
    *into++ = static_cast<double>(metered.waited) / 1e6;
    *into++ = static_cast<double>(metered.served) / 1e6;
  }
}

}  // namespace

void defineAdmission(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "meterPool", meterPool);
  define(context, exports, "readyLength", readyLength);
  define(context, exports, "poolMeter", poolMeter);
}

}  // namespace stackful::binding
