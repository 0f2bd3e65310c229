# Every dependency of Halfwave and why it is there. All of them are Debian packages (./dev installs them).

# What the library links: who links a static halfwave has to find these too, so they are noted for halfwaveConfig.cmake.
macro(halfwave_links)
  set(arguments ${ARGV})
  find_package(${arguments} REQUIRED)
  list(JOIN arguments " " arguments)
  string(APPEND HALFWAVE_FIND_DEPENDENCIES "find_dependency(${arguments})\n  ")
endmacro()
halfwave_links(hwy CONFIG)              # SIMD with run-time dispatch: one source for every instruction set
halfwave_links(Threads)                 # the one pool of threads
halfwave_links(Protobuf)                # what ONNX files and TensorBoard's are written in; protoc makes the latter's code
halfwave_links(ONNX CONFIG)             # the model format
halfwave_links(fmt CONFIG)              # formatting
halfwave_links(ZLIB)                    # IDX.gz, CSV.gz, NPZ
halfwave_links(CURL)                    # downloads of the named data sets
halfwave_links(SQLite3)                 # the store of compare: whole after any kill, several writers, readable by others

# What is used only in the making of Halfwave.
find_package(CLI11 REQUIRED CONFIG)          # command line
find_package(nlohmann_json REQUIRED CONFIG)  # JSON out, model metadata
