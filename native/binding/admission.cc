// What admission (lib/schedule/admission) wants to know of this thread.
#include "values.h"

namespace stackful::binding {
namespace {

// meterPool(on): whether jobs of the pool are metered from now on.
void meterPool(const Info& info) {
  if (Runtime* runtime = Runtime::current()) runtime->pool().meter(boolAt(info, 0));
}

// readyLength(): how many coroutines are ready. Asked for every coroutine that is let in.
void readyLength(const Info& info) {
  Runtime* runtime = Runtime::current();
  info.GetReturnValue().Set(runtime ? runtime->scheduler().readyLength() : 0u);
}

// poolMeter(into): how many metered jobs are done, and how many milliseconds they have waited for a thread and kept one; and how
// many jobs are under way.
void poolMeter(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime) return;
  auto* into = reinterpret_cast<double*>(bytesAt(info, 0).data);
  const pool::Metered& metered = runtime->pool().metered();
  into[0] = static_cast<double>(metered.jobs);
  into[1] = static_cast<double>(metered.waited) / 1e6;
  into[2] = static_cast<double>(metered.served) / 1e6;
  into[3] = runtime->pool().inFlight();
}

}  // namespace

void defineAdmission(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "meterPool", meterPool);
  define(context, exports, "readyLength", readyLength);
  define(context, exports, "poolMeter", poolMeter);
}

}  // namespace stackful::binding
