// Like packages that wait for a callback by running Node's event loop from inside JavaScript (deasync, for one).
#include <node.h>
#include <uv.h>

namespace {

// A turn of the loop, without waiting.
void turn(const v8::FunctionCallbackInfo<v8::Value>& info) {
  uv_run(node::GetCurrentEventLoop(info.GetIsolate()), UV_RUN_NOWAIT);
}

// A turn that waits for something to happen.
void await(const v8::FunctionCallbackInfo<v8::Value>& info) {
  uv_run(node::GetCurrentEventLoop(info.GetIsolate()), UV_RUN_ONCE);
}

}  // namespace

NODE_MODULE_INIT() {
  (void)module;
  NODE_SET_METHOD(exports, "turn", turn);
  NODE_SET_METHOD(exports, "await", await);
}
