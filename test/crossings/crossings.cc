// C++ frames of others between a coroutine and its park: every function calls its first argument, a function, in the middle of
// something that Node, C++ or the thread counts or lists, and returns the count or list.
#include <locale.h>
#include <node_api.h>
#include <v8.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

// The arguments of a call, and the call of the first with the second.
struct Call {
  napi_env env;
  napi_value arguments[2];
  Call(napi_env e, napi_callback_info info) : env(e) {
    size_t count = 2;
    napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  }
  // Null: an exception is pending.
  napi_value operator()() const {
    napi_value undefined, result = nullptr;
    napi_get_undefined(env, &undefined);
    napi_call_function(env, undefined, arguments[0], 1, arguments + 1, &result);
    return result;
  }
  int number() const {
    int value = 0;
    napi_get_value_int32(env, arguments[1], &value);
    return value;
  }
  napi_value text(const std::string& text) const {
    napi_value value;
    napi_create_string_utf8(env, text.data(), text.size(), &value);
    return value;
  }
};

napi_value plain(napi_env env, napi_callback_info info) {
  return Call(env, info)();
}

// Goes on as if nothing had happened, even if execution is terminated.
napi_value swallowing(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call()) {
    napi_value exception;
    napi_get_and_clear_last_exception(env, &exception);
    v8::Isolate::GetCurrent()->CancelTerminateExecution();
  }
  return nullptr;
}

// A handle scope that is open around the call, and one inside it.
napi_value scoped(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_handle_scope outer, inner;
  napi_open_handle_scope(env, &outer);
  napi_value number;
  for (int i = 0; i < 1200; ++i) napi_create_double(env, i + .5, &number);
  napi_open_handle_scope(env, &inner);
  double result = -1;
  if (napi_value value = call()) napi_get_value_double(env, value, &result);
  napi_close_handle_scope(env, inner);
  double last = 0;
  napi_get_value_double(env, number, &last);
  napi_close_handle_scope(env, outer);
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) return nullptr;
  napi_create_double(env, last == 1199.5 ? result : -2, &number);
  return number;
}

napi_value escapable(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_escapable_handle_scope scope;
  napi_open_escapable_handle_scope(env, &scope);
  napi_value result = call(), escaped = nullptr;
  if (result) napi_escape_handle(env, scope, result, &escaped);
  napi_close_escapable_handle_scope(env, scope);
  return escaped;
}

// A callback scope, as for an event of the addon's own.
napi_value callbackScope(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value resource;
  napi_create_object(env, &resource);
  napi_async_context context;
  napi_async_init(env, resource, call.text("CROSSING"), &context);
  napi_callback_scope scope;
  napi_open_callback_scope(env, resource, context, &scope);
  napi_value result = call();
  napi_close_callback_scope(env, scope);
  napi_async_destroy(env, context);
  return result;
}

napi_value makeCallback(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value resource, result = nullptr;
  napi_create_object(env, &resource);
  napi_async_context context;
  napi_async_init(env, resource, call.text("CROSSING"), &context);
  napi_make_callback(env, context, resource, call.arguments[0], 1, call.arguments + 1, &result);
  napi_async_destroy(env, context);
  return result;
}

// The exception as its handler sees it after the call.
napi_value inCatch(napi_env env, napi_callback_info info) {
  Call call(env, info);
  const std::string tag = "exception number " + std::to_string(call.number());
  try {
    throw std::runtime_error(tag);
  } catch (const std::exception& caught) {
    call();
    std::string current = "none";
    try {
      throw;
    } catch (const std::exception& again) {
      current = again.what();
    }
    return call.text(caught.what() == tag && current == tag ? "same" : current);
  }
}

// A destructor while an exception unwinds: how many are in flight before and after the call.
napi_value inUnwinding(napi_env env, napi_callback_info info) {
  Call call(env, info);
  struct Unwound {
    const Call& call;
    std::string& seen;
    ~Unwound() {
      seen = std::to_string(std::uncaught_exceptions());
      call();
      seen += std::to_string(std::uncaught_exceptions());
    }
  };
  std::string seen;
  try {
    Unwound unwound{call, seen};
    throw 5;
  } catch (int) {
  }
  return call.text(seen + std::to_string(std::uncaught_exceptions()));
}

// Arithmetic that rounds upwards around the call.
napi_value rounding(napi_env env, napi_callback_info info) {
  Call call(env, info);
  const int before = fegetround();
  fesetround(call.number() % 2 ? FE_UPWARD : FE_DOWNWARD);
  const int during = fegetround();
  call();
  const int after = fegetround();
  fesetround(before);
  return call.text(after == during ? "same" : "changed");
}

napi_value roundingNow(napi_env env, napi_callback_info info) {
  return Call(env, info).text(fegetround() == FE_TONEAREST ? "nearest" : "another");
}

// A locale of this thread around the call.
napi_value localised(napi_env env, napi_callback_info info) {
  Call call(env, info);
  locale_t own = newlocale(LC_ALL_MASK, "C", nullptr);
  locale_t before = uselocale(own);
  call();
  const bool same = uselocale(before) == own;
  freelocale(own);
  return call.text(same ? "same" : "changed");
}

napi_value localeNow(napi_env env, napi_callback_info info) {
  return Call(env, info).text(uselocale(nullptr) == LC_GLOBAL_LOCALE ? "global" : "another");
}

// Registers so many cleanup hooks of the environment. Node keeps them by their argument's address; the last one's
// falls into the first bucket of a table with 13 or 29 of them.
napi_value atEnd(napi_env env, napi_callback_info info) {
  constexpr uintptr_t kBuckets = 13 * 29;
  static char arguments[3 * kBuckets];
  const int count = Call(env, info).number();
  char* last = arguments + kBuckets - reinterpret_cast<uintptr_t>(arguments) % kBuckets;
  for (int i = 1; i <= count; ++i) {
    napi_add_env_cleanup_hook(
        env, [](void*) {}, i < count ? last + i : last);
  }
  return nullptr;
}

// A thread that asks V8 for interrupts, as many microseconds apart, until the environment ends.
class Interrupter {
 public:
  Interrupter(v8::Isolate* isolate, int microseconds)
      : thread_([=, this] {
          while (!done_) {
            isolate->RequestInterrupt([](v8::Isolate*, void*) {}, nullptr);
            const auto next = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
            while (!done_ && std::chrono::steady_clock::now() < next) {
            }
          }
        }) {}
  ~Interrupter() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

napi_value interruptedFromAside(napi_env env, napi_callback_info info) {
  napi_add_env_cleanup_hook(
      env, [](void* interrupter) { delete static_cast<Interrupter*>(interrupter); },
      new Interrupter(v8::Isolate::GetCurrent(), Call(env, info).number()));
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback function;
  } all[] = {{"plain", plain},
             {"swallowing", swallowing},
             {"scoped", scoped},
             {"escapable", escapable},
             {"callbackScope", callbackScope},
             {"makeCallback", makeCallback},
             {"inCatch", inCatch},
             {"inUnwinding", inUnwinding},
             {"rounding", rounding},
             {"roundingNow", roundingNow},
             {"localised", localised},
             {"localeNow", localeNow},
             {"atEnd", atEnd},
             {"interruptedFromAside", interruptedFromAside}};
  for (const auto& one : all) {
    napi_value function;
    napi_create_function(env, one.name, NAPI_AUTO_LENGTH, one.function, nullptr, &function);
    napi_set_named_property(env, exports, one.name, function);
  }
  return exports;
}
