// What a message between threads holds: a copy of a JavaScript value.
#pragma once

#include <v8.h>

#include "../channel/shared_channel.h"

namespace stackful::binding {

// A copy of `value` as the structured clone algorithm makes it; of the ArrayBuffers in `transfer` (an array, or empty) it has none:
// attachBuffers() must follow. Null when an exception is pending: one of the value's own (a getter's), or a TypeError with the code
// ERR_NOT_CLONEABLE. May run JavaScript.
channel::Message* encodeMessage(v8::Isolate* isolate, v8::Local<v8::Value> value,
                                v8::Local<v8::Array> transfer);

// Moves the contents of these buffers, one for each of `transfer`, into the message.
void attachBuffers(channel::Message* message, v8::Isolate* isolate, v8::Local<v8::Array> moved);

// The value; deletes the message. Empty when an exception is pending: there is no memory.
v8::MaybeLocal<v8::Value> decodeMessage(v8::Isolate* isolate, channel::Message* message);

}  // namespace stackful::binding
