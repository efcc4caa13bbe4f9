{
  "targets": [
    {
      "target_name": "crossings",
      "sources": ["crossings.cc"],
      "cflags_cc!": ["-std=gnu++17", "-fno-exceptions"],
      "cflags_cc": ["-std=gnu++20", "-fexceptions", "-Wno-cast-function-type"]
    }
  ]
}
