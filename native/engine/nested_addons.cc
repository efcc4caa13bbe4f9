#include "nested_addons.h"

#include <dlfcn.h>
#include <link.h>

#include <string_view>

#include "v8_layout.h"

namespace stackful::engine {
namespace {

// By the name of its file, or, where a bundler has given it another one, by a function that no other addon exports.
struct Known {
  const char* name;
  const char* exported;
};

constexpr Known kKnown[] = {
    // Memory for arguments and a stack for the C function, of each call. From 2.0 on, for all architectures.
    {"koffi", "SwitchAndRelay"},
};

struct Module {
  std::string file;
  Range code;
};

std::vector<Module> addonFiles() {
  std::vector<Module> all;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        const std::string_view file = info->dlpi_name ? info->dlpi_name : "";
        if (!file.ends_with(".node")) return 0;
        Module module{std::string(file), {}};
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& p = info->dlpi_phdr[i];
          const uint64_t begin = info->dlpi_addr + p.p_vaddr;
          if (p.p_type == PT_LOAD && (p.p_flags & PF_X)) module.code = {begin, begin + p.p_memsz};
        }
        static_cast<std::vector<Module>*>(data)->push_back(std::move(module));
        return 0;
      },
      &all);
  return all;
}

bool exports(const Module& module, const char* function) {
  void* handle = dlopen(module.file.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (!handle) return false;
  const bool found = module.code.contains(reinterpret_cast<uint64_t>(dlsym(handle, function)));
  dlclose(handle);
  return found;
}

const Known* knownAs(const Module& module) {
  const std::string_view file = std::string_view(module.file).substr(module.file.rfind('/') + 1);
  for (const Known& known : kKnown) {
    if (file == std::string(known.name) + ".node" || exports(module, known.exported)) return &known;
  }
  return nullptr;
}

// Return addresses may be signed on arm64.
uint64_t withoutSignature(uint64_t address) {
#if defined(__aarch64__)
  register uint64_t link asm("x30") = address;
  asm("hint #7" : "+r"(link));  // xpaclri
  return link;
#else
  return address;
#endif
}

}  // namespace

bool NestedAddons::refresh(napi_env env, const Discovery& found) {
  addons_.clear();
  for (const Module& module : addonFiles()) {
    const Known* known = knownAs(module);
    if (!known) continue;
    addons_.push_back(
        {module.code, std::string("the addon ") + known->name + " (" + module.file +
                          ") has called back, and keeps memory in the order of its calls, which "
                          "another coroutine's call would overwrite"});
  }
  if (!addons_.empty() && !sees_) {
    host_ = codeSegment(reinterpret_cast<const void*>(napi_call_function));
    sees_ = seesCallers(env, found);
  }
  return !addons_.empty();
}

// The first return address outside of Node, up from the entry into JavaScript that pushed `handler`. What is found where Node
// itself has called is an address in V8's compiled code, or none.
uint64_t NestedAddons::caller(const Discovery& found, uint64_t handler) const noexcept {
  const uint64_t outer = *reinterpret_cast<const uint64_t*>(handler);
  const uint64_t end = outer ? outer : *found.stackStartThread;
  for (uint64_t frame = handler + found.entryDistance; frame % 8 == 0 && frame + 16 <= end;) {
    const auto* words = reinterpret_cast<const uint64_t*>(frame);
    const uint64_t address = withoutSignature(words[1]);
    if (!host_.contains(address)) return address;
    if (words[0] <= frame) break;
    frame = words[0];
  }
  return 0;
}

const char* NestedAddons::reason(const Discovery& found) const noexcept {
  const auto sp = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  for (uint64_t handler = found.threadTop[layout::kHandlerWord]; handler;) {
    // Called on a stack of the addon's own, or its caller cannot be seen.
    if (!sees_ || handler <= sp || handler >= *found.stackStartThread) return addons_.front().reason.c_str();
    const uint64_t outer = *reinterpret_cast<const uint64_t*>(handler);
    // The last is the entry into the coroutine's body.
    if (!outer) break;
    const uint64_t address = caller(found, handler);
    for (const Addon& addon : addons_) {
      if (addon.code.contains(address)) return addon.reason.c_str();
    }
    handler = outer;
  }
  return nullptr;
}

// Whether what is found where this addon has called JavaScript is this addon.
bool NestedAddons::seesCallers(napi_env env, const Discovery& found) const {
  struct Call {
    const NestedAddons* self;
    const Discovery* found;
    uint64_t caller = 0;
  } call{this, &found};
  auto look = [](napi_env e, napi_callback_info info) -> napi_value {
    void* data = nullptr;
    if (napi_get_cb_info(e, info, nullptr, nullptr, nullptr, &data) != napi_ok) return nullptr;
    auto* c = static_cast<Call*>(data);
    c->caller = c->self->caller(*c->found, c->found->threadTop[layout::kHandlerWord]);
    return nullptr;
  };
  // Of JavaScript: V8 calls C++ without entering JavaScript.
  napi_value source, undefined, enter, function, result;
  if (napi_create_string_utf8(env, "(f) => { f(); }", NAPI_AUTO_LENGTH, &source) != napi_ok ||
      napi_run_script(env, source, &enter) != napi_ok || napi_get_undefined(env, &undefined) != napi_ok ||
      napi_create_function(env, "look", NAPI_AUTO_LENGTH, look, &call, &function) != napi_ok ||
      napi_call_function(env, undefined, enter, 1, &function, &result) != napi_ok) {
    return false;
  }
  return codeSegment(reinterpret_cast<const void*>(withoutSignature)).contains(call.caller);
}

}  // namespace stackful::engine
