#include "join_stack.h"

#include <functional>
#include <new>
#include <vector>

#include "external.h"
#include "handles.h"
#include "probe.h"

namespace stackful::engine {
namespace {

constexpr size_t kMostSlots = 4096;

uint64_t tagged(v8::Local<v8::Data> object) {
  return *reinterpret_cast<const uint64_t*>(*object);
}

bool isObject(uint64_t word) {
  return (word & 3) == 1 && plausibleAddress(word - 1);
}

uint64_t small(uint64_t number) {
  return number << 32;
}

// As many words as can be read of an object whose size is not known.
std::vector<uint64_t> wordsOf(uint64_t object) {
  constexpr size_t kStep = 64;
  std::vector<uint64_t> words;
  uint64_t some[kStep];
  while (words.size() < kMostSlots && readSafely(object - 1 + words.size() * 8, some, sizeof some))
    words.insert(words.end(), some, some + kStep);
  return words;
}

// [{ toString: look }].join(), and what that gives.
bool join(v8::Local<v8::Context> context, v8::Local<v8::Array> array, std::function<void()> look,
          v8::Local<v8::Value>& result) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  auto callback = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    (*static_cast<std::function<void()>*>(externalValue(info.Data())))();
    info.GetReturnValue().Set(v8::String::NewFromUtf8Literal(info.GetIsolate(), "x"));
  };
  v8::Local<v8::Object> element = v8::Object::New(isolate);
  v8::Local<v8::Function> function;
  v8::Local<v8::Value> method;
  return v8::Function::New(context, callback, external(isolate, &look)).ToLocal(&function) &&
         element->Set(context, v8::String::NewFromUtf8Literal(isolate, "toString"), function)
             .FromMaybe(false) &&
         array->Set(context, 0, element).FromMaybe(false) &&
         array->Get(context, v8::String::NewFromUtf8Literal(isolate, "join")).ToLocal(&method) &&
         method->IsFunction() && method.As<v8::Function>()->Call(context, array, 0, nullptr).ToLocal(&result);
}

bool isText(v8::Local<v8::Value> value, const char* text) {
  return value->IsString() && value.As<v8::String>()->StringEquals(
                                  v8::String::NewFromUtf8(v8::Isolate::GetCurrent(), text).ToLocalChecked());
}

}  // namespace

struct JoinStacks::Saved {
  struct One {
    v8::Global<v8::Value> realm, list;
  };
  std::vector<One> all;
};

const char* JoinStacks::find(v8::Isolate* isolate, v8::Local<v8::Context> context, uint64_t* words,
                             size_t isolateWords) {
  isolate_ = isolate;
  context_.Reset(isolate, context);
  v8::HandleScope scope(isolate);
  undefined_ = tagged(v8::Undefined(isolate));
  // A global handle is where it keeps the object.
  main_ = *reinterpret_cast<const uint64_t**>(&context_);
  if (!findSlot(context)) return "the list of arrays that are being joined";
  // A collection meanwhile may have moved what it looks for.
  bool found = false;
  for (int i = 0; i < 3 && !found; ++i) found = findRealms(context, words, isolateWords);
  if (!found) return "the list of realms";
  if (!works(context)) return "joins on two stacks";
  return nullptr;
}

bool JoinStacks::findSlot(v8::Local<v8::Context> context) {
  v8::Local<v8::Array> array = v8::Array::New(isolate_, 1);
  v8::Local<v8::Value> result;
  int found = 0;
  const bool joined = join(
      context, array,
      [&] {
        const std::vector<uint64_t> words = wordsOf(tagged(context));
        for (size_t i = kFirstElement / 8; i < words.size(); ++i) {
          uint64_t first;
          if (!isObject(words[i]) || !readSafely(words[i] - kTag + kFirstElement, &first, 8)) continue;
          if (first != tagged(array)) continue;
          slot_ = i * 8;
          ++found;
        }
      },
      result);
  if (!joined || found != 1) return false;
  const uint64_t list = *at(tagged(context), slot_);
  if (!isObject(list)) return false;
  hole_ = *at(list, kFirstElement);
  return isObject(hole_) && hole_ != undefined_ && hole_ != tagged(array);
}

bool JoinStacks::findRealms(v8::Local<v8::Context> context, uint64_t* words, size_t isolateWords) {
  const std::vector<uint64_t> before(words, words + isolateWords);
  v8::Local<v8::Context> made = v8::Context::New(isolate_);
  if (made.IsEmpty()) return false;
  int found = 0;
  for (size_t i = 0; i < isolateWords; ++i) {
    if (words[i] != tagged(made) || before[i] == words[i] || !isObject(before[i])) continue;
    // What was first is what the new one links to.
    const std::vector<uint64_t> slots = wordsOf(tagged(made));
    for (size_t slot = slot_ / 8; slot < slots.size(); ++slot) {
      if (slots[slot] != before[i]) continue;
      newest_ = words + i;
      next_ = slot * 8;
      ++found;
      break;
    }
  }
  if (found != 1) return false;
  // From there on, the main realm is met, and the end.
  bool met = false;
  uint64_t realm = *newest_;
  for (int i = 0; i < 100'000 && isObject(realm) && realm != undefined_; ++i) {
    met = met || realm == tagged(context);
    if (!readSafely(realm - kTag + next_, &realm, 8)) return false;
  }
  if (!met || realm != undefined_) return false;
  // The one made here is garbage from now on, and is not to be looked at in every switch until it has been collected, which
  // takes it off the list in the same way.
  *newest_ = *at(tagged(made), next_);
  return true;
}

