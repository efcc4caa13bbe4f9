{
  "targets": [
    {
      "target_name": "stackful",
      # An addon for another Node is never loaded: scripts/addon_file.mjs goes by the name.
      "product_name": "stackful.abi<(node_module_version)",
      # A new file under native/ is picked up at the next configure; nothing has to be listed here.
      "sources": [
        "<!@(node -p \"require('fs').readdirSync('native',{recursive:true}).filter(f=>/^(stack|engine|sched|channel|pool|net|tls|disk|child|http|http2|websocket|runtime|binding)[/].*[.](cc|S)$/.test(f)).sort().map(f=>'native/'+f).join(' ')\")"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=9",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        "_GNU_SOURCE",
        "STACKFUL_VERSION=\"<!(node -p \"require('./package.json').version\")\""
      ],
      "cflags": [
        "-fvisibility=hidden",
        # The engine reads V8's objects through types of its own, so type-based alias analysis would be wrong.
        "-fno-strict-aliasing",
        # A recycled stack's records keep what they held before they were constructed again.
        "-fno-lifetime-dse",
        "-fno-omit-frame-pointer",
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-Wno-cast-function-type"
      ],
      "conditions": [
        ["target_arch=='x64'", {
          "cflags": [
            # Thread-local variables are read in every native call; descriptors make that one load.
            "-mtls-dialect=gnu2",
            # A stack switch must not find live data below the stack pointer.
            "-mno-red-zone",
            # The switch leaves by an indirect jump into the middle of another stack; no endbr64 landing pads.
            "-fcf-protection=none"
          ]
        }]
      ],
      # The threads of the disk pool outlive the worker that loaded the addon. A symbol that this Node does not have is an
      # error while loading, and not the end of the process at the first call.
      "ldflags": ["-Wl,-z,nodelete", "-Wl,-z,now"],
      # Node 20 and 22 ask for C++17 in common.gypi; their headers compile as C++20 too.
      "cflags_cc!": ["-std=gnu++17"],
      "cflags_cc": ["-std=gnu++20", "-fvisibility-inlines-hidden"],
      "configurations": {
        "Release": {
          "cflags!": ["-O2"],
          "cflags": ["-O3", "-g1", "-flto=auto", "-fno-semantic-interposition"],
          "ldflags": ["-O3", "-flto=auto"]
        },
        "Debug": {
          "cflags": ["-O0", "-g3"]
        }
      }
    }
  ]
}
