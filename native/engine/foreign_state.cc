#include "foreign_state.h"

#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "external.h"
#include "flag_byte.h"
#include "own_call.h"

namespace stackful::engine {

struct ForeignState::Kept {
  uint64_t exceptions[2];
  Control control;
  locale_t locale;
  uint8_t formatting;
  NodeApiScopes::Kept* scopes;
};

#if defined(__x86_64__)

ForeignState::Control ForeignState::Control::current() noexcept {
  constexpr uint32_t kStatus = 0x3f;
  uint16_t x87;
  asm volatile("fnstcw %0" : "=m"(x87));
  return {{__builtin_ia32_stmxcsr() & ~kStatus, x87}};
}

void ForeignState::Control::set() const noexcept {
  const auto x87 = static_cast<uint16_t>(words[1]);
  __builtin_ia32_ldmxcsr(words[0]);
  asm volatile("fldcw %0" : : "m"(x87));
}

#else

ForeignState::Control ForeignState::Control::current() noexcept {
  uint64_t fpcr;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  return {{static_cast<uint32_t>(fpcr), 0}};
}

void ForeignState::Control::set() const noexcept {
  asm volatile("msr fpcr, %0" : : "r"(uint64_t{words[0]}));
}

#endif

ForeignState::ForeignState(uint64_t* exceptions) noexcept : exceptions_(exceptions) {
  noteMain();
}

void ForeignState::noteMain() noexcept {
  control_ = Control::current();
  locale_ = uselocale(nullptr);
}

namespace {

// Looks at the isolate inside Error.prepareStackTrace, and in a call of JavaScript that is none of it.
struct Formatting {
  const uint8_t* start;
  size_t bytes;
  std::vector<uint8_t> inside;
  uint8_t* found = nullptr;  // set to 0 during `again`
  bool nested = false;       // `again` has been called inside itself
  int depth = 0;

  std::vector<uint8_t> bytesNow() const { return {start, start + bytes}; }
};

v8::Local<v8::String> text(v8::Isolate* isolate, const char* characters) {
  return v8::String::NewFromUtf8(isolate, characters).ToLocalChecked();
}

// new Error().stack, which asks `callback` how to format it.
bool formatStack(v8::Local<v8::Context> context, v8::FunctionCallback callback, Formatting* look) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::Local<v8::String> name = text(isolate, "prepareStackTrace"), stack = text(isolate, "stack");
  v8::Local<v8::Value> type, before, seen;
  v8::Local<v8::Function> function;
  if (!context->Global()->Get(context, text(isolate, "Error")).ToLocal(&type) || !type->IsObject() ||
      !v8::Function::New(context, callback, external(isolate, look)).ToLocal(&function)) {
    return false;
  }
  auto error = type.As<v8::Object>();
  const bool had = error->HasOwnProperty(context, name).FromMaybe(false);
  if (!error->Get(context, name).ToLocal(&before) || !error->Set(context, name, function).FromMaybe(false))
    return false;
  v8::Local<v8::Value> made = v8::Exception::Error(text(isolate, "stackful"));
  const bool ok = made.As<v8::Object>()->Get(context, stack).ToLocal(&seen);
  const bool restored = had ? error->Set(context, name, before).FromMaybe(false)
                            : error->Delete(context, name).FromMaybe(false);
  return ok && restored;
}

}  // namespace

bool ForeignState::findFormatting(v8::Isolate* isolate, v8::Local<v8::Context> context, void* start,
                                  size_t words) {
  v8::HandleScope scope(isolate);
  OwnCall own(isolate);
  Formatting look{static_cast<uint8_t*>(start), words * 8, {}};
  auto note = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    auto* f = static_cast<Formatting*>(externalValue(info.Data()));
    f->inside = f->bytesNow();
  };
  // The same call of a callback, but not by V8 that formats.
  v8::Local<v8::Function> plain;
  v8::Local<v8::Value> ignored;
  if (!v8::Function::New(context, note, external(isolate, &look)).ToLocal(&plain)) return false;
  FlagByteSearch search;
  // Handles that are open meanwhile: the words of V8 that point behind the newest one differ from round to round.
  for (const int handles : {0, 1, 3, 7}) {
    v8::HandleScope inner(isolate);
    for (int i = 0; i < handles; ++i) v8::Local<v8::Function>::New(isolate, plain);
    const std::vector<uint8_t> before = look.bytesNow();
    if (!plain->Call(context, v8::Undefined(isolate), 0, nullptr).ToLocal(&ignored)) return false;
    const std::vector<uint8_t> called = std::exchange(look.inside, {});
    if (!formatStack(context, note, &look) || look.inside.empty()) return false;
    const std::vector<uint8_t> inside = std::exchange(look.inside, {});
    search.add(before, called, inside, look.bytesNow());
  }
  // Whichever it is, once it is cleared, formatting asks inside of formatting.
  auto again = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    auto* f = static_cast<Formatting*>(externalValue(info.Data()));
    if (++f->depth == 2) f->nested = true;
    if (f->depth > 1) return;
    const uint8_t kept = std::exchange(*f->found, 0);
    auto error = v8::Exception::Error(text(info.GetIsolate(), "stackful")).As<v8::Object>();
    v8::MaybeLocal<v8::Value> stack =
        error->Get(info.GetIsolate()->GetCurrentContext(), text(info.GetIsolate(), "stack"));
    (void)stack;
    *f->found = kept;
  };
  uint8_t* found = nullptr;
  for (const size_t i : search.found()) {
    look.found = static_cast<uint8_t*>(start) + i;
    look.depth = 0;
    look.nested = false;
    if (!formatStack(context, again, &look)) return false;
    if (!look.nested) continue;
    if (found) return false;
    found = look.found;
  }
  if (!found) return false;
  formatting_ = found;
  return true;
}

void ForeignState::exchange(void*& from, void*& to) noexcept {
  from = keep();
  if (!to) return;
  bring(to);
  to = nullptr;
}

// What differs from what every stack begins with, which is in force afterwards; null when nothing does.
void* ForeignState::keep() noexcept {
  const Control control = Control::current();
  locale_t locale = uselocale(nullptr);
  NodeApiScopes::Kept* scopes = nodeApi_.keep();
  if (!(exceptions_[0] | exceptions_[1] | *formatting_) && control == control_ && locale == locale_ &&
      !scopes)
    return nullptr;
  auto* kept =
      new (std::nothrow) Kept{{exceptions_[0], exceptions_[1]}, control, locale, *formatting_, scopes};
  if (!kept) abort();  // out of memory, as V8 would
  exceptions_[0] = exceptions_[1] = 0;
  *formatting_ = 0;
  if (control != control_) control_.set();
  if (locale != locale_) uselocale(locale_);
  return kept;
}

void ForeignState::bring(void* data) noexcept {
  auto* kept = static_cast<Kept*>(data);
  exceptions_[0] = kept->exceptions[0];
  exceptions_[1] = kept->exceptions[1];
  *formatting_ = kept->formatting;
  if (kept->control != control_) kept->control.set();
  if (kept->locale != locale_) uselocale(kept->locale);
  nodeApi_.bring(kept->scopes);
  discard(data);
}

void ForeignState::discard(void*& data) noexcept {
  if (!data) return;
  auto* kept = static_cast<Kept*>(data);
  free(kept->scopes);
  delete kept;
  data = nullptr;
}

}  // namespace stackful::engine
