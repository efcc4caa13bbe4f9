{
  "targets": [
    {
      "target_name": "oracle",
      "sources": ["oracle.cc"],
      "cflags_cc!": ["-std=gnu++17"],
      "cflags_cc": ["-std=gnu++20", "-Wno-cast-function-type"]
    }
  ]
}
