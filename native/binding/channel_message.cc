#include "channel_message.h"

#include <v8-value-serializer.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <vector>

#include "text.h"
#include "values.h"

namespace stackful::binding {
namespace {

using channel::Message;

// What small and frequent values are; all others are in V8's own format.
enum class Form : uint8_t { kUndefined, kNull, kTrue, kFalse, kNumber, kOneByte, kTwoByte, kBytes };

// Its bytes lie behind it.
struct PlainMessage final : Message {
  PlainMessage(Form f, size_t n) noexcept : form(f), size(n) {}
  static void* operator new(size_t own, size_t bytes) noexcept { return malloc(own + bytes); }
  static void operator delete(void* memory) noexcept { free(memory); }
  char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }

  const Form form;
  const size_t size;
};

struct CloneMessage final : Message {
  CloneMessage() noexcept { isClone = true; }
  ~CloneMessage() override { free(data); }

  uint8_t* data = nullptr;
  size_t size = 0;
  std::vector<std::shared_ptr<v8::BackingStore>> shared;
  std::vector<std::shared_ptr<v8::BackingStore>> transferred;
  std::vector<v8::CompiledWasmModule> modules;
};

PlainMessage* plain(Form form, size_t size = 0, const void* bytes = nullptr) {
  auto* message = new (size) PlainMessage(form, size);
  if (message && bytes) memcpy(message->bytes(), bytes, size);
  return message;
}

void throwNotCloneable(v8::Isolate* isolate, v8::Local<v8::String> message) {
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Object> error = v8::Exception::TypeError(message).As<v8::Object>();
  // Runs no setter, and fails where the thread is being ended.
  error->CreateDataProperty(context, asciiString(isolate, "code"), asciiString(isolate, "ERR_NOT_CLONEABLE"))
      .FromMaybe(false);
  isolate->ThrowException(error);
}

class Writer final : public v8::ValueSerializer::Delegate {
 public:
  Writer(v8::Isolate* isolate, CloneMessage& message) : isolate_(isolate), message_(message) {}

  void ThrowDataCloneError(v8::Local<v8::String> message) override { throwNotCloneable(isolate_, message); }

  // Objects of Node's.
  v8::Maybe<bool> WriteHostObject(v8::Isolate*, v8::Local<v8::Object> object) override {
    std::string message = *v8::String::Utf8Value(isolate_, object->GetConstructorName());
    throwNotCloneable(isolate_, string(isolate_, message + " object could not be cloned."));
    return v8::Nothing<bool>();
  }

  v8::Maybe<uint32_t> GetSharedArrayBufferId(v8::Isolate*, v8::Local<v8::SharedArrayBuffer> buffer) override {
    std::shared_ptr<v8::BackingStore> store = buffer->GetBackingStore();
    for (size_t i = 0; i < message_.shared.size(); ++i) {
      if (message_.shared[i] == store) return v8::Just(static_cast<uint32_t>(i));
    }
    message_.shared.push_back(std::move(store));
    return v8::Just(static_cast<uint32_t>(message_.shared.size() - 1));
  }

  v8::Maybe<uint32_t> GetWasmModuleTransferId(v8::Isolate*, v8::Local<v8::WasmModuleObject> module) override {
    message_.modules.push_back(module->GetCompiledModule());
    return v8::Just(static_cast<uint32_t>(message_.modules.size() - 1));
  }

 private:
  v8::Isolate* const isolate_;
  CloneMessage& message_;
};

class Reader final : public v8::ValueDeserializer::Delegate {
 public:
  explicit Reader(CloneMessage& message) : message_(message) {}

  v8::MaybeLocal<v8::SharedArrayBuffer> GetSharedArrayBufferFromId(v8::Isolate* isolate,
                                                                   uint32_t id) override {
    return v8::SharedArrayBuffer::New(isolate, message_.shared[id]);
  }

  v8::MaybeLocal<v8::WasmModuleObject> GetWasmModuleFromId(v8::Isolate* isolate, uint32_t id) override {
    return v8::WasmModuleObject::FromCompiledModule(isolate, message_.modules[id]);
  }