// The same array is joined inside its own join, as another stack would: it is no cycle, and the outer join ends well.
bool JoinStacks::works(v8::Local<v8::Context> context) {
  v8::Local<v8::Array> array = v8::Array::New(isolate_, 1), other = v8::Array::New(isolate_, 1);
  v8::Local<v8::Value> outer, inner, again;
  bool seen = false, took = false, gave = false;
  const bool joined = join(
      context, array,
      [&] {
        seen = joining();
        void* saved = save();
        took = !joining();
        v8::Local<v8::Value> element, method;
        if (array->Get(context, 0).ToLocal(&element) &&
            element.As<v8::Object>()
                ->Delete(context, v8::String::NewFromUtf8Literal(isolate_, "toString"))
                .FromMaybe(false) &&
            array->Get(context, v8::String::NewFromUtf8Literal(isolate_, "join")).ToLocal(&method) &&
            method.As<v8::Function>()->Call(context, array, 0, nullptr).ToLocal(&inner)) {
          took = join(
                     context, other, [&] { took = took && joining(); }, again) &&
                 took;
        }
        restore(saved);
        gave = joining() && *at(*at(*main_, slot_), kFirstElement) == tagged(array);
      },
      outer);
  return joined && seen && took && gave && !joining() && !inner.IsEmpty() &&
         isText(inner, "[object Object]") && !again.IsEmpty() && isText(again, "x") && isText(outer, "x");
}

template <typename Visit>
void JoinStacks::forEachRealm(Visit visit) const noexcept {
  for (uint64_t realm = *newest_; realm != undefined_; realm = *at(realm, next_)) visit(realm);
}

bool JoinStacks::joiningAnywhere() const noexcept {
  bool any = false;
  forEachRealm([&](uint64_t realm) { any = any || joiningIn(realm); });
  return any;
}

void* JoinStacks::save() noexcept {
  v8::HandleScope scope(isolate_);
  std::vector<v8::Local<v8::Value>> pairs;
  forEachRealm([&](uint64_t realm) {
    if (!joiningIn(realm)) return;
    pairs.push_back(handleTo(isolate_, realm));
    pairs.push_back(handleTo(isolate_, *at(realm, slot_)));
    // V8 makes a new one; this needs no write barrier: undefined does not move and is never collected.
    *at(realm, slot_) = undefined_;
  });
  auto* saved = new Saved;
  for (size_t i = 0; i < pairs.size(); i += 2) {
    saved->all.emplace_back();
    saved->all.back().realm.Reset(isolate_, pairs[i]);
    saved->all.back().list.Reset(isolate_, pairs[i + 1]);
  }
  return saved;
}

void JoinStacks::restore(void* data) noexcept {
  auto* saved = static_cast<Saved*>(data);
  v8::HandleScope scope(isolate_);
  for (Saved::One& one : saved->all) store(one.realm.Get(isolate_), one.list.Get(isolate_));
  discard(saved);
}

// The collector has to be told of this write, which only V8 itself can do: through an array whose elements, for the moment,
// are the realm's. A collection in between would find nothing wrong with it.
void JoinStacks::store(v8::Local<v8::Value> realm, v8::Local<v8::Value> list) noexcept {
  v8::Local<v8::Value> element = v8::Object::New(isolate_);
  v8::Local<v8::Array> array = v8::Array::New(isolate_, &element, 1);
  v8::Local<v8::Value> elements = handleTo(isolate_, *at(tagged(array), kElements));
  const uint64_t index = (slot_ - kFirstElement) / 8;
  *at(tagged(array), kElements) = tagged(realm);
  *at(tagged(array), kLength) = small(index + 1);
  (void)array->Set(context_.Get(isolate_), static_cast<uint32_t>(index), list).FromMaybe(false);
  *at(tagged(array), kElements) = tagged(elements);
  *at(tagged(array), kLength) = small(1);
}

void JoinStacks::discard(void* saved) noexcept {
  delete static_cast<Saved*>(saved);
}

void JoinStacks::drop() noexcept {
  forEachRealm([&](uint64_t realm) {
    if (joiningIn(realm)) *at(realm, slot_) = undefined_;
  });
}

}  // namespace stackful::engine
