{
  "targets": [
    {
      "target_name": "nested_loop",
      "sources": ["nested_loop.cc"],
      "cflags_cc!": ["-std=gnu++17"],
      "cflags_cc": ["-std=gnu++20", "-Wno-cast-function-type"]
    }
  ]
}