 private:
  CloneMessage& message_;
};

// Null: it has no form of its own.
Message* encodePlain(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  if (value->IsNumber()) {
    const double number = value.As<v8::Number>()->Value();
    return plain(Form::kNumber, sizeof number, &number);
  }
  if (value->IsString()) {
    v8::Local<v8::String> text = value.As<v8::String>();
    const int length = text->Length();
    const bool narrow = text->IsOneByte();
    const size_t size = static_cast<size_t>(length) * (narrow ? 1 : 2);
    PlainMessage* message = plain(narrow ? Form::kOneByte : Form::kTwoByte, size);
    if (!message) return nullptr;
    if (narrow)
      writeOneByte(isolate, text, message->bytes(), length);
    else
      writeTwoByte(isolate, text, message->bytes(), length);
    return message;
  }
  if (value->IsUint8Array()) {
    v8::Local<v8::Uint8Array> view = value.As<v8::Uint8Array>();
    const size_t size = view->ByteLength();
    // Only its own bytes, whatever it is a view of, unless that is memory which threads share. An empty one may be detached.
    if (size == 0) return nullptr;
    const std::shared_ptr<v8::BackingStore> store = view->Buffer()->GetBackingStore();
    if (store->IsShared()) return nullptr;
    // CopyContents knows nothing of views whose length follows that of their buffer.
    return plain(Form::kBytes, size, static_cast<const char*>(store->Data()) + view->ByteOffset());
  }
  if (value->IsUndefined()) return plain(Form::kUndefined);
  if (value->IsNull()) return plain(Form::kNull);
  if (value->IsBoolean()) return plain(value->IsTrue() ? Form::kTrue : Form::kFalse);
  return nullptr;
}

Message* encodeClone(v8::Isolate* isolate, v8::Local<v8::Value> value, v8::Local<v8::Array> transfer) {
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  std::unique_ptr<CloneMessage> message(new (std::nothrow) CloneMessage);
  if (!message) return nullptr;
  Writer writer(isolate, *message);
  v8::ValueSerializer serializer(isolate, &writer);
  serializer.WriteHeader();
  for (uint32_t i = 0; !transfer.IsEmpty() && i < transfer->Length(); ++i)
    serializer.TransferArrayBuffer(i, transfer->Get(context, i).ToLocalChecked().As<v8::ArrayBuffer>());
  if (!serializer.WriteValue(context, value).FromMaybe(false)) return nullptr;
  std::tie(message->data, message->size) = serializer.Release();
  return message.release();
}

v8::MaybeLocal<v8::Value> decodeClone(v8::Isolate* isolate, CloneMessage& message) {
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  Reader reader(message);
  v8::ValueDeserializer deserializer(isolate, message.data, message.size, &reader);
  if (!deserializer.ReadHeader(context).FromMaybe(false)) return {};
  for (uint32_t i = 0; i < message.transferred.size(); ++i)
    deserializer.TransferArrayBuffer(i, v8::ArrayBuffer::New(isolate, message.transferred[i]));
  return deserializer.ReadValue(context);
}

v8::MaybeLocal<v8::Value> asValue(v8::MaybeLocal<v8::String> text) {
  v8::Local<v8::String> string;
  if (!text.ToLocal(&string)) return {};
  return string;
}

v8::MaybeLocal<v8::Value> decodePlain(v8::Isolate* isolate, PlainMessage& message) {
  switch (message.form) {
    case Form::kUndefined:
      return v8::Undefined(isolate);
    case Form::kNull:
      return v8::Null(isolate);
    case Form::kTrue:
    case Form::kFalse:
      return v8::Boolean::New(isolate, message.form == Form::kTrue);
    case Form::kNumber: {
      double number;
      memcpy(&number, message.bytes(), sizeof number);
      return v8::Number::New(isolate, number);
    }
    case Form::kOneByte:
      return asValue(v8::String::NewFromOneByte(isolate, reinterpret_cast<uint8_t*>(message.bytes()),
                                                v8::NewStringType::kNormal, static_cast<int>(message.size)));
    case Form::kTwoByte:
      return asValue(v8::String::NewFromTwoByte(isolate, reinterpret_cast<uint16_t*>(message.bytes()),
                                                v8::NewStringType::kNormal,
                                                static_cast<int>(message.size / 2)));
    case Form::kBytes: {
      std::unique_ptr<v8::BackingStore> store = v8::ArrayBuffer::NewBackingStore(isolate, message.size);
      memcpy(store->Data(), message.bytes(), message.size);
      return v8::Uint8Array::New(v8::ArrayBuffer::New(isolate, std::move(store)), 0, message.size);
    }
  }
  return {};
}

}  // namespace

Message* encodeMessage(v8::Isolate* isolate, v8::Local<v8::Value> value, v8::Local<v8::Array> transfer) {
  if (transfer.IsEmpty()) {
    if (Message* message = encodePlain(isolate, value)) return message;
  }
  v8::TryCatch caught(isolate);
  Message* message = encodeClone(isolate, value, transfer);
  if (!message && !caught.HasCaught())
    throwNotCloneable(isolate, asciiString(isolate, "there is no memory for a copy"));
  caught.ReThrow();
  return message;
}

void attachBuffers(Message* message, v8::Isolate* isolate, v8::Local<v8::Array> moved) {
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  auto* clone = static_cast<CloneMessage*>(message);
  for (uint32_t i = 0; i < moved->Length(); ++i) {
    v8::Local<v8::ArrayBuffer> buffer = moved->Get(context, i).ToLocalChecked().As<v8::ArrayBuffer>();
    clone->transferred.push_back(buffer->GetBackingStore());
    // The other thread's from now on.
    buffer->Detach(v8::Local<v8::Value>()).Check();
  }
}

v8::MaybeLocal<v8::Value> decodeMessage(v8::Isolate* isolate, Message* message) {
  const std::unique_ptr<Message> owned(message);
  return message->isClone ? decodeClone(isolate, static_cast<CloneMessage&>(*message))
                          : decodePlain(isolate, static_cast<PlainMessage&>(*message));
}

}  // namespace stackful::binding
